"""Adapters against another way to the same answer: pipelines of the library, or the definition spelt out."""

import json
import shutil

import numpy as np
import pytest
import torch
import transformers
from diffusers import AutoencoderKL, DDIMScheduler, DiTPipeline, StableDiffusionPipeline
from PIL import Image as Pictures
from test_adapter_protocols import IMAGES, PROMPTS
from tiny_checkpoints import CLASSES, IMAGE_SIZE, of_folder, tiny

from evaluation.adapters.denoising import Pruning
from evaluation.capabilities import Box, Point
from evaluation.registry import open_runner

PICTURES = [Pictures.fromarray(image) for image in IMAGES]


@pytest.mark.parametrize(
    "loader", ["CLIPModel", "AlignModel", "GroupViTModel", "ChineseCLIPModel", "SiglipModel", "Siglip2Model"]
)
@torch.no_grad()
def test_contrastive_scores_are_the_logits_of_the_model(loader):
    files = tiny(loader)
    model = getattr(transformers, loader).from_pretrained(files.folder, dtype=torch.float32)
    tokenizer = transformers.AutoTokenizer.from_pretrained(files.folder)
    images = transformers.AutoImageProcessor.from_pretrained(files.folder)(PICTURES, return_tensors="pt")
    fill = {"padding": "max_length", "max_length": 32} if "iglip" in loader else {"padding": True}
    tokens = tokenizer(list(CLASSES), return_tensors="pt", **fill)
    logits = model(**tokens, **images).logits_per_image
    if "iglip" in loader:
        logits = logits - model.logit_bias  # the same for all conditions
    scores = open_runner(files).score(IMAGES, CLASSES)
    assert np.allclose(scores, logits.numpy(), rtol=1e-4, atol=1e-4)


@torch.no_grad()
def test_a_matcher_scores_by_the_matching_head_and_embeds_by_the_other_one():
    files = tiny("BlipForImageTextRetrieval")
    model = transformers.BlipForImageTextRetrieval.from_pretrained(files.folder, dtype=torch.float32)
    tokenizer = transformers.AutoTokenizer.from_pretrained(files.folder)
    pixels = transformers.AutoImageProcessor.from_pretrained(files.folder)(PICTURES[0], return_tensors="pt")
    runner = open_runner(files)
    scores = runner.score(IMAGES[:1], CLASSES)[0]
    images, texts = runner.embed_images(IMAGES[:1])[0], runner.embed_texts(CLASSES)
    for place, name in enumerate(CLASSES):
        tokens = tokenizer(name, return_tensors="pt")
        asked = {"input_ids": tokens.input_ids, "attention_mask": tokens.attention_mask, **pixels}
        no, yes = model(**asked).itm_score[0]
        assert scores[place] == pytest.approx(float(yes - no), abs=1e-4)
        cosine = images @ texts[place] / np.linalg.norm(images) / np.linalg.norm(texts[place])
        assert cosine == pytest.approx(float(model(**asked, use_itm_head=False).itm_score), abs=1e-4)


@pytest.mark.parametrize("loader", ["BlipForConditionalGeneration", "GitForCausalLM"])
@torch.no_grad()
def test_likelihood_of_a_text_is_the_product_over_its_tokens_each_given_those_before(loader):
    files = tiny(loader)
    runner = open_runner(files)
    ids = transformers.AutoTokenizer.from_pretrained(files.folder)("red cat").input_ids
    processor = transformers.AutoImageProcessor.from_pretrained(files.folder)
    pixels = processor(PICTURES[:1], return_tensors="pt")["pixel_values"]
    expected = 0.0
    for place in range(1, len(ids)):
        logits = runner.model(pixel_values=pixels, input_ids=torch.tensor([ids[:place]])).logits[0, -1]
        expected += float(torch.log_softmax(logits, dim=-1)[ids[place]])
    # A longer text beside it brings padding, which must not count.
    scores = runner.score(IMAGES[:1], ["red cat", "a much longer text about great white sharks"])
    assert scores[0, 0] == pytest.approx(expected, rel=1e-4)


@pytest.mark.parametrize("loader", ["Blip2ForConditionalGeneration", "LlavaForConditionalGeneration"])
@torch.no_grad()
def test_likelihood_after_a_question_counts_the_answer_and_its_end_only(loader):
    files = tiny(loader)
    runner = open_runner(files)
    processor = transformers.AutoProcessor.from_pretrained(files.folder)
    question = "USER: <image>\nDescribe the image in one sentence. ASSISTANT:" if "Llava" in loader else ""
    inputs = dict(processor(images=PICTURES[0], text=question, return_tensors="pt"))
    answer = processor.tokenizer("red cat", add_special_tokens=False).input_ids
    expected = 0.0
    for token in [*answer, processor.tokenizer.eos_token_id]:
        logits = runner.model(**inputs).logits[0, -1]
        expected += float(torch.log_softmax(logits, dim=-1)[token])
        inputs["input_ids"] = torch.cat([inputs["input_ids"], torch.tensor([[token]])], dim=1)
        inputs["attention_mask"] = torch.ones_like(inputs["input_ids"])
    scores = runner.score(IMAGES[:1], ["red cat", "a much longer text about great white sharks"])
    assert scores[0, 0] == pytest.approx(expected, rel=1e-4)


def test_a_classifier_ranks_classes_as_the_pipeline_does():
    files = tiny("ViTForImageClassification")
    pipeline = transformers.pipeline("image-classification", model=str(files.folder), device="cpu")
    expected = {one["label"]: one["score"] for one in pipeline(PICTURES[0], top_k=4)}
    scores = open_runner(files).score(
        IMAGES[:1], ["Great white shark", "tabby cat", "red circle", "digit 7"]
    )[0]
    odds = np.exp(scores) / np.exp(scores).sum()
    wanted = [expected[name] for name in ("great_white_shark", "tabby, tabby cat", "red circle", "digit 7")]
    assert np.allclose(odds, wanted, atol=1e-5)


@pytest.mark.parametrize(
    "loader", ["DetrForObjectDetection", "RTDetrForObjectDetection", "YolosForObjectDetection"]
)
def test_a_detector_finds_what_the_pipeline_finds(loader):
    files = tiny(loader)
    pipeline = transformers.pipeline("object-detection", model=str(files.folder), device="cpu")
    expected = sorted(pipeline(PICTURES[0], threshold=0.0), key=lambda one: -one["score"])
    found = open_runner(files).detect(IMAGES[:1], CLASSES)[0]
    assert [CLASSES[one.label] for one in found] == [one["label"] for one in expected]
    assert np.allclose([one.score for one in found], [one["score"] for one in expected], atol=1e-5)
    height, width = IMAGES[0].shape[:2]
    for one, other in zip(found, expected, strict=True):
        corners = [other["box"][side] for side in ("xmin", "ymin", "xmax", "ymax")]
        clipped = np.clip(corners, 0, [width, height, width, height])
        assert np.allclose([*vars(one.box).values()], clipped, atol=1.01)  # the pipeline cuts off decimals


@pytest.mark.parametrize("loader", ["OwlViTForObjectDetection", "Owlv2ForObjectDetection"])
@torch.no_grad()
def test_a_detector_that_reads_labels_gives_the_boxes_of_its_own_post_processing(loader):
    files = tiny(loader)
    model = getattr(transformers, loader).from_pretrained(files.folder, dtype=torch.float32)
    tokens = transformers.AutoTokenizer.from_pretrained(files.folder)(
        list(CLASSES), padding="max_length", max_length=32, return_tensors="pt"
    )
    processor = transformers.AutoImageProcessor.from_pretrained(files.folder)
    output = model(**tokens, **processor(PICTURES[:1], return_tensors="pt"))
    expected = output.logits[0].sigmoid().max(dim=1).values.sort(descending=True).values[:100]
    found = open_runner(files).detect(IMAGES[:1], CLASSES)[0]
    assert np.allclose([one.score for one in found], expected.numpy(), atol=1e-5)


@torch.no_grad()
def test_grounding_dino_scores_a_label_by_its_best_word():
    files = tiny("GroundingDinoForObjectDetection")
    runner = open_runner(files)
    tokens = transformers.AutoTokenizer.from_pretrained(files.folder)("cat. dog.", return_tensors="pt")
    pixels = transformers.AutoImageProcessor.from_pretrained(files.folder)(PICTURES[0], return_tensors="pt")
    output = runner.model(**pixels, **tokens)
    logits = output.logits.sigmoid()[0]
    spelt = tokens.input_ids[0].tolist()
    stop = runner._tokenizer.convert_tokens_to_ids(".")
    first, second = [place for place, token in enumerate(spelt) if token == stop]
    of_cat, of_dog = logits[:, 1:first].amax(dim=1), logits[:, first + 1 : second].amax(dim=1)
    expected = torch.maximum(of_cat, of_dog).sort(descending=True).values
    found = runner.detect(IMAGES[:1], ["cat", "dog"])[0]
    assert np.allclose([one.score for one in found], expected.numpy(), atol=1e-5)
    assert {one.label for one in found} <= {0, 1}
    x, y, width, height = output.pred_boxes[0, torch.maximum(of_cat, of_dog).argmax()].tolist()
    rows, columns = IMAGES[0].shape[:2]
    corners = np.array([x - width / 2, y - height / 2, x + width / 2, y + height / 2])
    corners = np.clip(corners * [columns, rows, columns, rows], 0, [columns, rows, columns, rows])
    assert np.allclose([*vars(found[0].box).values()], corners, atol=1e-3)


def test_grounding_dino_splits_labels_that_are_too_many_for_one_text():
    runner = open_runner(tiny("GroundingDinoForObjectDetection"))
    labels = [f"thing {letter}" for letter in "abcdefghijkl"]
    assert len(runner._groups(list(range(12)), labels)) > 1
    assert {one.label for one in runner.detect(IMAGES[:1], labels)[0]} - {0}


@pytest.mark.parametrize(
    "loader", ["DPTForDepthEstimation", "DepthAnythingForDepthEstimation", "GLPNForDepthEstimation"]
)
def test_depth_is_what_the_pipeline_predicts_turned_so_that_larger_is_farther(loader):
    files = tiny(loader)
    pipeline = transformers.pipeline("depth-estimation", model=str(files.folder), device="cpu")
    expected = pipeline(PICTURES[0])["predicted_depth"].numpy()
    runner = open_runner(files)
    found = runner.depth(IMAGES[:1])[0]
    assert runner.inverse == (loader != "GLPNForDepthEstimation")
    sign = -1 if runner.inverse else 1
    agreement = np.corrcoef(found.ravel(), sign * expected.ravel())[0, 1]
    assert agreement > 0.99  # the pipeline enlarges by another kernel


def test_a_metric_depth_anything_is_not_turned_round(tmp_path):
    files = tiny("DepthAnythingForDepthEstimation")
    model = transformers.DepthAnythingForDepthEstimation.from_pretrained(files.folder)
    model.config.depth_estimation_type = "metric"
    model.save_pretrained(tmp_path)
    transformers.AutoImageProcessor.from_pretrained(files.folder).save_pretrained(tmp_path)

    runner = open_runner(of_folder(tmp_path, files.loader_class))
    assert not runner.inverse
    assert (runner.depth(IMAGES[:1])[0] >= 0).all()


@torch.no_grad()
def test_masks_are_those_of_the_processor_that_knows_how_to_undo_padding():
    files = tiny("SamModel")
    processor = transformers.SamProcessor(transformers.AutoImageProcessor.from_pretrained(files.folder))
    model = transformers.SamModel.from_pretrained(files.folder, dtype=torch.float32)
    click, box = PROMPTS[0], PROMPTS[1]
    for asked, several in (
        ({"input_points": [[[click.x, click.y]]]}, True),
        ({"input_boxes": [[[box.left, box.top, box.right, box.bottom]]]}, False),
    ):
        inputs = processor(PICTURES[0], return_tensors="pt", **asked)
        # As doubles these would not meet the weights.
        inputs = {k: v.float() if v.is_floating_point() else v for k, v in inputs.items()}
        sizes = inputs.pop("original_sizes"), inputs.pop("reshaped_input_sizes")
        output = model(**inputs, multimask_output=several)
        masks = processor.image_processor.post_process_masks(output.pred_masks, *sizes)[0][0]
        expected = masks[output.iou_scores[0, 0].argmax()].numpy()
        found = open_runner(files).segment(IMAGES[0], [click if several else box])[0]
        assert (found == expected).all()


def test_a_checkpoint_may_say_that_it_was_taught_one_mask_per_click(tmp_path):

    files = tiny("SamModel")
    shutil.copytree(files.folder, tmp_path / "single")
    (tmp_path / "single" / "vfm_atlas.json").write_text(json.dumps({"multimask_output": False}))

    single = open_runner(of_folder(tmp_path / "single", "SamModel"))
    assert (
        single.segment(IMAGES[0], [Point(8, 9)]) != open_runner(files).segment(IMAGES[0], [Point(8, 9)])
    ).any()
    assert (
        single.segment(IMAGES[0], [Box(3, 4, 20, 30)])
        == open_runner(files).segment(IMAGES[0], [Box(3, 4, 20, 30)])
    ).all()


def test_a_masked_autoencoder_keeps_what_it_saw_and_makes_up_the_share_it_was_trained_on():
    runner = open_runner(tiny("ViTMAEForPreTraining"))
    image = np.asarray(PICTURES[0].resize((IMAGE_SIZE, IMAGE_SIZE)))
    once, again, other = (runner.reconstruct([image], seed)[0] for seed in (1, 1, 2))
    patches = np.abs(once.astype(int) - image).reshape(4, 8, 4, 8, 3).max(axis=(1, 3, 4)) > 1
    assert patches.sum() == 8  # half of sixteen
    assert (once == again).all()
    assert (once != other).any()


def test_a_masked_autoencoder_embeds_the_whole_image_at_any_seed():
    runner = open_runner(tiny("ViTMAEForPreTraining"))
    torch.manual_seed(1)
    first = runner.embed_images(IMAGES)
    torch.manual_seed(2)
    assert np.array_equal(first, runner.embed_images(IMAGES))
    assert runner.model.config.mask_ratio == 0.5


@torch.no_grad()
def test_an_autoencoder_gives_back_what_the_library_gives_back():
    files = tiny("AutoencoderKL")
    model = AutoencoderKL.from_pretrained(files.folder)
    pixels = torch.from_numpy(IMAGES[0]).permute(2, 0, 1)[None].float() / 127.5 - 1
    expected = model(pixels).sample[0].permute(1, 2, 0).clamp(-1, 1).numpy() * 127.5 + 127.5
    found = open_runner(files).reconstruct(IMAGES[:1], seed=0)[0]
    assert np.abs(found - expected).max() <= 0.51


@torch.no_grad()
def test_text_to_image_draws_what_the_pipeline_of_the_library_draws_from_the_same_noise():
    files = tiny("StableDiffusionPipeline")
    runner = open_runner(files)
    parts = {"unet": runner.model, "vae": runner._autoencoder, "text_encoder": runner._text}
    pipeline = StableDiffusionPipeline(
        **parts,
        tokenizer=runner._tokenizer,
        scheduler=DDIMScheduler.from_pretrained(files.folder / "scheduler", clip_sample=False),
        safety_checker=None,
        feature_extractor=None,
        requires_safety_checker=False,
    )
    pipeline.set_progress_bar_config(disable=True)
    noise = torch.randn(1, 4, 8, 8, generator=torch.Generator().manual_seed(7 * 1_000_003))
    expected = pipeline(
        "red circle", latents=noise, num_inference_steps=3, guidance_scale=2.0, output_type="np"
    ).images[0]
    found = runner.generate(["red circle"], seed=7)[0]
    assert np.abs(found - expected * 255).max() <= 1.01


@torch.no_grad()
def test_class_to_image_draws_what_the_pipeline_of_the_library_draws_from_the_same_noise():
    files = tiny("DiTPipeline")
    runner = open_runner(files)
    runner.guidance = 1.0  # the pipeline's number for "no class" is fixed to 1000
    pipeline = DiTPipeline(
        transformer=runner.model,
        vae=runner._autoencoder,
        scheduler=DDIMScheduler.from_pretrained(files.folder / "scheduler"),
    )
    pipeline.set_progress_bar_config(disable=True)
    generator = torch.Generator().manual_seed(7 * 1_000_003)
    expected = pipeline(
        [3], guidance_scale=1.0, num_inference_steps=3, generator=generator, output_type="np"
    ).images[0]
    found = runner.generate(["digit 7"], seed=7)[0]
    assert np.abs(found - expected * 255).max() <= 1.01


@pytest.mark.parametrize("loader", ["UNet2DModel", "StableDiffusionPipeline"])
@torch.no_grad()
def test_a_diffusion_score_is_the_mean_error_over_shared_noises_and_times(loader):
    files = tiny(loader)
    runner = open_runner(files)
    runner.pruning = Pruning(samples=(3,), keep=(), seed=11)
    found = runner.score(IMAGES[:1], CLASSES[:2])[0]
    scheduler = DDIMScheduler.from_pretrained(files.folder / "scheduler")
    clean = runner.encode(IMAGES[:1])[0][None]
    noises = torch.randn(3, *clean.shape[1:], generator=torch.Generator().manual_seed(11))
    for place, name in enumerate(CLASSES[:2]):
        told = runner.read([name])
        errors = []
        for noise, time in zip(noises, (50, 25, 75), strict=True):  # of a hundred steps
            moment = torch.tensor([time])
            noisy = scheduler.add_noise(clean, noise[None], moment)
            said = runner.denoise(noisy, moment, told)
            target = noise[None]
            if scheduler.config.prediction_type == "v_prediction":
                # The library's own target for v; its error is that of the noise divided by what was kept.
                target = scheduler.get_velocity(clean, noise[None], moment)
                said, target = (one * scheduler.alphas_cumprod[time].sqrt() for one in (said, target))
            errors.append(float((said - target).square().mean()))
        assert found[place] == pytest.approx(-np.mean(errors), rel=1e-4)


@pytest.mark.parametrize(
    ("loader", "expected"),
    [
        ("BeitModel", lambda output: output.last_hidden_state[:, 1:].mean(dim=1)),
        ("IJepaModel", lambda output: output.last_hidden_state.mean(dim=1)),
        ("Dinov2Model", lambda output: output.pooler_output),
        ("ViTModel", lambda output: output.last_hidden_state[:, 0]),
        ("ResNetModel", lambda output: output.last_hidden_state.mean(dim=(2, 3))),
        ("SwinModel", lambda output: output.last_hidden_state.mean(dim=1)),
    ],
)
@torch.no_grad()
def test_the_vector_of_an_image_is_the_one_that_the_method_itself_reads(loader, expected):
    files = tiny(loader)
    model = getattr(transformers, loader).from_pretrained(files.folder, dtype=torch.float32)
    processor = transformers.AutoImageProcessor.from_pretrained(files.folder)
    output = model(**processor(PICTURES, return_tensors="pt"))
    assert np.allclose(open_runner(files).embed_images(IMAGES), expected(output).numpy(), atol=1e-5)


def test_zoedepth_takes_its_margins_away():
    runner = open_runner(tiny("ZoeDepthForDepthEstimation"))
    ramp = torch.arange(100.0).repeat(80, 1)  # rises from left to right over the padded width
    height, width = 40, 32
    left = int((width / 2) ** 0.5 * 3)
    found = runner._unpadded(ramp, height, width).numpy()
    scale = 100 / (width + 2 * left)
    assert found.shape == (height, width)
    assert np.allclose(found[0], (np.arange(width) + left + 0.5) * scale - 0.5, atol=0.01)


@pytest.mark.parametrize("loader", ["StableDiffusionPipeline", "DiTPipeline"])
@torch.no_grad()
def test_codes_of_images_have_the_scale_that_the_model_was_trained_on(loader):
    runner = open_runner(tiny(loader))
    side = 16 if loader == "StableDiffusionPipeline" else 8
    image = np.array(PICTURES[0].resize((side, side), Pictures.Resampling.BICUBIC))
    pixels = torch.from_numpy(image).permute(2, 0, 1)[None].float() / 127.5 - 1
    vae = AutoencoderKL.from_pretrained(tiny(loader).folder / "vae")
    expected = vae.encode(pixels).latent_dist.mode()[0] * 0.18215
    assert torch.allclose(runner.encode(IMAGES[:1])[0], expected, atol=1e-5)


@pytest.mark.parametrize("loader", ["AutoencoderKL", "VQModel", "AutoencoderTiny"])
def test_images_that_do_not_divide_come_back_in_their_own_size(loader):
    odd = IMAGES[0][:33, :31]
    assert open_runner(tiny(loader)).reconstruct([odd], seed=0)[0].shape == odd.shape
