"""Tiny checkpoints with random weights, one per class that an adapter runs, made once per test run.

Each is built from its configuration, shaken (a weight that starts at zero could hide that nothing reads it),
saved as safetensors with its processor or tokenizer, and then known by its folder alone.
"""

import atexit
import json
import shutil
import string
import tempfile
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any

import torch
import transformers
from transformers.utils import logging

from evaluation.loading import CheckpointFiles, weights_sha256

logging.set_verbosity_error()
logging.disable_progress_bar()

CLASSES = ("red circle", "tabby, tabby cat", "great_white_shark", "digit 7")
IMAGE_SIZE = 32
ODD_MEAN = [0.4, 0.5, 0.6]

_Maker = Callable[[Path], None]
_MAKERS: dict[str, tuple[str, _Maker]] = {}


def makes(
    *loaders: str, library: str = "transformers"
) -> Callable[[Callable[..., None]], Callable[..., None]]:
    """Registers a function that writes a checkpoint of each of these classes: `maker(folder, loader)`."""

    def register(maker: Callable[..., None]) -> Callable[..., None]:
        for loader in loaders:
            _MAKERS[loader] = (library, lambda folder, loader=loader: maker(folder, loader))
        return maker

    return register


def made_loaders() -> tuple[str, ...]:
    """All classes that there is a tiny checkpoint of."""
    import tiny_diffusers  # noqa: F401 - registers its own
    import tiny_segmenters  # noqa: F401

    return tuple(sorted(_MAKERS))


@cache
def tiny(loader: str) -> CheckpointFiles:
    """The checkpoint of a class; nobody writes to its folder."""
    made_loaders()
    library, maker = _MAKERS[loader]
    folder = _folder() / loader
    folder.mkdir()
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(20261124)
        maker(folder)
    return of_folder(folder, loader, library)


def of_folder(folder: Path, loader: str, library: str = "transformers") -> CheckpointFiles:
    return CheckpointFiles(f"tiny/{loader}", folder, library, loader, None, weights_sha256(folder))


@cache
def _folder() -> Path:
    path = Path(tempfile.mkdtemp(prefix="tiny-checkpoints-"))
    atexit.register(shutil.rmtree, path, ignore_errors=True)
    return path


def save(folder: Path, model: Any, *parts: Any, shaken: float = 0.1) -> None:
    """The model, shaken, and what goes with it."""
    shake(model, shaken)
    model.save_pretrained(folder)
    for part in parts:
        part.save_pretrained(folder)


def shake(model: torch.nn.Module, by: float = 0.1) -> None:
    """Random amounts added to all weights."""
    with torch.no_grad():
        for weight in model.parameters():
            if weight.is_floating_point():
                weight.add_(torch.randn_like(weight) * by)


def labelled() -> dict[str, Any]:
    return {"id2label": dict(enumerate(CLASSES)), "label2id": {name: i for i, name in enumerate(CLASSES)}}


_LETTERS = string.ascii_lowercase + string.digits + ".,'?<>|"
# As in CLIP, the first word is an ordinary one: OWL-ViT takes a text that begins with number 0 for no text.
_CLIP_WORDS = ["!", *_LETTERS, *(f"{letter}</w>" for letter in _LETTERS), "<|startoftext|>", "<|endoftext|>"]


def clip_tokenizer() -> Any:
    return transformers.CLIPTokenizer(
        vocab={word: index for index, word in enumerate(_CLIP_WORDS)}, merges=[], model_max_length=32
    )


def clip_text(**more: Any) -> dict[str, Any]:
    """Settings of a text tower that reads `clip_tokenizer`."""
    return {
        "vocab_size": 100,
        "hidden_size": 16,
        "intermediate_size": 32,
        "num_hidden_layers": 1,
        "num_attention_heads": 2,
        "max_position_embeddings": 32,
        "bos_token_id": len(_CLIP_WORDS) - 2,
        "eos_token_id": len(_CLIP_WORDS) - 1,
        "pad_token_id": len(_CLIP_WORDS) - 1,
        **more,
    }


def bert_tokenizer() -> Any:
    words = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", *string.ascii_lowercase, *string.digits, ".", ","]
    words += [f"##{letter}" for letter in string.ascii_lowercase + string.digits]
    vocab = {word: index for index, word in enumerate(words)}
    return transformers.BertTokenizer(vocab=vocab, model_max_length=64)


def bert_text(**more: Any) -> dict[str, Any]:
    """Settings of a text tower that reads `bert_tokenizer`."""
    return {
        "vocab_size": 90,
        "hidden_size": 16,
        "intermediate_size": 32,
        "num_hidden_layers": 1,
        "num_attention_heads": 2,
        "max_position_embeddings": 64,
        "bos_token_id": 2,
        "eos_token_id": 3,
        "sep_token_id": 3,
        "pad_token_id": 0,
        **more,
    }


def vit(**more: Any) -> dict[str, Any]:
    """Settings of a vision transformer."""
    return {
        "image_size": IMAGE_SIZE,
        "patch_size": 8,
        "hidden_size": 16,
        "intermediate_size": 32,
        "num_hidden_layers": 2,
        "num_attention_heads": 2,
        **more,
    }


def square(kind: str = "ViTImageProcessorPil", **more: Any) -> Any:
    """An image processor that makes squares of IMAGE_SIZE."""
    size = {"height": IMAGE_SIZE, "width": IMAGE_SIZE}
    return getattr(transformers, kind)(**{"size": size, "crop_size": size, **more})


@makes("CLIPModel", "MetaClip2Model", "AltCLIPModel", "ChineseCLIPModel", "SiglipModel")
def _clip_like(folder: Path, loader: str) -> None:
    kind = loader.removesuffix("Model")
    config = getattr(transformers, f"{kind}Config")
    text = bert_text() if kind == "ChineseCLIP" else clip_text(projection_size=16)
    tokenizer = bert_tokenizer() if kind == "ChineseCLIP" else clip_tokenizer()
    if kind == "AltCLIP":
        text |= {"project_dim": 16, "max_position_embeddings": 140, "type_vocab_size": 1}
    built = getattr(transformers, loader)(config(text_config=text, vision_config=vit(), projection_dim=16))
    save(folder, built, tokenizer, square("CLIPImageProcessorPil"))


@makes("Siglip2Model")
def _siglip2(folder: Path, loader: str) -> None:
    vision = vit(num_patches=16)
    config = transformers.Siglip2Config(text_config=clip_text(projection_size=16), vision_config=vision)
    processor = transformers.Siglip2ImageProcessorPil(patch_size=8, max_num_patches=16)
    save(folder, transformers.Siglip2Model(config), clip_tokenizer(), processor)


@makes("AlignModel")
def _align(folder: Path, loader: str) -> None:
    config = transformers.AlignConfig(
        text_config=bert_text(),
        vision_config={
            "image_size": IMAGE_SIZE,
            "width_coefficient": 0.1,
            "depth_coefficient": 0.1,
            "hidden_dim": 8,
            **_mb_conv(),
        },
        projection_dim=8,
    )
    save(
        folder,
        transformers.AlignModel(config),
        bert_tokenizer(),
        square("EfficientNetImageProcessorPil"),
        shaken=0.5,
    )


def _mb_conv() -> dict[str, Any]:
    return {
        "in_channels": [32, 16],
        "out_channels": [16, 24],
        "kernel_sizes": [3, 3],
        "strides": [1, 2],
        "num_block_repeats": [1, 1],
        "expand_ratios": [1, 6],
        "depthwise_padding": [],
    }


@makes("GroupViTModel")
def _groupvit(folder: Path, loader: str) -> None:
    config = transformers.GroupViTConfig(
        text_config=clip_text(),
        vision_config=vit(depths=[1, 1, 1], num_group_tokens=[8, 4, 0], num_output_groups=[8, 4, 4]),
        projection_dim=16,
        projection_intermediate_dim=32,
    )
    save(folder, transformers.GroupViTModel(config), clip_tokenizer(), square("CLIPImageProcessorPil"))


@makes("BlipForConditionalGeneration")
def _blip(folder: Path, loader: str) -> None:
    text = bert_text(encoder_hidden_size=16, projection_dim=16, is_decoder=True)
    config = transformers.BlipConfig(text_config=text, vision_config=vit(), projection_dim=16)
    save(
        folder,
        transformers.BlipForConditionalGeneration(config),
        bert_tokenizer(),
        square("BlipImageProcessorPil"),
    )


@makes("BlipForImageTextRetrieval")
def _matching(folder: Path, loader: str) -> None:
    text = bert_text(encoder_hidden_size=16, projection_dim=16)
    config = transformers.BlipConfig(
        text_config=text, vision_config=vit(), projection_dim=16, image_text_hidden_size=16
    )
    save(
        folder,
        transformers.BlipForImageTextRetrieval(config),
        bert_tokenizer(),
        square("BlipImageProcessorPil"),
    )


@makes("GitForCausalLM")
def _git(folder: Path, loader: str) -> None:
    config = transformers.GitConfig(vision_config=vit(), **bert_text())
    save(folder, transformers.GitForCausalLM(config), bert_tokenizer(), square("CLIPImageProcessorPil"))


@makes("Blip2ForConditionalGeneration")
def _blip2(folder: Path, loader: str) -> None:
    tokenizer = clip_tokenizer()
    language = transformers.OPTConfig(
        **clip_text(ffn_dim=32, word_embed_proj_dim=16, max_position_embeddings=80), do_layer_norm_before=True
    )
    processor = transformers.Blip2Processor(square("BlipImageProcessorPil"), tokenizer, num_query_tokens=4)
    config = transformers.Blip2Config(
        vision_config=vit(),
        qformer_config=bert_text(encoder_hidden_size=16),
        text_config=language.to_dict(),
        num_query_tokens=4,
        image_token_index=tokenizer.convert_tokens_to_ids("<image>"),
    )
    save(folder, transformers.Blip2ForConditionalGeneration(config), processor)


@makes("LlavaForConditionalGeneration")
def _llava(folder: Path, loader: str) -> None:
    tokenizer = clip_tokenizer()
    tokenizer.add_tokens(["<image>"], special_tokens=True)
    config = transformers.LlavaConfig(
        vision_config=transformers.CLIPVisionConfig(**vit()).to_dict(),
        text_config=transformers.LlamaConfig(**clip_text(max_position_embeddings=200)).to_dict(),
        image_token_index=tokenizer.convert_tokens_to_ids("<image>"),
        image_seq_length=16,
    )
    processor = transformers.LlavaProcessor(
        square("CLIPImageProcessorPil"),
        tokenizer,
        patch_size=8,
        vision_feature_select_strategy="default",
        num_additional_image_tokens=1,
    )
    save(folder, transformers.LlavaForConditionalGeneration(config), processor)


_BACKBONES: dict[str, dict[str, Any]] = {
    "ViT": vit(),
    "DeiT": vit(),
    "Dinov2": vit(),
    "Dinov2WithRegisters": vit(num_register_tokens=2),
    "DINOv3ViT": vit(num_register_tokens=2),
    "ViTMSN": vit(),
    "IJepa": vit(),
    "Beit": vit(vocab_size=30),
    "Data2VecVision": vit(),
    "Swin": {
        "image_size": 32,
        "patch_size": 4,
        "embed_dim": 8,
        "depths": [1, 1],
        "num_heads": [2, 2],
        "window_size": 4,
    },
    "Swinv2": {
        "image_size": 32,
        "patch_size": 4,
        "embed_dim": 8,
        "depths": [1, 1],
        "num_heads": [2, 2],
        "window_size": 4,
    },
    "ConvNext": {"image_size": 32, "hidden_sizes": [8, 16, 16, 16], "depths": [1, 1, 1, 1]},
    "ConvNextV2": {"image_size": 32, "hidden_sizes": [8, 16, 16, 16], "depths": [1, 1, 1, 1]},
    "ResNet": {"embedding_size": 8, "hidden_sizes": [8, 16], "depths": [1, 1], "layer_type": "basic"},
    "Hiera": {
        "image_size": [32, 32],
        "embed_dim": 8,
        "depths": [1, 1],
        "num_heads": [1, 1],
        "query_stride": [2, 2],
        "masked_unit_size": [4, 4],
        "num_query_pool": 1,
    },
    "Pvt": {
        "image_size": 32,
        "hidden_sizes": [8, 8, 16, 16],
        "depths": [1] * 4,
        "num_attention_heads": [1] * 4,
    },
    "EfficientNet": {
        "image_size": 32,
        "width_coefficient": 0.1,
        "depth_coefficient": 0.1,
        "hidden_dim": 128,
        **_mb_conv(),
    },
}
_WITHOUT_CLASSIFIER = ("Dinov2WithRegisters", "DINOv3ViT", "ViTMSN", "IJepa")


@makes(
    *(f"{kind}Model" for kind in _BACKBONES),
    *(f"{kind}ForImageClassification" for kind in _BACKBONES if kind not in _WITHOUT_CLASSIFIER),
    "DeiTForImageClassificationWithTeacher",
    "BeitForMaskedImageModeling",
    "SwinForMaskedImageModeling",
)
def _backbone(folder: Path, loader: str) -> None:
    kind = next(kind for kind in sorted(_BACKBONES, key=len, reverse=True) if loader.startswith(kind))
    settings = {**_BACKBONES[kind], **labelled()}
    if loader == "SwinForMaskedImageModeling":
        settings["encoder_stride"] = 8
    config = getattr(transformers, f"{kind}Config")(**settings)
    processor = square(image_mean=ODD_MEAN) if kind == "DINOv3ViT" else square()
    save(
        folder,
        getattr(transformers, loader)(config),
        processor,
        shaken=0.5 if kind == "EfficientNet" else 0.1,
    )
    if kind == "DINOv3ViT":  # its own processor is written for torchvision only
        rename_processor(folder, "DINOv3ViTImageProcessorFast")


@makes("ViTMAEForPreTraining")
def _mae(folder: Path, loader: str) -> None:
    decoder = {"decoder_hidden_size": 16, "decoder_num_hidden_layers": 1, "decoder_num_attention_heads": 2}
    config = transformers.ViTMAEConfig(**vit(), **decoder, decoder_intermediate_size=32, mask_ratio=0.5)
    save(folder, transformers.ViTMAEForPreTraining(config), square())


def rename_processor(folder: Path, name: str) -> None:
    """Makes the image processor say that it is of a class that is not to be had without torchvision."""
    path = folder / "preprocessor_config.json"
    settings = json.loads(path.read_text(encoding="utf-8"))
    path.write_text(json.dumps({**settings, "image_processor_type": name}), encoding="utf-8")
