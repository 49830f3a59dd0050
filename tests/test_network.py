"""The network holds every fact that joins two things, with source and date, and nothing that is not known."""

import sqlite3
from collections import Counter
from contextlib import closing

import networkx as nx
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sqlalchemy import insert, select, text

from graph.errors import QueryError, UnknownName
from graph.filters import Filters, allowed_ids
from graph.library import Library
from graph.network import (
    CITES,
    HAS_CHECKPOINT,
    IN_TAXONOMY,
    PAPER_EDGES,
    PART_OF,
    build_network,
    neighbours,
    paper_edges,
)
from graph.schema import Citation, Paper, Source

SAMPLE = ["sam", "clip", "ldm", "vfm-survey", "alexnet", "objaverse", "jft"]


@pytest.fixture(scope="module")
def session(built_path):
    with Library.open(built_path) as library, library.reading() as opened:
        yield opened


@pytest.fixture(scope="module")
def network(session):
    return build_network(session)


@pytest.fixture
def own(own_path):
    with Library.open(own_path) as library:
        yield library


def between_papers(network):
    return network.edge_subgraph(edge for edge in network.edges(keys=True) if edge[2] in PAPER_EDGES)


def test_every_edge_of_the_catalogue_is_there_with_its_source_and_date(network, catalogue):
    collected = str(catalogue.manifest.collected_on)
    expected = {(row.citing, row.cited, CITES): row.source for row in catalogue.citations}
    expected |= {(row.paper, row.target, row.relation): row.source for row in catalogue.relations}
    found = {
        (start, end, kind): (values["kind"], values["source"], values["retrieved_at"])
        for start, end, kind, values in between_papers(network).edges(keys=True, data=True)
    }
    assert found == {edge: (edge[2], source, collected) for edge, source in expected.items()}
    assert len(found) == len(catalogue.citations) + len(catalogue.relations)


def test_every_place_in_the_taxonomy_and_every_checkpoint_is_an_edge(network, catalogue):
    edges = {kind: set() for kind in (IN_TAXONOMY, PART_OF, HAS_CHECKPOINT)}
    for start, end, kind in network.edges(keys=True):
        if kind in edges:
            edges[kind].add((start, end))
    assert edges[IN_TAXONOMY] == {
        (row.key, f"taxonomy:{node}")
        for row in catalogue.papers
        for node in (row.taxonomy, *row.taxonomy_secondary)
    }
    assert edges[PART_OF] == {
        (f"taxonomy:{row.id}", f"taxonomy:{row.parent}") for row in catalogue.taxonomy if row.parent
    }
    assert edges[HAS_CHECKPOINT] == {(row.paper, f"checkpoint:{row.hub_id}") for row in catalogue.checkpoints}


def test_no_edge_is_without_a_source_and_a_date(network):
    without = [edge for *edge, values in network.edges(keys=True, data=True) if not values.get("source")]
    assert without == []
    assert all(values["retrieved_at"] for *_, values in network.edges(data=True))


def test_nodes_are_the_papers_taxonomy_nodes_and_checkpoints(network, catalogue):
    kinds = Counter(kind for _, kind in network.nodes(data="kind"))
    assert kinds == {
        "paper": len(catalogue.papers),
        "taxonomy": len(catalogue.taxonomy),
        "checkpoint": len({row.hub_id for row in catalogue.checkpoints}),
    }


def test_two_papers_may_be_joined_in_several_ways(network):
    assert {"trained_on", "evaluated_on"} <= network["beit"]["imagenet"].keys()
    assert {CITES, "builds_on"} <= network["deit"]["vit"].keys()


def test_papers_carry_what_the_catalogue_knows_and_no_more(network, catalogue):
    summaries = {row.key: row.summary for row in catalogue.summaries}
    for row in catalogue.papers:
        known = {
            "label": row.short_name, "title": row.title, "year": row.year, "month": row.month,
            "venue": row.venue, "authors": "; ".join(row.authors) or None, "arxiv_id": row.arxiv_id,
            "doi": row.doi.lower() if row.doi else None, "code_url": row.code_url,
            "summary": summaries.get(row.key), "core": row.core, "after_survey": row.after_survey,
            "taxonomy": row.taxonomy, "pillar": row.taxonomy.split(".")[0],
        }  # fmt: skip
        node = network.nodes[row.key]
        assert {name: node[name] for name in known if name in node} == {
            name: value for name, value in known.items() if value is not None
        }


def test_what_is_not_known_is_absent_never_empty(network):
    every = [values for _, values in network.nodes(data=True)]
    every += [values for *_, values in network.edges(data=True)]
    assert all(value not in (None, "") for values in every for value in values.values())
    assert any("licence" not in values for values in every if values["kind"] == "checkpoint")


def test_cited_by_is_the_number_of_citing_papers(network, built_path):
    with closing(sqlite3.connect(built_path)) as connection:
        counted = dict(
            connection.execute(
                "SELECT p.key, count(DISTINCT c.citing_id) FROM paper p "
                "LEFT JOIN citation c ON c.cited_id = p.id GROUP BY p.key"
            )
        )
    assert {key: network.nodes[key]["cited_by"] for key in counted} == counted
    assert sum(counted.values()) > 3000


def test_a_second_source_joins_the_first_and_counts_no_citation_twice(own, catalogue):
    edge = next(row for row in catalogue.citations if row.cited == "clip")
    with own.writing() as session:
        stored = session.scalars(
            select(Citation)
            .join(Paper, Paper.id == Citation.citing_id)
            .where(Paper.key == edge.citing)
            .where(Citation.cited_id == select(Paper.id).where(Paper.key == "clip").scalar_subquery())
        ).one()
        other = Source(origin="service", name="a service")
        session.add(other)
        session.flush()
        session.execute(
            insert(Citation).values(
                citing_id=stored.citing_id, cited_id=stored.cited_id, source_id=other.id,
                retrieved_at=stored.retrieved_at,
            )
        )  # fmt: skip
    with own.reading() as session:
        network = build_network(session)
        links = [
            link for link in neighbours(session, edge.citing) if (link.key, link.relation) == ("clip", CITES)
        ]
    assert network.edges[edge.citing, "clip", CITES]["source"] == f"{edge.source} | a service"
    assert network.nodes["clip"]["cited_by"] == sum(row.cited == "clip" for row in catalogue.citations)
    assert [(link.direction, link.sources) for link in links] == [("out", (edge.source, "a service"))]


@settings(deadline=None, max_examples=15)
@given(
    st.builds(
        Filters,
        pillar=st.none() | st.sampled_from(["generative", "discriminative", "unified"]),
        taxonomy=st.none() | st.sampled_from(["generative.diffusion", "discriminative"]),
        years=st.tuples(st.none() | st.integers(2014, 2024), st.none() | st.integers(2014, 2024)),
        has_checkpoint=st.booleans(),
        core_only=st.booleans(),
    )
)
def test_filters_cut_nodes_and_edges_alike(session, network, filters):
    allowed = allowed_ids(session, filters)
    keys = dict(session.execute(select(Paper.id, Paper.key)).all())
    kept = set(keys.values()) if allowed is None else {keys[paper_id] for paper_id in allowed}
    cut = build_network(session, filters)
    papers = {node for node, kind in cut.nodes(data="kind") if kind == "paper"}
    assert papers == kept
    expected = network.subgraph(
        node for node, kind in network.nodes(data="kind") if kind != "paper" or node in kept
    )
    assert set(cut.edges(keys=True)) == set(expected.edges(keys=True))
    assert all(kind in ("paper", "taxonomy", "checkpoint") for _, kind in cut.nodes(data="kind"))
    linked = {end for _, end, kind in cut.edges(keys=True) if kind == HAS_CHECKPOINT}
    assert {node for node, kind in cut.nodes(data="kind") if kind == "checkpoint"} == linked
    for key in papers:
        citing = {start for start, _, kind in cut.in_edges(key, keys=True) if kind == CITES}
        assert cut.nodes[key]["cited_by"] == len(citing)


def test_edges_around_papers_are_exactly_those_that_touch_one(session):
    around = session.scalars(select(Paper.id).where(Paper.key.in_(SAMPLE))).all()
    every = list(paper_edges(session))
    touching = [edge for edge in every if edge[1] in around or edge[2] in around]
    assert list(paper_edges(session, around)) == touching
    assert 0 < len(touching) < len(every)


# Neighbours


@pytest.mark.parametrize("key", SAMPLE)
@pytest.mark.parametrize("depth", [1, 2, 3])
@pytest.mark.parametrize("relation", [None, CITES, "builds_on"])
def test_neighbours_are_what_a_plain_breadth_first_search_reaches(session, network, key, depth, relation):
    edges = [edge for edge in between_papers(network).edges(keys=True) if relation in (None, edge[2])]
    graph = nx.MultiDiGraph(edges)
    graph.add_node(key)
    distance = nx.single_source_shortest_path_length(graph.to_undirected(as_view=True), key, cutoff=depth)
    expected = set()
    for start, end, kind in edges:
        for via, other, direction in ((start, end, "out"), (end, start, "in")):
            if via in distance and distance.get(other) == distance[via] + 1:
                expected.add((via, other, kind, direction, distance[other]))
    found = neighbours(session, key, relation=relation, depth=depth)
    assert {(link.via, link.key, link.relation, link.direction, link.depth) for link in found} == expected
    assert len(found) == len(expected)
    assert [link.depth for link in found] == sorted(link.depth for link in found)


def test_a_neighbour_tells_the_direction_of_its_edge(session):
    links = {(link.key, link.relation): link for link in neighbours(session, "deit")}
    assert links["vit", "builds_on"].direction == "out"
    back = {(link.key, link.relation): link for link in neighbours(session, "vit")}
    assert back["deit", "builds_on"].direction == "in"
    assert back["deit", "builds_on"].via == "vit"


def test_neighbours_carry_facts_and_sources(session, catalogue):
    rows = {row.key: row for row in catalogue.papers}
    told = {(row.paper, row.relation, row.target): row.source for row in catalogue.relations}
    told |= {(row.citing, CITES, row.cited): row.source for row in catalogue.citations}
    for link in neighbours(session, "clip"):
        row = rows[link.key]
        assert (link.title, link.short_name, link.year) == (row.title, row.short_name, row.year)
        assert link.pillar == row.taxonomy.split(".")[0]
        start, end = ("clip", link.key) if link.direction == "out" else (link.key, "clip")
        assert link.sources == (told[start, link.relation, end],)


def test_typed_relations_come_before_citations(session):
    kinds = [link.relation == CITES for link in neighbours(session, "clip")]
    assert kinds == sorted(kinds)
    assert set(kinds) == {True, False}


def test_a_paper_that_nothing_is_joined_to_has_no_neighbours(own):
    with own.writing() as session:
        session.execute(text("DELETE FROM citation"))
        session.execute(text("DELETE FROM relation"))
    with own.reading() as session:
        assert neighbours(session, "sam", depth=3) == []


@pytest.mark.parametrize("relation", ["", "likes", "in_taxonomy", "Cites"])
def test_an_unknown_relation_lists_all(session, relation):
    with pytest.raises(UnknownName) as caught:
        neighbours(session, "sam", relation=relation)
    assert caught.value.nearest == tuple(PAPER_EDGES)
    assert str(caught.value).startswith(f"no relation {relation!r}; allowed: cites, builds_on")


def test_neighbours_of_an_unknown_paper_are_an_error(session):
    with pytest.raises(UnknownName, match=r"^no paper 'no-such-paper'$"):
        neighbours(session, "no-such-paper")


@pytest.mark.parametrize("depth", [0, -1])
def test_a_depth_below_one_is_refused(session, depth):
    with pytest.raises(QueryError, match=rf"^cannot go {depth} edges away: 1 or more are allowed$"):
        neighbours(session, "sam", depth=depth)
