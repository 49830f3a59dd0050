"""A taxonomy for a library that has none: proposed as a table, edited by a person, taken in.

propose_taxonomy(session).write(path)       # id,parent,label,definition,papers
...                                         # rename, merge, move lines
apply_taxonomy(session, path)
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from sqlalchemy import delete, func, insert, select
from sqlalchemy.orm import Session

from graph.analysis.assign import AssignmentReport, assign_missing, forget_assignments
from graph.analysis.citegraph import CitationGraph
from graph.analysis.closeness import Links, links, text_vectors, vectors_in_context
from graph.analysis.communities import leiden, read_texts, telling_terms
from graph.analysis.taxonomy_file import ProposedNode, read_nodes, write_nodes
from graph.errors import TaxonomyError
from graph.schema import Assignment, Paper, Source, TaxonomyNode
from graph.vectors import VectorIndex

USER = "user"
"""Origin of what the user states."""
NAME = "applied taxonomy"
"""Name of the source of an applied taxonomy."""
ROOT = "all"
FEWEST = 4
"""A community of fewer papers is no branch."""
DIVIDED = 24
"""A community of as many papers is divided further."""
_TERMS, _LABEL_TERMS = 5, 2
_SLUG = re.compile(r"[^a-z0-9]+")


@dataclass(frozen=True)
class Proposal:
    """Nodes, each after its parent, and the keys of the papers that belong to none."""

    nodes: tuple[ProposedNode, ...]
    left: tuple[str, ...]

    def write(self, path: Path) -> None:
        """Write the nodes as a table that `apply_taxonomy` reads; raises TaxonomyError."""
        write_nodes(self.nodes, path)


@dataclass(frozen=True)
class AppliedTaxonomy:
    """What `apply_taxonomy` took in: nodes, papers that the file places, and how the others were assigned."""

    nodes: int
    papers: int
    assigned: AssignmentReport


def propose_taxonomy(session: Session) -> Proposal:
    """A taxonomy of two levels below a root: communities of papers, and communities within the large ones.

    Nodes are named by the terms that set their texts apart. The same library gives the same proposal.

    Notes
    -----
    Leiden communities of the links in meaning and citation (closeness.links). On the shipped catalogue they
    agree better with the curated taxonomy than communities of either alone (docs/assignment.md).
    """
    graph = CitationGraph.read(session)
    context = vectors_in_context(graph, text_vectors(graph, VectorIndex.load(session)))
    found = links(graph, context)
    texts = read_texts(session)
    groups = _groups(found, np.arange(len(graph)))
    parts = [_groups(found, group) if len(group) >= DIVIDED else [] for group in groups]
    names = _names([texts[key] for key in graph.keys], groups, parts)
    nodes = [ProposedNode(ROOT, None, "All papers", "The root", ())]
    for number, (group, inner) in enumerate(zip(groups, parts, strict=True)):
        node_id, label, definition = names[number, None]
        inside = np.concatenate(inner) if len(inner) > 1 else np.empty(0, dtype=np.int64)
        rest = np.setdiff1d(group, inside)
        nodes.append(ProposedNode(node_id, ROOT, label, definition, _keys(graph, rest)))
        for part, members in enumerate(inner if len(inner) > 1 else []):
            child, label, definition = names[number, part]
            nodes.append(ProposedNode(child, node_id, label, definition, _keys(graph, members)))
    everyone = np.concatenate(groups) if groups else np.empty(0, dtype=np.int64)
    left = np.setdiff1d(np.arange(len(graph)), everyone)
    return Proposal(tuple(nodes) if groups else (), _keys(graph, left))


def apply_taxonomy(session: Session, path: Path) -> AppliedTaxonomy:
    """Make an edited proposal the library's taxonomy, in the caller's transaction.

    Replaces what was applied before; papers that the file does not name are assigned by the others
    (assign_missing). The caller takes the snapshot. Raises TaxonomyError, with file and line of every
    mistake, and where the library has a taxonomy from elsewhere.
    """
    _require_none_from_elsewhere(session)
    papers = dict(session.execute(select(Paper.key, Paper.id)).all())
    nodes = read_nodes(path, papers)
    forget_assignments(session)
    mine = select(Source.id).where(Source.origin == USER, Source.name == NAME)
    session.execute(delete(Assignment).where(Assignment.source_id.in_(mine)))
    fact = {"source_id": _source(session), "retrieved_at": datetime.now(UTC).replace(tzinfo=None)}
    _write_tree(session, nodes, fact, path)
    placed = [
        {**fact, "paper_id": papers[key], "node_id": each.id, "is_primary": True, "confidence": None}
        for each in nodes
        for key in each.papers
    ]
    if placed:
        session.execute(insert(Assignment), placed)
    return AppliedTaxonomy(len(nodes), len(placed), assign_missing(session))


def _write_tree(
    session: Session, nodes: Sequence[ProposedNode], fact: Mapping[str, object], path: Path
) -> None:
    """Bring the stored nodes to those of the file."""
    pillars = _pillars(nodes)
    stored = {node.id: node for node in session.scalars(select(TaxonomyNode))}
    for position, each in enumerate(nodes):
        values = dict(
            fact, parent_id=each.parent, label=each.label, definition=each.definition,
            pillar=pillars[each.id], position=position,
        )  # fmt: skip
        if each.id in stored:
            for name, value in values.items():
                setattr(stored[each.id], name, value)
        else:
            session.add(TaxonomyNode(id=each.id, **values))
        session.flush()  # a parent must be there before its children
    kept = {each.id for each in nodes}
    gone = sorted((node for node in stored.values() if node.id not in kept), key=lambda node: -node.position)
    used = set(session.scalars(select(Assignment.node_id)))
    for node in gone:
        if node.id in used:
            raise TaxonomyError(
                f"{path.name} has no node {node.id!r}, but others than this file placed papers there: keep it"
            )
        session.delete(node)
        session.flush()


def _groups(found: Links, members: NDArray[np.int64]) -> list[NDArray[np.int64]]:
    """Communities among some papers, as positions, largest first; those that are too small are left out."""
    place_of = np.full(found.papers, -1)
    place_of[members] = np.arange(len(members))
    ends = np.stack([place_of[found.first], place_of[found.second]], axis=1)
    inside = (ends >= 0).all(axis=1)
    membership, _modularity = leiden(len(members), ends[inside], found.weight[inside])
    sizes = np.bincount(membership)
    return [members[membership == number] for number in np.flatnonzero(sizes >= FEWEST)]


def _names(
    texts: Sequence[str], groups: Sequence[NDArray[np.int64]], parts: Sequence[Sequence[NDArray[np.int64]]]
) -> Mapping[tuple[int, int | None], tuple[str, str, str]]:
    """Id, label and definition of each group (number, None) and of each of its parts (number, part)."""
    names: dict[tuple[int, int | None], tuple[str, str, str]] = {}
    taken = {ROOT}
    above = _terms(texts, groups)
    for number, terms in enumerate(above):
        names[number, None] = _name(terms, len(groups[number]), "", taken)
    for number, inner in enumerate(parts):
        if len(inner) > 1:
            prefix = f"{names[number, None][0]}."
            for part, terms in enumerate(_terms(texts, inner)):
                # What the whole branch is called does not tell its parts apart.
                own = [term for term in terms if term not in above[number][:_LABEL_TERMS]]
                names[number, part] = _name(own or terms, len(inner[part]), prefix, taken)
    return names


def _terms(texts: Sequence[str], groups: Sequence[NDArray[np.int64]]) -> list[tuple[str, ...]]:
    """What sets the texts of each group apart from those of the other groups."""
    if not groups:
        return []
    membership = np.repeat(np.arange(len(groups)), [len(group) for group in groups])
    return telling_terms([texts[at] for at in np.concatenate(groups).tolist()], membership, _TERMS)


def _name(terms: Sequence[str], size: int, prefix: str, taken: set[str]) -> tuple[str, str, str]:
    label = ", ".join(terms[:_LABEL_TERMS]) or f"{size} papers"
    slug = _SLUG.sub("-", (terms[0] if terms else "group").lower()).strip("-") or "group"
    node_id, again = f"{prefix}{slug}", 2
    while node_id in taken:
        node_id, again = f"{prefix}{slug}-{again}", again + 1
    taken.add(node_id)
    return (
        node_id,
        label[:1].upper() + label[1:],
        f"{size} papers that tell of {', '.join(terms)}" if terms else "",
    )


def _keys(graph: CitationGraph, positions: NDArray[np.int64]) -> tuple[str, ...]:
    return tuple(graph.keys[at] for at in np.sort(positions).tolist())


def _pillars(nodes: Sequence[ProposedNode]) -> dict[str, str | None]:
    """The branch below the root of each node; every node follows its parent."""
    pillars: dict[str, str | None] = {}
    for each in nodes:
        pillars[each.id] = None if each.parent is None else pillars[each.parent] or each.id
    return pillars


def _require_none_from_elsewhere(session: Session) -> None:
    rows = session.execute(
        select(Source.origin, func.count())
        .join(TaxonomyNode, TaxonomyNode.source_id == Source.id)
        .where((Source.origin != USER) | (Source.name != NAME))
        .group_by(Source.origin)
        .order_by(Source.origin)
    ).all()
    if rows:
        told = ", ".join(f"{count} nodes from {origin}" for origin, count in rows)
        raise TaxonomyError(
            f"the library has a taxonomy already ({told}): apply another one to a library without it, "
            "made with --library"
        )


def _source(session: Session) -> int:
    found = session.scalar(select(Source.id).where(Source.origin == USER, Source.name == NAME))
    if found is None:
        source = Source(origin=USER, name=NAME)
        session.add(source)
        session.flush()
        found = source.id
    return found
