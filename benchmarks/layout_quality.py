"""`python -m benchmarks.layout_quality`: how well maps keep neighbours together, against other layouts.

All layouts get the same links (graph.analysis.closeness) but t-SNE, which takes vectors. With --write the
tables go into docs/map.md; with --large the time for 10,000 papers is measured too.
"""

import argparse
import random
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sqlalchemy import select

from benchmarks.pages import DOCS, table, write_sections
from graph.analysis.citegraph import CitationGraph
from graph.analysis.closeness import Links, links, nearest, text_vectors, vectors_in_context
from graph.analysis.layout import draw, place
from graph.library import Library
from graph.schema import Assignment
from graph.vectors import VectorIndex
from ingest.build import build_shipped

PAGE = DOCS / "map.md"
NEAR = 15
SEED = 2312
LATER = (0.05, 0.2, 0.5)
SPLITS = 8
LARGE = (1_000, 10_000)

Points = NDArray[np.float64]


@dataclass(frozen=True)
class Corpus:
    """Papers to be laid out: citations, text vectors (n, d), and each one's taxonomy node."""

    graph: CitationGraph
    texts: NDArray[np.float32]
    nodes: NDArray[np.str_]

    @cached_property
    def context(self) -> NDArray[np.float32]:
        """Vectors in context."""
        return vectors_in_context(self.graph, self.texts)

    @cached_property
    def links(self) -> Links:
        """What the maps are drawn from."""
        return links(self.graph, self.context)

    @cached_property
    def near_by_text(self) -> NDArray[np.int64]:
        """The nearest papers by text alone, (n, NEAR)."""
        everyone = np.arange(len(self.graph))
        return nearest(self.texts, NEAR, everyone, everyone)[0]


@dataclass(frozen=True)
class Quality:
    """What a map keeps: shares of neighbours by text, of citations and of the same node among the nearest.

    `trust` is trustworthiness (sklearn) for the text vectors; `crowded` counts papers that are closer to
    another one than an eighth of the mean spacing.
    """

    trust: float
    text: float
    citations: float
    node: float
    crowded: int

    def cells(self) -> list[str]:
        """A row of the table."""
        shares = (self.trust, self.text, self.citations, self.node)
        return [*(f"{value:.3f}" for value in shares), str(self.crowded)]


def quality(corpus: Corpus, points: Points, of: NDArray[np.int64] | None = None) -> Quality:
    """The quality of a map, (n, 2); of the papers at the positions `of` where these are given."""
    from scipy.spatial import KDTree
    from sklearn.manifold import trustworthiness

    rows = np.arange(len(points)) if of is None else of
    distance, near = KDTree(points).query(points[rows], k=NEAR + 1)
    others = near[near != rows[:, None]].reshape(len(rows), -1)[:, :NEAR]
    linked = (corpus.graph.adjacency + corpus.graph.adjacency.T).tocsr()
    linked.data[:] = 1
    kept = linked[np.repeat(rows, NEAR), others.ravel()].sum()
    texts = np.mean([
        len(set(mine) & set(theirs)) / NEAR
        for mine, theirs in zip(others.tolist(), corpus.near_by_text[rows].tolist(), strict=True)
    ])  # fmt: skip
    extent = np.ptp(points, axis=0).max()
    crowded = (distance[:, 1] / extent < 0.125 / np.sqrt(len(points))).sum()
    return Quality(
        float(trustworthiness(corpus.texts, points, n_neighbors=NEAR, metric="cosine")),
        float(texts),
        float(kept / linked[rows].sum()),
        float((corpus.nodes[others] == corpus.nodes[rows][:, None]).mean()),
        int(crowded),
    )


@contextmanager
def shipped_corpus() -> Iterator[Corpus]:
    """The shipped catalogue."""
    with TemporaryDirectory() as folder, Library.create(Path(folder) / "library.sqlite") as library:
        build_shipped(library)
        with library.reading() as session:
            graph = CitationGraph.read(session)
            rows = session.execute(
                select(Assignment.paper_id, Assignment.node_id).where(Assignment.is_primary)
            )
            node = dict(rows.all())
            nodes = np.array([node[paper_id] for paper_id in graph.paper_ids.tolist()])
            yield Corpus(graph, text_vectors(graph, VectorIndex.load(session)), nodes)


def alternatives() -> dict[str, Callable[[Corpus], Points]]:
    """Every layout by its name, ours first."""
    return {
        "VFM Atlas": lambda corpus: draw(corpus.graph, corpus.context),
        "VFM Atlas, text alone": lambda corpus: draw(_without_citations(corpus.graph), corpus.texts),
        "VFM Atlas, citations alone": lambda corpus: draw(corpus.graph, corpus.texts[:, :0]),
        "t-SNE of text (scikit-learn)": lambda corpus: _tsne(corpus.texts),
        "t-SNE of text in context (scikit-learn)": lambda corpus: _tsne(corpus.context),
        "UMAP layout (igraph)": lambda corpus: _igraph(corpus, "umap", epochs=300),
        "DrL (igraph)": lambda corpus: _igraph(corpus, "drl", weights="weight"),
        "GraphOpt (igraph)": lambda corpus: _igraph(corpus, "graphopt", niter=300),
        "Fruchterman-Reingold (igraph)": lambda corpus: _igraph(
            corpus, "fruchterman_reingold", weights="weight"
        ),
        "spring_layout (networkx)": _networkx,
        "spectral": _spectral,
    }


def _without_citations(graph: CitationGraph) -> CitationGraph:
    none = np.empty(0, dtype=np.int64)
    return replace(graph, citing=none, cited=none)


def _tsne(vectors: NDArray[np.float32]) -> Points:
    from sklearn.manifold import TSNE

    found = TSNE(metric="cosine", init="pca", random_state=0, n_jobs=1).fit_transform(vectors)
    return np.asarray(found, dtype=np.float64)


def _igraph(corpus: Corpus, name: str, **options: Any) -> Points:
    import igraph

    found = corpus.links
    pairs = list(zip(found.first.tolist(), found.second.tolist(), strict=True))
    graph = igraph.Graph(n=found.papers, edges=pairs, edge_attrs={"weight": found.weight.tolist()})
    if name == "umap":
        options["dist"] = (1 - found.weight / found.weight.max()).tolist()
    igraph.set_random_number_generator(random.Random(SEED))
    try:
        return np.array(getattr(graph, f"layout_{name}")(**options).coords)
    finally:
        igraph.set_random_number_generator(random)


def _networkx(corpus: Corpus) -> Points:
    import networkx

    graph = networkx.Graph()
    graph.add_nodes_from(range(len(corpus.graph)))
    found = corpus.links
    graph.add_weighted_edges_from(
        zip(found.first.tolist(), found.second.tolist(), found.weight.tolist(), strict=True)
    )
    places = networkx.spring_layout(graph, seed=SEED)
    return np.array([places[at] for at in range(len(corpus.graph))])


def _spectral(corpus: Corpus) -> Points:
    found = corpus.links
    weights = np.zeros((found.papers, found.papers))
    weights[found.first, found.second] = weights[found.second, found.first] = found.weight
    root = np.sqrt(np.maximum(weights.sum(axis=1), 1e-9))
    _values, vectors = np.linalg.eigh(weights / np.outer(root, root))
    return np.asarray(vectors[:, [-2, -3]] / root[:, None])


def layouts(corpus: Corpus) -> str:
    """The table of layouts, with the CPU time of each."""
    _warm_up(corpus)
    rows = []
    for name, lay_out in alternatives().items():
        print(f"{name} ...", file=sys.stderr, flush=True)
        begin = time.process_time()
        points = lay_out(corpus)
        spent = time.process_time() - begin
        rows.append([name, *quality(corpus, points).cells(), f"{spent:.2f}"])
    return table(["map", "trust", "texts", "citations", "node", "crowded", "CPU s"], rows)


def _warm_up(corpus: Corpus) -> None:
    """Imports and what all layouts share are not timed."""
    import igraph
    import networkx
    import sklearn.manifold

    assert all((igraph, networkx, sklearn.manifold, corpus.links, corpus.context.any()))


def placed_later(corpus: Corpus) -> str:
    """The table of papers that are placed on a finished map, beside those of a map drawn with them."""
    whole = draw(corpus.graph, corpus.context)
    rows = []
    for share in LATER:
        found: dict[str, list[Quality]] = {"placed later": [], "drawn with all": []}
        for split in range(SPLITS):
            order = np.random.default_rng((SEED, split)).permutation(len(whole))
            new = np.sort(order[: int(share * len(whole))])
            found["placed later"].append(quality(corpus, with_later(corpus, new), new))
            found["drawn with all"].append(quality(corpus, whole, new))
        for name, each in found.items():
            values = np.array([(one.text, one.citations, one.node, one.crowded) for one in each])
            cells = [f"{mean:.3f}" for mean in values[:, :3].mean(axis=0)]
            rows.append([f"{share:.0%} of the papers, {name}", *cells, int(values[:, 3].max())])
    return table(["papers", "texts", "citations", "node", "crowded, at most"], rows)


def with_later(corpus: Corpus, new: NDArray[np.int64]) -> Points:
    """A map drawn without the papers at `new`, onto which these were placed."""
    old = np.ones(len(corpus.graph), dtype=np.bool_)
    old[new] = False
    before = corpus.graph.restricted(old)
    points = np.full((len(old), 2), np.nan)
    points[old] = draw(before, vectors_in_context(before, corpus.texts[old]))
    return place(corpus.graph, corpus.context, points)


def synthetic(papers: int) -> tuple[CitationGraph, NDArray[np.float32]]:
    """Papers in topics of about 60, with 7 citations each, seven in ten to the own topic; unit vectors."""
    draw_from = np.random.default_rng(SEED)
    topics = draw_from.standard_normal((max(papers // 60, 5), 384))
    topic = draw_from.integers(0, len(topics), papers)
    vectors = topics[topic] + 1.2 * draw_from.standard_normal((papers, 384))
    of_topic: dict[int, list[int]] = {}
    keys = [f"p{at:06d}" for at in range(papers)]
    edges = []
    for at, kind in enumerate(topic.tolist()):
        same = of_topic.setdefault(kind, [])
        for _ in range(7 if at else 0):
            own = same and draw_from.random() < 0.7
            other = same[draw_from.integers(len(same))] if own else int(draw_from.integers(at))
            edges.append((keys[at], keys[other]))
        same.append(at)
    unit = vectors / np.linalg.norm(vectors, axis=1, keepdims=True)
    return CitationGraph.from_edges(keys, edges), unit.astype(np.float32)


def large() -> str:
    """The table of CPU times for synthetic libraries."""
    rows = []
    for papers in LARGE:
        graph, texts = synthetic(papers)
        begin = time.process_time()
        points = draw(graph, vectors_in_context(graph, texts))
        drawn = time.process_time() - begin
        points[:: papers // 100] = np.nan
        begin = time.process_time()
        place(graph, vectors_in_context(graph, texts), points)
        rows.append([f"{papers:,}", f"{drawn:.1f}", f"{time.process_time() - begin:.1f}"])
    return table(["papers", "drawing all, CPU s", "placing 100 later, CPU s"], rows)


def main() -> int:
    """Measure, print, and write if asked."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.layout_quality", description=__doc__)
    parser.add_argument("--write", action="store_true", help=f"put the tables into {PAGE.name}")
    parser.add_argument("--large", action="store_true", help="also 10,000 papers")
    chosen = parser.parse_args()
    with shipped_corpus() as corpus:
        found = {"layouts": layouts(corpus), "later": placed_later(corpus)}
    if chosen.large:
        found["large"] = large()
    for name, text in found.items():
        print(f"{name}\n\n{text}\n")
    if chosen.write:
        write_sections(PAGE, found)
    return 0


if __name__ == "__main__":
    sys.exit(main())
