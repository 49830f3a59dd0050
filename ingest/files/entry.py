"""One entry of a file of references as the file spells it, and the record that it makes."""

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from urllib.parse import unquote

from graph.names import arxiv_id_of
from ingest.errors import UnreadableId
from ingest.record import SCHEMES, Record, WorkId, month_of, names_of, text_of, year_of

_MONTHS = ("jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec")
_ISO_DATE = re.compile(r"\s*([0-9]{4})[-/.]([0-9]{1,2})(?![0-9])")
_YEAR = re.compile(r"(?<![0-9])(?:1[5-9][0-9]{2}|20[0-9]{2}|2100)(?![0-9])")
_MONTH = re.compile(r"(?<![a-z])(?:" + "|".join(_MONTHS) + r")", re.IGNORECASE)
_PREPRINT_SERVER = re.compile(r"(?:arxiv|corr)\b", re.IGNORECASE)
_S2_PAGE = re.compile(r"https?://(?:www\.|api\.)?semanticscholar\.org/(\S+)", re.IGNORECASE)
_S2_HASH = re.compile(r"(?:^|/)([0-9a-f]{40})(?:[/?#]|$)", re.IGNORECASE)
_S2_CORPUS = re.compile(r"corpusid:([0-9]{1,12})", re.IGNORECASE)
_OLD_ARXIV = re.compile(r"[a-z.-]+/([0-9]{2})([0-9]{2})[0-9]{3}", re.IGNORECASE)
_NEW_ARXIV = re.compile(r"([0-9]{2})([0-9]{2})\.[0-9]{4,5}")
_REMARK_PARTS = re.compile(r"[,;\n]")
# What Zotero has no field for, people and programs put into its field Extra, a line each.
_DOI_LINE = re.compile(r"^[ \t]*DOI:[ \t]*(\S+)[ \t]*$", re.MULTILINE | re.IGNORECASE)
_LONGEST_ID = 300
# Words beside an arXiv id that leave no doubt that it is the entry's own. "Extended version of arXiv:..." or
# "cites arXiv:..." names another work.
_OWN_ARXIV = frozenset(
    "arxiv arxiv.org corr preprint preprints pre-print pre-prints eprint eprints e-print e-prints "
    "available also at on from as in url tech rep technical report".split()
)
_SUFFIXES = frozenset("jr sr ii iii iv inc ltd llc phd md".split())


class Unusable(Exception):
    """A file as a whole cannot be read; the text says why and what is allowed (read_file raises it)."""


@dataclass(frozen=True)
class Flaw:
    """A place of a file that cannot be used: line (from 1), field, and why."""

    line: int
    field: str
    message: str


@dataclass(frozen=True)
class Entry:
    """An entry before anything in it is believed.

    `year` and `month` are those of the text in `venue` if `dates_venue`, else those of the earliest text.
    `ids` holds what the file itself gives as an id, by scheme; `links` texts that are an id or a link as a
    whole; `remarks` prose in which the entry's arXiv id may stand.
    """

    line: int
    key: str | None = None
    title: object = None
    authors: Sequence[str] = ()
    year: int | None = None
    month: int | None = None
    venue: object = None
    dates_venue: bool = True
    published_year: int | None = None
    abstract: object = None
    ids: Mapping[str, object] = field(default_factory=dict)
    links: Sequence[object] = ()
    remarks: Sequence[object] = ()


def make_record(entry: Entry, external_id: str, retrieved_at: datetime) -> Record | Flaw:
    """The entry as a record, or why it makes none."""
    title = text_of(entry.title)
    if title is None:
        return Flaw(entry.line, "title", _why_no_title(entry))
    ids = find_ids(entry)
    venue = text_of(entry.venue, "venue")
    if venue and _PREPRINT_SERVER.match(venue):
        venue = None
    arxiv = next((each.value for each in ids if each.scheme == "arxiv"), None)
    published_year = entry.published_year
    if venue and published_year is None:
        published_year = entry.year if entry.dates_venue else _year_in(venue)
    year, month = _earliest(entry, arxiv, published=bool(venue) and entry.dates_venue)
    return Record(
        origin="file",
        external_id=external_id,
        title=title,
        retrieved_at=retrieved_at,
        ids=ids,
        authors=names_of(list(entry.authors)),
        year=year,
        month=month,
        venue=venue,
        published_year=published_year if venue else None,
        abstract=text_of(entry.abstract, "abstract"),
    )


def _why_no_title(entry: Entry) -> str:
    if isinstance(entry.title, str) and len(entry.title) > 1_000:
        return f"is longer than any title ({len(entry.title):,} characters)"
    known = next(map(str, find_ids(entry)), None)
    return f"the entry has none; only its id {known} can be used" if known else "the entry has none"


def _earliest(entry: Entry, arxiv: str | None, *, published: bool) -> tuple[int | None, int | None]:
    """Year and month of the earliest text. An arXiv id tells when its text was submitted."""
    dated = date_of_arxiv_id(arxiv) if arxiv else None
    if dated is None or (entry.year is not None and entry.year < dated[0]):
        return entry.year, entry.month if entry.year else None
    if not published and entry.year == dated[0] and entry.month:
        return entry.year, entry.month
    return dated


def date_of_arxiv_id(arxiv_id: str) -> tuple[int, int] | None:
    """Year and month that an arXiv id begins with.

    >>> date_of_arxiv_id("2304.02643"), date_of_arxiv_id("hep-th/9901001")
    ((2023, 4), (1999, 1))
    """
    found = _NEW_ARXIV.fullmatch(arxiv_id) or _OLD_ARXIV.fullmatch(arxiv_id)
    if found is None or not 1 <= int(found.group(2)) <= 12:
        return None
    year = int(found.group(1))
    return (1900 if year >= 91 else 2000) + year, int(found.group(2))


def find_ids(entry: Entry) -> tuple[WorkId, ...]:
    """The entry's ids, one per scheme: where two disagree, the more explicit one counts."""
    found: dict[str, WorkId] = {}
    for each in _candidates(entry):
        found.setdefault(each.scheme, each)
    return tuple(sorted(found.values(), key=lambda each: SCHEMES.index(each.scheme)))


def _candidates(entry: Entry) -> Iterator[WorkId]:
    for scheme, value in entry.ids.items():
        text = _id_text(value)
        parsed = (
            _parsed(f"CorpusId:{text}" if scheme == "corpus" and text.isdecimal() else text) if text else None
        )
        if parsed is not None and (parsed.scheme == scheme or (scheme, parsed.scheme) == ("doi", "arxiv")):
            yield parsed
    for link in entry.links:
        if text := _id_text(link):
            yield from _linked(text)
    for remark in entry.remarks:
        if arxiv := arxiv_id_in(remark):
            yield WorkId("arxiv", arxiv)
        if isinstance(remark, str):
            for doi in _DOI_LINE.findall(remark):
                yield from _linked(_id_text(doi) or "")


def _id_text(value: object) -> str | None:
    if isinstance(value, int) and not isinstance(value, bool):
        value = str(value)
    if not isinstance(value, str) or len(value) > 2 * _LONGEST_ID:
        return None
    text = text_of(value, "name")
    if text and "%" in text:
        text = text_of(unquote(text), "name")
    return text.rstrip(".,;") if text else None


def _linked(text: str) -> Iterator[WorkId]:
    if page := _S2_PAGE.fullmatch(text):
        if corpus := _S2_CORPUS.search(page.group(1)):
            yield WorkId("corpus", corpus.group(1))
        elif paper := _S2_HASH.search(page.group(1)):
            yield WorkId("s2", paper.group(1).lower())
    elif (parsed := _parsed(text)) is not None:
        yield parsed


def _parsed(text: str) -> WorkId | None:
    try:
        return WorkId.parse(text)
    except UnreadableId:
        return None


def arxiv_id_in(remark: object) -> str | None:
    """The arXiv id that a remark gives as the entry's own, as `arXiv preprint arXiv:2304.02643 [cs]` does.

    None where the words around it may speak of another work, and where there are several.
    """
    if not isinstance(remark, str):
        return None
    found = {arxiv for part in _REMARK_PARTS.split(remark) if (arxiv := _own_arxiv_id(part))}
    return found.pop() if len(found) == 1 else None


def _own_arxiv_id(part: str) -> str | None:
    found, named = None, False
    for word in part.replace("{", "").replace("}", "").split():
        bare = word.strip("()<>.:").lower()
        if word.startswith("[") or _YEAR.fullmatch(bare):
            continue
        if bare in _OWN_ARXIV:
            named = named or bare in ("arxiv", "arxiv.org", "corr")
            continue
        arxiv = arxiv_id_of(bare.removeprefix("abs/"))
        if arxiv is None or not arxiv.isascii() or found not in (None, arxiv):
            return None
        found, named = arxiv, named or bare != arxiv
    return found if named else None


def date_of(text: object) -> tuple[int | None, int | None]:
    """Year and month of a date as people and programs write it; what is not there is None.

    >>> date_of("2023-04-05"), date_of("5 April 2023"), date_of("2023"), date_of("in press")
    ((2023, 4), (2023, 4), (2023, None), (None, None))
    """
    if isinstance(text, int | float):
        return (year_of(int(text)) if text == text // 1 else None), None
    text = text_of(text, "name")
    if text is None:
        return None, None
    if iso := _ISO_DATE.match(text):
        return year_of(int(iso.group(1))), month_of(int(iso.group(2)))
    year = _year_in(text)
    return year, month_named(text) if year else None


def month_named(text: object) -> int | None:
    """A month by its number, or by its English name anywhere in the text."""
    if isinstance(text, int):
        return month_of(text)
    text = text_of(text, "name")
    if text is None:
        return None
    if text.isdecimal() and len(text) <= 2:
        return month_of(int(text))
    found = _MONTH.search(text)
    return _MONTHS.index(found.group().lower()) + 1 if found else None


def _year_in(text: str) -> int | None:
    found = _YEAR.search(text)
    return int(found.group()) if found else None


def turned(name: str) -> str:
    """A name in the order in which it is spoken: `Kirillov, Alexander` becomes `Alexander Kirillov`.

    A comma before a suffix alone, as in `Fish and Chips, Inc.`, turns nothing; nor do more commas than names
    have.
    """
    parts = [part.strip() for part in name.split(",")]
    parts = [part for part in parts if part]
    suffixes = [part for part in parts[1:] if part.strip(".").lower() in _SUFFIXES]
    rest = [part for part in parts if part not in suffixes]
    if len(rest) == 2:
        return " ".join([rest[1], rest[0], *suffixes])
    return name


def each_name(names: Iterable[str]) -> list[str]:
    """Names in spoken order, without the `others` and `et al.` that end a shortened list."""
    return [turned(name) for name in names if name.strip() and not ends_a_list(name)]


def ends_a_list(name: str) -> bool:
    """Whether a name is none but says that more follow: `others`, `et al.`"""
    return name.strip(" .").lower() in ("others", "et al")
