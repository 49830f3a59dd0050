"""The library's tables, typed.

Every fact carries a source and the moment it was retrieved. All values of a paper's fields, of every
source, stand in `FieldValue`; the columns of `Paper`, its authorships, identifiers and versions are the best
reading of them (ingest.derive). What services and files said is kept whole in `SourceRecord`. What the user
writes (notes, collections) and what was measured here (evaluations) lives in tables of its own, which a
rebuild never touches.
"""

from datetime import date, datetime
from typing import Any

from sqlalchemy import CheckConstraint, ForeignKey, MetaData, UniqueConstraint, text
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column, relationship
from sqlalchemy.types import JSON, BigInteger, LargeBinary, Text

REVISION = "0003"
"""The schema revision this release reads and writes; equal to the newest Alembic migration."""

RELATIONS: dict[str, str] = {
    "builds_on": "builds on",
    "extends": "extends",
    "initialised_from": "is initialised from",
    "distils": "distils",
    "trained_on": "is trained on",
    "evaluated_on": "is evaluated on",
    "compares_with": "compares with",
}
"""Typed relations between two papers, with the words that join them in a sentence."""

CATALOGUE = "catalogue"
"""Origin of the facts that ship with the project; a build replaces exactly these."""


class Base(DeclarativeBase):
    """Declarative base with stable constraint names, which SQLite migrations need."""

    metadata = MetaData(
        naming_convention={
            "ix": "ix_%(table_name)s_%(column_0_N_name)s",
            "uq": "uq_%(table_name)s_%(column_0_N_name)s",
            "ck": "ck_%(table_name)s_%(constraint_name)s",
            "fk": "fk_%(table_name)s_%(column_0_N_name)s",
            "pk": "pk_%(table_name)s",
        }
    )


class Source(Base):
    """Where a fact was read: a file in a repository, a service, an editor."""

    __tablename__ = "source"
    id: Mapped[int] = mapped_column(primary_key=True)
    origin: Mapped[str]
    name: Mapped[str] = mapped_column(Text)
    __table_args__ = (UniqueConstraint("origin", "name"),)


class Sourced:
    """Mixin of everything that is a fact: its source and when it was retrieved (UTC)."""

    source_id: Mapped[int] = mapped_column(ForeignKey("source.id"), index=True)
    retrieved_at: Mapped[datetime]


class Paper(Base):
    """One work; preprint and published text are versions of it."""

    __tablename__ = "paper"
    id: Mapped[int] = mapped_column(primary_key=True)
    key: Mapped[str] = mapped_column(unique=True)
    title: Mapped[str] = mapped_column(Text)
    short_name: Mapped[str]
    summary: Mapped[str | None] = mapped_column(Text)
    abstract: Mapped[str | None] = mapped_column(Text)
    year: Mapped[int | None] = mapped_column(index=True)
    month: Mapped[int | None]
    venue: Mapped[str | None]
    code_url: Mapped[str | None]
    is_core: Mapped[bool]
    after_survey: Mapped[bool]
    reference_list: Mapped[str] = mapped_column(default="unread")
    reference_entries: Mapped[int | None]
    __table_args__ = (
        CheckConstraint("month IS NULL OR month BETWEEN 1 AND 12", name="month"),
        CheckConstraint(
            "reference_list IN ('complete', 'partial', 'not_found', 'unread')", name="reference_list"
        ),
    )

    authorships: Mapped[list["Authorship"]] = relationship(order_by="Authorship.position", viewonly=True)
    identifiers: Mapped[list["Identifier"]] = relationship(
        order_by="Identifier.scheme, Identifier.position", viewonly=True
    )
    versions: Mapped[list["Version"]] = relationship(order_by="Version.kind.desc()", viewonly=True)
    aliases: Mapped[list["Alias"]] = relationship(order_by="Alias.name", viewonly=True)
    assignments: Mapped[list["Assignment"]] = relationship(
        order_by="Assignment.is_primary.desc(), Assignment.node_id", viewonly=True
    )
    checkpoint_links: Mapped[list["CheckpointLink"]] = relationship(
        order_by="CheckpointLink.position", viewonly=True
    )
    field_values: Mapped[list["FieldValue"]] = relationship(viewonly=True)
    notes: Mapped[list["Note"]] = relationship(order_by="Note.created_at", viewonly=True)


class FieldValue(Sourced, Base):
    """One value of one field of a paper as one source gives it."""

    __tablename__ = "field_value"
    paper_id: Mapped[int] = mapped_column(ForeignKey("paper.id", ondelete="CASCADE"), primary_key=True)
    field: Mapped[str] = mapped_column(primary_key=True)
    source_id: Mapped[int] = mapped_column(ForeignKey("source.id"), primary_key=True)
    value: Mapped[str] = mapped_column(Text)
    source: Mapped[Source] = relationship(viewonly=True)


class Author(Base):
    """A person as named on a paper; names are not yet told apart beyond their spelling."""

    __tablename__ = "author"
    id: Mapped[int] = mapped_column(primary_key=True)
    name: Mapped[str] = mapped_column(unique=True)


class Authorship(Sourced, Base):
    """An author's place in the list of a paper, counted from 0."""

    __tablename__ = "authorship"
    paper_id: Mapped[int] = mapped_column(ForeignKey("paper.id", ondelete="CASCADE"), primary_key=True)
    position: Mapped[int] = mapped_column(primary_key=True)
    author_id: Mapped[int] = mapped_column(ForeignKey("author.id"), index=True)
    author: Mapped[Author] = relationship(viewonly=True)


class Identifier(Sourced, Base):
    """A name that another system gives a paper: scheme `arxiv`, `doi`, `s2`, `openalex` or `corpus`.

    `position` orders a paper's names of one scheme; the one at 0 is shown.
    """

    __tablename__ = "identifier"
    scheme: Mapped[str] = mapped_column(primary_key=True)
    value: Mapped[str] = mapped_column(primary_key=True)
    paper_id: Mapped[int] = mapped_column(ForeignKey("paper.id", ondelete="CASCADE"), index=True)
    position: Mapped[int] = mapped_column(server_default=text("0"))


class Version(Sourced, Base):
    """A text of the work: kind `preprint` (year and month) or `published` (venue and year).

    `identifier` names that very text, as `arXiv:...` or `doi:...`, where it is known.
    """

    __tablename__ = "version"
    id: Mapped[int] = mapped_column(primary_key=True)
    paper_id: Mapped[int] = mapped_column(ForeignKey("paper.id", ondelete="CASCADE"), index=True)
    kind: Mapped[str]
    venue: Mapped[str | None]
    year: Mapped[int | None]
    month: Mapped[int | None]
    identifier: Mapped[str | None]
    __table_args__ = (CheckConstraint("kind IN ('preprint', 'published')", name="kind"),)


class Alias(Sourced, Base):
    """Another name by which people look for a paper; points to one paper only."""

    __tablename__ = "alias"
    folded: Mapped[str] = mapped_column(primary_key=True)
    name: Mapped[str]
    paper_id: Mapped[int] = mapped_column(ForeignKey("paper.id", ondelete="CASCADE"), index=True)


class Citation(Sourced, Base):
    """`citing` has `cited` in its reference list, as read from one source.

    `contexts` are the sentences around the citation, `intents` what it serves (background, methodology,
    result), where the source tells.
    """

    __tablename__ = "citation"
    citing_id: Mapped[int] = mapped_column(ForeignKey("paper.id", ondelete="CASCADE"), primary_key=True)
    cited_id: Mapped[int] = mapped_column(
        ForeignKey("paper.id", ondelete="CASCADE"), primary_key=True, index=True
    )
    source_id: Mapped[int] = mapped_column(ForeignKey("source.id"), primary_key=True)
    matched_title: Mapped[str | None] = mapped_column(Text)
    match_kind: Mapped[str | None]
    contexts: Mapped[list[str] | None] = mapped_column(JSON(none_as_null=True))
    intents: Mapped[list[str] | None] = mapped_column(JSON(none_as_null=True))
    is_influential: Mapped[bool | None]
    __table_args__ = (CheckConstraint("citing_id <> cited_id", name="not_self"),)


class Relation(Sourced, Base):
    """A typed statement about two papers, such as `builds_on`; see RELATIONS."""

    __tablename__ = "relation"
    paper_id: Mapped[int] = mapped_column(ForeignKey("paper.id", ondelete="CASCADE"), primary_key=True)
    kind: Mapped[str] = mapped_column(primary_key=True)
    target_id: Mapped[int] = mapped_column(
        ForeignKey("paper.id", ondelete="CASCADE"), primary_key=True, index=True
    )
    source_id: Mapped[int] = mapped_column(ForeignKey("source.id"), primary_key=True)
    __table_args__ = (CheckConstraint("paper_id <> target_id", name="not_self"),)


class TaxonomyNode(Sourced, Base):
    """A node of the taxonomy; `pillar` is the branch below the root that it belongs to."""

    __tablename__ = "taxonomy_node"
    id: Mapped[str] = mapped_column(primary_key=True)
    parent_id: Mapped[str | None] = mapped_column(ForeignKey("taxonomy_node.id"), index=True)
    label: Mapped[str]
    definition: Mapped[str] = mapped_column(Text)
    pillar: Mapped[str | None]
    position: Mapped[int]


class Assignment(Sourced, Base):
    """A paper's place in the taxonomy: one primary node, any number of secondary ones."""

    __tablename__ = "assignment"
    paper_id: Mapped[int] = mapped_column(ForeignKey("paper.id", ondelete="CASCADE"), primary_key=True)
    node_id: Mapped[str] = mapped_column(ForeignKey("taxonomy_node.id"), primary_key=True, index=True)
    is_primary: Mapped[bool]
    confidence: Mapped[float | None]
    node: Mapped[TaxonomyNode] = relationship(viewonly=True)


class Checkpoint(Base):
    """Weights that one class of one library loads: on a hub, or `bundled` with the project.

    Nulls are facts not known. `revision` is the commit that is used here, null while it is not pinned yet;
    `head_revision` is the newest one when the hub was asked last (`checked_at`). `files` are those of the
    pinned revision, else of the head. A base model means that these weights derive from others'.
    """

    __tablename__ = "checkpoint"
    id: Mapped[int] = mapped_column(primary_key=True)
    hub_id: Mapped[str]
    library: Mapped[str]
    loader_class: Mapped[str]
    task: Mapped[str]
    params_millions: Mapped[float | None]
    licence: Mapped[str | None]
    gated: Mapped[bool | None]
    revision: Mapped[str | None]
    state: Mapped[str] = mapped_column(default="unchecked")
    checked_at: Mapped[datetime | None]
    origin: Mapped[str] = mapped_column(default="hub", server_default="hub")
    head_revision: Mapped[str | None]
    weight_bytes: Mapped[int | None] = mapped_column(BigInteger)
    remote_code: Mapped[bool | None]
    base_models: Mapped[list[str] | None] = mapped_column(JSON(none_as_null=True))
    moved_to: Mapped[str | None]
    mirrors: Mapped[list[str] | None] = mapped_column(JSON(none_as_null=True))

    files: Mapped[list["CheckpointFile"]] = relationship(order_by="CheckpointFile.path", viewonly=True)
    __table_args__ = (
        UniqueConstraint("hub_id", "library", "loader_class"),
        CheckConstraint("state IN ('live', 'moved', 'gated', 'gone', 'unchecked')", name="state"),
    )


class CheckpointFile(Base):
    """A file of a checkpoint; `sha256` where the hub keeps it by that hash, else its git blob's hash."""

    __tablename__ = "checkpoint_file"
    checkpoint_id: Mapped[int] = mapped_column(
        ForeignKey("checkpoint.id", ondelete="CASCADE"), primary_key=True
    )
    path: Mapped[str] = mapped_column(primary_key=True)
    bytes: Mapped[int | None] = mapped_column(BigInteger)
    sha256: Mapped[str | None]
    git_sha1: Mapped[str | None]


class CheckpointLink(Sourced, Base):
    """That a checkpoint belongs to a paper, in which role (graph.checkpoints.ROLES), and who says so."""

    __tablename__ = "checkpoint_link"
    paper_id: Mapped[int] = mapped_column(ForeignKey("paper.id", ondelete="CASCADE"), primary_key=True)
    checkpoint_id: Mapped[int] = mapped_column(
        ForeignKey("checkpoint.id", ondelete="CASCADE"), primary_key=True, index=True
    )
    role: Mapped[str | None]
    note: Mapped[str | None]
    position: Mapped[int]
    checkpoint: Mapped[Checkpoint] = relationship(viewonly=True)
    source: Mapped[Source] = relationship(viewonly=True)


class HubMention(Sourced, Base):
    """A model repository on the hub whose card names a paper: a candidate for a link, not yet one.

    Cards mention papers freely, so most are derivatives; `rank` orders them (ingest.hublinks), 1 first.
    """

    __tablename__ = "hub_mention"
    paper_id: Mapped[int] = mapped_column(ForeignKey("paper.id", ondelete="CASCADE"), primary_key=True)
    hub_id: Mapped[str] = mapped_column(primary_key=True, index=True)
    rank: Mapped[int]
    library: Mapped[str | None]
    task: Mapped[str | None]
    licence: Mapped[str | None]
    gated: Mapped[bool | None]
    downloads: Mapped[int | None]
    likes: Mapped[int | None]
    revision: Mapped[str | None]
    base_models: Mapped[list[str]] = mapped_column(JSON)


class SourceRecord(Sourced, Base):
    """What one source says of one work, whole (`content`, see ingest.record), and the paper it belongs to.

    `matched_by` tells what joined it with the rest of the paper; None where it began the paper. A record in a
    `separate_group` was taken out of a paper by a person and joins only records of the same group.
    """

    __tablename__ = "source_record"
    id: Mapped[int] = mapped_column(primary_key=True)
    external_id: Mapped[str]
    content: Mapped[dict[str, Any]] = mapped_column(JSON)
    paper_id: Mapped[int | None] = mapped_column(ForeignKey("paper.id"), index=True)
    matched_by: Mapped[str | None]
    separate_group: Mapped[str | None]
    source: Mapped[Source] = relationship(viewonly=True)
    __table_args__ = (UniqueConstraint("source_id", "external_id"),)


class FormerRecord(Base):
    """What a source said before it said something else."""

    __tablename__ = "former_record"
    id: Mapped[int] = mapped_column(primary_key=True)
    record_id: Mapped[int] = mapped_column(ForeignKey("source_record.id", ondelete="CASCADE"), index=True)
    content: Mapped[dict[str, Any]] = mapped_column(JSON)
    retrieved_at: Mapped[datetime]
    replaced_at: Mapped[datetime]


class IngestRun(Base):
    """One ingest or update: what was asked for, how far it came, and what it could not get."""

    __tablename__ = "ingest_run"
    id: Mapped[int] = mapped_column(primary_key=True)
    kind: Mapped[str]
    subject: Mapped[str] = mapped_column(Text)
    inputs_sha256: Mapped[str]
    state: Mapped[str] = mapped_column(default="running")
    started_at: Mapped[datetime]
    finished_at: Mapped[datetime | None]
    snapshot_id: Mapped[str | None]
    unanswered: Mapped[list[str]] = mapped_column(JSON, default=list)
    __table_args__ = (CheckConstraint("state IN ('running', 'done')", name="state"),)

    stages: Mapped[list["IngestStage"]] = relationship(order_by="IngestStage.position", viewonly=True)


class IngestStage(Base):
    """A stage of a run that is done; its facts and this row were committed together."""

    __tablename__ = "ingest_stage"
    run_id: Mapped[int] = mapped_column(ForeignKey("ingest_run.id", ondelete="CASCADE"), primary_key=True)
    name: Mapped[str] = mapped_column(primary_key=True)
    position: Mapped[int]
    finished_at: Mapped[datetime]
    result: Mapped[str]


class EmbeddingModel(Base):
    """The one model whose vectors a library holds; vectors of two models are never mixed."""

    __tablename__ = "embedding_model"
    id: Mapped[int] = mapped_column(primary_key=True)
    name: Mapped[str]
    weights_sha256: Mapped[str]
    dimension: Mapped[int]
    __table_args__ = (UniqueConstraint("name", "weights_sha256"),)


class Embedding(Base):
    """A paper's unit vector (little-endian float32) and the SHA-256 of the text it was made from."""

    __tablename__ = "embedding"
    paper_id: Mapped[int] = mapped_column(ForeignKey("paper.id", ondelete="CASCADE"), primary_key=True)
    model_id: Mapped[int] = mapped_column(ForeignKey("embedding_model.id", ondelete="CASCADE"), index=True)
    text_sha256: Mapped[str]
    vector: Mapped[bytes]


class MapPosition(Base):
    """A paper's place on the map (graph.analysis.layout). Once placed it stays: maps are learnt by heart."""

    __tablename__ = "map_position"
    paper_id: Mapped[int] = mapped_column(ForeignKey("paper.id", ondelete="CASCADE"), primary_key=True)
    x: Mapped[float]
    y: Mapped[float]


class Analysis(Base):
    """A result that was computed from a snapshot, kept so that it is computed once (graph.analysis.store)."""

    __tablename__ = "analysis"
    snapshot_id: Mapped[str] = mapped_column(ForeignKey("snapshot.id", ondelete="CASCADE"), primary_key=True)
    name: Mapped[str] = mapped_column(primary_key=True)
    content: Mapped[bytes] = mapped_column(LargeBinary)


class EvaluationRun(Base):
    """One attempt to measure a checkpoint on a task: what was asked, what came of it, and where.

    Belongs to no checkpoint's row, so that it outlives them. `low` and `high` bound the value's 95 %
    interval; `outputs` are JSON lines, one an example, compressed by zlib.
    """

    __tablename__ = "evaluation_run"
    id: Mapped[int] = mapped_column(primary_key=True)
    spec_hash: Mapped[str] = mapped_column(index=True)
    hub_id: Mapped[str] = mapped_column(index=True)
    library: Mapped[str]
    loader_class: Mapped[str]
    revision: Mapped[str | None]
    weights_sha256: Mapped[str | None]
    task: Mapped[str]
    task_version: Mapped[str]
    dataset: Mapped[str]
    dataset_fingerprint: Mapped[str | None]
    n: Mapped[int | None]
    seed: Mapped[int | None]
    state: Mapped[str]
    reason: Mapped[str | None] = mapped_column(Text)
    metric: Mapped[str | None]
    value: Mapped[float | None]
    low: Mapped[float | None]
    high: Mapped[float | None]
    chance: Mapped[float | None]
    baseline: Mapped[float | None]
    metrics: Mapped[dict[str, Any] | None] = mapped_column(JSON(none_as_null=True))
    published: Mapped[dict[str, Any] | None] = mapped_column(JSON(none_as_null=True))
    environment: Mapped[dict[str, Any]] = mapped_column(JSON)
    seconds: Mapped[float | None]
    peak_bytes: Mapped[int | None] = mapped_column(BigInteger)
    started_at: Mapped[datetime]
    finished_at: Mapped[datetime | None]
    outputs: Mapped[bytes | None] = mapped_column(LargeBinary, deferred=True)
    __table_args__ = (CheckConstraint("state IN ('done', 'failed', 'cancelled', 'refused')", name="state"),)


class Collection(Base):
    """A reading list of the user's."""

    __tablename__ = "collection"
    id: Mapped[int] = mapped_column(primary_key=True)
    name: Mapped[str] = mapped_column(unique=True)
    created_at: Mapped[datetime]


class CollectionItem(Base):
    """A paper in a reading list."""

    __tablename__ = "collection_item"
    collection_id: Mapped[int] = mapped_column(
        ForeignKey("collection.id", ondelete="CASCADE"), primary_key=True
    )
    paper_id: Mapped[int] = mapped_column(ForeignKey("paper.id"), primary_key=True, index=True)
    added_at: Mapped[datetime]


class Note(Base):
    """What the user wrote about a paper."""

    __tablename__ = "note"
    id: Mapped[int] = mapped_column(primary_key=True)
    paper_id: Mapped[int] = mapped_column(ForeignKey("paper.id"), index=True)
    text: Mapped[str] = mapped_column(Text)
    created_at: Mapped[datetime]


class Snapshot(Base):
    """A state of the facts: `id` is the hash of them all, so equal facts have equal ids.

    `content` is what graph.diff compares; None for a snapshot of a release that did not keep it.
    """

    __tablename__ = "snapshot"
    id: Mapped[str] = mapped_column(primary_key=True)
    created_at: Mapped[datetime]
    facts_date: Mapped[date]
    counts: Mapped[dict[str, int]] = mapped_column(JSON)
    is_current: Mapped[bool]
    content: Mapped[bytes | None] = mapped_column(LargeBinary, deferred=True)
