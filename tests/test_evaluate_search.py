"""`vfm-atlas evaluate-search`: shipped queries and any collection, measured on the product's own search."""

import json
import re
import runpy
from pathlib import Path

import pytest
from command_line import fail, run, succeed
from helpers import HashEncoder
from sqlalchemy import func, select

from app.cli import cli
from app.commands import evaluate_search
from evaluation import corpus
from evaluation.errors import CollectionError
from evaluation.judged import read_documents, read_judged
from evaluation.systems import SYSTEMS, Rankings
from graph.errors import ModelError, QueryError
from graph.library import Library
from graph.schema import Paper
from graph.search import Search
from ingest.embedding import embed_in_batches

ROOT = Path(__file__).parent.parent
DOCUMENTS = {
    "n1": ("Residual networks", "Shortcuts let very deep networks train."),
    "n2": ("Reversing noise", "A generator that undoes noise step by step."),
    "n3": ("", "Words and pictures in one space."),
    "7": ("A survey", ""),
}
QUERIES = {"q1": "deep residual networks", "q2": "noise 7", "q3": "nothing is judged for this one"}
QRELS = [("q1", "n1", 1), ("q2", "n2", 2), ("q2", "n3", 1), ("q2", "7", 0), ("q2", "gone", 1)]


class Files:
    """A collection on disk that a test may break."""

    def __init__(self, folder: Path) -> None:
        self.corpus, self.queries, self.qrels = (folder / name for name in ("c.jsonl", "q.jsonl", "r.tsv"))
        self.write(
            self.corpus, *({"_id": i, "title": title, "text": text} for i, (title, text) in DOCUMENTS.items())
        )
        self.write(self.queries, *({"_id": i, "text": text, "metadata": {}} for i, text in QUERIES.items()))
        lines = ["query-id\tcorpus-id\tscore", *("\t".join(map(str, row)) for row in QRELS)]
        self.qrels.write_text("\n".join(lines) + "\n", encoding="utf-8")

    def write(self, path: Path, *rows: dict) -> None:
        path.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")

    @property
    def options(self) -> list[object]:
        return ["--corpus", self.corpus, "--queries", self.queries, "--qrels", self.qrels]


@pytest.fixture
def collection(tmp_path):
    return Files(tmp_path)


@pytest.fixture(autouse=True)
def _registered(monkeypatch):
    monkeypatch.setitem(cli.commands, "evaluate-search", evaluate_search.evaluate_search)


@pytest.fixture
def quick(monkeypatch):
    """Stands in for the real model where meaning does not matter."""
    encoder = HashEncoder()
    monkeypatch.setattr("graph.encoder.SentenceEncoder", lambda *_: encoder)
    return encoder


@pytest.fixture
def small_collection(collection, tmp_path):
    """The collection as a library, and its documents."""
    documents = read_documents(collection.corpus)
    with Library.create(tmp_path / "collection.sqlite") as library:
        corpus.fill(library, documents)
        embed_in_batches(library, HashEncoder())
        yield library, documents


# Rankings


def test_search_as_it_is_means_the_products_own_search(small_collection):
    library, _ = small_collection
    encoder = HashEncoder()
    ranked = Rankings(library, encoder, ["deep networks"])("deep networks")
    assert list(ranked) == list(SYSTEMS)
    found = Search(library, encoder).search("deep networks", limit=100)
    assert ranked["hybrid"] == [hit.key for hit in found.hits]
    for mode in ("lexical", "dense"):
        hits = Search(library, encoder).search("deep networks", mode=mode, limit=100).hits
        assert ranked[mode] == [hit.key for hit in hits], "no name is involved here"


def test_only_the_last_two_rankings_know_names(library, shipped):
    encoder = HashEncoder("arbitrary", dimension=384)
    encoder.model = encoder.model.__class__("arbitrary", Path(), shipped.weights_sha256)
    ranked = Rankings(library, encoder, ["SD 1.5"])("SD 1.5")
    assert {system for system, keys in ranked.items() if keys[0] == "ldm"} >= {"rrf-named", "hybrid"}
    assert ranked["rrf"][0] != "ldm"
    assert len(set(ranked["rrf-named"])) == len(ranked["rrf-named"]) == 100


def test_queries_are_encoded_once(small_collection):
    library, _ = small_collection
    encoder = HashEncoder()
    rankings = Rankings(library, encoder, ["one", "two", "one"])
    rankings("one")
    rankings("two")
    assert encoder.encoded == ["one", "two"]


def test_an_unknown_ranking_or_a_library_without_vectors_is_told(tmp_path):
    with Library.create(tmp_path / "l.sqlite") as library:
        with pytest.raises(QueryError, match="no ranking 'best': lexical, dense"):
            Rankings(library, HashEncoder(), [], ["best"])
        with pytest.raises(ModelError, match="has no vectors yet"):
            Rankings(library, HashEncoder(), [])


# Collections


def test_documents_become_papers_that_are_found_by_title_and_text(small_collection):
    library, documents = small_collection
    names = {corpus.key_of(place): row.id for place, row in enumerate(documents)}
    found = Search(library).search("shortcuts residual", mode="lexical")
    assert [names[hit.key] for hit in found.hits] == ["n1"]
    with library.reading() as session:
        assert session.scalar(select(func.count()).select_from(Paper)) == len(DOCUMENTS)


def test_the_id_of_a_document_is_no_word_of_it(small_collection):
    library, _ = small_collection
    assert Search(library).search("7 n1", mode="lexical").hits == []


def test_filling_again_keeps_the_vectors(small_collection):
    library, documents = small_collection
    corpus.fill(library, documents)
    encoder = HashEncoder()
    assert embed_in_batches(library, encoder).encoded == 0
    assert encoder.encoded == []


def test_another_corpus_has_another_place(collection):
    documents = read_documents(collection.corpus)
    changed = [documents[0].model_copy(update={"text": "x"}), *documents[1:]]
    assert corpus.place_of(documents) == corpus.place_of(read_documents(collection.corpus))
    assert corpus.place_of(documents) != corpus.place_of(changed)


def test_queries_without_a_relevant_document_are_left_out(collection):
    found = read_judged(collection.queries, collection.qrels)
    assert {query.id: query.grades for query in found} == {
        "q1": {"n1": 1},
        "q2": {"n2": 2, "n3": 1, "gone": 1},
    }


def test_a_broken_collection_is_one_line_with_file_line_and_field(collection):
    with collection.corpus.open("a") as file:
        file.write('{"_id": "n1"}\n{"title": "no id"}\n')
    with pytest.raises(CollectionError) as caught:
        read_documents(collection.corpus)
    assert str(caught.value) == (
        "cannot read the collection: c.jsonl:6: _id: Field required (and 1 more like it)"
    )
    collection.qrels.write_text("query-id\tcorpus-id\tscore\nq1\tn1\t0\n")
    with pytest.raises(CollectionError, match="no query has a relevant document"):
        read_judged(collection.queries, collection.qrels)


# The command


def test_a_collection_is_measured_and_its_vectors_kept(collection, quick):
    first = succeed("evaluate-search", *collection.options, "--json")
    document = first.document
    assert (document["documents"], document["queries"], document["judged_but_absent"]) == (4, 2, 1)
    assert document["systems"].keys() == SYSTEMS.keys()
    assert document["systems"]["lexical"]["mrr@10"]["all"] == {"mean": 1.0, "low": 1.0, "high": 1.0}
    assert document["results"][0]["lexical"]["first"] == ["n1"]
    assert "4 of 4 documents encoded" in first.err
    assert {each["minus"] for each in document["differences"]} == SYSTEMS.keys() - {"hybrid"}
    again = succeed("evaluate-search", *collection.options, "--json")
    assert again.out == first.out
    assert "encoded" not in again.err


def test_the_readable_output_holds_every_measure_and_says_what_is_missing(collection, quick):
    out = succeed("evaluate-search", *collection.options).out
    assert "1 judged documents are not in the corpus" in out
    assert re.search(r"^mrr@10 +n +lexical +dense +rrf +rrf-named +hybrid$", out, re.M)
    assert re.search(r"^all +2 +1\.000 \[1\.000, 1\.000\]", out, re.M)
    assert re.search(r"^hybrid - dense +ndcg@10 +[+-]\d\.\d{3} \[", out, re.M)


def test_one_ranking_can_be_chosen(collection, quick):
    document = succeed("evaluate-search", *collection.options, "--mode", "lexical", "--json").document
    assert list(document["systems"]) == ["lexical"]
    assert document["differences"] == []


def test_the_shipped_queries_of_a_split_are_measured(library, monkeypatch, shipped):
    encoder = HashEncoder("arbitrary", dimension=384)
    encoder.model = encoder.model.__class__("arbitrary", Path(), shipped.weights_sha256)
    monkeypatch.setattr("graph.encoder.SentenceEncoder", lambda *_: encoder)
    arguments = ("evaluate-search", "--library", library.path, "--mode", "lexical", "--json")
    document = succeed(*arguments).document
    assert (document["collection"], document["split"], document["queries"]) == ("shipped", "dev", 80)
    assert document["systems"]["lexical"]["recall@1"]["known-item"]["mean"] > 0.7
    assert succeed(*arguments, "--split", "all").document["queries"] == 200


@pytest.mark.parametrize(
    ("arguments", "code", "said"),
    [
        (["--split", "train"], 2, "'train': dev, test and all are allowed"),
        (["--corpus", "c.jsonl"], 2, "belong together: give all three, or none"),
        (["--split", "dev", "--corpus", "c.jsonl"], 2, "leave it out with --corpus"),
        (["--mode", "best"], 2, "no ranking 'best': lexical, dense, rrf, rrf-named, hybrid are allowed"),
        (
            ["--corpus", "no.jsonl", "--queries", "q", "--qrels", "r"],
            1,
            "no.jsonl cannot be read (No such file",
        ),
    ],
)
def test_what_cannot_be_measured_is_told_in_one_line(library, monkeypatch, arguments, code, said):
    monkeypatch.setenv("VFM_ATLAS_LIBRARY", str(library.path))
    assert said in fail("evaluate-search", *arguments, code=code)


def test_a_library_that_lacks_judged_papers_is_told_so(small_library):
    ended = run("evaluate-search", "--library", small_library.path)
    assert ended.code == 1
    assert "no paper has this key" in ended.err
    assert len(ended.err.splitlines()) == 1


# The page


@pytest.mark.model
def test_the_page_shows_what_is_measured_now(library, encoder):
    """Every number within .005; the words around them are the same."""
    benchmark = runpy.run_path(str(ROOT / "benchmarks" / "search_quality.py"))
    page = (ROOT / "docs" / "search-evaluation.md").read_text(encoding="utf-8")
    written = page.partition(benchmark["BEGIN"])[2].partition(benchmark["END"])[0]
    measured = benchmark["render"](benchmark["measure"](library, encoder, "test"))
    number = re.compile(r"[+-]?\d\.\d{3}")
    advice = "'python -m benchmarks.search_quality' writes docs/search-evaluation.md anew"
    assert number.sub("#", written) == number.sub("#", measured), advice
    then, now = ([float(each) for each in number.findall(text)] for text in (written, measured))
    assert len(now) > 100
    assert now == pytest.approx(then, abs=0.005), advice
