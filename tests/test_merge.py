"""Records become papers: repeatably, in any order, without losing what was said or written, and undoably."""

import sqlite3
from collections.abc import Iterator
from contextlib import closing

import pytest
from helpers import dump, keys
from hypothesis import given
from hypothesis import strategies as st
from record_helpers import (
    LATER,
    NOW,
    SECOND,
    apart,
    ids,
    links,
    many_records,
    paper_of,
    record,
    row_of,
    some_settings,
    take_in,
    told,
    works,
)
from sqlalchemy import event, select

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
from ingest.record import Reference
from ingest.stored import read_records, source_id, store_records

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
