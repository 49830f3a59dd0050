"""The query language: free words, "phrases", -exclusions and `field:value` conditions.

A text is read from left to right. Only what cannot be meant is an error (`year:abc`); a field that is none
(`arXiv:2304.02643`, the colon of a title) is plain words, and a quote that is never closed is ignored.
"""

import re
from collections.abc import Callable
from dataclasses import dataclass, field, replace

from graph.errors import QueryError
from graph.filters import Filters, parse_years

FIELDS = {
    "author": 'author:Kirillov, author:"Alec Radford" - a person who wrote it',
    "venue": "venue:CVPR - where it was published",
    "year": "year:2021, year:2020..2023, year:>2020 - when it appeared",
    "in": 'in:generative.editing, in:"image editing" - a node of the taxonomy, or below it',
    "pillar": "pillar:generative - a branch below the root of the taxonomy, as the main one",
    "has": "has:checkpoint, has:abstract, has:code - what is known of it",
    "cites": "cites:clip - papers that cite that paper",
    "citedby": "citedby:dinov2 - papers that that paper cites",
}
"""Every field of the language, with examples and what it asks for."""
HAS = ("checkpoint", "abstract", "code")
LONGEST = 10_000

# Control characters and marks of direction are no part of a word, and some tools cannot show them.
_UNSEEN = re.compile(r"[\x00-\x1f\x7f-\x9f\u200b\u200e\u200f\u2028-\u202e\u2060-\u2069\ufeff]")
_QUOTES = str.maketrans("“”„«»", '"""""')
_TOKEN = re.compile(
    r"""
    (?P<minus>(?:(?<=\s)|^)-)?
    (?:(?P<field>[A-Za-z][A-Za-z_-]*):(?=\S))?
    (?:"(?P<quoted>[^"]*)"|(?P<bare>[^\s"]+))
    """,
    re.VERBOSE,
)
_COMPARED = re.compile(r"^(>=|<=|>|<)\s*(\d{4})$")
_SPAN = re.compile(r"\.\.+|[-\u2013\u2014]")


@dataclass(frozen=True)
class Query:
    """What a text asks for. `words` is what is left to match and to encode, the phrases among them.

    `phrases` must occur, `excluded` words and phrases must not. `authors` and `venues` all have to fit.
    `cites` and `cited_by` name one paper each: papers that cite it, papers that it cites.
    """

    text: str
    words: str = ""
    phrases: tuple[str, ...] = ()
    excluded: tuple[str, ...] = ()
    authors: tuple[str, ...] = ()
    venues: tuple[str, ...] = ()
    filters: Filters = field(default_factory=Filters)
    cites: str | None = None
    cited_by: str | None = None

    @property
    def has_conditions(self) -> bool:
        """Whether anything but words to match limits what is found."""
        return bool(
            self.phrases or self.excluded or self.authors or self.venues or self.filters
            or self.cites or self.cited_by
        )  # fmt: skip


def parse(text: str) -> Query:
    """Read a query. Raises QueryError, one line, for a condition that cannot be meant."""
    _require_length(text)
    query, words = Query(text), list[str]()
    for found in _TOKEN.finditer(_readable(text)):
        value = " ".join((found["bare"] or found["quoted"] or "").split())
        name = (found["field"] or "").lower().replace("-", "").replace("_", "")
        if name in FIELDS and value.strip("-':;,."):
            if found["minus"]:
                raise QueryError(
                    f"cannot exclude {found[0][1:]!r}: '-' goes before a word or a \"phrase\" to leave out"
                )
            query = _SET[name](query, value)
            continue
        said = f"{found['field']}:{value}" if found["field"] else value
        has_word = re.search(r"\w", said) is not None
        if found["minus"] and has_word:  # otherwise a dash, or a row of them
            query = replace(query, excluded=_with(query.excluded, said.lstrip("-")))
            continue
        if found["quoted"] is not None and has_word and not found["field"]:
            query = replace(query, phrases=_with(query.phrases, value))
        if not found["minus"]:
            words.append(said)
    return replace(query, words=" ".join(" ".join(words).split()))


def plainly(text: str) -> Query:
    """A text as words alone: no phrase, exclusion or condition. QueryError for one that is too long."""
    _require_length(text)
    return Query(text, " ".join(_readable(text).replace('"', " ").split()))


def _require_length(text: str) -> None:
    if len(text) > LONGEST:
        raise QueryError(f"the query has {len(text)} characters: up to {LONGEST} are allowed")


def _readable(text: str) -> str:
    """The text with straight quotes in pairs, and without what cannot be seen."""
    text = _UNSEEN.sub(" ", text.translate(_QUOTES))
    if text.count('"') % 2:
        before, _, after = text.rpartition('"')
        # Between two words the quote may be all that parts them, after a field it begins the value.
        text = f"{before}{'' if before.endswith(':') else ' '}{after}"
    return text


def _with(values: tuple[str, ...], value: str) -> tuple[str, ...]:
    return values if value in values else (*values, value)


def _year(query: Query, value: str) -> Query:
    first, last = _years(value)
    known_first, known_last = query.filters.years
    first = max((year for year in (first, known_first) if year is not None), default=None)
    last = min((year for year in (last, known_last) if year is not None), default=None)
    if first is not None and last is not None and first > last:
        raise QueryError(f"no year is left by 'year:{value}' and the 'year:' before it: write one of them")
    return replace(query, filters=replace(query.filters, years=(first, last)))


def _years(value: str) -> tuple[int | None, int | None]:
    compared = _COMPARED.match(value)
    if compared:
        year = int(compared[2])
        return {
            ">": (year + 1, None), ">=": (year, None), "<": (None, year - 1), "<=": (None, year)
        }[compared[1]]  # fmt: skip
    try:
        return parse_years(_SPAN.sub(":", value))
    except QueryError as reason:
        if "backwards" in str(reason):
            raise
        raise QueryError(
            f"cannot read 'year:{value}': year:2021, year:2020..2023, year:2020.., year:>2020 are allowed"
        ) from None


def _has(query: Query, value: str) -> Query:
    if value.lower() not in HAS:
        allowed = ", ".join(f"has:{name}" for name in HAS)
        raise QueryError(f"cannot read 'has:{value}': {allowed} are allowed")
    known = query.filters
    match value.lower():
        case "checkpoint":
            return replace(query, filters=replace(known, has_checkpoint=True))
        case "abstract":
            return replace(query, filters=replace(known, has_abstract=True))
    return replace(query, filters=replace(known, has_code=True))


def _once(name: str, known: str | None, value: str) -> str:
    """The value of a condition that stands once."""
    if known not in (None, value):
        raise QueryError(f"'{name}:' stands twice, for {known!r} and for {value!r}: write one of them")
    return value


def _in(query: Query, value: str) -> Query:
    node = _once("in", query.filters.taxonomy, value)
    return replace(query, filters=replace(query.filters, taxonomy=node))


def _pillar(query: Query, value: str) -> Query:
    pillar = _once("pillar", query.filters.pillar, value)
    return replace(query, filters=replace(query.filters, pillar=pillar))


_SET: dict[str, Callable[[Query, str], Query]] = {
    "author": lambda query, value: replace(query, authors=_with(query.authors, value)),
    "venue": lambda query, value: replace(query, venues=_with(query.venues, value)),
    "year": _year,
    "in": _in,
    "pillar": _pillar,
    "has": _has,
    "cites": lambda query, value: replace(query, cites=_once("cites", query.cites, value)),
    "citedby": lambda query, value: replace(query, cited_by=_once("citedby", query.cited_by, value)),
}
