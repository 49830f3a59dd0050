"""Checkpoints, leaderboard and story: found by what they are, run in a process of their own."""

from datetime import datetime

import pytest
from helpers import write_small_library
from pages import (
    HOSTILE,
    NOW,
    assert_text_stays_text,
    fresh_server,
    links,
    run_view,
    says,
    tables,
    texts,
    unescaped,
)
from small_zoo import small_zoo
from sqlalchemy import select, update

from app import state
from app.checkpointparts.rows import FILTERS, NOT_REFUSED, UNKNOWN, options_of, passing, read_rows
from app.evaluations import Ask, Evaluations
from evaluation.compare import compare
from evaluation.results import list_runs, read_run
from evaluation.story import CONTRASTIVE, GENERATIVE
from graph.checkpoints import RepoFile, pin
from graph.library import Library
from graph.schema import Checkpoint, CheckpointLink, Paper

PATIENCE = 60
MODELS = {"clip-scenes": "Colours", "diffusion-scenes": "Wrong", "hangs": "Hangs", "raises": "Raises"}
HUB_ID = "lab/clip-base"


@pytest.fixture
def server(built_path, monkeypatch):
    with fresh_server(built_path, monkeypatch):
        yield


@pytest.fixture
def place(tmp_path, monkeypatch):
    """A small library whose zoo holds small runners."""
    path = write_small_library(tmp_path / "library.sqlite")
    with Library.open(path) as library, library.writing() as session:
        paper = session.scalars(select(Paper).where(Paper.key == "clip")).one()
        source = session.scalars(select(CheckpointLink.source_id)).first()
        for position, (name, kind) in enumerate(MODELS.items(), start=900):
            row = Checkpoint(
                hub_id=f"zoo/{name}", library="numpy", loader_class=kind, origin="bundled", licence="MIT",
                task="zero-shot-image-classification", params_millions=0.1, state="live", gated=False,
            )  # fmt: skip
            session.add(row)
            session.flush()
            session.add(
                CheckpointLink(
                    paper_id=paper.id,
                    checkpoint_id=row.id,
                    position=position,
                    role="stand-in",
                    retrieved_at=NOW,
                    source_id=source,
                )
            )
    with small_zoo(tmp_path / "package", MODELS, monkeypatch), fresh_server(path, monkeypatch):
        yield path


def rows_of(path):
    with Library.open(path) as library, library.reading() as session:
        return read_rows(session)


def button(at, label):
    return next(each for each in at.button if each.label == label)


def measure(path, *asks):
    work = Evaluations(path)
    work.start(asks)
    assert work.wait(PATIENCE)
    return work.state


def ask(name, task="classification", n=20, **more):
    return Ask(f"zoo/{name}", task, "scenes", n, **more)


# --- the list ----------------------------------------------------------------------------------------------


def test_promptable_segmentation_that_runs_here_is_found_by_a_link_and_by_the_address(server, built_path):
    at = run_view("checkpoints", task="mask-generation", here=NOT_REFUSED)
    expected = [
        row.facts.hub_id
        for row in rows_of(built_path)
        if row.facts.task == "mask-generation" and row.verdict.decision != "refused"
    ]
    assert "zoo/sam-scenes" in expected
    assert "facebook/sam3" not in expected  # no adapter for it
    shown = [
        label.removeprefix(":primary[**").removesuffix("**]")
        for label in links(at)
        if label.startswith(":primary")
    ]
    assert shown == expected
    assert expected[0] == "zoo/sam-scenes"  # what runs now comes first
    assert "SAM, stand-in" in links(at)
    assert says(at, f"{len(expected)} of ")
    asked = run_view("checkpoints")
    button(asked, "Promptable segmentation that runs on this machine").click().run()
    assert links(asked) == links(at)


def test_every_checkpoint_is_in_the_list_once_with_its_papers(built_path, library):
    rows = rows_of(built_path)
    with library.reading() as session:
        known = {(row.hub_id, row.loader_class) for row in session.scalars(select(Checkpoint))}
        linked = len(session.scalars(select(CheckpointLink)).all())
    assert len(rows) == len(known)
    assert {(row.facts.hub_id, row.facts.loader_class) for row in rows} == known
    assert sum(len(row.papers) for row in rows) == linked


def test_each_filter_keeps_what_has_its_value_and_together_they_narrow(built_path):
    rows = rows_of(built_path)
    for which in FILTERS:
        options = options_of(rows, which)
        assert {value for row in rows for value in which.values(row)} == set(options)
        kept = {option: passing(rows, {which.name: option}) for option in options}
        assert all(
            found and all(option in which.values(row) for row in found) for option, found in kept.items()
        )
    both = passing(rows, {"library": "transformers", "role": UNKNOWN})
    assert 0 < len(both) < len(passing(rows, {"library": "transformers"}))


def test_a_checkpoint_that_nobody_links_says_so(server):
    at = run_view("checkpoints", checkpoint="nobody/nothing")
    assert "No paper links to a checkpoint of this name" in unescaped(at.warning[0].value)
    assert "All checkpoints" in links(at)


def test_names_of_checkpoints_and_licences_stay_text(place):
    with Library.open(place) as library, library.writing() as session:
        values = {"hub_id": HOSTILE, "licence": HOSTILE, "library": HOSTILE}
        session.execute(update(Checkpoint).where(Checkpoint.hub_id == HUB_ID).values(**values))
    assert_text_stays_text(run_view("checkpoints"))
    at = run_view("checkpoints", checkpoint=HOSTILE)
    assert says(at, "What is known")
    assert_text_stays_text(at)


# --- one checkpoint ----------------------------------------------------------------------------------------


def test_one_whose_files_are_not_known_cannot_be_run_before_the_hub_was_asked(place):
    at = run_view("checkpoints", checkpoint=HUB_ID)
    assert says(at, "Not looked at yet")
    assert button(at, "Run it on this machine").disabled
    assert says(at, "ask the hub about it first")
    assert not button(at, "Ask the hub about it").disabled
    assert "CLIPModel.from_pretrained" in at.code[0].value


def test_without_requests_the_hub_is_not_asked(place, monkeypatch):
    monkeypatch.setenv("VFM_ATLAS_OFFLINE", "1")
    at = run_view("checkpoints", checkpoint=HUB_ID)
    assert button(at, "Ask the hub about it").disabled
    assert says(at, "unset VFM_ATLAS_OFFLINE")


def test_what_needs_a_yes_can_be_run_once_it_is_given(place):
    weights = RepoFile("model.safetensors", 1_000, "a" * 64, None)
    with Library.open(place) as library, library.writing() as session:
        mine = Checkpoint.hub_id == HUB_ID
        session.execute(update(Checkpoint).where(mine).values(licence="own-terms", state="live", gated=False))
        pin(session, HUB_ID, "a" * 40, [weights])
    at = run_view("checkpoints", checkpoint=HUB_ID)
    assert says(at, "Needs your yes")
    assert button(at, "Run it on this machine").disabled
    yes = next(each for each in at.checkbox if each.label.startswith("Yes, although its licence"))
    yes.check().run()
    assert not button(at, "Run it on this machine").disabled


def test_a_run_from_the_page_ends_in_a_result_there_and_on_the_leaderboard(place):
    at = run_view("checkpoints", checkpoint="zoo/clip-scenes")
    assert says(at, "Runs here")
    next(each for each in at.selectbox if each.label == "Task").select("Classification by scores").run()
    next(each for each in at.number_input if each.label == "Examples").set_value(20)
    button(at, "Run it on this machine").click().run()
    assert state.evaluations().wait(PATIENCE)
    at.run()
    assert not at.exception
    with Library.open(place) as library, library.reading() as session:
        (made,) = list_runs(session)
    assert (made.hub_id, made.state, made.n) == ("zoo/clip-scenes", "done", 20)
    value = f"{made.value:.3f} ({made.low:.3f} to {made.high:.3f})"
    assert value in unescaped(at.success[0].value)
    assert any(value in unescaped(row) for row in tables(at))
    board = run_view("leaderboard", task=made.task)
    row = next(unescaped(row) for row in tables(board) if value in row.replace("\\", ""))
    for part in (
        "zoo/clip-scenes",
        f"{made.chance:.3f}",
        f"{made.baseline:.3f}",
        f"{datetime.now():%Y-%m-%d}",
    ):
        assert part in row
    assert says(board, "none is a paper's model")


# --- measuring ---------------------------------------------------------------------------------------------


def test_a_run_can_be_cancelled_and_what_waits_is_not_begun(place):
    work = Evaluations(place)
    work.start([ask("hangs"), ask("clip-scenes")])
    assert work.is_running
    work.start([ask("clip-scenes")])  # one at a time: this one is not begun
    work.stop()
    assert work.wait(PATIENCE)
    assert [(run.hub_id, run.state) for run in work.state.ended] == [("zoo/hangs", "cancelled")]
    with Library.open(place) as library, library.reading() as session:
        assert [run.state for run in list_runs(session)] == ["cancelled"]


def test_a_run_that_fails_says_why_on_both_pages(place):
    done = measure(place, ask("raises"))
    assert done.ended[0].reason == "ValueError: the tensors are of different sizes"
    for at in (run_view("checkpoints", checkpoint="zoo/raises"), run_view("leaderboard")):
        said = texts(at) + [unescaped(row) for row in tables(at)]
        assert any("the tensors are of different sizes" in text for text in said)


def test_what_cannot_be_begun_is_told_and_nothing_is_kept(place):
    told = measure(place, Ask("zoo/clip-scenes", "classification", "folder:/nowhere", 5))
    assert "/nowhere" in told.error
    assert told.ended == ()


# --- leaderboard and story ---------------------------------------------------------------------------------


def test_an_empty_leaderboard_leads_to_a_first_measurement(server):
    at = run_view("leaderboard")
    assert says(at, "Nothing measured here yet")
    assert "Measure zoo/clip-scenes" in links(at)
    at = run_view("leaderboard", task="segment-point")
    assert any("zoo/sam-scenes | runs here | not tried yet" in unescaped(row) for row in tables(at))
    assert says(at, "have no adapter here")


def test_the_story_is_told_from_two_results_and_its_words_fit_the_numbers(place):
    at = run_view("story")
    assert says(at, "Not asked on this machine yet")
    done = measure(place, ask("clip-scenes", n=200), ask("diffusion-scenes", n=200))
    assert [(run.hub_id, run.state) for run in done.ended] == [(CONTRASTIVE, "done"), (GENERATIVE, "done")]
    at = run_view("story")
    first = done.ended[0]
    assert says(at, f"The contrastive model is right in {first.value:.0%} of the scenes, guessing in 2%")
    assert says(at, "200 scenes, the same for both")
    with Library.open(place) as library, library.reading() as session:
        verdict = compare(*(read_run(session, run.id) for run in done.ended)).verdict
    assert any(verdict.lower() in text.lower() for text in texts(at))
    images = [each for each in at.get("html") if "data:image/png;base64," in each.proto.body]
    assert len(images) == 12
    board = run_view("leaderboard", task="classification")
    assert any(each.label == "Second" for each in board.selectbox)
    assert says(board, "Compare two results")


def test_the_story_runs_both_from_its_button(place):
    at = run_view("story", question="Which is left of, right of, above or below which?")
    button(at, "Ask both on this machine").click().run()
    assert state.evaluations().wait(PATIENCE)
    at.run()
    assert not at.exception
    assert says(at, "100 scenes, the same for both")


def test_without_one_of_the_models_the_story_says_which(tmp_path, monkeypatch):
    path = write_small_library(tmp_path / "library.sqlite")
    only = {"clip-scenes": "Colours"}
    with small_zoo(tmp_path / "package", only, monkeypatch), fresh_server(path, monkeypatch):
        at = run_view("story")
    assert "zoo/diffusion-scenes does not ship" in unescaped(at.info[0].value)
    assert "zoo/clip-scenes" in links(at)
