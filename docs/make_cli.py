"""`make docs`: write docs/cli.md from the commands and settings themselves."""

import re
import sys
from collections.abc import Iterator
from pathlib import Path

import click

from app.cli import cli
from graph.export import FORMATS
from graph.settings import SETTINGS

TARGET = Path(__file__).with_name("cli.md")
HEAD = """# The command line

Written by `make docs` from the program's own help; a test compares the two.

Results go to stdout, progress and errors to stderr. Every error is one line that says what to do; the exit
code is 2 for a request that cannot be met as it was written, 1 for anything else that fails, and 130 after
Ctrl-C. With `--json` stdout holds one JSON document and nothing else. A paper can be named by its key, arXiv
id, DOI, title or any unambiguous short name.
"""
FORMATS_HEAD = """## Formats of export

| format | what it is |
|---|---|
"""
SETTINGS_HEAD = """## Settings

Environment variables; `vfm-atlas doctor` lists those that are set.

| variable | default | meaning |
|---|---|---|
"""


def main() -> None:
    """Write the page."""
    TARGET.write_text(render(), encoding="utf-8")
    sys.stderr.write(f"{TARGET}\n")


def render() -> str:
    """The whole page as Markdown."""
    top = click.Context(cli, info_name="vfm-atlas", **cli.context_settings)
    sections = [_section(context) for context in _contexts(top)]
    formats = "".join(f"| `{each.name}` | {_cell(each.description)} |\n" for each in FORMATS.values())
    settings = "".join(
        f"| `{each.name}` | {_cell(each.default)} | {_cell(each.help)} |\n" for each in SETTINGS
    )
    return "\n".join([HEAD, *sections, FORMATS_HEAD + formats, SETTINGS_HEAD + settings])


def _contexts(context: click.Context) -> Iterator[click.Context]:
    """A command and, for a group, its commands in the order of the alphabet."""
    yield context
    if isinstance(context.command, click.Group):
        for name in sorted(context.command.commands):
            yield from _contexts(click.Context(context.command.commands[name], context, info_name=name))


def _section(context: click.Context) -> str:
    command = context.command
    usage = " ".join([context.command_path, *command.collect_usage_pieces(context)])
    parts = [f"## {context.command_path}", f"```\n{usage}\n```", _unwrapped(command.help or "")]
    shared = _options(context.find_root()) if context.parent else []
    own = [row for row in _options(context) if row not in shared]
    if own:
        parts.append("\n".join(f"- `{names}`: {_unwrapped(text)}" for names, text in own))
    if not context.parent:
        parts.append("Every command takes these options too, `--version` excepted.")
    return "\n\n".join(parts) + "\n"


def _options(context: click.Context) -> list[tuple[str, str]]:
    """Names and help of a command's options."""
    parameters = context.command.get_params(context)
    records = (each.get_help_record(context) for each in parameters if isinstance(each, click.Option))
    return [record for record in records if record]


def _unwrapped(text: str) -> str:
    paragraphs = re.split(r"\n\s*\n", text.strip())
    return "\n\n".join(" ".join(paragraph.split()) for paragraph in paragraphs)


def _cell(text: str) -> str:
    return text.replace("|", "\\|")


if __name__ == "__main__":
    main()
