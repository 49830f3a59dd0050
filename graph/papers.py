"""One paper with everything the library knows about it, as the paper page and `vfm-atlas show` tell it."""

from dataclasses import dataclass
from datetime import date

from sqlalchemy import func, select
from sqlalchemy.orm import Session, joinedload, selectinload

from graph.completeness import missing_of
from graph.coverage import describe_cited_by, describe_references, references_are_known
from graph.errors import UnknownName
from graph.network import CITES, Neighbour, neighbours
from graph.schema import (
    Assignment,
    Authorship,
    Checkpoint,
    CheckpointLink,
    Citation,
    FieldValue,
    Paper,
    TaxonomyNode,
)
from graph.taxonomy import path_to


@dataclass(frozen=True)
class Provenance:
    """One value of a field, and who says so since when."""

    field: str
    value: str
    source: str
    retrieved_at: date


@dataclass(frozen=True)
class PaperCheckpoint:
    """Weights that belong to the paper; None is a fact not known, revision None is 'not pinned yet'.

    See graph.schema.Checkpoint. `checked_at` is when the hub was asked last, `linked_at` the day of the link.
    """

    hub_id: str
    library: str
    task: str
    loader_class: str
    params_millions: float | None
    licence: str | None
    gated: bool | None
    revision: str | None
    state: str
    role: str | None
    note: str | None
    source: str
    origin: str = "hub"
    head_revision: str | None = None
    weight_bytes: int | None = None
    remote_code: bool | None = None
    base_models: list[str] | None = None
    moved_to: str | None = None
    mirrors: list[str] | None = None
    checked_at: str | None = None
    linked_at: date | None = None


@dataclass(frozen=True)
class PaperVersion:
    """A text of the work; `identifier` names that very text, as `arXiv:...` or `doi:...`."""

    kind: str
    venue: str | None
    year: int | None
    month: int | None
    identifier: str | None


@dataclass(frozen=True)
class PaperCard:
    """A paper. `cites` is None where its reference list was not read: unknown, which is not none."""

    key: str
    title: str
    short_name: str
    aliases: list[str]
    authors: list[str]
    year: int | None
    month: int | None
    venue: str | None
    arxiv_id: str | None
    doi: str | None
    code_url: str | None
    summary: str | None
    abstract: str | None
    core: bool
    after_survey: bool
    pillar: str | None
    taxonomy: list[tuple[str, str]]
    also_in: list[tuple[str, str]]
    reference_list: str
    references_note: str
    cited_by_note: str
    cites: list[Neighbour] | None
    cited_by: list[Neighbour]
    relations: list[Neighbour]
    checkpoints: list[PaperCheckpoint]
    versions: list[PaperVersion]
    notes: list[str]
    missing: list[str]
    provenance: list[Provenance]


def read_card(session: Session, key: str) -> PaperCard:
    """Everything about the paper with this key, which must exist (see graph.lookup.find_paper)."""
    paper = session.scalars(
        select(Paper)
        .where(Paper.key == key)
        .options(
            selectinload(Paper.authorships).joinedload(Authorship.author),
            selectinload(Paper.checkpoint_links).joinedload(CheckpointLink.checkpoint),
            selectinload(Paper.checkpoint_links).joinedload(CheckpointLink.source),
            selectinload(Paper.field_values).joinedload(FieldValue.source),
            selectinload(Paper.assignments).joinedload(Assignment.node),
        )
    ).one()
    around = neighbours(session, key)
    cites = [link for link in around if link.relation == CITES and link.direction == "out"]
    identifiers = {identifier.scheme: identifier.value for identifier in reversed(paper.identifiers)}
    primary, secondary = _taxonomy(session, paper)
    return PaperCard(
        key=paper.key,
        title=paper.title,
        short_name=paper.short_name,
        aliases=[alias.name for alias in paper.aliases],
        authors=[authorship.author.name for authorship in paper.authorships],
        year=paper.year,
        month=paper.month,
        venue=paper.venue,
        arxiv_id=identifiers.get("arxiv"),
        doi=identifiers.get("doi"),
        code_url=paper.code_url,
        summary=paper.summary,
        abstract=paper.abstract,
        core=paper.is_core,
        after_survey=paper.after_survey,
        pillar=next((item.node.pillar for item in paper.assignments if item.is_primary), None),
        taxonomy=primary,
        also_in=secondary,
        reference_list=paper.reference_list,
        references_note=describe_references(paper.reference_list, paper.reference_entries, len(cites)),
        cited_by_note=_cited_by_note(session),
        cites=cites if references_are_known(paper.reference_list) else None,
        cited_by=[link for link in around if link.relation == CITES and link.direction == "in"],
        relations=[link for link in around if link.relation != CITES],
        checkpoints=[_checkpoint(link) for link in paper.checkpoint_links],
        versions=[
            PaperVersion(item.kind, item.venue, item.year, item.month, item.identifier)
            for item in paper.versions
        ],
        notes=[note.text for note in paper.notes],
        missing=missing_of(session, paper.id),
        provenance=_provenance(paper),
    )


def list_checkpoints(
    session: Session, *, paper: str | None = None, task: str | None = None
) -> list[tuple[str, PaperCheckpoint]]:
    """Checkpoints with the key of the paper they belong to, in the catalogue's order.

    Raises UnknownName for a task that no checkpoint has.
    """
    tasks = sorted(session.scalars(select(Checkpoint.task).distinct()))
    if task is not None and task not in tasks:
        raise UnknownName("task", task, tasks, allowed=True)
    rows = (
        select(Paper.key, CheckpointLink)
        .join(CheckpointLink, CheckpointLink.paper_id == Paper.id)
        .join(Checkpoint, Checkpoint.id == CheckpointLink.checkpoint_id)
        .options(joinedload(CheckpointLink.checkpoint), joinedload(CheckpointLink.source))
        .order_by(CheckpointLink.position)
    )
    if paper is not None:
        rows = rows.where(Paper.key == paper)
    if task is not None:
        rows = rows.where(Checkpoint.task == task)
    return [(key, _checkpoint(link)) for key, link in session.execute(rows)]


def count_cited_by(session: Session) -> dict[str, int]:
    """How many papers of the library cite each paper, by key; papers that none cites are left out."""
    times = func.count(Citation.citing_id.distinct())
    rows = select(Paper.key, times).join(Citation, Citation.cited_id == Paper.id).group_by(Paper.key)
    return dict(session.execute(rows.order_by(times.desc(), Paper.key)).all())


def _cited_by_note(session: Session) -> str:
    papers = session.scalar(select(func.count()).select_from(Paper)) or 0
    read = session.scalar(
        select(func.count()).select_from(Paper).where(Paper.reference_list.in_(("complete", "partial")))
    )
    return describe_cited_by(read or 0, papers)


def _taxonomy(session: Session, paper: Paper) -> tuple[list[tuple[str, str]], list[tuple[str, str]]]:
    nodes = {node.id: node for node in session.scalars(select(TaxonomyNode))}
    parents = {node.id: node.parent_id for node in nodes.values()}
    primary: list[tuple[str, str]] = []
    secondary: list[tuple[str, str]] = []
    for assignment in paper.assignments:
        if assignment.is_primary:
            primary = [(node_id, nodes[node_id].label) for node_id in path_to(assignment.node_id, parents)]
        else:
            secondary.append((assignment.node_id, assignment.node.label))
    return primary, secondary


def _checkpoint(link: CheckpointLink) -> PaperCheckpoint:
    item = link.checkpoint
    return PaperCheckpoint(
        item.hub_id, item.library, item.task, item.loader_class, item.params_millions, item.licence,
        item.gated, item.revision, item.state, link.role, link.note, link.source.name, item.origin,
        item.head_revision, item.weight_bytes, item.remote_code, item.base_models, item.moved_to,
        item.mirrors, item.checked_at.isoformat(timespec="seconds") if item.checked_at else None,
        link.retrieved_at.date(),
    )  # fmt: skip


def _provenance(paper: Paper) -> list[Provenance]:
    return [
        Provenance(item.field, item.value, item.source.name, item.retrieved_at.date())
        for item in sorted(paper.field_values, key=lambda item: (item.field, item.source.name))
    ]
