"""The nearest vectors: exact, or proposed by a graph of neighbours; damaged vectors are told as such."""

import hashlib
import sys
from types import SimpleNamespace

import faiss
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import delete, select, update

from graph.errors import LibraryDamaged
from graph.library import Library
from graph.nearest import _place, prepare, write
from graph.schema import Embedding, EmbeddingModel, Paper
from graph.vectors import VectorIndex, to_blob


def unit_vectors(seed, count, dimension, copies):
    matrix = np.random.default_rng(seed).normal(size=(count, dimension)).astype(np.float32)
    matrix /= np.linalg.norm(matrix, axis=1, keepdims=True)
    matrix[count - min(copies, count) :] = matrix[0]  # ties
    return matrix


def index_of(matrix, first_id=10):
    ids = np.arange(first_id, first_id + 3 * len(matrix), 3, dtype=np.int64)
    return VectorIndex("model", "0" * 64, ids, matrix)


def agree(found, expected):
    """The same cosines; where two differ by less than rounding, either order is right."""
    np.testing.assert_allclose([cosine for _, cosine in found], [cosine for _, cosine in expected], atol=1e-6)
    assert len({paper_id for paper_id, _ in found}) == len(found)


def proposing(index, rows=None):
    """The same with something that proposes rows: by default all of them."""
    copy = VectorIndex(index.model_name, index.weights_sha256, index.ids, index.matrix)
    everything = np.arange(len(index.ids))
    copy.__dict__["_proposer"] = SimpleNamespace(propose=lambda *_: everything if rows is None else rows)
    return copy


@st.composite
def searches(draw):
    count = draw(st.integers(1, 60))
    dimension = draw(st.integers(2, 24))
    matrix = unit_vectors(draw(st.integers(0, 2**32 - 1)), count, dimension, draw(st.integers(0, 5)))
    index = index_of(matrix)
    query = matrix[draw(st.integers(0, count - 1))]
    if draw(st.booleans()):
        query = unit_vectors(draw(st.integers(0, 2**32 - 1)), 1, dimension, 0)[0]
    allowed = draw(st.none() | st.sets(st.sampled_from([*index.ids.tolist(), -1, 999_999])))
    return index, query, draw(st.integers(1, 70)), allowed


@given(searches())
def test_proposed_papers_are_ranked_by_their_exact_vectors(search):
    index, query, limit, allowed = search
    agree(proposing(index).nearest(query, limit, allowed), index.nearest(query, limit, allowed))
    some = np.arange(0, len(index.ids), 2)
    found = proposing(index, some[::-1]).nearest(query, limit)
    exact = index.nearest(query, limit, set(index.ids[some].tolist()))
    agree(found, exact)


@pytest.fixture
def many(monkeypatch):
    """An index that is large enough for a graph of neighbours, as its library says."""
    monkeypatch.setattr("graph.nearest.APPROXIMATE_FROM", 500)
    centres = unit_vectors(1, 40, 32, 0)
    matrix = np.repeat(centres, 50, axis=0) + unit_vectors(2, 2000, 32, 0)
    return index_of(matrix / np.linalg.norm(matrix, axis=1, keepdims=True))


def test_a_graph_of_neighbours_is_kept_and_finds_nearly_all_of_the_nearest(many):
    place = _place(many)
    assert many._proposer is None
    write(faiss, many, place)
    assert [each.name for each in place.parent.iterdir()] == [place.name]
    again = index_of(many.matrix)
    assert again._proposer is not None
    shares = []
    for query in unit_vectors(1, 40, 32, 0):
        exact = {paper_id for paper_id, _ in many.nearest(query, 20)}
        found = again.nearest(query, 20)
        assert [score for _, score in found] == sorted((score for _, score in found), reverse=True)
        shares.append(len(exact & {paper_id for paper_id, _ in found}) / 20)
    assert np.mean(shares) > 0.95


def test_the_graph_is_not_used_for_other_vectors_nor_when_it_is_damaged(many):
    write(faiss, many, _place(many))
    other = many.matrix.copy()
    other[7] = -other[7]
    assert index_of(other)._proposer is None
    assert index_of(many.matrix, first_id=11)._proposer is None
    _place(many).write_bytes(b"nothing")
    assert index_of(many.matrix)._proposer is None
    assert len(index_of(many.matrix).nearest(many.matrix[0], 5)) == 5


def test_small_libraries_get_no_graph_and_large_ones_one(library, monkeypatch):
    assert prepare(library) is False
    monkeypatch.setattr("graph.nearest.APPROXIMATE_FROM", 100)
    assert prepare(library) is True
    with library.reading() as session:
        index = VectorIndex.load(session)
    assert _place(index).is_file()
    made = _place(index).stat().st_mtime_ns
    assert prepare(library) is True
    assert _place(index).stat().st_mtime_ns == made
    query = index.matrix[3]
    assert index.nearest(query, 1)[0][0] == index.ids[3]


def test_without_faiss_or_a_cache_search_stays_exact(library, monkeypatch, tmp_path):
    monkeypatch.setattr("graph.nearest.APPROXIMATE_FROM", 100)
    (tmp_path / "file").touch()
    monkeypatch.setenv("VFM_ATLAS_CACHE", str(tmp_path / "file"))
    assert prepare(library) is False
    monkeypatch.setenv("VFM_ATLAS_CACHE", str(tmp_path))
    monkeypatch.setitem(sys.modules, "faiss", None)
    assert prepare(library) is False


@given(searches())
def test_the_nearest_are_those_that_a_full_sort_puts_first(search):
    index, query, limit, allowed = search
    cosines = index.matrix.astype(np.float64) @ query.astype(np.float64)
    ranked = sorted(
        cosine for paper_id, cosine in zip(index.ids.tolist(), cosines, strict=True)
        if allowed is None or paper_id in allowed
    )[::-1]  # fmt: skip
    found = index.nearest(query, limit, allowed)
    np.testing.assert_allclose([score for _, score in found], ranked[:limit], atol=1e-6)
    assert len({paper_id for paper_id, _ in found}) == len(found)
    assert allowed is None or {paper_id for paper_id, _ in found} <= allowed


@given(searches())
def test_the_same_search_again_gives_the_same(search):
    index, query, limit, allowed = search
    assert index.nearest(query, limit, allowed) == index.nearest(query, limit, allowed)


@pytest.mark.parametrize("prepare", [proposing, lambda index: index])
def test_of_equal_papers_the_lower_id_comes_first(prepare):
    index = prepare(index_of(np.repeat(np.eye(4, dtype=np.float32)[:1], 8, axis=0)))
    assert [paper_id for paper_id, _ in index.nearest(index.matrix[0], 8)] == index.ids.tolist()
    assert [paper_id for paper_id, _ in index.nearest(index.matrix[0], 3)] == index.ids[:3].tolist()


@pytest.mark.parametrize("prepare", [proposing, lambda index: index])
@pytest.mark.parametrize(("limit", "allowed"), [(5, set()), (5, {-1}), (0, None), (-2, None)])
def test_where_nothing_may_be_found_nothing_is(prepare, limit, allowed):
    index = prepare(index_of(unit_vectors(1, 6, 4, 0)))
    assert index.nearest(index.matrix[0], limit, allowed) == []


def test_an_index_without_papers_finds_nothing():
    index = index_of(np.empty((0, 4), dtype=np.float32))
    query = np.eye(4, dtype=np.float32)[0]
    assert index.nearest(query, 3) == []
    assert index.cosines(query, [1]) == {}
    assert index.of(1) is None


def test_cosines_are_given_for_the_papers_that_have_a_vector():
    matrix = np.array([[1, 0], [0, 1], [0.6, 0.8]], dtype=np.float32)
    cosines = index_of(matrix).cosines(np.array([1, 0], dtype=np.float32), [16, 10, 4, 999])
    assert cosines == pytest.approx({10: 1.0, 16: 0.6})


def test_of_gives_a_papers_own_vector_or_none():
    index = index_of(unit_vectors(2, 5, 4, 0))
    for position, paper_id in enumerate(index.ids.tolist()):
        np.testing.assert_array_equal(index.of(paper_id), index.matrix[position])
    for unknown in (0, 11, 10_000):
        assert index.of(unknown) is None


def test_stored_vectors_are_unit_vectors_of_every_paper_in_order(library, shipped):
    with library.reading() as session:
        index = VectorIndex.load(session)
        stored = session.execute(select(Embedding.paper_id, Embedding.text_sha256)).all()
        papers = session.scalars(select(Paper.id).order_by(Paper.id)).all()
    assert index.ids.tolist() == papers
    assert index.matrix.shape == (len(papers), 384)
    np.testing.assert_allclose(np.linalg.norm(index.matrix, axis=1), 1, atol=1e-5)
    by_text = shipped.by_text()
    for paper_id, text_sha256 in stored:
        np.testing.assert_array_equal(index.of(paper_id), by_text[text_sha256])


def test_a_vector_is_stored_as_little_endian_floats():
    assert to_blob(np.array([1, -2], dtype=np.float32)).hex() == "0000803f000000c0"


def test_a_library_without_vectors_has_no_index(own_path):
    with Library.open(own_path) as library, library.reading() as session:
        session.execute(delete(Embedding))
        session.execute(delete(EmbeddingModel))
        assert VectorIndex.load(session) is None


def damage(session, sizes):
    """Give the first papers vectors of these numbers of bytes."""
    for paper_id, size in enumerate(sizes, start=1):
        changed = update(Embedding).where(Embedding.paper_id == paper_id).values(vector=b"\0" * size)
        session.execute(changed)


@pytest.mark.parametrize("sizes", [(383 * 4,), (385 * 4,), (0,), (7,), (383 * 4, 385 * 4)])
def test_vectors_of_a_wrong_dimension_are_damage_with_the_way_out(own_path, sizes):
    with Library.open(own_path) as library, library.reading() as session:
        damage(session, sizes)
        with pytest.raises(LibraryDamaged) as caught:
            VectorIndex.load(session)
    assert str(caught.value) == (
        "stored vectors do not have the 384 dimensions of sentence-transformers/all-MiniLM-L6-v2: "
        "'vfm-atlas build --reembed' makes them anew"
    )


def test_the_text_that_a_vector_was_made_from_is_the_papers(library):
    with library.reading() as session:
        rows = session.execute(
            select(Paper.title, Paper.summary, Embedding.text_sha256).join(
                Embedding, Embedding.paper_id == Paper.id
            )
        ).all()
    for title, summary, text_sha256 in rows:
        told = f"{title}. {summary}" if summary else title
        assert hashlib.sha256(told.encode()).hexdigest() == text_sha256
