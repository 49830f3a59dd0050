"""Documents of a test collection as a library, so that the very code that searches ours searches them."""

import hashlib
from collections.abc import Sequence
from pathlib import Path

from sqlalchemy import delete, func, insert, select

from evaluation.judged import DocumentRow
from graph import textindex
from graph.library import Library
from graph.schema import Paper
from graph.settings import default_cache

_UNKNOWN = {"short_name": "", "is_core": False, "after_survey": False}


def place_of(documents: Sequence[DocumentRow]) -> Path:
    """Where the library of these documents is kept, in the user's cache: encoding them takes its time."""
    digest = hashlib.sha256()
    for row in documents:
        for text in (row.id, row.title, row.text):
            digest.update(f"{len(text)}:{text}".encode())
    return default_cache() / "collections" / f"{digest.hexdigest()[:16]}.sqlite"


def fill(library: Library, documents: Sequence[DocumentRow]) -> None:
    """Write documents as papers with a title and an abstract, unless they are there; the index is made anew.

    Their key is `key_of` their place: ids of collections are often numbers, which queries would match.
    """
    with library.writing() as session:
        if session.scalar(select(func.count()).select_from(Paper)) != len(documents):
            session.execute(delete(Paper))
            session.execute(
                insert(Paper),
                [
                    {"key": key_of(place), "title": row.title, "abstract": row.text or None, **_UNKNOWN}
                    for place, row in enumerate(documents)
                ],
            )
        textindex.rebuild(session)


def key_of(place: int) -> str:
    """The key of the document at a place in its file, counted from 0."""
    return f"document{place}"
