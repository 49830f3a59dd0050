"""The taxonomy reads as a tree, and its counts add up."""

import pytest
from sqlalchemy import select

from graph.errors import UnknownName
from graph.library import Library
from graph.schema import Assignment, Paper, TaxonomyNode
from graph.taxonomy import papers_under, path_to, read_taxonomy


@pytest.fixture(scope="module")
def session(built_path):
    with Library.open(built_path) as library, library.reading() as opened:
        yield opened


@pytest.fixture(scope="module")
def tree(session):
    return read_taxonomy(session)


def test_every_node_of_the_catalogue_is_there_as_it_is_defined(tree, catalogue):
    told = {entry.id: (entry.parent, entry.label, entry.definition) for entry in tree}
    assert told == {row.id: (row.parent, row.label, row.definition) for row in catalogue.taxonomy}
    assert len(tree) == len(told)


def test_a_node_comes_before_its_children_and_its_subtree_is_in_one_piece(tree):
    path = []
    for entry in tree:
        del path[entry.depth :]
        assert entry.parent == (path[-1] if path else None)
        path.append(entry.id)
    assert tree[0].depth == 0
    assert len({entry.id for entry in tree}) == len(tree)


def test_siblings_keep_the_order_of_the_catalogue(tree, catalogue):
    for parent in {row.parent for row in catalogue.taxonomy}:
        siblings = [row.id for row in catalogue.taxonomy if row.parent == parent]
        assert [entry.id for entry in tree if entry.parent == parent] == siblings


def test_the_counts_of_the_children_and_of_the_node_itself_add_up(tree, catalogue):
    for entry in tree:
        here = sum(row.taxonomy == entry.id for row in catalogue.papers)
        below = sum(child.papers for child in tree if child.parent == entry.id)
        assert entry.papers == here + below
    assert tree[0].papers == len(catalogue.papers)


def test_papers_and_also_are_together_the_papers_listed_under_a_node(session, tree):
    for entry in tree:
        assert entry.papers + entry.also == len(papers_under(session, entry.id)), entry.id
    assert tree[0].also == 0
    assert any(entry.also for entry in tree)


def test_a_paper_that_is_in_a_branch_twice_counts_once(own_path):
    with Library.open(own_path) as library, library.reading() as session:
        before = {entry.id: entry for entry in read_taxonomy(session)}
        paper = session.scalar(select(Paper).where(Paper.key == "resnet"))
        source = session.scalar(select(Assignment).where(Assignment.paper_id == paper.id))
        for node_id in ("foundation.language", "unified.dense", "unified.joint"):
            session.add(
                Assignment(
                    paper_id=paper.id, node_id=node_id, is_primary=False,
                    source_id=source.source_id, retrieved_at=source.retrieved_at,
                )
            )  # fmt: skip
        session.flush()
        after = {entry.id: entry for entry in read_taxonomy(session)}
    changed = {node_id: after[node_id].also - before[node_id].also for node_id in after}
    assert {node_id: more for node_id, more in changed.items() if more} == {
        "foundation.language": 1, "unified": 1, "unified.dense": 1, "unified.joint": 1,
    }  # fmt: skip
    assert all(after[node_id].papers == before[node_id].papers for node_id in after)


def test_the_pillar_of_a_node_is_its_branch_below_the_root(tree):
    root = tree[0]
    assert root.pillar is None
    parents = {entry.id: entry.parent for entry in tree}
    for entry in tree[1:]:
        assert entry.pillar == path_to(entry.id, parents)[1]


def test_a_subtree_starts_at_its_node_and_counts_the_same(session, tree):
    for entry in tree:
        part = read_taxonomy(session, entry.id)
        assert part[0].id == entry.id
        assert part[0].depth == 0
        whole = tree[tree.index(entry) : tree.index(entry) + len(part)]
        assert [(e.id, e.papers, e.also, e.depth + entry.depth) for e in part] == [
            (e.id, e.papers, e.also, e.depth) for e in whole
        ]
    assert len(read_taxonomy(session, tree[0].id)) == len(tree)


@pytest.mark.parametrize("ask", [read_taxonomy, papers_under])
def test_an_unknown_node_lists_near_ones(session, ask):
    with pytest.raises(UnknownName) as caught:
        ask(session, "unified.densse")
    assert caught.value.nearest[0] == "unified.dense"
    assert str(caught.value).startswith("no taxonomy node 'unified.densse'; nearest: unified.dense")
    assert str(caught.value).endswith("'vfm-atlas taxonomy' lists all")


def test_papers_under_a_node_are_its_own_and_those_below_it(session, catalogue):
    parents = {row.id: row.parent for row in catalogue.taxonomy}
    for node in ("vfm", "generative", "generative.diffusion", "discriminative.segmentation"):
        expected = {
            row.key
            for row in catalogue.papers
            if any(node in path_to(place, parents) for place in (row.taxonomy, *row.taxonomy_secondary))
        }
        found = [paper.key for paper in papers_under(session, node)]
        assert set(found) == expected
        assert len(found) == len(expected)


def test_papers_under_a_node_come_most_cited_first(session, catalogue):
    cited = {row.key: 0 for row in catalogue.papers}
    for edge in catalogue.citations:
        cited[edge.cited] += 1
    found = [paper.key for paper in papers_under(session, "vfm")]
    assert found == sorted(cited, key=lambda key: (-cited[key], key))


def test_a_node_without_papers_is_empty(own_path):
    with Library.open(own_path) as library, library.reading() as session:
        root = session.scalar(select(TaxonomyNode).where(TaxonomyNode.parent_id.is_(None)))
        session.add(
            TaxonomyNode(
                id="new", parent_id=root.id, label="New", definition="Nothing yet", pillar="new",
                position=99, source_id=root.source_id, retrieved_at=root.retrieved_at,
            )
        )  # fmt: skip
        session.flush()
        assert papers_under(session, "new") == []
        (entry,) = read_taxonomy(session, "new")
    assert (entry.papers, entry.also) == (0, 0)
