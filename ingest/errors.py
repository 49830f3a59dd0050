"""Errors of what brings facts in. A message names the offending value and what is allowed or to do next.

AtlasError
    CatalogueError          files of the catalogue break its rules; `problems` names each one
    IngestError             something from outside cannot be taken in
        UnreadableId        a text that is no id of a work (usage)
        UnknownWork         no service knows the work
        FileUnreadable      a file of references cannot be read
        ServiceError        a service does not answer as it should
            ServiceDown     it cannot be reached, or keeps failing; another may stand in
            ServiceRefused  it answers, and says no (bad key, bad request)
            AnswerTooLarge  its answer is larger than any honest one
            Offline         the answer is not stored and requests are switched off
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


class IngestError(AtlasError):
    """Something from outside cannot be taken in; the library is as it was."""


class UnreadableId(IngestError, ValueError):
    """A text that is no id of a work."""

    exit_code = 2

    def __init__(self, text: str) -> None:
        shown = text if len(text) <= 80 else text[:80] + "..."
        super().__init__(
            f"cannot read {shown!r} as an id: allowed are arXiv:2312.10163, a DOI, a Semantic Scholar id "
            "(40 hex digits), CorpusId:123 and an OpenAlex W number"
        )


class UnknownWork(IngestError, LookupError):
    """No service that was asked knows the work."""


class FileUnreadable(IngestError):
    """A file of references cannot be read."""


class ServiceError(IngestError):
    """A service does not answer as it should; `service` is its name as people know it."""

    def __init__(self, service: str, message: str) -> None:
        self.service = service
        super().__init__(f"{service}: {message}")


class ServiceDown(ServiceError):
    """A service cannot be reached or keeps failing; another one may stand in."""


class ServiceRefused(ServiceError):
    """A service answers, and says no."""


class AnswerTooLarge(ServiceError):
    """An answer is larger than any honest one."""


class Offline(ServiceError):
    """The answer is not stored, and requests are switched off."""
