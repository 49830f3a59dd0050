"""The progress of long work on a terminal: one line that changes in place, or a line per stage elsewhere."""

import shutil
import sys

from app.console import clean
from ingest.progress import Progress, Stage

_BAR = 24


class TerminalProgress:
    """A listener of a run's progress that writes to stderr; stdout stays for the result."""

    def __init__(self) -> None:
        self._in_place = sys.stderr.isatty()
        self._said: set[str] = set()
        self._open = False

    def __call__(self, progress: Progress) -> None:
        for stage in progress.stages:
            if stage.state in ("done", "skipped"):
                self._once(f"  {stage.name}: {_result(stage)}")
        running = next((stage for stage in progress.stages if stage.state == "running"), None)
        if progress.state != "running" or running is None:
            self._clear()
            return
        if self._in_place:
            self._rewrite(f"  {running.name} {_bar(running)}{progress.note}")
        elif progress.note:
            self._once(f"  {running.name}: {progress.note}")

    def _once(self, line: str) -> None:
        if line in self._said:
            return
        self._said.add(line)
        self._clear()
        print(clean(line), file=sys.stderr, flush=True)  # noqa: T201

    def _rewrite(self, line: str) -> None:
        width = shutil.get_terminal_size().columns - 1
        text = " ".join(clean(line).split("\n"))[:width]
        print(f"\r\x1b[K{text}", end="", file=sys.stderr, flush=True)  # noqa: T201
        self._open = True

    def _clear(self) -> None:
        if self._open:
            print("\r\x1b[K", end="", file=sys.stderr, flush=True)  # noqa: T201
            self._open = False


def _result(stage: Stage) -> str:
    done = "done by an earlier run" if stage.state == "skipped" else "done"
    return f"{done}, {stage.result}" if stage.result else done


def _bar(stage: Stage) -> str:
    if not stage.total:
        return f"{stage.done} " if stage.done else ""
    filled = min(_BAR, _BAR * stage.done // stage.total)
    return f"[{'#' * filled}{'.' * (_BAR - filled)}] {stage.done} of {stage.total}  "
