"""A paper's card tells everything the library knows of it, says what is not known, and who says so."""

from datetime import UTC, datetime

import pytest
from sqlalchemy import func, select, update

from graph.coverage import describe_cited_by, describe_references
from graph.errors import UnknownName
from graph.library import Library
from graph.network import CITES
from graph.papers import count_cited_by, list_checkpoints, read_card
from graph.schema import Note, Paper

FIELDS = ("title", "short_name", "arxiv_id", "doi", "year", "month", "venue", "code_url", "summary")


@pytest.fixture(scope="module")
def session(built_path):
    with Library.open(built_path) as library, library.reading() as opened:
        yield opened


@pytest.fixture(scope="module")
def cards(session, catalogue):
    return {row.key: read_card(session, row.key) for row in catalogue.papers}


@pytest.fixture(scope="module")
def lists(catalogue):
    return {row.paper: row for row in catalogue.reference_lists}


def pairs(rows, mine, other):
    found = {}
    for row in rows:
        found.setdefault(getattr(row, mine), set()).add(getattr(row, other))
    return found


def test_every_paper_has_a_card_with_the_catalogues_facts(cards, catalogue):
    summaries = {row.key: row.summary for row in catalogue.summaries}
    aliases = pairs(catalogue.aliases, "key", "alias")
    for row in catalogue.papers:
        card = cards[row.key]
        assert (card.key, card.title, card.short_name) == (row.key, row.title, row.short_name)
        assert (card.year, card.month, card.venue) == (row.year, row.month, row.venue)
        assert (card.arxiv_id, card.doi) == (row.arxiv_id, row.doi.lower() if row.doi else None)
        assert (card.code_url, card.core, card.after_survey) == (row.code_url, row.core, row.after_survey)
        assert card.authors == list(row.authors)
        assert card.summary == summaries.get(row.key)
        assert card.abstract is None
        assert set(card.aliases) == aliases.get(row.key, set())
        assert card.notes == []


def test_a_card_tells_the_place_in_the_taxonomy_from_the_root_down(cards, catalogue):
    nodes = {row.id: row for row in catalogue.taxonomy}
    for row in catalogue.papers:
        card = cards[row.key]
        assert card.taxonomy[0] == ("vfm", nodes["vfm"].label)
        assert card.taxonomy[-1] == (row.taxonomy, nodes[row.taxonomy].label)
        for (upper, _), (lower, label) in zip(card.taxonomy, card.taxonomy[1:], strict=False):
            assert nodes[lower].parent == upper
            assert nodes[lower].label == label
        assert card.pillar == card.taxonomy[1][0]
        assert sorted(card.also_in) == sorted((node, nodes[node].label) for node in row.taxonomy_secondary)


def test_a_reference_list_that_was_not_read_is_not_known_never_empty(cards, lists):
    unread = {key: card for key, card in cards.items() if key not in lists}
    missing = {key: cards[key] for key, row in lists.items() if row.status == "not_found"}
    assert unread
    assert missing
    for card in unread.values():
        assert card.cites is None
        assert card.references_note == "What it cites is not known: its reference list has not been read."
    for card in missing.values():
        assert card.cites is None
        assert card.references_note == "What it cites is not known: its reference list could not be found."


def test_a_reference_list_that_was_read_is_a_list_with_its_completeness(cards, lists, catalogue):
    cites = pairs(catalogue.citations, "citing", "cited")
    for key, row in lists.items():
        if row.status == "not_found":
            continue
        card = cards[key]
        assert {link.key for link in card.cites} == cites.get(key, set())
        assert all((link.relation, link.direction) == (CITES, "out") for link in card.cites)
        found, entries = len(cites.get(key, ())), row.entries_seen
        words = {"complete": "read in full", "partial": "read in part"}[row.status]
        assert card.references_note.startswith(f"Reference list {words}: {found}")
        assert entries is None or f" of {entries} entries " in card.references_note
        assert entries is None or found <= entries


@pytest.mark.parametrize("status", ["complete", "partial"])
def test_a_list_that_was_read_and_holds_nothing_here_is_an_empty_list(own_path, status):
    with Library.open(own_path) as library, library.reading() as session:
        changed = update(Paper).where(Paper.key == "jft").values(reference_list=status, reference_entries=7)
        session.execute(changed)
        card = read_card(session, "jft")
    assert card.cites == []
    assert " 0 of 7 entries " in card.references_note


def test_what_cites_a_paper_is_told_with_how_many_lists_were_read(cards, lists, catalogue):
    cited_by = pairs(catalogue.citations, "cited", "citing")
    read = sum(row.status != "not_found" for row in lists.values())
    for key, card in cards.items():
        assert {link.key for link in card.cited_by} == cited_by.get(key, set())
        assert all((link.relation, link.direction) == (CITES, "in") for link in card.cited_by)
        assert card.cited_by_note == (
            f"Counted over the {read} of {len(cards)} papers whose reference list was read."
        )


def test_typed_relations_are_told_in_both_directions(cards, catalogue):
    told = {
        (key, link.relation, link.key) if link.direction == "out" else (link.key, link.relation, key)
        for key, card in cards.items()
        for link in card.relations
    }
    assert told == {(row.paper, row.relation, row.target) for row in catalogue.relations}
    assert sum(len(card.relations) for card in cards.values()) == 2 * len(catalogue.relations)


def test_every_shown_field_names_its_source_and_date(cards, catalogue, lists):
    editors = catalogue.manifest.sources.summaries
    for row in catalogue.papers:
        card = cards[row.key]
        told = {item.field: item for item in card.provenance}
        shown = {name: getattr(card, name) for name in FIELDS if getattr(card, name) is not None}
        if card.authors:
            shown["authors"] = "; ".join(card.authors)
        sources = dict.fromkeys(shown, row.source) | {"summary": editors}
        if row.key in lists:
            read = lists[row.key]
            shown["reference_list"] = read.status
            sources["reference_list"] = read.source or "data/reference_lists.csv"
            if read.entries_seen is not None:
                shown["reference_entries"] = read.entries_seen
                sources["reference_entries"] = sources["reference_list"]
        assert told.keys() == shown.keys()
        for name, value in shown.items():
            assert told[name].value.lower() == str(value).lower()
            assert told[name].source == sources[name]
            assert told[name].retrieved_at == catalogue.manifest.collected_on


def test_every_checkpoint_of_the_catalogue_is_on_its_papers_card(cards, catalogue):
    expected = {}
    for row in catalogue.checkpoints:
        expected.setdefault(row.paper, []).append((row.hub_id, row.library, row.loader_class, row.source))
    found = {
        key: [(item.hub_id, item.library, item.loader_class, item.source) for item in card.checkpoints]
        for key, card in cards.items()
        if card.checkpoints
    }
    assert found == expected


def test_what_is_not_known_of_a_checkpoint_is_none(cards, catalogue):
    stated = {
        (row.hub_id, row.loader_class): row.licence
        for row in catalogue.checkpoints
        if row.licence is not None
    }
    items = [item for card in cards.values() for item in card.checkpoints]
    for item in items:
        assert item.licence == stated.get((item.hub_id, item.loader_class))
        assert item.licence != ""
        known = (False, None, "live") if item.origin == "bundled" else (None, None, "unchecked")
        assert (item.gated, item.revision, item.state) == known
    assert sum(item.licence is None for item in items) > 200
    assert any(item.params_millions is None for item in items)


def test_versions_are_the_preprint_and_the_published_text(cards, catalogue):
    for row in catalogue.papers:
        told = [(item.kind, item.venue, item.year, item.month) for item in cards[row.key].versions]
        expected = [("published", row.venue, None, None)] if row.venue else []
        if row.arxiv_id:
            expected.append(("preprint", "arXiv", row.year, row.month))
        assert told == expected


def test_the_users_notes_are_on_the_card_oldest_first(own_path):
    with Library.open(own_path) as library, library.reading() as session:
        paper_id = session.scalar(select(Paper.id).where(Paper.key == "sam"))
        for day in (2, 1):
            session.add(
                Note(paper_id=paper_id, text=f"day {day}", created_at=datetime(2026, 1, day, tzinfo=UTC))
            )
        session.flush()
        assert read_card(session, "sam").notes == ["day 1", "day 2"]
        assert read_card(session, "clip").notes == []


def test_cited_by_is_counted_once_per_citing_paper_most_cited_first(session, catalogue):
    counted = count_cited_by(session)
    cited_by = pairs(catalogue.citations, "cited", "citing")
    assert counted == {key: len(citing) for key, citing in cited_by.items()}
    assert list(counted) == sorted(counted, key=lambda key: (-counted[key], key))


@pytest.mark.parametrize(
    ("status", "entries", "found", "said"),
    [
        ("complete", 40, 3, "Reference list read in full: 3 of 40 entries are in this library."),
        ("complete", None, 3, "Reference list read in full: 3 entries are in this library."),
        ("partial", 12, 0, "Reference list read in part: 0 of 12 entries read are in this library."),
        ("partial", None, 2, "Reference list read in part: 2 entries read are in this library."),
        ("unread", None, 0, "What it cites is not known: its reference list has not been read."),
        ("not_found", None, 0, "What it cites is not known: its reference list could not be found."),
    ],
)
def test_completeness_is_put_into_words(status, entries, found, said):
    assert describe_references(status, entries, found) == said


def test_how_far_cited_by_reaches_is_put_into_words():
    assert describe_cited_by(3, 10) == "Counted over the 3 of 10 papers whose reference list was read."


# Lists of checkpoints


def test_checkpoints_are_listed_in_the_catalogues_order(session, catalogue):
    found = [(key, item.hub_id, item.loader_class) for key, item in list_checkpoints(session)]
    assert found == [(row.paper, row.hub_id, row.loader_class) for row in catalogue.checkpoints]


def test_checkpoints_are_listed_by_paper_and_task(session, catalogue):
    for paper, task in (("sam", None), (None, "text-to-image"), ("clip", "zero-shot-image-classification")):
        found = [item.hub_id for _, item in list_checkpoints(session, paper=paper, task=task)]
        assert found == [
            row.hub_id
            for row in catalogue.checkpoints
            if paper in (None, row.paper) and task in (None, row.task)
        ]
        assert found


def test_an_unknown_task_lists_the_tasks(session, catalogue):
    with pytest.raises(UnknownName) as caught:
        list_checkpoints(session, task="cooking")
    assert caught.value.nearest == tuple(sorted({row.task for row in catalogue.checkpoints}))


def test_a_paper_without_checkpoints_lists_none(session):
    without = session.scalar(
        select(Paper.key).where(Paper.key.not_in([key for key, _ in list_checkpoints(session)])).limit(1)
    )
    assert list_checkpoints(session, paper=without) == []
    assert session.scalar(select(func.count()).select_from(Paper).where(Paper.key == without)) == 1
