"""Main paths: search paths are counted as by trying them all, in whole numbers and in logarithms alike."""

import math
from itertools import pairwise

import networkx as nx
import numpy as np
import pytest
from citation_graphs import ODD, as_networkx, citation_graphs, synthetic
from hypothesis import given, settings
from hypothesis import strategies as st

from graph.analysis.citegraph import CitationGraph
from graph.analysis.mainpath import main_path, search_paths
from graph.errors import QueryError
from graph.library import Library

# The sample network in the tests of CitationNetworks.jl: arrows of knowledge, and how many paths cross each.
SAMPLE = {
    ("a", "c"): 3, ("b", "c"): 3, ("b", "d"): 4, ("c", "e"): 4, ("c", "g"): 2, ("d", "f"): 2, ("d", "j"): 1,
    ("d", "k"): 1, ("e", "h"): 2, ("e", "i"): 2, ("f", "i"): 1, ("f", "j"): 1,
}  # fmt: skip


def sample():
    return CitationGraph.from_edges("abcdefghijk", [(citing, cited) for cited, citing in SAMPLE])


def counted(paths):
    graph = paths.graph
    ends = zip(graph.cited.tolist(), graph.citing.tolist(), strict=True)
    return {(graph.keys[a], graph.keys[b]): count for (a, b), count in zip(ends, paths.counts, strict=True)}


def by_trying(graph):
    """Every search path there is, as lists of positions from the oldest on."""
    flow = as_networkx(graph).reverse()
    sources = [node for node in flow if not flow.in_degree(node) and flow.out_degree(node)]
    sinks = [node for node in flow if not flow.out_degree(node) and flow.in_degree(node)]
    return [way for source in sources for way in nx.all_simple_paths(flow, source, sinks)]


def test_a_published_sample_has_its_published_counts():
    assert counted(search_paths(sample())) == SAMPLE


@settings(deadline=None)
@given(citation_graphs())
def test_search_paths_are_as_many_as_can_be_found_by_trying(graph):
    paths = search_paths(graph)
    ways = by_trying(paths.graph)
    crossings = {}
    for way in ways:
        for pair in pairwise(way):
            crossings[pair] = crossings.get(pair, 0) + 1
    ends = zip(paths.graph.cited.tolist(), paths.graph.citing.tolist(), strict=True)
    assert dict(zip(ends, paths.counts, strict=True)) == crossings
    assert math.exp(paths.total) == pytest.approx(len(ways))
    assert paths.dropped == graph.edges - paths.graph.edges


@settings(deadline=None)
@given(citation_graphs())
def test_logarithms_say_the_same_as_whole_numbers(graph):
    exact, logs = search_paths(graph), search_paths(graph, most_exact=0)
    np.testing.assert_allclose(logs.logs, exact.logs, atol=1e-12)
    np.testing.assert_allclose(logs.shares, exact.shares, atol=1e-12)
    assert logs.counts is None or not graph.acyclic().edges


def test_counts_beyond_any_machine_number_stay_exact_and_agree_with_their_logarithms():
    """A ladder of 1,100 rungs: 2 to the power of the rungs is more than a float can hold."""
    rungs = 1100
    edges = []
    for at in range(rungs):
        edges += [(f"{at + 1:04}", f"{at:04}{side}") for side in "ab"]
        edges += [(f"{at:04}{side}", f"{at:04}") for side in "ab"]
    graph = CitationGraph.from_edges({end for edge in edges for end in edge}, edges)
    exact, logs = search_paths(graph), search_paths(graph, most_exact=0)
    assert set(exact.counts) == {2 ** (rungs - 1)}
    np.testing.assert_allclose(exact.logs, (rungs - 1) * math.log(2))
    np.testing.assert_allclose(logs.logs, exact.logs, rtol=1e-12)
    np.testing.assert_allclose(logs.shares, 0.5, rtol=1e-9)


def test_shares_of_what_enters_the_sinks_add_up_to_all_paths():
    paths = search_paths(synthetic(400))
    graph = paths.graph
    last = np.bincount(graph.cited, minlength=len(graph))[graph.citing] == 0
    first = np.bincount(graph.citing, minlength=len(graph))[graph.cited] == 0
    assert paths.shares[last].sum() == pytest.approx(1)
    assert paths.shares[first].sum() == pytest.approx(1)


@pytest.mark.parametrize("graph", ODD.values(), ids=ODD)
def test_odd_graphs_have_a_main_path_if_they_have_a_citation(graph):
    found = main_path(graph)
    kept = graph.acyclic()
    assert bool(found.links) == bool(found.keys) == bool(kept.edges)
    assert (found.covered, found.papers) == (int(graph.lists_read.sum()), len(graph))
    assert found.dropped == graph.edges - kept.edges


def test_the_main_path_of_the_sample_follows_the_largest_counts_and_all_equal_ones():
    found = main_path(sample(), routes=1)
    # From b -> d, the first of the two largest by key of the citing paper, both ways.
    routes = [link for link in found.links if link.is_route]
    assert [(link.cited, link.citing) for link in routes] == [("b", "d")]
    assert found.keys == ("b", "d", "f", "i", "j")
    assert {(link.cited, link.citing) for link in found.links} == {
        ("b", "d"), ("d", "f"), ("f", "i"), ("f", "j"),
    }  # fmt: skip


def test_more_key_routes_show_more_branches():
    found = main_path(sample(), routes=2)
    assert {(link.cited, link.citing) for link in found.links if link.is_route} == {("b", "d"), ("c", "e")}
    assert {("a", "c"), ("b", "c"), ("e", "h"), ("e", "i")} <= {
        (link.cited, link.citing) for link in found.links
    }
    everything = main_path(sample(), routes=len(SAMPLE))
    assert len(everything.links) == len(SAMPLE)


def test_a_search_from_the_key_route_keeps_the_weightiest_citation():
    """From the sources one would never come to it: s -> x has fewer paths than s -> y."""
    arrows = [("s", "x"), ("t", "x"), ("u", "x"), ("x", "z"), ("s", "y"), ("y", "y1"), ("y", "y2")]
    arrows += [("z", "z1"), ("z", "z2")]
    keys = {end for arrow in arrows for end in arrow}
    graph = CitationGraph.from_edges(keys, [(citing, cited) for cited, citing in arrows])
    found = main_path(graph, routes=1)
    assert [(link.cited, link.citing) for link in found.links if link.is_route] == [("x", "z")]
    assert set(found.keys) == {"s", "t", "u", "x", "z", "z1", "z2"}


@settings(deadline=None)
@given(citation_graphs(), st.integers(1, 4))
def test_every_paper_of_the_main_path_is_reached_and_comes_after_what_it_cites(graph, routes):
    found = main_path(graph, routes=routes)
    place = {key: at for at, key in enumerate(found.keys)}
    assert {end for link in found.links for end in (link.citing, link.cited)} == set(found.keys)
    assert all(place[link.cited] < place[link.citing] for link in found.links)
    kept = search_paths(graph).graph
    inside = nx.DiGraph((link.cited, link.citing) for link in found.links)
    whole = as_networkx(kept)
    for key in found.keys:
        at = kept.position[key]
        assert bool(inside.out_degree(key)) == bool(whole.in_degree(at))
        assert bool(inside.in_degree(key)) == bool(whole.out_degree(at))
    assert sum(link.is_route for link in found.links) == min(routes, kept.edges)


@settings(deadline=None)
@given(citation_graphs(), st.integers(1, 4))
def test_the_main_path_is_the_same_from_logarithms(graph, routes):
    exact = main_path(graph, routes=routes)
    logs = main_path(search_paths(graph, most_exact=0), routes=routes)
    assert logs.keys == exact.keys
    assert [link.is_route for link in logs.links] == [link.is_route for link in exact.links]


def test_counts_that_are_equal_stay_equal_as_logarithms():
    """21 ways on either side of s, as 21 and as 3 times 7, whose logarithms differ in the last bits."""
    arrows = [("r", "s"), ("s", "a"), ("s", "b")] + [("a", f"a{sink}") for sink in range(21)]
    arrows += [("b", f"b{at}") for at in range(3)]
    arrows += [(f"b{at}", f"b{at}-{sink}") for at in range(3) for sink in range(7)]
    keys = {end for arrow in arrows for end in arrow}
    graph = CitationGraph.from_edges(keys, [(citing, cited) for cited, citing in arrows])
    logs = search_paths(graph, most_exact=0)
    sides = [log for log, cited in zip(logs.logs, logs.graph.cited, strict=True) if graph.keys[cited] == "s"]
    assert sides[0] != sides[1]
    found = main_path(logs, routes=1)
    assert {"a", "b"} <= set(found.keys)
    assert found.keys == main_path(graph, routes=1).keys


def test_the_main_path_of_the_shipped_catalogue_leads_from_classification_to_unified_models(built_path):
    with Library.open(built_path) as library, library.reading() as session:
        graph = CitationGraph.read(session)
    found = main_path(graph)
    assert found.keys.index("alexnet") < found.keys.index("vit") < found.keys.index("clip")
    assert found.keys.index("clip") < found.keys.index("ldm") < found.keys.index("transfusion")
    assert found.dropped == 3
    assert (found.covered, found.papers) == (139, 571)


def test_less_than_one_key_route_is_refused():
    with pytest.raises(QueryError, match=r"^cannot follow 0 key routes: 1 or more are allowed$"):
        main_path(sample(), routes=0)
