"""OpenAlex: the second source for works, reference lists and citing papers."""

from collections.abc import Collection, Iterable, Sequence
from datetime import datetime
from typing import Any
from urllib.parse import quote

from ingest.record import SCHEMES, Record, Reference, WorkId, count_of, ids_of, names_of, text_of, year_of
from ingest.sources.answers import Found, ReferenceList
from ingest.sources.asking import (
    LONGEST_ADDRESS,
    ask_twice,
    dictionary,
    get_json,
    items,
    match,
    month_within,
    not_askable,
    portions,
    unknown,
    without_known,
)
from ingest.sources.markup import plain
from ingest.transport.message import Answer
from ingest.transport.transport import Transport

PAGE = 100

_MOST_PAGES = 100
_MOST_WORDS = 20_000
_LAST_POSITION = 50_000
_SCHEMES = ("openalex", "doi", "arxiv")
_SEPARATORS = frozenset(",|+!")
_FIELDS = (
    "id", "doi", "title", "publication_year", "publication_date", "authorships", "primary_location",
    "locations", "cited_by_count", "referenced_works_count", "referenced_works", "abstract_inverted_index",
)  # fmt: skip


class OpenAlexSource:
    """OpenAlex's catalogue of works."""

    origin = "openalex"
    label = "OpenAlex"

    def __init__(self, transport: Transport) -> None:
        self._transport = transport

    def records(self, ids: Iterable[WorkId], *, references: bool = False) -> Found:
        """Describe works by OpenAlex id, DOI, or the DOI of their arXiv id, 100 a request.

        The lists that come with `references` cost nothing more. Raises ServiceError.
        """

        def ask(open_ids: list[WorkId], number: int) -> dict[WorkId, Record]:
            plain_ids = [each for each in open_ids if not _SEPARATORS.intersection(_named(each))]
            by_openalex = [each for each in plain_ids if each.scheme == "openalex"]
            by_doi = [each for each in plain_ids if each.scheme != "openalex"]
            found: dict[WorkId, Record] = {}
            for scheme, several in (("openalex", by_openalex), ("doi", by_doi)):
                for part in portions(several, PAGE, LONGEST_ADDRESS):
                    works = self._list(f"{scheme}:" + "|".join(map(_named, part)), number)
                    found |= match(part, _described(works, references))
            # A filter would read a comma or a bar in a DOI as its own.
            for odd in [each for each in open_ids if each not in plain_ids]:
                for record in _described([self._single(odd, number)], references):
                    found[odd] = record
            return found

        return ask_twice(ids, _SCHEMES, ask)

    def references(self, work: WorkId) -> ReferenceList:
        """List what a work refers to: one request for the list, one per 100 works in it.

        An empty list is not complete, whatever number is stated: 0 is written where nobody read the list.
        Raises UnknownWork, ServiceError.
        """
        value, answer = self._known_single(work)
        ids = _listed(value)
        stated = count_of(value.get("referenced_works_count"))
        found = self.records(ids).records
        entries = tuple((_reference(each, found.get(each)), found.get(each)) for each in ids)
        complete = stated is not None and 0 < stated <= len(ids)
        return ReferenceList(entries, complete, self.origin, answer.retrieved_at)

    def citing(self, work: WorkId, known: Collection[WorkId] = ()) -> list[Record]:
        """Describe the works that refer to a work and bear none of the known ids, at most 10,000.

        Raises UnknownWork, ServiceError.
        """
        name = work.value if work.scheme == "openalex" else self._openalex_id(work)
        works: list[tuple[Any, Answer]] = []
        cursor, used = "*", set[str]()
        while cursor not in used and len(used) < _MOST_PAGES:
            used.add(cursor)
            params = {"filter": f"cites:{name}", "per_page": str(PAGE), "cursor": cursor}
            value, answer = self._get("/works", params)
            page = items(dictionary(value).get("results"))
            works += [(each, answer) for each in page]
            following = dictionary(dictionary(value).get("meta")).get("next_cursor")
            if not page or not isinstance(following, str) or not following:
                break
            cursor = following
        return without_known(_described(works, references=False), known)

    def _get(self, path: str, params: dict[str, str], number: int = 1) -> tuple[Any, Answer]:
        return get_json(self._transport, "openalex", path, {**params, "select": ",".join(_FIELDS)}, number)

    def _list(self, condition: str, number: int) -> list[tuple[Any, Answer]]:
        value, answer = self._get("/works", {"filter": condition, "per_page": str(PAGE)}, number)
        return [(each, answer) for each in items(dictionary(value).get("results"))]

    def _single(self, work: WorkId, number: int = 1) -> tuple[Any, Answer]:
        name = _named(work) if work.scheme == "openalex" else f"doi:{_named(work)}"
        return self._get("/works/" + quote(name, safe=":/"), {}, number)

    def _known_single(self, work: WorkId) -> tuple[dict[str, Any], Answer]:
        if work.scheme not in _SCHEMES:
            raise not_askable(self.label, work)
        value, answer = self._single(work)
        if not _ids(dictionary(value)):
            raise unknown(self.label, work)
        return value, answer

    def _openalex_id(self, work: WorkId) -> str:
        value, _answer = self._known_single(work)
        for each in _ids(value):
            if each.scheme == "openalex":
                return each.value
        raise unknown(self.label, work)


def _named(work: WorkId) -> str:
    """The id as OpenAlex takes it; an arXiv id is looked up by arXiv's DOI of it."""
    return f"10.48550/arxiv.{work.value}" if work.scheme == "arxiv" else work.value


def _ids(value: dict[str, Any]) -> tuple[WorkId, ...]:
    """The ids of a work; the arXiv id of a published one stands in the link to its preprint."""
    found = set(ids_of(openalex=value.get("id"), doi=value.get("doi")))
    if not any(each.scheme == "arxiv" for each in found):
        links = [dictionary(each).get("landing_page_url") for each in items(value.get("locations"))[:50]]
        found.update([each for link in links for each in ids_of(arxiv=link)][:1])
    return tuple(sorted(found, key=lambda each: (SCHEMES.index(each.scheme), each.value)))


def _listed(value: dict[str, Any]) -> list[WorkId]:
    found = [each for work in items(value.get("referenced_works")) for each in ids_of(openalex=work)]
    return list(dict.fromkeys(found))


def _reference(work: WorkId, record: Record | None) -> Reference:
    if record is None:
        return Reference(ids=(work,))
    return Reference(ids=record.ids if work in record.ids else (*record.ids, work), title=record.title)


def _described(works: Sequence[tuple[Any, Answer]], references: bool) -> list[Record]:
    records = [_record(dictionary(value), answer.retrieved_at, references) for value, answer in works]
    return [record for record in records if record is not None]


def _record(value: dict[str, Any], when: datetime, references: bool) -> Record | None:
    ids, title = _ids(value), text_of(plain(value.get("title")))
    external_id = next((each.value for each in ids if each.scheme == "openalex"), None)
    if title is None or external_id is None:
        return None
    year = year_of(value.get("publication_year"))
    venue = _venue(dictionary(value.get("primary_location")))
    count = count_of(value.get("referenced_works_count"))
    authors = [dictionary(dictionary(each).get("author")) for each in items(value.get("authorships"))]
    listed = tuple(Reference(ids=(each,)) for each in _listed(value))
    return Record(
        origin=OpenAlexSource.origin,
        external_id=external_id,
        title=title,
        retrieved_at=when,
        ids=ids,
        authors=names_of([author.get("display_name") for author in authors]),
        year=year,
        month=month_within(value.get("publication_date"), year),
        venue=venue,
        published_year=year if venue else None,
        abstract=text_of(_abstract(value.get("abstract_inverted_index")), "abstract"),
        citation_count=count_of(value.get("cited_by_count")),
        reference_count=count,
        references=listed or None if references else None,
    )


def _venue(location: dict[str, Any]) -> str | None:
    """Where a text appeared; a repository that only keeps it is no venue."""
    source = dictionary(location.get("source"))
    name = text_of(source.get("display_name"), "venue")
    if source.get("type") == "repository" or (name and name.casefold().startswith("arxiv")):
        return None
    return name


def _abstract(index: object) -> str | None:
    """The text of which an index tells at what positions each word stands.

    Positions beyond any honest abstract are left out, so that no index can ask for a text of any length.
    """
    words: dict[int, str] = {}
    for word, positions in dictionary(index).items():
        for position in items(positions):
            place = count_of(position)
            if place is not None and place <= _LAST_POSITION:
                words[place] = word
        if len(words) > _MOST_WORDS:
            return None
    text = " ".join(words[place] for place in sorted(words))
    plain_text = plain(text)
    return plain_text if isinstance(plain_text, str) else None
