"""A proposed taxonomy covers the library, survives editing, and mistakes in it are named with their line."""

import csv
import re
from itertools import combinations

import pytest
from analysis_helpers import (
    add_papers,
    add_tree,
    cite,
    forget_taxonomy,
    named,
    put,
    topics,
)
from hypothesis import given, settings
from hypothesis import strategies as st
from sqlalchemy import delete, select

from graph.analysis.assign import ATLAS
from graph.analysis.propose import DIVIDED, FEWEST, ROOT, apply_taxonomy, propose_taxonomy
from graph.analysis.taxonomy_file import COLUMNS, ProposedNode, read_nodes, write_nodes
from graph.errors import TaxonomyError
from graph.filters import pillars_of
from graph.library import Library
from graph.schema import Assignment, Paper, Source, TaxonomyNode
from graph.taxonomy import read_taxonomy

GOOD = """\
id,parent,label,definition,papers
all,,All papers,The root,
cats,all,Cats,,p000; p001
cats.small,cats,Small cats,Those that purr,p002
dogs,all,Dogs,,p003
"""


@pytest.fixture
def empty(tmp_path):
    with Library.create(tmp_path / "empty.sqlite") as library:
        yield library


@pytest.fixture
def bare(own_path):
    """The shipped papers without their taxonomy."""
    with Library.open(own_path) as library:
        with library.writing() as session:
            forget_taxonomy(session)
        yield library


@pytest.fixture
def pets(empty):
    """Papers of two topics, p000 ... p002 and p003 ... p005, without a taxonomy."""
    with empty.writing() as session:
        add_papers(session, named(6), topics([3, 3]))
    return empty


@pytest.fixture
def table(tmp_path):
    """A function that writes a file and returns its path."""

    def write(text, name="taxonomy.csv"):
        path = tmp_path / name
        path.write_bytes(text if isinstance(text, bytes) else text.encode())
        return path

    return write


def places(session):
    """Node and origin of each paper's primary place."""
    query = (
        select(Paper.key, Assignment.node_id, Source.origin)
        .join(Assignment, Assignment.paper_id == Paper.id)
        .join(Source, Source.id == Assignment.source_id)
        .where(Assignment.is_primary)
    )
    return {key: (node, origin) for key, node, origin in session.execute(query)}


def test_a_proposal_has_every_paper_once_in_a_tree_of_two_levels(bare):
    with bare.reading() as session:
        proposal = propose_taxonomy(session)
        keys = sorted(session.scalars(select(Paper.key)))
    listed = [key for node in proposal.nodes for key in node.papers]
    assert sorted([*listed, *proposal.left]) == keys
    assert proposal.nodes[0].id == ROOT
    seen = set()
    for node in proposal.nodes:
        assert (node.parent in seen) if node.parent else node.id == ROOT
        seen.add(node.id)
    assert len(seen) == len(proposal.nodes)
    depths = {node.id: node.id.count(".") for node in proposal.nodes}
    assert set(depths.values()) == {0, 1}
    assert all(node.parent == node.id.rpartition(".")[0] for node in proposal.nodes if depths[node.id])
    assert 5 <= sum(node.parent == ROOT for node in proposal.nodes) <= 15


def test_the_same_library_gives_the_same_proposal(bare):
    with bare.reading() as session:
        assert propose_taxonomy(session) == propose_taxonomy(session)


def test_nodes_are_named_by_what_their_papers_tell(bare):
    with bare.reading() as session:
        labels = " ".join(node.label.lower() for node in propose_taxonomy(session).nodes)
    for word in ("diffusion", "segmentation", "self-supervised", "adversarial", "contrastive"):
        assert word in labels


def test_branches_are_large_enough_and_only_large_ones_are_divided(bare):
    with bare.reading() as session:
        nodes = propose_taxonomy(session).nodes
    for branch in (node for node in nodes if node.parent == ROOT):
        parts = [node for node in nodes if node.parent == branch.id]
        size = len(branch.papers) + sum(len(part.papers) for part in parts)
        assert size >= FEWEST
        assert not parts or (size >= DIVIDED and len(parts) > 1)
        assert all(len(part.papers) >= FEWEST for part in parts)


def test_topics_that_nothing_joins_are_branches(empty):
    with empty.writing() as session:
        add_papers(session, named(40), topics([20, 20]))
        proposal = propose_taxonomy(session)
    assert sorted(node.papers for node in proposal.nodes if node.parent) == sorted(
        [tuple(named(40)[:20]), tuple(named(40)[20:])]
    )
    assert proposal.left == ()


def test_citations_alone_are_enough(empty):
    with empty.writing() as session:
        ids = add_papers(session, named(13))
        for start in (0, 6):
            for one, other in combinations(range(start, start + 6), 2):
                cite(session, ids[other], ids[one])
        proposal = propose_taxonomy(session)
    assert sorted(node.papers for node in proposal.nodes if node.parent) == [
        tuple(named(12)[:6]), tuple(named(12)[6:]),
    ]  # fmt: skip
    assert proposal.left == ("p012",)


@pytest.mark.parametrize("count", [0, 1])
@pytest.mark.parametrize("with_vectors", [True, False])
def test_a_library_with_nothing_to_tell_apart_gets_no_nodes(empty, count, with_vectors):
    with empty.writing() as session:
        add_papers(session, named(count), topics([count]) if with_vectors and count else None)
        proposal = propose_taxonomy(session)
    assert (proposal.nodes, proposal.left) == ((), tuple(named(count)))


def test_a_proposal_that_is_applied_is_the_taxonomy(bare, tmp_path):
    path = tmp_path / "taxonomy.csv"
    with bare.reading() as session:
        proposal = propose_taxonomy(session)
    proposal.write(path)
    with bare.writing() as session:
        applied = apply_taxonomy(session, path)
        entries = read_taxonomy(session)
        found = places(session)
        branches = pillars_of(session)
    assert [(each.id, each.parent, each.label) for each in entries] == [
        (node.id, node.parent, node.label) for node in proposal.nodes
    ]
    assert found == {key: (node.id, "user") for node in proposal.nodes for key in node.papers}
    assert entries[0].papers == applied.papers == 571
    assert branches == [node.id for node in proposal.nodes if node.parent == ROOT]
    assert applied.assigned.assigned == 0


def test_an_edited_file_replaces_what_was_applied_before(pets, table):
    with pets.writing() as session:
        apply_taxonomy(session, table(GOOD))
        assert {key: node for key, (node, origin) in places(session).items() if origin == "user"} == {
            "p000": "cats", "p001": "cats", "p002": "cats.small", "p003": "dogs",
        }  # fmt: skip
    edited = GOOD.replace("cats.small,cats,Small cats,Those that purr,p002\n", "").replace(
        "Dogs,,", "Hounds,,p002;"
    )
    with pets.writing() as session:
        applied = apply_taxonomy(session, table(edited))
        labels = {node.id: node.label for node in session.scalars(select(TaxonomyNode))}
        assert labels == {"all": "All papers", "cats": "Cats", "dogs": "Hounds"}
        assert {key: node for key, (node, origin) in places(session).items() if origin == "user"} == {
            "p000": "cats", "p001": "cats", "p002": "dogs", "p003": "dogs",
        }  # fmt: skip
    assert (applied.nodes, applied.papers) == (3, 4)


def test_papers_that_the_file_does_not_name_are_assigned_by_the_others(pets, table):
    with pets.writing() as session:
        applied = apply_taxonomy(session, table(GOOD))
        assert {key: value for key, value in places(session).items() if value[1] == ATLAS} == {
            "p004": ("dogs", ATLAS), "p005": ("dogs", ATLAS),
        }  # fmt: skip
    assert applied.assigned.assigned == 2


def test_a_node_may_go_to_which_papers_were_assigned_by_the_others(pets, table):
    with pets.writing() as session:
        apply_taxonomy(session, table(GOOD))
        assert places(session)["p005"] == ("dogs", ATLAS)
        apply_taxonomy(session, table(GOOD.replace("dogs,all", "hounds,all")))
        assert places(session)["p005"] == ("hounds", ATLAS)


def test_the_pillar_is_the_branch_below_the_root(pets, table):
    with pets.writing() as session:
        apply_taxonomy(session, table(GOOD))
        assert {node.id: node.pillar for node in session.scalars(select(TaxonomyNode))} == {
            "all": None, "cats": "cats", "cats.small": "cats", "dogs": "dogs",
        }  # fmt: skip


def test_lines_may_stand_in_any_order_and_blank_ones_do_not_count(pets, table):
    head, *lines = GOOD.splitlines()
    with pets.writing() as session:
        apply_taxonomy(session, table("\r\n".join([head, "", *reversed(lines), ",,,,", ""])))
        assert [each.id for each in read_taxonomy(session)] == ["all", "dogs", "cats", "cats.small"]


def test_a_file_of_a_spreadsheet_with_its_mark_is_read(pets, table):
    with pets.writing() as session:
        assert apply_taxonomy(session, table(b"\xef\xbb\xbf" + GOOD.encode())).nodes == 4


def test_a_library_with_a_taxonomy_from_elsewhere_refuses_another(library, table):
    with (
        library.reading() as session,
        pytest.raises(TaxonomyError, match=r"already \(48 nodes from catalogue\)"),
    ):
        apply_taxonomy(session, table(GOOD))


def test_a_mistake_leaves_the_taxonomy_as_it_was(pets, table):
    with pets.writing() as session:
        apply_taxonomy(session, table(GOOD))
        before = places(session)
    with pytest.raises(TaxonomyError), pets.writing() as session:
        apply_taxonomy(session, table(GOOD.replace("dogs,all", "dogs,nothing")))
    with pets.reading() as session:
        assert places(session) == before


MISTAKES = {
    "an unknown paper": (("p003", "p03"), "taxonomy.csv:5: papers: no paper 'p03'; nearest: p003"),
    "a paper twice": (("p003", "p000"), "taxonomy.csv:5: papers: 'p000' stands in line 3 already"),
    "a node twice": (("dogs,all", "cats,all"), "taxonomy.csv:5: id: 'cats' stands in line 3 already"),
    "an id that is none": (("dogs,all", "My dogs,all"), "taxonomy.csv:5: id: 'My dogs' is none"),
    "an unknown parent": (("dogs,all", "dogs,al"), "taxonomy.csv:5: parent: no node 'al'; nearest: all"),
    "two roots": (("dogs,all", "dogs,"), "taxonomy.csv:5: parent: is blank, but 'all' is the root already"),
    "no root": (("all,,", "all,cats,"), "taxonomy.csv:2: parent: no node has a blank one"),
    "a circle": (("cats,all", "cats,cats.small"), "taxonomy.csv:3: parent: 'cats' is below itself"),
    "a blank label": (("Dogs", " "), "taxonomy.csv:5: label: is blank"),
    "a field too many": (("Dogs,,", "Dogs,,,"), "taxonomy.csv:5: 6 fields, allowed are 5"),
    "other columns": (("id,parent", "node,parent"), "taxonomy.csv:1: the columns are 'node, parent,"),
    "an open quote": (("Dogs,,", '"Dogs,,'), "taxonomy.csv:5: cannot be read as CSV"),
    "nothing but a header": ((GOOD[GOOD.index("\n") :], "\n"), "taxonomy.csv:1: there are no nodes"),
    "nothing at all": ((GOOD, ""), "taxonomy.csv:1: the file is empty"),
}


@pytest.mark.parametrize("name", MISTAKES)
def test_a_mistake_is_named_with_file_and_line(pets, table, name):
    (old, new), message = MISTAKES[name]
    assert old in GOOD
    path = table(GOOD.replace(old, new))
    with pets.reading() as session, pytest.raises(TaxonomyError, match=re.escape(message)):
        apply_taxonomy(session, path)


def test_the_line_is_that_of_the_file_where_cells_have_several(pets, table):
    text = GOOD.replace("Those that purr", '"Those\nthat\npurr"').replace("p003", "nobody")
    with pets.reading() as session, pytest.raises(TaxonomyError, match=r"taxonomy\.csv:7: papers: no paper"):
        apply_taxonomy(session, table(text))


def test_every_mistake_is_named_at_once_and_a_long_list_is_cut(pets, table):
    lines = [f"n{number},nowhere,,," for number in range(30)]
    with pets.reading() as session, pytest.raises(TaxonomyError) as caught:
        apply_taxonomy(session, table(GOOD + "\n".join(lines)))
    told = str(caught.value).splitlines()
    assert len(told) == 22
    assert told[-1] == "and 40 more"


@pytest.mark.parametrize(
    ("content", "message"), [(b"id,parent\xff", "as UTF-8"), (None, "No such file"), ("folder", "directory")]
)
def test_a_file_that_cannot_be_read_is_named(pets, tmp_path, content, message):
    path = tmp_path / "some.csv"
    if content == "folder":
        path.mkdir()
    elif content:
        path.write_bytes(content)
    with pets.reading() as session, pytest.raises(TaxonomyError, match=message) as caught:
        apply_taxonomy(session, path)
    assert str(path) in str(caught.value)


def test_a_file_that_is_there_already_is_not_written_over(pets, table):
    path = table("precious")
    with pytest.raises(TaxonomyError, match="exists already"):
        write_nodes([], path)
    assert path.read_text() == "precious"


def test_a_place_where_nothing_can_be_written_is_named(tmp_path):
    with pytest.raises(TaxonomyError, match="No such file"):
        write_nodes([], tmp_path / "nowhere" / "taxonomy.csv")


def test_what_others_state_of_a_paper_stays(pets, table):
    with pets.writing() as session:
        apply_taxonomy(session, table(GOOD))
        one = session.scalar(select(Paper.id).where(Paper.key == "p005"))
        session.execute(delete(Assignment).where(Assignment.paper_id == one))
        put(session, one, "cats")
        apply_taxonomy(session, table(GOOD))
        assert places(session)["p005"] == ("cats", "editors")
        without = re.sub("(?m)^cats.*\n", "", GOOD)
        with pytest.raises(
            TaxonomyError, match="no node 'cats', but others than this file placed papers there"
        ):
            apply_taxonomy(session, table(without))


text_cells = st.text(st.characters(exclude_categories=["Cs"]), max_size=12).map(str.strip)
ids = st.from_regex(r"[a-z0-9]{1,4}([.-][a-z0-9]{1,3})?", fullmatch=True)


@st.composite
def trees(draw):
    names = draw(st.lists(ids, min_size=1, max_size=8, unique=True))
    papers = iter(draw(st.permutations(named(12))))
    nodes = []
    for number, name in enumerate(names):
        parent = names[draw(st.integers(0, number - 1))] if number else None
        mine = tuple(next(papers) for _ in range(draw(st.integers(0, 1))))
        label = draw(text_cells.filter(bool))
        nodes.append(ProposedNode(name, parent, label, draw(text_cells), mine))
    return nodes


@settings(deadline=None, max_examples=100)
@given(trees())
def test_what_is_written_is_read_back(tmp_path_factory, nodes):
    path = tmp_path_factory.mktemp("tree") / "taxonomy.csv"
    write_nodes(nodes, path)
    found = read_nodes(path, named(12))
    assert sorted(found, key=lambda node: node.id) == sorted(nodes, key=lambda node: node.id)
    seen = {None}
    for node in found:
        assert node.parent in seen
        seen.add(node.id)
    with path.open(encoding="utf-8", newline="") as file:
        assert tuple(next(csv.reader(file))) == COLUMNS


@settings(deadline=None, max_examples=15)
@given(trees())
def test_what_is_applied_is_read_back_from_the_library(tmp_path_factory, nodes):
    folder = tmp_path_factory.mktemp("tree")
    write_nodes(nodes, folder / "taxonomy.csv")
    with Library.create(folder / "library.sqlite") as library:
        with library.writing() as session:
            add_papers(session, named(12))
            apply_taxonomy(session, folder / "taxonomy.csv")
        with library.reading() as session:
            found = places(session)
            stored = {
                node.id: (node.parent_id, node.label, node.definition)
                for node in session.scalars(select(TaxonomyNode))
            }
    assert found == {key: (node.id, "user") for node in nodes for key in node.papers}
    assert stored == {node.id: (node.parent, node.label, node.definition) for node in nodes}


def test_a_tree_that_others_made_of_the_same_source_kind_is_not_ours(pets, table):
    with pets.writing() as session:
        add_tree(session, {"root": None, "x": "root"})
        with pytest.raises(TaxonomyError, match=r"2 nodes from editors"):
            apply_taxonomy(session, table(GOOD))
