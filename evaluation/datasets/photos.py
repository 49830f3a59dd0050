"""Two photographs that come with scikit-learn, whole: for looking at what a model does with a real image."""

import numpy as np

from evaluation.datasets.example import Dataset, Example
from evaluation.datasets.local import drawn
from graph.errors import UnknownName

_CAPTIONS = {
    "china.jpg": "a Chinese temple with a curved roof behind trees under a blue sky",
    "flower.jpg": "a close-up of an orange dahlia in full bloom",
}


def open_dataset(*, split: str = "test", n: int | None = None, seed: int = 0) -> Dataset:
    """Open them; there is one split, `test`."""
    if split != "test":
        raise UnknownName("split", split, ["test"], advice="of photos", allowed=True)
    from sklearn.datasets import load_sample_image

    examples = [
        Example(np.ascontiguousarray(load_sample_image(name), dtype=np.uint8), captions=(caption,))
        for name, caption in drawn(list(_CAPTIONS.items()), n, seed)
    ]
    return Dataset("photos", 1, split, (), "CC BY 2.0", "scikit-learn: load_sample_images (Flickr)", examples)
