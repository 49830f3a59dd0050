"""Tiny checkpoints of diffusers: pipelines by their parts, and autoencoders."""

import json
from pathlib import Path
from typing import Any

import diffusers
import transformers
from tiny_checkpoints import CLASSES, clip_text, clip_tokenizer, makes, save, shake

_UNET = {"block_out_channels": (8, 16), "layers_per_block": 1, "norm_num_groups": 4}


def autoencoder() -> Any:
    return diffusers.AutoencoderKL(
        block_out_channels=[4, 8],
        down_block_types=["DownEncoderBlock2D"] * 2,
        up_block_types=["UpDecoderBlock2D"] * 2,
        latent_channels=4,
        norm_num_groups=2,
    )


def _part(folder: Path, model: Any) -> None:
    shake(model, 0.05)
    model.save_pretrained(folder)


def _unet(classes: int | None, channels: int = 1) -> Any:
    return diffusers.UNet2DModel(
        sample_size=8,
        in_channels=channels,
        out_channels=channels,
        down_block_types=("DownBlock2D", "AttnDownBlock2D"),
        up_block_types=("AttnUpBlock2D", "UpBlock2D"),
        attention_head_dim=4,
        num_class_embeds=classes,
        **_UNET,
    )


@makes("UNet2DModel", library="diffusers")
def _classes(folder: Path, loader: str) -> None:
    _part(folder / "unet", _unet(len(CLASSES) + 1))
    diffusers.DDPMScheduler(num_train_timesteps=100).save_pretrained(folder / "scheduler")
    facts = {"labels": list(CLASSES), "steps": 3}
    (folder / "vfm_atlas.json").write_text(json.dumps(facts), encoding="utf-8")


@makes("DDPMPipeline", "DDIMPipeline", library="diffusers")
def _plain(folder: Path, loader: str) -> None:
    _part(folder / "unet", _unet(None, channels=3))
    kind = diffusers.DDPMScheduler if loader == "DDPMPipeline" else diffusers.DDIMScheduler
    kind(num_train_timesteps=100).save_pretrained(folder / "scheduler")
    (folder / "vfm_atlas.json").write_text(json.dumps({"steps": 3}), encoding="utf-8")


@makes("DiTPipeline", library="diffusers")
def _dit(folder: Path, loader: str) -> None:
    transformer = diffusers.DiTTransformer2DModel(
        num_attention_heads=2,
        attention_head_dim=8,
        in_channels=4,
        out_channels=8,
        num_layers=1,
        sample_size=4,
        patch_size=2,
        num_embeds_ada_norm=len(CLASSES),
    )
    _part(folder / "transformer", transformer)
    _part(folder / "vae", autoencoder())
    diffusers.DDIMScheduler(num_train_timesteps=100, clip_sample=False).save_pretrained(folder / "scheduler")
    index = {"_class_name": "DiTPipeline", "id2label": {str(i): name for i, name in enumerate(CLASSES)}}
    (folder / "model_index.json").write_text(json.dumps(index), encoding="utf-8")
    (folder / "vfm_atlas.json").write_text(json.dumps({"steps": 3}), encoding="utf-8")


@makes("StableDiffusionPipeline", "UNet2DConditionModel", library="diffusers")
def _text(folder: Path, loader: str) -> None:
    coded = loader == "StableDiffusionPipeline"
    unet = diffusers.UNet2DConditionModel(
        sample_size=8,
        in_channels=4 if coded else 3,
        out_channels=4 if coded else 3,
        down_block_types=("DownBlock2D", "CrossAttnDownBlock2D"),
        up_block_types=("CrossAttnUpBlock2D", "UpBlock2D"),
        cross_attention_dim=16,
        attention_head_dim=2,
        **_UNET,
    )
    _part(folder / "unet", unet)
    if coded:
        _part(folder / "vae", autoencoder())
    save(folder / "text_encoder", transformers.CLIPTextModel(transformers.CLIPTextConfig(**clip_text())))
    clip_tokenizer().save_pretrained(folder / "tokenizer")
    kind = "v_prediction" if coded else "epsilon"
    scheduler = diffusers.PNDMScheduler(
        num_train_timesteps=100, prediction_type=kind, skip_prk_steps=True, steps_offset=1
    )
    scheduler.save_pretrained(folder / "scheduler")
    (folder / "vfm_atlas.json").write_text(json.dumps({"steps": 3, "guidance": 2.0}), encoding="utf-8")


@makes(
    "StableDiffusionXLPipeline",
    "LatentConsistencyModelPipeline",
    "StableDiffusionSAGPipeline",
    library="diffusers",
)
def _pipeline(folder: Path, loader: str) -> None:
    larger = loader == "StableDiffusionXLPipeline"
    more: dict[str, Any] = {"time_cond_proj_dim": 8} if loader.startswith("Latent") else {}
    if larger:
        more = {
            "addition_embed_type": "text_time",
            "addition_time_embed_dim": 4,
            "projection_class_embeddings_input_dim": 6 * 4 + 16,
        }
    unet = diffusers.UNet2DConditionModel(
        sample_size=8,
        down_block_types=("DownBlock2D", "CrossAttnDownBlock2D"),
        up_block_types=("CrossAttnUpBlock2D", "UpBlock2D"),
        cross_attention_dim=32 if larger else 16,
        attention_head_dim=2,
        **_UNET,
        **more,
    )
    parts = {
        "unet": unet,
        "vae": autoencoder(),
        "text_encoder": transformers.CLIPTextModel(transformers.CLIPTextConfig(**clip_text())),
        "tokenizer": clip_tokenizer(),
        "scheduler": diffusers.DDIMScheduler(num_train_timesteps=100, clip_sample=False, steps_offset=1),
    }
    if larger:
        second = transformers.CLIPTextConfig(**clip_text(projection_dim=16, num_hidden_layers=2))
        parts |= {
            "text_encoder_2": transformers.CLIPTextModelWithProjection(second),
            "tokenizer_2": clip_tokenizer(),
        }
    else:
        parts |= {"safety_checker": None, "feature_extractor": None, "requires_safety_checker": False}
        parts |= {"image_encoder": None}
    if loader.startswith("Latent"):
        parts["scheduler"] = diffusers.LCMScheduler(num_train_timesteps=1000, original_inference_steps=50)
    for part in parts.values():
        if hasattr(part, "parameters"):
            shake(part, 0.05)
    getattr(diffusers, loader)(**parts).save_pretrained(folder)
    (folder / "vfm_atlas.json").write_text(json.dumps({"steps": 2}), encoding="utf-8")


@makes("AutoencoderKL", library="diffusers")
def _kl(folder: Path, loader: str) -> None:
    _part(folder, autoencoder())


@makes("VQModel", library="diffusers")
def _vq(folder: Path, loader: str) -> None:
    model = diffusers.VQModel(
        block_out_channels=[4, 8],
        down_block_types=["DownEncoderBlock2D"] * 2,
        up_block_types=["UpDecoderBlock2D"] * 2,
        latent_channels=4,
        norm_num_groups=2,
        num_vq_embeddings=16,
    )
    _part(folder, model)


@makes("AutoencoderTiny", library="diffusers")
def _taesd(folder: Path, loader: str) -> None:
    model = diffusers.AutoencoderTiny(
        encoder_block_out_channels=(8, 8),
        decoder_block_out_channels=(8, 8),
        num_encoder_blocks=(1, 1),
        num_decoder_blocks=(1, 1),
    )
    _part(folder, model)
