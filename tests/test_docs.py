"""The pages that are written from the program say what the program does."""

import re
import runpy
import sys
from pathlib import Path

import click
import pytest

from app.cli import cli
from graph.export import FORMATS
from graph.settings import SETTINGS

ROOT = Path(__file__).parent.parent
PAGE = ROOT / "docs" / "cli.md"


@pytest.fixture(scope="module")
def page() -> str:
    return PAGE.read_text(encoding="utf-8")


def sections(page: str) -> dict[str, str]:
    parts = re.split(r"^## (.+)\n", page, flags=re.M)
    return dict(zip(parts[1::2], parts[2::2], strict=True))


def commands(command: click.Command = cli, path: str = "vfm-atlas") -> dict[str, click.Command]:
    found = {path: command}
    for name, child in getattr(command, "commands", {}).items():
        found |= commands(child, f"{path} {name}")
    return found


def test_the_page_of_the_command_line_is_the_one_that_make_docs_writes(page):
    made = runpy.run_path(str(ROOT / "docs" / "make_cli.py"))["render"]()
    assert page == made, "docs/cli.md is out of date: 'make docs' writes it anew"


@pytest.mark.parametrize("path", commands())
def test_every_command_has_its_section_with_what_it_does_and_its_options(page, path):
    command = commands()[path]
    section = sections(page)[path]
    assert f"\n{path} " in section
    assert command.help.split("\n")[0] in section
    shared = sections(page)["vfm-atlas"]
    for option in command.params:
        if isinstance(option, click.Option):
            assert f"`{option.opts[-1]}" in section + shared
            assert option.help in section + shared
        else:
            assert option.make_metavar(click.Context(command)) in section


def test_every_setting_is_explained(page):
    for setting in SETTINGS:
        assert f"| `{setting.name}` | {setting.default} | {setting.help} |" in sections(page)["Settings"]


def test_every_export_format_is_explained(page):
    for name, each in FORMATS.items():
        assert f"| `{name}` | {each.description} |" in sections(page)["Formats of export"]


def test_make_docs_writes_the_page(tmp_path, monkeypatch, capsys):
    script = tmp_path / "make_cli.py"
    script.write_text((ROOT / "docs" / "make_cli.py").read_text(encoding="utf-8"), encoding="utf-8")
    monkeypatch.setattr(sys, "argv", [str(script)])
    runpy.run_path(str(script), run_name="__main__")
    assert (tmp_path / "cli.md").read_bytes() == PAGE.read_bytes()
    assert capsys.readouterr().err == f"{tmp_path / 'cli.md'}\n"
    assert "docs/make_cli.py" in (ROOT / "Makefile").read_text(encoding="utf-8")
