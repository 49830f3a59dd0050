"""The hub is asked what became of checkpoints: states, new commits, files, mirrors; cut off, it goes on."""

import hashlib
import os
import subprocess
from collections.abc import Iterator
from datetime import datetime, timedelta

import pytest
from command_line import PROGRAM, fail, succeed
from helpers import write_small_library
from ingest_helpers import serving
from services.universe import Universe
from services.works import Model
from source_helpers import SkippingClock, work, world_of
from sqlalchemy import select, update

from graph.checkpoints import pin, read_facts
from graph.library import Library
from graph.papers import list_checkpoints
from graph.schema import Checkpoint
from ingest.checklinks import CheckReport, check_links
from ingest.progress import Progress, Stopped

CLIP, LDM = "lab/clip-base", "lab/ldm"
WEIGHTS = b"the weights"
CONTENTS = {"model.safetensors": WEIGHTS, "config.json": b"{}"}


@pytest.fixture
def universe(monkeypatch: pytest.MonkeyPatch) -> Iterator[Universe]:
    world = world_of(work("clip", arxiv_id="2103.00020"))
    names = ("2103.00020",)
    world.add_model(
        Model(
            CLIP, "transformers", "zero-shot", "mit", arxiv_ids=names, parameters=3, contents=dict(CONTENTS)
        )
    )
    world.add_model(
        Model(LDM, "diffusers", "text-to-image", "openrail", contents={"model_index.json": b"{}"})
    )
    with serving(world, monkeypatch) as served:
        yield served


@pytest.fixture
def library(tmp_path, monkeypatch) -> Iterator[Library]:
    path = write_small_library(tmp_path / "library.sqlite")
    monkeypatch.setenv("VFM_ATLAS_LIBRARY", str(path))
    with Library.open(path) as opened:
        yield opened


def check(library: Library, *keys: str, **options: object) -> CheckReport:
    return check_links(library, keys or None, clock=SkippingClock(), **options)


def facts(library: Library, hub_id: str = CLIP):
    with library.reading() as session:
        return read_facts(session, hub_id)


def test_what_the_hub_says_is_kept_with_the_moment(universe, library):
    before = SkippingClock().moment()
    report = check(library)
    assert (report.asked, report.fresh, report.unanswered) == (2, 0, [])
    assert report.states == {"live": 2, "gated": 0, "moved": 0, "gone": 0, "unchecked": 0}
    assert report.snapshot != report.before
    known = facts(library)
    assert (known.state, known.licence, known.gated, known.remote_code) == ("live", "mit", False, False)
    assert known.head_revision == universe.world.models[CLIP].sha
    assert known.revision is None, "asking is no use, so nothing is pinned"
    assert before <= known.checked_at <= before + timedelta(minutes=5)
    weights = next(each for each in known.files if each.path == "model.safetensors")
    assert (weights.bytes, weights.sha256) == (len(WEIGHTS), hashlib.sha256(WEIGHTS).hexdigest())
    assert facts(library, LDM).licence == "openrail"


def test_one_request_a_repository_and_none_while_the_answers_are_fresh(universe, library):
    check(library)
    assert universe.hub.count == 2
    again = check(library)
    assert (again.asked, again.fresh, universe.hub.count) == (0, 2, 2)
    assert again.snapshot == again.before
    assert check(library, again=True).asked == 2
    assert universe.hub.count == 4
    SkippingClock().sleep(13 * 3600)
    assert check(library).asked == 2
    assert universe.hub.count == 6


def test_only_the_papers_that_are_named_are_asked_about(universe, library):
    assert check(library, "clip").asked == 1
    assert facts(library, LDM).state == "unchecked"
    assert [each.path for each in universe.hub.log] == [f"/api/models/{CLIP}"]


def test_moved_gated_and_gone_repositories_are_told(universe, library):
    check(library)
    universe.world.move_model(CLIP, "new-lab/clip")
    universe.world.models[LDM].gated = "manual"
    report = check(library, again=True)
    assert {(each.hub_id, each.before, each.state, each.note) for each in report.changes} == {
        (CLIP, "live", "moved", "now new-lab/clip"),
        (LDM, "live", "gated", ""),
    }
    assert facts(library).moved_to == "new-lab/clip"
    universe.world.moved.clear()
    report = check(library, again=True)
    assert facts(library).state == "gone"
    assert facts(library).moved_to is None
    assert facts(library).files, "what it held is remembered"
    assert report.states["gone"] == 1


def test_a_new_commit_is_told_and_the_pinned_files_stay(universe, library):
    model = universe.world.models[CLIP]
    first = model.sha
    check(library)
    with library.writing() as session:
        assert pin(session, CLIP, first)
    second = model.commit({**CONTENTS, "model.safetensors": b"other weights"})
    universe.hub.reset()
    report = check(library, again=True)
    assert [each.note for each in report.changes if each.hub_id == CLIP] == [f"new commit {second[:12]}"]
    known = facts(library)
    assert (known.revision, known.head_revision) == (first, second)
    hashes = {each.path: each.sha256 for each in known.files}
    assert hashes["model.safetensors"] == hashlib.sha256(WEIGHTS).hexdigest()
    assert f"/api/models/{CLIP}/revision/{first}" in [each.path for each in universe.hub.log]


def test_files_of_a_pinned_commit_are_asked_for_where_they_are_not_known(universe, library):
    model = universe.world.models[CLIP]
    first = model.sha
    model.commit({**CONTENTS, "model.safetensors": b"other weights"})
    with library.writing() as session:
        pin(session, CLIP, first)
    check(library)
    hashes = {each.path: each.sha256 for each in facts(library).files}
    assert hashes["model.safetensors"] == hashlib.sha256(WEIGHTS).hexdigest()


def test_of_a_repository_that_is_gone_those_with_the_very_weights_are_proposed(universe, library):
    check(library)
    universe.world.remove_model(CLIP)
    universe.world.add_model(Model("keeper/clip-base", "transformers", None, contents=dict(CONTENTS)))
    universe.world.add_model(
        Model("liar/clip-base", "transformers", None, downloads=9, contents={"model.safetensors": b"no"})
    )
    report = check(library, again=True)
    assert report.proposed == {CLIP: ["keeper/clip-base"]}
    assert facts(library).mirrors == ("keeper/clip-base",)


def test_of_one_whose_weights_were_never_known_none_is_proposed(universe, library):
    universe.world.remove_model(CLIP)
    universe.world.add_model(Model("keeper/clip-base", "transformers", None, contents=dict(CONTENTS)))
    assert check(library).proposed == {}
    assert facts(library).mirrors == ()


# --- cut off -----------------------------------------------------------------------------------------------


def test_a_run_that_is_interrupted_keeps_what_was_answered_and_goes_on(universe, library, monkeypatch):
    def interrupt(progress: Progress) -> None:
        if progress.state == "running" and progress.stages[0].done == 1:
            raise Stopped("asked to")

    with pytest.raises(Stopped, match="goes on from here"):
        check(library, listeners=[interrupt])
    assert [facts(library, each).state for each in (CLIP, LDM)] == ["live", "unchecked"]
    assert universe.hub.count == 1
    assert check(library).asked == 1
    assert [facts(library, each).state for each in (CLIP, LDM)] == ["live", "live"]
    assert universe.hub.count == 2


def test_those_asked_longest_ago_come_first(universe, library):
    with library.writing() as session:
        session.execute(
            update(Checkpoint).where(Checkpoint.hub_id == CLIP).values(checked_at=datetime(2020, 1, 2))
        )
        session.execute(
            update(Checkpoint).where(Checkpoint.hub_id == LDM).values(checked_at=datetime(2020, 1, 1))
        )
    check(library)
    assert [each.path.removeprefix("/api/models/") for each in universe.hub.log] == [LDM, CLIP]


def test_a_hub_that_is_down_leaves_states_alone_and_is_told(universe, library):
    universe.hub.faults.always = "503"
    report = check(library)
    assert report.asked == 0
    assert report.unanswered[0].startswith("2 repositories (Hugging Face")
    assert facts(library).state == "unchecked"


def test_one_refusal_costs_one_answer(universe, library):
    universe.hub.faults.then("500", "500", "500", "500", "500", on=CLIP)
    report = check(library)
    assert [facts(library, each).state for each in (CLIP, LDM)] in (["unchecked", "live"], ["unchecked"] * 2)
    assert len(report.unanswered) == 1


def test_bundled_checkpoints_are_not_asked_about(universe, library):
    with library.writing() as session:
        session.execute(update(Checkpoint).where(Checkpoint.hub_id == CLIP).values(origin="bundled"))
    assert check(library).asked == 1
    assert [each.path for each in universe.hub.log] == [f"/api/models/{LDM}"]


# --- commands ----------------------------------------------------------------------------------------------


@pytest.fixture
def _no_waits(monkeypatch):
    monkeypatch.setattr("ingest.checklinks.SystemClock", SkippingClock)


@pytest.mark.usefixtures("_no_waits")
def test_the_command_tells_what_it_found_once(universe, library):
    universe.world.move_model(CLIP, "new-lab/clip")
    ended = succeed("check-links")
    assert ended.out.splitlines() == [
        "2 repositories asked about",
        "  1 live, 1 moved",
        "What changed:",
        "  lab/clip-base  unchecked -> moved  now new-lab/clip",
    ]
    assert "check: done, 2 asked" in ended.err
    again = succeed("check-links", "clip", "--json").document
    assert (again["asked"], again["fresh"], again["states"]["moved"]) == (0, 1, 1)
    assert fail("check-links", "clipp", code=2).startswith("no paper 'clipp'; nearest: clip")


@pytest.mark.usefixtures("_no_waits")
def test_checkpoints_show_what_was_found_and_what_the_gate_says(universe, library):
    succeed("check-links")
    header, clip, *_ = succeed("checkpoints", "--paper", "clip").out.splitlines()
    assert header.split() == "paper checkpoint library task role licence weights state revision".split()
    assert clip.split()[-4:] == ["live", "not", "pinned", "yet"]
    (row,) = succeed("checkpoints", "--paper", "clip", "--gate", "--json").document["checkpoints"]
    assert (row["state"], row["revision"], row["role"]) == ("live", None, "official")
    assert row["gate"]["decision"] == "allowed"
    assert [each["about"] for each in row["gate"]["reasons"]] == ["revision"]
    shown = succeed("checkpoints", "--gate").out
    assert "needs your yes" in shown or "refused" in shown
    assert universe.hub.count == 2, "neither command asks the hub"


def test_links_are_listed_confirmed_and_taken_away_by_commands(universe, library):
    universe.world.add_model(
        Model(
            "user/tuned", "transformers", "zero-shot", "mit", 99, base_models=(CLIP,),
            arxiv_ids=("2103.00020",), config={"architectures": ["CLIPModel"]},
        )
    )  # fmt: skip
    listed = succeed("link", "clip").out
    assert listed.index("lab/clip-base") < listed.index("user/tuned")
    assert "derives from lab/clip-base" in listed
    assert "vfm-atlas link KEY --add HUB_ID" in listed
    (paper,) = succeed("link", "clip", "--json").document["papers"]
    assert [each["linked"] for each in paper["candidates"]] == [True, False]
    made = succeed("link", "clip", "--add", "user/tuned", "--role", "derivative").out
    assert made.startswith("clip: linked to user/tuned, role derivative, confirmed by hand on 20")
    rows = succeed("show", "clip", "--json").document["checkpoints"]
    assert [(row["hub_id"], row["role"], row["source"]) for row in rows] == [
        (CLIP, "official", "code of clip"),
        ("user/tuned", "derivative", "confirmed by hand"),
    ]
    assert succeed("link", "clip", "--remove", "user/tuned").out == "clip: no longer linked to user/tuned\n"
    with library.reading() as session:
        assert session.scalars(select(Checkpoint.hub_id)).all()


@pytest.mark.skipif(os.name != "posix", reason="pseudo-terminals are POSIX's")
def test_on_a_terminal_a_person_chooses_by_number(universe, library):
    import pty

    config = {"architectures": ["CLIPModel"]}
    names = ("2103.00020",)
    universe.world.add_model(
        Model("user/own", "transformers", "zero-shot", "mit", arxiv_ids=names, config=config)
    )
    master, slave = pty.openpty()
    program = subprocess.Popen([PROGRAM, "link", "clip"], stdin=slave, stdout=slave, stderr=slave)
    os.close(slave)
    seen = ""
    for question, answer in (
        ("0 for none [0]:", "2\n"),
        ("[not known]:", "reproduction\n"),
        ("by hand on", ""),
    ):
        while question not in seen:
            seen += os.read(master, 4_096).decode()
        os.write(master, answer.encode())
    assert program.wait(timeout=60) == 0
    os.close(master)
    with library.reading() as session:
        (_, _), (_, chosen) = list_checkpoints(session, paper="clip")
    assert (chosen.hub_id, chosen.role, chosen.source) == ("user/own", "reproduction", "confirmed by hand")


def test_with_the_hub_down_the_candidates_of_before_are_shown(universe, library, monkeypatch):
    succeed("link", "clip")
    monkeypatch.setenv("VFM_ATLAS_OFFLINE", "1")
    assert CLIP in succeed("link", "clip").out
    ended = succeed("link", "clip", "--refresh")
    assert CLIP in ended.out
    assert "shown is what it said before" in ended.err
    assert "switched off" in fail("link", "clip", "--add", "a/b", code=1)
    succeed("link", "clip", "--add", "a/b", "--library-name", "timm", "--loader-class", "timm.create_model")


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("clip", "ldm", "--add", "a/b"), "name one KEY with --add or --remove"),
        (("clip", "--add", "a/b", "--remove", "a/b"), "name one of --add and --remove"),
        (("clip", "--role", "port"), "--role goes with --add"),
        (("clip", "--add", "a/b", "--role", "friend"), "no role 'friend'; allowed: official"),
        (("clip", "--remove", "a/b"), "no checkpoint linked to clip, 'a/b'; allowed: lab/clip-base"),
        (("clip", "--remove", CLIP), "it would be back after the next build"),
        (("clipp",), "no paper 'clipp'; nearest: clip"),
    ],
)
def test_what_cannot_be_linked_is_said_in_one_line(universe, library, arguments, words):
    universe.world.add_model(Model("a/b", "timm", None))
    assert words in fail("link", *arguments, code=2)
