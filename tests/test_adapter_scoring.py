"""The parts that adapters share: batches that fit, pruning of conditions, names of classes."""

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from test_adapter_protocols import IMAGES
from tiny_checkpoints import CLASSES, tiny

from evaluation.adapters.denoising import Pruning, _as_noise, _ranked, _spread
from evaluation.adapters.images import from_unit_range, to_unit_range
from evaluation.adapters.labels import class_indices
from evaluation.adapters.runner import Batches
from evaluation.registry import open_runner
from graph.errors import UnknownName


class _Machine:
    """Has room for a number of items; more than that and it is out of memory."""

    def __init__(self, room: int, error: Exception) -> None:
        self.room, self.error, self.sizes = room, error, []

    def work(self, batch):
        self.sizes.append(len(batch))
        if len(batch) > self.room:
            raise self.error
        return [item * 2 for item in batch]


FULL = [
    MemoryError(),
    torch.OutOfMemoryError("CUDA out of memory"),
    RuntimeError("[enforce fail at alloc_cpu.cpp] DefaultCPUAllocator: can't allocate memory"),
]


@pytest.mark.parametrize("error", FULL, ids=["python", "cuda", "cpu"])
def test_batches_are_halved_until_they_fit_and_stay_so(error):
    machine, batches = _Machine(3, error), Batches(16)
    assert batches.run(range(20), machine.work) == [item * 2 for item in range(20)]
    assert machine.sizes == [16, 8, 4, 2] + [2] * 9
    assert batches.size == 2


def test_a_single_item_that_does_not_fit_is_an_error():
    with pytest.raises(MemoryError):
        Batches(4).run(range(4), _Machine(0, MemoryError()).work)


def test_other_errors_are_not_taken_for_a_lack_of_memory():
    machine = _Machine(0, RuntimeError("shapes do not match"))
    with pytest.raises(RuntimeError, match="shapes"):
        Batches(4).run(range(4), machine.work)
    assert machine.sizes == [4]


def test_the_first_batch_is_smaller_for_larger_models():
    with torch.device("meta"):
        small, large = torch.nn.Linear(100, 100), torch.nn.Linear(20_000, 20_000)
    assert Batches.for_model(small, "cpu").size == 256
    assert Batches.for_model(large, "cpu").size == 1
    assert Batches.for_model(large, "cuda").size == 49


def test_images_of_two_shapes_keep_their_places():
    shapes = [(4, 4, 3), (5, 4, 3), (4, 4, 3)]
    images = [np.full(shape, place, dtype=np.uint8) for place, shape in enumerate(shapes)]
    seen = []

    def work(batch):
        seen.append({image.shape for image in batch})
        return [int(image[0, 0, 0]) for image in batch]

    assert Batches(8).run_alike(images, work) == [0, 1, 2]
    assert all(len(one) == 1 for one in seen)


@given(st.integers(1, 200))
def test_any_number_of_times_cover_the_range_evenly(count):
    times = sorted(_spread(index) for index in range(count))
    gaps = np.diff([0, *times, 1])
    assert len(set(times)) == count
    assert gaps.max() <= 2.01 / count + 1e-9 or count < 3


@pytest.mark.parametrize("kind", ["epsilon", "v_prediction", "sample"])
def test_a_perfect_answer_of_any_kind_is_the_noise(kind):
    clean, noise, kept = torch.randn(3, 1, 4, 4), torch.randn(3, 1, 4, 4), torch.rand(3, 1, 1, 1) * 0.9 + 0.05
    noisy = kept.sqrt() * clean + (1 - kept).sqrt() * noise
    answers = {
        "epsilon": noise,
        "v_prediction": kept.sqrt() * noise - (1 - kept).sqrt() * clean,
        "sample": clean,
    }
    assert torch.allclose(_as_noise(answers[kind], noisy, kept, kind), noise, atol=1e-4)


def test_pruning_tries_fewer_and_finds_the_same_best_of_those_kept():
    runner = open_runner(tiny("UNet2DModel"))
    tried = []
    real = runner._errors

    def counted(batch, *rest):
        tried.extend(batch)
        return real(batch, *rest)

    runner._errors = counted
    runner.pruning = Pruning(samples=(8,), keep=())
    whole = runner.score(IMAGES, CLASSES)
    assert len(tried) == 2 * 4 * 8
    tried.clear()
    runner.pruning = Pruning(samples=(2, 8), keep=(2,))
    pruned = runner.score(IMAGES, CLASSES)
    assert len(tried) == 2 * (4 * 2 + 2 * 6)
    for row, full in zip(pruned, whole, strict=True):
        kept = np.argsort(-row)[:2]
        assert np.allclose(row[kept], full[kept])
        assert row[kept].min() > np.delete(row, kept).max()


@given(st.data())
def test_who_went_further_always_stands_above_who_was_dropped(data):
    samples = (2, 5, 9)
    sums = np.array(data.draw(st.lists(st.floats(0, 50), min_size=6, max_size=6)))[None]
    first = np.ones((1, 6), dtype=bool)
    second = np.array([[True, True, True, True, False, False]])
    third = np.array([[True, True, False, False, False, False]])
    scores = _ranked(sums, [first, second, third], samples)[0]
    assert np.isfinite(scores).all()
    assert scores[:2].min() > scores[2:4].max()
    assert scores[2:4].min() > scores[4:].max()
    assert np.allclose(scores[:2], -sums[0, :2] / 9, rtol=1e-5)


@pytest.mark.parametrize(("samples", "keep"), [((4, 2), (1,)), ((2, 4), ()), ((2, 4), (0,)), ((0, 4), (1,))])
def test_a_pruning_that_makes_no_sense_is_refused(samples, keep):
    with pytest.raises(ValueError, match="must grow"):
        Pruning(samples, keep)


def test_a_diffusion_model_that_cannot_be_told_anything_says_so():
    runner = open_runner(tiny("DDPMPipeline"))
    with pytest.raises(UnknownName, match="cannot be told anything"):
        runner.generate(["a cat"], seed=0)


@pytest.mark.parametrize(
    "loader", ["UNet2DModel", "DiTPipeline", "StableDiffusionPipeline", "StableDiffusionXLPipeline"]
)
def test_generation_follows_the_seed_and_the_condition(loader):
    runner = open_runner(tiny(loader))
    one, again, other_seed, other_condition = (
        runner.generate(conditions, seed)[0]
        for conditions, seed in ((CLASSES[:1], 1), (CLASSES[:1], 1), (CLASSES[:1], 2), (CLASSES[1:2], 1))
    )
    assert (one == again).all()
    assert (one != other_seed).any()
    assert (one != other_condition).any()


def test_the_first_image_does_not_depend_on_how_many_are_asked_for():
    runner = open_runner(tiny("UNet2DModel"))
    alone, together = runner.generate(CLASSES[:1], 4), runner.generate(CLASSES, 4)
    assert np.abs(alone[0].astype(int) - together[0]).max() <= 1


def test_more_guidance_changes_what_is_drawn():
    runner = open_runner(tiny("UNet2DConditionModel"))
    plain = runner.generate(CLASSES[:1], 1)[0]
    runner.guidance = 9.0
    assert (runner.generate(CLASSES[:1], 1)[0] != plain).any()


def test_classes_are_found_by_any_of_their_names():
    known = {0: "tabby, tabby cat", 1: "great_white_shark", 2: "crane", 3: "crane"}
    assert class_indices(["Tabby Cat", "great white shark", "crane"], known) == [[0], [1], [2, 3]]


def test_a_class_that_the_checkpoint_was_not_taught_is_named_with_what_comes_near():
    with pytest.raises(UnknownName, match="'great white shirk'; nearest: great white shark"):
        class_indices(["great white shirk"], {0: "great_white_shark", 1: "cat"})


def test_images_survive_the_way_to_the_model_and_back():
    for channels in (3, 1):
        batch = to_unit_range([IMAGES[0]], channels)
        assert batch.shape[1] == channels
        assert batch.min() >= -1
        assert batch.max() <= 1
        back = from_unit_range(batch)[0]
        expected = IMAGES[0] if channels == 3 else np.repeat(IMAGES[0].mean(axis=2, keepdims=True), 3, axis=2)
        assert np.abs(back.astype(float) - expected).max() <= 0.51
