"""Filters let through exactly the papers that meet every condition."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sqlalchemy import select, update

from graph.errors import QueryError, UnknownName
from graph.filters import Filters, allowed_ids, descendants, parse_years, pillars_of
from graph.library import Library
from graph.schema import Paper

PILLARS = "foundation generative discriminative unified multimodal resource challenge".split()


@pytest.fixture(scope="module")
def session(built_path):
    with Library.open(built_path) as library, library.reading() as opened:
        yield opened


@pytest.fixture(scope="module")
def keys_passing(session):
    keys = dict(session.execute(select(Paper.id, Paper.key)).all())

    def passing(filters):
        allowed = allowed_ids(session, filters)
        return set(keys.values()) if allowed is None else {keys[paper_id] for paper_id in allowed}

    return passing


def ancestry(catalogue, node_id):
    parents = {row.id: row.parent for row in catalogue.taxonomy}
    path = []
    while node_id is not None:
        path.append(node_id)
        node_id = parents[node_id]
    return path


def meets(catalogue, with_checkpoint, row, filters):
    """The same conditions told from the catalogue's rows, without the database."""
    first, last = filters.years
    nodes = {at for node in (row.taxonomy, *row.taxonomy_secondary) for at in ancestry(catalogue, node)}
    return (
        (filters.pillar is None or filters.pillar in ancestry(catalogue, row.taxonomy))
        and (filters.taxonomy is None or filters.taxonomy in nodes)
        and (first is None or (row.year is not None and row.year >= first))
        and (last is None or (row.year is not None and row.year <= last))
        and (not filters.has_checkpoint or row.key in with_checkpoint)
        and (not filters.core_only or row.core)
        and (not filters.has_code or row.code_url is not None)
        and not filters.has_abstract  # none ships
    )


NODES = ["vfm", "generative", "generative.diffusion", "discriminative.segmentation", "unified", "resource"]
YEARS = st.none() | st.integers(2011, 2026)
ANY_FILTERS = st.builds(
    Filters,
    pillar=st.none() | st.sampled_from(PILLARS),
    taxonomy=st.none() | st.sampled_from(NODES),
    years=st.tuples(YEARS, YEARS),
    has_checkpoint=st.booleans(),
    core_only=st.booleans(),
    has_code=st.booleans(),
    has_abstract=st.sampled_from([False, False, False, True]),
)


@settings(deadline=None)
@given(ANY_FILTERS)
def test_exactly_the_papers_pass_that_meet_every_condition(catalogue, keys_passing, filters):
    with_checkpoint = {row.paper for row in catalogue.checkpoints}
    expected = {row.key for row in catalogue.papers if meets(catalogue, with_checkpoint, row, filters)}
    assert keys_passing(filters) == expected


def test_no_condition_is_known_as_such(session):
    assert not Filters()
    assert allowed_ids(session, Filters()) is None
    assert Filters(core_only=True)
    assert Filters(years=(None, 2020))


def test_a_node_holds_the_papers_that_are_there_secondarily_too(keys_passing):
    assert "unet" in keys_passing(Filters(taxonomy="discriminative.segmentation"))
    assert "unet" not in keys_passing(Filters(pillar="discriminative"))


def test_a_paper_without_a_known_year_falls_out_of_any_years(catalogue, keys_passing):
    dateless = {row.key for row in catalogue.papers if row.year is None}
    assert dateless
    assert dateless <= keys_passing(Filters(core_only=False))
    assert not dateless & keys_passing(Filters(years=(1900, None)))
    assert not dateless & keys_passing(Filters(years=(None, 2100)))


@pytest.mark.parametrize("pillar", ["", "vfm", "Generative", "generative.diffusion", "nonsense"])
def test_an_unknown_pillar_lists_all_pillars(session, pillar):
    with pytest.raises(UnknownName) as caught:
        allowed_ids(session, Filters(pillar=pillar))
    assert list(caught.value.nearest) == pillars_of(session) == PILLARS
    assert repr(pillar) in str(caught.value)


@pytest.mark.parametrize("ask", [lambda s, n: allowed_ids(s, Filters(taxonomy=n)), descendants])
def test_an_unknown_node_lists_near_ones_and_where_all_are_listed(session, ask):
    with pytest.raises(UnknownName) as caught:
        ask(session, "generative.difusion")
    assert caught.value.nearest[0] == "generative.diffusion"
    assert str(caught.value).endswith("'vfm-atlas taxonomy' lists all")


def test_descendants_are_the_node_and_all_below_it(session, catalogue):
    for row in catalogue.taxonomy:
        below = {other.id for other in catalogue.taxonomy if row.id in ancestry(catalogue, other.id)}
        found = descendants(session, row.id)
        assert found[0] == row.id
        assert sorted(found) == sorted(below)


@pytest.mark.parametrize(
    ("written", "years"),
    [
        ("2020:2022", (2020, 2022)),
        ("2020:", (2020, None)),
        (":2022", (None, 2022)),
        ("2021", (2021, 2021)),
        (" 2021 ", (2021, 2021)),
        ("2021:2021", (2021, 2021)),
    ],
)
def test_years_are_read_as_first_and_last(written, years):
    assert parse_years(written) == years


@pytest.mark.parametrize(
    "written", ["", ":", "20202022", "2020-2022", "20", "2020:22", "2020:2021:2022", "twenty", "2020::", "-1"]
)
def test_unreadable_years_tell_what_is_allowed(written):
    with pytest.raises(QueryError) as caught:
        parse_years(written)
    assert str(caught.value) == (
        f"cannot read the years {written!r}: A:B, A:, :B or one year is allowed, such as 2020:2023"
    )


def test_years_that_run_backwards_are_answered_with_the_right_order():
    with pytest.raises(QueryError, match=r"'2022:2020' run backwards: write 2020:2022$"):
        parse_years("2022:2020")


@given(st.integers(1000, 9999), st.integers(1000, 9999))
def test_years_written_out_are_read_back(one, other):
    first, last = sorted((one, other))
    assert parse_years(f"{first}:{last}") == (first, last)


def test_a_paper_with_an_abstract_passes_where_one_is_asked_for(own_path):
    with Library.open(own_path) as library, library.writing() as session:
        session.execute(update(Paper).where(Paper.key == "sam").values(abstract="We segment anything."))
        passing = allowed_ids(session, Filters(has_abstract=True))
        assert passing == {session.scalar(select(Paper.id).where(Paper.key == "sam"))}


def test_a_node_is_also_found_by_its_label_in_any_case(session):
    for label in ("Image editing", "image EDITING", "Depth, tracking and video understanding"):
        assert descendants(session, label)[0] in ("generative.editing", "discriminative.depthvideo")
    assert descendants(session, "Generative VFMs") == descendants(session, "generative")
