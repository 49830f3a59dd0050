"""One question, two kinds of model: the same scenes put to a contrastive and to a generative one.

The thesis of the survey on the reader's own machine: both answer through the same score of image and words.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from evaluation import zoo
from evaluation.compare import Comparison, compare
from evaluation.errors import TaskError
from evaluation.results import Run, find_done
from evaluation.tasks.kind import Output
from evaluation.tasks.making import as_png
from evaluation.tasks.request import Request, draw_up
from evaluation.tasks.spec import TaskSpec, find_task
from graph.library import Library

CONTRASTIVE, GENERATIVE = "zoo/clip-scenes", "zoo/diffusion-scenes"
QUESTIONS = ("classification", "relations")
DATASET = "scenes"
_SHOWN_ANSWERS = 5


@dataclass(frozen=True)
class Answer:
    """What a model says of one scene: conditions with a strength from 0 (worst) to 1 (best), best first.

    Scores of two models have no common unit, so a strength says how a condition stands among this row's only.
    """

    hub_id: str
    choices: tuple[tuple[str, float], ...]
    is_right: bool


@dataclass(frozen=True)
class ShownScene:
    """A scene that both were asked about: a PNG in base64, what is true of it, and what both say."""

    image: str
    truth: str
    answers: tuple[Answer, ...]


@dataclass(frozen=True)
class Story:
    """The answers of both; `comparison` is contrastive minus generative, by the paired bootstrap."""

    task: TaskSpec
    runs: tuple[Run, Run]
    comparison: Comparison
    scenes: tuple[ShownScene, ...]


def story_requests(task: str, *, n: int | None = None, seed: int = 0, device: str = "cpu") -> list[Request]:
    """What is to be run for the story: the same request to both. Raises TaskError where one is not here."""
    if task not in QUESTIONS:
        raise TaskError(f"no story about {task!r}: {', '.join(QUESTIONS)} are allowed")
    requests = []
    for hub_id in (CONTRASTIVE, GENERATIVE):
        files = zoo.find(hub_id)
        if files is None:
            raise TaskError(
                f"{hub_id} does not ship with this release: 'vfm-atlas zoo list' names those that do"
            )
        requests.append(draw_up(files, task, dataset=DATASET, n=n, seed=seed, device=device))
    return requests


def tell(library: Library, requests: Sequence[Request], *, scenes: int = 12) -> Story | None:
    """The story from results that are there; None while one of the two is missing."""
    material = requests[0].material()
    runs = []
    with library.reading() as session:
        for request in requests:
            found = find_done(session, request.hash_with(material))
            if found is None:
                return None
            runs.append(found)
    first, second = runs
    shown: list[ShownScene] = []
    for one, other in list(zip(first.outputs or (), second.outputs or (), strict=True))[:scenes]:
        number = one.get("example", len(shown))
        answers = tuple(
            _answer(run.hub_id, output, material.data.labels)
            for run, output in ((first, one), (second, other))
        )
        truth = one["statement"] if "statement" in one else material.data.labels[one["label"]]
        shown.append(ShownScene(as_png(material.data.examples[number].image), truth, answers))
    return Story(find_task(first.task), (first, second), compare(first, second), tuple(shown))


def _answer(hub_id: str, output: Output, labels: Sequence[str]) -> Answer:
    if "statement" in output:
        names = (str(output["statement"]), "the same turned round")
        right = float(output["right"])
        ordered = names if right >= 0.5 else names[::-1]
        return Answer(hub_id, ((ordered[0], 1.0), (ordered[1], 0.0 if right != 0.5 else 1.0)), right == 1)
    scores = np.array(output["scores"], dtype=np.float64)
    spread = float(np.ptp(scores))
    strength = (scores - scores.min()) / spread if spread else np.ones_like(scores)
    first = output["first"][:_SHOWN_ANSWERS]
    choices = tuple((labels[number], round(float(strength[number]), 4)) for number in first)
    return Answer(hub_id, choices, first[0] == output["label"])
