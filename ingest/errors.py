"""Errors of what brings facts in.

AtlasError
    CatalogueError      files of the catalogue break its rules; `problems` names each one
"""

from collections.abc import Sequence
from dataclasses import dataclass

from graph.errors import AtlasError

_SHOWN = 20


@dataclass(frozen=True, order=True)
class Problem:
    """One broken entry: the file, its line (the header is line 1), the field, and what is wrong."""

    file: str
    line: int
    field: str
    message: str

    def __str__(self) -> str:
        return f"{self.file}:{self.line}: {self.field}: {self.message}"


class CatalogueError(AtlasError):
    """Files of the catalogue break its rules."""

    def __init__(self, problems: Sequence[Problem]) -> None:
        # In the order they were found: what makes a file unreadable comes before what follows from it.
        self.problems = tuple(problems)
        super().__init__(self.problems)

    def __str__(self) -> str:
        lines = [str(problem) for problem in self.problems[:_SHOWN]]
        if len(self.problems) > _SHOWN:
            lines.append(f"and {len(self.problems) - _SHOWN} more")
        return "the catalogue breaks its rules (data/README.md):\n" + "\n".join(lines)
