"""Records become papers: repeatably, in any order, without losing what was said or written, and undoably."""

import sqlite3
from collections.abc import Iterator
from contextlib import closing
from datetime import timedelta

import pytest
from helpers import dump, keys, rebuild
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from record_helpers import (
    LATER,
    NOW,
    apart,
    ids,
    links,
    paper_of,
    record,
    row_of,
    take_in,
    told,
    works,
)
from sqlalchemy import event, select
from sqlalchemy.orm import Session

from graph.library import Library
from graph.lookup import find_paper
from graph.papers import read_card
from graph.schema import (
    Alias,
    Assignment,
    FieldValue,
    FormerRecord,
    HubMention,
    Paper,
    Relation,
    Source,
    SourceRecord,
    TaxonomyNode,
)
from graph.shelf import add_note, add_to_collection, papers_in
from graph.snapshot import take_snapshot
from ingest.citations import entry_id
from ingest.merge import consolidate, rejoin, separate
from ingest.naming import key_for, short_name_for
from ingest.record import Record, Reference, text_of
from ingest.stored import read_records, source_id, store_records

SECOND = timedelta(seconds=1)


@st.composite
def many_records(draw: st.DrawFn) -> list[Record]:
    """Records from pools that are small enough for them to share much."""
    pool = ["arxiv:1", "arxiv:2", "doi:a", "doi:b", "doi:c", "s2:x", "s2:y", "corpus:7", "openalex:W1"]
    some_ids = st.lists(st.sampled_from(pool), max_size=3, unique=True)
    found = []
    for number in range(draw(st.integers(1, 7))):
        entry = st.builds(
            Reference,
            ids=some_ids.map(lambda names: ids(*names)),
            title=st.sampled_from([None, "One", "Two"]),
        )
        found.append(
            record(
                f"r{number}",
                *draw(some_ids),
                origin=draw(st.sampled_from(["arxiv", "semanticscholar", "crossref"])),
                title=draw(st.sampled_from(["One", "One!", "Two", "Three"])),
                when=NOW + SECOND * draw(st.integers(0, 2)),
                cites=draw(st.none() | st.lists(entry, max_size=3)),
                authors=draw(st.sampled_from([(), ("Ada Small",), ("Small, A.", "Bo Tiny")])),
                year=draw(st.sampled_from([None, 2020, 2021])),
                abstract=draw(st.sampled_from([None, "An abstract."])),
                reference_count=draw(st.sampled_from([None, 2])),
            )
        )
    return found


some_settings = settings(deadline=None, max_examples=60, suppress_health_check=[HealthCheck.too_slow])


# --- keeping what sources said -----------------------------------------------------------------------------


def test_the_same_said_again_changes_nothing(tmp_path):
    said = [record("a", "doi:x", cites=["doi:y"], authors=("Ada Small",)), record("b", origin="arxiv")]
    with Library.create(tmp_path / "library.sqlite") as library:
        with library.writing() as session:
            assert store_records(session, said) == 2
        before = dump(library.path)
        with library.writing() as session:
            assert store_records(session, reversed(said)) == 0
        assert dump(library.path) == before
    assert len(before["source_record"]) == 2
    assert before["former_record"] == []


def test_the_same_said_later_is_dated_later_and_is_no_change(session):
    store_records(session, [record("a")])
    assert store_records(session, [record("a", when=LATER)]) == 0
    assert row_of(session, "a").retrieved_at == LATER
    assert session.scalars(select(FormerRecord)).all() == []


def test_what_was_said_before_goes_to_the_history(session):
    store_records(session, [record("a", title="Old", year=2020)])
    assert store_records(session, [record("a", title="New", year=2020, when=LATER)]) == 1
    row = row_of(session, "a")
    assert (row.content["title"], row.retrieved_at) == ("New", LATER)
    (former,) = session.scalars(select(FormerRecord))
    assert (former.record_id, former.content["title"]) == (row.id, "Old")
    assert (former.retrieved_at, former.replaced_at) == (NOW, LATER)


def test_a_fact_that_is_no_longer_given_stays(session):
    store_records(session, [record("a", "doi:x", abstract="An abstract.", citation_count=3)])
    store_records(session, [record("a", citation_count=4, when=LATER)])
    content = row_of(session, "a").content
    assert (content["abstract"], content["citation_count"]) == ("An abstract.", 4)
    assert content["ids"] == [["doi", "x"]]


def test_an_older_answer_only_adds(session):
    store_records(session, [record("a", title="New", when=LATER)])
    assert store_records(session, [record("a", title="Old", year=2020)]) == 1
    row = row_of(session, "a")
    assert (row.content["title"], row.content["year"], row.retrieved_at) == ("New", 2020, LATER)


def test_of_two_answers_of_one_moment_the_one_told_last_counts(session):
    store_records(session, [record("a", title="First")])
    store_records(session, [record("a", title="Second")])
    assert row_of(session, "a").content["title"] == "Second"


@pytest.mark.parametrize("gap", [0 * SECOND, SECOND])
@pytest.mark.parametrize("together", [True, False])
def test_two_answers_on_one_work_are_kept_as_one_and_replaying_both_changes_nothing(session, gap, together):
    page = record("a", citation_count=3, year=2020)
    batch = record("a", citation_count=4 if gap else 3, abstract="An abstract.", when=NOW + gap)
    portions = [[batch, page]] if together else [[page], [batch]]
    for portion in portions:
        store_records(session, portion)
    content = row_of(session, "a").content
    assert (content["citation_count"], content["year"]) == (4 if gap else 3, 2020)
    assert content["abstract"] == "An abstract."
    history = len(session.scalars(select(FormerRecord)).all())
    assert history == (0 if together else 1)
    assert [store_records(session, portion) for portion in portions] == [0] * len(portions)
    assert len(session.scalars(select(FormerRecord)).all()) == history


@some_settings
@given(said=many_records(), shuffle=st.randoms())
def test_the_order_of_what_is_said_at_once_does_not_count(empty_library, said, shuffle):
    again = [record(each.external_id, title="Another", origin=each.origin, when=NOW) for each in said]
    kept = []
    for _ in range(2):
        mixed = [*said, *again]
        shuffle.shuffle(mixed)
        with empty_library.reading() as session:
            store_records(session, mixed)
            kept.append([(each.name, each.record) for each in read_records(session)])
    assert kept[0] == kept[1]


def test_sources_have_the_names_of_their_services_and_files_their_own(session):
    said = [record("x", origin="arxiv"), record("W1", origin="openalex")]
    files = [record(name, origin="file") for name in ("mine.bib#he2016", "mine.bib#sam", "other.ris#1")]
    store_records(session, [*said, *files])
    assert set(session.execute(select(Source.origin, Source.name)).all()) == {
        ("arxiv", "arXiv API"),
        ("openalex", "OpenAlex API"),
        ("file", "mine.bib"),
        ("file", "other.ris"),
    }
    assert source_id(session, "arxiv") == row_of(session, "x", "arxiv").source_id


ENTRY = Reference(ids("s2:y"), "Why", ("as in [1]",), ("background",), True)


@pytest.mark.parametrize(
    ("before", "after", "kept"),
    [
        (["s2:y"], None, ["s2:y"]),
        (["s2:y"], [], ["s2:y"]),
        ([], ["s2:y"], ["s2:y"]),
        (["s2:y", "s2:z"], ["s2:z"], ["s2:z"]),
        ([ENTRY], ["s2:y"], [ENTRY]),
        ([ENTRY], ["s2:y", "s2:z", "doi:q"], [ENTRY, "s2:z", "doi:q"]),
        (["s2:z"], [ENTRY], [ENTRY]),
        ([ENTRY, Reference(title="Loose")], [Reference(ids("s2:z"), "Zed")], [Reference(ids("s2:z"), "Zed")]),
        ([ENTRY, Reference(title="Loose")], [Reference()], [ENTRY, Reference(title="Loose")]),
    ],
    ids=str,
)
@pytest.mark.parametrize("late", [False, True])
def test_a_list_is_replaced_by_one_that_says_as_much_and_only_then(session, before, after, kept, late):
    told = [record("a", cites=before), record("a", cites=after, when=LATER)]
    for each in reversed(told) if late else told:
        store_records(session, [each])
    expected = record("a", cites=kept).references
    assert read_records(session)[0].record.references == expected
    assert store_records(session, told) == 0
    assert read_records(session)[0].record.references == expected


@pytest.fixture
def statements(empty_library: Library) -> Iterator[list[str]]:
    """The statements that are executed, a bulk of rows as one."""
    found: list[str] = []

    def listen(_connection: object, _cursor: object, statement: str, *_: object) -> None:
        found.append(statement)

    event.listen(empty_library.engine, "before_cursor_execute", listen)
    yield found
    event.remove(empty_library.engine, "before_cursor_execute", listen)


@pytest.mark.parametrize("step", [store_records, lambda session, _said: consolidate(session)])
def test_a_hundred_records_take_no_more_statements_than_ten(empty_library, statements, step):
    counts = []
    for number in (10, 100):
        names = range(number)
        said = [record(f"r{each}", f"s2:{each}", cites=["s2:1"], venue="V", year=2020) for each in names]
        with empty_library.reading() as session:
            if step is not store_records:
                store_records(session, said)
            for _ in range(2):
                del statements[:]
                step(session, said)
                counts.append(len(statements))
    assert counts[:2] == counts[2:]


# --- what belongs together ---------------------------------------------------------------------------------


@pytest.fixture
def own(tmp_path) -> Iterator[Library]:
    with Library.create(tmp_path / "own.sqlite") as library:
        yield library


def test_consolidating_again_changes_nothing(small_library):
    with small_library.writing() as session:
        take_in(
            session,
            record("a", "arxiv:2112.10752", "s2:a", cites=["arxiv:2103.00020", "s2:b"], authors=("X Y",)),
            record("b", "s2:b", venue="ICML", published_year=2022, year=2021, cites=[]),
            record("c", "s2:b", "doi:z", origin="crossref", authors=("Ada Small", "Bo Tiny")),
            record("d", origin="file"),
        )
    before = dump(small_library.path)
    for _ in range(2):
        with small_library.writing() as session:
            report = consolidate(session)
            assert (report.new, report.folded, report.records) == ([], {}, 4)
        assert dump(small_library.path) == before
    assert len(before["paper"]) == 8


@some_settings
@given(said=many_records(), shuffle=st.randoms())
def test_the_order_in_which_records_come_does_not_count(empty_library, said, shuffle):
    mixed = list(said)
    shuffle.shuffle(mixed)
    found = []
    for portion in (said, mixed):
        with empty_library.reading() as session:
            for each in portion:
                store_records(session, [each])
            report = consolidate(session)
            found.append((take_snapshot(session).id, sorted(report.new), report.conflicts, works(session)))
    assert found[0] == found[1]


@some_settings
@given(said=many_records(), cut=st.integers(0, 7))
def test_what_comes_in_two_portions_makes_the_same_works_as_at_once(empty_library, said, cut):
    found = []
    for portions in ([said], [said[:cut], said[cut:]]):
        with empty_library.reading() as session:
            for portion in portions:
                report = take_in(session, *portion)
            rows = select(SourceRecord.external_id, Paper.key).join(Paper)
            names: dict[str, tuple[str, ...]] = {}
            for name, key in session.execute(rows.order_by(SourceRecord.external_id)):
                names[key] = (*names.get(key, ()), name)
            tables = [("field_value", "field", "value"), ("authorship", "position")]
            cited = set()
            # An id that two papers claim alike is the elder's, and which that is depends on the portions.
            if not report.conflicts:
                tables += [("identifier", "scheme", "value"), ("version", "kind", "venue", "identifier")]
                cited = {(names[citing], names[other]) for citing, other in links(session)}
            values = [
                (names[key], *fact)
                for table, *columns in tables
                for key, *fact in told(session, table, *columns)
            ]
            found.append((works(session), sorted(values, key=repr), cited, report.conflicts))
            assert set(names) == set(session.scalars(select(Paper.key)))
    assert found[0] == found[1]


@some_settings
@given(said=many_records())
def test_every_record_has_a_paper_and_says_what_joined_it(empty_library, said):
    with empty_library.reading() as session:
        take_in(session, *said)
        by_paper: dict[int | None, list[str | None]] = {}
        for row in session.scalars(select(SourceRecord)):
            by_paper.setdefault(row.paper_id, []).append(row.matched_by)
        assert None not in by_paper
        assert all(reasons.count(None) == 1 for reasons in by_paper.values())


def test_a_second_arxiv_id_of_a_record_is_no_name_of_its_paper(session):
    report = take_in(session, record("a", "arxiv:1", "arxiv:2"), record("b", "arxiv:2"))
    assert works(session) == apart("a", "b")
    assert len(report.conflicts) == 1
    assert told(session, "identifier", "value") == sorted(
        [(paper_of(session, "a").key, "1"), (paper_of(session, "b").key, "2")]
    )


def test_a_preprint_and_its_published_text_are_one_paper_with_two_versions(session):
    preprint = record(
        "2304.02643v1", "arxiv:2304.02643", origin="arxiv", title="Segment Anything", year=2023, month=4,
        authors=("Alexander Kirillov", "Eric Mintun"),
    )  # fmt: skip
    published = record(
        "10.1109/iccv", "doi:10.1109/iccv", origin="crossref", title="Segment anything", published_year=2023,
        venue="ICCV", authors=("Kirillov, A.",),
    )  # fmt: skip
    assert take_in(session, preprint, published).new == ["kirillov2023segment"]
    card = read_card(session, "kirillov2023segment")
    assert (card.arxiv_id, card.doi, card.venue) == ("2304.02643", "10.1109/iccv", "ICCV")
    assert [(each.kind, each.venue, each.year, each.month) for each in card.versions] == [
        ("published", "ICCV", 2023, None),
        ("preprint", "arXiv", 2023, 4),
    ]
    assert row_of(session, "10.1109/iccv", "crossref").matched_by == "title, first author and year"
    for name in ("2304.02643", "10.1109/ICCV"):
        assert find_paper(session, name).key == card.key


def test_a_record_that_knows_both_ids_joins_two_papers_with_what_was_written_on_them(own):
    with own.writing() as session:
        take_in(session, record("a", "arxiv:1", title="First"), record("b", "doi:x", title="Second"))
        first, second = paper_of(session, "a"), paper_of(session, "b")
        old = second.key
        add_note(session, first.key, "on the first")
        add_note(session, old, "on the second")
        add_to_collection(session, "both", [first.key, old])
        add_to_collection(session, "one", [old])
        key = first.key
    with own.writing() as session:
        report = take_in(session, record("c", "arxiv:1", "doi:x"))
        assert (report.new, report.folded) == ([], {old: key})
        assert works(session) == apart("abc")
        assert read_card(session, key).notes == ["on the first", "on the second"]
        assert [[paper.key for paper in papers_in(session, name)] for name in ("both", "one")] == [[key]] * 2
        assert find_paper(session, old).key == key
        assert read_card(session, key).aliases == [old]
    assert keys(own) == {key}
    with closing(sqlite3.connect(own.path)) as connection:
        assert connection.execute("PRAGMA foreign_key_check").fetchall() == []


def test_what_else_was_stated_of_a_folded_paper_moves_along(session):
    take_in(session, *(record(name, f"doi:{name}") for name in "abc"))
    first, second, third = (paper_of(session, name).id for name in "abc")
    fact = {"source_id": source_id(session, "editors", "by hand"), "retrieved_at": NOW}
    nodes = [
        TaxonomyNode(id=name, label=name, definition=name, position=place, **fact)
        for place, name in enumerate(("one", "two"))
    ]
    session.add_all(nodes)
    session.flush()
    session.add_all(
        [
            Assignment(paper_id=first, node_id="one", is_primary=True, **fact),
            Assignment(paper_id=second, node_id="two", is_primary=True, **fact),
            Relation(paper_id=second, kind="extends", target_id=third, **fact),
            Relation(paper_id=third, kind="extends", target_id=second, **fact),
            Relation(paper_id=first, kind="extends", target_id=second, **fact),
            Relation(paper_id=first, kind="extends", target_id=third, **fact),
            FieldValue(paper_id=second, field="code_url", value="https://example.org", **fact),
            HubMention(paper_id=first, hub_id="lab/x", rank=1, base_models=[], **fact),
            HubMention(paper_id=second, hub_id="lab/x", rank=1, base_models=[], **fact),
            HubMention(paper_id=second, hub_id="lab/y", rank=2, base_models=[], **fact),
            Alias(folded="nickname", name="Nickname", paper_id=second, **fact),
        ]
    )
    take_in(session, record("d", "doi:a", "doi:b"))
    key, other = paper_of(session, "a").key, paper_of(session, "c").key
    assert told(session, "assignment", "node_id", "is_primary") == [(key, "one", 1), (key, "two", 0)]
    assert set(session.execute(select(Relation.paper_id, Relation.target_id)).all()) == {
        (first, third), (third, first),
    }  # fmt: skip
    assert told(session, "hub_mention", "hub_id") == [(key, "lab/x"), (key, "lab/y")]
    assert (key, "code_url", "https://example.org") in told(session, "field_value", "field", "value")
    assert find_paper(session, "nickname").key == key
    assert {paper.key for paper in session.scalars(select(Paper))} == {key, other}


def test_a_key_leads_to_the_paper_that_had_it_last(session):
    take_in(session, *(record(name, f"doi:{name}") for name in "abd"))
    key = paper_of(session, "b").key
    take_in(session, record("c", "doi:a", "doi:b"))
    assert find_paper(session, key).key == paper_of(session, "a").key
    # The two come apart, and what the second is now is folded into a third one.
    take_in(session, record("c", "doi:c", when=LATER))
    assert paper_of(session, "b").key == key
    report = take_in(session, record("e", "doi:b", "doi:d"))
    assert report.folded == {key: paper_of(session, "d").key}
    assert find_paper(session, key).key == paper_of(session, "d").key


def test_the_record_that_tells_most_speaks_for_its_source_and_names_the_paper(session):
    bare = record("a", "doi:x", title="Bare", year=2020)
    full = record("b", "doi:x", "s2:b", title="Full", authors=("Ada Small",), year=2021, abstract="A.")
    assert take_in(session, bare, full).new == ["small2021full"]
    card = read_card(session, "small2021full")
    assert (card.title, card.year, card.short_name) == ("Full", 2021, "Small 2021")


def test_records_that_fall_apart_leave_the_paper_to_the_first_by_name(session):
    take_in(session, record("a", "doi:x"), record("b", "doi:x"))
    key = paper_of(session, "a").key
    add_note(session, key, "mine")
    take_in(session, record("b", "doi:y", when=LATER))
    assert works(session) == apart("a", "b")
    assert paper_of(session, "a").key == key
    assert read_card(session, key).notes == ["mine"]
    assert row_of(session, "b").matched_by is None


def test_a_paper_stays_with_the_record_that_it_began_with(session):
    one = {"title": "One", "authors": ("Ada Small",), "year": 2020}
    take_in(session, record("c", "doi:c", **one), record("d", **one))
    key = paper_of(session, "d").key
    add_note(session, key, "on what c describes")
    # The new one comes first by name, and the title alone joins the other to it now.
    take_in(session, record("b", "arxiv:1", **one), record("c", "arxiv:2", when=LATER))
    assert works(session) == apart("bd", "c")
    assert paper_of(session, "c").key == key
    assert paper_of(session, "d").key != key


def test_taking_a_record_out_moves_no_note_to_another_paper(session):
    one = {"title": "One", "authors": ("Ada Small",), "year": 2020}
    take_in(session, record("a", "arxiv:1", **one), record("b", **one), record("c", "arxiv:2", **one))
    assert works(session) == apart("ab", "c")
    papers = {name: paper_of(session, name).key for name in "ac"}
    for name, key in papers.items():
        add_note(session, key, f"on {name}")
    separate(session, [row_of(session, "a")])
    assert works(session) == apart("a", "bc")
    for name, key in papers.items():
        assert paper_of(session, name).key == key
        assert read_card(session, key).notes == [f"on {name}"]
    rejoin(session, [row_of(session, "a")])
    assert works(session) == apart("ab", "c")
    assert {name: paper_of(session, name).key for name in "ac"} == papers


def test_an_entry_without_ids_joins_the_work_that_its_list_names_later(session):
    loose = record(entry_id("a", "Segment Anything"), title="Segment Anything")
    take_in(session, record("a", "doi:x", cites=[Reference(title="Segment Anything")]), loose)
    add_note(session, paper_of(session, loose.external_id).key, "mine")
    named = Reference(ids("arxiv:2304.02643"), "Segment anything.")
    take_in(session, record("a", cites=[named], when=LATER), record("b", "arxiv:2304.02643"))
    assert works(session) == {frozenset("a"), frozenset(["b", loose.external_id])}
    assert read_card(session, paper_of(session, "b").key).notes == ["mine"]
    assert links(session) == {(paper_of(session, "a").key, paper_of(session, "b").key)}


# --- with the catalogue ------------------------------------------------------------------------------------


def test_a_record_joins_the_paper_of_the_catalogue_by_id_or_title(small_library):
    with small_library.writing() as session:
        report = take_in(
            session,
            record("a", "arxiv:2112.10752", abstract="An abstract.", title="Latent Diffusion Models (v2)"),
            record("b", title="Deep residual learning", authors=("He, K.",), year=2016, venue="CVPR"),
        )
        assert report.new == []
        assert paper_of(session, "a").key == "ldm"
        assert paper_of(session, "b").key == "resnet"
        assert (row_of(session, "a").matched_by, row_of(session, "b").matched_by) == (
            "arXiv:2112.10752",
            "title, first author and year",
        )
        card = read_card(session, "ldm")
        assert (card.title, card.abstract) == ("Latent Diffusion Models", "An abstract.")
        assert read_card(session, "resnet").venue == "CVPR 2016"


def test_no_record_joins_two_papers_of_the_catalogue(small_library):
    before = keys(small_library)
    with small_library.writing() as session:
        # The DOI of ResNet, the arXiv id of CLIP.
        report = take_in(session, record("a", "arxiv:2103.00020", "doi:10.1109/cvpr.2016.90"))
        assert paper_of(session, "a").key == "clip"
        (conflict,) = report.conflicts
        assert (conflict.first, conflict.second) == ("paper resnet", "record semanticscholar a")
        assert (report.new, report.folded) == ([], {})
        assert read_card(session, "resnet").doi == "10.1109/cvpr.2016.90"
        assert read_card(session, "clip").doi is None
    assert keys(small_library) == before


def test_the_catalogue_takes_over_a_paper_that_was_ingested_before(small_library, small):
    said = record("a", "arxiv:2304.02643", title="Segment Anything", abstract="An abstract.", year=2023)
    with small_library.writing() as session:
        take_in(session, said, record("b", "doi:x", cites=["arxiv:2304.02643"]))
        old = paper_of(session, "a").key
        add_note(session, old, "mine")
        add_to_collection(session, "reading", [old])
    small.add(
        "papers.csv", key="sam", title="Segment Anything!", short_name="SAM", arxiv_id="2304.02643",
        year="2023", month="4", authors="Alexander Kirillov", taxonomy="things.models",
        core="0", after_survey="0", source="list three",
    )  # fmt: skip
    rebuild(small_library, small)
    assert old != "sam"
    assert old not in keys(small_library)
    with small_library.reading() as session:
        card = read_card(session, "sam")
        assert (card.title, card.short_name) == ("Segment Anything!", "SAM")
        assert (card.abstract, card.notes) == ("An abstract.", ["mine"])
        assert [paper.key for paper in papers_in(session, "reading")] == ["sam"]
        assert find_paper(session, old).key == "sam"
        assert [link.key for link in card.cited_by] == [paper_of(session, "b").key]


def test_a_paper_of_the_catalogue_keeps_its_key_when_its_records_leave(small_library):
    with small_library.writing() as session:
        take_in(session, record("a", "arxiv:2112.10752"))
        assert paper_of(session, "a").key == "ldm"
        report = take_in(session, record("a", "arxiv:9999.00001", when=LATER))
        assert report.folded == {}
        assert paper_of(session, "a").key == report.new[0] != "ldm"
        assert read_card(session, "ldm").arxiv_id == "2112.10752"


# --- taking apart ------------------------------------------------------------------------------------------


def test_a_record_that_was_taken_out_stays_out_and_goes_back(own):
    said = [record("a", "doi:x", title="One"), record("b", "doi:x", title="Other"), record("c", "doi:x")]
    with own.writing() as session:
        take_in(session, *said)
        key, before = paper_of(session, "a").key, take_snapshot(session).id
        separated = separate(session, [row_of(session, "b")])
        assert works(session) == apart("ac", "b")
        assert paper_of(session, "b").key == separated != key
        assert paper_of(session, "a").key == key
        assert take_in(session, *said, record("d", "doi:x")).new == []
        assert works(session) == apart("acd", "b")
        add_note(session, separated, "mine")
    with own.writing() as session:
        assert rejoin(session, [row_of(session, "b")]) == key
        assert works(session) == apart("abcd")
        assert read_card(session, key).notes == ["mine"]
        session.delete(row_of(session, "d"))
        consolidate(session)
        assert take_snapshot(session).id == before


@some_settings
@given(said=many_records(), choice=st.data())
def test_separating_and_rejoining_gives_the_same_library(empty_library, said, choice):
    with empty_library.reading() as session:
        take_in(session, *said)
        together = choice.draw(st.sampled_from(sorted(map(sorted, works(session)))))
        some = choice.draw(st.lists(st.sampled_from(together), min_size=1, unique=True))
        origins = {each.external_id: each.origin for each in said}
        rows = [row_of(session, name, origins[name]) for name in some]
        before, at_first = picture(session), keys_of(session)
        separated = separate(session, rows)
        assert frozenset(some) in works(session)
        assert {row.paper_id for row in rows} == {find_paper(session, separated).id}
        meanwhile = keys_of(session)
        rejoin(session, rows)
        assert picture(session) == before
        # Others that came together or fell apart by that are still found by the keys that they had.
        folded = (at_first - meanwhile) | (meanwhile - keys_of(session) - {separated})
        assert set(session.scalars(select(Alias.name))) == folded


def keys_of(session: Session) -> set[str]:
    return set(session.scalars(select(Paper.key)))


def picture(session: Session) -> list[object]:
    """All facts but other names of papers, by natural keys."""
    columns = {
        "field_value": ("field", "value", "source_id"),
        "identifier": ("scheme", "value", "source_id", "position"),
        "version": ("kind", "venue", "year", "month", "identifier", "source_id"),
        "authorship": ("position", "source_id"),
        "source_record": ("external_id", "matched_by", "separate_group"),
    }
    papers = select(Paper.key, Paper.title, Paper.year, Paper.abstract, Paper.reference_list)
    facts = [told(session, table, *names) for table, names in columns.items()]
    return [sorted(session.execute(papers).all(), key=repr), links(session), *facts]


def test_the_paper_stays_with_what_was_not_taken_out_of_it(session):
    take_in(session, record("a", "doi:x"), record("b", "doi:x"))
    key = paper_of(session, "a").key
    assert separate(session, [row_of(session, "a")]) != key
    assert paper_of(session, "b").key == key


def test_what_was_set_apart_can_be_parted_further(session):
    take_in(session, *(record(name, "doi:x") for name in "abcd"))
    separate(session, [row_of(session, name) for name in "bcd"])
    assert works(session) == apart("a", "bcd")
    separate(session, [row_of(session, "b")])
    assert works(session) == apart("a", "b", "cd")
    rejoin(session, [row_of(session, "b")])
    assert works(session) == apart("ab", "cd")


def test_a_record_can_be_taken_out_of_a_paper_of_the_catalogue(small_library):
    with small_library.writing() as session:
        take_in(session, record("a", "arxiv:2112.10752", abstract="Of another work."))
        before = take_snapshot(session).id
        key = separate(session, [row_of(session, "a")])
        assert key != "ldm"
        assert read_card(session, "ldm").abstract is None
        assert find_paper(session, "2112.10752").key == "ldm"
        assert rejoin(session, [row_of(session, "a")]) == "ldm"
        assert take_snapshot(session).id == before


def test_a_former_key_that_was_known_before_is_still_known_after_a_round_trip(session):
    take_in(session, record("a", "doi:a"), record("b", "doi:b"))
    old = paper_of(session, "b").key
    take_in(session, record("c", "doi:a", "doi:b"))
    assert separate(session, [row_of(session, "b")]) == old
    assert find_paper(session, old).id == paper_of(session, "b").id
    rejoin(session, [row_of(session, "b")])
    assert find_paper(session, old).id == paper_of(session, "b").id
    assert works(session) == apart("abc")


# --- names -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("facts", "key"),
    [
        ({"authors": ("Kaiming He", "Jian Sun"), "year": 2016}, "he2016deep"),
        ({"authors": ("He, Kaiming",), "year": 2016}, "he2016deep"),
        ({"authors": ("van der Maaten, Laurens",), "published_year": 2008}, "maaten2008deep"),
        ({"authors": ("Aäron van den Oord",), "year": 2017}, "oord2017deep"),
        ({"authors": ("O'Neill-Müller",), "year": 2017}, "oneillmuller2017deep"),
        ({"authors": ("何恺明",), "year": 2016}, "何恺明2016deep"),
        ({"authors": ("Ada Sm+all",), "year": 2016}, "small2016deep"),
        ({"authors": ("...",), "year": 2016}, "anonymous2016deep"),
        ({"year": 2016}, "anonymous2016deep"),
        ({}, "anonymousdeep"),
        ({"title": "On the Opportunities of Models", "year": 2021}, "anonymous2021opportunities"),
        ({"title": "深度 学习", "year": 2021}, "anonymous2021深度"),
        ({"title": "«Что делать?»", "year": 2021}, "anonymous2021что"),  # noqa: RUF001
        ({"title": "What is it for", "year": 2021}, "anonymous2021it"),
        ({"title": "?!", "year": 2021}, "anonymous2021work"),
        ({"title": "The of", "year": 2021}, "anonymous2021work"),
        ({"title": "C++ and _under_scores", "year": 2021}, "anonymous2021c"),
        ({"title": "x" * 500, "authors": ("y" * 300,)}, "y" * 60),
    ],
    ids=lambda value: str(value)[:40],
)
def test_a_new_paper_is_named_as_in_bibtex(session, facts, key):
    said = record("a", **{"title": "A Deep Network"} | facts)
    assert key_for(said, ()) == key
    assert take_in(session, said).new == [key]
    assert find_paper(session, key).title == said.title


names = st.text(min_size=1).map(text_of).filter(bool)


@settings(deadline=None)
@given(title=names, author=st.just("") | names, year=st.none() | st.integers(1500, 2100))
def test_a_key_is_one_short_word_whatever_the_names(title, author, year):
    said = record("a", title=title, authors=(author,), year=year)
    key = key_for(said, ())
    assert 0 < len(key) <= 60
    assert all(char.isalnum() for char in key)
    assert key_for(said, {key}) == f"{key}-2"
    assert short_name_for(said).strip()


def test_twins_are_told_apart_by_numbers_in_the_order_of_their_records(session):
    twins = [record(name, f"doi:{name}", title="Deep", authors=("K. He",), year=2016) for name in "cab"]
    for twin in twins:
        store_records(session, [Record(**{**vars(twin), "title": f"Deep {twin.external_id}"})])
    consolidate(session)
    assert [paper_of(session, name).key for name in "abc"] == ["he2016deep", "he2016deep-2", "he2016deep-3"]


def test_a_key_that_the_catalogue_has_is_not_given_again(small_library):
    with small_library.writing() as session:
        session.scalars(select(Paper).where(Paper.key == "cfg")).one().key = "he2016deep"
        report = take_in(session, record("a", title="Deep", authors=("K. He",), year=2016))
    assert report.new == ["he2016deep-2"]


@pytest.mark.parametrize(
    ("facts", "name"),
    [
        ({"title": "DINOv2: Learning Robust Features"}, "DINOv2"),
        ({"title": "Grounding DINO : Marrying DINO", "authors": ("A B",), "year": 2023}, "Grounding DINO"),
        ({"title": "Deep", "authors": ("Kaiming He", "Jian Sun"), "year": 2016}, "He et al. 2016"),
        ({"title": "Deep", "authors": ("Kaiming He",), "published_year": 2016}, "He 2016"),
        ({"title": "A question of five words: and more", "authors": ("A B",), "year": 2023}, "B 2023"),
        ({"title": ": Nothing before", "authors": ("A B",), "year": 2023}, "B 2023"),
        ({"title": "Deep", "authors": ("Kaiming He",)}, "Deep"),
        ({"title": "x" * 41}, "x" * 39 + "…"),
    ],
    ids=lambda value: str(value)[:40],
)
def test_a_new_paper_has_a_short_name(facts, name):
    assert short_name_for(record("a", **facts)) == name
