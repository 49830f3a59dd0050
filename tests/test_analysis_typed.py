"""One typed graph with everything that joins two things, and views of it that copy nothing."""

from collections import Counter

import networkx as nx
import pytest
from helpers import elsewhere, paper_id
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import insert, select

from graph.analysis.typed import EDGE_KINDS, WRITTEN_BY, typed_network, view
from graph.errors import UnknownName
from graph.filters import Filters, allowed_ids
from graph.library import Library
from graph.network import CITES, HAS_CHECKPOINT, IN_TAXONOMY, PAPER_EDGES, build_network
from graph.schema import Citation, Paper, TaxonomyNode


@pytest.fixture(scope="module")
def opened(built_path):
    with Library.open(built_path) as library, library.reading() as session:
        yield session, typed_network(session)


@pytest.fixture(scope="module")
def network(opened):
    return opened[1]


def papers_of(network):
    return {node for node, kind in network.nodes(data="kind") if kind == "paper"}


def test_it_holds_what_the_plain_network_holds_and_the_authors(opened, catalogue):
    session, network = opened
    plain = build_network(session)
    assert set(plain.nodes) < set(network.nodes)
    assert set(plain.edges(keys=True)) < set(network.edges(keys=True))
    added = set(network.nodes) - set(plain.nodes)
    assert added == {f"author:{name}" for row in catalogue.papers for name in row.authors}
    written = [edge for edge in network.edges(keys=True) if edge[2] == WRITTEN_BY]
    assert set(written) == {
        (row.key, f"author:{name}", WRITTEN_BY) for row in catalogue.papers for name in row.authors
    }
    assert set(network.edges(keys=True)) - set(plain.edges(keys=True)) == set(written)


def test_every_kind_of_edge_is_listed_with_words(network):
    assert {kind for *_, kind in network.edges(keys=True)} == set(EDGE_KINDS)
    assert all(EDGE_KINDS.values())


def test_data_sets_are_the_papers_on_which_something_is_trained_or_evaluated(network, catalogue):
    found = {node for node, is_dataset in network.nodes(data="is_dataset") if is_dataset}
    used = {row.target for row in catalogue.relations if row.relation in ("trained_on", "evaluated_on")}
    assert found == used
    assert "imagenet" in found


def test_every_edge_says_who_states_it(network):
    assert {values["origins"] for *_, values in network.edges(data=True)} == {("catalogue",)}
    assert all(values["source"] and values["retrieved_at"] for *_, values in network.edges(data=True))


def test_an_edge_of_two_origins_names_both_and_passes_for_either(small_library):
    with small_library.writing() as session:
        source = elsewhere(session)
        for ends in (("ldm", "clip"), ("ldm", "resnet")):
            citing, cited = (paper_id(session, key) for key in ends)
            session.execute(insert(Citation).values(citing_id=citing, cited_id=cited, **source))
    with small_library.reading() as session:
        network = typed_network(session)
    assert network.edges["ldm", "clip", CITES]["origins"] == ("arxiv", "catalogue")
    shipped, arxiv = (view(network, origins=[origin], kinds=[CITES]) for origin in ("catalogue", "arxiv"))
    assert set(arxiv.edges()) == {("ldm", "clip"), ("ldm", "resnet")}
    assert set(shipped.edges()) == {("clip", "resnet"), ("ldm", "clip"), ("ldm", "cfg")}
    # Without an edge that passes, authors and checkpoints are not shown; papers are.
    assert {kind for _, kind in arxiv.nodes(data="kind")} == {"paper", "taxonomy"}
    assert papers_of(arxiv) == papers_of(network)


def test_without_conditions_a_view_shows_everything(network):
    shown = view(network)
    assert set(shown.nodes) == set(network.nodes)
    assert set(shown.edges(keys=True)) == set(network.edges(keys=True))


def test_a_view_is_no_copy(small_library):
    with small_library.reading() as session:
        network = typed_network(session)
    shown = view(network, Filters(pillar="things.models"))
    assert "survey" not in shown
    network.nodes["survey"]["pillar"] = "things.models"
    assert "survey" in shown
    assert shown.nodes["clip"] is network.nodes["clip"]
    with pytest.raises(nx.NetworkXError):
        shown.add_node("another")


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_papers_pass_a_view_as_they_pass_the_filters_everywhere(opened, data):
    session, network = opened
    nodes = session.scalars(select(TaxonomyNode.id).order_by(TaxonomyNode.id)).all()
    pillars = session.scalars(
        select(TaxonomyNode.id).where(TaxonomyNode.id == TaxonomyNode.pillar).order_by(TaxonomyNode.id)
    ).all()
    years = st.none() | st.integers(2014, 2025)
    filters = Filters(
        pillar=data.draw(st.none() | st.sampled_from(pillars)),
        taxonomy=data.draw(st.none() | st.sampled_from(nodes)),
        years=(data.draw(years), data.draw(years)),
        has_checkpoint=data.draw(st.booleans()),
        core_only=data.draw(st.booleans()),
    )
    allowed = allowed_ids(session, filters)
    keys = dict(session.execute(select(Paper.id, Paper.key)).all())
    expected = set(keys.values()) if allowed is None else {keys[each] for each in allowed}
    shown = view(network, filters)
    assert papers_of(shown) == expected
    plain = build_network(session, filters)
    assert {edge for edge in shown.edges(keys=True) if edge[2] in PAPER_EDGES} == {
        edge for edge in plain.edges(keys=True) if edge[2] in PAPER_EDGES
    }
    kinds = Counter(kind for _, kind in shown.nodes(data="kind"))
    assert kinds["checkpoint"] == Counter(kind for _, kind in plain.nodes(data="kind"))["checkpoint"]


def test_only_the_kinds_asked_for_are_shown_and_authors_with_their_papers(network):
    shown = view(network, Filters(pillar="discriminative"), kinds=[WRITTEN_BY, "builds_on"])
    assert {kind for *_, kind in shown.edges(keys=True)} == {WRITTEN_BY, "builds_on"}
    for node, kind in shown.nodes(data="kind"):
        if kind == "author":
            assert any(shown.nodes[paper]["pillar"] == "discriminative" for paper, _ in shown.in_edges(node))
        assert kind != "checkpoint"
    with_checkpoints = view(network, Filters(pillar="unified"), kinds=[HAS_CHECKPOINT, IN_TAXONOMY])
    assert {kind for _, kind in with_checkpoints.nodes(data="kind")} == {"paper", "taxonomy", "checkpoint"}


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"kinds": ["quotes"]}, r"^no kind of edge 'quotes'; allowed: builds_on, cites, "),
        ({"origins": ["hearsay"]}, r"^no origin 'hearsay'; allowed: catalogue$"),
        ({"filters": Filters(pillar="magic")}, r"^no pillar 'magic'; allowed: challenge, discriminative, "),
        (
            {"filters": Filters(taxonomy="magic")},
            r"^no taxonomy node 'magic'; allowed: challenge, challenge.adaptation, ",
        ),
    ],
)
def test_unknown_conditions_are_refused_with_what_is_allowed(network, options, message):
    with pytest.raises(UnknownName, match=message):
        view(network, **options)


def test_a_library_without_papers_has_an_empty_graph(tmp_path):
    with Library.create(tmp_path / "empty.sqlite") as library, library.reading() as session:
        network = typed_network(session)
    assert len(network) == 0
    assert len(view(network, Filters(years=(2020, None)))) == 0
