"""Tiny checkpoints that say where something is: masks, boxes and depth."""

from pathlib import Path
from typing import Any

import transformers
from tiny_checkpoints import (
    IMAGE_SIZE,
    ODD_MEAN,
    bert_text,
    bert_tokenizer,
    clip_text,
    clip_tokenizer,
    labelled,
    makes,
    rename_processor,
    save,
    square,
    vit,
)

_SIDE_64 = {"height": 64, "width": 64}
_SIDE_96 = {"height": 96, "width": 96}
_SWIN = {
    "image_size": 64,
    "patch_size": 4,
    "window_size": 4,
    "embed_dim": 8,
    "depths": [1, 1, 1, 1],
    "num_heads": [1, 1, 2, 2],
}


def swin() -> Any:
    return transformers.SwinConfig(**_SWIN, out_features=["stage1", "stage2", "stage3", "stage4"])


def resnet() -> Any:
    return transformers.ResNetConfig(
        embedding_size=8,
        hidden_sizes=[8, 8, 16, 16],
        depths=[1, 1, 1, 1],
        layer_type="basic",
        out_features=["stage2", "stage3", "stage4"],
    )


@makes("SamModel", "SamHQModel")
def _sam(folder: Path, loader: str) -> None:
    kind = loader.removesuffix("Model")
    vision = vit(
        output_channels=16, mlp_dim=32, window_size=2, global_attn_indexes=[1], num_pos_feats=8, scale=1
    )
    config = getattr(transformers, f"{kind}Config")(
        vision_config=vision,
        prompt_encoder_config={
            "hidden_size": 16,
            "image_size": IMAGE_SIZE,
            "patch_size": 8,
            "mask_input_channels": 8,
        },
        mask_decoder_config={
            "hidden_size": 16,
            "mlp_dim": 32,
            "num_hidden_layers": 1,
            "num_attention_heads": 2,
            "iou_head_hidden_dim": 16,
            **({"vit_dim": 16} if kind == "SamHQ" else {}),
        },
    )
    processor = transformers.SamImageProcessorPil(
        size={"longest_edge": IMAGE_SIZE}, pad_size={"height": IMAGE_SIZE, "width": IMAGE_SIZE}
    )
    save(folder, getattr(transformers, loader)(config), processor)


@makes("Sam2Model")
def _sam2(folder: Path, loader: str) -> None:
    backbone = {
        "hidden_size": 8,
        "num_attention_heads": 1,
        "image_size": [64, 64],
        "blocks_per_stage": [1, 1, 2, 1],
        "embed_dim_per_stage": [8, 16, 32, 64],
        "num_attention_heads_per_stage": [1, 1, 2, 2],
        "window_size_per_stage": [8, 4, 4, 2],
        "global_attention_blocks": [3],
        "window_positional_embedding_background_size": [2, 2],
        "model_type": "sam2_hiera_det_model",
    }
    config = transformers.Sam2Config(
        vision_config={
            "backbone_config": backbone,
            "backbone_channel_list": [64, 32, 16, 8],
            "backbone_feature_sizes": [[16, 16], [8, 8], [4, 4]],
            "fpn_hidden_size": 32,
            "model_type": "sam2_vision_model",
        },
        prompt_encoder_config={
            "hidden_size": 32,
            "image_size": 64,
            "patch_size": 16,
            "mask_input_channels": 8,
        },
        mask_decoder_config={
            "hidden_size": 32,
            "mlp_dim": 32,
            "num_hidden_layers": 1,
            "num_attention_heads": 2,
            "iou_head_hidden_dim": 16,
        },
    )
    save(folder, transformers.Sam2Model(config), square(size=_SIDE_64, image_mean=ODD_MEAN))
    rename_processor(folder, "Sam2ImageProcessorFast")


@makes("SegformerForSemanticSegmentation")
def _segformer(folder: Path, loader: str) -> None:
    config = transformers.SegformerConfig(
        hidden_sizes=[8, 8, 16, 16],
        depths=[1] * 4,
        num_attention_heads=[1] * 4,
        decoder_hidden_size=16,
        **labelled(),
    )
    save(folder, transformers.SegformerForSemanticSegmentation(config), square("SegformerImageProcessorPil"))


# Group normalisation over 32 groups is fixed in these, so that nothing narrower will do.
_QUERIES = {
    "feature_size": 32,
    "mask_feature_size": 32,
    "hidden_dim": 32,
    "encoder_feedforward_dim": 32,
    "encoder_layers": 1,
    "num_attention_heads": 2,
    "dim_feedforward": 32,
    "decoder_layers": 2,
    "num_queries": 5,
}


@makes("Mask2FormerForUniversalSegmentation")
def _mask2former(folder: Path, loader: str) -> None:
    config = transformers.Mask2FormerConfig(backbone_config=swin(), **_QUERIES, **labelled())
    model = transformers.Mask2FormerForUniversalSegmentation(config)
    save(folder, model, square("Mask2FormerImageProcessorPil", size=_SIDE_64))


@makes("MaskFormerForInstanceSegmentation")
def _maskformer(folder: Path, loader: str) -> None:
    decoder = transformers.DetrConfig(
        backbone_config=resnet(),
        d_model=16,
        decoder_layers=1,
        decoder_ffn_dim=32,
        decoder_attention_heads=2,
        encoder_layers=1,
        encoder_ffn_dim=32,
        encoder_attention_heads=2,
        num_queries=5,
    )
    backbone = transformers.SwinConfig(**_SWIN)
    config = transformers.MaskFormerConfig(
        backbone_config=backbone,
        decoder_config=decoder,
        fpn_feature_size=32,
        mask_feature_size=32,
        **labelled(),
    )
    model = transformers.MaskFormerForInstanceSegmentation(config)
    save(folder, model, square("MaskFormerImageProcessorPil", size=_SIDE_64))


@makes("OneFormerForUniversalSegmentation")
def _oneformer(folder: Path, loader: str) -> None:
    config = transformers.OneFormerConfig(
        backbone_config=swin(),
        num_queries=5,
        hidden_dim=32,
        mask_dim=32,
        conv_dim=32,
        encoder_feedforward_dim=32,
        encoder_layers=1,
        num_attention_heads=2,
        dim_feedforward=32,
        decoder_layers=3,
        query_dec_layers=1,
        text_encoder_width=16,
        text_encoder_context_length=32,
        text_encoder_num_layers=1,
        text_encoder_vocab_size=100,
        text_encoder_proj_layers=1,
        task_seq_len=32,
        max_seq_len=32,
        **labelled(),
    )
    images = square(
        "OneFormerImageProcessorPil",
        size=_SIDE_64,
        num_text=2,
        class_info_file=None,
        metadata={"class_names": list(labelled()["label2id"]), "thing_ids": [0, 1], "0": "red circle"},
    )
    processor = transformers.OneFormerProcessor(
        images, clip_tokenizer(), max_seq_length=32, task_seq_length=32
    )
    save(folder, transformers.OneFormerForUniversalSegmentation(config), processor)


@makes("UperNetForSemanticSegmentation")
def _upernet(folder: Path, loader: str) -> None:
    config = transformers.UperNetConfig(
        backbone_config=swin(),
        hidden_size=16,
        pool_scales=[1, 2],
        use_auxiliary_head=False,
        **labelled(),
    )
    save(folder, transformers.UperNetForSemanticSegmentation(config), square("SegformerImageProcessorPil"))


@makes("BeitForSemanticSegmentation")
def _beit(folder: Path, loader: str) -> None:
    config = transformers.BeitConfig(
        **vit(num_hidden_layers=4), out_indices=[1, 2, 3, 4], use_auxiliary_head=False, **labelled()
    )
    save(folder, transformers.BeitForSemanticSegmentation(config), square("BeitImageProcessorPil"))


@makes("CLIPSegForImageSegmentation")
def _clipseg(folder: Path, loader: str) -> None:
    config = transformers.CLIPSegConfig(
        text_config=clip_text(),
        vision_config=vit(),
        projection_dim=16,
        reduce_dim=8,
        extract_layers=[0, 1],
        decoder_num_attention_heads=2,
        decoder_intermediate_size=16,
    )
    save(folder, transformers.CLIPSegForImageSegmentation(config), clip_tokenizer(), square())


@makes("DetrForObjectDetection", "ConditionalDetrForObjectDetection", "DeformableDetrForObjectDetection")
def _detr(folder: Path, loader: str) -> None:
    kind = loader.removesuffix("ForObjectDetection")
    config = getattr(transformers, f"{kind}Config")(
        backbone_config=resnet(),
        use_timm_backbone=False,
        use_pretrained_backbone=False,
        d_model=32 if kind == "DeformableDetr" else 16,
        encoder_layers=1,
        decoder_layers=2,
        encoder_ffn_dim=32,
        decoder_ffn_dim=32,
        encoder_attention_heads=2,
        decoder_attention_heads=2,
        num_queries=6,
        **labelled(),
    )
    processor = getattr(transformers, f"{kind}ImageProcessorPil")(size=_SIDE_96)
    save(folder, getattr(transformers, loader)(config), processor)


@makes("RTDetrForObjectDetection")
def _rt_detr(folder: Path, loader: str) -> None:
    backbone = transformers.RTDetrResNetConfig(
        embedding_size=8,
        hidden_sizes=[8, 8, 16, 16],
        depths=[1, 1, 1, 1],
        layer_type="basic",
        out_features=["stage2", "stage3", "stage4"],
    )
    config = transformers.RTDetrConfig(
        backbone_config=backbone,
        encoder_hidden_dim=16,
        encoder_in_channels=[8, 16, 16],
        encoder_ffn_dim=32,
        encoder_layers=1,
        encoder_attention_heads=2,
        d_model=16,
        num_queries=6,
        decoder_in_channels=[16, 16, 16],
        decoder_ffn_dim=32,
        decoder_layers=1,
        decoder_attention_heads=2,
        num_denoising=0,
        **labelled(),
    )
    processor = transformers.RTDetrImageProcessorPil(size=_SIDE_64)
    save(folder, transformers.RTDetrForObjectDetection(config), processor)


@makes("YolosForObjectDetection")
def _yolos(folder: Path, loader: str) -> None:
    config = transformers.YolosConfig(
        **vit(image_size=[32, 32]), num_detection_tokens=6, use_mid_position_embeddings=False, **labelled()
    )
    processor = transformers.YolosImageProcessorPil(size={"height": 32, "width": 32})
    save(folder, transformers.YolosForObjectDetection(config), processor)


@makes("OwlViTForObjectDetection", "Owlv2ForObjectDetection")
def _owl(folder: Path, loader: str) -> None:
    kind = loader.removesuffix("ForObjectDetection")
    config = getattr(transformers, f"{kind}Config")(
        text_config=clip_text(), vision_config=vit(), projection_dim=16
    )
    size = {"height": IMAGE_SIZE, "width": IMAGE_SIZE}
    processor = getattr(transformers, f"{kind}ImageProcessorPil")(size=size, crop_size=size)
    save(folder, getattr(transformers, loader)(config), clip_tokenizer(), processor)


@makes("GroundingDinoForObjectDetection")
def _grounding_dino(folder: Path, loader: str) -> None:
    config = transformers.GroundingDinoConfig(
        backbone_config=transformers.SwinConfig(**_SWIN, out_features=["stage2", "stage3", "stage4"]),
        text_config=transformers.BertConfig(**bert_text(max_position_embeddings=128)),
        d_model=32,
        encoder_layers=1,
        decoder_layers=2,
        encoder_ffn_dim=32,
        decoder_ffn_dim=32,
        encoder_attention_heads=2,
        decoder_attention_heads=2,
        num_queries=6,
        max_text_len=64,
    )
    processor = transformers.GroundingDinoImageProcessorPil(size=_SIDE_96)
    save(folder, transformers.GroundingDinoForObjectDetection(config), bert_tokenizer(), processor)


@makes("DPTForDepthEstimation", "DPTForSemanticSegmentation")
def _dpt(folder: Path, loader: str) -> None:
    config = transformers.DPTConfig(
        **vit(num_hidden_layers=4),
        backbone_out_indices=[0, 1, 2, 3],
        neck_hidden_sizes=[8, 8, 16, 16],
        fusion_hidden_size=16,
        use_auxiliary_head=False,
        **labelled(),
    )
    model = getattr(transformers, loader)(config)
    if loader == "DPTForDepthEstimation":  # it ends in a rectifier, which random weights may shut
        model.head.head[4].bias.data += 1
    save(folder, model, square("DPTImageProcessorPil"))


@makes("DepthAnythingForDepthEstimation")
def _depth_anything(folder: Path, loader: str) -> None:
    backbone = transformers.Dinov2Config(
        **vit(num_hidden_layers=4),
        out_features=["stage1", "stage2", "stage3", "stage4"],
        apply_layernorm=True,
        reshape_hidden_states=False,
    )
    config = transformers.DepthAnythingConfig(
        backbone_config=backbone,
        patch_size=8,
        reassemble_hidden_size=16,
        neck_hidden_sizes=[8, 8, 16, 16],
        fusion_hidden_size=16,
    )
    save(folder, transformers.DepthAnythingForDepthEstimation(config), square("DPTImageProcessorPil"))


@makes("ZoeDepthForDepthEstimation")
def _zoedepth(folder: Path, loader: str) -> None:
    backbone = transformers.BeitConfig(
        **vit(num_hidden_layers=4),
        out_features=["stage1", "stage2", "stage3", "stage4"],
        reshape_hidden_states=False,
    )
    config = transformers.ZoeDepthConfig(
        backbone_config=backbone,
        backbone_hidden_size=16,
        neck_hidden_sizes=[8, 8, 16, 16],
        fusion_hidden_size=16,
        bottleneck_features=16,
        num_relative_features=8,
        bin_embedding_dim=16,
        num_attractors=[4, 2, 2, 1],
    )
    save(folder, transformers.ZoeDepthForDepthEstimation(config), square("ZoeDepthImageProcessorPil"))


@makes("GLPNForDepthEstimation")
def _glpn(folder: Path, loader: str) -> None:
    config = transformers.GLPNConfig(
        hidden_sizes=[8, 8, 16, 16], depths=[1] * 4, num_attention_heads=[1] * 4, decoder_hidden_size=16
    )
    save(folder, transformers.GLPNForDepthEstimation(config), transformers.GLPNImageProcessorPil())
