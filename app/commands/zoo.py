"""Commands about the small models that ship: zoo list, zoo train."""

from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from app.console import Options, emit_json, global_options, known, progress, say, table

if TYPE_CHECKING:
    from evaluation.zoo import Measured, ZooModel


@click.group()
@global_options
def zoo(_options: Options) -> None:
    """List and train the small models that ship with VFM Atlas.

    They were trained by this project on synthetic scenes and small digits: stand-ins that show a method at
    work offline, not the papers' models.
    """


@zoo.command(name="list")
@click.option(
    "--in", "folder", metavar="FOLDER", help="List what 'zoo train' wrote there, instead of what ships."
)
@global_options
def list_models(options: Options, folder: str | None) -> None:
    """List the models with their size and what was measured on them."""
    from evaluation.zoo import models, shipped_zoo

    place = Path(folder) if folder else shipped_zoo()
    found = models(place)
    if options.as_json:
        emit_json({"folder": str(place), "models": [_document(each) for each in found]})
        return
    if not found:
        say(f"{place} holds no models: 'vfm-atlas zoo train --out {place}' makes them")
        return
    say("Small stand-ins for methods, trained by this project; not the papers' models.")
    say()
    rows = [
        (
            each.hub_id,
            each.paper,
            f"{each.parameters:,}",
            f"{each.bytes / 1e6:.1f} MB",
            _result(each.measured),
        )
        for each in found
    ]
    table(rows, header=("model", "method of", "parameters", "size", "measured (95% interval; chance)"))


@zoo.command()
@click.argument("names", metavar="[NAME]...", nargs=-1)
@click.option(
    "--out", metavar="FOLDER", default="zoo", show_default=True,
    help="Where the models go, each in a folder of its name, with a zoo.toml that lists them.",
)  # fmt: skip
@click.option("--steps", metavar="N", type=click.IntRange(1), help="Train for so many steps instead.")
@click.option("--seed", metavar="N", type=click.IntRange(0), help="Another seed than the recipe's.")
@click.option(
    "--threads", metavar="N", type=click.IntRange(1), default=1, show_default=True,
    help="Threads of the CPU; with another number the weights come out slightly different.",
)  # fmt: skip
@click.option("--measure/--no-measure", default=True, show_default=True, help="Measure the model afterwards.")
@global_options
def train(
    options: Options,
    names: tuple[str, ...],
    *,
    out: str,
    steps: int | None,
    seed: int | None,
    threads: int,
    measure: bool,
) -> None:
    """Train models of the zoo anew, all of them without a NAME.

    All of them take about half an hour on one core. A training that is interrupted goes on when the same
    command is given again.
    """
    from evaluation.zoo.making import make
    from evaluation.zoo.recipes import RECIPES, find_recipe

    recipes = [find_recipe(name) for name in names] if names else list(RECIPES)
    made = []
    for recipe in recipes:

        def tell(text: str, name: str = recipe.name) -> None:
            progress(f"zoo: {name}: {text}")

        made.append(make(recipe, Path(out), tell, steps=steps, seed=seed, threads=threads, measure=measure))
    if options.as_json:
        emit_json({"folder": str(Path(out)), "models": [_document(each) for each in made]})
        return
    for model in made:
        say(f"{model.folder}: {model.parameters:,} parameters, {model.cpu_seconds:.0f} s of CPU")
        for each in model.measured:
            say(f"  {_measure(each)}")


def _document(model: "ZooModel") -> dict[str, Any]:
    return {"hub_id": model.hub_id, **asdict(model), "folder": str(model.folder), "role": "stand-in"}


def _result(measured: "tuple[Measured, ...]") -> str:
    return _measure(measured[0]) if measured else known(None)


def _measure(each: "Measured") -> str:
    reach = "" if each.low is None else f" [{each.low:.3f}, {each.high:.3f}]"
    chance = "" if each.chance is None else f"; {each.chance:.3f}"
    return f"{each.task} on {each.dataset}, n {each.n}: {each.metric} {each.value:.3f}{reach}{chance}"


COMMANDS = (zoo,)
