"""From a recipe to a folder in the hub's format: train, save, measure, describe, list."""

import contextlib
import hashlib
import json
import shutil
from collections.abc import Callable, Mapping
from dataclasses import asdict, replace
from importlib import import_module
from pathlib import Path
from typing import Any

from evaluation.loading import CheckpointFiles, be_quiet, weights_sha256
from evaluation.zoo import LISTING, Measured, ZooFile, ZooModel, checked_files, models
from evaluation.zoo.card import write_card
from evaluation.zoo.recipes import RECIPES, Recipe
from evaluation.zoo.training import STATE, Method, Plan, train

LICENCE = "MIT"
_NOT_LISTED = ("README.md",)
_READABLE = 0o644

Tell = Callable[[str], None]


def plan_of(recipe: Recipe) -> Plan:
    """How long and how fast the recipe trains."""
    plan: Plan = import_module(recipe.method.partition(":")[0]).PLAN
    return plan


def method_of(recipe: Recipe) -> Method:
    """The recipe's architecture and training."""
    module, _, name = recipe.method.partition(":")
    method: Method = getattr(import_module(module), name)()
    return method


def make(
    recipe: Recipe,
    zoo: Path,
    tell: Tell,
    *,
    steps: int | None = None,
    seed: int | None = None,
    threads: int = 1,
    measure: bool = True,
) -> ZooModel:
    """Train a model and write it to `zoo/NAME`, with its card and an entry in the folder's zoo.toml.

    An interrupted training goes on where it was. `steps` and `seed` replace those of the recipe.
    """
    plan = plan_of(recipe)
    plan = replace(plan, steps=steps or plan.steps, seed=plan.seed if seed is None else seed)
    folder = zoo / recipe.name
    be_quiet()
    method = method_of(recipe)
    trained = train(method, plan, folder, tell, threads)
    parameters = sum(each.numel() for each in trained.model.parameters())
    _clear(folder)
    method.save(trained.model, folder)
    (folder / STATE).unlink(missing_ok=True)
    model = ZooModel(
        recipe.name, recipe.title, recipe.paper, recipe.library, recipe.loader_class, recipe.task,
        recipe.about, folder, parameters, LICENCE, weights_sha256(folder), plan.seed, plan.steps,
        round(trained.seconds, 1), threads, _files_in(folder), (),
    )  # fmt: skip
    if measure:
        model = replace(model, measured=_measured(recipe, model, tell))
    write_card(model, plan)
    list_in(zoo, model)
    return model


def _measured(recipe: Recipe, model: ZooModel, tell: Tell) -> tuple[Measured, ...]:
    found = []
    for task, n in recipe.measured:
        tell(f"measuring {task} on {n} examples")
        found.append(measure_task(checked_files(model), task, n))
    return tuple(found)


def measure_task(files: CheckpointFiles, task: str, n: int) -> Measured:
    """The primary measure of a task on its default dataset, here and now."""
    from evaluation.tasks.request import draw_up
    from evaluation.worker import answer

    dataset = "digits" if files.hub_id.endswith("-digits") else "scenes"
    request = draw_up(files, task, dataset=dataset, n=n)
    result = answer(request, request.material().data.fingerprint, lambda _: None)
    metric = request.spec.primary
    numbers = result["metrics"][metric]
    return Measured(
        task, f"{dataset} ({request.split})", n, metric,
        numbers["value"], numbers["low"], numbers["high"], result["chance"], result["baseline"],
        result["seconds"],
    )  # fmt: skip


def list_in(zoo: Path, model: ZooModel) -> None:
    """Put a model into the zoo.toml of a folder, in the place of one with the same name."""
    kept = {each.name: each for each in models(zoo)} | {model.name: model}
    order = [recipe.name for recipe in RECIPES]
    text = "# Written by `vfm-atlas zoo train`: what the folders beside this file hold.\n" + "".join(
        _entry(kept[name]) for name in sorted(kept, key=order.index)
    )
    (zoo / LISTING).write_text(text, encoding="utf-8")


def _entry(model: ZooModel) -> str:
    facts = {key: value for key, value in asdict(model).items() if key not in ("folder", "files", "measured")}
    parts = [_table("model", facts)]
    parts += [_table("model.file", asdict(file)) for file in model.files]
    parts += [_table("model.measured", asdict(each)) for each in model.measured]
    return "".join(parts)


def _table(name: str, facts: Mapping[str, Any]) -> str:
    # Strings and numbers are written alike in JSON and TOML; what is not known is left out.
    lines = [
        f"{key} = {json.dumps(value, ensure_ascii=False)}\n"
        for key, value in facts.items()
        if value is not None
    ]
    return f"\n[[{name}]]\n{''.join(lines)}"


def _files_in(folder: Path) -> tuple[ZooFile, ...]:
    found = []
    for path in sorted(each for each in folder.rglob("*") if each.is_file()):
        name = path.relative_to(folder).as_posix()
        if name in _NOT_LISTED:
            continue
        path.chmod(_READABLE)  # safetensors writes files that nobody else may read
        content = path.read_bytes()
        found.append(ZooFile(name, len(content), hashlib.sha256(content).hexdigest()))
    return tuple(found)


def _clear(folder: Path) -> None:
    """Remove what an earlier training left, but not this one's state."""
    for path in folder.iterdir() if folder.is_dir() else ():
        if path.is_dir():
            shutil.rmtree(path)
        elif path.name != STATE:
            with contextlib.suppress(FileNotFoundError):
                path.unlink()
