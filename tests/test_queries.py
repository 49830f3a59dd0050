"""The judged queries that ship: they follow their own rules, and a broken entry is named with its place."""

import hashlib
import json
import shutil
import sqlite3
from collections import Counter, defaultdict
from contextlib import closing
from importlib.resources import files
from pathlib import Path

import pytest

from evaluation.errors import CollectionError
from evaluation.judged import ASKED_FOR, JUDGEMENTS, QUERIES, TYPES, read_shipped
from graph.textindex import query_terms


@pytest.fixture(scope="module")
def papers(catalogue):
    return {row.key: row for row in catalogue.papers}


@pytest.fixture(scope="module")
def queries(papers):
    return read_shipped(papers.keys())


@pytest.fixture
def folder(tmp_path):
    """A copy of the shipped queries that a test may break."""
    for name in (QUERIES, JUDGEMENTS):
        shutil.copy(Path(str(files("data"))) / "queries" / name, tmp_path / name)
    return tmp_path


def asked_for(query):
    return [key for key, grade in query.grades.items() if grade == ASKED_FOR]


def problems(folder, papers):
    with pytest.raises(CollectionError) as caught:
        read_shipped(papers.keys(), folder)
    assert "\n" not in str(caught.value)
    return [str(problem) for problem in caught.value.problems]


# What ships


def test_every_type_has_enough_queries_and_every_query_asks_for_a_paper(queries):
    counts = Counter(query.type for query in queries)
    assert len(queries) >= 170
    assert counts.keys() == set(TYPES)
    assert min(counts.values()) >= 20
    assert all(asked_for(query) for query in queries)


def test_a_concept_has_several_papers(queries):
    assert all(len(query.grades) >= 2 for query in queries if query.type == "concept")


def test_queries_are_written_one_by_one(queries):
    """No three begin with the same three words: a template would show."""
    beginnings = Counter(tuple(query.text.lower().split()[:3]) for query in queries)
    assert {words: n for words, n in beginnings.items() if n > 2} == {}


def test_the_split_follows_from_the_ids(queries):
    by_type = defaultdict(list)
    for query in queries:
        by_type[query.type].append(query)
    for found in by_type.values():
        assert [query.id for query in found] == sorted(query.id for query in found)
        for block in blocks_of_five(found):
            assert len(block) == 5
            dev = sorted(block, key=lambda query: hashlib.sha256(query.id.encode()).hexdigest())[:2]
            assert {query.id for query in block if query.split == "dev"} == {query.id for query in dev}


def blocks_of_five(found):
    return [found[start : start + 5] for start in range(0, len(found), 5)]


def test_a_paraphrase_shares_no_word_with_the_names_of_the_paper_it_means(queries, papers, catalogue):
    names = defaultdict(list)
    for row in catalogue.aliases:
        names[row.key].append(row.alias)
    shared = {}
    with closing(sqlite3.connect(":memory:")) as database:
        # Words are compared as the text index compares them: by stem.
        database.execute("CREATE VIRTUAL TABLE names USING fts5(words, tokenize = 'porter unicode61')")
        for query in queries:
            if query.type != "paraphrase":
                continue
            for key in asked_for(query):
                words = [papers[key].title, papers[key].short_name, key, *names[key]]
                database.execute("DELETE FROM names")
                database.execute("INSERT INTO names VALUES (?)", [" ".join(words)])
                found = [word for word in query_terms(query.text) if is_in(database, word)]
                if found:
                    shared[query.id, key] = found
    assert shared == {}


def is_in(database, word):
    return database.execute("SELECT 1 FROM names WHERE names MATCH ?", [f'"{word}"']).fetchone() is not None


def test_a_misspelt_query_is_no_exact_name(queries, papers, catalogue):
    names = {row.short_name.lower() for row in catalogue.papers} | {
        row.alias.lower() for row in catalogue.aliases
    }
    assert not [query.text for query in queries if query.type == "misspelt" and query.text.lower() in names]


# What a broken entry is told


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"type": "poem"}, "queries.jsonl:3: type: 'poem': Input should be 'known-item'"),
        ({"split": "train"}, "queries.jsonl:3: split: 'train': Input should be 'dev' or 'test'"),
        ({"text": "  "}, "queries.jsonl:3: text: '  ': String should have at least 1 character"),
        ({"_id": "K 3"}, "queries.jsonl:3: _id: 'K 3': String should match pattern"),
        ({"_id": "k01"}, "queries.jsonl:3: _id: 'k01': stands in line 1, too"),
        (
            {"text": "attention is all you NEED paper"},
            "queries.jsonl:3: text: 'attention is all you need paper'",
        ),
        ({"mood": "good"}, "queries.jsonl:3: mood: 'good': Extra inputs are not permitted"),
        ({"text": None}, "queries.jsonl:3: text: None: Input should be a valid string"),
    ],
)
def test_a_broken_query_is_named_with_line_and_field(folder, papers, change, said):
    lines = (folder / QUERIES).read_text(encoding="utf-8").splitlines()
    lines[2] = json.dumps(json.loads(lines[2]) | change)
    (folder / QUERIES).write_text("\n".join(lines), encoding="utf-8")
    assert problems(folder, papers)[0].startswith(said)


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ("k01\tno-such-paper\t2", "corpus-id: 'no-such-paper': no paper has this key"),
        ("k99\tvit\t2", "query-id: 'k99': queries.jsonl has no such query"),
        ("k01\tvit\t3", "score: '3': Input should be less than or equal to 2"),
        ("k01\tvit\t0", "score: '0': Input should be greater than or equal to 1"),
        ("k01\tvit\tgood", "score: 'good': Input should be a valid integer"),
        ("k01\ttransformer\t1", "corpus-id: 'transformer': judged twice for the query 'k01'"),
        ("k01 vit 2", "-: has 1 fields, not 3"),
    ],
)
def test_a_broken_judgement_is_named_with_line_and_field(folder, papers, line, said):
    with (folder / JUDGEMENTS).open("a", encoding="utf-8") as file:
        file.write(line + "\n")
    number = len((folder / JUDGEMENTS).read_text(encoding="utf-8").splitlines())
    (problem,) = problems(folder, papers)
    assert problem.startswith(f"qrels.tsv:{number}: {said}")


def test_a_query_that_asks_for_no_paper_is_named(folder, papers):
    text = (folder / JUDGEMENTS).read_text(encoding="utf-8")
    (folder / JUDGEMENTS).write_text(
        text.replace("k01\ttransformer\t2", "k01\ttransformer\t1"), encoding="utf-8"
    )
    assert problems(folder, papers) == ["queries.jsonl:1: _id: 'k01': no paper is judged 2, what it asks for"]


def test_lines_that_are_no_json_or_no_object_are_named(folder, papers):
    with (folder / QUERIES).open("a", encoding="utf-8") as file:
        file.write('{"_id": \n[1]\n')
    found = problems(folder, papers)
    count = len((folder / QUERIES).read_text(encoding="utf-8").splitlines())
    assert found[0].startswith(f"queries.jsonl:{count - 1}: -: is not JSON (")
    assert found[1] == f"queries.jsonl:{count}: -: is not a JSON object"


def test_a_missing_file_a_wrong_header_and_bytes_that_are_no_text_are_named(folder, papers):
    (folder / JUDGEMENTS).write_text("query corpus score\n", encoding="utf-8")
    assert problems(folder, papers)[0] == (
        "qrels.tsv:1: -: the header must be query-id, corpus-id, score, tab between"
    )
    (folder / JUDGEMENTS).write_bytes(b"\xff\xfe")
    assert "cannot be read" in problems(folder, papers)[0]
    (folder / QUERIES).unlink()
    assert problems(folder, papers)[0].startswith("queries.jsonl:1: -: ")
    assert "No such file" in problems(folder, papers)[0]
