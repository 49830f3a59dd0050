"""The ego graph: which papers it shows, and a layout on which nothing overlaps or moves."""

import pytest

from graph.ego import MOST_COLUMNS, MOST_NODES, ego_graph
from graph.network import CITES, neighbours
from graph.palette import PILLARS, look_of, looks_of
from ingest.catalogue import read_catalogue

KEYS = [row.key for row in read_catalogue().papers]


def graph_of(library, key, **options):
    with library.reading() as session:
        return ego_graph(session, key, **options)


@pytest.mark.parametrize("key", ["sam", "clip", "ldm", "dalle3", "vfm-survey"])
def test_no_two_papers_share_a_place(library, key):
    places = [(node.x, node.y) for node in graph_of(library, key).nodes]
    assert len(places) == len(set(places))


@pytest.mark.parametrize("key", KEYS[::19])
def test_every_edge_joins_papers_that_are_shown(library, key):
    graph = graph_of(library, key)
    shown = {node.key for node in graph.nodes}
    assert all(edge.start in shown and edge.end in shown for edge in graph.edges)
    assert [node.key for node in graph.nodes if node.is_center] == [key]
    assert len(graph.columns) <= MOST_COLUMNS + 1
    assert all(0 <= node.x < len(graph.columns) for node in graph.nodes)


def test_later_years_stand_further_right(library):
    nodes = graph_of(library, "clip").nodes
    for one in nodes:
        for other in nodes:
            if one.year is not None and other.year is not None and one.year < other.year:
                assert one.x <= other.x


def test_layout_is_the_same_every_time(library):
    assert graph_of(library, "clip") == graph_of(library, "clip")


def test_typed_relations_come_before_citations(library):
    with library.reading() as session:
        typed = {link.key for link in neighbours(session, "sam") if link.relation != CITES}
    shown = {node.key for node in graph_of(library, "sam", most_nodes=len(typed) + 2).nodes}
    assert typed < shown


def test_the_budget_is_kept_and_said(library):
    graph = graph_of(library, "clip")
    assert len(graph.nodes) == MOST_NODES
    with library.reading() as session:
        assert graph.total == len(neighbours(session, "clip"))
    own = [edge for edge in graph.edges if "clip" in (edge.start, edge.end)]
    assert graph.shown == len(own) < graph.total


def test_citations_are_taken_from_both_sides(library):
    graph = graph_of(library, "sam")
    citations = [edge for edge in graph.edges if edge.relation == CITES]
    assert any(edge.start == "sam" for edge in citations)
    assert any(edge.end == "sam" for edge in citations)


def test_a_paper_without_links_stands_alone(library):
    with library.reading() as session:
        alone = next(key for key in KEYS if not neighbours(session, key))
    graph = graph_of(library, alone)
    assert [node.key for node in graph.nodes] == [alone]
    assert graph.total == 0


def luminance(color):
    channels = [int(color[at : at + 2], 16) / 255 for at in (1, 3, 5)]
    linear = [c / 12.92 if c <= 0.03928 else ((c + 0.055) / 1.055) ** 2.4 for c in channels]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


@pytest.mark.parametrize("background", ["#ffffff", "#14161a"])
@pytest.mark.parametrize("pillar", PILLARS)
def test_pillar_colours_stand_out_in_both_themes(pillar, background):
    """WCAG 2.2, success criterion 1.4.11: graphical objects need 3:1."""
    one, other = sorted((luminance(look_of(pillar).color), luminance(background)), reverse=True)
    assert (one + 0.05) / (other + 0.05) >= 3


def test_colour_is_never_the_only_sign():
    for attribute in ("color", "name", "shape", "sign"):
        assert len({getattr(look, attribute) for look in PILLARS.values()}) == len(PILLARS)


def test_pillars_of_another_survey_get_looks_of_their_own():
    looks = looks_of(["generative", "robots", "maps"])
    assert looks["generative"] == look_of("generative")
    assert len({look.shape for look in looks.values()}) == 3


def test_every_pillar_of_the_taxonomy_has_a_look(catalogue):
    root = next(row.id for row in catalogue.taxonomy if row.parent is None)
    assert {row.id for row in catalogue.taxonomy if row.parent == root} == set(PILLARS)
