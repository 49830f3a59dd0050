"""Small graphs with vectors, and libraries to which a test adds papers."""

import importlib
from collections.abc import Mapping, Sequence
from datetime import datetime
from pathlib import Path
from types import ModuleType

import numpy as np
import pytest
from hypothesis import strategies as st
from numpy.typing import NDArray
from sqlalchemy import delete, select
from sqlalchemy.orm import Session

from graph.analysis.citegraph import CitationGraph
from graph.schema import (
    Assignment,
    Citation,
    Embedding,
    EmbeddingModel,
    Paper,
    Source,
    TaxonomyNode,
)
from graph.vectors import to_blob

ROOT = Path(__file__).parent.parent
DAY = datetime(2026, 3, 4)


def benchmark(name: str) -> ModuleType:
    """A module of benchmarks/, which is not installed."""
    with pytest.MonkeyPatch.context() as patch:
        patch.syspath_prepend(str(ROOT))
        return importlib.import_module(f"benchmarks.{name}")


def unit(vectors: Sequence[Sequence[float]] | NDArray[np.float64]) -> NDArray[np.float32]:
    array = np.asarray(vectors, dtype=np.float64)
    length = np.linalg.norm(array, axis=1, keepdims=True)
    return (array / np.where(length > 0, length, 1)).astype(np.float32)


def topics(
    sizes: Sequence[int], noise: float = 0.2, dimension: int = 16, seed: int = 1
) -> NDArray[np.float32]:
    """Unit vectors of papers in topics of these sizes, one after the other."""
    draw = np.random.default_rng(seed)
    centres = np.eye(dimension)[np.repeat(np.arange(len(sizes)), sizes)]
    return unit(centres + noise * draw.standard_normal(centres.shape) / np.sqrt(dimension))


def named(count: int) -> list[str]:
    return [f"p{number:03d}" for number in range(count)]


def graph_of(count: int, edges: Sequence[tuple[int, int]] = ()) -> CitationGraph:
    keys = named(count)
    return CitationGraph.from_edges(keys, [(keys[a], keys[b]) for a, b in edges])


@st.composite
def corpora(draw: st.DrawFn, most: int = 14) -> tuple[CitationGraph, NDArray[np.float32]]:
    """A citation graph and text vectors: few dimensions, equal and missing ones among them."""
    count = draw(st.integers(0, most))
    positions = st.integers(0, max(count - 1, 0))
    edges = draw(st.lists(st.tuples(positions, positions), max_size=3 * count)) if count else []
    dimension = draw(st.sampled_from([0, 3]))
    cell = st.sampled_from([-1.0, 0.0, 0.5, 1.0])
    rows = draw(st.lists(st.tuples(*[cell] * dimension), min_size=count, max_size=count))
    return graph_of(count, edges), unit(np.array(rows, dtype=np.float64).reshape(count, dimension))


def source(session: Session, origin: str = "editors", name: str = "by hand") -> int:
    found = session.scalar(select(Source.id).where(Source.origin == origin, Source.name == name))
    if found is None:
        made = Source(origin=origin, name=name)
        session.add(made)
        session.flush()
        found = made.id
    return found


def fact(session: Session, **values: object) -> dict[str, object]:
    return {"source_id": source(session), "retrieved_at": DAY, **values}


def add_papers(
    session: Session, keys: Sequence[str], vectors: NDArray[np.float32] | None = None
) -> list[int]:
    """Papers, with vectors of the library's model (one of their own where it has none)."""
    papers = [
        Paper(key=key, title=f"On {key}", short_name=key, is_core=False, after_survey=False,
              reference_list="complete", year=2020)
        for key in keys
    ]  # fmt: skip
    session.add_all(papers)
    session.flush()
    ids = [paper.id for paper in papers]
    if vectors is not None:
        model = session.scalar(select(EmbeddingModel))
        if model is None:
            model = EmbeddingModel(name="test", weights_sha256="0" * 64, dimension=vectors.shape[1])
            session.add(model)
            session.flush()
        session.add_all(
            Embedding(paper_id=paper_id, model_id=model.id, text_sha256="", vector=to_blob(vector))
            for paper_id, vector in zip(ids, vectors, strict=True)
        )
    session.flush()
    return ids


def cite(session: Session, citing: int, cited: int) -> None:
    session.add(Citation(**fact(session, citing_id=citing, cited_id=cited)))
    session.flush()


def add_tree(session: Session, parents: Mapping[str, str | None]) -> None:
    """Taxonomy nodes, parents first; the branch below the root is a node's pillar."""
    pillars: dict[str, str | None] = {}
    for position, (node_id, parent) in enumerate(parents.items()):
        pillars[node_id] = None if parent is None else pillars[parent] or node_id
        session.add(
            TaxonomyNode(
                **fact(session), id=node_id, parent_id=parent, label=node_id, definition="",
                pillar=pillars[node_id], position=position,
            )
        )  # fmt: skip
        session.flush()


def put(session: Session, paper_id: int, node_id: str, *, is_primary: bool = True) -> None:
    """A paper's place, as an editor states it."""
    session.add(Assignment(**fact(session), paper_id=paper_id, node_id=node_id, is_primary=is_primary))
    session.flush()


def forget_taxonomy(session: Session) -> None:
    session.execute(delete(Assignment))
    nodes = select(TaxonomyNode).order_by(TaxonomyNode.position.desc())
    for node in session.scalars(nodes):
        session.delete(node)
        session.flush()
