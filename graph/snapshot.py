"""Snapshots: a name for the exact state of the facts. Equal facts have the equal id, on every machine."""

import hashlib
import json
from datetime import UTC, date, datetime

from sqlalchemy import func, select, text, update
from sqlalchemy.orm import Session

from graph.schema import (
    Assignment,
    Checkpoint,
    CheckpointLink,
    Citation,
    FieldValue,
    Paper,
    Relation,
    Snapshot,
    TaxonomyNode,
)

# Facts by their natural keys, never by row ids, which depend on the order of insertion.
_FACTS = (
    "SELECT p.key, v.field, v.value, s.name, v.retrieved_at FROM field_value v "
    "JOIN paper p ON p.id = v.paper_id JOIN source s ON s.id = v.source_id",
    "SELECT p.key, p.is_core, p.after_survey, p.reference_list, p.reference_entries FROM paper p",
    "SELECT a.key, b.key, c.matched_title, c.match_kind, s.name, c.retrieved_at FROM citation c "
    "JOIN paper a ON a.id = c.citing_id JOIN paper b ON b.id = c.cited_id "
    "JOIN source s ON s.id = c.source_id",
    "SELECT a.key, r.kind, b.key, s.name, r.retrieved_at FROM relation r JOIN paper a ON a.id = r.paper_id "
    "JOIN paper b ON b.id = r.target_id JOIN source s ON s.id = r.source_id",
    "SELECT t.id, t.parent_id, t.label, t.definition, s.name, t.retrieved_at FROM taxonomy_node t "
    "JOIN source s ON s.id = t.source_id",
    "SELECT p.key, a.node_id, a.is_primary, a.confidence, s.name, a.retrieved_at FROM assignment a "
    "JOIN paper p ON p.id = a.paper_id JOIN source s ON s.id = a.source_id",
    "SELECT p.key, l.name, s.name, l.retrieved_at FROM alias l JOIN paper p ON p.id = l.paper_id "
    "JOIN source s ON s.id = l.source_id",
    "SELECT p.key, a.position, w.name, s.name, a.retrieved_at FROM authorship a "
    "JOIN paper p ON p.id = a.paper_id JOIN author w ON w.id = a.author_id "
    "JOIN source s ON s.id = a.source_id",
    "SELECT p.key, i.scheme, i.value, s.name, i.retrieved_at FROM identifier i "
    "JOIN paper p ON p.id = i.paper_id JOIN source s ON s.id = i.source_id",
    "SELECT p.key, v.kind, v.venue, v.year, v.month, s.name, v.retrieved_at FROM version v "
    "JOIN paper p ON p.id = v.paper_id JOIN source s ON s.id = v.source_id",
    "SELECT p.key, c.hub_id, c.library, c.loader_class, c.task, c.params_millions, c.licence, c.gated, "
    "c.revision, c.state, l.role, l.note, s.name, l.retrieved_at "
    "FROM checkpoint_link l JOIN paper p ON p.id = l.paper_id "
    "JOIN checkpoint c ON c.id = l.checkpoint_id JOIN source s ON s.id = l.source_id",
    "SELECT p.key, e.text_sha256, m.weights_sha256 FROM embedding e JOIN paper p ON p.id = e.paper_id "
    "JOIN embedding_model m ON m.id = e.model_id",
)
_DATED = (FieldValue, Citation, Relation, Assignment, CheckpointLink)
_ID_LENGTH = 12


def count_facts(session: Session) -> dict[str, int]:
    """How much of everything the library holds."""

    def count(what: object, *where: object) -> int:
        return session.scalar(select(func.count()).select_from(what).where(*where)) or 0  # type: ignore[arg-type]

    return {
        "papers": count(Paper),
        "core_papers": count(Paper, Paper.is_core),
        "taxonomy_nodes": count(TaxonomyNode),
        "assignments": count(Assignment),
        "citations": count(select(Citation.citing_id, Citation.cited_id).distinct().subquery()),
        "relations": count(
            select(Relation.paper_id, Relation.kind, Relation.target_id).distinct().subquery()
        ),
        "checkpoints": count(Checkpoint),
        "papers_with_checkpoint": count(select(CheckpointLink.paper_id).distinct().subquery()),
        "reference_lists_read": count(Paper, Paper.reference_list.in_(("complete", "partial"))),
        "summaries": count(Paper, Paper.summary.is_not(None)),
        "abstracts": count(Paper, Paper.abstract.is_not(None)),
    }


def take_snapshot(session: Session) -> Snapshot:
    """Record the present state of the facts; the same state again is the same snapshot."""
    session.flush()
    digest = hashlib.sha256()
    for query in _FACTS:
        rows = sorted(json.dumps(list(row), ensure_ascii=False) for row in session.execute(text(query)))
        digest.update("\n".join(rows).encode())
        digest.update(b"\0")
    snapshot_id = digest.hexdigest()[:_ID_LENGTH]
    session.execute(update(Snapshot).values(is_current=False))
    snapshot = session.get(Snapshot, snapshot_id)
    if snapshot is None:
        snapshot = Snapshot(
            id=snapshot_id,
            created_at=datetime.now(UTC).replace(tzinfo=None),
            facts_date=_newest(session),
            counts=count_facts(session),
        )
        session.add(snapshot)
    snapshot.is_current = True
    session.flush()
    return snapshot


def current_snapshot(session: Session) -> Snapshot | None:
    """The snapshot that the library is at."""
    return session.scalar(select(Snapshot).where(Snapshot.is_current))


def current_snapshot_id(session: Session) -> str | None:
    """The id of the snapshot that the library is at."""
    return session.scalar(select(Snapshot.id).where(Snapshot.is_current))


def _newest(session: Session) -> date:
    newest = (session.scalar(select(func.max(table.retrieved_at))) for table in _DATED)
    return max((when for when in newest if when is not None), default=datetime.now(UTC)).date()
