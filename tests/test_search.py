"""Search: what people ask for comes first, filters hold, every hit says why, and no query breaks anything."""

from contextlib import contextmanager
from dataclasses import replace

import numpy as np
import pytest
from helpers import HashEncoder
from hypothesis import example, given, settings
from hypothesis import strategies as st
from sqlalchemy import delete, event, select, update

from graph.errors import ModelError, QueryError, UnknownName
from graph.filters import Filters
from graph.library import Library
from graph.names import is_text
from graph.schema import Alias, Authorship, Citation, Embedding, EmbeddingModel, Note, Paper
from graph.search import MODES, Search
from graph.snapshot import current_snapshot_id, take_snapshot
from graph.textindex import match, rebuild
from graph.vectors import VectorIndex


@pytest.fixture(scope="module")
def shared(built_path):
    with Library.open(built_path) as library:
        yield library


@pytest.fixture(scope="module")
def arbitrary(shipped):
    """Stands in for the library's model where meaning does not matter."""
    return stand_in(shipped.weights_sha256)


@pytest.fixture(scope="module")
def search(shared, arbitrary):
    return Search(shared, arbitrary)


@pytest.fixture(scope="module")
def meaning(shared, encoder):
    return Search(shared, encoder)


@pytest.fixture
def own(own_path):
    with Library.open(own_path) as library:
        yield library


def stand_in(weights_sha256):
    encoder = HashEncoder("arbitrary", dimension=384)
    encoder.model = replace(encoder.model, weights_sha256=weights_sha256)
    return encoder


def towards(vector, weights_sha256):
    """A model that takes every text for the same direction."""
    encoder = stand_in(weights_sha256)
    encoder.encode = lambda _texts: vector.reshape(1, -1) / np.linalg.norm(vector)
    return encoder


def keys(results):
    return [hit.key for hit in results.hits]


def one_line(caught):
    assert "\n" not in str(caught.value)
    return str(caught.value)


# What people ask for


@pytest.mark.model
@pytest.mark.parametrize(
    ("query", "key", "within"),
    [
        ("segment anything", "sam", 1),
        ("text to image diffusion in latent space", "ldm", 3),
        ("use a diffusion model as a zero-shot classifier", "diffusion-classifier", 3),
    ],
)
def test_the_paper_that_a_question_means_is_among_the_first(meaning, query, key, within):
    assert key in keys(meaning.search(query))[:within]


@pytest.mark.model
def test_papers_are_found_by_meaning_without_a_shared_word(meaning):
    hits = {hit.key: hit for hit in meaning.search("chatbot that sees").hits}
    assert {"llava", "visual-chatgpt"} <= hits.keys()
    assert hits["llava"].why.lexical == []


@pytest.mark.model
def test_exact_names_come_first_in_a_hybrid_search(meaning, catalogue):
    aliases = {row.key: row.alias for row in catalogue.aliases}
    for row in catalogue.papers[::40]:
        for name in (row.key, row.short_name, row.title, row.arxiv_id, aliases.get(row.key)):
            if name:
                assert keys(meaning.search(name))[0] == row.key, name


def test_exact_names_of_every_paper_come_first(search, catalogue):
    names = [(row.short_name, row.key) for row in catalogue.papers]
    names += [(row.alias, row.key) for row in catalogue.aliases]
    first = {name: search.search(name, mode="lexical", limit=1) for name, _ in names}
    assert {name: keys(first[name]) for name, key in names if keys(first[name]) != [key]} == {}


def test_a_key_or_identifier_of_any_paper_comes_first(search, catalogue):
    for row in catalogue.papers:
        assert keys(search.search(row.key, mode="lexical", limit=1)) == [row.key]
        for identifier in (row.arxiv_id, row.doi):
            if identifier:
                assert keys(search.search(identifier)) == [row.key], "nothing else is near to an identifier"


@pytest.mark.parametrize(
    ("query", "exact"),
    [
        ("dinov2", "key"),
        ("DINO v2", "name"),
        ("DINOv2: Learning Robust Visual Features without Supervision", "name"),
        ("2304.07193", "arXiv id"),
        ("https://arxiv.org/abs/2304.07193v2", "arXiv id"),
        ("10.1109/cvpr.2009.5206848", "DOI"),
    ],
)
@pytest.mark.parametrize("mode", MODES)
def test_a_named_paper_says_which_kind_of_name_it_was(search, mode, query, exact):
    first, *others = search.search(query, mode=mode).hits
    assert first.why.exact == exact
    assert all(hit.why.exact is None for hit in others)


@pytest.mark.parametrize("mode", MODES)
def test_a_named_paper_comes_first_however_far_its_text_is_from_its_name(shared, catalogue, mode):
    with shared.reading() as session:
        index = VectorIndex.load(session)
        ids = dict(session.execute(select(Paper.key, Paper.id)).all())
    for row in catalogue.papers[::60]:
        away = Search(shared, towards(-index.of(ids[row.key]), index.weights_sha256))
        assert keys(away.search(row.short_name, mode=mode))[0] == row.key


def test_all_papers_of_an_ambiguous_name_come_first(own):
    with own.writing() as session:
        session.execute(update(Paper).where(Paper.key.in_(["vit", "mae"])).values(short_name="Twin"))
    hits = Search(own).search("twin", mode="lexical").hits
    assert {hit.key for hit in hits[:2]} == {"vit", "mae"}


def test_a_lexical_search_ranks_as_the_text_index_and_needs_no_model(shared):
    results = Search(shared).search("masked image modelling", mode="lexical", limit=100, literal=True)
    with shared.reading() as session:
        names = dict(session.execute(select(Paper.id, Paper.key)).all())
        ranked = [names[hit.paper_id] for hit in match(session, "masked image modelling")]
    assert keys(results) == ranked[:100]
    assert all(hit.why.lexical and hit.why.dense is None for hit in results.hits)


def test_a_dense_search_ranks_by_cosine(search, shared, arbitrary):
    results = search.search("masked image modelling", mode="dense", limit=100, literal=True)
    with shared.reading() as session:
        index = VectorIndex.load(session)
        names = dict(session.execute(select(Paper.id, Paper.key)).all())
    cosines = index.matrix @ arbitrary.encode(["masked image modelling"])[0]
    ranked = [names[index.ids[position]] for position in np.argsort(-cosines)[:100]]
    assert keys(results) == ranked
    np.testing.assert_allclose(
        [hit.why.dense for hit in results.hits], np.sort(cosines)[::-1][:100], atol=1e-6
    )
    assert all(hit.why.lexical == [] for hit in results.hits)


def test_a_hybrid_search_finds_what_either_ranking_finds_and_knows_every_cosine(search):
    query = "masked image modelling"
    words = keys(search.search(query, mode="lexical", limit=1000, literal=True))
    nearest = keys(search.search(query, mode="dense", limit=100, literal=True))
    results = search.search(query, limit=1000, literal=True)
    assert set(keys(results)) == {*words, *nearest}
    assert all(hit.why.dense is not None for hit in results.hits)
    assert any(hit.why.lexical for hit in results.hits)


@pytest.mark.parametrize("mode", MODES)
def test_hits_are_numbered_and_sorted_by_score(search, mode):
    hits = search.search("promptable segmentation", mode=mode, limit=50).hits
    assert [hit.rank for hit in hits] == list(range(1, 51))
    scores = [hit.score for hit in hits]
    assert scores == sorted(scores, reverse=True)


def test_of_two_papers_that_say_the_same_the_more_cited_one_comes_first(own, arbitrary):
    with own.writing() as session:
        first, second = session.scalars(
            select(Paper).where(Paper.key.in_(["mae", "moco"])).order_by(Paper.id)
        )
        twins = [first.id, second.id]
        same = {"title": "Zyzzyva", "short_name": "Twin", "summary": None}
        session.execute(update(Paper).where(Paper.id.in_(twins)).values(same))
        for table in (Alias, Authorship):
            session.execute(delete(table).where(table.paper_id.in_(twins)))
        blob = session.get(Embedding, first.id).vector
        session.execute(update(Embedding).where(Embedding.paper_id == second.id).values(vector=blob))
        session.execute(delete(Citation).where(Citation.cited_id == first.id))
        assert session.scalar(select(Citation).where(Citation.cited_id == second.id).limit(1))
        rebuild(session)
        keys_in_order = [first.key, second.key]
    search = Search(own, towards(np.frombuffer(blob, dtype="<f4"), arbitrary.model.weights_sha256))
    for mode in ("lexical", "dense"):
        assert keys(search.search("zyzzyvas", mode=mode))[:2] == keys_in_order
    assert keys(search.search("zyzzyvas"))[:2] == keys_in_order[::-1]


def test_papers_that_mean_the_opposite_of_a_query_are_still_ranked(shared, arbitrary):
    with shared.reading() as session:
        index = VectorIndex.load(session)
    opposite = towards(-index.matrix.mean(axis=0), index.weights_sha256)
    hits = Search(shared, opposite).search("anything", mode="dense").hits
    cosines = [hit.why.dense for hit in hits]
    assert max(cosines) < 0
    assert cosines == sorted(cosines, reverse=True)
    assert len(set(cosines)) > 1


# Filters and limits


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize(
    ("filters", "holds"),
    [
        (Filters(pillar="generative"), lambda hit: hit.pillar == "generative"),
        (
            Filters(taxonomy="generative.diffusion", pillar="generative"),
            lambda hit: hit.pillar == "generative",
        ),
        (Filters(years=(2022, 2022)), lambda hit: hit.year == 2022),
        (Filters(years=(None, 2019)), lambda hit: hit.year <= 2019),
        (Filters(has_checkpoint=True), lambda hit: hit.checkpoints > 0),
        (Filters(has_checkpoint=True, years=(2024, None)), lambda hit: hit.checkpoints and hit.year >= 2024),
    ],
)
def test_every_hit_passes_the_filters(search, mode, filters, holds):
    everything = search.search("image segmentation diffusion", mode=mode, limit=100)
    results = search.search("image segmentation diffusion", mode=mode, limit=100, filters=filters)
    assert results.hits
    assert all(holds(hit) for hit in results.hits)
    kept = [hit.key for hit in everything.hits if hit.key in keys(results)]
    assert keys(results)[: len(kept)] == kept


def test_a_paper_named_exactly_does_not_pass_a_filter_it_does_not_meet(search):
    assert keys(search.search("sam", mode="lexical", filters=Filters(years=(2023, 2023))))[0] == "sam"
    assert "sam" not in keys(search.search("sam", mode="lexical", filters=Filters(years=(2022, 2022))))


@pytest.mark.parametrize("mode", MODES)
def test_filters_that_nothing_meets_give_no_hits(search, mode):
    results = search.search("diffusion", mode=mode, filters=Filters(years=(1960, 1961)))
    assert (results.hits, results.total) == ([], 0)


@pytest.mark.parametrize("mode", MODES)
def test_a_smaller_limit_shows_the_first_of_the_same_hits(search, mode):
    many = search.search("vision transformer", mode=mode, limit=30)
    few = search.search("vision transformer", mode=mode, limit=4)
    assert few.hits == many.hits[:4]
    assert few.total == many.total > 30


def test_hits_carry_the_facts_of_the_catalogue(search, catalogue):
    rows = {row.key: row for row in catalogue.papers}
    for hit in search.search("image generation and segmentation", limit=200).hits:
        row = rows[hit.key]
        assert (hit.title, hit.year, hit.taxonomy) == (row.title, row.year, row.taxonomy)
        assert (hit.paper.key, hit.paper.short_name, hit.paper.venue) == (row.key, row.short_name, row.venue)
        assert hit.pillar == row.taxonomy.split(".")[0]
        assert hit.checkpoints == sum(link.paper == row.key for link in catalogue.checkpoints)


def test_why_names_the_words_as_the_user_wrote_them_in_any_form(search):
    first = search.search("Segmenting anything quickly", mode="lexical").hits[0]
    assert first.why.lexical[:2] == ["segmenting", "anything"]


def test_results_name_the_query_the_mode_and_the_snapshot(search, shared):
    results = search.search(" Segment anything ", mode="dense")
    with shared.reading() as session:
        snapshot = current_snapshot_id(session)
    assert (results.query, results.mode, results.snapshot) == (" Segment anything ", "dense", snapshot)
    assert snapshot is not None


@pytest.mark.parametrize("mode", MODES)
def test_the_same_search_again_gives_the_same_results(shared, search, arbitrary, mode):
    first = search.search("open-vocabulary detection", mode=mode, limit=200)
    assert search.search("open-vocabulary detection", mode=mode, limit=200) == first
    assert Search(shared, arbitrary).search("open-vocabulary detection", mode=mode, limit=200) == first


# Queries that are none, and what is missing


@settings(deadline=None)
@given(st.text(st.characters()), st.sampled_from(MODES))
@example('"', "lexical")
@example("title: AND (NEAR) * ^ -x", "hybrid")
@example("'; DROP TABLE paper; --", "hybrid")
@example("\0", "hybrid")
@example("%_", "lexical")
@example("\ud800", "lexical")
def test_no_text_breaks_a_search(search, query, mode):
    if not query.strip() or not is_text(query):
        with pytest.raises(QueryError) as caught:
            search.search(query, mode=mode)
        one_line(caught).encode()
    else:
        results = search.search(query, mode=mode)
        assert results.total >= len(results.hits)


@pytest.mark.parametrize(
    ("query", "options", "said"),
    [
        ("", {}, "the query is empty: write what the paper is about, or its name"),
        (" \n\t", {}, "the query is empty: write what the paper is about, or its name"),
        ("sam\udcff", {}, r"cannot read the query 'sam\udcff': it is not valid UTF-8"),
        ("sam", {"mode": "fuzzy"}, "no search mode 'fuzzy': hybrid, lexical, dense are allowed"),
        ("sam", {"mode": "Dense"}, "no search mode 'Dense': hybrid, lexical, dense are allowed"),
        ("sam", {"limit": 0}, "cannot show 0 results: 1 or more are allowed"),
        ("sam", {"limit": -1}, "cannot show -1 results: 1 or more are allowed"),
    ],
)
def test_what_cannot_be_searched_is_named_with_what_is_allowed(search, query, options, said):
    with pytest.raises(QueryError) as caught:
        search.search(query, **options)
    assert one_line(caught) == said


@pytest.mark.parametrize(
    ("filters", "said"),
    [
        (Filters(pillar="generativ"), "no pillar 'generativ'; allowed: foundation, generative"),
        (Filters(taxonomy="diffusion"), "no taxonomy node 'diffusion'; nearest: "),
    ],
)
def test_an_unknown_place_in_the_taxonomy_is_named(search, filters, said):
    with pytest.raises(UnknownName) as caught:
        search.search("sam", filters=filters)
    assert one_line(caught).startswith(said)


def test_a_library_without_vectors_says_how_to_make_them_and_still_finds_words(own, arbitrary):
    with own.writing() as session:
        session.execute(delete(Embedding))
        session.execute(delete(EmbeddingModel))
    bare = Search(own, arbitrary)
    for ask in (
        lambda: bare.search("sam"),
        lambda: bare.search("sam", mode="dense"),
        lambda: bare.similar("sam"),
    ):
        with pytest.raises(ModelError) as caught:
            ask()
        assert one_line(caught) == "the library has no vectors yet: 'vfm-atlas build' makes them"
    assert keys(bare.search("sam", mode="lexical"))[0] == "sam"


def test_an_encoder_of_another_model_is_refused_with_the_way_out(shared, shipped):
    other = Search(shared, stand_in("f" * 64))
    for mode in ("hybrid", "dense"):
        with pytest.raises(ModelError) as caught:
            other.search("segmentation", mode=mode)
        assert one_line(caught) == (
            f"the library's vectors come from {shipped.model} ({shipped.weights_sha256[:12]}...), "
            "not from arbitrary (ffffffffffff...): 'vfm-atlas build --model arbitrary' makes them anew"
        )
    assert other.search("segmentation", mode="lexical").hits
    assert other.similar("sam"), "needs the stored vectors only"


# The index in memory


@contextmanager
def reads_of_vectors(library):
    """The statements that read the embedding table."""
    seen = []

    def note(_connection, _cursor, statement, *_):
        if "FROM embedding " in statement.replace("\n", " ") + " ":
            seen.append(statement)

    event.listen(library.engine, "before_cursor_execute", note)
    try:
        yield seen
    finally:
        event.remove(library.engine, "before_cursor_execute", note)


def test_vectors_are_read_once_and_again_only_when_the_facts_changed(own, arbitrary):
    search = Search(own, arbitrary)
    with reads_of_vectors(own) as reads:
        search.search("segmentation", mode="lexical")
        assert len(reads) == 0
        for query in ("segmentation", "diffusion"):
            search.search(query)
        search.similar("sam")
        assert len(reads) == 1
        with own.writing() as session:
            session.add(
                Note(paper_id=1, text="mine", created_at=session.scalar(select(Citation.retrieved_at)))
            )
        search.search("segmentation")
        assert len(reads) == 1
    with own.writing() as session:
        session.execute(delete(Citation).where(Citation.citing_id == 1))
        take_snapshot(session)
    with reads_of_vectors(own) as reads:
        search.search("segmentation")
        search.search("diffusion")
        assert len(reads) == 1


def test_a_changed_vector_is_found_by_an_open_search(own, arbitrary):
    search = Search(own, arbitrary)
    assert "unet" not in keys(search.search("a query", mode="dense", limit=1))
    with own.writing() as session:
        paper_id = session.scalar(select(Paper.id).where(Paper.key == "unet"))
        vector = arbitrary.encode(["a query"])[0]
        changed = update(Embedding).where(Embedding.paper_id == paper_id)
        session.execute(changed.values(vector=vector.tobytes(), text_sha256="0" * 64))
        take_snapshot(session)
    assert keys(search.search("a query", mode="dense", limit=1)) == ["unet"]


def test_without_an_encoder_the_model_that_made_the_vectors_is_used(shared, shipped, arbitrary, monkeypatch):
    asked = []
    monkeypatch.setattr(
        "graph.search.engine.QueryEncoder", lambda name, _samples: asked.append(name) or arbitrary
    )
    own_choice = Search(shared)
    assert own_choice.search("segmentation") == Search(shared, arbitrary).search("segmentation")
    own_choice.search("diffusion")
    assert asked == [shipped.model]


# Similar papers


def test_similar_papers_are_the_nearest_others_in_order(shared, search):
    with shared.reading() as session:
        index = VectorIndex.load(session)
        names = dict(session.execute(select(Paper.id, Paper.key)).all())
    for position in range(0, len(index.ids), 50):
        cosines = index.matrix @ index.matrix[position]
        cosines[position] = -np.inf
        nearest = np.argsort(-cosines)[:12]
        hits = search.similar(names[index.ids[position]], limit=12)
        assert [hit.key for hit in hits] == [names[index.ids[other]] for other in nearest]
        np.testing.assert_allclose([hit.score for hit in hits], cosines[nearest], atol=1e-6)
        assert [hit.why.dense for hit in hits] == [hit.score for hit in hits]


def test_a_paper_is_not_similar_to_itself_even_beside_an_exact_copy(own, search):
    with own.writing() as session:
        sam, copy = (session.scalar(select(Paper.id).where(Paper.key == key)) for key in ("sam", "bert"))
        vector = session.get(Embedding, sam).vector
        session.execute(update(Embedding).where(Embedding.paper_id == copy).values(vector=vector))
    for key, other in (("sam", "bert"), ("bert", "sam")):
        hits = Search(own).similar(key, limit=3)
        assert [hit.rank for hit in hits] == [1, 2, 3]
        assert hits[0].key == other
        assert key not in [hit.key for hit in hits]


def test_similar_shows_no_more_papers_than_there_are(search, catalogue):
    hits = search.similar("sam", limit=10_000)
    assert sorted([hit.key for hit in hits] + ["sam"]) == sorted(row.key for row in catalogue.papers)


def test_similar_refuses_an_unknown_paper_and_a_limit_below_one(search):
    with pytest.raises(UnknownName, match=r"^no paper 'no-such-paper'$"):
        search.similar("no-such-paper")
    with pytest.raises(QueryError, match=r"^cannot show 0 results: 1 or more are allowed$"):
        search.similar("sam", limit=0)


def test_a_paper_without_a_vector_is_similar_to_nothing_known(own):
    with own.writing() as session:
        paper_id = session.scalar(select(Paper.id).where(Paper.key == "sam"))
        session.execute(delete(Embedding).where(Embedding.paper_id == paper_id))
    search = Search(own)
    assert search.similar("sam") == []
    assert "sam" not in [hit.key for hit in search.similar("mobilesam", limit=1000)]
