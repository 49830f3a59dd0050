"""`vfm-atlas evaluate`, `leaderboard`, `compare-runs`, with small checkpoints that another package runs."""

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest
from command_line import fail, run, succeed
from sqlalchemy import func, select

from evaluation import registry, zoo
from evaluation.choose import choose
from evaluation.errors import GateClosed
from evaluation.gate import Reason, Verdict
from evaluation.plan import draw_up_plan
from evaluation.results import list_runs
from graph.errors import UnknownName
from graph.library import Library
from graph.schema import EvaluationRun

HERE = Path(__file__).parent
MODEL = """
[[model]]
name = "{name}"
title = "T"
paper = "clip"
library = "numpy"
loader_class = "{kind}"
task = "zero-shot-image-classification"
about = "A."
parameters = 8
licence = "MIT"
weights_sha256 = "{sha}"
seed = 1
steps = 1
cpu_seconds = 1.0
threads = 1
file = []
measured = []
"""


@pytest.fixture(autouse=True)
def _another_package(tmp_path, monkeypatch):
    """An installed package that brings adapters for the small runners, and a zoo that holds them."""
    about = tmp_path / "site" / "small_adapters-1.0.dist-info"
    about.mkdir(parents=True)
    (about / "METADATA").write_text("Metadata-Version: 2.1\nName: small-adapters\nVersion: 1.0\n")
    (about / "entry_points.txt").write_text("[vfm_atlas.adapters]\nsmall = small_runners:FAMILIES\n")
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join(map(str, (tmp_path / "site", HERE, HERE.parent))))
    monkeypatch.syspath_prepend(tmp_path / "site")
    registry.families.cache_clear()
    folder = tmp_path / "zoo"
    for kind in ("colours", "wrong", "raises", "hangs"):
        (folder / kind).mkdir(parents=True)
    (folder / "zoo.toml").write_text(
        "".join(
            MODEL.format(name=kind.lower(), kind=kind, sha=f"{number}" * 64)
            for number, kind in enumerate(("Colours", "Wrong", "Raises", "Hangs"))
        )
    )
    monkeypatch.setattr(zoo, "shipped_zoo", lambda: folder)
    yield
    registry.families.cache_clear()


@pytest.fixture
def place(small_library):
    return small_library.path


def evaluate(place, *arguments):
    return run("evaluate", "--library", place, *arguments)


def test_a_checkpoint_is_measured_and_stands_on_the_leaderboard(place):
    ended = evaluate(place, "zoo/colours", "--task", "classification", "-n", 30, "--json")
    assert ended.code == 0, ended.err
    (made,) = ended.document["runs"]
    assert ended.document["checkpoint"] == made["hub_id"] == "zoo/colours"
    assert (made["state"], made["n"], made["is_new"]) == ("done", 30, True)
    assert "outputs" not in made
    assert "classification: images scored" in ended.err
    board = succeed("leaderboard", "--library", place, "--json").document["boards"][0]
    assert (board["task"], board["dataset"], board["n"]) == ("classification", "scenes", 30)
    assert board["results"][0]["value"] == made["value"]
    said = succeed("leaderboard", "--library", place).out
    assert "Classification by scores (classification) on 30 examples of scenes:" in said
    assert f"{made['value']:.3f} [{made['low']:.3f}, {made['high']:.3f}]" in said
    assert "0.021" in said  # chance
    assert "zoo/... are small stand-ins for a method" in said
    assert made["stand_in"]


def test_without_a_task_all_that_it_can_do_is_run_and_nothing_twice(place):
    ended = evaluate(place, "zoo/wrong", "-n", 20, "--json")
    assert ended.code == 0, ended.err
    assert [each["task"] for each in ended.document["runs"]] == ["classification", "relations"]
    again = evaluate(place, "zoo/wrong", "-n", 20, "--json")
    assert [each["is_new"] for each in again.document["runs"]] == [False] * 2
    assert [each["value"] for each in again.document["runs"]] == [
        each["value"] for each in ended.document["runs"]
    ]
    assert "measured before" in again.err


def test_two_runs_are_compared_by_their_numbers(place):
    for name in ("zoo/colours", "zoo/wrong"):
        assert evaluate(place, name, "--task", "classification", "-n", 60).code == 0
    with Library.open(place) as library, library.reading() as session:
        numbers = {each.hub_id: each.id for each in list_runs(session)}
    asked = ("compare-runs", numbers["zoo/colours"], numbers["zoo/wrong"], "--library", place)
    found = succeed(*asked, "--json").document
    assert found["differences"]["top_5_accuracy"]["low"] > 0
    assert f"{found['differences']['accuracy']['value']:+.3f}" in succeed(*asked).out
    assert "no run '999'" in fail("compare-runs", 999, 1, "--library", place, code=2)


def test_the_plan_names_tasks_and_cost_and_runs_nothing(place):
    plan = succeed("evaluate", "zoo/wrong", "--plan", "--library", place, "--json").document
    assert [each["task"] for each in plan["can"]] == ["classification", "relations"]
    assert plan["cannot"]["retrieval"] == "it lacks EmbedsImages, EmbedsTexts"
    assert plan["can"][0]["basis"].startswith("rough")
    assert "classification" in succeed("evaluate", "zoo/wrong", "--plan", "--library", place).out
    with Library.open(place) as library, library.reading() as session:
        assert session.scalar(select(func.count()).select_from(EvaluationRun)) == 0


def test_the_plan_knows_how_long_a_run_took_here(place):
    evaluate(place, "zoo/colours", "--task", "captioning", "-n", 10)
    plan = succeed("evaluate", "zoo/colours", "--plan", "--library", place, "--json").document
    basis = {each["task"]: each["basis"] for each in plan["can"]}
    assert basis["captioning"] == "as a run here took"
    assert basis["retrieval"].startswith("rough")


def test_a_failed_run_is_told_with_its_reason_and_ends_with_1(place):
    ended = evaluate(place, "zoo/raises", "--task", "classification", "-n", 10)
    assert ended.code == 1
    reason = "ValueError: the tensors are of different sizes"
    assert f"failed: {reason}" in ended.err
    assert reason in ended.out
    assert reason in succeed("leaderboard", "--library", place).out


def test_limits_are_kept(place):
    ended = evaluate(place, "zoo/hangs", "--task", "classification", "-n", 10, "--limit-seconds", 2)
    assert (ended.code, "took longer than 2 s" in ended.out) == (1, True)


def test_what_the_gate_refuses_is_kept_with_its_reasons(place, monkeypatch):
    verdict = Verdict("zoo/colours", "refused", (Reason("pickle", "refused", "no safetensors"),), None, None)

    def refuse(*arguments, **more):
        raise GateClosed(verdict)

    monkeypatch.setattr("evaluation.choose.zoo.find", lambda _: None)
    monkeypatch.setattr("evaluation.choose.obtain", refuse)
    ended = evaluate(place, "zoo/colours", "--task", "classification")
    assert ended.code == 1
    assert "no safetensors" in ended.out
    found = succeed("leaderboard", "--library", place, "--json").document
    assert [(each["state"], each["reason"]) for each in found["not_run"]] == [
        ("refused", "zoo/colours is not fetched: no safetensors")
    ]


def test_ctrl_c_ends_the_worker_and_leaves_a_cancelled_run(place):
    code = f"""
import sys
from pathlib import Path
from evaluation import zoo
zoo.shipped_zoo = lambda: Path({str(place.parent / "zoo")!r})
from app.cli import main
main(["evaluate", "zoo/hangs", "--task", "classification", "-n", "8", "--library", {str(place)!r}])
"""
    program = subprocess.Popen([sys.executable, "-c", code], stderr=subprocess.PIPE, text=True)
    said = ""
    while "images scored" not in said:
        said = program.stderr.readline()
        assert said, "it ended by itself"
    program.send_signal(signal.SIGINT)
    rest = program.communicate(timeout=20)[1]
    assert program.returncode == 130
    assert rest.splitlines()[-1] == "vfm-atlas: interrupted"
    with Library.open(place) as library, library.reading() as session:
        (kept,) = list_runs(session)
    assert (kept.state, kept.reason, kept.value) == ("cancelled", "interrupted by the user", None)


def test_words_that_name_nothing_are_answered_with_what_there_is(place):
    assert "no task 'flying'; allowed: captioning" in fail(
        "evaluate", "zoo/colours", "--task", "flying", "--library", place, code=2
    )
    message = fail("evaluate", "zoo/colors", "--library", place, code=2)
    assert (
        message == "no model of the zoo 'zoo/colors'; allowed: zoo/colours, zoo/wrong, zoo/raises, zoo/hangs"
    )
    assert "no checkpoint or paper 'nonsense-paper'" in fail(
        "evaluate", "nonsense-paper", "--library", place, code=2
    )
    assert "no checkpoint 'nobody/nothing'" in fail("evaluate", "nobody/nothing", "--library", place, code=2)
    assert "cannot do segment-point: it lacks Segments" in fail(
        "evaluate", "zoo/colours", "--task", "segment-point", "--library", place, code=1
    )
    assert "no dataset 'imagenet'" in fail(
        "evaluate",
        "zoo/colours",
        "--task",
        "classification",
        "--dataset",
        "imagenet",
        "--library",
        place,
        code=2,
    )
    assert "no task 'flying'" in fail("leaderboard", "--task", "flying", "--library", place, code=2)


def test_an_empty_leaderboard_says_how_to_fill_it(place):
    assert "vfm-atlas evaluate zoo/clip-scenes" in succeed("leaderboard", "--library", place).out


def test_a_paper_stands_for_its_one_checkpoint_that_runs(library):
    with library.reading() as session:
        assert choose(session, "dinov2").hub_id == "facebook/dinov2-base"
        with pytest.raises(
            UnknownName, match=r"no single checkpoint of 'sam'; allowed: facebook/sam-vit-base, "
        ):
            choose(session, "sam")
        with pytest.raises(
            UnknownName, match=r"no checkpoint that runs here of 'openclip'; .*open_clip_torch"
        ):
            choose(session, "openclip")
        assert choose(session, "facebook/sam-vit-huge").loader_class == "SamModel"


def test_a_checkpoint_without_adapter_is_told_which_library_it_needs(library):
    plan = draw_up_plan("timm/x", "timm", "timm.create_model")
    assert plan.can == ()
    assert "torchvision" in plan.reason
    assert "timm" in fail("evaluate", "timm/vgg16.tv_in1k", "--library", library.path, code=1)
