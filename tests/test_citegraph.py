"""The citation graph as arrays: what the library holds, once, in the order of keys, and acyclic by rule."""

import networkx as nx
import numpy as np
import pytest
from citation_graphs import ODD, as_networkx, citation_graphs
from helpers import elsewhere, paper_id
from hypothesis import given, settings
from hypothesis import strategies as st
from sqlalchemy import delete, insert, select

from graph.analysis.citegraph import CitationGraph
from graph.library import Library
from graph.schema import Citation, Paper

every_odd_graph = pytest.mark.parametrize("graph", ODD.values(), ids=ODD)


def edges_of(graph):
    return {(graph.keys[a], graph.keys[b]) for a, b in zip(graph.citing, graph.cited, strict=True)}


def test_the_shipped_citations_are_all_there(library, catalogue):
    with library.reading() as session:
        graph = CitationGraph.read(session)
        ids = dict(session.execute(select(Paper.key, Paper.id)).all())
    assert list(graph.keys) == sorted(row.key for row in catalogue.papers)
    assert edges_of(graph) == {(row.citing, row.cited) for row in catalogue.citations}
    assert graph.edges == len(catalogue.citations)
    assert [ids[key] for key in graph.keys] == graph.paper_ids.tolist()
    read = {row.paper for row in catalogue.reference_lists if row.status in ("complete", "partial")}
    assert {key for key, known in zip(graph.keys, graph.lists_read, strict=True) if known} == read
    pillars = {row.key: row.taxonomy.split(".")[0] for row in catalogue.papers}
    assert dict(zip(graph.keys, graph.pillars, strict=True)) == pillars


def test_dates_are_the_middle_of_what_is_known(library, catalogue):
    with library.reading() as session:
        graph = CitationGraph.read(session)
    row = next(row for row in catalogue.papers if row.year and row.month == 4)
    assert graph.dates[graph.position[row.key]] == pytest.approx(row.year + 3.5 / 12)
    undated = [row.key for row in catalogue.papers if row.year is None]
    assert [key for key in graph.keys if np.isnan(graph.dates[graph.position[key]])] == sorted(undated)
    only_year = [row for row in catalogue.papers if row.year and not row.month]
    assert all(graph.dates[graph.position[row.key]] == row.year + 0.5 for row in only_year)


def test_a_citation_stated_by_two_sources_is_one_edge_and_origins_choose(small_library):
    with small_library.writing() as session:
        clip, resnet, ldm = (paper_id(session, key) for key in ("clip", "resnet", "ldm"))
        source = elsewhere(session)
        for citing, cited in ((clip, resnet), (ldm, resnet)):
            session.execute(insert(Citation).values(citing_id=citing, cited_id=cited, **source))
    with small_library.reading() as session:
        everything = CitationGraph.read(session)
        shipped = CitationGraph.read(session, origins=["catalogue"])
        other = CitationGraph.read(session, origins=["arxiv"])
    assert edges_of(everything) == {("clip", "resnet"), ("ldm", "clip"), ("ldm", "cfg"), ("ldm", "resnet")}
    assert edges_of(shipped) == {("clip", "resnet"), ("ldm", "clip"), ("ldm", "cfg")}
    assert edges_of(other) == {("clip", "resnet"), ("ldm", "resnet")}
    assert everything.edges == 4


def test_a_library_without_papers_is_an_empty_graph(tmp_path):
    with Library.create(tmp_path / "empty.sqlite") as library, library.reading() as session:
        graph = CitationGraph.read(session)
    assert (len(graph), graph.edges, graph.keys) == (0, 0, ())
    assert graph.dates.shape == graph.lists_read.shape == (0,)


def test_papers_without_an_assignment_have_no_pillar(small_library):
    from graph.schema import Assignment

    with small_library.writing() as session:
        session.execute(delete(Assignment).where(Assignment.paper_id == paper_id(session, "clip")))
    with small_library.reading() as session:
        graph = CitationGraph.read(session)
    assert graph.pillars[graph.position["clip"]] is None
    assert graph.pillars[graph.position["ldm"]] == "things.models"


@every_odd_graph
def test_matrix_and_igraph_hold_the_same_edges_as_the_arrays(graph):
    assert graph.adjacency.shape == (len(graph), len(graph))
    assert graph.adjacency.sum() == graph.edges
    rows, columns = graph.adjacency.nonzero()
    pairs = set(zip(graph.citing.tolist(), graph.cited.tolist(), strict=True))
    assert set(zip(rows.tolist(), columns.tolist(), strict=True)) == pairs
    assert set(graph.igraph.get_edgelist()) == pairs
    assert (graph.igraph.vcount(), graph.igraph.is_directed()) == (len(graph), True)


@settings(deadline=None)
@given(citation_graphs())
def test_edges_are_distinct_sorted_and_never_loops(graph):
    pairs = list(zip(graph.citing.tolist(), graph.cited.tolist(), strict=True))
    assert pairs == sorted(set(pairs))
    assert all(a != b for a, b in pairs)


@settings(deadline=None)
@given(citation_graphs(), st.randoms(use_true_random=False))
def test_the_order_in_which_papers_and_citations_come_changes_nothing(graph, random):
    names, pairs = list(graph.keys), sorted(edges_of(graph))
    random.shuffle(names)
    random.shuffle(pairs)
    shuffled = CitationGraph.from_edges(names, pairs + pairs[:2])
    assert shuffled.keys == graph.keys
    assert (shuffled.citing.tolist(), shuffled.cited.tolist()) == (
        graph.citing.tolist(),
        graph.cited.tolist(),
    )


@settings(deadline=None)
@given(citation_graphs())
def test_without_cycles_nothing_is_dropped_and_with_them_only_inside_them(graph):
    plain = as_networkx(graph)
    acyclic = graph.acyclic()
    assert nx.is_directed_acyclic_graph(as_networkx(acyclic))
    component = {
        node: index for index, group in enumerate(nx.strongly_connected_components(plain)) for node in group
    }
    between = {(a, b) for a, b in plain.edges if component[a] != component[b]}
    kept = set(as_networkx(acyclic).edges)
    assert between <= kept <= set(plain.edges)
    if nx.is_directed_acyclic_graph(plain):
        assert kept == set(plain.edges)


def test_inside_a_cycle_only_citations_of_earlier_papers_stay():
    ring = [("new", "old"), ("old", "mid"), ("mid", "new")]
    graph = CitationGraph.from_edges(
        ["new", "old", "mid"], ring, dates={"old": 2019.0, "mid": 2020.0, "new": 2021.0}
    )
    assert edges_of(graph.acyclic()) == {("new", "old")}


def test_among_papers_of_the_same_or_an_unknown_date_the_key_decides():
    pair = [("a", "b"), ("b", "a")]
    assert edges_of(CitationGraph.from_edges("ab", pair, dates=dict.fromkeys("ab", 2020.0)).acyclic()) == {
        ("b", "a")
    }
    assert edges_of(CitationGraph.from_edges("ab", pair).acyclic()) == {("b", "a")}
    assert edges_of(CitationGraph.from_edges("ab", pair, dates={"b": 2020.0}).acyclic()) == {("a", "b")}


def test_a_citation_into_the_future_stays_where_it_closes_no_cycle():
    graph = CitationGraph.from_edges("ab", [("a", "b")], dates={"a": 2019.0, "b": 2021.0})
    assert graph.acyclic() is graph


@settings(deadline=None)
@given(citation_graphs(), st.data())
def test_a_part_of_the_graph_keeps_what_lies_within_it(graph, data):
    keep = np.array([data.draw(st.booleans()) for _ in graph.keys], dtype=np.bool_)
    part = graph.restricted(keep)
    kept = [key for key, is_kept in zip(graph.keys, keep, strict=True) if is_kept]
    assert list(part.keys) == kept
    assert edges_of(part) == {(a, b) for a, b in edges_of(graph) if a in kept and b in kept}
    np.testing.assert_array_equal(part.dates, graph.dates[keep])
    np.testing.assert_array_equal(part.lists_read, graph.lists_read[keep])
    np.testing.assert_array_equal(part.paper_ids, graph.paper_ids[keep])
