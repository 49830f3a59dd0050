"""The commands around the ingest, in words and as JSON: ingest, update, snapshots, diff, merges, unmerge."""

import json
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
from command_line import fail, run, succeed
from helpers import dump, keys, write_small_library
from ingest_helpers import SURVEY, bring_in, cited, facts, serving, survey_job, with_arxiv_ids, without_waits
from services.universe import Universe
from services.works import Work
from services.world import World

from graph.library import Library
from ingest.pipeline import STAGES, progress_path
from ingest.progress import Progress, StateFile

REFERENCES = 25


@pytest.fixture
def universe(monkeypatch: pytest.MonkeyPatch) -> Iterator[Universe]:
    without_waits(monkeypatch)
    with serving(World.from_catalogue(references=REFERENCES), monkeypatch) as served:
        yield served


@pytest.fixture
def path(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A small library, which the commands take by default."""
    made = write_small_library(tmp_path / "library.sqlite")
    monkeypatch.setenv("VFM_ATLAS_LIBRARY", str(made))
    return made


@pytest.fixture
def work(universe: Universe) -> Work:
    """A work that only the services know."""
    return next(work for work in with_arxiv_ids(cited(universe.world)) if work.venue is None)


def requests(universe: Universe) -> dict[str, int]:
    return {name: count for name, count in universe.counts().items() if count}


# --- ingest ------------------------------------------------------------------------------------------------


def test_a_survey_is_brought_in_and_what_was_asked_is_told(universe, path):
    ended = succeed("ingest", "survey", SURVEY)
    first, second, *_ = ended.out.splitlines()
    assert first.startswith(f"{path}: snapshot ")
    sent = requests(universe)
    assert (
        second
        == f"  requests: {sent['semanticscholar']} to semanticscholar, {sent['huggingface']} to huggingface"
    )
    told = [line.strip().split(":")[0] for line in ended.err.splitlines() if ": done" in line]
    assert told == list(STAGES)
    assert "'vfm-atlas diff " in ended.out.splitlines()[-1]


def test_the_same_as_json_is_one_document_with_progress_beside_it(universe, path):
    ended = succeed("ingest", "survey", SURVEY, "--json")
    told = ended.document
    assert told["library"] == str(path)
    assert (told["kind"], told["subject"], told["changed"]) == ("survey", SURVEY, True)
    assert told["requests"] == requests(universe)
    assert set(told["stages"]) == set(STAGES) - {"fetch"}
    assert (told["unanswered"], told["conflicts"]) == ([], [])
    assert told["counts"]["abstracts"] == REFERENCES + 1
    assert "fetch: done" in ended.err
    again = succeed("ingest", "survey", SURVEY, "--json").document
    assert (again["changed"], again["requests"]) == (False, {})
    assert again["snapshot"] == told["snapshot"] == again["before"]


def test_without_the_hub_it_is_not_asked(universe, path):
    succeed("ingest", "survey", SURVEY, "--no-hub")
    assert universe.hub.count == 0


def test_what_nobody_answered_is_listed_and_cut_when_it_is_long(universe, path):
    for each in with_arxiv_ids(cited(universe.world)):
        universe.semantic_scholar.faults.drop.add(each.key)
    out = succeed("ingest", "survey", SURVEY).out.splitlines()
    start = out.index("Not answered:")
    assert out[start + 1].endswith(": Semantic Scholar does not answer for it")
    assert out[start + 21].startswith("  and ")
    assert out[start + 21].endswith("more (--json lists all)")


def test_ids_of_every_kind_are_brought_in_once(universe, path, work):
    doi = next(each for each in universe.world.works.values() if each.doi and each.key not in ("resnet",))
    named = [
        f"https://arxiv.org/abs/{work.arxiv_id}v1", f"arXiv:{work.arxiv_id}", work.s2_id,
        f"https://doi.org/{doi.doi}", f"CorpusId:{doi.corpus_id}",
    ]  # fmt: skip
    with Library.open(path) as library:
        before = keys(library)
    told = succeed("ingest", "ids", *named, "--json").document
    with Library.open(path) as library:
        assert len(keys(library) - before) == 2
    assert told["unanswered"] == []
    shown = succeed("show", work.arxiv_id, "--json").document
    assert (shown["title"], shown["abstract"]) == (work.title, work.abstract)


def test_a_library_that_does_not_exist_yet_is_made(universe, tmp_path, work):
    new = tmp_path / "new" / "library.sqlite"
    succeed("--library", new, "ingest", "ids", work.arxiv_id)
    found = succeed("--library", new, "search", work.title, "--mode", "lexical", "--json").document["results"]
    assert [each["title"] for each in found] == [work.title]


def test_a_file_is_brought_in_with_what_the_services_add(universe, path, tmp_path, work):
    bibliography = tmp_path / "mine.bib"
    bibliography.write_text(
        f"@article{{one, title={{{work.title}}}, eprint={{{work.arxiv_id}}}, archiveprefix={{arXiv}}}}\n"
        "@book{two, title={A Book That No Service Knows}, author={Ada Small}, year={1999}}\n"
        "@misc{three, author={Nobody}}\n",
        encoding="utf-8",
    )
    ended = succeed("ingest", "file", bibliography, "--json")
    assert "mine.bib:3" in ended.err
    assert ended.document["counts"]["papers"] == 8
    assert succeed("show", work.arxiv_id, "--json").document["abstract"] == work.abstract
    (merge,) = succeed("merges", work.arxiv_id, "--json").document["merges"]
    assert {part["record"].partition(":")[0] for part in merge["parts"]} == {"file", "semanticscholar"}


def test_a_file_alone_needs_no_service(universe, path, tmp_path, work):
    table = tmp_path / "mine.csv"
    table.write_text(f"title,arxiv_id,year\n{work.title},{work.arxiv_id},2020\n", encoding="utf-8")
    assert (
        succeed("ingest", "file", table, "--no-services", "--dry-run").out == "file mine.csv: no requests\n"
    )
    told = succeed("ingest", "file", table, "--no-services", "--json").document
    assert told["requests"] == requests(universe) == {}
    assert succeed("show", work.arxiv_id, "--json").document["title"] == work.title


@pytest.mark.parametrize(
    ("arguments", "code", "says"),
    [
        (["survey", "no id at all"], 2, "cannot read 'no id at all' as an id: allowed are "),
        (["ids", "arXiv:2304.02643", "10.1/x\x1b[31m"], 2, "cannot read '10.1/x"),
        (["ids"], 2, "missing argument 'ID...'"),
        (["survey"], 2, "missing argument 'ID'"),
        (["file", "/nowhere/mine.bib"], 1, "/nowhere/mine.bib"),
        (["file", "."], 1, "."),
        (["survey", SURVEY, "--model", "/nowhere/model"], 1, "/nowhere/model"),
    ],
)
def test_what_cannot_be_brought_in_is_one_line(universe, path, arguments, code, says):
    before = dump(path)
    ended = run("ingest", *arguments)
    assert (ended.code, ended.out) == (code, "")
    line = ended.err.splitlines()[-1]
    assert line.startswith("vfm-atlas: ")
    assert says in line
    assert "Traceback" not in ended.err
    assert dump(path) == before
    assert requests(universe) == {}


# --- dry run -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("options", [[], ["--no-hub"], ["--thorough"]], ids=str)
def test_a_dry_run_sends_nothing_and_bounds_what_is_then_sent(universe, path, options):
    for each in with_arxiv_ids(cited(universe.world))[:8]:
        universe.world.say("semanticscholar", each.key, abstract=None)
    content = path.read_bytes()
    budget = succeed("ingest", "survey", SURVEY, "--dry-run", "--json", *options).document
    assert requests(universe) == {}
    assert path.read_bytes() == content
    told = succeed("ingest", "survey", SURVEY, "--json", *options).document
    addresses = {service.name: service.url for service in universe.services}
    most = {line["base_url"]: line["requests"] for line in budget["lines"]}
    for name, count in told["requests"].items():
        assert count <= most[addresses[name]], name
    assert budget["requests"] == sum(most.values())
    assert ("huggingface" in told["requests"]) == ("--no-hub" not in options)


def test_the_bound_for_ids_is_close(universe, path):
    named = [f"arXiv:{work.arxiv_id}" for work in with_arxiv_ids(cited(universe.world))[:7]]
    budget = succeed("ingest", "ids", *named, "--dry-run", "--json").document
    told = succeed("ingest", "ids", *named, "--json").document
    sent = sum(told["requests"].values())
    assert sent <= budget["requests"] <= sent + 1


def test_a_dry_run_in_words_names_services_addresses_and_assumptions(universe, path):
    out = succeed("ingest", "survey", SURVEY, "--dry-run").out
    assert f"survey {SURVEY}: at most " in out
    for service in (universe.semantic_scholar, universe.arxiv, universe.hub):
        assert service.url in out
    assert "the survey has 300 references" in out
    assert out.rstrip().endswith("What is stored already is not asked again.")
    assert succeed("update", "--dry-run").out.rstrip().endswith("What is stored already is asked again.")
    assert requests(universe) == {}


# --- offline, and two at once ------------------------------------------------------------------------------


def test_offline_the_stored_answers_do(universe, path, tmp_path, monkeypatch):
    online = succeed("ingest", "survey", SURVEY, "--json").document
    other = write_small_library(tmp_path / "other.sqlite")
    universe.reset_counts()
    monkeypatch.setenv("VFM_ATLAS_OFFLINE", "1")
    offline = succeed("--library", other, "ingest", "survey", SURVEY, "--json").document
    assert offline["snapshot"] == online["snapshot"]
    assert offline["requests"] == requests(universe) == {}
    assert facts(other) == facts(path)


def test_offline_without_stored_answers_says_what_to_do_and_changes_nothing(universe, path, monkeypatch):
    monkeypatch.setenv("VFM_ATLAS_OFFLINE", "1")
    before = dump(path)
    ended = run("ingest", "survey", SURVEY)
    assert ended.code == 1
    assert ended.err.splitlines()[-1].startswith("vfm-atlas: Semantic Scholar: 127.0.0.1:")
    assert "unset VFM_ATLAS_OFFLINE" in ended.err
    assert dump(path) == before
    assert requests(universe) == {}


def test_offline_with_all_but_the_hubs_answers_the_papers_come(universe, path, monkeypatch):
    succeed("ingest", "survey", SURVEY, "--no-hub")
    monkeypatch.setenv("VFM_ATLAS_OFFLINE", "1")
    told = succeed("ingest", "survey", SURVEY, "--json").document
    (line,) = told["unanswered"]
    assert line.startswith(f"{REFERENCES + 1} questions to the hub (Hugging Face: ")


def test_a_second_ingest_of_a_library_says_that_one_is_under_way(universe, path, tmp_path):
    one = ["ingest", "ids", "arXiv:2304.02643"]
    with StateFile(progress_path(path)) as state:
        state(Progress("survey", SURVEY, ()))
        ended = run(*one)
        assert ended.code == 1
        assert ended.err.splitlines()[-1].startswith(
            "vfm-atlas: another ingest or update works on this library: wait until it has finished"
        )
        # The same file under another name is the same library; another one is free.
        link = tmp_path / "link.sqlite"
        link.symlink_to(path)
        assert run("--library", link, *one).code == 1
        succeed("--library", write_small_library(tmp_path / "other.sqlite"), *one)
    succeed(*one)


def test_of_two_real_runs_at_once_one_goes_through(universe, path):
    universe.semantic_scholar.faults.then("slow")
    universe.semantic_scholar.faults.slow = 1.0
    codes = []
    running = threading.Event()

    def first() -> None:
        report = bring_in(path, survey_job(), started=lambda _tracker: running.set())
        codes.append(report.changed)

    thread = threading.Thread(target=first)
    thread.start()
    assert running.wait(10)
    ended = run("ingest", "survey", SURVEY)
    thread.join()
    assert codes == [True]
    assert ended.code == 1
    assert "another ingest or update works on this library" in ended.err
    assert not succeed("ingest", "survey", SURVEY, "--json").document["changed"]


# --- afterwards --------------------------------------------------------------------------------------------


def test_snapshots_and_their_difference_tell_what_came(universe, path):
    told = succeed("ingest", "survey", SURVEY, "--json").document
    listed = succeed("snapshots", "--json").document["snapshots"]
    assert [each["id"] for each in listed] == [told["snapshot"], told["before"]]
    assert [each["is_current"] for each in listed] == [True, False]
    assert f"{told['snapshot']} *" in succeed("snapshots").out
    found = succeed("diff", "previous", "current", "--json").document
    assert (found["before"], found["after"]) == (told["before"], told["snapshot"])
    with Library.open(path) as library:
        new = keys(library) - {"survey", "resnet", "clip", "ldm", "cfg", "later"}
    assert set(found["new_papers"]) == new
    assert {pair[1] for pair in found["new_citations"] if pair[0] == "survey"} >= new - {"cfg"}
    assert found["gone_papers"] == {}
    said = succeed("diff", "previous", "current").out
    assert said.startswith(f"From {told['before']} to {told['snapshot']}\nNew papers: {len(new)}\n")
    assert "Changed fields: " in said
    assert "abstract new" in said
    assert "text " in said, "of a long text only that it changed"
    assert succeed("diff", "current", "current").out.endswith("  nothing changed\n")


@pytest.mark.parametrize("name", ["nonsense", "1999-01-01", "previous"])
def test_a_snapshot_that_is_not_there_is_one_line_with_those_that_are(path, name):
    assert "snapshot" in fail("diff", name, "current", code=2)


def test_merges_tell_what_made_a_paper_and_unmerge_undoes_it(universe, path, work):
    succeed("ingest", "survey", SURVEY)
    merged = [merge for merge in succeed("merges", "--json").document["merges"] if merge["in_catalogue"]]
    key = next(merge["key"] for merge in merged if merge["key"] != "survey")
    (part,) = next(merge["parts"] for merge in merged if merge["key"] == key)
    assert part["matched_by"]
    assert part["record"].startswith("semanticscholar:")
    assert part["record"] in succeed("merges", key).out
    before = facts(path)
    apart = succeed("unmerge", key, part["record"], "--json").document
    assert apart["paper"] != key
    assert succeed("show", apart["paper"], "--json").document["abstract"]
    assert succeed("show", key, "--json").document["abstract"] is None
    # A new run does not join them again ...
    succeed("ingest", "survey", SURVEY)
    assert succeed("show", key, "--json").document["abstract"] is None
    # ... until somebody asks for it.
    joined = succeed("unmerge", apart["paper"], part["record"], "--undo", "--json").document
    assert joined["paper"] == key
    after = facts(path)
    for table in ("paper", "field_value", "identifier", "authorship", "version", "citation", "source_record"):
        assert after[table] == before[table], table


def test_a_record_that_is_none_of_the_papers_names_those_that_are(universe, path):
    succeed("ingest", "survey", SURVEY)
    line = fail("unmerge", "survey", "semanticscholar:123", code=2)
    assert "semanticscholar:123" in line
    assert universe.world.works[universe.world.survey].s2_id in line


def test_nothing_is_merged_in_a_library_of_the_catalogue_alone(path):
    assert succeed("merges").out == "Nothing is merged: no paper is made of more than one record.\n"
    assert succeed("merges", "--json").document == {"merges": []}


def test_stats_list_the_papers_that_lack_a_fact(universe, path):
    succeed("ingest", "survey", SURVEY)
    lacking = succeed("stats", "--missing", "abstract", "--json").document
    assert lacking["fact"] == "abstract"
    known = json.loads(succeed("stats", "--json").out)
    assert len(lacking["papers"]) == known["counts"]["papers"] - known["counts"]["abstracts"]
    assert "later" in {paper["key"] for paper in lacking["papers"]}
    assert succeed("stats", "--missing", "abstract").out.startswith(
        f"{len(lacking['papers'])} papers without"
    )
    assert known["origins"]["abstract"] == {"semanticscholar": REFERENCES + 1}
    assert "semanticscholar" in succeed("stats").out
    assert "no fact 'colour'" in fail("stats", "--missing", "colour", code=2)
