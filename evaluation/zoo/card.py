"""The card of a zoo model: a README.md in the hub's format that says what it is, and what it is not."""

from evaluation.zoo import Measured, ZooModel
from evaluation.zoo.training import Plan

_DATA = {
    "scenes": "synthetic scenes of coloured shapes drawn by `evaluation.datasets.scenes`, split `train`. "
    "Eight of the 48 colour-shape pairs never occur there and are kept for testing.",
    "digits": "the 1,297 training images of scikit-learn's handwritten digits (UCI, CC BY 4.0) in the split "
    "of `evaluation.datasets.digits`; 500 others are kept for testing.",
}


_KIND = {"scenes": "synthetic scenes", "digits": "small digits"}


def write_card(model: ZooModel, plan: Plan) -> None:
    """Write the card into the model's folder."""
    path = model.folder / "README.md"
    path.write_text(_card(model, plan), encoding="utf-8")
    path.chmod(0o644)


def _card(model: ZooModel, plan: Plan) -> str:
    data = model.name.rpartition("-")[2]
    size = sum(file.bytes for file in model.files if file.path.endswith(".safetensors"))
    return f"""---
license: mit
library_name: {model.library}
pipeline_tag: {model.task}
tags: [stand-in, {data}]
---

# {model.title}

**A small stand-in for a method. This is not the model of the paper (`{model.paper}` in the catalogue of VFM
Atlas): it is tiny, was trained in minutes on {_KIND[data]}, and its numbers say nothing about that one.**

{model.about}

| | |
| --- | --- |
| parameters | {model.parameters:,} ({size:,} bytes of safetensors) |
| class | `{model.library}.{model.loader_class}` |
| trained on | {_DATA[data]} |
| training | {plan.steps:,} steps of {plan.batch_size}, AdamW, learning rate {plan.learning_rate:g} \
falling along a cosine, weights averaged, seed {plan.seed} |
| cost | {model.cpu_seconds:,.0f} seconds of CPU on {model.threads} thread{"s" * (model.threads != 1)} |
| licence | MIT |
| made by | `vfm-atlas zoo train {model.name}` |

## Measured

{_results(model.measured)}
Intervals are 95% bootstrap intervals over the examples. The baseline is the trivial answer that the task
describes. `vfm-atlas evaluate zoo/{model.name}` measures it again.

## Files

| file | bytes | SHA-256 |
| --- | --- | --- |
{"".join(f"| `{file.path}` | {file.bytes:,} | `{file.sha256}` |{chr(10)}" for file in model.files)}"""


def _results(measured: tuple[Measured, ...]) -> str:
    if not measured:
        return "Not measured.\n"
    rows = "".join(
        f"| {each.task} | {each.dataset} | {each.n} | {each.metric} | {each.value:.3f} "
        f"{_interval(each)} | {_or_none(each.chance)} | {_or_none(each.baseline)} |\n"
        for each in measured
    )
    head = "| task | data (split) | n | measure | result | chance | baseline |\n"
    return f"{head}| --- | --- | --- | --- | --- | --- | --- |\n{rows}"


def _interval(each: Measured) -> str:
    return "" if each.low is None or each.high is None else f"[{each.low:.3f}, {each.high:.3f}]"


def _or_none(value: float | None) -> str:
    return "-" if value is None else f"{value:.3f}"
