"""How checkpoints are read from a folder: what is refused, and what is made do with."""

import hashlib
import json
import shutil

import numpy as np
import pytest
import torch
import transformers
from PIL import Image
from safetensors.torch import load_file, save_file
from test_adapter_protocols import IMAGES
from tiny_checkpoints import IMAGE_SIZE, clip_tokenizer, of_folder, tiny

from evaluation.errors import CheckpointUnusable
from evaluation.loading import load_image_processor, load_tokenizer, weights_sha256
from evaluation.registry import open_runner


def _copied(loader, to):
    files = tiny(loader)
    shutil.copytree(files.folder, to, dirs_exist_ok=True)
    return of_folder(to, loader, files.library)


def test_pickled_weights_are_refused(tmp_path):
    files = _copied("ViTModel", tmp_path)
    weights = tmp_path / "model.safetensors"
    torch.save(load_file(weights), tmp_path / "pytorch_model.bin")
    weights.unlink()
    with pytest.raises(CheckpointUnusable, match=r"cannot load tiny/ViTModel: .*safetensors"):
        open_runner(files)


def test_weights_that_would_be_drawn_at_random_are_refused(tmp_path):
    _copied("ViTModel", tmp_path)
    files = of_folder(tmp_path, "ViTForImageClassification")
    with pytest.raises(CheckpointUnusable, match=r"2 weights .* are missing .*classifier.bias"):
        open_runner(files)


def test_weights_of_another_shape_are_refused(tmp_path):
    files = _copied("ViTForImageClassification", tmp_path)
    weights = load_file(tmp_path / "model.safetensors")
    weights["classifier.weight"] = torch.zeros(2, 16)
    save_file(weights, tmp_path / "model.safetensors", metadata={"format": "pt"})
    with pytest.raises(CheckpointUnusable, match=r"classifier.weight|mismatch"):
        open_runner(files)


def test_a_pooler_that_nothing_reads_may_be_missing(tmp_path):
    files = _copied("ViTModel", tmp_path)
    before = open_runner(files).embed_images(IMAGES)
    weights = {k: v for k, v in load_file(tmp_path / "model.safetensors").items() if "pooler" not in k}
    save_file(weights, tmp_path / "model.safetensors", metadata={"format": "pt"})
    assert np.array_equal(open_runner(files).embed_images(IMAGES), before)


def test_code_that_lies_beside_a_checkpoint_is_never_run(tmp_path):
    files = _copied("ViTModel", tmp_path)
    (tmp_path / "evil.py").write_text(f"open({str(tmp_path / 'ran')!r}, 'w').close()\nclass Evil: ...\n")
    for name, key in (("config.json", "AutoModel"), ("preprocessor_config.json", "AutoImageProcessor")):
        settings = json.loads((tmp_path / name).read_text())
        (tmp_path / name).write_text(json.dumps({**settings, "auto_map": {key: "evil.Evil"}}))
    assert open_runner(files).embed_images(IMAGES).shape == (2, 16)
    assert not (tmp_path / "ran").exists()


def test_a_config_that_is_no_json_is_named(tmp_path):
    files = _copied("UNet2DModel", tmp_path)
    (tmp_path / "vfm_atlas.json").write_text("{")
    with pytest.raises(CheckpointUnusable, match=r"vfm_atlas\.json cannot be read as JSON"):
        open_runner(files)


def test_a_class_diffusion_model_without_names_of_classes_is_refused(tmp_path):
    files = _copied("UNet2DModel", tmp_path)
    (tmp_path / "vfm_atlas.json").unlink()
    with pytest.raises(CheckpointUnusable, match="do not name the classes"):
        open_runner(files)


def test_weights_in_half_precision_are_worked_with_in_single(tmp_path):
    files = _copied("ViTModel", tmp_path)
    weights = {name: tensor.half() for name, tensor in load_file(tmp_path / "model.safetensors").items()}
    save_file(weights, tmp_path / "model.safetensors", metadata={"format": "pt"})
    settings = json.loads((tmp_path / "config.json").read_text())
    (tmp_path / "config.json").write_text(json.dumps({**settings, "dtype": "float16"}))
    runner = open_runner(files)
    assert runner.dtype == "float32"
    assert np.allclose(
        runner.embed_images(IMAGES), open_runner(tiny("ViTModel")).embed_images(IMAGES), atol=0.02
    )


def test_a_part_that_is_there_in_half_precision_only_is_found(tmp_path):
    files = _copied("StableDiffusionPipeline", tmp_path)
    for path in tmp_path.rglob("*.safetensors"):
        path.rename(path.with_name(path.name.replace(".safetensors", ".fp16.safetensors")))
    expected = open_runner(tiny("StableDiffusionPipeline")).generate(["red circle"], 1)[0]
    assert (open_runner(files).generate(["red circle"], 1)[0] == expected).all()


def test_a_pipeline_part_of_a_library_that_is_not_here_is_named(tmp_path):
    files = _copied("StableDiffusionXLPipeline", tmp_path)
    index = json.loads((tmp_path / "model_index.json").read_text())
    (tmp_path / "model_index.json").write_text(json.dumps({**index, "unet": ["own_code", "OwnUNet"]}))
    with pytest.raises(CheckpointUnusable, match="its part unet is a OwnUNet of own_code, which is not here"):
        open_runner(files)


@pytest.mark.parametrize("loader", ["DINOv3ViTModel", "Sam2Model"])
def test_a_processor_written_for_torchvision_is_replaced_by_one_with_the_same_numbers(loader):
    files = tiny(loader)
    settings = files.metadata("preprocessor_config.json")
    assert settings["image_processor_type"].endswith("Fast")
    with pytest.raises((OSError, ValueError, ImportError)):
        transformers.AutoImageProcessor.from_pretrained(files.folder)
    processor = load_image_processor(files)
    side = 64 if loader == "Sam2Model" else IMAGE_SIZE
    made = processor(IMAGES[0], return_tensors="np")["pixel_values"][0]
    smaller = Image.fromarray(IMAGES[0]).resize((side, side), Image.Resampling.BILINEAR)
    expected = (np.asarray(smaller) / 255 - settings["image_mean"]) / settings["image_std"]
    assert settings["image_mean"] == [0.4, 0.5, 0.6]
    assert np.allclose(made, expected.transpose(2, 0, 1), atol=1e-3)


def test_a_missing_image_processor_is_an_error_of_the_checkpoint(tmp_path):
    files = _copied("ViTModel", tmp_path)
    (tmp_path / "preprocessor_config.json").unlink()
    with pytest.raises(CheckpointUnusable, match="cannot load tiny/ViTModel"):
        open_runner(files)


def test_a_tokenizer_whose_class_needs_more_than_is_installed_is_read_from_its_own_file(tmp_path):
    clip_tokenizer().save_pretrained(tmp_path)
    expected = clip_tokenizer()(["red circle"])["input_ids"]
    settings = json.loads((tmp_path / "tokenizer_config.json").read_text())
    (tmp_path / "tokenizer_config.json").write_text(
        json.dumps({**settings, "tokenizer_class": "SiglipTokenizer"})
    )
    with pytest.raises((ImportError, ValueError, OSError)):
        transformers.AutoTokenizer.from_pretrained(tmp_path)
    assert load_tokenizer(of_folder(tmp_path, "SiglipModel"))(["red circle"])["input_ids"] == expected


def test_the_hash_of_weights_is_that_of_the_file_or_of_all_files_in_order(tmp_path):
    (tmp_path / "b").mkdir()
    (tmp_path / "b" / "one.safetensors").write_bytes(b"one")
    one = hashlib.sha256(b"one").hexdigest()
    assert weights_sha256(tmp_path) == one
    (tmp_path / "a.safetensors").write_bytes(b"two")
    two = hashlib.sha256(b"two").hexdigest()
    expected = hashlib.sha256(f"{two}  a.safetensors\n{one}  b/one.safetensors\n".encode()).hexdigest()
    assert weights_sha256(tmp_path) == expected
