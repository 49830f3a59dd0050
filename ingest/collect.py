"""The fetch stage: which requests are made for a survey, a list of ids, a file or an update, and no others.

Nothing here writes to the library. Every answer is kept in the response store, so a run that was cut off asks
nothing twice. The order of services is that of who knows most with fewest requests: Semantic Scholar answers
500 ids at once, arXiv 100; OpenAlex and Crossref stand in where Semantic Scholar does not answer, and are
asked as well when a run is to be thorough.
"""

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace

from ingest.citations import entry_id
from ingest.errors import IngestError, Offline, ServiceDown, ServiceError, ServiceRefused, UnknownWork
from ingest.progress import Tracker
from ingest.record import SCHEMES, Record, WorkId
from ingest.sources.answers import Found, ReferenceList, WorkSource
from ingest.sources.arxiv import ArxivSource
from ingest.sources.chain import first_that_answers
from ingest.sources.crossref import CrossrefSource
from ingest.sources.huggingface import HubSource
from ingest.sources.openalex import OpenAlexSource
from ingest.sources.semantic_scholar import SemanticScholarSource
from ingest.transport.transport import Transport

Aliases = Mapping[WorkId, Sequence[WorkId]]
"""Ids that were asked for, each with all the ids that the work is known by."""

_SHOWN = 3


@dataclass(frozen=True)
class Services:
    """Every source, on one transport."""

    transport: Transport
    semantic_scholar: SemanticScholarSource
    arxiv: ArxivSource
    openalex: OpenAlexSource
    crossref: CrossrefSource
    hub: HubSource

    @classmethod
    def on(cls, transport: Transport) -> "Services":
        """All sources on this transport."""
        return cls(
            transport,
            SemanticScholarSource(transport),
            ArxivSource(transport),
            OpenAlexSource(transport),
            CrossrefSource(transport),
            HubSource(transport),
        )


@dataclass
class Collected:
    """What the services said: records, works whose hub links are wanted, and by name what nobody answered."""

    records: list[Record] = field(default_factory=list)
    works: list[WorkId] = field(default_factory=list)
    unanswered: list[str] = field(default_factory=list)


class Collector:
    """Asks the services for what one run needs; see the module's words for the order."""

    def __init__(self, services: Services, tracker: Tracker, *, thorough: bool = False) -> None:
        self.services = services
        self.tracker = tracker
        self.thorough = thorough
        self.unanswered: list[str] = []
        self._silent: tuple[WorkId, ...] = ()  # what arXiv was asked for last, and passed over

    def survey(self, work: WorkId) -> Collected:
        """A survey with its reference list, and everything about the works in it.

        Raises UnknownWork, or IngestError for a survey whose list nobody could read.
        """
        listed = self._reference_list(work)
        entries = listed.entries
        ids = [best for reference, _record in entries if (best := best_id(reference.ids))]
        given = [record for _reference, record in entries if record is not None and record.ids]
        records = self._about([work, *ids], given, [reference.ids for reference, _record in entries])
        own = self._own_record(work, listed, records)
        loose = [
            replace(record, external_id=entry_id(own.external_id, record.title))
            for _reference, record in entries
            if record is not None and not record.ids
        ]
        stated = own.reference_count or 0
        # What a source states to lack is kept as lacking: the list is then read in part.
        count = max(stated, len(entries)) if listed.complete else max(stated, len(entries) + 1)
        survey = replace(own, references=tuple(reference for reference, _ in entries), reference_count=count)
        others = [record for record in records if _name(record) != _name(own)]
        names = [each for reference, _record in entries for each in reference.ids]
        return Collected([survey, *others, *loose], [work, *names], self.unanswered)

    def works(
        self,
        ids: Sequence[WorkId],
        given: Sequence[Record] = (),
        known_as: Collection[Sequence[WorkId]] = (),
    ) -> Collected:
        """Everything about works named by id.

        `given` are records that a file or a list holds already, `known_as` other ids of the works. Raises
        UnknownWork when there is not a single record.
        """
        asked = list(dict.fromkeys(ids))
        records = self._about(asked, given, known_as)
        if asked and not records:
            why = "; ".join(self.unanswered[:_SHOWN])
            more = f" and {len(self.unanswered) - _SHOWN} more" if len(self.unanswered) > _SHOWN else ""
            raise UnknownWork(f"nothing to take in: {why}{more}")
        names = {each: record.ids for record in given for each in record.ids}
        works = dict.fromkeys(name for each in asked for name in (each, *names.get(each, ())))
        return Collected(records, list(works), self.unanswered)

    def citing(self, work: WorkId, known: Collection[WorkId]) -> Collected:
        """The works that cite a work, and everything about those that are not known yet.

        `known` are ids of works that the library holds.
        """
        self.tracker.note(f"which works cite {work}")
        known = set(known)
        new = [record for record in self._citing(work) if record.ids and not known.intersection(record.ids)]
        return self.works([best for record in new if (best := best_id(record.ids))], new)

    def _citing(self, work: WorkId) -> list[Record]:
        try:
            return self.services.semantic_scholar.citing(work)
        except (ServiceDown, UnknownWork) as failure:
            reason = failure
        try:
            found = self.services.openalex.citing(work)
        except Offline:
            raise
        except (ServiceError, UnknownWork) as error:
            self.unanswered.append(f"works that cite {work} ({reason}; {error})")
            return []
        self.tracker.note("OpenAlex stands in for Semantic Scholar")
        return found

    def _reference_list(self, work: WorkId) -> ReferenceList:
        services = self.services
        empty: list[str] = []

        def ask(source: WorkSource) -> ReferenceList:
            self.tracker.note(f"{source.label}: the reference list of {work}")
            listed = source.references(work)
            if not listed.entries:
                empty.append(source.label)
                raise UnknownWork(f"{source.label} has no reference list of {work}")
            return listed

        sources: tuple[WorkSource, ...] = (services.semantic_scholar, services.openalex, services.crossref)
        try:
            return first_that_answers(sources, ask, self.tracker.note)
        except UnknownWork as error:
            if empty:
                raise IngestError(
                    f"the reference list of {work} is empty at {', '.join(empty)}: nothing to take in; name "
                    "its references with 'vfm-atlas ingest ids' or 'ingest file'"
                ) from error
            raise

    def _own_record(self, work: WorkId, listed: ReferenceList, records: Sequence[Record]) -> Record:
        """The survey's record by the service that told its references, to which these are added."""
        own = [record for record in records if work in record.ids]
        if not own:
            raise UnknownWork(f"no service that was asked describes {work}: check the id, or try again later")
        of_origin = [record for record in own if record.origin == listed.origin]
        # Without one, a record of the list alone: the other facts are not this service's words.
        bare = Record(listed.origin, str(work), "", listed.retrieved_at, ids=(work,))
        return of_origin[0] if of_origin else bare

    def _about(
        self, ids: Sequence[WorkId], given: Sequence[Record], known_as: Iterable[Sequence[WorkId]] = ()
    ) -> list[Record]:
        """Records of works, from as few requests as it takes; in the order in which they were found."""
        same = {each: names for names in (*known_as, *(record.ids for record in given)) for each in names}
        aliases = {each: same.get(each, (each,)) for each in ids}
        self._silent = ()
        found, is_down = self._from_semantic_scholar(ids)
        by_service = list(found.records.values())
        self.tracker.note("abstracts and what Semantic Scholar lacks")
        by_service += self._from_arxiv(found, aliases)
        if is_down:
            by_service += self._lists_from_openalex(aliases)
        by_service += self._from_others(found, by_service, aliases)
        by_service = self._with_references(by_service, found)
        self._report_missing(found, aliases, by_service, is_down=is_down)
        # What a list or a file says of a work adds to other services' words, not to its own service's.
        told = {(record.origin, each) for record in by_service for each in record.ids}
        by_service += [
            record for record in given if not told.intersection((record.origin, each) for each in record.ids)
        ]
        return list({_name(record): record for record in by_service}.values())

    def _report_missing(
        self, found: Found, aliases: Aliases, records: Sequence[Record], *, is_down: bool
    ) -> None:
        """Name the works that nobody described, and those that one service passed over."""
        seen = {each for record in records for each in record.ids}
        self.unanswered += [f"{each}: arXiv does not answer for it" for each in self._silent if each in seen]
        for each in found.missing:
            if not seen.intersection(aliases[each]):
                reason = "no service that was asked knows it"
            elif not is_down and each.scheme != "openalex":
                reason = "Semantic Scholar does not answer for it"
            else:
                continue
            self.unanswered.append(f"{telling_id(aliases[each])}: {reason}")

    def _from_semantic_scholar(self, ids: Sequence[WorkId]) -> tuple[Found, bool]:
        """What Semantic Scholar says of the works, and whether it is down."""
        self.tracker.note(f"Semantic Scholar: {len(ids)} works")
        try:
            found = self.services.semantic_scholar.records(ids)
        except ServiceDown as error:
            self.unanswered.append(f"what Semantic Scholar knows of {len(ids)} works ({error})")
            return Found({}, tuple(ids)), True
        return Found(_with_asked_ids(found.records), found.missing), False

    def _with_references(self, records: list[Record], found: Found) -> list[Record]:
        """The same records, with their reference lists where Semantic Scholar has them."""
        counts = {asked: record.reference_count or 0 for asked, record in found.records.items()}
        asked = [each for each, count in counts.items() if count]
        if not asked:
            return records
        self.tracker.note(f"Semantic Scholar: the reference lists of {len(asked)} works")
        try:
            listed = self.services.semantic_scholar.records(asked, references=True, counts=counts)
        except ServiceDown as error:
            self.unanswered.append(f"citations between the works ({error})")
            return records
        lists = {_name(record): record.references for record in listed.records.values()}
        self.unanswered += [f"{each}: its reference list was not answered" for each in listed.missing]
        return [replace(each, references=lists.get(_name(each), each.references)) for each in records]

    def _lists_from_openalex(self, aliases: Aliases) -> list[Record]:
        """What OpenAlex knows of the works, with their reference lists, where Semantic Scholar is down."""
        self.tracker.note("OpenAlex stands in for Semantic Scholar")
        try:
            answered = self.services.openalex.records(_for_openalex(aliases.values()), references=True)
        except Offline:
            raise
        except ServiceError as error:
            self.unanswered.append(f"citations between the works ({error})")
            return []
        return list(answered.records.values())

    def _from_arxiv(self, found: Found, aliases: Aliases) -> list[Record]:
        """arXiv's own text of works whose abstract or whole record is missing."""
        lacking = [record for record in found.records.values() if self.thorough or record.abstract is None]
        wanted = {value for record in lacking if (value := record.id_of("arxiv"))}
        wanted |= {
            alias.value for each in found.missing for alias in aliases[each] if alias.scheme == "arxiv"
        }
        if not wanted:
            return []
        try:
            answered = self.services.arxiv.records([WorkId("arxiv", value) for value in sorted(wanted)])
        except (ServiceDown, ServiceRefused) as error:
            self.unanswered.append(f"abstracts of {len(wanted)} works ({error})")
            return []
        self._silent = answered.missing
        return list(answered.records.values())

    def _from_others(self, found: Found, records: Sequence[Record], aliases: Aliases) -> list[Record]:
        """Facts from OpenAlex and Crossref of works that nobody described yet; of all in a thorough run."""
        known = {each for record in records for each in record.ids}
        works = [aliases[each] for each in found.missing if not known.intersection(aliases[each])]
        if self.thorough:
            works += [record.ids for record in records]
        dois = {each for names in works for each in names if each.scheme == "doi"}
        answers: list[Record] = []
        for source, ids in ((self.services.openalex, _for_openalex(works)), (self.services.crossref, dois)):
            already = {each for record in answers for each in record.ids}
            left = sorted(ids if self.thorough else set(ids) - already)
            if not left:
                continue
            try:
                answers += source.records(left).records.values()
            except Offline:
                raise
            except ServiceError as error:
                self.unanswered.append(f"what {source.label} knows of {len(left)} works ({error})")
        return answers


def _for_openalex(works: Iterable[Collection[WorkId]]) -> set[WorkId]:
    """An id of each work by which OpenAlex can look it up."""
    order = ("openalex", "doi", "arxiv")
    known = [[each for each in names if each.scheme in order] for names in works]
    return {min(names, key=lambda each: (order.index(each.scheme), each.value)) for names in known if names}


def _with_asked_ids(records: Mapping[WorkId, Record]) -> dict[WorkId, Record]:
    """Records with the ids by which they were asked for: a source that answers to an id says whose it is."""
    asked: dict[tuple[str, str], set[WorkId]] = {}
    for work, record in records.items():
        asked.setdefault(_name(record), set(record.ids)).add(work)
    order = {
        name: tuple(sorted(ids, key=lambda each: (SCHEMES.index(each.scheme), each.value)))
        for name, ids in asked.items()
    }
    return {work: replace(record, ids=order[_name(record)]) for work, record in records.items()}


def best_id(ids: Collection[WorkId]) -> WorkId | None:
    """The id to ask Semantic Scholar by: its own, else the most telling."""
    order = ("s2", *(scheme for scheme in SCHEMES if scheme not in ("s2", "openalex")), "openalex")
    return min(ids, key=lambda each: (order.index(each.scheme), each.value), default=None)


def telling_id(ids: Collection[WorkId]) -> WorkId | None:
    """The id that tells people most, and stays the same while others are learnt: arXiv's, else the DOI."""
    return min(ids, key=lambda each: (SCHEMES.index(each.scheme), each.value), default=None)


def _name(record: Record) -> tuple[str, str]:
    return record.origin, record.external_id
