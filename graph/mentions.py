"""Models on the hub whose cards name a paper: candidates for checkpoint links that nobody has confirmed."""

from dataclasses import dataclass

from sqlalchemy import select
from sqlalchemy.orm import Session

from graph.schema import Checkpoint, CheckpointLink, HubMention, Paper


@dataclass(frozen=True)
class Mention:
    """A model repository that names the paper; None is a fact its card does not give."""

    hub_id: str
    library: str | None
    task: str | None
    licence: str | None
    gated: bool | None
    downloads: int | None
    likes: int | None
    base_models: list[str]


def read_mentions(session: Session, key: str) -> list[Mention]:
    """The candidates of a paper, the most likely first, without the checkpoints that are linked to it."""
    linked = (
        select(Checkpoint.hub_id)
        .join(CheckpointLink, CheckpointLink.checkpoint_id == Checkpoint.id)
        .join(Paper, Paper.id == CheckpointLink.paper_id)
        .where(Paper.key == key)
    )
    rows = session.scalars(
        select(HubMention)
        .join(Paper, Paper.id == HubMention.paper_id)
        .where(Paper.key == key, HubMention.hub_id.not_in(linked))
        .order_by(HubMention.rank, HubMention.hub_id)
    )
    return [
        Mention(
            row.hub_id, row.library, row.task, row.licence, row.gated, row.downloads, row.likes,
            row.base_models,
        )
        for row in rows
    ]  # fmt: skip
