"""What is known of how well a paper's checkpoints do: reported by others, measured here, or why not."""

from dataclasses import dataclass

from sqlalchemy import select
from sqlalchemy.orm import Session

from evaluation import registry
from evaluation.published import ReferenceNumber, numbers_of, numbers_of_paper
from evaluation.results import Run, list_runs
from graph.schema import CheckpointLink, Paper


@dataclass(frozen=True)
class Standing:
    """One checkpoint of a paper.

    Attributes:
        is_stand_in: it is not the paper's model, but a small one of its method.
        reported: what others published about these weights.
        measured: results of this library, the newest first.
        not_run: why there is none here: no adapter, refused, failed, or not tried; None where there is one.
    """

    hub_id: str
    role: str | None
    is_stand_in: bool
    reported: tuple[ReferenceNumber, ...]
    measured: tuple[Run, ...]
    not_run: str | None


@dataclass(frozen=True)
class PaperStanding:
    """All checkpoints of a paper, and what was published about it without naming weights."""

    key: str
    reported: tuple[ReferenceNumber, ...]
    checkpoints: tuple[Standing, ...]


def standing_of(session: Session, key: str) -> PaperStanding:
    """The standing of a paper, by its key."""
    links = session.scalars(
        select(CheckpointLink)
        .join(Paper, Paper.id == CheckpointLink.paper_id)
        .where(Paper.key == key)
        .order_by(CheckpointLink.position)
    ).all()
    runs = list_runs(session, hub_ids=[link.checkpoint.hub_id for link in links])
    found = []
    for link in links:
        row = link.checkpoint
        own = [run for run in runs if (run.hub_id, run.loader_class) == (row.hub_id, row.loader_class)]
        done = tuple(run for run in own if run.state == "done")
        found.append(
            Standing(
                row.hub_id, link.role, link.role == "stand-in", tuple(numbers_of(row.hub_id)), done,
                None if done else _why_not(row.hub_id, row.library, row.loader_class, own),
            )
        )  # fmt: skip
    return PaperStanding(key, tuple(numbers_of_paper(key)), tuple(found))


def _why_not(hub_id: str, library: str, loader_class: str, tried: list[Run]) -> str:
    lacking = registry.missing(library, loader_class)
    if lacking:
        return lacking
    if tried:
        return f"{tried[0].state}: {tried[0].reason}"
    return f"not tried yet: 'vfm-atlas evaluate {hub_id}'"
