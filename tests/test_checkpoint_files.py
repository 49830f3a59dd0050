"""Which files of a repository loading needs, which are refused, and what pinning keeps."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import select

from graph.checkpoints import (
    CheckpointFacts,
    RepoFile,
    choose_files,
    facts_of,
    is_plain_path,
    pin,
    read_all_facts,
    read_facts,
    write_files,
)
from graph.errors import UnknownName
from graph.schema import Checkpoint

COMMIT = "a" * 40


def files(*paths: str) -> list[RepoFile]:
    return [RepoFile(path, 10, "f" * 64, None) for path in paths]


def chosen(library: str, *paths: str) -> tuple[set[str], set[str], set[str]]:
    choice = choose_files(files(*paths), library)
    return {each.path for each in choice.weights}, {each.path for each in choice.texts}, set(choice.pickled)


def test_a_model_of_transformers_takes_its_safetensors_and_texts_only():
    weights, texts, pickled = chosen(
        "transformers", "model.safetensors", "pytorch_model.bin", "tf_model.h5", "flax_model.msgpack",
        "config.json", "merges.txt", "README.md", "own.py", "onnx/model.onnx", "training_args.bin",
    )  # fmt: skip
    assert weights == {"model.safetensors"}
    assert texts == {"config.json", "merges.txt"}
    assert pickled == set(), "the pickle has safetensors beside it"


def test_weights_in_several_parts_are_taken_whole():
    parts = ("model-00001-of-00002.safetensors", "model-00002-of-00002.safetensors")
    assert chosen("transformers", *parts, "model.safetensors.index.json")[0] == set(parts)


def test_a_pipeline_takes_the_parts_in_folders_and_no_second_precision():
    weights, texts, pickled = chosen(
        "diffusers", "model_index.json", "v1-5.safetensors", "unet/diffusion_pytorch_model.safetensors",
        "unet/diffusion_pytorch_model.fp16.safetensors", "unet/diffusion_pytorch_model.non_ema.safetensors",
        "unet/config.json", "text_encoder/model.safetensors", "text_encoder/pytorch_model.bin",
        "vae/config.json", "vae/diffusion_pytorch_model.bin", "tokenizer/vocab.json", "a/b/deep.json",
    )  # fmt: skip
    assert weights == {"unet/diffusion_pytorch_model.safetensors", "text_encoder/model.safetensors"}
    assert texts == {"model_index.json", "unet/config.json", "vae/config.json", "tokenizer/vocab.json"}
    assert pickled == {"vae/diffusion_pytorch_model.bin"}


def test_one_part_of_a_pipeline_has_its_weights_beside_its_settings():
    assert chosen(
        "diffusers", "config.json", "diffusion_pytorch_model.safetensors", "other/model.safetensors"
    )[0] == {"diffusion_pytorch_model.safetensors"}


def test_safetensors_of_another_kind_are_not_taken_for_a_model():
    assert chosen("transformers", "adapter_model.safetensors", "config.json")[0] == set()
    assert chosen("timm", "open_clip_model.safetensors")[0] == {"open_clip_model.safetensors"}


def test_a_repository_with_pickles_alone_says_which():
    assert chosen("transformers", "config.json", "pytorch_model.bin", "pytorch_model-00001-of-00002.bin")[
        2
    ] == {
        "pytorch_model.bin",
        "pytorch_model-00001-of-00002.bin",
    }


@pytest.mark.parametrize(
    "path",
    [
        "../model.safetensors",
        "/etc/passwd",
        "a/../b.json",
        "",
        "a\\b.json",
        "x\n.json",
        "C:x.json",
        "y" * 501,
    ],
)
def test_a_path_that_leads_elsewhere_is_no_file(path):
    assert not is_plain_path(path)
    assert choose_files(files(path), "transformers").files == ()


@given(st.text(max_size=30))
def test_a_plain_path_stays_in_its_folder(path):
    if is_plain_path(path):
        assert not path.startswith("/")
        assert ".." not in path.split("/")
        assert path.isprintable()


def test_sizes_are_those_of_what_is_fetched():
    choice = choose_files(files("model.safetensors", "pytorch_model.bin", "config.json"), "transformers")
    assert (choice.weight_bytes, choice.bytes) == (10, 20)


# --- in the library ----------------------------------------------------------------------------------------


def test_facts_of_a_checkpoint_are_read_with_its_files(small_library):
    with small_library.writing() as session:
        row = session.scalars(select(Checkpoint).where(Checkpoint.hub_id == "lab/clip-base")).one()
        write_files(session, row, [*files("model.safetensors", "config.json"), *files("../out.json")])
    with small_library.reading() as session:
        facts = read_facts(session, "lab/clip-base")
        assert [each.path for each in facts.files] == ["config.json", "model.safetensors"]
        assert (facts.library, facts.loader_class, facts.state) == ("transformers", "CLIPModel", "unchecked")
        assert read_facts(session, "lab/clip-base", "CLIPModel") == facts
        assert (
            session.scalars(select(Checkpoint.weight_bytes).where(Checkpoint.hub_id == "lab/clip-base")).one()
            == 10
        )
        assert [each.hub_id for each in read_all_facts(session, ["clip"])] == ["lab/clip-base"]
        assert [each.hub_id for each in read_all_facts(session)] == ["lab/clip-base", "lab/ldm"]
        assert read_facts(session, "lab/ldm").files is None


def test_files_that_are_told_again_replace_those_before(small_library):
    with small_library.writing() as session:
        row = session.scalars(select(Checkpoint).where(Checkpoint.hub_id == "lab/ldm")).one()
        write_files(session, row, files("model_index.json", "unet/model.safetensors"))
        write_files(session, row, files("model_index.json"))
        session.flush()
        session.expire_all()
        assert [each.path for each in facts_of(row).files] == ["model_index.json"]
        assert row.weight_bytes is None


def test_an_unknown_checkpoint_is_answered_with_the_nearest(small_library):
    with small_library.reading() as session:
        with pytest.raises(UnknownName, match=r"no checkpoint 'lab/clip-bas'; nearest: lab/clip-base"):
            read_facts(session, "lab/clip-bas")
        with pytest.raises(UnknownName, match="allowed: CLIPModel"):
            read_facts(session, "lab/clip-base", "ViTModel")


def test_the_first_use_pins_and_a_pin_stays(small_library):
    with small_library.writing() as session:
        assert pin(session, "lab/clip-base", COMMIT, files("model.safetensors"))
        assert not pin(session, "lab/clip-base", "b" * 40, files("other.json"))
    with small_library.reading() as session:
        facts = read_facts(session, "lab/clip-base")
        assert (facts.revision, facts.commit) == (COMMIT, COMMIT)
        assert [each.path for each in facts.files] == ["model.safetensors"]


@pytest.mark.parametrize("revision", ["main", "a" * 39, "A" * 40, ""])
def test_what_can_change_is_no_pin(small_library, revision):
    with small_library.writing() as session, pytest.raises(ValueError, match="is no commit"):
        pin(session, "lab/clip-base", revision)


def test_files_are_of_the_pinned_commit_else_of_the_newest():
    facts = CheckpointFacts("a/b", "transformers", "X", "t", head_revision="b" * 40)
    assert facts.commit == "b" * 40
    assert (
        CheckpointFacts("a/b", "transformers", "X", "t", revision=COMMIT, head_revision="b" * 40).commit
        == COMMIT
    )
