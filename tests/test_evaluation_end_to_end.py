"""From a paper's tag on the hub to a number on the leaderboard: real clients, a real small model."""

import pytest
from command_line import succeed
from helpers import write_small_library
from huggingface_hub import HfApi
from huggingface_hub.utils import close_session
from ingest_helpers import serving
from services.works import Model
from source_helpers import SkippingClock, work, world_of

from evaluation import zoo
from evaluation.choose import choose, files_of
from evaluation.compare import leaderboard
from evaluation.download import verdict_of
from evaluation.loading import weights_sha256
from evaluation.registry import open_runner
from evaluation.results import list_runs, read_run
from evaluation.run import run
from evaluation.standing import standing_of
from evaluation.tasks.request import draw_up
from graph.library import Library
from ingest.checklinks import check_links

HUB_ID = "lab/clip-base"  # linked to the paper in the small catalogue
PAPER = "2103.00020"
N = 40


def small_clip() -> dict[str, bytes]:
    """The files of a CLIP that knows scenes, as a repository of the hub holds them."""
    shipped = zoo.find("zoo/clip-scenes")
    assert shipped is not None
    return {path.name: path.read_bytes() for path in shipped.folder.iterdir()}


@pytest.fixture
def universe(monkeypatch):
    world = world_of(work("clip", arxiv_id=PAPER))
    world.add_model(
        Model(
            HUB_ID, "transformers", "zero-shot-image-classification", "mit", 900, arxiv_ids=(PAPER,),
            parameters=191_681, contents=small_clip(), config={"architectures": ["CLIPModel"]},
        )
    )  # fmt: skip
    with serving(world, monkeypatch) as served:
        yield served
        close_session()


@pytest.fixture
def library(tmp_path):
    with Library.open(write_small_library(tmp_path / "library.sqlite")) as opened:
        yield opened


def facts(library):
    with library.reading() as session:
        return choose(session, HUB_ID)


def test_from_the_papers_tag_to_a_number_on_the_leaderboard(universe, library, monkeypatch):
    (found,) = HfApi(endpoint=universe.environment()["HF_ENDPOINT"], token=False).list_models(
        filter=f"arxiv:{PAPER}"
    )
    assert found.id == HUB_ID
    assert verdict_of(facts(library)).decision == "unknown", "nobody asked the hub yet"
    check_links(library, ["clip"], clock=SkippingClock())
    known = facts(library)
    assert (known.state, known.licence, known.revision) == ("live", "mit", None)
    assert verdict_of(known).decision == "allowed"
    assert not any("/resolve/" in each.path for each in universe.hub.log), "until here nothing is downloaded"

    files = files_of(library, known)
    assert files.revision == facts(library).revision == universe.world.models[HUB_ID].sha
    assert files.weights_sha256 == weights_sha256(files.folder) == zoo.find("zoo/clip-scenes").weights_sha256
    assert not (files.folder / "README.md").exists(), "only what loading needs"

    made = run(library, draw_up(files, "classification", dataset="scenes", n=N))
    assert (made.state, made.reason, made.n) == ("done", None, N)
    assert made.low > 10 * made.chance
    assert made.revision == files.revision
    again = run(library, draw_up(files, "classification", dataset="scenes", n=N))
    assert (again.id, again.is_new) == (made.id, False)

    with library.reading() as session:
        (board,) = leaderboard(list_runs(session)).boards
        standing = standing_of(session, "clip")
        stored = read_run(session, made.id)
    assert [(each.hub_id, each.value) for each in board.results] == [(HUB_ID, made.value)]
    mine = next(each for each in standing.checkpoints if each.hub_id == HUB_ID)
    assert ([each.id for each in mine.measured], mine.not_run) == ([made.id], None)
    assert len(stored.outputs) == N

    # Without the hub, the same files from the cache give the same answers as the model in this process.
    monkeypatch.setenv("VFM_ATLAS_OFFLINE", "1")
    request = draw_up(files_of(library, facts(library)), "classification", dataset="scenes", n=N)
    material = request.material()
    runner = open_runner(request.files)
    asked = [material.prompts[0].format(label=label) for label in material.data.labels]
    scores = runner.score([each.image for each in material.data.examples], asked)
    right = [
        material.data.labels[row.argmax()] == each.label
        for row, each in zip(scores, material.data.examples, strict=True)
    ]
    assert sum(right) / N == pytest.approx(made.value)


def test_other_weights_give_another_number(universe, library):
    """The number is about the weights that were fetched: with noise in their place it falls to chance."""
    check_links(library, ["clip"], clock=SkippingClock())
    contents = small_clip()
    header = int.from_bytes(contents["model.safetensors"][:8], "little") + 8
    kept = contents["model.safetensors"]
    contents["model.safetensors"] = kept[:header] + bytes(len(kept) - header)
    sha = universe.world.models[HUB_ID].commit(contents)
    files = files_of(library, facts(library))
    assert files.revision == sha
    made = run(library, draw_up(files, "classification", dataset="scenes", n=N))
    assert made.state == "done"
    assert made.value <= made.baseline


def test_the_commands_do_the_same(universe, library):
    place = ("--library", library.path)
    succeed("check-links", *place, "clip")
    said = succeed(
        "evaluate", *place, HUB_ID, "--task", "classification", "--dataset", "scenes", "-n", N, "--json"
    )
    (made,) = said.document["runs"]
    assert (made["state"], made["hub_id"], made["stand_in"]) == ("done", HUB_ID, False)
    assert HUB_ID in succeed("leaderboard", *place).out
