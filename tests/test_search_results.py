"""What a search answers with: pages, orders, facets whose counts hold, and the reasons for every hit."""

import re
from dataclasses import replace

import pytest
from helpers import HashEncoder
from hypothesis import given, settings
from hypothesis import strategies as st
from sqlalchemy import func, select, update

from graph.analysis.ranking import read_ranks
from graph.errors import QueryError, UnknownName
from graph.filters import Filters, allowed_ids, is_venue, series_of, venues_like
from graph.library import Library
from graph.schema import Alias, Citation, Paper
from graph.search import MODES, SORTS, Search
from graph.search.why import explain, sentences
from graph.snapshot import take_snapshot
from graph.textindex import containing, query_terms, rebuild

QUERIES = [
    "promptable segmentation",
    "diffusion models for depth",
    "SAM",
    "contrastive pretraining with text",
]


@pytest.fixture(scope="module")
def shared(built_path):
    with Library.open(built_path) as library:
        yield library


@pytest.fixture(scope="module")
def search(shared, shipped):
    encoder = HashEncoder("arbitrary", dimension=384)
    encoder.model = replace(encoder.model, weights_sha256=shipped.weights_sha256)
    return Search(shared, encoder)


@pytest.fixture(scope="module")
def facts(shared):
    """Key to (id, year, citations, summary) of every paper."""
    times = func.count(Citation.citing_id.distinct())
    rows = (
        select(Paper.key, Paper.id, Paper.year, times, Paper.summary)
        .outerjoin(Citation, Citation.cited_id == Paper.id)
        .group_by(Paper.id)
    )
    with shared.reading() as session:
        return {row[0]: row[1:] for row in session.execute(rows)}


@pytest.fixture
def own(own_path):
    with Library.open(own_path) as library:
        yield library


def keys(results):
    return [hit.key for hit in results.hits]


def everything(search, query, **options):
    return search.search(query, limit=1000, **options)


# Pages and orders


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("sort", SORTS)
def test_pages_follow_each_other_without_gap_or_repetition(search, mode, sort):
    whole = everything(search, "image segmentation", mode=mode, sort=sort)
    pages = [
        search.search("image segmentation", mode=mode, sort=sort, limit=7, offset=at) for at in (0, 7, 14)
    ]
    assert [hit for page in pages for hit in page.hits] == whole.hits[:21]
    assert {page.total for page in pages} == {whole.total} == {len(whole.hits)}
    assert [hit.rank for hit in pages[1].hits] == list(range(8, 15))


def test_a_page_after_the_last_is_empty_and_knows_the_total(search):
    results = search.search("image segmentation", offset=5000)
    assert results.hits == []
    assert results.total > 0


def test_every_order_holds_and_shows_the_same_papers(search, shared, facts):
    found = {sort: keys(everything(search, "segmentation", sort=sort)) for sort in SORTS}
    assert len({frozenset(each) for each in found.values()}) == 1
    years = [facts[key][1] or 0 for key in found["year"]]
    cited = [facts[key][2] for key in found["citations"]]
    assert years == sorted(years, reverse=True)
    assert cited == sorted(cited, reverse=True)
    ranks = read_ranks(shared, "bridge")
    bridge = dict(zip(ranks.paper_ids.tolist(), ranks.scores.tolist(), strict=True))
    known = [score for key in found["bridge"] if (score := bridge[facts[key][0]]) == score]
    assert known == sorted(known, reverse=True)
    assert len(set(known)) > 5


def test_of_equally_old_papers_the_more_relevant_comes_first(search):
    relevant = keys(everything(search, "segmentation", filters=Filters(years=(2023, 2023))))
    by_year = keys(everything(search, "segmentation", filters=Filters(years=(2023, 2023)), sort="year"))
    assert by_year == relevant


# Filters and facets


@settings(max_examples=15)
@given(
    st.sampled_from(QUERIES),
    st.sampled_from(MODES),
    st.builds(
        Filters,
        pillar=st.none() | st.sampled_from(["generative", "discriminative", "unified"]),
        taxonomy=st.none() | st.sampled_from(["discriminative.segmentation", "generative", "vfm"]),
        years=st.sampled_from([(None, None), (2021, None), (2022, 2023)]),
        has_checkpoint=st.booleans(),
        venue=st.none() | st.sampled_from(["CVPR", "neurips"]),
    ),
)
def test_a_filter_leaves_out_and_changes_nothing_else(search, query, mode, filters):
    whole = everything(search, query, mode=mode)
    with search._library.reading() as session:
        allowed = allowed_ids(session, filters)
    kept = [hit for hit in whole.hits if allowed is None or hit.paper.id in allowed]
    filtered = everything(search, query, mode=mode, filters=filters)
    assert [(hit.key, hit.score) for hit in filtered.hits] == [(hit.key, hit.score) for hit in kept]


AS_FILTER = {
    "pillar": lambda value: {"pillar": value},
    "taxonomy": lambda value: {"taxonomy": value},
    "year": lambda value: {"years": (int(value), int(value))},
    "venue": lambda value: {"venue": value},
    "checkpoint": lambda value: {"has_checkpoint": True},
}


@settings(max_examples=10)
@given(
    st.sampled_from(QUERIES),
    st.builds(
        Filters,
        pillar=st.none() | st.sampled_from(["generative", "discriminative"]),
        years=st.sampled_from([(None, None), (2022, 2023)]),
        has_checkpoint=st.booleans(),
    ),
    st.randoms(use_true_random=False),
)
def test_a_facet_counts_what_choosing_its_value_leaves(search, query, filters, chance):
    results = search.search(query, filters=filters, with_facets=True)
    assert [facet.name for facet in results.facets] == list(AS_FILTER)
    for facet in results.facets:
        for value in chance.sample(facet.values, min(2, len(facet.values))):
            chosen = replace(filters, **AS_FILTER[facet.name](value.value))
            assert search.search(query, filters=chosen).total == value.count, (facet.name, value)


def test_a_facet_leaves_its_own_filter_out_and_keeps_the_others(search):
    free, narrow = (
        search.search(
            "segmentation", filters=Filters(pillar=pillar, years=(2022, 2023)), with_facets=True
        ).facets
        for pillar in (None, "generative")
    )
    counts = [{each.value: each.count for each in facets[0].values} for facets in (free, narrow)]
    assert counts[0] == counts[1]
    assert len(counts[0]) > 3
    years = [{each.value: each.count for each in facets[2].values} for facets in (free, narrow)]
    assert {"2021", "2024"} <= years[0].keys()
    assert years[1]["2023"] < years[0]["2023"]


def test_chosen_values_are_marked_and_stay_though_nothing_is_left(search):
    filters = Filters(pillar="generative", years=(1960, 2019), has_checkpoint=True, venue="cvpr")
    results = search.search("SAM", filters=filters, with_facets=True)
    chosen = {facet.name: {each.value for each in facet.values if each.chosen} for facet in results.facets}
    assert (chosen["pillar"], chosen["checkpoint"], chosen["venue"]) == ({"generative"}, {"yes"}, {"CVPR"})
    assert chosen["year"]
    assert max(map(int, chosen["year"])) == 2019
    assert chosen["taxonomy"] == set()


def test_filters_of_the_query_and_given_ones_both_hold(search):
    results = everything(
        search, "segmentation year:2022..2023 pillar:generative", filters=Filters(years=(2023, None))
    )
    assert results.hits
    assert {(hit.year, hit.pillar) for hit in results.hits} == {(2023, "generative")}


def test_facets_tell_how_results_stand_to_a_chosen_paper(search):
    results = everything(search, "segmentation", relative_to="CLIP")
    (facet,) = results.facets
    assert [each.value for each in facet.values] == ["cites:clip", "citedby:clip"]
    for value in facet.values:
        inside = set(keys(everything(search, f"segmentation {value.value}")))
        assert len(inside & set(keys(results))) == value.count
    assert facet.values[0].count > 5


@pytest.mark.parametrize(
    ("name", "venue", "holds"),
    [
        ("CVPR", "CVPR 2023", True),
        ("cvpr  2023", "CVPR 2023", True),
        ("CVPR", "CVPR", True),
        ("CVP", "CVPR 2023", False),
        ("SIGGRAPH", "SIGGRAPH Asia 2023", True),
        ("ICLR", "ICML 2023", False),
    ],
)
def test_a_venue_is_named_with_or_without_its_year(name, venue, holds):
    assert is_venue(venue, name) is holds


def test_an_unknown_venue_lists_near_ones(search, shared):
    with pytest.raises(UnknownName, match=r"^no venue 'CVPRR'; nearest: CVPR"):
        search.search("segmentation venue:CVPRR")
    with shared.reading() as session:
        assert set(venues_like(session, "CVPR")) >= {"CVPR 2022", "CVPR 2023"}
    assert series_of("SIGGRAPH Asia 2023") == "SIGGRAPH Asia"


# What a query itself demands


def test_a_phrase_must_occur_and_what_is_excluded_must_not(search, shared):
    free = set(keys(everything(search, "masked image modelling")))
    exact = set(keys(everything(search, '"masked image modelling"')))
    without = set(keys(everything(search, "masked image modelling -autoencoder")))
    with shared.reading() as session:
        ids = dict(session.execute(select(Paper.id, Paper.key)).all())
        having = {ids[each] for each in containing(session, ["masked image modelling"])}
        excluded = {ids[each] for each in containing(session, ["autoencoder"])}
    assert exact == having
    assert exact < free
    assert free & excluded
    assert not without & excluded


@pytest.mark.parametrize(
    ("query", "holds"),
    [
        ("author:Kirillov", "Kirillov"),
        ('segmentation author:"Ross Girshick"', "Ross Girshick"),
    ],
)
def test_an_author_is_a_condition(search, shared, query, holds):
    results = everything(search, query)
    assert results.hits
    with shared.reading() as session:
        for hit in results.hits:
            paper = session.get(Paper, hit.paper.id)
            assert any(holds in each.author.name for each in paper.authorships)


def test_search_goes_inside_the_citations_of_a_paper(search, shared, facts):
    with shared.reading() as session:
        citing = set(session.scalars(select(Citation.citing_id).where(Citation.cited_id == facts["clip"][0])))
        cited = set(session.scalars(select(Citation.cited_id).where(Citation.citing_id == facts["sam"][0])))
    for query, options, papers in (
        ("detection cites:clip", {}, citing),
        ("detection", {"cites": "CLIP"}, citing),
        ("detection citedby:sam", {}, cited),
        ("detection", {"cited_by": "sam"}, cited),
    ):
        results = everything(search, query, **options)
        assert results.hits
        assert {hit.paper.id for hit in results.hits} <= papers
    assert len(everything(search, "", cites="clip").hits) == len(citing)


def test_two_papers_to_be_inside_the_citations_of_are_one_too_many(search):
    with pytest.raises(
        QueryError, match=r"^the query is already inside the citations of 'clip': leave out 'sam'$"
    ):
        search.search("detection cites:clip", cites="sam")
    with pytest.raises(UnknownName, match=r"^no paper 'nosuch'"):
        search.search("detection cites:nosuch")


def test_conditions_alone_list_what_meets_them_the_most_cited_first(search, facts):
    results = everything(search, "year:2023 has:checkpoint")
    assert results.hits
    assert all(hit.year == 2023 and hit.checkpoints for hit in results.hits)
    cited = [facts[hit.key][2] for hit in results.hits]
    assert cited == sorted(cited, reverse=True)
    assert (
        everything(search, "", filters=Filters(years=(2023, 2023), has_checkpoint=True)).total
        == results.total
    )


def test_a_literal_query_is_not_read(search):
    read = search.search("segmentaton -SAM")
    literal = search.search("segmentaton -SAM", literal=True)
    assert [chip.kind for chip in read.chips] == ["spelling"]
    assert "sam" not in keys(read)
    assert literal.chips == ()
    assert "sam" in keys(literal)
    assert search.search("segmentaton", dropped=[read.chips[0].id]).chips == ()


# Reasons


@settings(max_examples=15)
@given(
    st.sampled_from([*QUERIES, "DINO family", "image editing", "depth models from 2023"]),
    st.sampled_from(MODES),
)
def test_the_parts_of_a_score_add_up_to_it(search, query, mode):
    hits = search.search(query, mode=mode, limit=50).hits
    assert hits
    allowed = {"lexical", "dense", "cited", "name", "family", "node", "condition"}
    for hit in hits:
        assert hit.score == pytest.approx(sum(hit.why.parts.values()))
        assert set(hit.why.parts) <= allowed
        if mode != "hybrid":
            assert not {"cited", {"lexical": "dense", "dense": "lexical"}[mode]} & set(hit.why.parts)


@pytest.mark.parametrize("query", QUERIES)
def test_marked_words_are_words_of_the_query(search, facts, query):
    wanted = {term[:4] for term in query_terms(query)}
    marked = 0
    for hit in search.search(query, mode="lexical", limit=30).hits:
        texts = [(hit.title, hit.why.title)]
        if hit.why.sentence:
            assert hit.why.sentence.text in facts[hit.key][3]
            texts.append((hit.why.sentence.text, hit.why.sentence.spans))
        for text, spans in texts:
            for start, end in spans:
                assert text[start:end].lower()[:4] in wanted
                marked += 1
    assert marked > 10


def test_the_nearest_sentence_has_most_words_of_the_query(own):
    summary = "It draws cats. It segments dogs and cats in 2 s. Then it rests, e.g. Monday."
    with own.writing() as session:
        session.execute(update(Paper).where(Paper.key == "sam").values(summary=summary))
        rebuild(session)
        paper_id = session.scalar(select(Paper.id).where(Paper.key == "sam"))
        shown = explain(session, ["dog", "segmenting", "cats"], [paper_id])[paper_id]
        other = explain(session, ["zyzzyva"], [paper_id])[paper_id]
    assert shown.sentence.text == "It segments dogs and cats in 2 s."
    assert [shown.sentence.text[a:b] for a, b in shown.sentence.spans] == ["segments", "dogs", "cats"]
    assert other.sentence.text == "It draws cats."
    assert other.sentence.spans == ()


@given(st.text(st.sampled_from("ab .!?AB1\n(\x02\x03")))
def test_sentences_hold_all_of_a_text_but_spaces(text):
    spans = sentences(text)
    assert re.sub(r"\s", "", "".join(text[a:b] for a, b in spans)) == re.sub(r"\s", "", text)
    assert all(text[a:b] == text[a:b].strip() != "" for a, b in spans)
    assert spans == sorted(spans)


def test_abbreviations_end_no_sentence():
    text = "Methods, e.g. SAM by A. Kirillov et al. Then (see below). It works."
    assert [text[a:b] for a, b in sentences(text)] == [
        "Methods, e.g. SAM by A. Kirillov et al. Then (see below).", "It works."
    ]  # fmt: skip


def test_texts_with_marks_of_their_own_keep_spans_inside(own):
    with own.writing() as session:
        session.execute(update(Paper).where(Paper.key == "sam").values(summary="a \x02segment\x03 b\x02. C"))
        rebuild(session)
    for hit in Search(own).search("segment b", mode="lexical", limit=50).hits:
        if hit.why.sentence:
            assert all(0 <= a <= b <= len(hit.why.sentence.text) for a, b in hit.why.sentence.spans)


# Nothing is read twice


def test_facts_are_read_again_when_they_changed(own):
    search = Search(own)
    before = search.search("zyzzyva", mode="lexical", with_facets=True)
    assert before.total == 0
    with own.writing() as session:
        paper = session.scalars(select(Paper).where(Paper.key == "sam")).one()
        session.execute(update(Paper).where(Paper.id == paper.id).values(title="Zyzzyva", year=1999))
        session.execute(update(Alias).where(Alias.paper_id == paper.id).values(name="Zyz"))
        rebuild(session)
        take_snapshot(session)
    after = search.search("zyzzyva", mode="lexical", with_facets=True)
    assert [(hit.key, hit.title, hit.year) for hit in after.hits] == [("sam", "Zyzzyva", 1999)]
    assert {facet.name: [each.value for each in facet.values] for facet in after.facets}["year"] == ["1999"]


# More like several papers


def test_papers_like_several_are_like_each_of_them(search):
    found = search.more_like(["sam", "seem"], limit=20)
    assert not {"sam", "seem"} & {each.key for each in found}
    assert [each.score for each in found] == sorted((each.score for each in found), reverse=True)
    assert all(each.reason for each in found)
    one = {each.key: each.score for each in search.related("sam", limit=600)}
    other = {each.key: each.score for each in search.related("seem", limit=600)}
    for each in found:
        # Text is compared with the centre of both instead of with each: near the mean, and not below it.
        assert each.score >= (one[each.key] + other[each.key]) / 2 - 1e-6


@pytest.mark.parametrize("given", [["dino", "dinov2"], ["ddpm", "ldm", "sd3"], ["clip", "align"]])
def test_papers_given_are_not_among_those_like_them(search, given):
    assert not set(given) & {each.key for each in search.more_like(given, limit=1000)}


def test_papers_like_one_are_those_related_to_it(search):
    assert search.more_like(["sam"], 5) == search.related("sam", 5)
    assert search.more_like(["sam", "sam"], 5)[0].key == search.related("sam", 1)[0].key


def test_more_like_refuses_no_paper_and_an_unknown_one(search):
    with pytest.raises(QueryError, match=r"^no paper is named: name the papers that others should be like$"):
        search.more_like([])
    with pytest.raises(UnknownName, match=r"^no paper 'nosuch'"):
        search.more_like(["sam", "nosuch"])


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"sort": "size"}, "no sort 'size': relevance, citations, year, bridge are allowed"),
        ({"offset": -1}, "cannot leave out -1 results: 0 or more are allowed"),
    ],
)
def test_what_cannot_be_shown_is_named_with_what_is_allowed(search, options, said):
    with pytest.raises(QueryError, match=f"^{re.escape(said)}$"):
        search.search("sam", **options)
