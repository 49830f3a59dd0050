"""What this machine has is asked of the system and of the driver's tool, never of torch."""

import subprocess
import sys
from pathlib import Path

import psutil
import pytest

import evaluation.machine
from evaluation.machine import Card, cards, read_card, this_machine


def test_this_machine_has_cores_memory_and_disk(tmp_path):
    machine = this_machine(tmp_path / "not" / "made" / "yet")
    assert machine.cores >= 1
    assert 0 < machine.memory_free <= machine.memory_bytes <= psutil.virtual_memory().total
    assert machine.disk_free > 0
    assert not (tmp_path / "not").exists()


@pytest.mark.parametrize(("limit", "used", "total"), [("1000000", "400000", 1_000_000), ("max", "5", None)])
def test_a_container_has_what_it_is_given(tmp_path, monkeypatch, limit, used, total):
    (tmp_path / "memory.max").write_text(limit)
    (tmp_path / "memory.current").write_text(used)
    monkeypatch.setattr(evaluation.machine, "_CGROUP", tmp_path)
    machine = this_machine(tmp_path)
    if total is None:
        assert machine.memory_bytes == psutil.virtual_memory().total
    else:
        assert (machine.memory_bytes, machine.memory_free) == (total, 600_000)


def test_a_line_of_the_drivers_tool_is_a_card():
    assert read_card("NVIDIA H100 80GB HBM3, 81559, 81000") == Card(
        "NVIDIA H100 80GB HBM3", 81559 * 2**20, 81000 * 2**20
    )
    assert read_card("Name, with comma, 10, 5") == Card("Name, with comma", 10 * 2**20, 5 * 2**20)
    for odd in ("", "No devices were found", "x, [N/A], 5", "x, 5"):
        assert read_card(odd) is None


@pytest.mark.parametrize("script", ["echo 'Test Card, 1024, 512'; echo odd", "exit 9"])
def test_cards_are_what_the_tool_prints(tmp_path, monkeypatch, script):
    tool = tmp_path / "nvidia-smi"
    tool.write_text(f"#!/bin/sh\n{script}\n")
    tool.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}:/usr/bin:/bin")
    expected = (Card("Test Card", 2**30, 2**29),) if "echo" in script else ()
    assert cards() == expected


def test_without_the_tool_there_are_no_cards(tmp_path, monkeypatch):
    monkeypatch.setenv("PATH", str(tmp_path))
    assert cards() == ()


def test_asking_the_gate_loads_no_torch():
    code = "import sys, evaluation.download, app.commands.links; print('torch' in sys.modules)"
    root = Path(__file__).parent.parent
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=root)
    assert done.stdout.strip() == "False"
