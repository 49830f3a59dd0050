"""Which descriptions are of one work: the same for any order of them, explained, and never against an id."""

import itertools
from collections import defaultdict

import networkx as nx
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from ingest.identity import Node, Works, family_name, find_works, last_name
from ingest.record import SCHEMES, WorkId

TELLING = "Improving Image Generation with Better Captions"


def ids(*names: str) -> tuple[WorkId, ...]:
    """Ids written as `scheme:value`."""
    return tuple(WorkId(*name.split(":")) for name in names)


@st.composite
def descriptions(draw: st.DrawFn, *, titles: bool = True, groups: bool = True) -> list[Node]:
    """Nodes from pools that are small enough for them to share much."""
    some_ids = st.builds(WorkId, st.sampled_from(SCHEMES), st.sampled_from("1234"))
    nodes = []
    for number in range(draw(st.integers(0, 12))):
        curated = draw(st.booleans()) and draw(st.booleans())
        nodes.append(
            Node(
                f"n{number}",
                tuple(draw(st.lists(some_ids, max_size=3, unique=True))),
                draw(st.sampled_from(["", "One", "o n e", TELLING, TELLING.upper()])) if titles else "",
                draw(st.sampled_from([None, "Ada Small", "Small, A.", "Bo Tiny"])),
                draw(st.sampled_from([None, 2019, 2020, 2021, 2022])),
                curated,
                draw(st.sampled_from([None, None, None, "g", "h"])) if groups and not curated else None,
            )
        )
    return nodes


def named(nodes: list[Node], works: Works) -> tuple[set[frozenset[str]], dict[str, str]]:
    """What was found, by names."""
    parts = {frozenset(nodes[index].name for index in members) for members in works.members}
    return parts, {nodes[index].name: reason for index, reason in works.reasons.items()}


def parts_of(*nodes: Node) -> set[frozenset[str]]:
    return named(list(nodes), find_works(nodes))[0]


def apart(*names: str) -> set[frozenset[str]]:
    return {frozenset(name) for name in names}


def arxiv_id(node: Node) -> str | None:
    return next((each.value for each in node.ids if each.scheme == "arxiv"), None)


def counted(node: Node) -> list[WorkId]:
    """The ids that join: of several arXiv ids the first."""
    return [each for each in node.ids if each.scheme != "arxiv" or each.value == arxiv_id(node)]


# --- what holds for all descriptions -----------------------------------------------------------------------


@settings(deadline=None)
@given(nodes=descriptions(), shuffle=st.randoms())
def test_the_order_of_descriptions_does_not_count(nodes, shuffle):
    mixed = list(nodes)
    shuffle.shuffle(mixed)
    one, other = find_works(nodes), find_works(mixed)
    assert named(nodes, one) == named(mixed, other)
    assert one.conflicts == other.conflicts


@settings(deadline=None)
@given(nodes=descriptions())
def test_every_description_is_of_exactly_one_work(nodes):
    members = find_works(nodes).members
    assert sorted(itertools.chain(*members)) == list(range(len(nodes)))
    assert members == sorted(sorted(each) for each in members)


@settings(deadline=None)
@given(nodes=descriptions())
def test_every_description_but_the_first_of_a_work_has_a_reason(nodes):
    works = find_works(nodes)
    for members in works.members:
        first = min(members, key=lambda index: (not nodes[index].curated, nodes[index].name))
        assert set(members) & works.reasons.keys() == set(members) - {first}
    assert all(works.reasons.values())


@settings(deadline=None)
@given(nodes=descriptions())
def test_no_work_has_two_curated_papers_or_two_arxiv_ids(nodes):
    for members in find_works(nodes).members:
        work = [nodes[index] for index in members]
        assert sum(node.curated for node in work) <= 1
        if work[0].group is None:
            assert len({arxiv_id(node) for node in work} - {None}) <= 1


@settings(deadline=None)
@given(nodes=descriptions())
def test_what_a_person_set_apart_is_together_and_with_nothing_else(nodes):
    for members in find_works(nodes).members:
        assert len({nodes[index].group for index in members}) == 1
        group = nodes[members[0]].group
        if group is not None:
            assert members == [index for index, node in enumerate(nodes) if node.group == group]


@settings(deadline=None)
@given(nodes=descriptions())
def test_a_shared_id_joins_or_is_reported(nodes):
    works = find_works(nodes)
    work_of = {index: number for number, members in enumerate(works.members) for index in members}
    reported = {(conflict.first, conflict.second) for conflict in works.conflicts}
    holders = defaultdict(list)
    for index, node in sorted(enumerate(nodes), key=lambda item: (not item[1].curated, item[1].name)):
        for each in counted(node):
            holders[node.group, each].append(index)
    for first, *others in holders.values():
        for other in others:
            pair = tuple(sorted((nodes[first].name, nodes[other].name)))
            assert work_of[first] == work_of[other] or pair in reported
    for conflict in works.conflicts:
        assert conflict.first < conflict.second
        assert conflict.reason
        assert conflict.shared


@settings(deadline=None)
@given(nodes=descriptions(titles=False, groups=False))
def test_without_contradictions_works_are_the_components_of_the_id_graph(nodes):
    works = find_works(nodes)
    assume(not works.conflicts)
    graph = nx.Graph()
    graph.add_nodes_from(range(len(nodes)))
    graph.add_edges_from((index, each) for index, node in enumerate(nodes) for each in counted(node))
    components = [
        [each for each in found if isinstance(each, int)] for found in nx.connected_components(graph)
    ]
    assert works.members == sorted(sorted(each) for each in components)


@settings(deadline=None)
@given(nodes=descriptions(groups=False))
def test_nothing_is_joined_that_shares_neither_id_nor_title(nodes):
    graph = nx.Graph()
    graph.add_nodes_from(range(len(nodes)))
    graph.add_edges_from((index, each) for index, node in enumerate(nodes) for each in node.ids)
    for (one, node), (other, second) in itertools.combinations(enumerate(nodes), 2):
        alike = node.title.replace(" ", "").lower() == second.title.replace(" ", "").lower() != ""
        dated = node.year and second.year and abs(node.year - second.year) <= 1
        if alike and (len(node.title) > 25 or (dated and node.first_author and second.first_author)):
            graph.add_edge(one, other)
    for members in find_works(nodes).members:
        assert set(members) <= nx.node_connected_component(graph, members[0])


# --- by ids ------------------------------------------------------------------------------------------------


def test_ids_join_in_a_chain_and_in_a_loop():
    chain = [Node("a", ids("arxiv:1", "doi:x")), Node("b", ids("doi:x", "s2:f")), Node("c", ids("s2:f"))]
    assert parts_of(*chain) == apart("abc")
    loop = [*chain[:2], Node("c", ids("s2:f", "arxiv:1"))]
    assert parts_of(*loop) == apart("abc")
    assert find_works(loop).conflicts == []


def test_the_reason_names_the_id():
    works = find_works([Node("b", ids("arxiv:2312.10163")), Node("a", ids("arxiv:2312.10163", "doi:x"))])
    assert works.reasons == {0: "arXiv:2312.10163"}


def test_schemes_are_not_mixed_up():
    assert parts_of(Node("a", ids("s2:1")), Node("b", ids("corpus:1"))) == apart("a", "b")


@pytest.mark.parametrize("shared", ["doi:x", "s2:f", "corpus:1", "openalex:W1"])
def test_two_arxiv_ids_are_never_one_work_and_that_is_reported(shared):
    nodes = [Node("a", ids("arxiv:1", shared)), Node("b", ids("arxiv:2", shared))]
    works = find_works(nodes)
    assert named(nodes, works)[0] == apart("a", "b")
    (conflict,) = works.conflicts
    assert (conflict.first, conflict.second) == ("a", "b")
    assert conflict.shared == str(*ids(shared))
    assert conflict.reason == "they have two arxiv ids, 1 and 2"


def test_a_bridge_between_two_arxiv_ids_joins_one_side_only():
    nodes = [Node("a", ids("arxiv:1", "doi:x")), Node("b", ids("arxiv:2", "s2:f"))]
    nodes.append(Node("c", ids("doi:x", "s2:f")))
    works = find_works(nodes)
    assert named(nodes, works)[0] == apart("ac", "b")
    assert [(each.first, each.second, each.shared) for each in works.conflicts] == [("b", "c", "s2:f")]


def test_the_first_of_two_arxiv_ids_of_one_description_counts():
    nodes = [Node("a", ids("arxiv:1", "arxiv:2")), Node("b", ids("arxiv:1")), Node("c", ids("arxiv:2"))]
    works = find_works(nodes)
    assert named(nodes, works)[0] == apart("ab", "c")
    (conflict,) = works.conflicts
    assert (conflict.first, conflict.second, conflict.shared) == ("a", "c", "arXiv:2")
    assert conflict.reason == "a has two arxiv ids, 1 and 2"


def test_two_papers_of_the_catalogue_are_never_one_work_and_that_is_reported():
    nodes = [Node("a", ids("doi:x"), curated=True), Node("b", ids("doi:x"), curated=True)]
    works = find_works([*nodes, Node("c", ids("doi:x"))])
    assert works.members == [[0, 2], [1]]
    (conflict,) = works.conflicts
    assert (conflict.first, conflict.second, conflict.shared) == ("a", "b", "doi:x")
    assert conflict.reason == "both are papers of the catalogue"


def test_a_large_work_still_knows_that_it_has_a_paper_of_the_catalogue():
    nodes = [
        Node("a", ids("doi:x"), curated=True),
        Node("b", ids("s2:f"), curated=True),
        Node("c", ids("arxiv:1", "doi:x")),
        Node("d", ids("arxiv:1", "s2:f")),
    ]
    works = find_works(nodes)
    assert named(nodes, works)[0] == apart("acd", "b")
    assert [(each.first, each.second, each.shared) for each in works.conflicts] == [("b", "d", "s2:f")]


def test_a_curated_paper_is_the_first_of_its_work():
    works = find_works([Node("a", ids("doi:x")), Node("z", ids("doi:x"), curated=True)])
    assert works.reasons == {0: "doi:x"}


def test_what_was_set_apart_joins_its_own_only_even_with_other_arxiv_ids():
    nodes = [
        Node("a", ids("arxiv:1", "doi:x")),
        Node("b", ids("arxiv:1", "doi:x"), group="g"),
        Node("c", ids("arxiv:2"), group="g"),
        Node("d", ids("doi:x"), group="h"),
    ]
    assert parts_of(*nodes) == apart("a", "bc", "d")
    assert find_works(nodes).conflicts == []


# --- by title ----------------------------------------------------------------------------------------------

SAM = {"title": "Segment Anything", "first_author": "Alexander Kirillov", "year": 2023}


@pytest.mark.parametrize("year", [2022, 2023, 2024])
def test_title_author_and_year_join_across_a_new_year(year):
    works = find_works([Node("a", **SAM), Node("b", **SAM | {"year": year})])
    assert works.members == [[0, 1]]
    assert works.reasons == {1: "title, first author and year"}


@pytest.mark.parametrize(
    "other",
    [
        {"year": 2021},
        {"year": 2025},
        {"year": None},
        {"first_author": "Nikhila Ravi"},
        {"first_author": None},
        {"title": "Segment Anything 2"},
        {"title": "Segment Anything+"},
    ],
    ids=str,
)
def test_a_title_joins_nothing_where_the_rest_differs(other):
    assert parts_of(Node("a", **SAM), Node("b", **SAM | other)) == apart("a", "b")


@pytest.mark.parametrize("lacking", [{"title": ""}, {"title": "?!"}, {"first_author": ". ,"}, {"year": None}])
def test_what_lacks_title_author_or_year_is_not_joined_by_them(lacking):
    assert parts_of(Node("a", **SAM | lacking), Node("b", **SAM | lacking)) == apart("a", "b")


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("Segment Anything", "SEGMENT  anything."),
        ("Segment Anything", "Segment-Anything"),
        ("Ein Überblick", "Ein U\u0308berblick"),
        ("深度学习", "深度 学习"),
    ],
)
def test_titles_are_compared_as_people_read_them(one, other):
    assert parts_of(Node("a", **SAM | {"title": one}), Node("b", **SAM | {"title": other})) == apart("ab")


@pytest.mark.parametrize("scheme", ["arxiv", "doi"])
def test_a_title_never_joins_against_an_id_and_that_is_no_conflict(scheme):
    nodes = [Node("a", ids(f"{scheme}:1"), **SAM), Node("b", ids(f"{scheme}:2"), **SAM)]
    works = find_works(nodes)
    assert works.members == [[0], [1]]
    assert works.conflicts == []


def test_a_title_joins_preprint_and_published_text():
    assert parts_of(Node("a", ids("arxiv:1"), **SAM), Node("b", ids("doi:1"), **SAM)) == apart("ab")


def test_namesakes_of_one_title_choose_a_preprint_once():
    nodes = [Node("a", ids("arxiv:1"), **SAM), Node("b", **SAM), Node("c", ids("arxiv:2"), **SAM)]
    assert parts_of(*nodes) == apart("ab", "c")


@pytest.mark.parametrize(("number", "works"), [(20, 1), (21, 21)])
def test_a_title_that_very_many_share_is_a_form_and_joins_nothing(number, works):
    nodes = [
        Node(f"{index:02}", title="Editorial", first_author="A. Smith", year=2020) for index in range(number)
    ]
    assert len(find_works(nodes).members) == works


@pytest.mark.parametrize(
    ("author", "printed", "compared"),
    [
        ("Kaiming He", "He", "he"),
        ("He, Kaiming", "He", "he"),
        ("Laurens van der Maaten", "Maaten", "maaten"),
        ("van der Maaten, Laurens", "van der Maaten", "maaten"),
        ("Aäron van den Oord", "Oord", "oord"),
        ("Plato", "Plato", "plato"),
        ("Müller-Lüdenscheidt, Ö.", "Müller-Lüdenscheidt", "mullerludenscheidt"),
        ("何恺明", "何恺明", "何恺明"),
        ("", "", ""),
        (" , ", "", ""),
    ],
)
def test_family_names_are_found_in_both_spellings(author, printed, compared):
    assert (last_name(author), family_name(author)) == (printed, compared)


# --- entries that are a title and nothing else -------------------------------------------------------------


def test_an_entry_that_is_only_a_telling_title_joins_the_one_work_of_that_title():
    works = find_works([Node("a", curated=True, title=TELLING), Node("b", title=TELLING.lower() + ".")])
    assert works.members == [[0, 1]]
    assert works.reasons == {1: "the title alone"}


@pytest.mark.parametrize(
    "nodes",
    [
        [Node("a", curated=True, title="Attention is all"), Node("b", title="Attention is all")],
        [Node("a", title=TELLING, year=2020), Node("b", title=TELLING, year=2023), Node("c", title=TELLING)],
        [Node("a", title=TELLING, year=2020), Node("b", title=TELLING, ids=ids("arxiv:2401.00001"))],
        [Node("a", curated=True, title=TELLING), Node("b", title=TELLING, group="apart")],
    ],
)
def test_a_title_alone_joins_nothing_where_it_may_be_of_several_works(nodes):
    assert find_works(nodes).members == [[index] for index in range(len(nodes))]


def test_entries_of_one_telling_title_are_one_work_though_nobody_describes_it():
    assert find_works([Node("a", title=TELLING), Node("b", title=TELLING)]).members == [[0, 1]]


@pytest.mark.parametrize("year", [None, 2023])
def test_a_telling_title_and_its_first_author_do_without_a_year(year):
    works = find_works(
        [
            Node("a", curated=True, title=TELLING, first_author="James Betker"),
            Node("b", title=TELLING, first_author="Betker, James", year=year, ids=ids("s2:1")),
        ]
    )
    assert works.members == [[0, 1]]
    assert works.reasons == {1: "title and first author"}


def test_a_description_without_a_year_brings_no_two_works_together():
    one = {"title": TELLING, "first_author": "James Betker"}
    nodes = [Node("a", **one, year=2018), Node("b", **one), Node("c", **one, year=2023)]
    assert parts_of(*nodes) == apart("a", "b", "c")
    assert parts_of(*nodes[:2]) == apart("ab")


def test_a_title_and_author_without_a_year_never_join_against_an_id():
    one = {"title": TELLING, "first_author": "James Betker"}
    assert parts_of(Node("a", ids("doi:x"), **one), Node("b", ids("doi:y"), **one)) == apart("a", "b")
