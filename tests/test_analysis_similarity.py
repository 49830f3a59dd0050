"""Similarity counts as defined, gives for one paper a row of the whole, and states reasons that are true."""

import numpy as np
import pytest
from citation_graphs import ODD, citation_graphs
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from sqlalchemy import delete, insert, select, update

from graph.analysis.citegraph import CitationGraph
from graph.analysis.similarity import COCITATION, COUPLING, TEXT, cocitation, coupling, similar
from graph.errors import QueryError, UnknownName
from graph.library import Library
from graph.schema import Assignment, Citation, Embedding, Paper, Source
from graph.search import Search
from graph.vectors import VectorIndex


@pytest.fixture(scope="module")
def opened(built_path):
    with Library.open(built_path) as library, library.reading() as session:
        yield session, CitationGraph.read(session), VectorIndex.load(session)


@pytest.fixture
def own(own_path):
    with Library.open(own_path) as library:
        yield library


def sets_of(graph):
    """Per paper, the papers that it cites and those that cite it."""
    references = {key: set() for key in graph.keys}
    citing = {key: set() for key in graph.keys}
    for a, b in zip(graph.citing, graph.cited, strict=True):
        references[graph.keys[a]].add(graph.keys[b])
        citing[graph.keys[b]].add(graph.keys[a])
    return references, citing


def linked_by_sets(sets, keys):
    """Counts and Salton cosines from Python sets."""
    counts = np.array([[len(sets[a] & sets[b]) * (a != b) for b in keys] for a in keys]).reshape(
        len(keys), -1
    )
    sizes = np.array([max(len(sets[key]), 1) for key in keys])
    return counts, counts / np.sqrt(np.outer(sizes, sizes))


@settings(deadline=None)
@given(citation_graphs())
def test_coupling_and_cocitation_are_what_sets_give(graph):
    assume(len(graph))
    for measure, sets in zip((coupling, cocitation), sets_of(graph), strict=True):
        counts, cosines = linked_by_sets(sets, graph.keys)
        found = measure(graph)
        np.testing.assert_array_equal(found.counts.toarray(), counts)
        np.testing.assert_allclose(found.cosines.toarray(), cosines)
        assert found.cosines.toarray().max(initial=0) <= 1 + 1e-12


@pytest.mark.parametrize("measure", [coupling, cocitation])
@settings(deadline=None)
@given(graph=citation_graphs(), data=st.data())
def test_one_row_is_that_row_of_the_whole(measure, graph, data):
    assume(len(graph))
    at = data.draw(st.integers(0, len(graph) - 1))
    row, whole = measure(graph, at), measure(graph)
    assert row.counts.shape == (1, len(graph))
    np.testing.assert_array_equal(row.counts.toarray(), whole.counts.toarray()[[at]])
    np.testing.assert_allclose(row.cosines.toarray(), whole.cosines.toarray()[[at]])


@pytest.mark.parametrize("graph", ODD.values(), ids=ODD)
def test_odd_graphs_have_a_product_of_their_size(graph):
    for measure in (coupling, cocitation):
        assert measure(graph).counts.shape == measure(graph).cosines.shape == (len(graph), len(graph))


@pytest.mark.parametrize("key", ["clip", "sam", "ddpm", "objaverse"])
def test_similar_papers_are_those_of_the_full_products_and_all_vectors(opened, key):
    session, graph, vectors = opened
    at = graph.position[key]
    texts = vectors.cosines(vectors.of(int(graph.paper_ids[at])), graph.paper_ids.tolist())
    cosines = np.array([texts[paper_id] for paper_id in graph.paper_ids.tolist()])
    shared, together = coupling(graph), cocitation(graph)
    has = (graph.citing == at).any(), (graph.cited == at).any()
    weight = TEXT + COUPLING * has[0] + COCITATION * has[1]
    scores = (
        TEXT * cosines + COUPLING * shared.cosines.toarray()[at] + COCITATION * together.cosines.toarray()[at]
    ) / weight
    scores[at] = -1
    found = similar(session, key, 25, vectors=vectors)
    best = np.lexsort((np.arange(len(graph)), -np.round(scores, 6)))[:25]
    np.testing.assert_allclose([each.score for each in found], scores[best], atol=1e-6)
    assert {each.key for each in found[:20]} <= {graph.keys[other] for other in best}
    for each in found:
        other = graph.position[each.key]
        assert each.shared_references == shared.counts.toarray()[at, other]
        assert each.cited_together == together.counts.toarray()[at, other]
        assert each.coupling == pytest.approx(shared.cosines.toarray()[at, other])
        assert each.cocitation == pytest.approx(together.cosines.toarray()[at, other])
        assert each.text == pytest.approx(cosines[other], abs=1e-6)


def test_reasons_tell_the_evidence_and_nothing_else(opened):
    session, _, vectors = opened
    for each in similar(session, "clip", 200, vectors=vectors):
        parts = []
        if each.cited_together:
            papers = "paper" if each.cited_together == 1 else "papers"
            parts.append(f"cited together with CLIP by {each.cited_together} {papers}")
        if each.shared_references:
            references = "reference" if each.shared_references == 1 else "references"
            parts.append(f"{each.shared_references} shared {references}")
        parts.append(f"texts alike {each.text:.2f}")
        assert each.reason == "; ".join(parts)


def test_citations_bring_papers_of_the_same_node_nearer_than_texts_alone(opened):
    """What the weights were chosen by, and the numbers that stand beside them."""
    session, graph, vectors = opened
    placed = select(Paper.key, Assignment.node_id).join(Assignment).where(Assignment.is_primary)
    node = dict(session.execute(placed).all())
    key_of = {int(paper_id): key for paper_id, key in zip(graph.paper_ids, graph.keys, strict=True)}
    same, same_by_text = [], []
    for at in range(0, len(graph), 5):
        key = graph.keys[at]
        same += [node[each.key] == node[key] for each in similar(session, key, 10, vectors=vectors)]
        near = vectors.nearest(vectors.of(int(graph.paper_ids[at])), 11)
        same_by_text += [node[key_of[other]] == node[key] for other, _ in near if key_of[other] != key]
    assert np.mean(same_by_text) == pytest.approx(0.27, abs=0.03)
    assert np.mean(same) == pytest.approx(0.33, abs=0.03)


def test_a_paper_without_citations_goes_by_its_text_alone(own):
    with own.writing() as session:
        session.execute(delete(Citation))
    with own.reading() as session:
        found = similar(session, "sam", 5, vectors=VectorIndex.load(session))
    texts = Search(own).similar("sam", 5)
    assert [(each.key, pytest.approx(each.score, abs=1e-6)) for each in found] == [
        (hit.key, hit.score) for hit in texts
    ]
    assert all(each.reason == f"texts alike {each.text:.2f}" for each in found)


def test_a_library_without_vectors_goes_by_citations_alone(own):
    with own.writing() as session:
        session.execute(delete(Embedding))
    with own.reading() as session:
        found = similar(session, "clip", 5)
    assert len(found) == 5
    for each in found:
        assert each.text is None
        share = (COUPLING * each.coupling + COCITATION * each.cocitation) / (COUPLING + COCITATION)
        assert each.score == pytest.approx(share)
        assert "texts alike" not in each.reason


def test_a_paper_of_which_nothing_is_known_resembles_nothing(own):
    with own.writing() as session:
        session.execute(delete(Citation))
    with own.reading() as session:
        assert similar(session, "sam") == []


def test_a_citation_stated_by_two_sources_counts_once(own):
    with own.reading() as session:
        before = similar(session, "clip", 50)
    with own.writing() as session:
        rows = session.execute(select(Citation.citing_id, Citation.cited_id, Citation.retrieved_at)).all()
        other = Source(origin="arxiv", name="arxiv.org")
        session.add(other)
        session.flush()
        session.execute(
            insert(Citation),
            [
                {"citing_id": a, "cited_id": b, "retrieved_at": when, "source_id": other.id}
                for a, b, when in rows[::2]
            ],
        )
    with own.reading() as session:
        assert similar(session, "clip", 50) == before


def test_of_equally_similar_papers_the_smaller_key_comes_first(own):
    with own.writing() as session:
        vector = session.scalar(select(Embedding.vector))
        session.execute(update(Embedding).values(vector=vector))
        session.execute(delete(Citation))
    with own.reading() as session:
        found = similar(session, "sam", 1000, vectors=VectorIndex.load(session))
    keys = [each.key for each in found]
    assert keys == sorted(keys)
    assert len(keys) == 570


def test_unknown_papers_and_limits_below_one_are_refused(opened):
    with pytest.raises(UnknownName, match=r"^no paper 'no-such-paper'$"):
        similar(opened[0], "no-such-paper")
    with pytest.raises(QueryError, match=r"^cannot show 0 results: 1 or more are allowed$"):
        similar(opened[0], "sam", 0)


def test_search_gives_related_papers_with_its_own_vectors(library, opened):
    session, _, vectors = opened
    assert Search(library).related("sam", 5) == similar(session, "sam", 5, vectors=vectors)
