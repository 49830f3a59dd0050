"""Folding one paper into another: what people wrote and what else was stated of it moves along."""

from datetime import UTC, datetime
from typing import cast

from sqlalchemy import Table, delete, func, select, update
from sqlalchemy.orm import InstrumentedAttribute, Session

from graph.analysis.assign import forget_assignments
from graph.names import fold
from graph.schema import (
    Alias,
    Assignment,
    CheckpointLink,
    Citation,
    CollectionItem,
    FieldValue,
    HubMention,
    Note,
    Paper,
    Relation,
    Source,
)

ATLAS = "atlas"
"""Origin of what this program itself states, such as the former key of a paper."""

_MOVED: tuple[InstrumentedAttribute[int], ...] = (
    Note.paper_id, CollectionItem.paper_id, Alias.paper_id, FieldValue.paper_id, Assignment.paper_id,
    CheckpointLink.paper_id, HubMention.paper_id, Relation.paper_id, Relation.target_id, Citation.citing_id,
    Citation.cited_id,
)  # fmt: skip


def retire(session: Session, old: int, new: int) -> tuple[str, str]:
    """Move everything from the paper `old` to the paper `new`, remove `old`, and return both keys.

    The old key stays a name of the remaining paper, so that links and notes elsewhere still lead somewhere.
    """
    former, into = session.get_one(Paper, old), session.get_one(Paper, new)
    keys = (former.key, into.key)
    _keep_one_primary(session, old, new)
    for column in _MOVED:
        table = cast(Table, column.class_.__table__)
        mine = table.c[column.key]
        # What cannot move is there already, or would join the paper with itself.
        move = update(table).where(mine == old).values({mine: new}).prefix_with("OR IGNORE")
        session.execute(move)
        session.execute(delete(table).where(mine == old))
    session.execute(delete(Paper).where(Paper.id == old))
    session.expire_all()
    _remember(session, keys[0], new)
    return keys


def _keep_one_primary(session: Session, old: int, new: int) -> None:
    """The remaining paper keeps its place in the taxonomy; that of the other one becomes a further one."""
    forget_assignments(session, [old, new])  # an inferred place yields to a stated one
    primary = select(func.count()).where(Assignment.paper_id == new, Assignment.is_primary)
    if session.scalar(primary):
        session.execute(update(Assignment).where(Assignment.paper_id == old).values(is_primary=False))


def _remember(session: Session, key: str, paper_id: int) -> None:
    source = session.scalar(select(Source).where(Source.origin == ATLAS, Source.name == "former key"))
    if source is None:
        source = Source(origin=ATLAS, name="former key")
        session.add(source)
        session.flush()
    alias = session.get(Alias, fold(key))
    if alias is None:
        alias = Alias(
            folded=fold(key), name=key, paper_id=paper_id, source_id=source.id,
            retrieved_at=datetime.now(UTC).replace(tzinfo=None),
        )  # fmt: skip
        session.add(alias)
    elif alias.source_id == source.id:
        # The key was that of another paper once; the latest that had it is meant.
        alias.name, alias.paper_id = key, paper_id
    session.flush()
