"""What a search answers with."""

from dataclasses import dataclass, field
from typing import Literal, get_args

from graph.brief import PaperBrief
from graph.search.understanding import Chip

Mode = Literal["hybrid", "lexical", "dense"]
MODES: tuple[Mode, ...] = get_args(Mode)
Sort = Literal["relevance", "citations", "year", "bridge"]
SORTS: tuple[Sort, ...] = get_args(Sort)

Span = tuple[int, int]
"""Characters of a text from the first up to, not including, the second."""


@dataclass(frozen=True)
class Sentence:
    """The sentence of a summary or abstract that is nearest to the query; `spans` are words of it."""

    field: Literal["summary", "abstract"]
    text: str
    spans: tuple[Span, ...] = ()


@dataclass(frozen=True)
class Why:
    """Why a paper was found.

    Attributes:
        lexical: the words of the query that it has, in any form.
        dense: cosine similarity of its text and the query, None where it was not computed.
        exact: how the query names it: `key`, `arXiv id`, `DOI`, `checkpoint` or `name`.
        parts: what makes up its score, by `lexical`, `dense`, `cited`, `name`, `family`, `node`, `condition`;
            they add up to it.
        title: where words of the query stand in its title.
        sentence: the nearest sentence; None for a paper without summary and abstract.
    """

    lexical: list[str] = field(default_factory=list)
    dense: float | None = None
    exact: str | None = None
    parts: dict[str, float] = field(default_factory=dict)
    title: tuple[Span, ...] = ()
    sentence: Sentence | None = None


@dataclass(frozen=True)
class Hit:
    """A search result; `pillar` and `taxonomy` are of the paper's primary node, `paper` tells more of it."""

    rank: int
    key: str
    title: str
    year: int | None
    score: float
    why: Why
    pillar: str | None
    taxonomy: str | None
    checkpoints: int
    paper: PaperBrief


@dataclass(frozen=True)
class FacetValue:
    """One value: what a filter takes, how it is called, and how many results choosing it would leave."""

    value: str
    label: str
    count: int
    chosen: bool = False


@dataclass(frozen=True)
class Facet:
    """Values by which the results can be narrowed, most papers first, years in order.

    `name` is `pillar`, `taxonomy`, `year`, `venue`, `checkpoint` or `relation`. Each is counted over what the
    other filters leave.
    """

    name: str
    values: tuple[FacetValue, ...]


@dataclass(frozen=True)
class Results:
    """One page of hits, and how many papers were found in all.

    `words` are those that were searched for: corrected, without conditions. `chips` say what was read from
    the query. `facets` is empty unless they were asked for.
    """

    query: str
    mode: Mode
    total: int
    snapshot: str | None
    hits: list[Hit]
    sort: Sort = "relevance"
    offset: int = 0
    words: str = ""
    chips: tuple[Chip, ...] = ()
    facets: tuple[Facet, ...] = ()
