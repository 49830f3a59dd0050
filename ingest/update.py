"""Keeping a library current: new works that cite it, changed metadata, checkpoints that moved."""

from collections.abc import Sequence
from contextlib import suppress

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from graph.errors import LibraryError, UnknownName
from graph.schema import Checkpoint, Collection, CollectionItem, Identifier, IngestRun, Paper
from graph.snapshot import current_snapshot_id, read_content
from ingest.collect import Collected, Collector, best_id, telling_id
from ingest.errors import IngestError
from ingest.pipeline import Job
from ingest.record import SCHEMES, WorkId


def update_job(
    session: Session,
    *,
    surveys: Sequence[WorkId] = (),
    collection: str | None = None,
    thorough: bool = False,
    hub_links: bool = True,
    checkpoints: bool = True,
) -> tuple[Job, dict[str, int]]:
    """The update of what a library holds, and its size: works, followed and checkpoints that will be asked.

    Works that cite `surveys`, or the papers of a collection, are looked for; without either those that cite
    the surveys that were ingested. Raises UnknownName for a collection that does not exist, IngestError when
    there is nothing to follow.
    """
    held = _held(session)
    followed = list(surveys)
    if collection is not None:
        followed += _of_collection(session, collection)
    elif not followed:
        followed = _ingested_surveys(session)
    if not followed and not held:
        raise IngestError(
            "nothing to update: ingest a survey first, with 'vfm-atlas ingest survey arXiv:2312.10163'"
        )
    known = {each for key, each in _ids(session) if key in held}
    asked = [best for _key, ids in sorted(held.items()) if (best := best_id(ids))]
    already = set(asked)

    def collect(collector: Collector) -> Collected:
        found = collector.works(asked, known_as=held.values())
        for work in followed:
            citing = collector.citing(work, known)
            found.records += citing.records
            found.works += citing.works
            known.update(each for record in citing.records for each in record.ids)
        found.records = list({(each.origin, each.external_id): each for each in found.records}.values())
        # Models are looked for only where a work is new: the others have been asked for.
        found.works = [work for work in found.works if work not in already]
        return found

    subject = ", ".join(map(str, followed)) or "the library"
    job = Job("update", subject, collect, thorough=thorough, hub_links=hub_links, checkpoints=checkpoints)
    hubs = session.scalar(select(func.count(Checkpoint.hub_id.distinct()))) if checkpoints else 0
    return job, {"works": len(asked), "followed": len(followed), "checkpoints": hubs or 0}


def _held(session: Session) -> dict[str, list[WorkId]]:
    """Ids of each paper, by key, as they were at the library's snapshot.

    What an update that was cut off took in already is not among them: it is new to the run that goes on with
    it, which so asks the same questions again and finds their answers stored.
    """
    snapshot = current_snapshot_id(session)
    if snapshot is not None:
        with suppress(LibraryError):
            papers = read_content(session, snapshot).content.papers
            return {
                key: [WorkId(each, str(value)) for each in SCHEMES if (value := facts.get(f"{each} id"))]
                for key, facts in papers.items()
            }
    held: dict[str, list[WorkId]] = {}
    for key, work in _ids(session):
        held.setdefault(key, []).append(work)
    return held


def _ids(session: Session) -> list[tuple[str, WorkId]]:
    """Every id that the library knows, with the key of its paper."""
    rows = select(Paper.key, Identifier.scheme, Identifier.value).join(
        Identifier, Identifier.paper_id == Paper.id
    )
    return [(key, WorkId(scheme, value)) for key, scheme, value in session.execute(rows)]


def _ingested_surveys(session: Session) -> list[WorkId]:
    subjects = session.scalars(
        select(IngestRun.subject).where(IngestRun.kind == "survey").order_by(IngestRun.id)
    )
    return [WorkId.parse(subject) for subject in dict.fromkeys(subjects)]


def _of_collection(session: Session, name: str) -> list[WorkId]:
    names = list(session.scalars(select(Collection.name).order_by(Collection.name)))
    if name not in names:
        raise UnknownName("collection", name, names, allowed=True)
    papers = session.scalars(
        select(Paper)
        .join(CollectionItem, CollectionItem.paper_id == Paper.id)
        .join(Collection, Collection.id == CollectionItem.collection_id)
        .where(Collection.name == name)
        .order_by(Paper.key)
    )
    found = [telling_id([WorkId(each.scheme, each.value) for each in paper.identifiers]) for paper in papers]
    return [work for work in found if work is not None]
