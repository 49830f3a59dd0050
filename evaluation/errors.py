"""Errors of measuring. A message names the offending value and what is allowed or to do next.

AtlasError
    CollectionError     files of a test collection break their rules; `problems` names each one
    NoAdapter           nothing here knows how to run a checkpoint; says which library it needs
    CheckpointUnusable  files of a checkpoint that cannot be loaded as what they are said to be
    GateClosed          the gate lets a checkpoint not pass; `verdict` says why
        ConsentNeeded   it would, once a person agrees
    NotHere             files of a checkpoint are not on this machine, and requests are switched off or fail
    DownloadBroken      files of a checkpoint could not be had, or are not what the hub said they are
    DeviceMissing       a device was asked for that this machine does not have
    DatasetError        files that cannot be read as a dataset, or lack what a task asks for
    TaskError           a task that a checkpoint or a dataset is not fit for
    RunEnded            a run that came to no result: failed, cancelled or refused
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from graph.errors import AtlasError

if TYPE_CHECKING:
    from evaluation.gate import Verdict


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


class NoAdapter(AtlasError):
    """Nothing here knows how to run a checkpoint of this library and class."""


class CheckpointUnusable(AtlasError):
    """The files of a checkpoint cannot be loaded as what they are said to be."""

    def __init__(self, hub_id: str, reason: str) -> None:
        self.hub_id, self.reason = hub_id, reason
        super().__init__(hub_id, reason)

    def __str__(self) -> str:
        return f"cannot load {self.hub_id}: {self.reason}"


class GateClosed(AtlasError):
    """The gate lets a checkpoint not pass; `verdict` (evaluation.gate) says why."""

    def __init__(self, verdict: "Verdict") -> None:
        self.verdict = verdict
        super().__init__(verdict)

    def __str__(self) -> str:
        reasons = [each.text for each in self.verdict.reasons if each.leads_to != "allowed"]
        return f"{self.verdict.hub_id} is not fetched: {'; '.join(reasons)}"


class ConsentNeeded(GateClosed):
    """The gate lets a checkpoint pass once a person agrees."""

    def __str__(self) -> str:
        return f"{super().__str__()}: agree with --yes"


class NotHere(AtlasError):
    """Files of a checkpoint are not on this machine, and the hub cannot be asked for them."""


class DownloadBroken(AtlasError):
    """Files of a checkpoint could not be had, or are not what the hub said they are."""


class DeviceMissing(AtlasError):
    """A device was asked for that this machine does not have."""

    exit_code = 2


class DatasetError(AtlasError):
    """Files that cannot be read as a dataset, or that lack what a task asks for."""


class TaskError(AtlasError):
    """A task that a checkpoint or a dataset is not fit for, or whose description is broken."""


class RunEnded(AtlasError):
    """A run that came to no result; `state` is failed, cancelled or refused."""

    def __init__(self, state: str, reason: str) -> None:
        self.state, self.reason = state, reason
        super().__init__(state, reason)

    def __str__(self) -> str:
        return self.reason
