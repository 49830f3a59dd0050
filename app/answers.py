"""What a search answers, and the document of it that the list of results draws (app.components.results)."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import streamlit as st

from app.asked import Asked, conditions
from app.state import best_mode, reading, searcher, warmup
from graph.brief import PaperBrief
from graph.coverage import UNKNOWN
from graph.errors import AtlasError, ModelError, QueryError, UnknownName
from graph.filters import Filters, allowed_ids
from graph.lookup import find_paper, nearest_names
from graph.mapview import MapData
from graph.palette import look_of
from graph.search import SORTS, Facet, Hit, Mode, Results, Span

if TYPE_CHECKING:
    from graph.analysis.similarity import Similar

PER_PAGE = 10
MOST = 200
"""Papers that are marked on the map, and listed without another search."""
_ALIKE = 30
_LONGEST_NAME = 80
_SENTENCE_CHARACTERS = 300
_MOST_VALUES = 40
_OFTEN_CITED = 0.05  # of the score

_SORT_WORDS = {
    "relevance": "Best first", "citations": "Most cited first", "year": "Newest first",
    "bridge": "Bridges first",
}  # fmt: skip
_FACET_WORDS = {"pillar": "Any branch", "taxonomy": "Any topic", "year": "Any year", "venue": "Any venue"}
_CHIP_WORDS = {
    "name": "the paper", "family": "the", "taxonomy": "topic", "condition": "preferably", "spelling": "spelt",
}  # fmt: skip
_FIELD_WORDS = {
    "cites": "inside what cites", "citedby": "inside what is cited by", "author": "written by",
    "venue": "published at", "year": "year", "in": "topic", "pillar": "branch", "has": "has",
}  # fmt: skip
_PART_WORDS = {
    "lexical": "words", "dense": "meaning", "cited": "citations", "name": "its name", "family": "its family",
    "node": "its topic", "condition": "what is asked for",
}  # fmt: skip


@dataclass(frozen=True)
class Answer:
    """What was found: by a query, or like other papers; or why nothing could be looked for.

    `keys` are those of the best papers, for the map. `warning` says what keeps the ranking from being better.
    """

    results: Results | None = None
    alike: "tuple[Similar, ...]" = ()
    error: AtlasError | None = None
    warning: str = ""
    is_waiting: bool = False

    @property
    def keys(self) -> list[str]:
        """The papers found, best first."""
        hits = self.results.hits if self.results else ()
        return [hit.key for hit in hits] or [each.key for each in self.alike]

    @property
    def total(self) -> int:
        """How many papers were found in all."""
        return self.results.total if self.results else len(self.alike)

    @property
    def is_guess(self) -> bool:
        """Whether no paper has a word of the query or is named by it: meaning alone found these."""
        return self.results is not None and bool(self.results.words) and not any(
            part in hit.why.parts
            for hit in self.results.hits for part in ("lexical", "name", "family")
            if hit.why.parts.get(part)
        )  # fmt: skip


def find(snapshot: str, asked: Asked) -> Answer:
    """The best answer right now: by words alone until the embedding model is loaded."""
    try:
        if asked.like:
            return Answer(alike=_alike(snapshot, asked.like, asked.filters))
        mode = best_mode()
        try:
            results = _results(snapshot, asked, mode)
        except ModelError as error:
            return Answer(_results(snapshot, asked, "lexical"), warning=str(error))
    except (QueryError, UnknownName, ModelError) as error:
        return Answer(error=error)
    warning = warmup().error or ""
    return Answer(results, warning=warning, is_waiting=mode == "lexical" and not warning)


def page_of(snapshot: str, asked: Asked, answer: Answer, number: int) -> list[Hit]:
    """The hits of a page, from 1."""
    results = answer.results
    if results is None:
        return []
    start = (number - 1) * PER_PAGE
    if start + PER_PAGE <= len(results.hits) or len(results.hits) == results.total:
        return results.hits[start : start + PER_PAGE]
    return _results(snapshot, asked, results.mode, start).hits


@st.cache_resource(max_entries=64, show_spinner=False, hash_funcs={Asked: repr})
def _results(snapshot: str, asked: Asked, mode: Mode, offset: int | None = None) -> Results:  # noqa: ARG001
    """The best papers with facets, or a page of those after them."""
    return searcher().search(
        asked.query, mode=mode, limit=MOST if offset is None else PER_PAGE, offset=offset or 0,
        sort=asked.sort, filters=asked.filters, dropped=asked.dropped, with_facets=offset is None,
    )  # fmt: skip


@st.cache_resource(max_entries=64, show_spinner=False, hash_funcs={Filters: repr})
def _alike(snapshot: str, keys: tuple[str, ...], filters: Filters) -> "tuple[Similar, ...]":  # noqa: ARG001
    with reading() as session:
        known = [find_paper(session, key).key for key in keys]
        allowed = allowed_ids(session, filters)
    found = searcher().more_like(known, _ALIKE if allowed is None else MOST)
    return tuple(each for each in found if allowed is None or each.paper.id in allowed)[:_ALIKE]


# The document


def document(snapshot: str, asked: Asked, answer: Answer, number: int, data: MapData) -> dict[str, Any]:
    """What to draw of an answer; `number` is the page, `data` tells what papers and topics are called."""
    told: dict[str, Any] = {
        "said": _said(answer, asked),
        "warning": answer.warning,
        "chips": _chips(answer, asked, data),
        "facets": [],
        "sort": [],
        "filtered": bool(asked.filters),
        "hits": [],
        "empty": None,
    }
    if answer.results is not None:
        told["facets"] = [
            shown
            for facet in answer.results.facets
            if (shown := _facet(facet, asked.filters, data)) is not None
        ]
        orders = SORTS if answer.total > 1 else ()
        told["sort"] = [[sort, _SORT_WORDS[sort], sort == asked.sort] for sort in orders]
        told["hits"] = [_hit(hit) for hit in page_of(snapshot, asked, answer, number)]
    else:
        told["hits"] = [_similar(each) for each in answer.alike[(number - 1) * PER_PAGE :][:PER_PAGE]]
    if not answer.total or answer.is_guess:
        told["empty"] = _instead(snapshot, asked, answer, data)
    return told


def _said(answer: Answer, asked: Asked) -> str:
    if answer.error is not None:
        return ""
    papers = f"{answer.total:,} paper{'' if answer.total == 1 else 's'}"
    if asked.like:
        return f"{papers} most like {'it' if len(asked.like) == 1 else 'these'}, by text and citations"
    count = f"{papers} found"
    if answer.is_waiting:
        return f"{count}, by words; ranking by meaning is being loaded …"
    if answer.is_guess:
        return f"{count}, by meaning"
    both = answer.results is not None and answer.results.mode == "hybrid"
    return f"{count}, by words and by meaning" if both else f"{count}, by words"


def _chips(answer: Answer, asked: Asked, data: MapData) -> list[dict[str, str]]:
    """What was understood and what limits the search, each to be removed."""
    if asked.like:
        return [
            {"do": "unlike", "value": key, "kind": "like", "label": called(data, key), "read": ""}
            for key in asked.like
        ]
    chips = [
        {
            "do": "uncondition", "value": each.text, "kind": _FIELD_WORDS[each.field],
            "label": called(data, each.value), "read": "",
        }
        for each in conditions(asked.query)
    ]  # fmt: skip
    for chip in answer.results.chips if answer.results else ():
        read = "" if chip.text.casefold() == chip.label.casefold() else chip.text
        chips.append(
            {
                "do": "drop",
                "value": chip.id,
                "kind": _CHIP_WORDS[chip.kind],
                "label": chip.label,
                "read": read,
            }
        )
    return chips


def _facet(facet: Facet, filters: Filters, data: MapData) -> dict[str, Any] | None:
    """A list to choose from; of very many values the most frequent."""
    if facet.name == "checkpoint":
        count = sum(each.count for each in facet.values)
        chosen = filters.has_checkpoint
        return {"name": facet.name, "count": count, "chosen": chosen} if count or chosen else None
    if facet.name not in _FACET_WORDS:
        return None
    branches = {node.id for node in data.nodes if node.parent < 0 or node.id in data.pillars}
    values = [each for each in facet.values if facet.name != "taxonomy" or each.value not in branches]
    frequent = sorted(values, key=lambda each: -each.count)[:_MOST_VALUES]
    shown = [each for each in values if each in frequent or each.chosen]
    if facet.name == "year":
        shown.reverse()
    options = [[each.value, f"{each.label} ({each.count:,})", each.chosen] for each in shown]
    first, last = filters.years
    if facet.name == "year" and first != last:
        for option in options:
            option[2] = False
        options.insert(0, ["", f"{first or 'up'} to {last or 'today'}", True])
    has_choice = len(options) > 1 or any(option[2] for option in options)
    return {"name": facet.name, "any": _FACET_WORDS[facet.name], "values": options} if has_choice else None


def _hit(hit: Hit) -> dict[str, Any]:
    sentence = hit.why.sentence
    return _paper(hit.paper) | {
        "title": marked(hit.title, hit.why.title),
        "text": marked(*_cut(sentence.text, sentence.spans)) if sentence else [],
        "why": _reasons(hit),
        "parts": [
            [name, _PART_WORDS.get(name, name), round(value, 3)]
            for name, value in hit.why.parts.items() if value > 0
        ],
    }  # fmt: skip


def _similar(each: "Similar") -> dict[str, Any]:
    reason = each.reason[:1].upper() + each.reason[1:]
    text = marked(*_cut(each.paper.summary or "", ()))
    return _paper(each.paper) | {"title": marked(each.title, ()), "text": text, "why": [reason], "parts": []}


def _paper(paper: PaperBrief) -> dict[str, Any]:
    look = look_of(paper.pillar)
    facts = [str(paper.year or f"year {UNKNOWN}"), *filter(None, [paper.venue])]
    counts = [f"cited by {paper.cited_by} here"]
    if paper.checkpoints:
        counts.append(f"{paper.checkpoints} checkpoint{'' if paper.checkpoints == 1 else 's'}")
    return {
        "key": paper.key, "name": paper.short_name, "facts": facts, "counts": counts,
        "topic": [look.sign, look.color, paper.label] if paper.label else None,
    }  # fmt: skip


def _reasons(hit: Hit) -> list[str]:
    """Why it was found, in words; what weighs most first."""
    why, parts = hit.why, hit.why.parts
    reasons = []
    if why.exact:
        reasons.append(f"its {why.exact}")
    if parts.get("family"):
        reasons.append("its family")
    if why.lexical:
        reasons.append(f"words: {', '.join(why.lexical)}")
    if why.dense is not None:
        reasons.append(f"meaning: {why.dense:.2f}")
    if parts.get("cited", 0.0) > _OFTEN_CITED * hit.score:
        reasons.append("citations")
    if parts.get("condition"):
        reasons.append(
            "meets what is asked for" if parts["condition"] >= 0.5 else "may meet what is asked for"
        )
    return reasons or ["the conditions alone"]


def marked(text: str, spans: Sequence[Span]) -> list[list[Any]]:
    """A text in pieces, each with whether it is marked: characters count otherwise in a browser."""
    pieces: list[list[Any]] = []
    at = 0
    for start, end in spans:
        pieces += [[text[at:start], False], [text[start:end], True]]
        at = end
    return [piece for piece in [*pieces, [text[at:], False]] if piece[0]]


def _cut(text: str, spans: Sequence[Span]) -> tuple[str, list[Span]]:
    """A text of about so many characters at most, with what of the marks is left."""
    if len(text) <= _SENTENCE_CHARACTERS:
        return text, list(spans)
    end = text.rfind(" ", 0, _SENTENCE_CHARACTERS)
    end = end if end > 0 else _SENTENCE_CHARACTERS
    return text[:end] + " …", [span for span in spans if span[1] <= end]


# Nothing found


def _instead(snapshot: str, asked: Asked, answer: Answer, data: MapData) -> dict[str, Any]:
    """What to do where nothing was found: queries with a name that is near, and filters to leave out."""
    error = answer.error
    if error is not None:
        told, near = str(error), []
        if isinstance(error, UnknownName):
            told = f"there is no {error.kind} {error.value!r} here."
            near = [[_with(asked.query, error.value, each), called(data, each)] for each in error.nearest]
        venue = asked.filters.venue
        less = [["venue", f"Without {venue}"]] if venue else []
        return {"words": told[:1].upper() + told[1:], "near": near, "less": less}
    words = "No paper has these words. Try others."
    if answer.is_guess and answer.total:
        words = "No paper has these words; these are the nearest in meaning."
    elif asked.filters or conditions(asked.query):
        words = "No paper fits all of this."
    return {
        "words": words,
        "near": [[key, called(data, key)] for key in _near(snapshot, asked)],
        "less": [] if answer.total else _less(snapshot, asked, answer, data),
    }


def called(data: MapData, name: str) -> str:
    """What a paper or a topic is called, by its key or id; the name itself for what is neither."""
    if name in data.number_of:
        return data.names[data.number_of[name]]
    return next((node.label for node in data.nodes if node.id == name), name)


def _with(query: str, value: str, other: str) -> str:
    """The query with another value in the condition that has this one."""
    wrong = next((each for each in conditions(query) if each.value == value), None)
    right = f'"{other}"' if " " in other else other
    return other if wrong is None else query.replace(wrong.text, f"{wrong.field}:{right}", 1)


@st.cache_data(max_entries=64, show_spinner=False, hash_funcs={Asked: repr})
def _near(snapshot: str, asked: Asked) -> list[str]:  # noqa: ARG001
    if asked.like or len(asked.query) > _LONGEST_NAME:
        return []
    with reading() as session:
        return nearest_names(session, asked.query)


def _less(snapshot: str, asked: Asked, answer: Answer, data: MapData) -> list[list[str]]:
    """Filters that hide what would be found: which to leave out, and how many papers there are then."""
    mode: Mode = answer.results.mode if answer.results else "lexical"
    filters = asked.filters
    wider = (
        ("topic", called(data, filters.pillar or filters.taxonomy or ""),
         replace(filters, pillar=None, taxonomy=None)),
        ("years", "the years", replace(filters, years=(None, None))),
        ("runnable", "“with a checkpoint”", replace(filters, has_checkpoint=False)),
        ("venue", filters.venue or "", replace(filters, venue=None)),
        ("all", "any filter", Filters()),
    )  # fmt: skip
    found: list[list[str]] = []
    tried = [filters]
    for name, words, left in wider:
        if left in tried:
            continue
        tried.append(left)
        if asked.like:
            count = len(_alike(snapshot, asked.like, left))
        else:
            count = _results(snapshot, replace(asked, filters=left), mode, 0).total
        if count:
            found.append([name, f"Without {words}: {count:,} paper{'' if count == 1 else 's'}"])
    return found
