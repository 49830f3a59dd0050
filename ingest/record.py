"""What every source returns: records of works, with the ids by which sources name the same work.

Everything here comes from outside and is not trusted: texts are cleaned of control characters, sizes are
bounded, and a value of the wrong kind is dropped rather than believed.
"""

import re
import unicodedata
from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from datetime import datetime
from functools import lru_cache
from typing import Any

from graph.names import arxiv_id_of, doi_of
from ingest.errors import UnreadableId

SCHEMES = ("arxiv", "doi", "s2", "corpus", "openalex")
"""Identifier schemes, the most telling first."""

_LONGEST = {"title": 2_000, "abstract": 60_000, "venue": 500, "name": 300, "context": 2_000}
_MOST_AUTHORS = 5_000
_HAZARDS = ("Cc", "Cf", "Co", "Cs", "Cn")
_S2 = re.compile(r"^(?:s2:|semanticscholar:)?([0-9a-f]{40})$", re.IGNORECASE)
_CORPUS = re.compile(r"^corpus(?:id)?:\s*([0-9]{1,12})$", re.IGNORECASE)
_OPENALEX = re.compile(
    r"^(?:openalex:|(?:https?://)?(?:api\.)?openalex\.org/(?:works/)?)?(W[0-9]{1,12})$", re.I
)


@dataclass(frozen=True, order=True)
class WorkId:
    """One id of a work: scheme (see SCHEMES) and the value as that scheme writes it, normalised."""

    scheme: str
    value: str

    @classmethod
    def parse(cls, text: str) -> "WorkId":
        """Read an id as people write it: arXiv id or link, DOI, Semantic Scholar hash, CorpusId, OpenAlex W.

        arXiv's own DOIs (10.48550/arXiv....) are read as arXiv ids. Raises UnreadableId.
        """
        text = text.strip()
        if len(text) > _LONGEST["name"] or any(unicodedata.category(char) in _HAZARDS for char in text):
            raise UnreadableId(text)
        # Digits of other scripts are digits to a pattern, and no id.
        if (value := arxiv_id_of(text)) and value.isascii():
            return cls("arxiv", value)
        if value := doi_of(text):
            return cls("doi", value)
        for scheme, pattern in (("s2", _S2), ("corpus", _CORPUS), ("openalex", _OPENALEX)):
            if found := pattern.match(text):
                value = found.group(1)
                return cls(scheme, value.upper() if scheme == "openalex" else value.lower())
        raise UnreadableId(text)

    def __str__(self) -> str:
        return {"arxiv": "arXiv", "corpus": "CorpusId"}.get(self.scheme, self.scheme) + ":" + self.value


@dataclass(frozen=True)
class Reference:
    """One entry of a work's reference list, in the words of one source.

    `ids` may be empty for an entry that the source could not identify; `title` is then all there is.
    """

    ids: tuple[WorkId, ...] = ()
    title: str | None = None
    contexts: tuple[str, ...] = ()
    intents: tuple[str, ...] = ()
    is_influential: bool | None = None


@dataclass(frozen=True)
class Record:
    """One work as one source describes it. None is a fact that the source does not give.

    `year` and `month` are those of the earliest text, `published_year` that of the text in `venue`.
    `references` is None where the reference list was not asked for; `reference_count` is the length that the
    source states, which may exceed what it lists.
    """

    origin: str
    external_id: str
    title: str
    retrieved_at: datetime
    ids: tuple[WorkId, ...] = ()
    authors: tuple[str, ...] = ()
    year: int | None = None
    month: int | None = None
    venue: str | None = None
    published_year: int | None = None
    abstract: str | None = None
    code_url: str | None = None
    citation_count: int | None = None
    reference_count: int | None = None
    references: tuple[Reference, ...] | None = field(default=None, repr=False)

    def id_of(self, scheme: str) -> str | None:
        """The record's id in a scheme."""
        return next((each.value for each in self.ids if each.scheme == scheme), None)

    def to_json(self) -> dict[str, Any]:
        """Everything but the date of retrieval, as JSON values; absent facts are left out."""
        values: dict[str, Any] = {}
        for each in fields(self):
            value = getattr(self, each.name)
            if each.name == "retrieved_at" or value is None or (value == () and each.name != "references"):
                continue
            values[each.name] = value
        if self.ids:
            values["ids"] = [[each.scheme, each.value] for each in self.ids]
        if self.references is not None:
            values["references"] = [_reference_json(each) for each in self.references]
        if self.authors:
            values["authors"] = list(self.authors)
        return values

    @classmethod
    def from_json(cls, values: Mapping[str, Any], retrieved_at: datetime) -> "Record":
        """The record that `to_json` wrote."""
        known = dict(values)
        known["ids"] = tuple(WorkId(*each) for each in known.get("ids", ()))
        known["authors"] = tuple(known.get("authors", ()))
        if "references" in known:
            known["references"] = tuple(_reference(each) for each in known["references"])
        return cls(retrieved_at=retrieved_at, **known)


def _reference_json(reference: Reference) -> dict[str, Any]:
    values: dict[str, Any] = {}
    if reference.ids:
        values["ids"] = [[each.scheme, each.value] for each in reference.ids]
    if reference.title:
        values["title"] = reference.title
    if reference.contexts:
        values["contexts"] = list(reference.contexts)
    if reference.intents:
        values["intents"] = list(reference.intents)
    if reference.is_influential is not None:
        values["is_influential"] = reference.is_influential
    return values


@lru_cache(maxsize=100_000)
def _known_id(scheme: str, value: str) -> WorkId:
    # The lists of a field name the same works over and over.
    return WorkId(scheme, value)


def _reference(values: Mapping[str, Any]) -> Reference:
    return Reference(
        ids=tuple(_known_id(*each) for each in values.get("ids", ())),
        title=values.get("title"),
        contexts=tuple(values.get("contexts", ())),
        intents=tuple(values.get("intents", ())),
        is_influential=values.get("is_influential"),
    )


def text_of(value: object, kind: str = "title") -> str | None:
    """A text on one line without control, direction and unassigned characters; None if that leaves nothing.

    A text longer than any honest one of its kind (title, abstract, venue, name, context) is None, too.
    """
    if not isinstance(value, str) or len(value) > 4 * _LONGEST[kind]:
        return None
    kept = "".join(
        " " if char.isspace() else char
        for char in value
        if char.isspace() or unicodedata.category(char) not in _HAZARDS
    )
    text = " ".join(kept.split())
    return text if 0 < len(text) <= _LONGEST[kind] else None


def names_of(values: object) -> tuple[str, ...]:
    """Names of authors in their order; what is no name is left out."""
    if not isinstance(values, list | tuple) or len(values) > _MOST_AUTHORS:
        return ()
    return tuple(name.replace(";", ",") for value in values if (name := text_of(value, "name")))


def count_of(value: object) -> int | None:
    """A count, if it is a whole number that is not negative."""
    return value if isinstance(value, int) and not isinstance(value, bool) and 0 <= value < 10**9 else None


def year_of(value: object) -> int | None:
    """A year, if it can be one of a publication."""
    if isinstance(value, str) and len(value) <= 10 and value.strip().isdecimal():
        value = int(value)
    return value if isinstance(value, int) and not isinstance(value, bool) and 1500 <= value <= 2100 else None


def month_of(value: object) -> int | None:
    """A month from 1 to 12."""
    if isinstance(value, str) and len(value) <= 10 and value.strip().isdecimal():
        value = int(value)
    return value if isinstance(value, int) and not isinstance(value, bool) and 1 <= value <= 12 else None


def ids_of(**values: object) -> tuple[WorkId, ...]:
    """The readable ids among values by scheme, each once, in the order of SCHEMES.

    >>> ids_of(doi="10.48550/arXiv.2304.02643", s2=None)
    (WorkId(scheme='arxiv', value='2304.02643'),)
    """
    found: set[WorkId] = set()
    for scheme, value in values.items():
        if value is None or isinstance(value, bool) or not isinstance(value, str | int):
            continue
        text = f"CorpusId:{value}" if scheme == "corpus" else str(value)
        try:
            parsed = WorkId.parse(text)
        except UnreadableId:
            continue
        if parsed.scheme == scheme or (scheme, parsed.scheme) == ("doi", "arxiv"):
            found.add(parsed)
    return tuple(sorted(found, key=lambda each: (SCHEMES.index(each.scheme), each.value)))
