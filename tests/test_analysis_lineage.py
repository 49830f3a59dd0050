"""Lineage: typed relations before citations, each paper once on a side, at its smallest depth."""

from datetime import datetime

import networkx as nx
import pytest
from helpers import elsewhere, paper_id
from sqlalchemy import delete, insert, select

from graph.analysis.lineage import DESCENT, read_lineage
from graph.errors import QueryError, UnknownName
from graph.library import Library
from graph.network import CITES, PAPER_EDGES, build_network
from graph.schema import RELATIONS, Citation, Relation, Source

SAMPLE = ["clip", "ldm", "sam", "controlnet", "imagenet", "vfm-survey", "alexnet", "dalle3"]


@pytest.fixture(scope="module")
def opened(built_path):
    with Library.open(built_path) as library, library.reading() as session:
        yield session, build_network(session)


def relate(session, *rows):
    """Replace the relations and citations of a small library by these: (paper, kind, target)."""
    session.execute(delete(Relation))
    session.execute(delete(Citation))
    source = elsewhere(session)
    for paper, kind, target in rows:
        ends = paper_id(session, paper), paper_id(session, target)
        if kind == CITES:
            session.execute(insert(Citation).values(citing_id=ends[0], cited_id=ends[1], **source))
        else:
            session.execute(insert(Relation).values(paper_id=ends[0], kind=kind, target_id=ends[1], **source))


def told(side):
    return [(kin.key, kin.relation, kin.via, kin.depth) for kin in side]


def reached(network, key, kinds, depth, backwards):
    """Papers and distances over edges of some kinds, by networkx."""
    plain = nx.DiGraph((start, end) for start, end, kind in network.edges(keys=True) if kind in kinds)
    plain.add_node(key)
    if backwards:
        plain = plain.reverse()
    away = nx.single_source_shortest_path_length(plain, key, cutoff=depth)
    return {other: steps for other, steps in away.items() if other != key}


def test_every_relation_of_descent_is_one_of_the_typed_relations():
    assert set(DESCENT) < set(RELATIONS)


@pytest.mark.parametrize("key", SAMPLE)
@pytest.mark.parametrize(("depth", "citation_depth"), [(1, 0), (3, 1), (2, 2)])
def test_both_sides_are_what_can_be_reached(opened, key, depth, citation_depth):
    session, network = opened
    found = read_lineage(session, key, depth=depth, citation_depth=citation_depth)
    for side, backwards in ((found.built_from, False), (found.built_on_it, True)):
        typed = reached(network, key, DESCENT, depth, backwards)
        cited = reached(network, key, [CITES], citation_depth, backwards)
        assert {kin.key: kin.depth for kin in side if kin.relation != CITES} == typed
        expected = {other: steps for other, steps in cited.items() if other not in typed}
        assert {kin.key: kin.depth for kin in side if kin.relation == CITES} == expected


@pytest.mark.parametrize("key", SAMPLE)
def test_typed_relations_come_first_then_the_nearest_and_no_paper_twice(opened, key):
    found = read_lineage(opened[0], key, citation_depth=2)
    for side in (found.built_from, found.built_on_it):
        order = [(kin.relation == CITES, kin.depth) for kin in side]
        assert order == sorted(order)
        assert len({kin.key for kin in side}) == len(side)
        assert key not in {kin.key for kin in side}


@pytest.mark.parametrize("key", SAMPLE)
def test_words_tell_an_edge_that_is_there_with_its_sources(opened, key):
    session, network = opened
    found = read_lineage(session, key, citation_depth=2)
    for side, backwards in ((found.built_from, False), (found.built_on_it, True)):
        for kin in side:
            start, end = (kin.key, kin.via) if backwards else (kin.via, kin.key)
            edge = network.edges[start, end, kin.relation]
            assert " | ".join(kin.sources) == edge["source"]
            names = [network.nodes[node]["label"] for node in (start, end)]
            assert kin.words == f"{names[0]} {PAPER_EDGES[kin.relation]} {names[1]}"
            attributes = network.nodes[kin.key]
            assert (kin.title, kin.year, kin.pillar) == (
                attributes["title"], attributes.get("year"), attributes.get("pillar"),
            )  # fmt: skip


def test_a_paper_that_is_joined_in_two_ways_is_told_by_the_stronger(small_library):
    with small_library.writing() as session:
        relate(
            session, ("ldm", "trained_on", "clip"), ("ldm", "builds_on", "clip"), ("ldm", CITES, "clip"),
            ("clip", "extends", "ldm"), ("ldm", "compares_with", "cfg"),
        )  # fmt: skip
    with small_library.reading() as session:
        found = read_lineage(session, "ldm")
    assert told(found.built_from) == [("clip", "builds_on", "ldm", 1)]
    assert told(found.built_on_it) == [("clip", "extends", "ldm", 1)]


def test_depth_is_the_smallest_and_of_equal_ways_the_first_key_leads(small_library):
    with small_library.writing() as session:
        relate(
            session,
            *[("ldm", "builds_on", key) for key in ("clip", "cfg", "survey")],
            *[(key, "builds_on", "resnet") for key in ("clip", "cfg")],
            ("survey", "builds_on", "clip"),
            ("resnet", "builds_on", "ldm"),
        )
    with small_library.reading() as session:
        found = read_lineage(session, "ldm")
    assert told(found.built_from) == [
        ("cfg", "builds_on", "ldm", 1),
        ("clip", "builds_on", "ldm", 1),
        ("survey", "builds_on", "ldm", 1),
        ("resnet", "builds_on", "cfg", 2),
    ]


def test_of_equally_near_ways_the_stronger_relation_leads(small_library):
    with small_library.writing() as session:
        relate(
            session,
            *[("ldm", "builds_on", key) for key in ("clip", "cfg")],
            ("cfg", "trained_on", "resnet"),
            ("clip", "builds_on", "resnet"),
        )
    with small_library.reading() as session:
        found = read_lineage(session, "ldm")
    assert told(found.built_from)[-1] == ("resnet", "builds_on", "clip", 2)


def test_a_typed_relation_far_away_wins_over_a_citation_nearby(small_library):
    with small_library.writing() as session:
        relate(
            session, ("ldm", "builds_on", "clip"), ("clip", "extends", "resnet"), ("ldm", CITES, "resnet"),
            ("ldm", CITES, "survey"),
        )  # fmt: skip
    with small_library.reading() as session:
        found = read_lineage(session, "ldm")
        near = read_lineage(session, "ldm", depth=1)
    assert told(found.built_from) == [
        ("clip", "builds_on", "ldm", 1), ("resnet", "extends", "clip", 2), ("survey", CITES, "ldm", 1),
    ]  # fmt: skip
    assert ("resnet", CITES, "ldm", 1) in told(near.built_from)


def test_every_source_of_the_step_is_named_once(small_library):
    with small_library.writing() as session:
        relate(session, ("ldm", "builds_on", "clip"))
        other = Source(origin="hub", name="a hub")
        session.add(other)
        session.flush()
        ends = {"paper_id": paper_id(session, "ldm"), "target_id": paper_id(session, "clip")}
        when = datetime(2026, 1, 1)
        for kind in ("builds_on", "trained_on"):
            row = insert(Relation).values(kind=kind, source_id=other.id, retrieved_at=when, **ends)
            session.execute(row)
    with small_library.reading() as session:
        (kin,) = read_lineage(session, "ldm").built_from
        assert session.scalar(select(Relation.kind).where(Relation.kind == "trained_on"))
    assert (kin.relation, kin.sources) == ("builds_on", ("a hub", "arxiv.org"))


def test_a_list_that_was_not_read_is_told(opened):
    session, network = opened
    for key in ("clip", "vfm-survey"):
        read = network.nodes[key]["reference_list"] in ("complete", "partial")
        assert read_lineage(session, key).references_known is read


def test_unknown_papers_and_depths_are_refused(opened):
    with pytest.raises(UnknownName, match=r"^no paper 'no-such'$"):
        read_lineage(opened[0], "no-such")
    for options in ({"depth": 0}, {"citation_depth": -1}):
        with pytest.raises(QueryError, match=r"1 and 0 or more are allowed$"):
            read_lineage(opened[0], "clip", **options)
