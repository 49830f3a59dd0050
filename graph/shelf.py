"""What the user keeps: notes on papers, and collections of papers. No build ever changes them."""

from dataclasses import dataclass
from datetime import UTC, datetime

from sqlalchemy import delete, func, select
from sqlalchemy.orm import Session

from graph.errors import QueryError, UnknownName
from graph.lookup import find_paper
from graph.schema import Collection, CollectionItem, Note, Paper


@dataclass(frozen=True)
class CollectionEntry:
    """A collection and how many papers it has."""

    name: str
    papers: int


def add_note(session: Session, name: str, text: str) -> Paper:
    """Write a note on a paper; raises UnknownName, or QueryError for an empty note."""
    if not text.strip():
        raise QueryError("the note is empty: write what you want to remember")
    paper = find_paper(session, name)
    session.add(Note(paper_id=paper.id, text=text.strip(), created_at=_now()))
    return paper


def add_to_collection(session: Session, collection: str, names: list[str]) -> int:
    """Put papers into a collection, which is made when it is new; returns how many were not in it yet."""
    if not collection.strip():
        raise QueryError("the collection needs a name")
    papers = [find_paper(session, name) for name in names]
    shelf = session.scalar(select(Collection).where(Collection.name == collection))
    if shelf is None:
        shelf = Collection(name=collection, created_at=_now())
        session.add(shelf)
        session.flush()
    present = set(
        session.scalars(select(CollectionItem.paper_id).where(CollectionItem.collection_id == shelf.id))
    )
    new = {paper.id for paper in papers} - present
    session.add_all(
        CollectionItem(collection_id=shelf.id, paper_id=paper_id, added_at=_now()) for paper_id in sorted(new)
    )
    return len(new)


def remove_from_collection(session: Session, collection: str, names: list[str]) -> int:
    """Take papers out of a collection; without names the collection itself. Returns how many were in it."""
    shelf = _collection(session, collection)
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
    shelf = _collection(session, collection)
    rows = (
        select(Paper)
        .join(CollectionItem, CollectionItem.paper_id == Paper.id)
        .where(CollectionItem.collection_id == shelf.id)
        .order_by(CollectionItem.added_at, Paper.id)
    )
    return list(session.scalars(rows))


def _collection(session: Session, name: str) -> Collection:
    shelf = session.scalar(select(Collection).where(Collection.name == name))
    if shelf is None:
        raise UnknownName("collection", name, [entry.name for entry in list_collections(session)])
    return shelf


def _now() -> datetime:
    return datetime.now(UTC).replace(tzinfo=None)
