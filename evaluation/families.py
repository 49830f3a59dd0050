"""Which adapter runs which class of which library. A table, so that asking needs no torch."""

from dataclasses import dataclass

_FOLDER = "evaluation.adapters"


@dataclass(frozen=True)
class Family:
    """Checkpoints that one adapter runs.

    Attributes:
        library: transformers, diffusers ...
        adapter: where the adapter is, as `module:Class`; called with files, loader class and device.
        capabilities: names of the protocols that it implements.
        loaders: classes of the library, each with the model type of a config.json that alone means it, or
            an empty text.
    """

    library: str
    adapter: str
    capabilities: tuple[str, ...]
    loaders: tuple[tuple[str, str], ...]


def _named(text: str) -> tuple[tuple[str, str], ...]:
    """Loader classes, each followed by its model type behind a slash where it has one."""
    pairs = (word.partition("/") for word in text.split())
    return tuple((loader, kind) for loader, _, kind in pairs)


FAMILIES = (
    Family(
        "transformers",
        f"{_FOLDER}.contrastive:Contrastive",
        ("EmbedsImages", "EmbedsTexts", "Scores"),
        _named(
            "CLIPModel/clip SiglipModel/siglip Siglip2Model/siglip2 AlignModel/align AltCLIPModel/altclip "
            "ChineseCLIPModel/chinese_clip GroupViTModel/groupvit MetaClip2Model/metaclip_2"
        ),
    ),
    Family(
        "transformers",
        f"{_FOLDER}.matching:Matcher",
        ("EmbedsImages", "EmbedsTexts", "Scores"),
        _named("BlipForImageTextRetrieval"),
    ),
    Family(
        "transformers",
        f"{_FOLDER}.captioning:PlainCaptioner",
        ("Captions", "Scores"),
        _named("BlipForConditionalGeneration/blip GitForCausalLM/git"),
    ),
    Family(
        "transformers",
        f"{_FOLDER}.captioning:AskedCaptioner",
        ("Captions", "Scores"),
        _named("Blip2ForConditionalGeneration/blip-2 LlavaForConditionalGeneration/llava"),
    ),
    Family(
        "transformers",
        f"{_FOLDER}.backbones:Backbone",
        ("EmbedsImages",),
        _named(
            "ViTModel/vit DeiTModel/deit Dinov2Model/dinov2 Dinov2WithRegistersModel/dinov2_with_registers "
            "DINOv3ViTModel/dinov3_vit ViTMSNModel/vit_msn IJepaModel/ijepa BeitModel/beit "
            "BeitForMaskedImageModeling Data2VecVisionModel/data2vec-vision SwinModel/swin "
            "Swinv2Model/swinv2 ConvNextModel/convnext ConvNextV2Model/convnextv2 ResNetModel/resnet "
            "HieraModel/hiera PvtModel/pvt EfficientNetModel/efficientnet"
        ),
    ),
    Family(
        "transformers",
        f"{_FOLDER}.backbones:Classifier",
        ("EmbedsImages", "Scores"),
        _named(
            "ViTForImageClassification DeiTForImageClassification DeiTForImageClassificationWithTeacher "
            "Dinov2ForImageClassification BeitForImageClassification Data2VecVisionForImageClassification "
            "SwinForImageClassification Swinv2ForImageClassification ConvNextForImageClassification "
            "ConvNextV2ForImageClassification ResNetForImageClassification HieraForImageClassification "
            "PvtForImageClassification EfficientNetForImageClassification"
        ),
    ),
    Family(
        "transformers",
        f"{_FOLDER}.masked:MaskedAutoencoder",
        ("EmbedsImages", "Reconstructs"),
        _named("ViTMAEForPreTraining/vit_mae"),
    ),
    Family(
        "transformers",
        f"{_FOLDER}.masked:MaskedSwin",
        ("EmbedsImages", "Reconstructs"),
        _named("SwinForMaskedImageModeling"),
    ),
    Family(
        "transformers",
        f"{_FOLDER}.promptable:Promptable",
        ("Segments",),
        _named("SamModel/sam SamHQModel/sam_hq Sam2Model/sam2"),
    ),
    Family(
        "transformers",
        f"{_FOLDER}.semantic:SemanticSegmenter",
        ("SegmentsSemantically",),
        _named(
            "SegformerForSemanticSegmentation/segformer Mask2FormerForUniversalSegmentation/mask2former "
            "MaskFormerForInstanceSegmentation/maskformer UperNetForSemanticSegmentation/upernet "
            "DPTForSemanticSegmentation BeitForSemanticSegmentation"
        ),
    ),
    Family(
        "transformers",
        f"{_FOLDER}.semantic:UniversalSegmenter",
        ("SegmentsSemantically",),
        _named("OneFormerForUniversalSegmentation/oneformer"),
    ),
    Family(
        "transformers",
        f"{_FOLDER}.semantic:PhraseSegmenter",
        ("SegmentsSemantically",),
        _named("CLIPSegForImageSegmentation/clipseg"),
    ),
    Family(
        "transformers",
        f"{_FOLDER}.detection:Detector",
        ("Detects",),
        _named(
            "DetrForObjectDetection/detr DeformableDetrForObjectDetection/deformable_detr "
            "ConditionalDetrForObjectDetection/conditional_detr RTDetrForObjectDetection/rt_detr "
            "YolosForObjectDetection/yolos"
        ),
    ),
    Family(
        "transformers",
        f"{_FOLDER}.detection:PhraseDetector",
        ("Detects",),
        _named("OwlViTForObjectDetection/owlvit Owlv2ForObjectDetection/owlv2"),
    ),
    Family(
        "transformers",
        f"{_FOLDER}.detection:SentenceDetector",
        ("Detects",),
        _named("GroundingDinoForObjectDetection/grounding-dino"),
    ),
    Family(
        "transformers",
        f"{_FOLDER}.depth:DepthEstimator",
        ("EstimatesDepth",),
        _named(
            "DPTForDepthEstimation/dpt DepthAnythingForDepthEstimation/depth_anything "
            "ZoeDepthForDepthEstimation/zoedepth GLPNForDepthEstimation/glpn"
        ),
    ),
    Family(
        "diffusers",
        f"{_FOLDER}.diffusion:ClassDiffusion",
        ("Scores", "Generates"),
        _named("UNet2DModel DiTPipeline"),
    ),
    Family(
        "diffusers",
        f"{_FOLDER}.diffusion:TextDiffusion",
        ("Scores", "Generates"),
        _named("UNet2DConditionModel StableDiffusionPipeline"),
    ),
    Family(
        "diffusers",
        f"{_FOLDER}.diffusion:PlainDiffusion",
        ("Generates",),
        _named("DDPMPipeline DDIMPipeline"),
    ),
    Family(
        "diffusers",
        f"{_FOLDER}.pipelines:PipelineGenerator",
        ("Generates",),
        _named("StableDiffusionXLPipeline LatentConsistencyModelPipeline StableDiffusionSAGPipeline"),
    ),
    Family(
        "diffusers",
        f"{_FOLDER}.autoencoders:Autoencoder",
        ("Reconstructs",),
        _named("AutoencoderKL VQModel AutoencoderTiny"),
    ),
)
