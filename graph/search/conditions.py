"""Conditions that a query says in words: `before 2022`, `by Jonathan Ho`, `at CVPR 2023`, `with weights`.

They are wishes, not filters: what does not meet them stands below what does. Where the library does not know
(no authors, no venue), a paper may meet them. The query language says the same strictly (`year:..2021`).
"""

import json
import re
from collections.abc import Callable, Collection, Iterator, Sequence
from dataclasses import dataclass, field

from sqlalchemy import ColumnElement, exists, func, or_, select
from sqlalchemy.orm import Session

from graph.filters import series_of
from graph.names import fold
from graph.schema import Author, Authorship, CheckpointLink, Paper

# More ids than this cost more to send than to leave out.
_LISTED = 2000
_YEAR = r"((?:19|20)\d\d)"
_PUBLISHED = r"(?:(?:published|released|presented|proposed|accepted|appeared) )?"
_PERSON = r"((?:[^\W\d_][\w.'-]*\s+){0,3}[^\W\d_][\w'-]+)"
_Years = tuple[int | None, int | None]
_ABOUT_YEARS: tuple[tuple[str, Callable[[int], _Years]], ...] = (
    (rf"(?:before|prior to|earlier than|older than) {_YEAR}\b|pre-{_YEAR}\b", lambda at: (None, at - 1)),
    (rf"(?:until|up to) {_YEAR}\b|{_YEAR} (?:or|and) (?:earlier|before)\b", lambda at: (None, at)),
    (rf"(?:after|later than|newer than) {_YEAR}\b|post-{_YEAR}\b", lambda at: (at + 1, None)),
    (
        rf"since {_YEAR}\b|(?:(?:from|in) )?{_YEAR} (?:on|onwards?|(?:or|and) (?:later|after|newer))\b",
        lambda at: (at, None),
    ),
    (
        rf"(?:in|from|of|during) (?:the year )?{_YEAR}\b(?!\s*(?:-|to\b))"
        rf"|,\s*{_YEAR}\s*$|\(\s*{_YEAR}\s*\)\s*$",
        lambda at: (at, at),
    ),
)
_YEAR_PATTERNS = tuple(
    (re.compile(rf"(?:\b{_PUBLISHED}|(?=[,(]))(?:{pattern})", re.IGNORECASE), meaning)
    for pattern, meaning in _ABOUT_YEARS
)
_BETWEEN = re.compile(
    rf"\b{_PUBLISHED}(?:(?:between|from|in) )?{_YEAR}\s*(?:-|\u2013|\bto\b|\band\b|\buntil\b)\s*{_YEAR}\b",
    re.IGNORECASE,
)
_FREE = r"(?:released|downloadable|public|publicly available|open)"
_WEIGHTS = r"(?:checkpoints?|weights)"
# Where weights are wanted, not spoken of ("fine-tuning its weights"): an adjective or a place says so.
_CHECKPOINT = re.compile(
    rf"\b(?:with|having) (?:an? )?(?:{_FREE} |pre-?trained |available )*(?:model )?{_WEIGHTS}"
    r"(?: on the hub| to download| available)?\s*$"
    rf"|\b(?:(?:with|having) )?(?:an? )?{_FREE} (?:pre-?trained )?(?:model )?{_WEIGHTS}(?: on the hub)?"
    rf"|\b(?:with )?{_WEIGHTS} (?:on the hub|to download|for download|available)\b"
    r"|\b(?:available |released )?on (?:the hub|hugging ?face)\b"
    r"|\b(?:that|which) (?:i|you|one|we) can download\b|\b(?:that|which) can be downloaded\b|\bdownloadable\b"
    rf"|\bwhose {_WEIGHTS} are (?:{_FREE}|available)\b",
    re.IGNORECASE,
)
_BY = re.compile(rf"\bby {_PERSON}", re.IGNORECASE)
_ET_AL = re.compile(r"\b([^\W\d_][\w'-]+)(?:,? et al\b\.?| and colleagues\b)", re.IGNORECASE)
_CAPITALS = re.compile(r"[^\W\d_][\w.'-]*")
_LONGEST_NAME = 4
_REMEMBERED = 1000


@dataclass(frozen=True)
class Condition:
    """One condition: where it stands in the words, what it means, and the same in the query language.

    `person` is the name that a condition of authors is about; it stays among the words, because texts have
    it, too.
    """

    start: int
    end: int
    label: str
    value: str
    known: ColumnElement[bool] = field(compare=False)
    unknown: ColumnElement[bool] | None = field(default=None, compare=False)
    person: str = ""


@dataclass
class Conditions:
    """Reads conditions by the people and venues that one snapshot knows."""

    _people: dict[str, tuple[int, ...]] = field(default_factory=dict)
    _venues: tuple[re.Pattern[str], dict[str, str]] | None = None

    def read(self, session: Session, words: str) -> list[Condition]:
        """The conditions that words say, in their order; none overlaps another."""
        found: list[Condition] = []
        for condition in (*_years(words), *_weights(words), *self._written_by(session, words),
                          *self._published(session, words)):  # fmt: skip
            if all(condition.end <= other.start or other.end <= condition.start for other in found):
                found.append(condition)
        return sorted(found, key=lambda each: each.start)

    def _written_by(self, session: Session, words: str) -> Iterator[Condition]:
        for found in (*_BY.finditer(words), *_ET_AL.finditer(words)):
            # The longest beginning of what follows that is somebody: "by Tero Karras with weights".
            parts = found[1].split()
            for length in range(len(parts), 0, -1):
                name = " ".join(parts[:length])
                if length == 1 and not name[0].isupper():
                    break  # "by he", "by prompting": a surname alone is written with a capital
                people = self._called(session, name)
                if people:
                    end = found.start(1) + len(name) if found.re is _BY else found.end()
                    yield _author_condition(found.start(), end, name, people)
                    break
        yield from self._named_in_full(session, words)

    def _named_in_full(self, session: Session, words: str) -> Iterator[Condition]:
        """People whose whole name stands in the words as it is written on papers."""
        parts = list(_CAPITALS.finditer(words))
        places: dict[str, tuple[int, int]] = {}
        for first, part in enumerate(parts):
            for last in parts[first + 1 : first + _LONGEST_NAME]:
                name = words[part.start() : last.end()]
                if not (last[0][0].isupper() and part[0][0].isupper()) or "," in name:
                    break
                places.setdefault(name, (part.start(), last.end()))
        if places:
            rows = session.execute(select(Author.id, Author.name).where(Author.name.in_(places)))
            for author_id, name in rows:
                yield _author_condition(*places[name], name, (author_id,))

    def _called(self, session: Session, name: str) -> tuple[int, ...]:
        """Ids of the authors with this surname, or these first names and surname."""
        if name in (known := self._people):  # another thread may put a new one in its place
            return known[name]
        if len(known) > _REMEMBERED:
            self._people = {}
        first, _, surname = name.rpartition(" ")
        rows = session.execute(
            select(Author.id, Author.name).where(Author.name.endswith(" " + surname, autoescape=True))
        )
        wanted = fold(first)
        people = self._people[name] = tuple(
            author_id
            for author_id, full in rows
            if not first or fold(full.rpartition(" ")[0]).startswith(wanted)
        )
        return people

    def _published(self, session: Session, words: str) -> Iterator[Condition]:
        if self._venues is None:
            self._venues = _read_venues(session)
        pattern, venues = self._venues
        if not venues:
            return
        for found in pattern.finditer(words):
            series = venues[found[2].lower()]
            if not (found[1] or found[3] or found[2] == series):
                continue  # "acl" may be anything where nothing says that it is a venue
            name = f"{series} {found[3]}" if found[3] else series
            known = or_(Paper.venue == name, Paper.venue.startswith(name + " ", autoescape=True))
            yield Condition(
                found.start(), found.end(), f"at {name}", f'venue:"{name}"', known, Paper.venue.is_(None)
            )


def meeting(
    session: Session, conditions: Sequence[Condition], among: Collection[int]
) -> tuple[frozenset[int], frozenset[int]]:
    """Which of the papers meet all conditions, and which may, for all that is known. Ids in, ids out."""
    chosen = select(Paper.id)
    if len(among) <= _LISTED:
        listed = func.json_each(json.dumps(sorted(among))).table_valued("value")
        chosen = chosen.where(Paper.id.in_(select(listed.c.value)))
    certain = frozenset(session.scalars(chosen.where(*(each.known for each in conditions)))) & set(among)
    if all(each.unknown is None for each in conditions):
        return certain, frozenset()
    possible = [each.known if each.unknown is None else or_(each.known, each.unknown) for each in conditions]
    return certain, frozenset(session.scalars(chosen.where(*possible))) & set(among) - certain


def _years(words: str) -> Iterator[Condition]:
    for found in _BETWEEN.finditer(words):
        first, last = sorted((int(found[1]), int(found[2])))
        yield _year_condition(found, first, last)
    for pattern, meaning in _YEAR_PATTERNS:
        for found in pattern.finditer(words):
            year = int(next(group for group in found.groups() if group))
            yield _year_condition(found, *meaning(year))


def _year_condition(found: re.Match[str], first: int | None, last: int | None) -> Condition:
    conditions = [Paper.year >= first] if first is not None else []
    if last is not None:
        conditions.append(Paper.year <= last)
    known = conditions[0] if len(conditions) == 1 else conditions[0] & conditions[1]
    if first == last:
        label, value = f"from {first}", f"year:{first}"
    else:
        value = f"year:{first or ''}..{last or ''}"
        label = f"{first} to {last}" if first and last else (f"since {first}" if first else f"until {last}")
    return Condition(found.start(), found.end(), label, value, known, Paper.year.is_(None))


def _read_venues(session: Session) -> tuple[re.Pattern[str], dict[str, str]]:
    """What finds the series of venues of the library in words, and their names by the small letters."""
    names = session.scalars(select(Paper.venue).where(Paper.venue.is_not(None)).distinct())
    series = {series_of(name) for name in names if name}
    venues = {name.lower(): name for name in series if len(name) > 2}
    longest_first = "|".join(map(re.escape, sorted(venues, key=lambda name: (-len(name), name))))
    pattern = rf"\b(?:{_PUBLISHED}(at|in) )?({longest_first})(?:\s+{_YEAR})?\b"
    return re.compile(pattern, re.IGNORECASE), venues


def _author_condition(start: int, end: int, name: str, people: tuple[int, ...]) -> Condition:
    wrote = exists().where(Authorship.paper_id == Paper.id)
    known = wrote.where(Authorship.author_id.in_(people))
    return Condition(start, end, f"by {name}", f'author:"{name}"', known, ~wrote, name)


def _weights(words: str) -> Iterator[Condition]:
    for found in _CHECKPOINT.finditer(words):
        linked = exists().where(CheckpointLink.paper_id == Paper.id)
        yield Condition(found.start(), found.end(), "has a checkpoint", "has:checkpoint", linked)
