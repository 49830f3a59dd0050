"""Asking the hub what became of the linked checkpoints: state, commit, files with hashes, terms, mirrors.

One request each, two where a pinned commit is no longer the newest; answers are kept at once in the response
store and every few checkpoints in the library, so that a run that was cut off goes on where it was.
"""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

from sqlalchemy import Select, select
from sqlalchemy.orm import Session

from graph.checkpoints import HUB, RepoFile, choose_files
from graph.library import Library
from graph.schema import Checkpoint, CheckpointFile, CheckpointLink, Paper
from graph.snapshot import current_snapshot_id, take_snapshot
from ingest.errors import Offline, ServiceDown, ServiceError, UnknownWork
from ingest.hublinks import store_pinned, store_states
from ingest.progress import Listener, StateFile, Stopped, Tracker
from ingest.sources.answers import HubState
from ingest.sources.huggingface import HubSource
from ingest.transport.clock import Clock, SystemClock
from ingest.transport.transport import Event, open_transport

FRESH = timedelta(hours=12)
"""What was checked so recently is not asked again, unless it is asked to be."""

_BATCH = 20
_MOST_REFUSALS = 3
_MIRRORS_ASKED = 5


@dataclass(frozen=True)
class Checked:
    """One checkpoint's repository before and after: its states, and what a person should know of it."""

    hub_id: str
    before: str
    state: str
    note: str


@dataclass
class CheckReport:
    """What a check found: how many are in each state, what changed, and what was not answered."""

    asked: int = 0
    fresh: int = 0
    states: dict[str, int] = field(default_factory=dict)
    changes: list[Checked] = field(default_factory=list)
    proposed: dict[str, list[str]] = field(default_factory=dict)
    unanswered: list[str] = field(default_factory=list)
    snapshot: str = ""
    before: str | None = None


@dataclass(frozen=True)
class _Known:
    """A repository as the library has it before it is asked about."""

    hub_id: str
    state: str
    revision: str | None
    head: str | None
    weights: frozenset[str]


def check_links(
    library: Library,
    keys: Sequence[str] | None = None,
    *,
    again: bool = False,
    listeners: Sequence[Listener] = (),
    clock: Clock | None = None,
) -> CheckReport:
    """Ask the hub about the checkpoints of these papers, by default of all, and keep what it says.

    Those checked within FRESH are passed over, unless `again`. Raises RunInProgress while another run works
    on the library, Stopped when interrupted; what was answered by then is kept.
    """
    from ingest.pipeline import progress_path

    clock = clock or SystemClock()
    now = datetime.fromtimestamp(clock.now(), UTC).replace(tzinfo=None)
    subject = ", ".join(keys) if keys else "every checkpoint"
    with StateFile(progress_path(library.path)) as state:
        tracker = Tracker("check-links", subject, ("check",), state, *listeners)
        # Answers are taken from the store as long as they count as fresh.
        since = now if again else now - FRESH
        transport = open_transport(
            refresh_since=since, clock=clock, listen=lambda event: _tell(tracker, event)
        )
        interrupted = False
        try:
            report = _Check(library, HubSource(transport), tracker, now).run(keys, again=again)
        except (Stopped, KeyboardInterrupt) as error:
            interrupted = isinstance(error, KeyboardInterrupt)
            tracker.end("stopped", "stopped; the same command goes on from here")
            raise Stopped(
                "interrupted: what was answered is kept, the same command goes on from here"
            ) from None
        except BaseException as error:
            tracker.end("failed", str(error))
            raise
        finally:
            transport.close(interrupted=interrupted)
        tracker.end("done")
        return report


def _tell(tracker: Tracker, event: Event) -> None:
    if event.kind in ("wait", "warning"):
        tracker.note(str(event))


class _Check:
    def __init__(self, library: Library, hub: HubSource, tracker: Tracker, now: datetime) -> None:
        self.library, self.hub, self.tracker, self.now = library, hub, tracker, now
        self.report = CheckReport()

    def run(self, keys: Sequence[str] | None, *, again: bool) -> CheckReport:
        with self.library.reading() as session:
            self.report.before = current_snapshot_id(session)
            repositories = _repositories(session, keys, None if again else self.now - FRESH)
            self.report.fresh = len(_repositories(session, keys, None)) - len(repositories)
        self.tracker.begin("check", len(repositories))
        for start in range(0, len(repositories), _BATCH):
            if not self._batch(repositories[start : start + _BATCH], len(repositories) - start):
                break
        with self.library.writing() as session:
            self.report.states = _count_states(session, keys)
            self.report.snapshot = take_snapshot(session).id
        self.tracker.finish("check", f"{self.report.asked} asked")
        return self.report

    def _batch(self, repositories: Sequence[_Known], left: int) -> bool:
        """Ask about some, then write what was said; False where it makes no sense to ask further."""
        told: dict[str, HubState] = {}
        pinned: dict[str, HubState] = {}
        mirrors: dict[str, list[str]] = {}
        refusals = 0
        self.tracker.note(f"{left} repositories left to ask about")
        try:
            for place, known in enumerate(repositories):
                try:
                    told[known.hub_id] = state = self.hub.state_of(known.hub_id)
                    if known.revision and state.sha and known.revision != state.sha:
                        pinned[known.hub_id] = self.hub.state_of(known.hub_id, known.revision)
                    if state.state == "gone":
                        mirrors[known.hub_id] = self._mirrors(known)
                    refusals = 0
                except (ServiceError, UnknownWork) as error:
                    refusals += 1
                    if refusals == _MOST_REFUSALS or isinstance(error, ServiceDown | Offline):
                        self.report.unanswered.append(f"{left - place} repositories ({error})")
                        return False
                    self.report.unanswered.append(f"{known.hub_id} ({error})")
                self.tracker.advance("check")
        finally:
            self._write(repositories, told, pinned, mirrors)
        return True

    def _write(
        self,
        repositories: Sequence[_Known],
        told: dict[str, HubState],
        pinned: dict[str, HubState],
        mirrors: dict[str, list[str]],
    ) -> None:
        with self.library.writing() as session:
            store_states(session, told)
            for hub_id, state in pinned.items():
                store_pinned(session, hub_id, state)
            for hub_id, found in mirrors.items():
                for row in session.scalars(select(Checkpoint).where(Checkpoint.hub_id == hub_id)):
                    row.mirrors = found or row.mirrors
        self.report.asked += len(told)
        for known in repositories:
            if known.hub_id in told:
                self._report(known, told[known.hub_id], mirrors.get(known.hub_id, []))

    def _report(self, known: _Known, told: HubState, mirrors: list[str]) -> None:
        notes = [f"now {told.now_at}"] if told.now_at else []
        if known.head and told.sha and known.head != told.sha:
            notes.append(f"new commit {told.sha[:12]}")
        if mirrors:
            self.report.proposed[known.hub_id] = mirrors
            notes.append(f"the same weights are at {', '.join(mirrors)}")
        if known.state != told.state or notes:
            self.report.changes.append(Checked(known.hub_id, known.state, told.state, "; ".join(notes)))

    def _mirrors(self, known: _Known) -> list[str]:
        """Repositories of the same name that hold the very weights of one that is gone, by their hashes."""
        if not known.weights:
            return []
        name = known.hub_id.rpartition("/")[2]
        found = []
        for model in self.hub.named(name)[:_MIRRORS_ASKED]:
            if model.hub_id == known.hub_id:
                continue
            state = self.hub.state_of(model.hub_id)
            hashes = {each.sha256 for each in state.files or () if each.sha256}
            if state.state == "live" and known.weights <= hashes:
                found.append(model.hub_id)
        return found


def _repositories(session: Session, keys: Sequence[str] | None, since: datetime | None) -> list[_Known]:
    """The repositories to ask about, those asked longest ago first."""
    rows = select(Checkpoint).where(Checkpoint.origin == HUB)
    if keys is not None:
        rows = rows.where(Checkpoint.id.in_(_of_papers(keys)))
    found: dict[str, Checkpoint] = {}
    for row in session.scalars(rows.order_by(Checkpoint.hub_id, Checkpoint.id)):
        if since is None or row.checked_at is None or row.checked_at < since:
            found.setdefault(row.hub_id, row)
    ordered = sorted(found.values(), key=lambda row: (row.checked_at or datetime.min, row.hub_id))
    weights = _weights(session, [row.id for row in ordered])
    return [
        _Known(row.hub_id, row.state, row.revision, row.head_revision, weights.get(row.id, frozenset()))
        for row in ordered
    ]


def _weights(session: Session, ids: Sequence[int]) -> dict[int, frozenset[str]]:
    """SHA-256 of the weights of each checkpoint, as far as they are known."""
    files: dict[int, list[RepoFile]] = {}
    rows = session.scalars(select(CheckpointFile).where(CheckpointFile.checkpoint_id.in_(ids)))
    for row in rows:
        files.setdefault(row.checkpoint_id, []).append(
            RepoFile(row.path, row.bytes, row.sha256, row.git_sha1)
        )
    libraries = dict(session.execute(select(Checkpoint.id, Checkpoint.library)).all())
    return {
        each: frozenset(file.sha256 for file in choose_files(listed, libraries[each]).weights if file.sha256)
        for each, listed in files.items()
    }


def _count_states(session: Session, keys: Sequence[str] | None) -> dict[str, int]:
    rows = select(Checkpoint.hub_id, Checkpoint.state).where(Checkpoint.origin == HUB).distinct()
    if keys is not None:
        rows = rows.where(Checkpoint.id.in_(_of_papers(keys)))
    counts = Counter(state for _hub_id, state in session.execute(rows))
    order = ("live", "gated", "moved", "gone", "unchecked")
    return {state: counts[state] for state in order}


def _of_papers(keys: Sequence[str]) -> Select[int]:
    linked = select(CheckpointLink.checkpoint_id).join(Paper, Paper.id == CheckpointLink.paper_id)
    return linked.where(Paper.key.in_(keys))
