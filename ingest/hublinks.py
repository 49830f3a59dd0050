"""Candidates for checkpoint links: model repositories on the hub whose cards name a paper.

Most cards that name a paper are derivatives of its model, so candidates are ranked: repositories that
the catalogue links already, then those of an owner whose checkpoints it links, then those that name no base
model, then by downloads. A candidate is shown as one; only a person makes it a link.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from sqlalchemy import delete, insert, select
from sqlalchemy.orm import Session

from graph.checkpoints import write_files
from graph.schema import Checkpoint, CheckpointLink, HubMention
from ingest.errors import Offline, ServiceDown, ServiceError, UnknownWork
from ingest.sources.answers import HubModel, HubState
from ingest.sources.huggingface import HubSource
from ingest.stored import source_id

_MOST_REFUSALS = 3  # in a row; more of the same would be asked in vain


@dataclass(frozen=True)
class Mentioned:
    """The models whose cards name one id of a paper, and when the hub said so."""

    models: Sequence[HubModel]
    retrieved_at: datetime


@dataclass(frozen=True)
class HubAnswers:
    """What the hub said: models by paper (its id), states by hub id, and by name what it did not answer."""

    mentions: dict[int, list[Mentioned]] = field(default_factory=dict)
    states: dict[str, HubState] = field(default_factory=dict)
    unanswered: list[str] = field(default_factory=list)


def ask_hub(
    hub: HubSource, papers: Mapping[str, int], checkpoints: Sequence[str], advance: Callable[[], None]
) -> HubAnswers:
    """Ask which models name the papers (ids by arXiv id) and how the checkpoints are, one request each.

    Nothing that is wrong with the hub is raised: papers are taken in without it.
    """
    told = HubAnswers()
    refusals = 0
    questions = [(each, True) for each in papers] + [(each, False) for each in checkpoints]
    for place, (name, is_paper) in enumerate(questions):
        try:
            if is_paper:
                models = hub.models_of(name)
                told.mentions.setdefault(papers[name], []).append(Mentioned(models, hub.answered_at))
            else:
                told.states[name] = hub.state_of(name)
            refusals = 0
        except (ServiceError, UnknownWork) as error:
            refusals += 1
            if refusals == _MOST_REFUSALS or isinstance(error, ServiceDown | Offline):
                told.unanswered.append(f"{len(questions) - place} questions to the hub ({error})")
                break
            told.unanswered.append(f"{'models that name arXiv:' if is_paper else ''}{name} ({error})")
        advance()
    return told


def store_mentions(session: Session, found: Mapping[int, Sequence[Mentioned]]) -> int:
    """Keep the candidates of each paper (by its id), ranked; they replace those kept before."""
    source = source_id(session, "huggingface")
    linked: dict[int, list[str]] = {}
    links = select(CheckpointLink.paper_id, Checkpoint.hub_id).join(
        Checkpoint, Checkpoint.id == CheckpointLink.checkpoint_id
    )
    for paper_id, hub_id in session.execute(links):
        linked.setdefault(paper_id, []).append(hub_id)
    rows: list[dict[str, Any]] = []
    for paper_id, answers in sorted(found.items()):
        session.execute(
            delete(HubMention).where(HubMention.paper_id == paper_id, HubMention.source_id == source)
        )
        when = {model.hub_id: answer.retrieved_at for answer in answers for model in answer.models}
        models = [model for answer in answers for model in answer.models]
        for rank, model in enumerate(ranked(models, linked.get(paper_id, ())), start=1):
            rows.append(
                {
                    "paper_id": paper_id, "hub_id": model.hub_id, "rank": rank, "library": model.library,
                    "task": model.task, "licence": model.licence, "gated": model.gated,
                    "downloads": model.downloads, "likes": model.likes, "revision": model.sha,
                    "base_models": list(model.base_models), "source_id": source,
                    "retrieved_at": when[model.hub_id],
                }
            )  # fmt: skip
    if rows:
        session.execute(insert(HubMention), rows)
    return len(rows)


def ranked(models: Sequence[HubModel], linked: Sequence[str]) -> list[HubModel]:
    """Models in the order of the module's words; `linked` are the hub ids that the paper has already."""
    owners = {hub_id.partition("/")[0].lower() for hub_id in linked}
    known = {hub_id.lower() for hub_id in linked}
    unique = {model.hub_id: model for model in models}
    return sorted(
        unique.values(),
        key=lambda model: (
            model.hub_id.lower() not in known,
            model.hub_id.partition("/")[0].lower() not in owners,
            bool(model.base_models),
            -(model.downloads or 0),
            model.hub_id,
        ),
    )


def store_states(session: Session, states: Mapping[str, HubState]) -> int:
    """Write what the hub says of checkpoints (by hub id); returns how many changed their state."""
    changed = 0
    for checkpoint in session.scalars(select(Checkpoint).where(Checkpoint.hub_id.in_(states))):
        told = states[checkpoint.hub_id]
        changed += checkpoint.state != told.state
        checkpoint.state, checkpoint.checked_at = told.state, told.checked_at
        checkpoint.gated = told.gated if told.gated is not None else checkpoint.gated
        checkpoint.licence = checkpoint.licence or told.licence
        checkpoint.moved_to = told.now_at
        if told.sha is not None:
            checkpoint.head_revision = told.sha
            _write_what_is_there(session, checkpoint, told)
    return changed


def store_pinned(session: Session, hub_id: str, told: HubState) -> None:
    """Write the files of the commit that a repository's checkpoints are pinned to."""
    for checkpoint in session.scalars(select(Checkpoint).where(Checkpoint.hub_id == hub_id)):
        if told.files and told.sha is not None and checkpoint.revision == told.sha:
            write_files(session, checkpoint, told.files)


def _write_what_is_there(session: Session, checkpoint: Checkpoint, told: HubState) -> None:
    if told.remote_code is not None:
        checkpoint.remote_code = told.remote_code
    if told.base_models is not None:
        checkpoint.base_models = list(told.base_models)
    if checkpoint.params_millions is None and told.parameters:
        checkpoint.params_millions = told.parameters / 1e6
    if told.files and checkpoint.revision in (None, told.sha):
        write_files(session, checkpoint, told.files)
