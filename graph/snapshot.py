"""Snapshots: a name for the exact state of the facts. Equal facts have the equal id, on every machine."""

import hashlib
import json
import re
from dataclasses import dataclass
from datetime import UTC, date, datetime
from itertools import groupby

from sqlalchemy import func, select, text, update
from sqlalchemy.orm import Session

from graph.diff import SnapshotContent, Value, brief_value
from graph.errors import LibraryError, UnknownName
from graph.schema import (
    Assignment,
    Author,
    Authorship,
    Checkpoint,
    CheckpointLink,
    Citation,
    FieldValue,
    Identifier,
    Paper,
    Relation,
    Snapshot,
    TaxonomyNode,
)

# Facts by their natural keys, never by row ids, which depend on the order of insertion.
_FACTS = (
    "SELECT p.key, v.field, v.value, s.name FROM field_value v "
    "JOIN paper p ON p.id = v.paper_id JOIN source s ON s.id = v.source_id",
    "SELECT p.key, p.is_core, p.after_survey, p.reference_list, p.reference_entries FROM paper p",
    "SELECT a.key, b.key, c.matched_title, c.match_kind, c.contexts, c.intents, c.is_influential, s.name "
    "FROM citation c JOIN paper a ON a.id = c.citing_id JOIN paper b ON b.id = c.cited_id "
    "JOIN source s ON s.id = c.source_id",
    "SELECT a.key, r.kind, b.key, s.name FROM relation r JOIN paper a ON a.id = r.paper_id "
    "JOIN paper b ON b.id = r.target_id JOIN source s ON s.id = r.source_id",
    "SELECT t.id, t.parent_id, t.label, t.definition, s.name FROM taxonomy_node t "
    "JOIN source s ON s.id = t.source_id",
    "SELECT p.key, a.node_id, a.is_primary, a.confidence, s.name FROM assignment a "
    "JOIN paper p ON p.id = a.paper_id JOIN source s ON s.id = a.source_id",
    "SELECT p.key, l.name, s.name FROM alias l JOIN paper p ON p.id = l.paper_id "
    "JOIN source s ON s.id = l.source_id",
    "SELECT p.key, a.position, w.name, s.name FROM authorship a "
    "JOIN paper p ON p.id = a.paper_id JOIN author w ON w.id = a.author_id "
    "JOIN source s ON s.id = a.source_id",
    "SELECT p.key, i.scheme, i.value, s.name FROM identifier i "
    "JOIN paper p ON p.id = i.paper_id JOIN source s ON s.id = i.source_id",
    "SELECT p.key, v.kind, v.venue, v.year, v.month, v.identifier, s.name FROM version v "
    "JOIN paper p ON p.id = v.paper_id JOIN source s ON s.id = v.source_id",
    "SELECT p.key, c.hub_id, c.library, c.loader_class, c.task, c.params_millions, c.licence, c.gated, "
    "c.revision, c.state, c.origin, c.head_revision, c.moved_to, l.role, l.note, s.name "
    "FROM checkpoint_link l JOIN paper p ON p.id = l.paper_id "
    "JOIN checkpoint c ON c.id = l.checkpoint_id JOIN source s ON s.id = l.source_id",
    "SELECT p.key, e.text_sha256, m.weights_sha256 FROM embedding e JOIN paper p ON p.id = e.paper_id "
    "JOIN embedding_model m ON m.id = e.model_id",
)
_DATED = (FieldValue, Citation, Relation, Assignment, CheckpointLink)
_ID_LENGTH = 12
_DAY = re.compile(r"\d{4}-\d{2}-\d{2}")
_COMPARED = (
    "title", "short_name", "summary", "abstract", "year", "month", "venue", "code_url", "reference_list",
    "reference_entries",
)  # fmt: skip
_OF_CHECKPOINT = (
    "task",
    "params_millions",
    "licence",
    "gated",
    "revision",
    "head_revision",
    "state",
    "moved_to",
)


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
            is_current=True,
            counts=count_facts(session),
        )
        session.add(snapshot)
    snapshot.is_current = True
    snapshot.facts_date = _newest(session)
    if snapshot.content is None:
        snapshot.content = _content(session).to_blob()
    session.flush()
    return snapshot


@dataclass(frozen=True)
class SnapshotEntry:
    """A snapshot in a list of them."""

    id: str
    created_at: str
    facts_date: str
    counts: dict[str, int]
    is_current: bool
    has_content: bool


@dataclass(frozen=True)
class KeptSnapshot:
    """A snapshot with its contents."""

    id: str
    content: SnapshotContent


def list_snapshots(session: Session) -> list[SnapshotEntry]:
    """Every state that the library was in, the newest first."""
    rows = session.execute(
        select(Snapshot, Snapshot.content.is_not(None)).order_by(Snapshot.created_at.desc(), Snapshot.id)
    )
    return [
        SnapshotEntry(
            each.id, each.created_at.isoformat(timespec="seconds"), each.facts_date.isoformat(), each.counts,
            each.is_current, has_content,
        )
        for each, has_content in rows
    ]  # fmt: skip


def read_content(session: Session, name: str) -> KeptSnapshot:
    """A snapshot by its id or the id's beginning, `current`, `previous`, or a day (the last on it or before).

    Raises UnknownName, or LibraryError for a snapshot whose contents an earlier release did not keep.
    """
    snapshot = _named(session, name.strip())
    if snapshot.content is None:
        raise LibraryError(
            f"the contents of snapshot {snapshot.id} were not kept: only those taken since can be compared"
        )
    return KeptSnapshot(snapshot.id, SnapshotContent.from_blob(snapshot.content))


def _named(session: Session, name: str) -> Snapshot:
    newest_first = list(session.scalars(select(Snapshot).order_by(Snapshot.created_at.desc(), Snapshot.id)))
    current = [each for each in newest_first if each.is_current]
    if name == "current":
        found = current
    elif name == "previous":
        found = [each for each in newest_first if not each.is_current][:1]
    elif _DAY.fullmatch(name):
        found = [each for each in newest_first if each.created_at.date().isoformat() <= name][:1]
    else:
        found = [each for each in newest_first if name and each.id.startswith(name)]
    if len(found) != 1:
        what = "single snapshot" if found else "snapshot"
        raise UnknownName(what, name, [each.id for each in (found or newest_first)[:10]], allowed=True)
    return found[0]


def _content(session: Session) -> SnapshotContent:
    """The present facts, as far as snapshots are compared by them."""
    keys = dict(session.execute(select(Paper.id, Paper.key)).all())
    papers: dict[str, dict[str, Value]] = {
        paper.key: {
            name: brief_value(name, str(value))
            for name in _COMPARED
            if (value := getattr(paper, name)) is not None
        }
        for paper in session.scalars(select(Paper))
    }
    for scheme, value, paper_id in session.execute(
        select(Identifier.scheme, Identifier.value, Identifier.paper_id).order_by(Identifier.value)
    ):
        papers[keys[paper_id]][f"{scheme} id"] = value
    authors = (
        select(Authorship.paper_id, Author.name)
        .join(Author, Author.id == Authorship.author_id)
        .order_by(Authorship.paper_id, Authorship.position)
    )
    for paper_id, rows in groupby(session.execute(authors), key=lambda row: row[0]):
        papers[keys[paper_id]]["authors"] = "; ".join(row[1] for row in rows)
    cited = session.execute(select(Citation.citing_id, Citation.cited_id).distinct())
    related = session.execute(select(Relation.paper_id, Relation.kind, Relation.target_id).distinct())
    placed = session.execute(select(Assignment.paper_id, Assignment.node_id).where(Assignment.is_primary))
    linked = select(CheckpointLink.paper_id, Checkpoint.hub_id).join(
        Checkpoint, Checkpoint.id == CheckpointLink.checkpoint_id
    )
    return SnapshotContent(
        papers=papers,
        citations={(keys[citing], keys[target]) for citing, target in cited},
        relations={(keys[paper_id], kind, keys[target]) for paper_id, kind, target in related},
        assignments={keys[paper_id]: node_id for paper_id, node_id in placed},
        checkpoints={
            f"{each.hub_id}|{each.library}|{each.loader_class}": {
                name: str(value) for name in _OF_CHECKPOINT if (value := getattr(each, name)) is not None
            }
            for each in session.scalars(select(Checkpoint))
        },
        links={(keys[paper_id], hub_id) for paper_id, hub_id in session.execute(linked)},
    )


def current_snapshot(session: Session) -> Snapshot | None:
    """The snapshot that the library is at."""
    return session.scalar(select(Snapshot).where(Snapshot.is_current))


def current_snapshot_id(session: Session) -> str | None:
    """The id of the snapshot that the library is at."""
    return session.scalar(select(Snapshot.id).where(Snapshot.is_current))


def _newest(session: Session) -> date:
    newest = (session.scalar(select(func.max(table.retrieved_at))) for table in _DATED)
    return max((when for when in newest if when is not None), default=datetime.now(UTC)).date()
