"""From what the services say to a library that is ready to be explored, stage by stage.

fetch       ask the services (ingest.collect); nothing is written to the library yet
merge       records become papers, reference lists become citations
embed       vectors for the texts that are new
assign      places in the taxonomy for papers without one
index       the lexical index
layout      places on the map for papers without one; the others stay where they are
link        candidates for checkpoints from the hub
finish      the snapshot

Each stage after the first is one transaction together with its line in the ledger (embedding: one per batch),
so that a run may be cut off anywhere: run again, it goes on with the first stage that is not done. A further
stage is one more function in the table below.
"""

import hashlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path

from sqlalchemy import select
from sqlalchemy.orm import Session

from graph import textindex
from graph.encoder import Encoder
from graph.library import Library
from graph.nearest import prepare
from graph.schema import Checkpoint, Identifier, IngestRun
from graph.settings import default_cache
from graph.snapshot import count_facts, current_snapshot_id, take_snapshot
from ingest import ledger
from ingest.collect import Collected, Collector, Services
from ingest.embedding import embed_in_batches
from ingest.hublinks import ask_hub, store_mentions, store_states
from ingest.identity import Conflict
from ingest.merge import consolidate
from ingest.progress import Listener, Progress, StateFile, Stopped, Tracker
from ingest.record import WorkId
from ingest.stored import store_records
from ingest.transport.clock import Clock, SystemClock
from ingest.transport.transport import Event, Transport, open_transport

STAGES = ("fetch", "merge", "embed", "assign", "index", "layout", "link", "finish")

_ANSWERS_AGE = timedelta(days=1)  # answers of an unfinished run that are older are asked for again


@dataclass(frozen=True)
class Job:
    """What to bring in: a kind and a subject, by which an unfinished run is recognised, and how to fetch it.

    `hub_links` asks the hub for models that name the works, `checkpoints` for the state of those linked.
    """

    kind: str
    subject: str
    collect: Callable[[Collector], Collected]
    thorough: bool = False
    hub_links: bool = True
    checkpoints: bool = False


@dataclass
class RunReport:
    """What a run did: snapshots before and after, requests sent, and by name what nobody answered."""

    kind: str
    subject: str
    before: str | None
    snapshot: str
    requests: dict[str, int]
    stages: dict[str, str]
    counts: dict[str, int]
    unanswered: list[str] = field(default_factory=list)
    conflicts: list[Conflict] = field(default_factory=list)

    @property
    def changed(self) -> bool:
        """Whether the library holds other facts than before."""
        return self.before != self.snapshot


def run_job(
    library: Library,
    job: Job,
    *,
    refresh: bool = False,
    encoder: Encoder | None = None,
    listeners: Sequence[Listener] = (),
    started: Callable[[Tracker], None] = lambda _tracker: None,
    clock: Clock | None = None,
) -> RunReport:
    """Do a job with the services of this machine's settings; see `run`.

    With `refresh` all is asked again, but what an unfinished run of the same job asked since it began.
    `started` is given the tracker, by which another thread may stop the run. Raises RunInProgress when
    another process works on the same library.
    """
    clock = clock or SystemClock()
    with StateFile(progress_path(library.path)) as state:
        since = _refresh_since(job, state.previous(), clock) if refresh else None
        tracker = Tracker(
            job.kind, job.subject, STAGES, state, *listeners, refresh_since=since.isoformat() if since else ""
        )
        started(tracker)
        transport = open_transport(
            refresh_since=since, clock=clock, listen=lambda event: _tell(tracker, transport, event)
        )
        interrupted = False
        try:
            report = run(library, job, Services.on(transport), tracker, encoder)
        except (Stopped, KeyboardInterrupt) as error:
            interrupted = isinstance(error, KeyboardInterrupt)
            tracker.end("stopped", "stopped; the same command goes on from here")
            raise
        except BaseException as error:
            tracker.end("failed", str(error))
            raise
        finally:
            transport.close(interrupted=interrupted)
        tracker.end("done", f"snapshot {report.snapshot}")
        return report


def progress_path(library: Path) -> Path:
    """Where the progress of the runs on a library is kept for others to see."""
    name = hashlib.sha256(str(library.resolve()).encode()).hexdigest()[:16]
    return default_cache() / "runs" / f"{name}.json"


def _refresh_since(job: Job, previous: Progress | None, clock: Clock) -> datetime:
    """The moment at which a job that asks anew began, which an earlier run may have done."""
    now = datetime.fromtimestamp(clock.now(), UTC).replace(tzinfo=None)
    if previous is None or previous.state == "done":
        return now
    if (previous.kind, previous.subject) != (job.kind, job.subject):
        return now
    try:
        began = datetime.fromisoformat(previous.refresh_since)
    except ValueError:
        return now
    return began if timedelta(0) <= now - began <= _ANSWERS_AGE else now


def _tell(tracker: Tracker, transport: Transport, event: Event) -> None:
    if event.kind in ("wait", "warning"):
        tracker.note(str(event))
    else:
        tracker.count_requests(dict(transport.sent))


def run(
    library: Library, job: Job, services: Services, tracker: Tracker, encoder: Encoder | None = None
) -> RunReport:
    """Do a job, or go on with it where an earlier run was cut off.

    Raises IngestError or its kin before anything is written when the services do not give what is needed;
    Stopped and KeyboardInterrupt leave every finished stage in place.
    """
    return _Run(library, job, services, tracker, encoder).go()


class _Run:
    def __init__(
        self, library: Library, job: Job, services: Services, tracker: Tracker, encoder: Encoder | None
    ) -> None:
        self.library, self.job, self.services = library, job, services
        self.tracker, self.encoder = tracker, encoder
        self.collected = Collected()
        self.conflicts: list[Conflict] = []
        self.run_id = 0

    def go(self) -> RunReport:
        with self.library.reading() as session:
            before = current_snapshot_id(session)
        self.tracker.begin("fetch")
        collector = Collector(self.services, self.tracker, thorough=self.job.thorough)
        self.collected = self.job.collect(collector)
        self.tracker.finish("fetch", f"{len(self.collected.records)} records")
        results = self._stages()
        with self.library.reading() as session:
            snapshot = current_snapshot_id(session) or ""
            return RunReport(
                self.job.kind, self.job.subject, before, snapshot, dict(self.services.transport.sent),
                results, count_facts(session), self._unanswered(session), self.conflicts,
            )  # fmt: skip

    def _stages(self) -> dict[str, str]:
        model = self.encoder.model.weights_sha256 if self.encoder else ""
        inputs = ledger.fingerprint(self.collected.records, model, self.job.hub_links, self.job.checkpoints)
        with self.library.writing() as session:
            opened = ledger.open_run(session, self.job.kind, self.job.subject, inputs)
            self.run_id = opened.id
            done = ledger.stages_done(session, self.run_id)
        results: dict[str, str] = {}
        work: dict[str, Callable[[], str]] = {
            "merge": self._merge,
            "embed": self._embed,
            "assign": self._assign,
            "index": self._index,
            "layout": self._layout,
            "link": self._link,
            "finish": self._finish,
        }
        for name in STAGES[1:]:
            if name in done:
                self.tracker.finish(name, done[name], skipped=True)
                results[name] = done[name]
                continue
            self.tracker.begin(name)
            results[name] = work[name]()
            self.tracker.finish(name, results[name])
        return results

    def _record(self, session: Session, stage: str, result: str) -> str:
        ledger.record_stage(session, self.run_id, stage, STAGES.index(stage), result)
        return result

    def _merge(self) -> str:
        with self.library.writing() as session:
            changed = store_records(session, self.collected.records)
            report = consolidate(session)
            self.conflicts = report.conflicts
            result = f"{len(report.new)} new papers, {changed} new or changed records"
            if report.conflicts:
                result += f", {len(report.conflicts)} joins refused"
            return self._record(session, "merge", result)

    def _embed(self) -> str:
        def progress(done: int, total: int) -> None:
            self.tracker.expect("embed", total)
            self.tracker.advance("embed", done - self.tracker.done("embed"))

        report = embed_in_batches(self.library, self.encoder, progress=progress)
        with self.library.writing() as session:
            return self._record(session, "embed", f"{report.encoded} texts encoded, {report.kept} kept")

    def _assign(self) -> str:
        from graph.analysis.assign import assign_stage

        with self.library.writing() as session:
            return self._record(session, "assign", assign_stage(session))

    def _layout(self) -> str:
        from graph.analysis.layout import layout_stage

        with self.library.writing() as session:
            return self._record(session, "layout", layout_stage(session))

    def _index(self) -> str:
        with self.library.writing() as session:
            textindex.rebuild(session)
            return self._record(session, "index", "rebuilt")

    def _link(self) -> str:
        with self.library.reading() as session:
            papers = self._papers_of_run(session) if self.job.hub_links else {}
            hub_ids = select(Checkpoint.hub_id).distinct().order_by(Checkpoint.hub_id)
            checkpoints = list(session.scalars(hub_ids)) if self.job.checkpoints else []
        self.tracker.expect("link", len(papers) + len(checkpoints))
        told = ask_hub(self.services.hub, papers, checkpoints, lambda: self.tracker.advance("link"))
        with self.library.writing() as session:
            count = store_mentions(session, told.mentions)
            moved = store_states(session, told.states)
            ledger.add_unanswered(session, self.run_id, told.unanswered)
            result = f"{count} candidates for {len(told.mentions)} papers"
            if self.job.checkpoints:
                result += f", {len(told.states)} checkpoints checked, {moved} changed"
            return self._record(session, "link", result)

    def _papers_of_run(self, session: Session) -> dict[str, int]:
        """arXiv id and paper of each work that the run is about."""
        by_id = {
            WorkId(scheme, value): paper_id
            for scheme, value, paper_id in session.execute(
                select(Identifier.scheme, Identifier.value, Identifier.paper_id)
            )
        }
        wanted = {by_id[work] for work in self.collected.works if work in by_id}
        return {
            work.value: paper_id
            for work, paper_id in sorted(by_id.items())
            if work.scheme == "arxiv" and paper_id in wanted
        }

    def _finish(self) -> str:
        prepare(self.library)  # does nothing for fewer than some 100,000 papers
        with self.library.writing() as session:
            snapshot = take_snapshot(session)
            ledger.add_unanswered(session, self.run_id, self.collected.unanswered)
            ledger.close_run(session, self.run_id, snapshot.id)
            return self._record(session, "finish", f"snapshot {snapshot.id}")

    def _unanswered(self, session: Session) -> list[str]:
        return list(session.get_one(IngestRun, self.run_id).unanswered)
