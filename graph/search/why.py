"""Where the words of a query stand in a paper, and which of its sentences says most about them.

FTS5 itself marks the words, so what is highlighted is exactly what was matched, stemming included.
"""

import json
import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Literal

from sqlalchemy import text
from sqlalchemy.orm import Session

from graph.search.results import Sentence, Span
from graph.textindex import TABLE, any_of

# Texts do not hold these; one that does has spans that are off, never ones outside it.
_MARK = re.compile("\x02|\x03")
_MARKED = text(
    f"""
    SELECT rowid, highlight({TABLE}, 0, char(2), char(3)), highlight({TABLE}, 2, char(2), char(3)),
           highlight({TABLE}, 3, char(2), char(3))
    FROM {TABLE} WHERE {TABLE} MATCH :query AND rowid IN (SELECT value FROM json_each(:ids))
    """  # noqa: S608  (the table name is a constant)
)
_PLAIN = text(
    f"SELECT rowid, title, summary, abstract FROM {TABLE} "  # noqa: S608
    "WHERE rowid IN (SELECT value FROM json_each(:ids))"
)
# A sentence ends before a space and a capital, a digit or a bracket, but not after `e.g.` or an initial.
_END = re.compile(
    r"(?<=[.!?])(?<!\be\.g\.)(?<!\bi\.e\.)(?<!\bvs\.)(?<!\bal\.)(?<!\bcf\.)(?<!\b[A-Z]\.)\s+(?=[\"'(\[A-Z0-9])"
)
_LONGEST_QUERY = 64
# Forms of a word differ in their ends: `segmenting` and `segmentation` are one word that is shared.
_STEM = 5


@dataclass(frozen=True)
class Shown:
    """Where the query's words stand in what is shown of a paper."""

    title: tuple[Span, ...] = ()
    sentence: Sentence | None = None


@dataclass
class _Text:
    """A text without marks, and the spans that were marked."""

    plain: str
    spans: list[Span] = field(default_factory=list)


def explain(session: Session, terms: Sequence[str], paper_ids: Sequence[int]) -> dict[int, Shown]:
    """What to show of each paper: spans into its title, and its nearest sentence with spans into that."""
    found: dict[int, tuple[_Text, ...]] = {}
    if terms:
        # Of a very long query the first words mark what there is to mark.
        asked = {"query": any_of(terms[:_LONGEST_QUERY]), "ids": _listed(paper_ids)}
        for paper_id, *marked in session.execute(_MARKED, asked):
            found[paper_id] = tuple(_unmarked(part or "") for part in marked)
    others = [paper_id for paper_id in paper_ids if paper_id not in found]
    if others:
        for paper_id, *parts in session.execute(_PLAIN, {"ids": _listed(others)}):
            found[paper_id] = tuple(_Text(part or "") for part in parts)
    return {
        paper_id: Shown(tuple(title.spans), _nearest(summary, abstract))
        for paper_id, (title, summary, abstract) in found.items()
    }


def _listed(paper_ids: Sequence[int]) -> str:
    return json.dumps([int(paper_id) for paper_id in paper_ids])


def sentences(content: str) -> list[Span]:
    """The sentences of a text, as spans into it without the spaces around them."""
    found, start = [], 0
    for end, following in [
        *((each.start(), each.end()) for each in _END.finditer(content)),
        (len(content),) * 2,
    ]:
        inside = content[start:end]
        if inside.strip():
            lead = len(inside) - len(inside.lstrip())
            found.append((start + lead, start + len(inside.rstrip())))
        start = following
    return found


def _unmarked(marked: str) -> _Text:
    """A text and its marked parts."""
    plain, spans, length = [], list[Span](), 0
    for number, part in enumerate(_MARK.split(marked)):
        if number % 2:
            spans.append((length, length + len(part)))
        plain.append(part)
        length += len(part)
    return _Text("".join(plain), spans)


def _nearest(summary: _Text, abstract: _Text) -> Sentence | None:
    """The sentence with most different words of the query; of equal ones the earlier, summary first."""
    best: tuple[int, Sentence] | None = None
    parts: tuple[tuple[Literal["summary", "abstract"], _Text], ...] = (
        ("summary", summary), ("abstract", abstract)
    )  # fmt: skip
    for name, content in parts:
        for start, end in sentences(content.plain):
            inside = [(a - start, b - start) for a, b in content.spans if start <= a and b <= end]
            words = {content.plain[start + a : start + b].lower()[:_STEM] for a, b in inside}
            if best is None or len(words) > best[0]:
                best = len(words), Sentence(name, content.plain[start:end], tuple(inside))
    return best[1] if best else None
