"""Objects and their boxes: detectors with classes of their own, and ones that read the labels."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import torch
import transformers

from evaluation.adapters.images import described, pictures
from evaluation.adapters.labels import class_indices
from evaluation.adapters.runner import Runner
from evaluation.capabilities import Box, Detection, Image
from evaluation.loading import CheckpointFiles, load_image_processor, load_model, load_tokenizer

# Average precision counts a hundred objects per image, and wants the unsure ones too.
MOST = 100


class Detector(Runner):
    """DETR and the like: objects of the classes that the model was taught."""

    def __init__(self, files: CheckpointFiles, loader: str, device: str) -> None:
        super().__init__(files, device, load_model(files, getattr(transformers, loader), device))
        self._processor = load_image_processor(files)

    @property
    def preprocessing(self) -> str:
        """How images are resized and normalised, and how many objects are kept."""
        return f"{described(self._processor)}, the surest {MOST} objects"

    def detect(self, images: Sequence[Image], labels: Sequence[str]) -> list[list[Detection]]:
        """Per image the objects with one of the labels, surest first."""
        classes = class_indices(labels, self.model.config.id2label)
        places = {index: place for place, indices in enumerate(classes) for index in indices}
        return self.batches.run_alike(images, lambda batch: self._detect(batch, places))

    @torch.inference_mode()
    def _detect(self, images: Sequence[Image], places: dict[int, int]) -> list[list[Detection]]:
        inputs = self._processor(pictures(images), return_tensors="pt").to(self.device)
        output = self.model(**inputs)
        sizes = [image.shape[:2] for image in images]
        found = self._processor.post_process_object_detection(output, threshold=0.0, target_sizes=sizes)
        return [
            _surest(
                [
                    (places[int(label)], float(score), box)
                    for label, score, box in zip(one["labels"], one["scores"], one["boxes"], strict=True)
                    if int(label) in places
                ],
                size,
            )
            for one, size in zip(found, sizes, strict=True)
        ]


class PhraseDetector(Runner):
    """OWL-ViT and OWLv2: every box gets the label that fits best."""

    def __init__(self, files: CheckpointFiles, loader: str, device: str) -> None:
        super().__init__(files, device, load_model(files, getattr(transformers, loader), device))
        self._processor = load_image_processor(files)
        self._tokenizer = load_tokenizer(files)

    @property
    def preprocessing(self) -> str:
        """How images are resized and normalised, and how many objects are kept."""
        return f"{described(self._processor)}, the surest {MOST} objects"

    def detect(self, images: Sequence[Image], labels: Sequence[str]) -> list[list[Detection]]:
        """Per image the objects with one of the labels, surest first."""
        return self.batches.run_alike(images, lambda batch: self._detect(batch, labels))

    @torch.inference_mode()
    def _detect(self, images: Sequence[Image], labels: Sequence[str]) -> list[list[Detection]]:
        tokens = self._tokenizer(
            list(labels),
            padding="max_length",
            truncation=True,
            max_length=self.model.config.text_config.max_position_embeddings,
            return_tensors="pt",
        )
        queries = {name: tokens[name].repeat(len(images), 1) for name in ("input_ids", "attention_mask")}
        pixels = self._processor(pictures(images), return_tensors="pt")["pixel_values"]
        output = self.model(
            pixel_values=pixels.to(self.device),
            **{name: values.to(self.device) for name, values in queries.items()},
        )
        sizes = [image.shape[:2] for image in images]
        found = self._processor.post_process_object_detection(
            output, threshold=0.0, target_sizes=torch.tensor(sizes)
        )
        return [
            _surest(
                list(zip(one["labels"].tolist(), one["scores"].tolist(), one["boxes"], strict=True)), size
            )
            for one, size in zip(found, sizes, strict=True)
        ]


class SentenceDetector(Runner):
    """Grounding DINO: the labels are one text, and a box fits a label as well as its best word."""

    def __init__(self, files: CheckpointFiles, loader: str, device: str) -> None:
        super().__init__(files, device, load_model(files, getattr(transformers, loader), device))
        self._processor = load_image_processor(files)
        self._tokenizer = load_tokenizer(files)

    @property
    def preprocessing(self) -> str:
        """How images are resized and normalised, and how many objects are kept."""
        return f"{described(self._processor)}, the surest {MOST} objects"

    def detect(self, images: Sequence[Image], labels: Sequence[str]) -> list[list[Detection]]:
        """Per image the objects with one of the labels, surest first."""
        groups = self._groups(list(range(len(labels))), labels)
        every = [self._detect_group(images, group, labels) for group in groups]
        return [
            _surest([one for found in every for one in found[index]], image.shape[:2])
            for index, image in enumerate(images)
        ]

    def _detect_group(
        self, images: Sequence[Image], places: Sequence[int], labels: Sequence[str]
    ) -> list[list[tuple[int, float, Any]]]:
        return self.batches.run_alike(images, lambda batch: self._detect(batch, places, labels))

    def _groups(self, places: list[int], labels: Sequence[str]) -> list[list[int]]:
        ids = self._tokenizer(_sentence([labels[place] for place in places])[0])["input_ids"]
        if len(ids) <= self.model.config.max_text_len or len(places) == 1:
            return [places]
        half = len(places) // 2
        return self._groups(places[:half], labels) + self._groups(places[half:], labels)

    @torch.inference_mode()
    def _detect(
        self, images: Sequence[Image], places: Sequence[int], labels: Sequence[str]
    ) -> list[list[tuple[int, float, Any]]]:
        text, ends = _sentence([labels[place] for place in places])
        tokens = self._tokenizer(
            text,
            truncation=True,
            max_length=self.model.config.max_text_len,
            return_offsets_mapping=True,
            return_tensors="pt",
        )
        spans = tokens.pop("offset_mapping")[0].tolist()
        read = {name: values.expand(len(images), -1).to(self.device) for name, values in tokens.items()}
        inputs = self._processor(pictures(images), return_tensors="pt").to(self.device)
        output = self.model(**inputs, **read)
        chances = output.logits.sigmoid()[..., : len(spans)]
        starts = [0, *[end + 2 for end in ends[:-1]]]  # behind each label come a full stop and a space
        fits = torch.stack(
            [
                chances[..., [at for at, (a, b) in enumerate(spans) if start <= a < b <= end]].amax(dim=-1)
                for start, end in zip(starts, ends, strict=True)
            ],
            dim=-1,
        )
        scores, best = fits.max(dim=-1)
        found = []
        for index, image in enumerate(images):
            boxes = _corners(output.pred_boxes[index], image.shape[:2])
            each = zip(best[index].tolist(), scores[index].tolist(), boxes, strict=True)
            found.append([(places[label], score, box) for label, score, box in each])
        return found


def _sentence(labels: Sequence[str]) -> tuple[str, list[int]]:
    """The labels as the text that the model was taught to read, and where in it each of them ends."""
    text, ends = "", []
    for label in labels:
        text += label.strip().lower()
        ends.append(len(text))
        text += ". "
    return text.strip(), ends


def _corners(boxes: torch.Tensor, size: tuple[int, int]) -> torch.Tensor:
    """Boxes given by centre and extent, as shares of the image, in pixels from corner to corner."""
    centre, extent = boxes[:, :2], boxes[:, 2:]
    height, width = size
    scale = torch.tensor([width, height, width, height], device=boxes.device)
    return torch.cat([centre - extent / 2, centre + extent / 2], dim=1) * scale


def _surest(found: Sequence[tuple[int, float, Any]], size: tuple[int, int]) -> list[Detection]:
    """The surest objects, with what lies outside the image cut off."""
    height, width = size
    limits = np.array([width, height, width, height])
    kept = sorted(found, key=lambda one: -one[1])[:MOST]
    boxes = [np.clip(np.asarray([float(side) for side in box]), 0, limits) for _, _, box in kept]
    return [
        Detection(label, score, Box(*(float(side) for side in box)))
        for (label, score, _), box in zip(kept, boxes, strict=True)
    ]
