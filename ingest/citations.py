"""Citations between papers of the library, from the reference lists that records carry.

A record's list is kept whole, so that a paper that comes later is linked without asking anybody again.
"""

import hashlib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from graph.names import fold
from graph.schema import Citation, Identifier, SourceRecord
from ingest.record import Record, Reference
from ingest.stored import StoredRecord
from ingest.writing import replace_rows

UNIDENTIFIED = "record"
"""How a citation was matched whose entry has no known id: by the record that was made of this very entry."""


def link_citations(session: Session, records: Sequence[StoredRecord]) -> int:
    """Write the citations that these records' reference lists state, and return how many there are.

    A work that names itself in its list cites nothing by that. Entries of one source that mean the same
    paper are one citation. All citations from these sources are replaced.
    """
    papers = {
        (scheme, value): paper_id
        for scheme, value, paper_id in session.execute(
            select(Identifier.scheme, Identifier.value, Identifier.paper_id)
        )
    }
    entries: dict[tuple[int, str], dict[str, int | None]] = {}
    for each in records:
        citing, mark, _entry = each.record.external_id.rpartition("#")
        if mark and not each.record.ids:
            entries.setdefault((each.source_id, citing), {})[each.record.external_id] = each.paper_id
    found: dict[tuple[int, int, int], dict[str, Any]] = {}
    for each in records:
        made = entries.get((each.source_id, each.record.external_id), {})
        for reference in each.record.references or ():
            match = next(_matches(papers, made, each.record, reference), None)
            if match is None or each.paper_id is None or match[0] == each.paper_id:
                continue
            cited, kind = match
            key = (each.paper_id, cited, each.source_id)
            values = _values(reference, kind) | {"retrieved_at": each.record.retrieved_at}
            found[key] = _joined(found[key], values) if key in found else values
    rows = [
        {"citing_id": citing, "cited_id": cited, "source_id": source, **values}
        for (citing, cited, source), values in sorted(found.items())
    ]
    sources = select(SourceRecord.source_id).distinct()
    replace_rows(session, Citation, rows, Citation.source_id.in_(sources))
    return len(rows)


def entry_id(external_id: str, title: str) -> str:
    """The external id of the record that stands for an entry without ids.

    It follows from the title: the place of an entry changes when its source revises the list.
    """
    return f"{external_id}#{hashlib.sha256(fold(title).encode()).hexdigest()[:12]}"


def _matches(
    papers: Mapping[tuple[str, str], int],
    entries: Mapping[str, int | None],
    citing: Record,
    reference: Reference,
) -> Iterator[tuple[int, str]]:
    for each in reference.ids:
        paper_id = papers.get((each.scheme, each.value))
        if paper_id is not None:
            yield paper_id, each.scheme
    if entries and reference.title:
        paper_id = entries.get(entry_id(citing.external_id, reference.title))
        if paper_id is not None:
            yield paper_id, UNIDENTIFIED


def _values(reference: Reference, kind: str) -> dict[str, Any]:
    return {
        "matched_title": reference.title,
        "match_kind": kind,
        "contexts": _listed(reference.contexts),
        "intents": _listed(reference.intents),
        "is_influential": reference.is_influential,
    }


def _joined(one: Mapping[str, Any], other: Mapping[str, Any]) -> dict[str, Any]:
    """Two entries of one paper: the first, with what the other has besides."""
    joined = {name: one[name] if one[name] is not None else other[name] for name in one}
    for name in ("contexts", "intents"):
        joined[name] = _listed(dict.fromkeys([*(one[name] or ()), *(other[name] or ())]))
    if other["is_influential"]:
        joined["is_influential"] = True
    return joined


def _listed(values: Iterable[str]) -> list[str] | None:
    return list(values) or None
