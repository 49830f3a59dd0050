"""Scenes and digits: what they say of an image is so, and they are always the same ones."""

import numpy as np
import pytest

from evaluation.datasets import open_dataset
from evaluation.datasets.scenes import COLOURS, HELD_OUT, LABELS, OPPOSITE, SEEN, SHAPES, SPLITS, opposite
from graph.errors import UnknownName

# Whoever changes what is drawn raises VERSION too: the figures in data/zoo/zoo.toml are of these scenes.
FINGERPRINT_OF_VERSION_1 = "9943d8d01f112065e6b6113e04bb7f20d3bda423952c694d82fbb81f064dec50"


def scenes(split, n=60, **options):
    return open_dataset("scenes", split=split, n=n, **options).examples


def test_the_scenes_of_a_version_never_change():
    dataset = open_dataset("scenes", split="test", n=50)
    assert (dataset.version, dataset.fingerprint) == (1, FINGERPRINT_OF_VERSION_1)


@pytest.mark.parametrize("split", SPLITS)
def test_a_scene_depends_on_split_seed_and_number_but_not_on_how_many_are_drawn(split):
    few, many = scenes(split, 5), scenes(split, 9)
    assert all(np.array_equal(a.image, b.image) for a, b in zip(few, many, strict=False))
    other = scenes(split, 5, seed=1)
    assert not any(np.array_equal(a.image, b.image) for a, b in zip(few, other, strict=True))


def test_splits_share_no_scene():
    images = [example.image.tobytes() for split in SPLITS for example in scenes(split)]
    assert len(set(images)) == len(images)


def test_held_out_pairs_are_new_as_pairs_only():
    assert len(HELD_OUT) == 8
    assert set(HELD_OUT) | set(SEEN) == set(LABELS)
    assert {name.split()[0] for name in SEEN} == {name.split()[0] for name in HELD_OUT} == set(COLOURS)
    assert {name.split()[1] for name in SEEN} == {name.split()[1] for name in HELD_OUT} == set(SHAPES)
    for split in SPLITS:
        names = {item.name for example in scenes(split, 200) for item in example.objects}
        assert names <= set(HELD_OUT if split == "held-out" else SEEN)
        assert len(names) == (8 if split == "held-out" else 40)


@pytest.mark.parametrize("split", SPLITS)
def test_masks_are_disjoint_boxes_are_tight_and_nothing_is_hidden(split):
    for example in scenes(split, 200):
        assert example.image.shape == (32, 32, 3)
        assert example.image.dtype == np.uint8
        shown = np.sum([item.mask for item in example.objects], axis=0)
        assert shown.max() == 1
        for item in example.objects:
            box = item.box
            inside = item.mask[int(box.top) : int(box.bottom), int(box.left) : int(box.right)]
            assert inside.sum() == item.mask.sum() >= 16
            assert all(edge.any() for edge in (inside[0], inside[-1], inside[:, 0], inside[:, -1]))


def test_pixels_of_a_mask_have_the_colour_of_its_name():
    palette = np.array(list(COLOURS.values()), dtype=float)
    for example in scenes("test", 100):
        for item in example.objects:
            mean = np.median(example.image[item.mask], axis=0)
            nearest = list(COLOURS)[int(np.argmin(((palette - mean) ** 2).sum(axis=1)))]
            assert nearest == item.name.split()[0]


def test_shapes_differ_and_look_as_they_are_called():
    filled = {shape: [] for shape in SHAPES}
    for example in scenes("single", 400):
        item = example.objects[0]
        box = item.box
        area = (box.right - box.left) * (box.bottom - box.top)
        filled[item.name.split()[1]].append(item.mask.sum() / area)
    share = {shape: float(np.mean(values)) for shape, values in filled.items()}
    expected = {"square": 1.0, "circle": np.pi / 4, "diamond": 0.5, "triangle": 0.5, "cross": 0.54}
    for shape, value in expected.items():
        assert share[shape] == pytest.approx(value, abs=0.06), shape
    ring = next(e.objects[0] for e in scenes("single", 400) if e.label.endswith("ring"))
    assert not ring.mask[int((ring.box.top + ring.box.bottom) / 2), int((ring.box.left + ring.box.right) / 2)]


def test_the_label_of_a_single_object_is_its_name_and_the_caption():
    for split in ("single", "held-out"):
        for example in scenes(split):
            assert (example.label,) == example.captions == (example.objects[0].name,)


@pytest.mark.parametrize("split", ["test", "relations"])
def test_relations_are_true_in_the_picture(split):
    told = set()
    for example in scenes(split, 300):
        if len(example.objects) != 2:
            continue
        for caption in example.captions:
            first, relation, second = next(
                (a, word, b) for word in OPPOSITE for a, found, b in [caption.partition(f" {word} ")] if found
            )
            told.add(relation)
            box = {item.name: item.box for item in example.objects}
            right = box[second].left + box[second].right - box[first].left - box[first].right
            down = box[second].top + box[second].bottom - box[first].top - box[first].bottom
            along, across = (right, down) if relation in ("left of", "right of") else (down, right)
            assert (along > 0) == (relation in ("left of", "above"))
            assert abs(along) > abs(across)
    assert told == set(OPPOSITE)


def test_two_objects_of_a_relation_differ_in_colour_and_shape():
    for example in scenes("relations", 200):
        first, second = (set(item.name.split()) for item in example.objects)
        assert not first & second


def test_the_opposite_of_a_caption_is_wrong_and_its_own_opposite():
    assert opposite("red ring left of blue cross") == "red ring right of blue cross"
    assert opposite(opposite("red ring above blue cross")) == "red ring above blue cross"
    with pytest.raises(ValueError, match="'red ring' names none of the relations left of, right of"):
        opposite("red ring")


def test_scenes_can_be_drawn_larger():
    dataset = open_dataset("scenes", split="test", n=3)
    assert dataset.examples[0].image.shape[0] == 32
    from evaluation.datasets.scenes import draw_scene

    small, large = draw_scene("test", 2), draw_scene("test", 2, size=64)
    assert large.image.shape == (64, 64, 3)
    assert small.captions == large.captions


def test_digits_have_a_fixed_split_without_overlap():
    train, test = (open_dataset("digits", split=split) for split in ("train", "test"))
    assert (len(train.examples), len(test.examples)) == (1297, 500)
    assert {example.label for example in test.examples} == set(test.labels)
    assert test.labels.index("zero") == 0
    assert {example.image.shape for example in test.examples} == {(8, 8, 3)}
    seen = {example.image.tobytes() for example in train.examples}
    assert not [example for example in test.examples if example.image.tobytes() in seen]
    assert max(int(example.image.max()) for example in test.examples) == 255


def test_digits_carry_their_own_label():
    from sklearn.datasets import load_digits

    digits = load_digits()
    images = np.rint(digits.images * (255 / 16)).astype(np.uint8)
    truth = {image.tobytes(): int(target) for image, target in zip(images, digits.target, strict=True)}
    for example in open_dataset("digits", n=80, seed=3).examples:
        label = open_dataset("digits", n=1).labels[
            truth[np.ascontiguousarray(example.image[..., 0]).tobytes()]
        ]
        assert label == example.label


@pytest.mark.parametrize("name", ["scenes", "digits"])
def test_an_unknown_split_names_those_there_are(name):
    with pytest.raises(UnknownName, match="no split 'nope'; allowed: train, test"):
        open_dataset(name, split="nope")
