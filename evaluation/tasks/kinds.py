"""The kinds of tasks by name, and which capabilities each one needs."""

from collections.abc import Mapping
from typing import Any

from evaluation import capabilities
from evaluation.tasks.choosing import CHOOSE
from evaluation.tasks.classifying import CLASSIFY
from evaluation.tasks.describing import DESCRIBE
from evaluation.tasks.detecting import DETECT
from evaluation.tasks.kind import Kind
from evaluation.tasks.labelling import NAME_PIXELS
from evaluation.tasks.making import MAKE
from evaluation.tasks.probing import PROBE
from evaluation.tasks.restoring import DEPTH, RECONSTRUCT
from evaluation.tasks.retrieving import RETRIEVE
from evaluation.tasks.segmenting import CUT_OUT

KINDS: Mapping[str, Kind] = {
    "classify": CLASSIFY,
    "choose": CHOOSE,
    "probe": PROBE,
    "retrieve": RETRIEVE,
    "cut_out": CUT_OUT,
    "name_pixels": NAME_PIXELS,
    "detect": DETECT,
    "describe": DESCRIBE,
    "make": MAKE,
    "reconstruct": RECONSTRUCT,
    "depth": DEPTH,
}


def lacking(runner: Any, kind: Kind) -> list[str]:
    """Names of the protocols that a kind needs and a runner does not follow."""
    return [name for name in kind.needs if not isinstance(runner, getattr(capabilities, name))]
