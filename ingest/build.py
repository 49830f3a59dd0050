"""Building the library from a catalogue: one transaction, idempotent, and the user's own stays untouched.

Exactly the facts whose source has the origin `catalogue` are replaced; facts from elsewhere, notes,
collections and evaluations are kept, and so is every paper that any of them speaks of.
"""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import delete, exists, insert, select, update
from sqlalchemy.dialects import sqlite
from sqlalchemy.orm import Session

from graph import textindex
from graph.analysis.assign import forget_assignments
from graph.checkpoints import BUNDLED, RepoFile, write_files
from graph.encoder import Encoder
from graph.library import Library
from graph.names import fold
from graph.schema import (
    CATALOGUE,
    Alias,
    Assignment,
    Base,
    Checkpoint,
    CheckpointLink,
    Citation,
    CollectionItem,
    EvaluationRun,
    FieldValue,
    HubMention,
    Note,
    Paper,
    Relation,
    Source,
    SourceRecord,
    TaxonomyNode,
)
from graph.snapshot import count_facts, current_snapshot_id, take_snapshot
from ingest.catalogue import read_catalogue, shipped_folder
from ingest.derive import AUTHOR_SEPARATOR
from ingest.embedding import EmbeddingReport, ShippedVectors, embed_library
from ingest.merge import consolidate
from ingest.rows import Catalogue, PaperRow

Values = dict[str, Any]
# What is known of a reference list that could not be found rests on the editors' own file.
_LISTS = "data/reference_lists.csv"
_FACTS = (FieldValue, Alias, Citation, Relation, Assignment, CheckpointLink)
_SPEAK_OF_PAPERS = (
    FieldValue.paper_id, SourceRecord.paper_id, Alias.paper_id, Citation.citing_id, Citation.cited_id,
    Relation.paper_id, Relation.target_id, Assignment.paper_id, CheckpointLink.paper_id, HubMention.paper_id,
    Note.paper_id, CollectionItem.paper_id,
)  # fmt: skip


@dataclass(frozen=True)
class BuildReport:
    """What a build did: the snapshot it reached, whether that was there before, and what it holds."""

    snapshot: str
    changed: bool
    counts: dict[str, int]
    embedding: EmbeddingReport


def build(
    library: Library,
    catalogue: Catalogue,
    shipped: ShippedVectors | None = None,
    encoder: Encoder | None = None,
    *,
    reembed: bool = False,
    progress: Callable[[str], None] = lambda _step: None,
) -> BuildReport:
    """Bring a library to a catalogue's facts; all of it or nothing is kept.

    `encoder` chooses another embedding model than the library's; `reembed` computes every vector anew.
    Raises LibraryBusy, LibraryUnwritable or ModelError.
    """
    from graph.analysis.assign import assign_stage
    from graph.analysis.layout import layout_stage

    with library.writing() as session:
        before = current_snapshot_id(session)
        progress(f"{len(catalogue.papers)} papers")
        _Writer(session, catalogue).write()
        consolidate(session)
        progress("vectors")
        embedding = embed_library(session, shipped, encoder, anew=reembed)
        progress("places in the taxonomy and on the map")
        assign_stage(session)
        layout_stage(session)
        progress("search index")
        textindex.rebuild(session)
        snapshot = take_snapshot(session)
        return BuildReport(snapshot.id, snapshot.id != before, count_facts(session), embedding)


def build_shipped(
    library: Library,
    encoder: Encoder | None = None,
    *,
    reembed: bool = False,
    progress: Callable[[str], None] = lambda _step: None,
) -> BuildReport:
    """Bring a library to the catalogue and the vectors that ship with the project; see build."""
    shipped = ShippedVectors.read(shipped_folder())
    return build(library, read_catalogue(), shipped, encoder, reembed=reembed, progress=progress)


class _Writer:
    """Writes one catalogue into one open transaction."""

    def __init__(self, session: Session, catalogue: Catalogue) -> None:
        self.session = session
        self.catalogue = catalogue
        self.collected = datetime.combine(catalogue.manifest.collected_on, datetime.min.time())
        self.sources: dict[str, int] = {}
        self.ids: dict[str, int] = {}
        self.told_before: set[int] = set()

    def write(self) -> None:
        self._forget_catalogue_facts()
        self._sources()
        self._papers()
        self._taxonomy()
        self._add(FieldValue, self._field_values())
        self._add(Alias, self._aliases())
        self._add(Assignment, self._assignments())
        self._add(Citation, self._citations())
        self._add(Relation, self._relations())
        self._checkpoints()
        self._bundled()
        self._disown_papers()
        self._drop_what_nothing_speaks_of()

    def _forget_catalogue_facts(self) -> None:
        mine = select(Source.id).where(Source.origin == CATALOGUE)
        told = select(FieldValue.paper_id).where(FieldValue.source_id.in_(mine)).distinct()
        self.told_before = set(self.session.scalars(told))
        for table in _FACTS:
            self.session.execute(delete(table).where(table.source_id.in_(mine)))
        # A place that was only inferred keeps no paper and stands in nobody's way.
        forget_assignments(self.session)

    def _sources(self) -> None:
        c, named = self.catalogue, self.catalogue.manifest.sources
        names = {named.taxonomy, named.summaries, named.aliases}
        for rows in (c.papers, c.citations, c.relations, c.checkpoints):
            names.update(row.source for row in rows)
        names.update(row.source or _LISTS for row in c.reference_lists)
        stored = select(Source.name, Source.id).where(Source.origin == CATALOGUE)
        known = set(self.session.scalars(stored))
        new = [{"origin": CATALOGUE, "name": name} for name in sorted(names - known)]
        self._insert(Source, new)
        self.sources = dict(self.session.execute(stored).all())

    def _fact(self, source: str, **values: object) -> Values:
        return {"source_id": self.sources[source], "retrieved_at": self.collected, **values}

    def _papers(self) -> None:
        stored = {paper.key: paper for paper in self.session.scalars(select(Paper))}
        for row in self.catalogue.papers:
            paper = stored.get(row.key)
            if paper is None:
                # The facts follow as field values; the columns are derived from these.
                paper = Paper(
                    key=row.key, title=row.title, short_name=row.short_name, reference_list="unread"
                )
                self.session.add(paper)
            paper.is_core, paper.after_survey = row.core, row.after_survey
        self.session.flush()
        self.ids = dict(self.session.execute(select(Paper.key, Paper.id)).all())

    def _taxonomy(self) -> None:
        source = self.catalogue.manifest.sources.taxonomy
        parents = {row.id: row.parent for row in self.catalogue.taxonomy}
        stored = {node.id: node for node in self.session.scalars(select(TaxonomyNode))}
        for position, row in enumerate(_parents_first(parents)):
            node = self.catalogue.taxonomy[row]
            values = self._fact(
                source, id=node.id, parent_id=node.parent, label=node.label, definition=node.definition,
                pillar=_pillar(node.id, parents), position=position,
            )  # fmt: skip
            if node.id in stored:
                for name, value in values.items():
                    setattr(stored[node.id], name, value)
            else:
                self.session.add(TaxonomyNode(**values))
            self.session.flush()

    def _field_values(self) -> Iterator[Values]:
        for row in self.catalogue.papers:
            for field, value in _known_fields(row):
                yield self._fact(row.source, paper_id=self.ids[row.key], field=field, value=value)
        for summary in self.catalogue.summaries:
            source = self.catalogue.manifest.sources.summaries
            paper_id = self.ids[summary.key]
            yield self._fact(source, paper_id=paper_id, field="summary", value=summary.summary)
        for read in self.catalogue.reference_lists:
            facts = {"paper_id": self.ids[read.paper]}
            name = read.source or _LISTS
            yield self._fact(name, **facts, field="reference_list", value=read.status)
            if read.entries_seen is not None:
                yield self._fact(name, **facts, field="reference_entries", value=str(read.entries_seen))

    def _aliases(self) -> Iterator[Values]:
        source = self.catalogue.manifest.sources.aliases
        for row in self.catalogue.aliases:
            paper_id = self.ids[row.key]
            yield self._fact(source, folded=fold(row.alias), name=row.alias, paper_id=paper_id)

    def _assignments(self) -> Iterator[Values]:
        for row in self.catalogue.papers:
            for node_id in (row.taxonomy, *row.taxonomy_secondary):
                yield self._fact(
                    row.source, paper_id=self.ids[row.key], node_id=node_id,
                    is_primary=node_id == row.taxonomy, confidence=None,
                )  # fmt: skip

    def _citations(self) -> Iterator[Values]:
        for row in self.catalogue.citations:
            yield self._fact(
                row.source, citing_id=self.ids[row.citing], cited_id=self.ids[row.cited],
                matched_title=row.matched_title, match_kind=row.match_kind,
            )  # fmt: skip

    def _relations(self) -> Iterator[Values]:
        for row in self.catalogue.relations:
            yield self._fact(
                row.source, paper_id=self.ids[row.paper], kind=row.relation, target_id=self.ids[row.target]
            )

    def _checkpoints(self) -> None:
        stored = {
            (item.hub_id, item.library, item.loader_class): item
            for item in self.session.scalars(select(Checkpoint))
        }
        for row in self.catalogue.checkpoints:
            name = (row.hub_id, row.library, row.loader_class)
            item = stored.get(name)
            if item is None:
                item = Checkpoint(hub_id=row.hub_id, library=row.library, loader_class=row.loader_class)
                stored[name] = item
                self.session.add(item)
            # State, revision and what the hub said of it are not the catalogue's to reset.
            item.task = row.task
            item.params_millions = row.params_millions or item.params_millions
            item.licence = row.licence or item.licence
        self.session.flush()
        self._add(
            CheckpointLink,
            (
                self._fact(
                    row.source,
                    paper_id=self.ids[row.paper],
                    role=row.role,
                    note=row.note,
                    position=position,
                    checkpoint_id=stored[row.hub_id, row.library, row.loader_class].id,
                )
                for position, row in enumerate(self.catalogue.checkpoints)
            ),
        )

    def _bundled(self) -> None:
        """Mark the checkpoints that ship with the project, which no hub is asked about."""
        rows = {row.hub_id: row for row in self.catalogue.zoo}
        for item in self.session.scalars(select(Checkpoint).where(Checkpoint.hub_id.in_(rows))):
            files = rows[item.hub_id].files
            item.origin, item.state, item.gated, item.remote_code = BUNDLED, "live", False, False
            write_files(self.session, item, [RepoFile(f.path, f.bytes, f.sha256, None) for f in files])
            item.weight_bytes = sum(f.bytes for f in files if f.path.endswith(".safetensors"))

    def _disown_papers(self) -> None:
        """A paper that left the catalogue, if others keep it, claims no more than they say of it."""
        kept = [row.key for row in self.catalogue.papers]
        disowned = update(Paper).where(Paper.id.in_(self.told_before), Paper.key.not_in(kept))
        self.session.execute(disowned.values(is_core=False))
        cites_nothing = Paper.id.not_in(select(Citation.citing_id))
        self.session.execute(
            disowned.where(cites_nothing).values(reference_list="unread", reference_entries=None)
        )

    def _drop_what_nothing_speaks_of(self) -> None:
        """Remove what an earlier catalogue brought and nobody else mentions."""
        session = self.session
        kept = [row.key for row in self.catalogue.papers]
        stale = delete(Paper).where(Paper.key.not_in(kept))
        for paper_id in _SPEAK_OF_PAPERS:
            stale = stale.where(Paper.id.not_in(select(paper_id)))
        session.execute(stale)
        session.execute(
            delete(Checkpoint).where(
                Checkpoint.id.not_in(select(CheckpointLink.checkpoint_id)),
                Checkpoint.hub_id.not_in(select(EvaluationRun.hub_id)),
            )
        )
        nodes = {row.id for row in self.catalogue.taxonomy}
        for node in session.scalars(select(TaxonomyNode).order_by(TaxonomyNode.position.desc())):
            used = exists().where(Assignment.node_id == node.id)
            has_children = exists().where(TaxonomyNode.parent_id == node.id)
            if node.id not in nodes and not session.scalar(select(used | has_children)):
                session.delete(node)
                session.flush()

    def _add(self, table: type[Base], rows: Iterable[Values]) -> None:
        """Write facts; one that another origin has stated already stays theirs."""
        values = list(rows)
        if values:
            self.session.execute(sqlite.insert(table).on_conflict_do_nothing(), values)

    def _insert(self, table: type[Base], rows: list[Values]) -> None:
        if rows:
            self.session.execute(insert(table), rows)


def _known_fields(row: PaperRow) -> Iterator[tuple[str, str]]:
    """Fields of a paper that have a value, as text; a blank is no fact."""
    for field in ("title", "short_name", "arxiv_id", "doi", "year", "month", "venue", "code_url"):
        value = getattr(row, field)
        if value is not None:
            yield field, str(value)
    if row.authors:
        yield "authors", AUTHOR_SEPARATOR.join(row.authors)


def _pillar(node_id: str, parents: dict[str, str | None]) -> str | None:
    """The branch below the root that a node belongs to; None for the root."""
    at, parent = node_id, parents[node_id]
    if parent is None:
        return None
    while parents[parent] is not None:
        at, parent = parent, str(parents[parent])
    return at


def _parents_first(parents: dict[str, str | None]) -> list[int]:
    """Positions of the nodes such that each follows its parent, in the file's order among siblings."""
    order = list(parents)
    children: dict[str | None, list[str]] = {}
    for node_id, parent in parents.items():
        children.setdefault(parent, []).append(node_id)
    walked: list[int] = []
    stack = list(reversed(children.get(None, [])))
    while stack:
        at = stack.pop()
        walked.append(order.index(at))
        stack.extend(reversed(children.get(at, [])))
    return walked
