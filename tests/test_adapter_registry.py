"""Finding adapters: from a table, without torch, also those of other packages; and what is said otherwise."""

import subprocess
import sys
from dataclasses import replace

import pytest
import torch
from tiny_checkpoints import tiny

from evaluation import registry
from evaluation.errors import CheckpointUnusable, DeviceMissing, NoAdapter
from evaluation.families import FAMILIES
from evaluation.registry import capabilities_of, families, missing, open_runner


def test_asking_what_an_adapter_can_do_imports_no_torch():
    code = """
import sys
from evaluation.registry import capabilities_of, missing
assert capabilities_of("transformers", "CLIPModel") == ("EmbedsImages", "EmbedsTexts", "Scores")
assert missing("transformers", "CLIPModel") is None
assert not {"torch", "transformers", "diffusers"} & set(sys.modules), "too much was imported"
"""
    subprocess.run([sys.executable, "-c", code], check=True)


def test_a_model_type_is_as_good_as_a_loader_class():
    assert capabilities_of("transformers", "clip") == capabilities_of("transformers", "CLIPModel")
    assert capabilities_of("transformers", "sam2") == ("Segments",)
    assert capabilities_of("transformers", "") is None


def test_no_class_is_listed_twice():
    listed = [(family.library, loader) for family in FAMILIES for loader, _ in family.loaders]
    kinds = [(family.library, kind) for family in FAMILIES for _, kind in family.loaders if kind]
    assert len(listed) == len(set(listed))
    assert len(kinds) == len(set(kinds))


def test_model_types_are_those_of_the_library():
    import transformers

    for family in FAMILIES:
        for loader, kind in family.loaders if family.library == "transformers" else ():
            if kind:
                assert getattr(transformers, loader).config_class.model_type == kind


@pytest.mark.parametrize(
    ("library", "name", "part"),
    [
        ("timm", "timm.create_model", "it needs timm, which needs torchvision"),
        (
            "open_clip",
            "open_clip.create_model_and_transforms",
            "it needs open_clip_torch, which needs torchvision",
        ),
        ("transformers", "FlavaModel", "no adapter for FlavaModel of transformers yet"),
        ("keras", "Anything", "it needs keras"),
    ],
)
def test_a_checkpoint_without_an_adapter_says_what_it_needs(library, name, part):
    assert capabilities_of(library, name) is None
    assert part in missing(library, name)
    files = replace(tiny("ViTModel"), library=library, loader_class=name)
    with pytest.raises(NoAdapter, match="cannot run tiny/ViTModel: "):
        open_runner(files)


@pytest.mark.parametrize("loader", ["AutoModel", "AutoModelForImageClassification", ""])
def test_a_loader_class_that_leaves_the_choice_open_is_read_from_the_checkpoint(loader):
    files = tiny("ViTForImageClassification")
    assert type(open_runner(replace(files, loader_class=loader))).__name__ == "Classifier"


def test_the_class_of_a_pipeline_is_read_from_its_index():
    runner = open_runner(replace(tiny("DiTPipeline"), loader_class="DiffusionPipeline"))
    assert type(runner).__name__ == "ClassDiffusion"


def test_a_device_that_is_not_there_is_named():
    with pytest.raises(DeviceMissing, match="no device 'tpu'; allowed: cpu, cuda"):
        open_runner(tiny("ViTModel"), "tpu")


@pytest.mark.skipif(torch.cuda.is_available(), reason="this machine has a CUDA device")
def test_a_machine_without_cuda_says_so():
    with pytest.raises(DeviceMissing, match="no CUDA device that torch can use; choose cpu"):
        open_runner(tiny("ViTModel"), "cuda")


def test_a_folder_that_is_not_there_is_named(tmp_path):
    with pytest.raises(CheckpointUnusable, match=r"there is no folder .*nowhere"):
        open_runner(replace(tiny("ViTModel"), folder=tmp_path / "nowhere"))


THEIRS = """
from evaluation.families import Family

family = Family("json", "their_adapter:Runner", ("Captions",), (("JSONDecoder", "json-model"),))


class Runner:
    def __init__(self, files, loader, device):
        self.opened = (files.hub_id, loader, device)

    def caption(self, images):
        return ["theirs"] * len(images)
"""


@pytest.fixture
def _their_package(tmp_path, monkeypatch):
    """An installed package that brings an adapter."""
    (tmp_path / "their_adapter.py").write_text(THEIRS)
    about = tmp_path / "their_adapter-1.0.dist-info"
    about.mkdir()
    (about / "METADATA").write_text("Metadata-Version: 2.1\nName: their-adapter\nVersion: 1.0\n")
    (about / "entry_points.txt").write_text("[vfm_atlas.adapters]\ntheirs = their_adapter:family\n")
    monkeypatch.syspath_prepend(tmp_path)
    families.cache_clear()
    yield
    families.cache_clear()
    sys.modules.pop("their_adapter", None)


@pytest.mark.usefixtures("_their_package")
def test_another_package_brings_an_adapter_by_an_entry_point():
    assert capabilities_of("json", "json-model") == ("Captions",)
    runner = open_runner(replace(tiny("ViTModel"), library="json", loader_class="json-model"))
    assert runner.opened == ("tiny/ViTModel", "JSONDecoder", "cpu")
    assert runner.caption([None]) == ["theirs"]


@pytest.mark.usefixtures("_their_package")
def test_adapters_of_vfm_atlas_stay_beside_those_of_others():
    assert len(registry.families()) == len(FAMILIES) + 1
    assert missing("transformers", "CLIPModel") is None
