"""Reference lists become citations, as soon as both papers are there, and with what was said of each."""

import pytest
from record_helpers import LATER, ids, links, paper_of, record, row_of, take_in
from sqlalchemy import select
from sqlalchemy.orm import Session

from graph.papers import read_card
from graph.schema import Citation, Paper, Source
from ingest.citations import UNIDENTIFIED, entry_id
from ingest.merge import consolidate, separate
from ingest.record import Reference


def cited_by(session: Session, external_id: str, origin: str = "semanticscholar") -> set[str]:
    """Titles of what the paper of a record cites."""
    paper = paper_of(session, external_id, origin)
    rows = select(Paper.title).join(Citation, Citation.cited_id == Paper.id)
    return set(session.scalars(rows.where(Citation.citing_id == paper.id)))


def citation(session: Session) -> Citation:
    return session.scalars(select(Citation)).one()


# --- what is linked ----------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["arxiv:1", "doi:x", "s2:f", "corpus:7", "openalex:W1"])
def test_an_entry_is_linked_by_an_id_of_any_scheme(session, name):
    report = take_in(session, record("a", "s2:a", cites=[name]), record("b", name))
    assert report.citations == 1
    assert cited_by(session, "a") == {"Title of b"}
    assert citation(session).match_kind == name.split(":")[0]


def test_the_first_id_of_an_entry_that_is_known_counts(session):
    entry = Reference(ids("arxiv:9", "doi:x", "s2:f"))
    take_in(session, record("a", "s2:a", cites=[entry]), record("b", "s2:f"), record("c", "doi:x"))
    assert cited_by(session, "a") == {"Title of c"}
    assert citation(session).match_kind == "doi"


def test_what_is_said_of_a_citation_is_kept(session):
    entry = Reference(
        ids("s2:b"), "Title as cited", ("We follow [7].", "Unlike [7]."), ("methodology", "background"), True
    )
    take_in(session, record("a", "s2:a", cites=[entry, "s2:c"]), record("b", "s2:b"), record("c", "s2:c"))
    found = {row.cited_id: row for row in session.scalars(select(Citation))}
    full, bare = (found[paper_of(session, name).id] for name in "bc")
    assert (full.matched_title, full.match_kind) == ("Title as cited", "s2")
    assert full.contexts == ["We follow [7].", "Unlike [7]."]
    assert (full.intents, full.is_influential) == (["methodology", "background"], True)
    assert full.retrieved_at == row_of(session, "a").retrieved_at
    assert session.get_one(Source, full.source_id).name == "Semantic Scholar Graph API"
    assert (bare.matched_title, bare.contexts, bare.intents, bare.is_influential) == (None, None, None, None)


def test_two_entries_of_one_paper_are_one_citation_with_what_both_say(session):
    entries = [
        Reference(ids("s2:b"), None, ("First.",), ("background",), False),
        Reference(ids("doi:x"), "Other title", ("First.", "Second."), ("result", "background"), True),
        Reference(ids("s2:b"), "Third title"),
    ]
    report = take_in(session, record("a", "s2:a", cites=entries), record("b", "s2:b", "doi:x"))
    assert report.citations == 1
    found = citation(session)
    assert (found.matched_title, found.match_kind) == ("Other title", "s2")
    assert (found.contexts, found.intents) == (["First.", "Second."], ["background", "result"])
    assert found.is_influential


def test_a_work_that_names_itself_cites_nothing_by_that(session):
    said = [record("a", "s2:a", cites=["s2:a", "doi:x", "s2:b"]), record("b", "s2:b")]
    assert take_in(session, *said, record("c", "s2:a", "doi:x")).citations == 1
    assert cited_by(session, "a") == {"Title of b"}


def test_papers_that_cite_each_other_do(session):
    take_in(session, record("a", "s2:a", cites=["s2:b"]), record("b", "s2:b", cites=["s2:a"]))
    assert len(links(session)) == 2


def test_a_paper_is_cited_by_every_id_that_any_of_its_records_has(session):
    twins = [record("b", "s2:b", "arxiv:1"), record("c", "s2:c", "arxiv:1")]
    citing = [record("x", "s2:x", cites=["s2:b"]), record("y", "s2:y", cites=["s2:c"])]
    take_in(session, *twins, *citing)
    assert cited_by(session, "x") == cited_by(session, "y") == {paper_of(session, "b").title}


def test_every_source_states_its_own_citation(session):
    take_in(
        session,
        record("a", "doi:a", cites=["doi:b"]),
        record("a2", "doi:a", origin="crossref", cites=["doi:b"]),
        record("b", "doi:b"),
    )
    names = session.scalars(select(Source.origin).join(Citation)).all()
    assert sorted(names) == ["crossref", "semanticscholar"]
    assert len(links(session)) == 1


def test_the_lists_of_two_records_of_one_paper_count_together(session):
    lists = [record("a", "doi:a", cites=["s2:x"]), record("b", "doi:a", cites=["s2:x", "s2:y"])]
    assert take_in(session, *lists, record("x", "s2:x"), record("y", "s2:y")).citations == 2
    assert cited_by(session, "a") == {"Title of x", "Title of y"}


# --- entries without ids -----------------------------------------------------------------------------------


def loose(citing: str, title: str, **facts):
    """The record that stands for an entry without ids."""
    return record(entry_id(citing, title), title=title, **facts)


def test_an_entry_without_ids_is_linked_to_the_record_made_of_it(session):
    entries = [Reference(title="A Blog Post", contexts=("See [3].",)), Reference(title="Nobody made one")]
    report = take_in(session, record("a", "s2:a", cites=entries), loose("a", "A Blog Post"))
    assert report.citations == 1
    assert cited_by(session, "a") == {"A Blog Post"}
    assert (citation(session).match_kind, citation(session).contexts) == (UNIDENTIFIED, ["See [3]."])


def test_an_entry_keeps_its_record_when_the_list_is_written_in_another_order(session):
    entries = [Reference(title="A Blog Post"), Reference(title="A Manual")]
    take_in(session, record("a", cites=entries), *(loose("a", each.title) for each in entries))
    keys = {paper_of(session, entry_id("a", each.title)).key for each in entries}
    again = [Reference(title="New before"), *(Reference(title=each.title.upper()) for each in entries[::-1])]
    take_in(session, record("a", cites=again, when=LATER))
    citing = paper_of(session, "a").key
    assert links(session) == {(citing, key) for key in keys}


def test_an_entry_that_got_an_id_is_linked_to_its_record_while_nobody_else_has_that_id(session):
    take_in(session, record("a", cites=[Reference(title="A Blog Post")]), loose("a", "A Blog Post"))
    take_in(session, record("a", cites=[Reference(ids("doi:x"), "A Blog Post")], when=LATER))
    assert cited_by(session, "a") == {"A Blog Post"}
    take_in(session, record("b", "doi:x"))
    assert len(links(session)) == 1
    assert citation(session).match_kind == "doi"


def test_entries_of_the_same_title_in_two_lists_are_not_taken_for_each_other(session):
    entry = Reference(title="Technical Report")
    take_in(
        session,
        record("a", cites=[entry]),
        record("b", cites=[entry]),
        loose("a", "Technical Report", authors=("Ada Small",), year=2020),
        loose("b", "Technical Report", authors=("Bo Tiny",), year=2020),
    )
    assert len(links(session)) == 2
    assert len({cited for _citing, cited in links(session)}) == 2


def test_an_entry_of_one_source_is_never_the_record_of_another(session):
    take_in(
        session,
        record("a", cites=[Reference(title="A Blog Post")]),
        loose("a", "A Blog Post", origin="crossref"),
    )
    assert links(session) == set()


# --- lists and papers that come and go ---------------------------------------------------------------------


def test_a_paper_that_comes_later_is_linked_from_the_lists_that_were_read_before(session):
    assert take_in(session, record("a", "s2:a", cites=["arxiv:1", "s2:c"])).citations == 0
    assert take_in(session, record("b", "arxiv:1")).citations == 1
    assert cited_by(session, "a") == {"Title of b"}
    # Another source knows that the other entry means the same paper.
    assert take_in(session, record("b2", "arxiv:1", "s2:c", origin="openalex")).citations == 1
    assert cited_by(session, "a") == {paper_of(session, "b").title}


def test_a_list_that_was_replaced_cites_what_it_names_now(session):
    others = [record(name, f"s2:{name}") for name in "bcd"]
    take_in(session, record("a", "s2:a", cites=["s2:b", "s2:c"]), *others)
    assert cited_by(session, "a") == {"Title of b", "Title of c"}
    take_in(session, record("a", "s2:a", cites=["s2:c", "s2:d"], when=LATER))
    assert cited_by(session, "a") == {"Title of c", "Title of d"}


def test_a_list_that_cannot_be_read_any_more_cites_as_before(session):
    take_in(session, record("a", "s2:a", cites=["s2:b"]), record("b", "s2:b"))
    take_in(session, record("a", "s2:a", cites=[], when=LATER))
    assert cited_by(session, "a") == {"Title of b"}


def test_a_record_that_is_taken_out_of_a_paper_takes_its_ids_and_its_list_along(session):
    take_in(
        session,
        record("a", "doi:a", cites=["s2:b"]),
        record("b", "s2:b", "arxiv:1"),
        record("b2", "arxiv:1", "s2:c", origin="openalex", cites=["doi:a"]),
    )
    assert len(links(session)) == 2
    key = separate(session, [row_of(session, "b2", "openalex")])
    a, b = paper_of(session, "a").key, paper_of(session, "b").key
    assert links(session) == {(a, b), (key, a)}


def test_linking_again_gives_the_same(session):
    take_in(session, record("a", "s2:a", cites=["s2:b"]), record("b", "s2:b"))
    before = links(session)
    assert consolidate(session).citations == 1
    assert links(session) == before


@pytest.mark.parametrize(
    ("cites", "stated", "state", "entries"),
    [
        (None, None, "unread", None),
        (None, 40, "unread", None),
        ([], None, "not_found", None),
        ([], 40, "not_found", None),
        (["s2:b"], 1, "complete", 1),
        (["s2:b", "s2:c"], 1, "complete", 2),
        (["s2:b"], 2, "partial", 1),
        # Of how many is not known: nobody says that this is all.
        (["s2:b"], None, "partial", 1),
    ],
)
def test_how_far_a_list_goes_is_told(session, cites, stated, state, entries):
    take_in(session, record("a", "s2:a", cites=cites, reference_count=stated))
    paper = paper_of(session, "a")
    assert (paper.reference_list, paper.reference_entries) == (state, entries)
    assert (read_card(session, paper.key).cites is None) == (state in ("unread", "not_found"))


# --- with the catalogue ------------------------------------------------------------------------------------


def test_the_citations_of_the_catalogue_stay_and_others_come_to_them(small_library):
    with small_library.writing() as session:
        before = links(session)
        entry = Reference(ids("arxiv:1512.03385"), contexts=("Deep [1].",))
        said = record("a", "arxiv:2103.00020", cites=[entry, "arxiv:2207.12598"])
        assert take_in(session, said).citations == 2
        assert links(session) == before | {("clip", "cfg")}
        rows = session.execute(
            select(Source.origin, Citation.contexts)
            .join(Source)
            .where(Citation.citing_id == paper_of(session, "a").id)
        )
        assert sorted(
            (origin, contexts) for origin, contexts in rows if contexts or origin == "catalogue"
        ) == [
            ("catalogue", None),
            ("semanticscholar", ["Deep [1]."]),
        ]
