"""Training the zoo: it learns, gives the same weights again, and survives being interrupted."""

from dataclasses import replace
from importlib import import_module

import numpy as np
import pytest
import torch
from command_line import fail, succeed

from evaluation import zoo
from evaluation.datasets.scenes import SPLITS, draw_scene
from evaluation.loading import weights_sha256
from evaluation.zoo.making import make, method_of, plan_of
from evaluation.zoo.recipes import RECIPES, find_recipe
from evaluation.zoo.training import STATE, train
from evaluation.zoo.words import LONGEST, word_tokenizer

NAMES = [recipe.name for recipe in RECIPES]


@pytest.fixture(autouse=True)
def _few_scenes(monkeypatch):
    for recipe in RECIPES:
        module = import_module(recipe.method.partition(":")[0])
        if hasattr(module, "_SCENES"):
            monkeypatch.setattr(module, "_SCENES", 64)


def short(name, **changes):
    return replace(plan_of(find_recipe(name)), **{"batch_size": 16, "steps": 3, **changes})


def weights(model):
    return torch.cat([value.flatten().float() for value in model.state_dict().values()])


@pytest.mark.parametrize("name", NAMES)
def test_a_short_training_learns(tmp_path, name):
    """The loss of the same batches falls; steps have losses of their own, so the batches are held fixed."""
    method = method_of(find_recipe(name))
    # A SAM takes its time to see what clicks are about.
    plan = short(name, steps=120 if name == "sam-scenes" else 30)
    trained = train(method, plan, tmp_path, lambda _: None)
    torch.manual_seed(plan.seed)
    fresh = method.build().eval()

    def loss(model):
        found = []
        for at in range(4):
            torch.manual_seed(at)
            with torch.no_grad():
                found.append(float(method.loss(model, np.random.default_rng(at), 32)))
        return float(np.mean(found))

    assert loss(trained.model) < 0.9 * loss(fresh)
    assert len(trained.losses) == -(-plan.steps // 50)
    assert trained.seconds > 0


@pytest.mark.parametrize("name", NAMES)
def test_the_same_seed_gives_the_same_weights_and_another_seed_others(tmp_path, name):
    recipe = find_recipe(name)

    def trained(seed):
        return weights(train(method_of(recipe), short(name, seed=seed), tmp_path, lambda _: None).model)

    first = trained(7)
    assert torch.equal(first, trained(7))
    assert not torch.allclose(first, trained(8))


@pytest.mark.parametrize("name", ["mae-digits", "clip-scenes"])
def test_a_training_that_was_interrupted_goes_on_to_the_same_weights(tmp_path, name, monkeypatch):
    monkeypatch.setattr("evaluation.zoo.training._KEPT_EVERY", 2)
    plan, said = short(name, steps=7), []
    whole = train(method_of(find_recipe(name)), plan, tmp_path / "whole", said.append)
    assert not said

    broken = method_of(find_recipe(name))
    loss = type(broken).loss
    calls = []

    def interrupted(model, draw, batch_size):
        calls.append(1)
        if len(calls) == 6:
            raise KeyboardInterrupt
        return loss(broken, model, draw, batch_size)

    monkeypatch.setattr(broken, "loss", interrupted)
    with pytest.raises(KeyboardInterrupt):
        train(broken, plan, tmp_path / "cut", said.append)
    rest = train(method_of(find_recipe(name)), plan, tmp_path / "cut", said.append)
    assert said == ["goes on at step 4 of 7"]
    assert torch.equal(weights(whole.model), weights(rest.model))
    assert rest.losses == pytest.approx(whole.losses)


def test_the_state_of_another_plan_is_not_gone_on_with(tmp_path, monkeypatch):
    monkeypatch.setattr("evaluation.zoo.training._KEPT_EVERY", 1)
    recipe, said = find_recipe("mae-digits"), []
    train(method_of(recipe), short("mae-digits", steps=2), tmp_path, said.append)
    assert (tmp_path / STATE).is_file()
    train(method_of(recipe), short("mae-digits", steps=2, seed=99), tmp_path, said.append)
    assert not said


def test_training_leaves_torch_as_it_was(tmp_path):
    torch.manual_seed(5)
    expected = torch.rand(3)
    torch.manual_seed(5)
    threads = torch.get_num_threads()
    train(method_of(find_recipe("mae-digits")), short("mae-digits"), tmp_path, lambda _: None, threads + 1)
    assert torch.get_num_threads() == threads
    assert torch.equal(torch.rand(3), expected)


@pytest.mark.parametrize("name", NAMES)
def test_what_is_written_is_loaded_and_answers(tmp_path, name):
    from evaluation.registry import open_runner

    model = make(find_recipe(name), tmp_path, lambda _: None, steps=2, measure=False)
    assert not (model.folder / STATE).exists()
    assert zoo.models(tmp_path) == (model,)
    files = zoo.checked_files(model)
    assert files.weights_sha256 == weights_sha256(model.folder)
    assert open_runner(files).files == files
    assert "Not measured." in (model.folder / "README.md").read_text()


def test_a_model_that_is_made_again_takes_the_place_of_the_old_one(tmp_path):
    for name in ("mae-digits", "sam-scenes", "mae-digits"):
        made = make(find_recipe(name), tmp_path, lambda _: None, steps=2, seed=3, measure=False)
    assert [model.name for model in zoo.models(tmp_path)] == ["sam-scenes", "mae-digits"]
    assert zoo.models(tmp_path)[1] == made
    assert made.seed == 3


def test_every_caption_is_made_of_known_words_and_fits():
    tokenizer = word_tokenizer()
    for split in SPLITS:
        for at in range(100):
            for caption in draw_scene(split, at).captions:
                tokens = tokenizer(caption).input_ids
                assert tokenizer.unk_token_id not in tokens
                assert len(tokens) <= LONGEST
    assert (
        tokenizer("A red ring, and the blue cross.").input_ids
        == tokenizer("red ring and blue cross").input_ids
    )
    assert tokenizer.unk_token_id in tokenizer("brown bear").input_ids


def test_the_commands_train_measure_and_list(tmp_path):
    out = tmp_path / "mine"
    ended = succeed("zoo", "train", "mae-digits", "--out", out, "--steps", 60, "--json")
    (model,) = ended.document["models"]
    assert (model["hub_id"], model["steps"], model["role"]) == ("zoo/mae-digits", 60, "stand-in")
    assert [each["task"] for each in model["measured"]] == ["neighbours", "linear-probe", "reconstruction"]
    assert "zoo: mae-digits: step 50 of 60, loss" in ended.err
    listed = succeed("zoo", "list", "--in", out).out
    assert listed.startswith("Small stand-ins for methods")
    assert "zoo/mae-digits  mae " in listed
    assert succeed("zoo", "list", "--in", out, "--json").document["models"] == [model]


def test_the_list_of_what_ships_names_each_with_its_result():
    listed = succeed("zoo", "list").out
    for model in zoo.models():
        first = model.measured[0]
        assert f"{model.hub_id} " in listed
        assert f"{first.metric} {first.value:.3f} [{first.low:.3f}, {first.high:.3f}]" in listed


def test_commands_say_what_is_wrong(tmp_path):
    assert "no zoo model 'yolo'; allowed: clip-scenes" in fail("zoo", "train", "yolo", code=2)
    assert f"{tmp_path} holds no models" in succeed("zoo", "list", "--in", tmp_path).out
