"""`vfm-atlas ingest` in processes of its own, as many as a test wants, without loading everything each time.

Run as a program it waits for orders on stdin, one JSON object a line, and forks a process for each: no thread
is running in it that a fork would lose. `Program` is the other end.
"""

import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from typing import Any

TESTS = Path(__file__).parent
NEEDED = (
    "graph.analysis.layout",
    "graph.migrate",
    "httpcore",
    "ingest.plan",
    "scipy.sparse.linalg",
    "scipy.spatial",
)
"""What a run loads on its way; loaded before, the processes are at work at once."""


@dataclass
class Process:
    """One command under way."""

    program: "Program"
    pid: int
    output: Path

    def send(self, number: int) -> None:
        """Send a signal, unless it has ended by itself."""
        with suppress(ProcessLookupError):
            os.kill(self.pid, number)

    def wait(self) -> int:
        """The exit code, negative for the signal that ended it."""
        self.program.under_way = None
        return int(self.program.read()["code"])

    @property
    def said(self) -> list[str]:
        """What it wrote to stdout and stderr."""
        return self.output.read_text(encoding="utf-8").splitlines()


class Program:
    """The program that starts the processes, one after the other."""

    def __init__(self, process: "subprocess.Popen[str]", folder: Path) -> None:
        self._process, self._folder = process, folder
        self.under_way: Process | None = None

    def start(self, *arguments: object, kill_after: str | None = None) -> Process:
        """Start `vfm-atlas` with these arguments; it is killed once the stage `kill_after` is written."""
        if self.under_way:  # a test failed before it waited
            self.under_way.send(signal.SIGKILL)
            self.under_way.wait()
        output = self._folder / "output.txt"
        order = {"arguments": [*map(str, arguments)], "kill_after": kill_after, "output": str(output)}
        assert self._process.stdin
        self._process.stdin.write(json.dumps(order) + "\n")
        self._process.stdin.flush()
        self.under_way = Process(self, self.read()["pid"], output)
        return self.under_way

    def read(self) -> dict[str, Any]:
        assert self._process.stdout
        return json.loads(self._process.stdout.readline())


@contextmanager
def program(folder: Path, **settings: str) -> Iterator[Program]:
    """The program under these settings."""
    with subprocess.Popen(
        [sys.executable, str(TESTS / "ingest_program.py")],
        env={**os.environ, **settings}, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
    ) as process:  # fmt: skip
        yield Program(process, folder)
        assert process.stdin
        process.stdin.close()


def main() -> None:
    """Carry out orders until stdin ends."""
    sys.path[:0] = [str(TESTS.parent)]
    from helpers import HashEncoder
    from source_helpers import SkippingClock

    import ingest.embedding
    import ingest.pipeline
    from app import terminal
    from app.cli import main as vfm_atlas

    for name in NEEDED:
        import_module(name)
    ingest.pipeline.SystemClock = SkippingClock
    ingest.embedding.SentenceEncoder = lambda name=None: HashEncoder(name or "hash")
    show = terminal.TerminalProgress.__call__

    def carry_out(arguments: Sequence[str], kill_after: str | None) -> None:
        def shown(self: Any, progress: Any) -> None:
            show(self, progress)
            if any(stage.name == kill_after and stage.state == "done" for stage in progress.stages):
                os.kill(os.getpid(), signal.SIGKILL)

        terminal.TerminalProgress.__call__ = shown
        vfm_atlas(arguments)

    for line in sys.stdin:
        order = json.loads(line)
        pid = os.fork()
        if pid == 0:
            out = os.open(order["output"], os.O_WRONLY | os.O_CREAT | os.O_TRUNC)
            os.dup2(out, 1)
            os.dup2(out, 2)
            code = 70
            try:
                carry_out(order["arguments"], order["kill_after"])
            except SystemExit as ended:
                code = ended.code if isinstance(ended.code, int) else 0
            finally:
                sys.stdout.flush()
                sys.stderr.flush()
                os._exit(code)
        tell({"pid": pid})
        tell({"code": os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])})


def tell(value: dict[str, int]) -> None:
    sys.stdout.write(json.dumps(value) + "\n")
    sys.stdout.flush()


if __name__ == "__main__":
    main()
