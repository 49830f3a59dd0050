"""What the user keeps: notes on papers, and collections of papers. No build ever changes them."""

import difflib
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from sqlalchemy import delete, func, select
from sqlalchemy.orm import Session

from graph.errors import QueryError, UnknownName
from graph.lookup import find_paper
from graph.names import is_text
from graph.schema import Collection, CollectionItem, Note, Paper


@dataclass(frozen=True)
class NoteEntry:
    """A note and the day on which it was written."""

    id: int
    text: str
    created_at: datetime


@dataclass(frozen=True)
class CollectionEntry:
    """A collection and how many papers it has."""

    name: str
    papers: int


def add_note(session: Session, name: str, text: str) -> Paper:
    """Write a note on a paper; raises UnknownName, or QueryError for an empty note."""
    if not text.strip():
        raise QueryError("the note is empty: write what you want to remember")
    if not is_text(text):
        raise QueryError("cannot keep the note: it is not valid UTF-8")
    paper = find_paper(session, name)
    session.add(Note(paper_id=paper.id, text=text.strip(), created_at=_now()))
    return paper


def notes_on(session: Session, paper_ids: Iterable[int]) -> dict[int, list[NoteEntry]]:
    """The notes on some papers by row id, oldest first; papers without one are left out."""
    found: dict[int, list[NoteEntry]] = {}
    for note in session.scalars(select(Note).where(Note.paper_id.in_(list(paper_ids))).order_by(Note.id)):
        found.setdefault(note.paper_id, []).append(NoteEntry(note.id, note.text, note.created_at))
    return found


def remove_note(session: Session, note_id: int) -> None:
    """Remove a note; one that is gone already is no error."""
    session.execute(delete(Note).where(Note.id == note_id))


def add_to_collection(session: Session, collection: str, names: list[str]) -> int:
    """Put papers into a collection, which is made when it is new; returns how many were not in it yet."""
    if not collection.strip():
        raise QueryError("the collection needs a name, such as 'to-read'")
    if not is_text(collection):
        raise QueryError(f"cannot name a collection {collection!r}: it is not valid UTF-8")
    papers = [find_paper(session, name) for name in names]
    shelf = session.scalar(select(Collection).where(Collection.name == collection))
    if shelf is None:
        shelf = Collection(name=collection, created_at=_now())
        session.add(shelf)
        session.flush()
    present = set(
        session.scalars(select(CollectionItem.paper_id).where(CollectionItem.collection_id == shelf.id))
    )
    new = list(dict.fromkeys(paper.id for paper in papers if paper.id not in present))
    now = _now()
    # The moment is also the order, and some clocks tick more slowly than this loop.
    moments = (now + timedelta(microseconds=position) for position in range(len(new)))
    session.add_all(
        CollectionItem(collection_id=shelf.id, paper_id=paper_id, added_at=moment)
        for paper_id, moment in zip(new, moments, strict=True)
    )
    return len(new)


def remove_from_collection(session: Session, collection: str, names: list[str]) -> int:
    """Take papers out of a collection; without names the collection itself. Returns how many were in it."""
    shelf = collection_named(session, collection)
    items = delete(CollectionItem).where(CollectionItem.collection_id == shelf.id)
    if names:
        items = items.where(CollectionItem.paper_id.in_([find_paper(session, name).id for name in names]))
    removed = session.execute(items.returning(CollectionItem.paper_id)).all()
    if not names:
        session.delete(shelf)
    return len(removed)


def list_collections(session: Session) -> list[CollectionEntry]:
    """Every collection by name."""
    rows = (
        select(Collection.name, func.count(CollectionItem.paper_id))
        .outerjoin(CollectionItem, CollectionItem.collection_id == Collection.id)
        .group_by(Collection.id)
        .order_by(Collection.name)
    )
    return [CollectionEntry(name, papers) for name, papers in session.execute(rows)]


def papers_in(session: Session, collection: str) -> list[Paper]:
    """The papers of a collection, in the order in which they were added; raises UnknownName."""
    shelf = collection_named(session, collection)
    rows = (
        select(Paper)
        .join(CollectionItem, CollectionItem.paper_id == Paper.id)
        .where(CollectionItem.collection_id == shelf.id)
        .order_by(CollectionItem.added_at, Paper.id)
    )
    return list(session.scalars(rows))


def collection_named(session: Session, name: str) -> Collection:
    """The collection of this name; UnknownName lists the nearest names."""
    shelf = session.scalar(select(Collection).where(Collection.name == name)) if is_text(name) else None
    if shelf is None:
        names = [entry.name for entry in list_collections(session)]
        near = difflib.get_close_matches(name, names, n=5, cutoff=0.4)
        raise UnknownName("collection", name, near, "'vfm-atlas collection list' lists all")
    return shelf


def _now() -> datetime:
    return datetime.now(UTC).replace(tzinfo=None)
