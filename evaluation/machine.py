"""What this machine has: memory, free disk, graphics cards. Asked without importing torch."""

import os
import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path

import psutil

_CGROUP = Path("/sys/fs/cgroup")
_PATIENCE = 5.0


@dataclass(frozen=True)
class Card:
    """A graphics card that CUDA can use, with its whole and its free memory in bytes."""

    name: str
    memory_bytes: int
    free_bytes: int


@dataclass(frozen=True)
class Machine:
    """What a program may use here: cores, memory and disk in bytes (`disk_free` where downloads go)."""

    cores: int
    memory_bytes: int
    memory_free: int
    disk_free: int
    cards: tuple[Card, ...] = ()


def this_machine(downloads: Path) -> Machine:
    """This machine as it is now; `downloads` is the folder, made or not, whose disk is asked about."""
    memory = psutil.virtual_memory()
    total, free = memory.total, memory.available
    limit, used = _number(_CGROUP / "memory.max"), _number(_CGROUP / "memory.current")
    if limit is not None and limit < total:  # a container has less than its machine
        total, free = limit, min(free, max(0, limit - (used or 0)))
    return Machine(_cores(), total, free, shutil.disk_usage(_nearest(downloads)).free, cards())


def cards() -> tuple[Card, ...]:
    """The graphics cards that the driver's own tool lists; none where there is no such tool."""
    tool = shutil.which("nvidia-smi")
    if tool is None:
        return ()
    query = [tool, "--query-gpu=name,memory.total,memory.free", "--format=csv,noheader,nounits"]
    try:
        told = subprocess.run(query, capture_output=True, text=True, timeout=_PATIENCE, check=True).stdout  # noqa: S603
    except (OSError, subprocess.SubprocessError):
        return ()
    return tuple(card for line in told.splitlines() if (card := read_card(line)))


def read_card(line: str) -> Card | None:
    """A line of the tool's table: a name, then MiB in all and MiB free. None for what is no such line."""
    name, *numbers = (part.strip() for part in line.rsplit(",", 2))
    if len(numbers) != 2 or not all(number.isdigit() for number in numbers):
        return None
    total, free = (int(number) * 2**20 for number in numbers)
    return Card(name, total, free)


def _cores() -> int:
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def _number(path: Path) -> int | None:
    try:
        return int(path.read_text())
    except (OSError, ValueError):  # "max" is no limit
        return None


def _nearest(folder: Path) -> Path:
    folder = folder.absolute()
    return next(each for each in (folder, *folder.parents) if each.exists())
