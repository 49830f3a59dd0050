"""What must hold between the rows of a catalogue. Each check yields the problems it finds."""

import re
from collections.abc import Iterable, Iterator

from graph.names import fold
from ingest.errors import Problem
from ingest.rows import Catalogue, PaperRow, Row

LATEST_CITATION_MONTHS = 6
"""A reference list may name a paper whose preprint came up to this many months later (revisions)."""


def check(catalogue: Catalogue) -> Iterator[Problem]:
    """Every problem between rows, file by file."""
    yield from _unique(catalogue)
    yield from _tree(catalogue)
    yield from _no_edge_into_the_void(catalogue)
    yield from _no_self_edges(catalogue)
    yield from _citations_in_time(catalogue)
    yield from _venues_in_time(catalogue)
    yield from _reference_lists(catalogue)
    yield from _names(catalogue)
    yield from _summaries(catalogue)
    yield from _zoo(catalogue)


def _zoo(catalogue: Catalogue) -> Iterator[Problem]:
    keys = {paper.key for paper in catalogue.papers}
    names: dict[str, int] = {}
    for row in catalogue.zoo:
        if row.paper not in keys:
            yield Problem("zoo/zoo.toml", row.line, "paper", f"no paper {row.paper!r}")
        if row.name in names:
            yield Problem(
                "zoo/zoo.toml", row.line, "name", f"{row.name!r} is already entry {names[row.name]}"
            )
        names.setdefault(row.name, row.line)


def _repeated(file: str, field: str, rows: Iterable[tuple[Row, object]]) -> Iterator[Problem]:
    first: dict[object, int] = {}
    for row, value in rows:
        if value in first:
            yield Problem(file, row.line, field, f"{value!r} is already in line {first[value]}")
        elif value is not None:
            first[value] = row.line


def _unique(catalogue: Catalogue) -> Iterator[Problem]:
    papers, c = catalogue.papers, catalogue
    yield from _repeated("papers.csv", "key", ((p, p.key) for p in papers))
    yield from _repeated("papers.csv", "arxiv_id", ((p, p.arxiv_id) for p in papers))
    yield from _repeated("papers.csv", "doi", ((p, p.doi.lower() if p.doi else None) for p in papers))
    yield from _repeated("taxonomy.csv", "id", ((n, n.id) for n in c.taxonomy))
    yield from _repeated("citations.csv", "cited", ((e, (e.citing, e.cited)) for e in c.citations))
    yield from _repeated(
        "relations.csv", "target", ((r, (r.paper, r.relation, r.target)) for r in c.relations)
    )
    yield from _repeated(
        "later_citations.csv", "cited", ((e, (e.citing, e.cited)) for e in c.later_citations)
    )
    yield from _repeated("reference_lists.csv", "paper", ((r, r.paper) for r in c.reference_lists))
    yield from _repeated("summaries.csv", "key", ((s, s.key) for s in c.summaries))
    yield from _repeated("summaries.csv", "summary", ((s, s.summary) for s in c.summaries))
    yield from _repeated(
        "checkpoints.csv",
        "hub_id",
        ((k, (k.paper, k.hub_id, k.library, k.loader_class)) for k in c.checkpoints),
    )


def _tree(catalogue: Catalogue) -> Iterator[Problem]:
    parents = {node.id: node.parent for node in catalogue.taxonomy}
    roots = [node for node in catalogue.taxonomy if node.parent is None]
    for extra in roots[1:]:
        yield Problem("taxonomy.csv", extra.line, "parent", f"{extra.id!r} is a second root")
    for node in catalogue.taxonomy:
        if node.parent is not None and node.parent not in parents:
            yield Problem("taxonomy.csv", node.line, "parent", f"{node.parent!r} is no node")
        above, at = set[str](), node.parent
        while at in parents and at not in above:
            above.add(at)
            at = parents[at]
        if node.id in above:
            yield Problem("taxonomy.csv", node.line, "parent", f"{node.id!r} is its own ancestor")
    for paper in catalogue.papers:
        if paper.taxonomy not in parents:
            yield Problem(
                "papers.csv", paper.line, "taxonomy", f"{paper.taxonomy!r} is no node of taxonomy.csv"
            )
        for node_id in paper.taxonomy_secondary:
            if node_id not in parents or node_id == paper.taxonomy:
                message = f"{node_id!r} is no further node of taxonomy.csv"
                yield Problem("papers.csv", paper.line, "taxonomy_secondary", message)


def _no_edge_into_the_void(catalogue: Catalogue) -> Iterator[Problem]:
    known = {paper.key for paper in catalogue.papers}
    mentions: list[tuple[str, str, int, str]] = [
        *(("citations.csv", "citing", edge.line, edge.citing) for edge in catalogue.citations),
        *(("citations.csv", "cited", edge.line, edge.cited) for edge in catalogue.citations),
        *(("reference_lists.csv", "paper", row.line, row.paper) for row in catalogue.reference_lists),
        *(("relations.csv", "paper", edge.line, edge.paper) for edge in catalogue.relations),
        *(("relations.csv", "target", edge.line, edge.target) for edge in catalogue.relations),
        *(("checkpoints.csv", "paper", row.line, row.paper) for row in catalogue.checkpoints),
        *(("aliases.csv", "key", row.line, row.key) for row in catalogue.aliases),
        *(("summaries.csv", "key", row.line, row.key) for row in catalogue.summaries),
        ("catalogue.toml", "survey", 1, catalogue.manifest.survey),
    ]
    for file, field, line, key in mentions:
        if key not in known:
            yield Problem(file, line, field, f"{key!r} is no paper of papers.csv")


def _no_self_edges(catalogue: Catalogue) -> Iterator[Problem]:
    for citation in catalogue.citations:
        if citation.citing == citation.cited:
            yield Problem("citations.csv", citation.line, "cited", f"{citation.cited!r} cites itself")
    for relation in catalogue.relations:
        if relation.paper == relation.target:
            yield Problem("relations.csv", relation.line, "target", f"{relation.target!r} relates to itself")


def _months(paper: PaperRow) -> int | None:
    """Months since year 0; an unknown month counts as the middle of the year."""
    return None if paper.year is None else paper.year * 12 + (paper.month or 7)


def _citations_in_time(catalogue: Catalogue) -> Iterator[Problem]:
    papers = {paper.key: paper for paper in catalogue.papers}
    explained = {(row.citing, row.cited): row for row in catalogue.later_citations}
    for edge in catalogue.citations:
        if edge.citing not in papers or edge.cited not in papers:
            continue
        citing, cited = _months(papers[edge.citing]), _months(papers[edge.cited])
        if citing is None or cited is None or cited - citing <= LATEST_CITATION_MONTHS:
            continue
        if explained.pop((edge.citing, edge.cited), None) is None:
            message = f"{edge.cited!r} appeared {cited - citing} months after {edge.citing!r}"
            yield Problem("citations.csv", edge.line, "cited", message)
    for row in explained.values():
        message = f"{row.citing!r} -> {row.cited!r} is no late citation: nothing to explain"
        yield Problem("later_citations.csv", row.line, "cited", message)


def _venues_in_time(catalogue: Catalogue) -> Iterator[Problem]:
    for paper in catalogue.papers:
        year = re.search(r"\b(19|20)\d\d\b", paper.venue or "")
        if year and paper.year and int(year.group()) < paper.year:
            message = f"{paper.venue!r} is earlier than the preprint of {paper.year}"
            yield Problem("papers.csv", paper.line, "venue", message)


def _reference_lists(catalogue: Catalogue) -> Iterator[Problem]:
    read = {row.paper for row in catalogue.reference_lists if row.status != "not_found"}
    for edge in catalogue.citations:
        if edge.citing not in read:
            message = f"{edge.citing!r} has a citation but no reference list in reference_lists.csv"
            yield Problem("citations.csv", edge.line, "citing", message)
    for row in catalogue.reference_lists:
        if row.status != "not_found" and row.source is None:
            yield Problem("reference_lists.csv", row.line, "source", "a list that was read needs its source")


def _names(catalogue: Catalogue) -> Iterator[Problem]:
    """Each name, title and alias leads to one paper, or looking a paper up by name would be a guess."""
    owners: dict[str, str] = {}
    for paper in catalogue.papers:
        for field, name in (("key", paper.key), ("short_name", paper.short_name), ("title", paper.title)):
            other = owners.setdefault(fold(name), paper.key)
            if other != paper.key:
                yield Problem("papers.csv", paper.line, field, f"{name!r} already names {other!r}")
    for row in catalogue.aliases:
        folded = fold(row.alias)
        if not folded:
            yield Problem("aliases.csv", row.line, "alias", f"{row.alias!r} has no letter or digit")
        elif owners.setdefault(folded, row.key) != row.key:
            yield Problem("aliases.csv", row.line, "alias", f"{row.alias!r} already names {owners[folded]!r}")
    yield from _repeated("aliases.csv", "alias", ((row, fold(row.alias)) for row in catalogue.aliases))


def _summaries(catalogue: Catalogue) -> Iterator[Problem]:
    told = {row.key for row in catalogue.summaries}
    for paper in catalogue.papers:
        if paper.core and paper.key not in told:
            message = f"the core paper {paper.key!r} has no summary in summaries.csv"
            yield Problem("papers.csv", paper.line, "key", message)
