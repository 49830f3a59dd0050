"""What sources answer, whichever service is behind them."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Literal, Protocol

from graph.checkpoints import RepoFile
from ingest.record import Record, Reference, WorkId


@dataclass(frozen=True)
class Found:
    """Records by the id that was asked; two ids of one work bring the same record.

    `missing` are the ids that the source cannot look up, or was asked for twice and never answered.
    """

    records: dict[WorkId, Record]
    missing: tuple[WorkId, ...]


@dataclass(frozen=True)
class ReferenceList:
    """A reference list as one source gives it, in the order of the list.

    A record is None where the source does not say what the entry is called. `complete` is False where the
    source withholds the list, breaks off, or states more entries than it gives; an empty list that is not
    complete is one that the source does not know. `origin` is the source, `retrieved_at` when it answered.
    """

    entries: tuple[tuple[Reference, Record | None], ...]
    complete: bool
    origin: str
    retrieved_at: datetime


@dataclass(frozen=True)
class HubModel:
    """One model on the hub, as its list of models shows it. `author` is the account it belongs to.

    `sha` is the commit of the main branch, `parameters` how many numbers its safetensors files hold.
    """

    hub_id: str
    author: str
    sha: str | None
    last_modified: datetime | None
    downloads: int | None
    likes: int | None
    gated: bool | None
    library: str | None
    task: str | None
    licence: str | None
    base_models: tuple[str, ...]
    arxiv_ids: tuple[str, ...]
    parameters: int | None


@dataclass(frozen=True)
class HubState:
    """What became of a model: it is there, goes by another name (`now_at`), asks for consent, or is gone.

    `sha` is the commit that was asked about, by default the newest, and `files` are its files. `library`,
    `task` and `loader_class` are what the hub makes of them. None is what the hub did not say.
    """

    hub_id: str
    state: Literal["live", "moved", "gated", "gone"]
    now_at: str | None
    sha: str | None
    gated: bool | None
    licence: str | None
    checked_at: datetime
    files: tuple[RepoFile, ...] | None = None
    remote_code: bool | None = None
    base_models: tuple[str, ...] | None = None
    parameters: int | None = None
    library: str | None = None
    task: str | None = None
    loader_class: str | None = None


class Source(Protocol):
    """A service with a name for people (`label`)."""

    @property
    def label(self) -> str:
        """What people call the service."""


class WorkSource(Source, Protocol):
    """A service that describes works and knows their reference lists."""

    @property
    def origin(self) -> str:
        """The service's name in records."""

    def records(self, ids: Iterable[WorkId], *, references: bool = False) -> Found:
        """Describe works, on request with their reference lists."""

    def references(self, work: WorkId) -> ReferenceList:
        """List what a work refers to. Raises UnknownWork."""
