"""Small runners that do honest work without a neural network, and some that misbehave.

They are opened as a worker opens a checkpoint, by the name of a function of this module; the loader class of
the checkpoint chooses one.
"""

import os
import signal
import sys
import time
from pathlib import Path

import numpy as np
from PIL import Image as PillowImage

from evaluation.capabilities import Box, Detection, Point
from evaluation.datasets.scenes import COLOURS, SHAPES
from evaluation.families import Family
from evaluation.loading import CheckpointFiles

_PALETTE = np.array(list(COLOURS.values()), dtype=np.float64)


def files(kind, sha="a" * 64):
    """A checkpoint without files, whose loader class says which runner it is."""
    return CheckpointFiles(f"test/{kind.lower()}", Path("/"), "numpy", kind, "0" * 40, sha)


def open_small(checkpoint, device="cpu"):
    """The runner that the loader class names."""
    return globals()[checkpoint.loader_class]()


def open_family(checkpoint, loader, device):
    """The same, called as the registry calls adapters of other packages."""
    return open_small(checkpoint, device)


FAMILIES = (
    Family("numpy", "small_runners:open_family", ("Captions", "EmbedsImages", "EmbedsTexts", "Scores"),
           (("Colours", ""), ("Raises", ""), ("Hangs", ""))),
    Family("numpy", "small_runners:open_family", ("Scores",), (("Wrong", ""),)),
)  # fmt: skip


def coverage(image):
    """Share of an image's pixels near each colour of the palette, shape (colours,)."""
    apart = np.linalg.norm(image.reshape(-1, 1, 3).astype(np.float64) - _PALETTE, axis=2)
    return (apart < 40).mean(axis=0)


class Colours:
    """Knows colours and nothing else; does all that can be done by them."""

    dtype = "float64"
    preprocessing = "none"
    batch_size = 1

    def embed_images(self, images):
        return np.stack([coverage(each) for each in images]).astype(np.float32)

    def embed_texts(self, texts):
        return np.array([[colour in text for colour in COLOURS] for text in texts], dtype=np.float32)

    def score(self, images, conditions):
        return self.embed_images(images) @ self.embed_texts(conditions).T

    def segment(self, image, prompts):
        masks = []
        for prompt in prompts:
            x, y = (prompt.x, prompt.y) if isinstance(prompt, Point) else _middle(prompt)
            colour = image[min(int(y), image.shape[0] - 1), min(int(x), image.shape[1] - 1)].astype(
                np.float64
            )
            masks.append(np.linalg.norm(image - colour, axis=2) < 45)
        return np.stack(masks)

    def segment_semantically(self, images, labels):
        return [np.where(_bright(each), 0, -1) for each in images]

    def detect(self, images, labels):
        found = []
        for image in images:
            own = []
            for number, label in enumerate(labels):
                near = np.linalg.norm(image - np.array(COLOURS[label.split()[0]], dtype=float), axis=2) < 45
                if near.sum() > 8:
                    rows, cols = np.flatnonzero(near.any(axis=1)), np.flatnonzero(near.any(axis=0))
                    box = Box(float(cols[0]), float(rows[0]), float(cols[-1] + 1), float(rows[-1] + 1))
                    own.append(Detection(number, float(near.mean()), box))
            found.append(sorted(own, key=lambda each: -each.score))
        return found

    def caption(self, images):
        return [f"{list(COLOURS)[int(np.argmax(coverage(each)))]} {SHAPES[0]}" for each in images]

    def reconstruct(self, images, seed):
        return [np.asarray(_resized(_resized(each, 2), 1 / 2)) for each in images]

    def depth(self, images):
        return [each[..., 0].astype(np.float32) for each in images]


class Copies:
    """Draws a digit by copying one from the training images; takes nothing but names of classes."""

    def __init__(self):
        from evaluation.datasets.digits import open_dataset

        self._images = {}
        for each in open_dataset(split="train").examples:
            self._images.setdefault(each.label, []).append(each.image)
        self.labels = dict(enumerate(self._images))

    def generate(self, conditions, seed):
        random = np.random.default_rng(seed)
        return [self._images[each][random.integers(len(self._images[each]))] for each in conditions]


class Wrong:
    """Scores everything alike."""

    def score(self, images, conditions):
        return np.zeros((len(images), len(conditions)), dtype=np.float32)


class Chatty(Colours):
    """Prints where events are written."""

    def score(self, images, conditions):
        sys.stdout.write('{"event": "result"}\n')
        os.write(1, b"garbage from a C library\n")
        return super().score(images, conditions)


class Raises(Colours):
    """Fails in the middle."""

    def score(self, images, conditions):
        raise ValueError("the tensors are of different sizes\nand so on")


class Hangs(Colours):
    """Never answers."""

    def score(self, images, conditions):
        time.sleep(600)


class Spawns(Colours):
    """Starts a process of its own, and never answers."""

    def score(self, images, conditions):
        import subprocess

        child = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(600)"])
        Path(os.environ["SMALL_RUNNERS_NOTE"]).write_text(f"{os.getpid()} {child.pid}")
        time.sleep(600)


class Swells(Colours):
    """Takes more and more memory."""

    def score(self, images, conditions):
        taken = []
        while True:
            taken.append(np.ones(4_000_000))
            time.sleep(0.005)


class Gulps(Colours):
    """Asks for more memory at once than any machine has."""

    def score(self, images, conditions):
        return np.ones(2**46)


class Dies(Colours):
    """Is killed from outside."""

    def score(self, images, conditions):
        os.kill(os.getpid(), signal.SIGKILL)


class Crashes(Colours):
    """Crashes as compiled code does."""

    def score(self, images, conditions):
        os.kill(os.getpid(), signal.SIGSEGV)
        time.sleep(5)


class Leaves(Colours):
    """Ends the process by itself."""

    def score(self, images, conditions):
        sys.stderr.write("giving up: no licence\n")
        sys.stderr.flush()
        os._exit(4)


def _middle(box):
    return (box.left + box.right) / 2, (box.top + box.bottom) / 2


def _bright(image):
    return image.max(axis=2) > 150


def _resized(image, by):
    height, width = image.shape[:2]
    return np.asarray(PillowImage.fromarray(image).resize((round(width / by), round(height / by))))
