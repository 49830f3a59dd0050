"""Links between papers and checkpoints that a person makes: candidates from the hub, confirmed one by one.

A confirmed link carries the source "confirmed by hand" and its day, so that neither a build nor an update
touches it. Links of the catalogue come back with every build, and are changed in its files.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from graph.checkpoints import HUB, ROLES, write_files
from graph.errors import UnknownName
from graph.schema import CATALOGUE, Checkpoint, CheckpointLink, HubMention, Identifier, Paper, Source
from ingest.errors import IngestError, UnknownWork
from ingest.hublinks import Mentioned, store_mentions, store_states
from ingest.sources.answers import HubState
from ingest.sources.huggingface import HubSource

BY_HAND = "user"
"""Origin of links that a person made."""

CONFIRMED = "confirmed by hand"
"""Their source's name."""


class LinkRefused(IngestError):
    """A link that cannot be made or taken away as asked."""

    exit_code = 2


@dataclass(frozen=True)
class Candidate:
    """A model repository whose card names a paper, as its link's candidate; None is what its card lacks.

    `rank` counts from 1; `why` says what speaks for or against it. `linked` tells that it is linked already.
    """

    rank: int
    hub_id: str
    library: str | None
    task: str | None
    licence: str | None
    gated: bool | None
    downloads: int | None
    likes: int | None
    base_models: list[str]
    linked: bool
    why: str


def ask_for_candidates(session: Session, hub: HubSource, key: str) -> int:
    """Ask the hub which models name the paper with this key, and keep them ranked; how many there are.

    Raises LinkRefused for a paper without an arXiv id, and ServiceError.
    """
    paper_id = _paper_id(session, key)
    ids = list(
        session.scalars(
            select(Identifier.value)
            .where(Identifier.paper_id == paper_id, Identifier.scheme == "arxiv")
            .order_by(Identifier.position)
        )
    )
    if not ids:
        raise LinkRefused(
            f"{key} has no arXiv id, by which cards name papers: "
            f"'vfm-atlas link {key} --add OWNER/NAME' links a model that you know"
        )
    answers = [Mentioned(hub.models_of(each), hub.answered_at) for each in ids]
    return store_mentions(session, {paper_id: answers})


def candidates_of(session: Session, key: str) -> list[Candidate]:
    """The candidates that are kept of a paper, the most likely first; those linked already are marked."""
    paper_id = _paper_id(session, key)
    linked = _linked(session, paper_id)
    owners = {hub_id.partition("/")[0].lower() for hub_id in linked}
    rows = session.scalars(
        select(HubMention).where(HubMention.paper_id == paper_id).order_by(HubMention.rank, HubMention.hub_id)
    )
    return [
        Candidate(
            rank, row.hub_id, row.library, row.task, row.licence, row.gated, row.downloads, row.likes,
            row.base_models, row.hub_id.lower() in linked, _why(row, linked, owners),
        )
        for rank, row in enumerate(rows, start=1)
    ]  # fmt: skip


def _why(row: HubMention, linked: set[str], owners: set[str]) -> str:
    if row.hub_id.lower() in linked:
        return "linked already"
    said = []
    if row.hub_id.partition("/")[0].lower() in owners:
        said.append("owner of a linked one")
    said.append(f"derives from {row.base_models[0]}" if row.base_models else "names no base model")
    return ", ".join(said)


@dataclass(frozen=True)
class Loading:
    """How a checkpoint is loaded, where a person says it; None leaves it to the hub."""

    library: str | None = None
    task: str | None = None
    loader_class: str | None = None


def confirm(
    session: Session,
    key: str,
    told: HubState | None,
    hub_id: str,
    when: datetime,
    *,
    role: str | None = None,
    loading: Loading | None = None,
) -> CheckpointLink:
    """Link a model to the paper with this key; the same again changes the role.

    `told` is what the hub says of the model, None where it was not asked. Raises LinkRefused where the model
    is gone, or where neither a person nor the hub says how it is loaded; UnknownName for a role there is not.
    """
    if role is not None and role not in ROLES:
        raise UnknownName("role", role, list(ROLES), allowed=True)
    if told is not None and told.state == "gone":
        raise LinkRefused(f"the hub has no {hub_id}, or does not show it: check the name")
    if told is not None and told.now_at:
        hub_id, told = told.now_at, replace(told, hub_id=told.now_at, state="live", now_at=None)
    paper_id = _paper_id(session, key)
    checkpoint = _checkpoint(session, hub_id, told, loading or Loading())
    session.flush()
    if told is not None:
        store_states(session, {hub_id: told})
    link = session.get(CheckpointLink, (paper_id, checkpoint.id))
    source = _by_hand(session)
    if link is None:
        last = select(func.max(CheckpointLink.position)).where(CheckpointLink.paper_id == paper_id)
        link = CheckpointLink(
            paper_id=paper_id, checkpoint_id=checkpoint.id, position=(session.scalar(last) or 0) + 1
        )
        session.add(link)
    link.role = role if role is not None else link.role
    link.source_id, link.retrieved_at = source, when
    session.flush()
    return link


def remove(session: Session, key: str, hub_id: str) -> int:
    """Take away the links that a person made between a paper and a model; how many.

    Raises UnknownName where there is none, LinkRefused where the catalogue states it.
    """
    paper_id = _paper_id(session, key)
    rows = session.execute(
        select(CheckpointLink, Source)
        .join(Checkpoint, Checkpoint.id == CheckpointLink.checkpoint_id)
        .join(Source, Source.id == CheckpointLink.source_id)
        .where(CheckpointLink.paper_id == paper_id, func.lower(Checkpoint.hub_id) == hub_id.lower())
    ).all()
    if not rows:
        raise UnknownName(
            f"checkpoint linked to {key},", hub_id, sorted(_names(session, paper_id)), allowed=True
        )
    mine = [link for link, source in rows if source.origin == BY_HAND]
    if not mine:
        link, source = rows[0]
        comes = "it would be back after the next build" if source.origin == CATALOGUE else "it is not yours"
        raise LinkRefused(f"the link of {key} to {hub_id} comes from {source.name}: {comes}")
    for link in mine:
        session.delete(link)
    session.flush()
    return len(mine)


def _checkpoint(session: Session, hub_id: str, told: HubState | None, loading: Loading) -> Checkpoint:
    known = list(
        session.scalars(select(Checkpoint).where(Checkpoint.hub_id == hub_id).order_by(Checkpoint.id))
    )
    if loading.loader_class is not None:
        known = [each for each in known if each.loader_class == loading.loader_class]
    if known:
        return known[0]
    library = loading.library or (told.library if told else None)
    loader_class = loading.loader_class or (told.loader_class if told else None)
    task = loading.task or (told.task if told else None) or "other"
    lacking = [
        f"--{name}"
        for name, value in (("library-name", library), ("loader-class", loader_class))
        if value is None
    ]
    if library is None or loader_class is None:
        raise LinkRefused(f"nobody says how {hub_id} is loaded: name {' and '.join(lacking)}")
    checkpoint = Checkpoint(hub_id=hub_id, library=library, loader_class=loader_class, task=task, origin=HUB)
    session.add(checkpoint)
    if told is not None and told.files:
        session.flush()
        write_files(session, checkpoint, told.files)
    return checkpoint


def _by_hand(session: Session) -> int:
    found = session.scalar(select(Source.id).where(Source.origin == BY_HAND, Source.name == CONFIRMED))
    if found is not None:
        return found
    source = Source(origin=BY_HAND, name=CONFIRMED)
    session.add(source)
    session.flush()
    return source.id


def _paper_id(session: Session, key: str) -> int:
    found = session.scalar(select(Paper.id).where(Paper.key == key))
    if found is None:
        raise UnknownWork(f"the library has no paper {key!r}")
    return found


def _names(session: Session, paper_id: int) -> Sequence[str]:
    rows = (
        select(Checkpoint.hub_id)
        .join(CheckpointLink, CheckpointLink.checkpoint_id == Checkpoint.id)
        .where(CheckpointLink.paper_id == paper_id)
    )
    return session.scalars(rows).all()


def _linked(session: Session, paper_id: int) -> set[str]:
    return {name.lower() for name in _names(session, paper_id)}
