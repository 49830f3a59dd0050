"""The icicle: every node once, children within their parents, as tall as they have papers."""

import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app import charts
from graph.icicle import icicle
from graph.taxonomy import TaxonomyEntry, read_taxonomy

NEAR = 1e-9


def entry(number, parent, papers, depth):
    return TaxonomyEntry(str(number), parent, f"Node {number}", "What it is", depth, "generative", papers, 0)


@st.composite
def trees(draw):
    """Trees in reading order; a parent has at least its children's papers."""
    parents = [None]
    for number in range(1, draw(st.integers(1, 25))):
        parents.append(draw(st.integers(0, number - 1)))
    own = [draw(st.integers(0, 40)) for _ in parents]
    papers = list(own)
    for number in range(len(parents) - 1, 0, -1):
        papers[parents[number]] += papers[number]
    order, queue = [], [(0, 0)]
    while queue:
        number, depth = queue.pop()
        parent = None if parents[number] is None else str(parents[number])
        order.append(entry(number, parent, papers[number], depth))
        queue += [(child, depth + 1) for child, each in enumerate(parents) if each == number]
    return order


@given(trees(), st.floats(0.001, 0.05))
def test_every_node_lies_within_its_parent_and_beside_its_siblings(tree, least):
    tiles = {tile.entry.id: tile for tile in icicle(tree, least)}
    assert list(tiles) == [each.id for each in tree]
    below = {}
    for tile in tiles.values():
        assert 0 <= tile.top < tile.bottom <= 1 + NEAR
        parent = tiles.get(tile.entry.parent)
        if parent is not None:
            assert tile.depth == parent.depth + 1
            assert parent.top - NEAR <= tile.top
            assert tile.bottom <= parent.bottom + NEAR
        below.setdefault(tile.entry.parent, []).append(tile)
    for siblings in below.values():
        for before, after in itertools.pairwise(siblings):
            assert after.top >= before.bottom - NEAR


def test_heights_are_shares_of_the_papers_where_there_is_room():
    tree = [entry(0, None, 100, 0), entry(1, "0", 75, 1), entry(2, "0", 25, 1)]
    root, first, second = icicle(tree)
    assert (root.top, root.bottom) == (0, 1)
    assert first.bottom - first.top == pytest.approx(0.75)
    assert second.top == pytest.approx(0.75)


def test_a_node_without_papers_can_still_be_chosen():
    tree = [entry(0, None, 100, 0), entry(1, "0", 100, 1), entry(2, "0", 0, 1)]
    last = icicle(tree, least=0.1)[-1]
    assert last.bottom - last.top == pytest.approx(0.1 / 1.1)


def test_no_tree_has_no_tiles():
    assert icicle([]) == []


def test_part_of_a_tree_begins_at_its_own_root(library):
    with library.reading() as session:
        tiles = icicle(read_taxonomy(session, "generative"))
    assert tiles[0].entry.id == "generative"
    assert (tiles[0].depth, tiles[0].top, tiles[0].bottom) == (0, 0, 1)
    assert {tile.depth for tile in tiles} == {0, 1}


@pytest.mark.parametrize("dark", [False, True])
def test_every_node_below_the_root_of_the_shipped_taxonomy_is_labelled(library, dark):
    with library.reading() as session:
        tree = read_taxonomy(session)
    height = 860
    drawn = charts.icicle_chart(
        icicle(tree, 1.25 * charts.LINE / height), "generative", height=height, dark=dark
    ).to_dict()
    boxes, _edges, labels = (layer["data"]["values"] for layer in with_data(drawn))
    assert [box["id"] for box in boxes] == [each.id for each in tree]
    assert [box["id"] for box in boxes if box["chosen"]] == ["generative"]
    assert [label["id"] for label in labels] == [each.id for each in tree if each.depth]


def with_data(drawn):
    """The layers of a chart, each with the rows that it draws."""
    for layer in drawn["layer"]:
        yield layer if "data" in layer else layer | {"data": drawn["data"]}
