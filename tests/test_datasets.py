"""Datasets of a user's own: folders of images, COCO files, and what is said when they are broken."""

import json

import numpy as np
import pytest
from PIL import Image as PillowImage
from pycocotools import mask as coco_mask

from evaluation.datasets import open_dataset
from evaluation.errors import DatasetError
from graph.errors import UnknownName


def picture(path, colour=(255, 0, 0), size=(6, 4)):
    path.parent.mkdir(parents=True, exist_ok=True)
    PillowImage.new("RGB", size, colour).save(path)


@pytest.fixture
def pets(tmp_path):
    for split, count in (("train", 3), ("test", 4)):
        for label in ("cat", "dog"):
            for number in range(count):
                picture(
                    tmp_path / "pets" / split / label / f"{number}.png", (number, 0, 9 * (label == "cat"))
                )
    return tmp_path / "pets"


def test_folders_of_a_split_are_the_classes(pets):
    data = open_dataset(f"folder:{pets}")
    assert (data.name, data.split, data.labels) == ("folder:pets", "test", ("cat", "dog"))
    assert [each.label for each in data.examples] == ["cat"] * 4 + ["dog"] * 4
    assert data.examples[0].image.shape == (4, 6, 3)
    assert data.examples[0].image.dtype == np.uint8
    assert len(open_dataset(f"folder:{pets}", split="train").examples) == 6


def test_the_same_seed_draws_the_same_examples(pets):
    fingerprints = [open_dataset(f"folder:{pets}", n=3, seed=seed).fingerprint for seed in (1, 1, 2)]
    assert fingerprints[0] == fingerprints[1] != fingerprints[2]


def test_a_changed_pixel_changes_the_fingerprint(pets):
    before = open_dataset(f"folder:{pets}").fingerprint
    picture(pets / "test" / "cat" / "0.png", (200, 0, 0))
    assert open_dataset(f"folder:{pets}").fingerprint != before


def test_a_folder_says_what_it_is(pets):
    (pets / "dataset.toml").write_text('name = "pets"\nversion = 2\nlicence = "CC0"\n')
    data = open_dataset(f"folder:{pets}")
    assert (data.name, data.version, data.licence) == ("pets", 2, "CC0")
    (pets / "dataset.toml").write_text('title = "pets"\n')
    with pytest.raises(DatasetError, match=r"dataset.toml: title: .*name, version, licence, source"):
        open_dataset(f"folder:{pets}")


def test_images_without_classes_may_have_captions_and_depth_beside_them(tmp_path):
    picture(tmp_path / "one.png")
    (tmp_path / "one.txt").write_text("a red field\n\nnothing but red\n")
    np.save(tmp_path / "one.depth.npy", np.ones((4, 6)))
    picture(tmp_path / "two.jpg")
    data = open_dataset(f"folder:{tmp_path}")
    assert (data.split, data.labels) == ("all", ())
    assert [each.captions for each in data.examples] == [("a red field", "nothing but red"), ()]
    assert data.examples[0].depth.shape == (4, 6)
    assert data.examples[1].depth is None


@pytest.mark.parametrize(
    ("make", "complaint"),
    [
        (lambda at: None, "no images in"),
        (lambda at: (at / "a.png").write_bytes(b"\x89PNG no"), "cannot read the image"),
        (lambda at: (picture(at / "a.png"), np.save(at / "a.depth.npy", np.ones((2, 2)))), r"shape \(2, 2\)"),
        (lambda at: (picture(at / "a.png"), (at / "a.depth.npy").write_text("no")), "cannot read the depth"),
        (lambda at: (picture(at / "a.png"), (at / "a.txt").write_bytes(b"\xff")), "cannot read the captions"),
    ],
)
def test_a_broken_folder_is_named(tmp_path, make, complaint):
    make(tmp_path)
    with pytest.raises(DatasetError, match=complaint):
        open_dataset(f"folder:{tmp_path}")


def test_an_unreasonably_large_image_is_not_read(tmp_path, monkeypatch):
    monkeypatch.setattr("evaluation.datasets.local.MOST_PIXELS", 20)
    picture(tmp_path / "large.png")
    with pytest.raises(DatasetError, match="6 x 4 pixels"):
        open_dataset(f"folder:{tmp_path}")


def test_names_that_do_not_exist_list_those_that_do(pets):
    with pytest.raises(
        UnknownName, match="no dataset 'imagenet'; allowed: scenes, digits, photos, folder:PATH"
    ):
        open_dataset("imagenet")
    with pytest.raises(UnknownName, match="no dataset 'folder:'"):
        open_dataset("folder:")
    with pytest.raises(UnknownName, match="no split 'val'; allowed: train, test"):
        open_dataset(f"folder:{pets}", split="val")
    with pytest.raises(UnknownName, match="no split 'train'"):
        open_dataset("photos", split="train")
    with pytest.raises(DatasetError, match="is not a folder"):
        open_dataset("folder:/nowhere")


def test_photos_are_two_real_photographs():
    data = open_dataset("photos")
    assert [each.image.shape for each in data.examples] == [(427, 640, 3), (427, 640, 3)]
    assert all(each.captions for each in data.examples)


@pytest.fixture
def coco(tmp_path):
    """A COCO file with a polygon, run lengths of both kinds, a box without mask, and a crowd."""
    random = np.random.default_rng(7)
    mask = random.random((40, 50)) < 0.4
    runs = coco_mask.encode(np.asfortranarray(mask, dtype=np.uint8))
    flat = mask.T.ravel()
    changes = np.flatnonzero(np.diff(flat)) + 1
    counts = np.diff([0, *changes, flat.size]).tolist()
    polygon = [4.5, 3.2, 30.7, 6.1, 22.4, 35.9, 5.0, 30.0]
    shapes = [
        {"segmentation": [polygon], "bbox": [4, 3, 27, 33]},
        {"segmentation": {"size": [40, 50], "counts": runs["counts"].decode()}, "bbox": [0, 0, 50, 40]},
        {
            "segmentation": {"size": [40, 50], "counts": ([0] if flat[0] else []) + counts},
            "bbox": [0, 0, 50, 40],
        },
        {"bbox": [1, 2, 3, 4]},
        {"bbox": [1, 2, 3, 4], "iscrowd": 1},
    ]
    content = {
        "images": [{"id": 7, "file_name": "a.png"}, {"id": 3, "file_name": "b.png"}],
        "categories": [{"id": 9, "name": "kite"}, {"id": 2, "name": "boat"}],
        "annotations": [
            *({"image_id": 7, "category_id": 9, **shape} for shape in shapes),
            {"image_id": 3, "caption": " nothing "},
        ],
    }
    for name in ("a.png", "b.png"):
        picture(tmp_path / "images" / name, size=(50, 40))
    path = tmp_path / "instances.json"
    path.write_text(json.dumps(content))
    return path, content, mask, polygon


# pycocotools is older than NumPy 2 here.
@pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning")
def test_a_coco_file_is_read_as_pycocotools_reads_it(coco):
    path, _, mask, polygon = coco
    data = open_dataset(f"coco:{path}")
    assert data.labels == ("boat", "kite")
    first, second = data.examples
    theirs = coco_mask.decode(coco_mask.merge(coco_mask.frPyObjects([polygon], 40, 50))).astype(bool)
    assert (first.objects[0].mask == theirs).all()
    assert theirs.sum() > 300
    assert (first.objects[1].mask == mask).all()
    assert (first.objects[2].mask == mask).all()
    assert first.objects[3].mask.size == 0
    assert vars(first.objects[3].box) == {"left": 1, "top": 2, "right": 4, "bottom": 6}
    assert len(first.objects) == 4
    assert second.captions == ("nothing",)


@pytest.mark.parametrize(
    ("change", "complaint"),
    [
        (lambda c: c.pop("images"), "images: Field required"),
        (lambda c: c["annotations"][0].update(bbox=[1, 2, 3]), r"annotations.0.bbox"),
        (lambda c: c["annotations"][0].update(category_id=5), "has no category 5"),
        (lambda c: c["annotations"][0].update(segmentation=[[1, 2, 3, 4]]), "fewer than three points"),
        (lambda c: c["annotations"][1]["segmentation"].update(size=[50, 40]), "does not fit"),
        (lambda c: c["annotations"][2]["segmentation"].update(counts=[-3, 2003]), "does not fit"),
        (lambda c: c["images"][0].update(file_name="c.png"), "no image 'c.png' in"),
    ],
)
def test_a_broken_coco_file_says_where(coco, change, complaint):
    path, content, *_ = coco
    change(content)
    path.write_text(json.dumps(content))
    with pytest.raises(DatasetError, match=complaint):
        open_dataset(f"coco:{path}")


def test_what_is_no_coco_file_is_said(tmp_path):
    with pytest.raises(DatasetError, match=r"cannot read .* as a COCO file .No such file"):
        open_dataset(f"coco:{tmp_path / 'no.json'}")
    (tmp_path / "list.json").write_text("[]")
    with pytest.raises(DatasetError, match="is no COCO file: the file"):
        open_dataset(f"coco:{tmp_path / 'list.json'}")
