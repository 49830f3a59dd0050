"""What a checkpoint can be asked here, and about how long that takes."""

from collections.abc import Sequence
from dataclasses import dataclass

from evaluation import registry
from evaluation.results import Run
from evaluation.tasks.kinds import KINDS
from evaluation.tasks.request import dataset_for
from evaluation.tasks.spec import TaskSpec, tasks

_START_SECONDS = 6.0
# CLIP ViT-B/32's image side (88 million parameters) took 0.15 CPU seconds per image of 224 pixels.
_SECONDS_PER_MILLION = 0.15 / 88
_UNKNOWN_MILLIONS = 150.0
_CLASSES = 48
_PASSES = {"make": 50.0, "describe": 20.0}
_DENOISINGS = 6.0


@dataclass(frozen=True)
class Planned:
    """A task that a checkpoint can do; `seconds` is what a run took here, or a rough figure.

    `dataset` is None where the user must name one; `basis` says where the seconds come from.
    """

    task: str
    title: str
    dataset: str | None
    split: str
    n: int
    seconds: float
    basis: str


@dataclass(frozen=True)
class Plan:
    """What can be asked, and what cannot for lack of a capability; `reason` where nothing can."""

    can: tuple[Planned, ...]
    cannot: dict[str, str]
    reason: str | None = None


def draw_up_plan(
    hub_id: str,
    library: str,
    loader_class: str,
    *,
    params_millions: float | None = None,
    earlier: Sequence[Run] = (),
) -> Plan:
    """The tasks for a checkpoint; `earlier` are its own runs here, which tell how long one takes."""
    can = registry.capabilities_of(library, loader_class)
    if can is None:
        return Plan((), {}, registry.missing(library, loader_class))
    planned, cannot = [], {}
    for spec in tasks().values():
        lacking = [name for name in spec.needs if name not in can]
        if lacking:
            cannot[spec.name] = f"it lacks {', '.join(lacking)}"
        else:
            planned.append(_planned(spec, hub_id, library, params_millions, earlier))
    return Plan(tuple(planned), cannot)


def _planned(
    spec: TaskSpec, hub_id: str, library: str, millions: float | None, earlier: Sequence[Run]
) -> Planned:
    dataset = dataset_for(spec, hub_id)
    own = [run for run in earlier if run.task == spec.name and run.state == "done" and run.seconds and run.n]
    if own:
        seconds = _START_SECONDS + (own[0].seconds or 0.0) / (own[0].n or 1) * spec.n
        basis = "as a run here took"
    else:
        seconds = _START_SECONDS + _rough_seconds(spec, library, millions or _UNKNOWN_MILLIONS)
        basis = "rough, from the number of parameters" if millions else "rough, the size is not known"
    split = spec.split_of(dataset) if dataset else spec.split
    return Planned(spec.name, spec.title, dataset, split, spec.n, round(seconds, 1), basis)


def _rough_seconds(spec: TaskSpec, library: str, millions: float) -> float:
    """Passes through the model times what one takes on a core or two; off by several times either way."""
    passes = _PASSES.get(spec.kind, 1.0)
    if library == "diffusers" and spec.kind in ("classify", "choose"):
        passes = _DENOISINGS * (_CLASSES if spec.kind == "classify" else 2)
    examples = spec.n + (spec.n_train or 0 if KINDS[spec.kind].trains and spec.kind == "probe" else 0)
    return examples * passes * millions * _SECONDS_PER_MILLION
