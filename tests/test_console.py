"""How results reach the terminal: aligned, without anything that a terminal acts on, JSON without loss."""

import dataclasses
import datetime
import json
from pathlib import Path

import click
import pytest
from command_line import HAZARD
from hypothesis import given
from hypothesis import strategies as st

from app.cli import cli
from app.console import Options, clean, emit_json, global_options, known, progress, say, table
from graph.coverage import UNKNOWN
from graph.errors import LibraryMissing
from graph.library import Library


@given(st.text())
def test_clean_text_has_no_hazard_and_loses_nothing_else(text):
    cleaned = clean(text)
    assert not HAZARD.search(cleaned)
    assert clean(cleaned) == cleaned
    harmless = "".join(char for char in text if char.isalnum())
    assert "".join(char for char in cleaned if char.isalnum()) == harmless


@pytest.mark.parametrize(
    ("text", "cleaned"),
    [
        ("plain ünïcode 视觉 😀\n", "plain ünïcode 视觉 😀\n"),
        ("a\tb", "a b"),
        ("\x1b[2Jgone", "[2Jgone"),
        ("title\x1b]0;owned\x07", "title]0;owned"),
        ("\x9b31mred", "31mred"),
        ("abc\u202ecba", "abccba"),
        ("over\rwritten\x08\x7f", "overwritten"),
    ],
)
def test_clean_takes_out_what_a_terminal_acts_on(text, cleaned):
    assert clean(text) == cleaned


def test_say_and_progress_clean_what_they_print_and_use_different_streams(capsys):
    say("out\x1b")
    progress("err\x1b")
    assert capsys.readouterr() == ("out\n", "err\n")


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=8,
)


@given(json_values)
def test_a_document_keeps_every_character_of_a_value_and_shows_no_hazard(value):
    # Hypothesis calls this many times, which pytest's capture does not like.
    printed: list[str] = []
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(click, "echo", printed.append)
        emit_json(value)
    (text,) = printed
    assert json.loads(text) == value
    assert not HAZARD.search(text)


def test_a_document_stays_readable_where_it_is_harmless(capsys):
    emit_json({"title": "Größe 视觉 😀"})
    assert '"title": "Größe 视觉 😀"' in capsys.readouterr().out


def test_dataclasses_become_objects_and_dates_and_paths_become_text(capsys):
    @dataclasses.dataclass
    class Fact:
        when: datetime.date
        where: Path

    emit_json({"facts": [Fact(datetime.date(2026, 1, 2), Path("here"))]})
    assert json.loads(capsys.readouterr().out) == {"facts": [{"when": "2026-01-02", "where": "here"}]}


def test_a_table_aligns_its_columns_and_keeps_a_row_on_one_line(capsys):
    table([("a", 1, "first\nrow"), ("longer", 22, "second")], header=("name", "n", "text"))
    assert capsys.readouterr().out.splitlines() == [
        "name    n   text",
        "a       1   first row",
        "longer  22  second",
    ]


def test_an_empty_table_prints_nothing(capsys):
    table([])
    assert capsys.readouterr().out == ""


@pytest.mark.parametrize("value", [None, "", []])
def test_what_is_not_known_is_said(value):
    assert known(value) == UNKNOWN


@pytest.mark.parametrize(("value", "text"), [(0, "0"), (False, "False"), ("x", "x"), (2023, "2023")])
def test_what_is_known_is_shown(value, text):
    assert known(value) == text


def test_opening_the_library_of_the_options_closes_it_again_when_it_is_empty(tmp_path):
    path = tmp_path / "library.sqlite"
    Library.create(path).close()
    with pytest.raises(LibraryMissing, match="is empty: fill it with 'vfm-atlas build'"):
        Options(library=str(path)).open()
    path.unlink()  # on Windows only a closed file can go


def test_every_command_takes_the_global_options():
    def names(command: click.Command) -> set[str]:
        return {option for parameter in command.params for option in parameter.opts}

    def walk(command: click.Command) -> None:
        assert names(command) >= {"--library", "--json", "--debug"}, command.name
        for child in getattr(command, "commands", {}).values():
            walk(child)

    walk(cli)


def test_global_options_do_not_reach_a_command_as_arguments(capsys):
    @click.command()
    @global_options
    def bare(options: Options) -> None:
        say(f"{options.library} {options.as_json} {options.debug}")

    bare.main(["--library", "x", "--json"], standalone_mode=False, obj=Options())
    assert capsys.readouterr().out == "x True False\n"
