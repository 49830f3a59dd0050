"""Errors of measuring. A message names the offending value and what is allowed or to do next.

AtlasError
    CollectionError     files of a test collection break their rules; `problems` names each one
"""

from collections.abc import Sequence
from dataclasses import dataclass

from graph.errors import AtlasError


@dataclass(frozen=True)
class Problem:
    """One broken entry: the file, its line (counted from 1), the field, and what is wrong."""

    file: str
    line: int
    field: str
    message: str

    def __str__(self) -> str:
        return f"{self.file}:{self.line}: {self.field}: {self.message}"


class CollectionError(AtlasError):
    """Files of a test collection (documents, queries, judgements) break their rules."""

    def __init__(self, problems: Sequence[Problem]) -> None:
        self.problems = tuple(problems)
        super().__init__(self.problems)

    def __str__(self) -> str:
        more = len(self.problems) - 1
        first = f"cannot read the collection: {self.problems[0]}"
        return f"{first} (and {more} more like it)" if more else first
