"""Ways between papers: none is shorter, none stronger, each step is an edge that is there, ties go by key."""

import itertools
from datetime import datetime

import networkx as nx
import pytest
from citation_graphs import ODD, as_networkx, citation_graphs
from helpers import elsewhere, paper_id
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from sqlalchemy import delete, insert, select

from graph.analysis.citegraph import CitationGraph
from graph.analysis.paths import (
    WEAKNESS,
    PathStep,
    _arrows,
    _best_way,
    ancestors,
    descendants,
    find_path,
)
from graph.errors import QueryError, UnknownName
from graph.library import Library
from graph.network import CITES, PAPER_EDGES, build_network
from graph.schema import Citation, Relation


@pytest.fixture(scope="module")
def opened(built_path):
    with Library.open(built_path) as library, library.reading() as session:
        yield session, build_network(session)


def join(session, *edges):
    """Replace all edges of a small library by these: (start, kind, end)."""
    session.execute(delete(Citation))
    session.execute(delete(Relation))
    source = elsewhere(session)
    for start, kind, end in edges:
        ends = paper_id(session, start), paper_id(session, end)
        if kind == CITES:
            row = insert(Citation).values(citing_id=ends[0], cited_id=ends[1], **source)
        else:
            row = insert(Relation).values(paper_id=ends[0], target_id=ends[1], kind=kind, **source)
        session.execute(row)


def undirected(network, weight):
    """The papers of a typed network in networkx, each pair joined by its best edge."""
    plain = nx.Graph()
    plain.add_nodes_from(node for node, kind in network.nodes(data="kind") if kind == "paper")
    for start, end, kind in network.edges(keys=True):
        if kind in PAPER_EDGES:
            known = plain.get_edge_data(start, end, {"weight": 99})["weight"]
            plain.add_edge(start, end, weight=min(known, weight(kind)))
    return plain


PAIRS = [("sam", "ldm"), ("clip", "clip"), ("alexnet", "janus-pro"), ("dinov2", "sd3"), ("bert", "geneval")]


def test_every_kind_of_edge_has_a_weakness_and_citations_are_the_weakest():
    assert WEAKNESS.keys() == PAPER_EDGES.keys()
    assert all(WEAKNESS[CITES] > weakness for kind, weakness in WEAKNESS.items() if kind != CITES)


@pytest.mark.parametrize(("start", "end"), PAIRS)
def test_no_way_is_shorter_than_the_shortest(opened, start, end):
    session, network = opened
    expected = nx.shortest_path_length(undirected(network, lambda _kind: 1), start, end)
    assert len(find_path(session, start, end).steps) == expected


@pytest.mark.parametrize(("start", "end"), PAIRS)
def test_no_way_is_stronger_than_the_strongest(opened, start, end):
    session, network = opened
    plain = undirected(network, lambda kind: WEAKNESS[kind])
    expected = nx.shortest_path_length(plain, start, end, weight="weight")
    found = find_path(session, start, end, strongest=True)
    assert found.strength == 0.5**expected
    assert found.strength >= find_path(session, start, end).strength


@pytest.mark.parametrize("strongest", [False, True])
@pytest.mark.parametrize(("start", "end"), PAIRS)
def test_every_step_is_an_edge_and_told_in_its_own_direction(opened, start, end, strongest):
    session, network = opened
    found = find_path(session, start, end, strongest=strongest)
    assert (found.keys[0], found.keys[-1]) == (start, end)
    assert [(step.start, step.end) for step in found.steps] == list(itertools.pairwise(found.keys))
    for step in found.steps:
        edge = (step.start, step.end) if step.forward else (step.end, step.start)
        assert network.has_edge(*edge, key=step.relation)
        names = [network.nodes[node]["label"] for node in edge]
        assert step.words == f"{names[0]} {PAPER_EDGES[step.relation]} {names[1]}"
        assert step.strength == 0.5 ** WEAKNESS[step.relation]


def test_a_way_and_its_way_back_are_equally_long_and_strong(opened):
    session, _ = opened
    for strongest in (False, True):
        there, back = (
            find_path(session, *ends, strongest=strongest) for ends in (("sam", "ldm"), ("ldm", "sam"))
        )
        assert (len(there.steps), there.strength) == (len(back.steps), back.strength)


def test_the_strongest_way_takes_a_detour_over_typed_relations(small_library):
    with small_library.writing() as session:
        join(session, ("ldm", CITES, "resnet"), ("ldm", "builds_on", "clip"), ("clip", "extends", "resnet"))
    with small_library.reading() as session:
        assert find_path(session, "ldm", "resnet").keys == ("ldm", "resnet")
        assert find_path(session, "ldm", "resnet", strongest=True).keys == ("ldm", "clip", "resnet")


def test_of_two_edges_between_two_papers_the_stronger_is_told(small_library):
    with small_library.writing() as session:
        join(session, ("ldm", CITES, "clip"), ("clip", "trained_on", "ldm"))
    with small_library.reading() as session:
        (step,) = find_path(session, "ldm", "clip").steps
    assert step == PathStep("ldm", "clip", "trained_on", False, 0.25, "CLIP is trained on LDM")


def test_of_equally_short_ways_the_stronger_is_taken_then_that_of_the_first_keys(small_library):
    with small_library.writing() as session:
        join(
            session, ("ldm", CITES, "clip"), ("clip", CITES, "resnet"), ("ldm", CITES, "survey"),
            ("survey", CITES, "resnet"), ("later", CITES, "cfg"),
        )  # fmt: skip
    with small_library.reading() as session:
        assert find_path(session, "ldm", "resnet").keys == ("ldm", "clip", "resnet")
    with small_library.writing() as session:
        extra = {"paper_id": paper_id(session, "survey"), "target_id": paper_id(session, "resnet")}
        source = session.scalar(select(Citation.source_id))
        session.execute(
            insert(Relation).values(
                kind="compares_with", source_id=source, retrieved_at=datetime(2026, 1, 1), **extra
            )
        )
    with small_library.reading() as session:
        assert find_path(session, "ldm", "resnet").keys == ("ldm", "survey", "resnet")
        assert find_path(session, "ldm", "later") is None


def test_a_paper_is_no_step_away_from_itself(opened):
    found = find_path(opened[0], "sam", "sam")
    assert (found.keys, found.steps, found.strength) == (("sam",), (), 1.0)


def test_no_way_between_papers_that_nothing_joins(small_library):
    with small_library.reading() as session:
        assert find_path(session, "survey", "clip") is None


@pytest.mark.parametrize("ends", [("no-such", "sam"), ("sam", "no-such")])
def test_unknown_papers_have_no_way(opened, ends):
    with pytest.raises(UnknownName, match=r"^no paper 'no-such'$"):
        find_path(opened[0], *ends)


EDGE = st.tuples(st.integers(0, 5), st.sampled_from(list(WEAKNESS)), st.integers(0, 5))


@settings(deadline=None)
@given(st.lists(EDGE, max_size=12), st.booleans(), st.data())
def test_the_way_found_is_the_best_of_all_ways(edges, strongest, data):
    """By trying every one of them."""
    arrows = _arrows((kind, f"p{a}", f"p{b}") for a, kind, b in edges if a != b)
    plain = nx.Graph()
    plain.add_nodes_from(f"p{number}" for number in range(6))
    for here, others in arrows.items():
        for there, arrow in others.items():
            plain.add_edge(here, there, weakness=WEAKNESS[arrow.relation])
    start, end = (f"p{data.draw(st.integers(0, 5))}" for _ in range(2))
    assume(start != end)

    def cost(way):
        weakness = sum(plain.edges[pair]["weakness"] for pair in itertools.pairwise(way))
        return (weakness, len(way), way) if strongest else (len(way), weakness, way)

    ways = list(nx.all_simple_paths(plain, start, end))
    best = min(ways, key=cost, default=None)
    assert _best_way(arrows, start, end, strongest=strongest) == best


@settings(deadline=None)
@given(citation_graphs(), st.data())
def test_ancestors_and_descendants_are_those_of_networkx_with_their_distance(graph, data):
    assume(len(graph))
    at = data.draw(st.integers(0, len(graph) - 1))
    depth = data.draw(st.none() | st.integers(1, 4))
    plain = as_networkx(graph)
    for found, network in (
        (ancestors(graph, graph.keys[at], depth=depth), plain),
        (descendants(graph, graph.keys[at], depth=depth), plain.reverse()),
    ):
        away = nx.single_source_shortest_path_length(network, at, cutoff=depth)
        assert found == {graph.keys[other]: steps for other, steps in away.items() if other != at}
        assert list(found.items()) == sorted(found.items(), key=lambda item: (item[1], item[0]))


@pytest.mark.parametrize("graph", [graph for graph in ODD.values() if len(graph)])
def test_no_paper_is_its_own_ancestor_even_in_a_ring(graph):
    for key in graph.keys:
        assert key not in ancestors(graph, key)
        assert key not in descendants(graph, key)


def test_ancestors_of_nothing_and_over_no_distance_are_refused():
    graph = CitationGraph.from_edges("ab", [("a", "b")])
    with pytest.raises(UnknownName, match=r"^no paper 'c'$"):
        ancestors(graph, "c")
    with pytest.raises(QueryError, match=r"^cannot go 0 citations away: 1 or more are allowed$"):
        descendants(graph, "a", depth=0)
