"""Communities are as good as published ones, numbered by size, the same every time, and tellingly named."""

import random

import igraph
import networkx as nx
import numpy as np
import pytest
from citation_graphs import ODD, as_networkx, citation_graphs, synthetic
from hypothesis import given, settings
from hypothesis import strategies as st

from graph.analysis.citegraph import CitationGraph
from graph.analysis.communities import find_communities, leiden, read_communities, read_texts, telling_terms
from graph.library import Library


@pytest.fixture(scope="module")
def literature(built_path):
    with Library.open(built_path) as library, library.reading() as session:
        return CitationGraph.read(session), read_texts(session)


def groups_of(membership):
    return [set(np.flatnonzero(membership == number).tolist()) for number in range(membership.max() + 1)]


@pytest.mark.parametrize("graph", ODD.values(), ids=ODD)
def test_every_paper_of_an_odd_graph_is_in_one_community(graph):
    found = find_communities(graph, dict.fromkeys(graph.keys, "some text"))
    assert found.membership.shape == (len(graph),)
    assert sorted(key for each in found.communities for key in each.keys) == list(graph.keys)
    assert np.isnan(found.modularity) == (graph.edges == 0)


@settings(deadline=None)
@given(citation_graphs())
def test_modularity_is_that_of_networkx(graph):
    found = find_communities(graph)
    if graph.edges:
        plain = as_networkx(graph).to_undirected()
        expected = nx.community.modularity(plain, groups_of(found.membership))
        assert found.modularity == pytest.approx(expected, abs=1e-9)


@settings(deadline=None)
@given(citation_graphs())
def test_communities_are_numbered_by_size_then_by_their_first_key(graph):
    found = find_communities(graph)
    order = [(-len(each.keys), each.keys[0]) for each in found.communities]
    assert order == sorted(order)
    assert [each.number for each in found.communities] == list(range(len(found.communities)))
    for each in found.communities:
        assert [found.membership[graph.position[key]] for key in each.keys] == [each.number] * len(each.keys)


@settings(deadline=None)
@given(citation_graphs())
def test_no_community_joins_papers_that_no_citations_connect(graph):
    plain = as_networkx(graph).to_undirected()
    for group in groups_of(find_communities(graph).membership) if len(graph) else []:
        assert nx.is_connected(plain.subgraph(group))


def test_the_karate_club_is_divided_as_well_as_it_can_be():
    """0.4198 is the largest modularity of Zachary's network (Brandes et al., 2008)."""
    club = nx.karate_club_graph()
    ends = np.array(list(club.edges), dtype=np.int64)
    membership, modularity = leiden(len(club), ends)
    assert modularity == pytest.approx(0.4198, abs=5e-5)
    assert len(set(membership.tolist())) == 4


def test_shipped_communities_are_no_worse_than_those_of_louvain_in_networkx(literature):
    plain = as_networkx(literature[0]).to_undirected()
    louvain = nx.community.louvain_communities(plain, seed=1)
    assert find_communities(literature[0]).modularity >= nx.community.modularity(plain, louvain) - 0.001


def test_communities_are_the_same_every_time_and_the_seed_is_all_the_chance():
    graph = synthetic(3200)  # so many links that one division is made, not the best of several
    random.seed(1)
    first = find_communities(graph).membership
    random.seed(2)
    np.testing.assert_array_equal(find_communities(graph).membership, first)
    assert not np.array_equal(find_communities(graph, seed=1).membership, first)


def test_igraph_draws_from_python_again_afterwards(literature):
    find_communities(literature[0])
    drawn = []
    for _ in range(2):
        random.seed(7)
        drawn.append(igraph.Graph.Erdos_Renyi(n=30, m=40).get_edgelist())
    assert drawn[0] == drawn[1]


def test_weights_pull_a_node_to_the_stronger_side():
    triangles = [(0, 1), (1, 2), (0, 2), (3, 4), (4, 5), (3, 5), (2, 6), (3, 6)]
    ends = np.array(triangles, dtype=np.int64)
    for heavy, side in ((6, 2), (7, 3)):
        weights = np.ones(len(ends))
        weights[heavy] = 5.0
        membership, _ = leiden(7, ends, weights)
        assert membership[6] == membership[side]


def test_links_given_twice_and_loops_count_as_one_and_none():
    ends = np.array([(0, 1), (1, 0), (1, 1), (2, 3)], dtype=np.int64)
    plain = np.array([(0, 1), (2, 3)], dtype=np.int64)
    assert leiden(4, ends)[1] == leiden(4, plain)[1]
    summed = leiden(4, ends, np.array([1.0, 2.0, 9.0, 1.0]))
    expected = nx.Graph()
    expected.add_weighted_edges_from([(0, 1, 3.0), (2, 3, 1.0)])
    assert summed[1] == pytest.approx(nx.community.modularity(expected, [{0, 1}, {2, 3}]))


def test_more_resolution_makes_more_communities(literature):
    graph, _ = literature
    coarse, fine = (find_communities(graph, resolution=each) for each in (0.5, 3.0))
    assert len([each for each in fine.communities if len(each.keys) > 1]) > len(
        [each for each in coarse.communities if len(each.keys) > 1]
    )


def test_shipped_communities_are_named_by_what_they_are_about(literature):
    graph, texts = literature
    found = find_communities(graph, texts)
    terms = {word for each in found.communities[:5] for term in each.terms for word in term.split()}
    assert {"diffusion", "multimodal", "segment"} <= terms
    assert not terms & {"the", "and", "model", "method", "paper"}
    assert "diffusion" in found.of("ddpm").label
    assert found.of("no-such-paper") is None


def test_telling_terms_are_those_of_one_group_and_share_no_word():
    texts = [
        "Noise schedule for noise.",
        "A noise schedule.",
        "A point prompt, a mask",
        "Masks by a point prompt",
    ]
    first, second = telling_terms(texts, np.array([0, 0, 1, 1]))
    assert first == ("noise schedule",)
    assert second == ("point prompt", "mask")


def test_terms_that_every_group_has_come_after_those_of_one():
    fruits = ("apple", "apple", "pear", "pear", "plum", "plum")
    terms = telling_terms([f"Shared. {fruit}." for fruit in fruits], np.array([0, 0, 1, 1, 2, 2]))
    assert terms == [("apple", "shared"), ("pear", "shared"), ("plum", "shared")]


def test_words_do_not_pair_up_across_sentences():
    terms = telling_terms(["red. Blue", "red. blue"], np.array([0, 0]))
    assert set(terms[0]) == {"red", "blue"}


def test_the_first_key_names_a_community_whose_texts_say_nothing():
    graph = CitationGraph.from_edges("ab", [("a", "b")])
    assert [each.label for each in find_communities(graph, {"a": "It is the"}).communities] == ["a"]
    assert [each.label for each in find_communities(graph).communities] == ["a"]


@settings(deadline=None)
@given(st.lists(st.tuples(st.text(max_size=60), st.integers(0, 2)), max_size=8))
def test_any_texts_can_be_named(entries):
    membership = np.array([group for _, group in entries], dtype=np.int64)
    found = telling_terms([text for text, _ in entries], membership)
    assert len(found) == membership.max(initial=-1) + 1
    assert found == telling_terms([text for text, _ in entries], membership)
    for terms in found:
        words = [word for term in terms for word in term.split()]
        assert len(terms) <= 5
        assert all(word == word.lower() for word in words)


def test_communities_kept_in_the_library_are_those_computed(own_path, literature):
    with Library.open(own_path) as library:
        first, second = read_communities(library), read_communities(library)
    computed = find_communities(*literature)
    for kept in (first, second):
        np.testing.assert_array_equal(kept.membership, computed.membership)
        assert (kept.communities, kept.modularity) == (computed.communities, computed.modularity)


def test_a_library_without_papers_has_no_communities(tmp_path):
    with Library.create(tmp_path / "empty.sqlite") as library:
        found = read_communities(library)
    assert (found.communities, len(found.membership)) == ((), 0)
