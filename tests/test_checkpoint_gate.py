"""The gate's verdict from what is said of a checkpoint: each reason alone, the gravest first."""

from dataclasses import replace

import pytest

from evaluation.gate import LARGE_DOWNLOAD, judge, memory_needed, size
from evaluation.machine import Card, Machine
from graph.checkpoints import BUNDLED, CheckpointFacts, RepoFile

MACHINE = Machine(cores=2, memory_bytes=8 * 10**9, memory_free=6 * 10**9, disk_free=50 * 10**9)
COMMIT = "a" * 40
WEIGHTS = RepoFile("model.safetensors", 400_000_000, "f" * 64, None)
GOOD = CheckpointFacts(
    "lab/good", "transformers", "CLIPModel", "zero-shot-image-classification", state="live", licence="mit",
    gated=False, remote_code=False, params_millions=100.0, revision=COMMIT, head_revision=COMMIT,
    files=(WEIGHTS, RepoFile("config.json", 500, None, "c" * 40)),
)  # fmt: skip


def verdict(machine: Machine = MACHINE, *, lacking: str | None = None, token: bool = False, **facts: object):
    return judge(replace(GOOD, **facts), machine, has_token=token, missing=lambda _facts: lacking)


def reasons(**facts: object) -> list[tuple[str, str]]:
    return [(each.about, each.leads_to) for each in verdict(**facts).reasons]


def test_nothing_speaks_against_a_pinned_free_small_checkpoint():
    told = verdict()
    assert (told.decision, told.reasons) == ("allowed", ())
    assert told.words == "nothing speaks against it"
    assert told.download_bytes == 400_000_500


@pytest.mark.parametrize(
    ("facts", "about", "decision"),
    [
        ({"state": "gone"}, "gone", "refused"),
        ({"remote_code": True}, "remote code", "refused"),
        ({"files": (replace(WEIGHTS, path="pytorch_model.bin"),)}, "pickle", "refused"),
        ({"files": (RepoFile("config.json", 5, None, "c" * 40),)}, "no safetensors", "refused"),
        ({"files": (replace(WEIGHTS, sha256=None),)}, "hash", "refused"),
        ({"gated": True}, "gated", "refused"),
        ({"params_millions": 7_000.0}, "memory", "refused"),
        ({"files": (replace(WEIGHTS, bytes=60 * 10**9),)}, "disk", "refused"),
        ({"files": None, "params_millions": None}, "files", "unknown"),
        ({"state": "moved", "moved_to": "new/name"}, "moved", "ask"),
        ({"licence": None}, "licence", "ask"),
        ({"licence": "cc-by-nc-4.0"}, "licence", "ask"),
        ({"licence": "other"}, "licence", "ask"),
        ({"revision": None}, "revision", "allowed"),
        ({"revision": "main"}, "revision", "allowed"),
    ],
)
def test_each_thing_that_is_wrong_is_the_one_reason(facts, about, decision):
    told = verdict(**facts)
    assert told.decision == decision
    assert about in [each.about for each in told.reasons]
    assert next(each.about for each in told.reasons if each.leads_to == decision) == about


def test_an_adapter_that_is_missing_refuses_in_the_registrys_words():
    told = verdict(lacking="it needs timm")
    assert (told.decision, told.words) == ("refused", "it needs timm")


def test_the_registry_is_asked_by_default():
    assert judge(GOOD, MACHINE).decision == "allowed"
    told = judge(replace(GOOD, library="timm", loader_class="timm.create_model"), MACHINE)
    assert told.decision == "refused"
    assert "timm" in told.words


def test_with_a_token_a_gated_checkpoint_needs_a_yes():
    told = verdict(gated=True, token=True)
    assert told.decision == "ask"
    assert "https://huggingface.co/lab/good" in told.words
    assert "HF_TOKEN" in verdict(gated=True).words


def test_a_gone_checkpoint_names_where_its_files_are():
    assert "the same files are at other/copy" in verdict(state="gone", mirrors=("other/copy",)).words


def test_the_gravest_reason_decides_and_comes_first():
    assert reasons(licence=None, remote_code=True, revision=None) == [
        ("remote code", "refused"),
        ("licence", "ask"),
        ("revision", "allowed"),
    ]
    told = reasons(licence=None, params_millions=7_000.0)
    assert told == [("memory", "refused"), ("licence", "ask")], "in whatever order they were found"
    assert verdict(licence=None, remote_code=True).words.startswith("its repository brings Python code")


def test_a_large_download_is_asked_about_unless_it_is_here_already():
    large = replace(GOOD, files=(replace(WEIGHTS, bytes=LARGE_DOWNLOAD),))
    assert judge(large, MACHINE, missing=lambda _: None).decision == "ask"
    assert judge(large, MACHINE, missing=lambda _: None, is_cached=True).decision == "allowed"
    just = replace(GOOD, files=(replace(WEIGHTS, bytes=LARGE_DOWNLOAD - 1),))
    assert judge(just, MACHINE, missing=lambda _: None).decision == "allowed"


def test_memory_is_that_of_single_precision_whatever_the_files_hold():
    # Half precision on disk doubles when it is loaded.
    facts = replace(GOOD, params_millions=1_000.0, files=(replace(WEIGHTS, bytes=2 * 10**9),))
    assert memory_needed(facts, facts.choice) == round(4e9 * 1.3) + 300 * 2**20
    unknown = replace(facts, params_millions=None)
    assert memory_needed(unknown, unknown.choice) == round(2e9 * 1.3) + 300 * 2**20
    assert memory_needed(replace(GOOD, params_millions=None, files=None), None) is None


def test_on_a_card_its_own_memory_counts():
    machine = replace(MACHINE, cards=(Card("Large", 80 * 10**9, 80 * 10**9), Card("Small", 10**9, 10**9)))
    big = replace(GOOD, params_millions=7_000.0)

    def decision(device: str) -> str:
        return judge(big, machine, device=device, missing=lambda _: None).decision

    assert [decision(each) for each in ("cpu", "cuda", "cuda:0", "cuda:1", "cuda:2")] == [
        "refused", "allowed", "allowed", "refused", "refused",
    ]  # fmt: skip


def test_what_ships_with_the_project_passes_without_a_download():
    bundled = CheckpointFacts("zoo/clip", "transformers", "CLIPModel", "zero-shot", origin=BUNDLED)
    assert judge(bundled, MACHINE, missing=lambda _: None).decision == "allowed"
    assert judge(bundled, MACHINE, missing=lambda _: "no adapter").decision == "refused"


@pytest.mark.parametrize(
    ("number", "words"),
    [(None, "size not known"), (999, "1 kB"), (1_500_000, "1.5 MB"), (2 * 10**9, "2.0 GB")],
)
def test_sizes_are_told_in_plain_units(number, words):
    assert size(number) == words
