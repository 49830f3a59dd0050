"""The models that ship: whole, small, called what they are, and as good as is said of them."""

import shutil
import stat
import subprocess
import sys
from pathlib import Path

import pytest

from evaluation import zoo
from evaluation.errors import CheckpointUnusable
from evaluation.registry import missing
from evaluation.tasks.spec import tasks
from evaluation.zoo.recipes import RECIPES, find_recipe
from graph.errors import UnknownName
from ingest.catalogue import read_catalogue

MOST_BYTES = 2_000_000
MOST_BYTES_OF_ALL = 6_000_000
MODELS = {model.name: model for model in zoo.models()}

FLOORS = [
    # model, task, examples, the least that it must reach; the trivial answer and chance lie well below
    ("clip-scenes", "classification", 200, 0.6),
    ("clip-scenes", "retrieval", 100, 0.8),
    ("diffusion-digits", "classification", 60, 0.95),
    ("diffusion-digits", "generation", 50, 0.9),
    ("diffusion-scenes", "classification", 10, 0.7),
    ("diffusion-scenes", "generation", 24, 0.7),
    ("sam-scenes", "segment-point", 60, 0.72),
    ("sam-scenes", "segment-box", 60, 0.8),
    ("mae-digits", "neighbours", 200, 0.8),
    ("mae-digits", "reconstruction", 100, 15),
]

# Nearest neighbours on pixels so small are as good as it gets; the mean image of a digit looks like it.
EASY_ON_PIXELS = {("mae-digits", "neighbours"), ("diffusion-digits", "generation")}


def test_every_recipe_is_shipped_and_listed_as_it_is_defined():
    assert list(MODELS) == [recipe.name for recipe in RECIPES]
    for recipe in RECIPES:
        model = MODELS[recipe.name]
        for fact in ("title", "paper", "library", "loader_class", "task", "about", "hub_id"):
            assert getattr(model, fact) == getattr(recipe, fact), (recipe.name, fact)
        assert [(each.task, each.n) for each in model.measured] == list(recipe.measured)


def test_every_model_stands_for_the_method_of_a_paper_in_the_catalogue():
    papers = {paper.key for paper in read_catalogue().papers}
    assert {recipe.paper for recipe in RECIPES} <= papers


@pytest.mark.parametrize("name", MODELS)
def test_a_model_holds_what_is_listed_and_nothing_else(name):
    model = MODELS[name]
    found = {path.relative_to(model.folder).as_posix() for path in model.folder.rglob("*") if path.is_file()}
    assert found == {file.path for file in model.files} | {"README.md"}
    assert {path.rpartition(".")[2] for path in found} <= {"json", "safetensors", "md", "txt"}
    assert model.bytes <= MOST_BYTES
    assert all(file.bytes == (model.folder / file.path).stat().st_size for file in model.files)
    for path in found:
        assert stat.S_IMODE((model.folder / path).stat().st_mode) == 0o644, path


def test_all_of_them_are_small():
    assert sum(model.bytes for model in MODELS.values()) <= MOST_BYTES_OF_ALL


@pytest.mark.parametrize("name", MODELS)
def test_no_file_tells_of_the_machine_that_it_was_made_on(name):
    model = MODELS[name]
    for file in model.files:
        if not file.path.endswith(".safetensors"):
            text = (model.folder / file.path).read_text(encoding="utf-8")
            assert not [word for word in ("/tmp", "/work", "/home", "/root") if word in text], file.path


@pytest.mark.parametrize("name", MODELS)
def test_the_card_says_plainly_that_it_is_no_papers_model(name):
    model = MODELS[name]
    card = (model.folder / "README.md").read_text(encoding="utf-8")
    assert card.startswith(f"---\nlicense: mit\nlibrary_name: {model.library}\npipeline_tag: {model.task}\n")
    text = " ".join(card.split())
    assert f"A small stand-in for a method. This is not the model of the paper (`{model.paper}`" in text
    assert f"seed {model.seed}" in text
    for each in model.measured:
        assert f"| {each.task} | {each.dataset} | {each.n} | {each.metric} | {each.value:.3f} [" in text
    for file in model.files:
        assert file.sha256 in text


@pytest.mark.parametrize("name", MODELS)
def test_a_model_is_found_by_its_name_and_can_be_run(name):
    files = zoo.find(f"zoo/{name}")
    assert files is not None
    assert (files.hub_id, files.revision) == (f"zoo/{name}", None)
    assert files.weights_sha256 == zoo.models()[list(MODELS).index(name)].weights_sha256
    assert missing(files.library, files.loader_class) is None


@pytest.mark.parametrize("name", ["clip-scenes", "zoo/clip", "openai/clip-vit-base-patch32", ""])
def test_no_other_name_is_found(name):
    assert zoo.find(name) is None


def test_an_unknown_recipe_names_those_there_are():
    assert find_recipe("zoo/mae-digits") is find_recipe("mae-digits")
    with pytest.raises(UnknownName, match=r"no zoo model 'mae'; allowed: clip-scenes, .*mae-digits"):
        find_recipe("mae")


@pytest.mark.parametrize("damage", ["changed", "removed"])
def test_a_file_that_is_not_the_one_that_shipped_is_refused(tmp_path, damage):
    copy = shutil.copytree(zoo.shipped_zoo(), tmp_path / "zoo")
    model = next(each for each in zoo.models(copy) if each.name == "mae-digits")
    assert zoo.checked_files(model).folder == copy / "mae-digits"
    weights = model.folder / "model.safetensors"
    if damage == "changed":
        content = bytearray(weights.read_bytes())
        content[-1] ^= 1
        weights.write_bytes(content)
    else:
        weights.unlink()
    with pytest.raises(
        CheckpointUnusable, match=r"zoo/mae-digits: .*model\.safetensors is (missing|not the file)"
    ):
        zoo.checked_files(model)


def test_a_listing_that_is_broken_is_refused_by_name(tmp_path):
    (tmp_path / "zoo.toml").write_text("[[model]]\nname = 3\n")
    with pytest.raises(CheckpointUnusable, match=r"zoo\.toml is no list of models"):
        zoo.models(tmp_path)


def test_a_folder_without_a_listing_holds_no_models(tmp_path):
    assert zoo.models(tmp_path) == ()


def test_asking_what_there_is_imports_no_torch():
    code = (
        "import sys; from evaluation import zoo; zoo.find('zoo/clip-scenes'); print('torch' in sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "False"


@pytest.mark.parametrize(("name", "task", "n", "floor"), FLOORS)
def test_a_shipped_model_is_as_good_as_it_must_be(name, task, n, floor):
    from evaluation.zoo.making import measure_task

    found = measure_task(zoo.find(f"zoo/{name}"), task, n)
    assert found.metric == tasks()[task].primary
    assert found.value >= floor
    assert floor > 3 * (found.chance or 0)
    if (name, task) not in EASY_ON_PIXELS:
        assert floor > 1.1 * (found.baseline or 0)


@pytest.mark.parametrize(
    ("name", "task"),
    [("clip-scenes", "classification"), ("clip-scenes", "relations"), ("mae-digits", "neighbours")],
)
def test_measuring_again_gives_what_is_listed(name, task):
    from evaluation.zoo.making import measure_task

    listed = next(each for each in MODELS[name].measured if each.task == task)
    found = measure_task(zoo.find(f"zoo/{name}"), task, listed.n)
    # Another CPU may round otherwise, which turns an example or two.
    assert found.value == pytest.approx(listed.value, abs=0.01)
    assert listed.low < found.value < listed.high


def test_no_weight_of_a_shipped_model_is_idle():
    """What the trap of zero position embeddings would look like."""
    from safetensors.numpy import load_file

    for model in MODELS.values():
        for file in model.files:
            if file.path.endswith(".safetensors"):
                for key, values in load_file(model.folder / file.path).items():
                    positions = "pos" in key and "embed" in key and "prompt" not in key
                    assert not positions or values.astype(float).std() > 1e-3, (model.name, key)


def test_the_page_about_the_zoo_gives_the_figures_that_are_listed():
    page = (Path(__file__).parent.parent / "docs" / "zoo.md").read_text(encoding="utf-8")
    for model in MODELS.values():
        assert f"| {model.parameters:,} |" in page
        for each in model.measured:
            assert f"{each.value:.3f} [{each.low:.3f}, {each.high:.3f}]" in page, (model.name, each.task)
