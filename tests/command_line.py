"""Running `vfm-atlas` in this process (fast) or as the installed program (real)."""

import io
import json
import os
import re
import shutil
import subprocess
import sys
from contextlib import redirect_stderr, redirect_stdout
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from app.cli import main

PROGRAM = shutil.which("vfm-atlas", path=str(Path(sys.executable).parent))
# What a terminal may act on: control characters, changes of direction, zero-width and private-use ones.
HAZARD = re.compile(
    "[\x00-\x09\x0b-\x1f\x7f-\x9f\u00ad\u200b-\u200f\u202a-\u202e\u2060-\u206f\ue000-\uf8ff\ufeff\ud800-\udfff]"
)


@dataclass(frozen=True)
class Ended:
    """How a command ended: exit code, stdout, stderr."""

    code: int
    out: str
    err: str

    @property
    def document(self) -> Any:
        """stdout as the one JSON document that it must be."""
        return json.loads(self.out)


def run(*arguments: object) -> Ended:
    """`vfm-atlas` with these arguments, in this process."""
    out, err = (io.TextIOWrapper(io.BytesIO(), encoding="utf-8", write_through=True) for _ in range(2))
    with redirect_stdout(out), redirect_stderr(err):
        try:
            main([str(argument) for argument in arguments])
            code = None
        except SystemExit as ended:
            code = ended.code
    assert isinstance(code, int), "a command ends the process with a number"
    return Ended(code, *(stream.buffer.getvalue().decode() for stream in (out, err)))


def succeed(*arguments: object) -> Ended:
    """The same; it must end well."""
    ended = run(*arguments)
    assert ended.code == 0, ended.err
    return ended


def fail(*arguments: object, code: int) -> str:
    """The same; it must end with this code and say why in one line, which is returned without its prefix."""
    return message_of(run(*arguments), code)


def message_of(ended: Ended, code: int) -> str:
    """The one line of a command that failed as it should."""
    assert ended.code == code, ended.err
    assert ended.out == ""
    (line,) = ended.err.splitlines()
    prefix, message = line[:11], line[11:]
    assert prefix == "vfm-atlas: "
    assert message[:1].strip()
    return message


def start(*arguments: object, **environment: str) -> Ended:
    """The installed program with these arguments."""
    assert PROGRAM, "vfm-atlas is not installed beside this Python"
    done = subprocess.run(
        [PROGRAM, *map(str, arguments)],
        env={**os.environ, **environment},
        capture_output=True,
        encoding="utf-8",
        errors="backslashreplace",
        check=False,
        timeout=120,
    )
    return Ended(done.returncode, done.stdout, done.stderr)
