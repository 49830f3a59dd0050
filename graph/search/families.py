"""Families of models: what carries a name within its own (`SAM 2`, `FastSAM`), and data/families.csv."""

import csv
import io
import re
from bisect import bisect_right
from dataclasses import dataclass, field
from functools import cache
from importlib.resources import files

from graph.names import fold
from graph.search.nametable import NameTable

FILE = "families.csv"
_REMEMBERED = 1000
_STEM_WORDS = 3
_LONGEST = 40


@dataclass(frozen=True)
class Listed:
    """A family that its members' names do not tell: what it is called, and the keys of its papers."""

    family: str
    called: tuple[str, ...]
    papers: tuple[str, ...]
    source: str


@dataclass(frozen=True)
class Family:
    """Papers of one family, by id."""

    label: str
    papers: frozenset[int]


@cache
def read_families() -> tuple[Listed, ...]:
    """The families that ship with the project."""
    content = (files("data") / FILE).read_text(encoding="utf-8")
    return tuple(
        Listed(row["family"], _split(row["called"]), _split(row["papers"]), row["source"])
        for row in csv.DictReader(io.StringIO(content))
    )


def _split(cell: str) -> tuple[str, ...]:
    return tuple(part.strip() for part in cell.split(";") if part.strip())


@dataclass
class Families:
    """The families of one snapshot."""

    names: NameTable
    _known: dict[str, Family | None] = field(default_factory=dict)

    def __post_init__(self) -> None:
        ids = {key: paper_id for paper_id, key in self.names.keys.items()}
        self._listed = {
            fold(name): (listed.family, frozenset(ids[key] for key in listed.papers if key in ids))
            for listed in read_families()
            for name in listed.called
        }
        owners: list[int] = []
        spelled: list[str] = []
        for spellings in self.names.spellings.values():
            for each in spellings:
                if len(each.text) <= _LONGEST and "\n" not in each.text:
                    owners.append(each.paper_id)
                    spelled.append(each.text)
        # One text to search through: a pass over it costs less than a call per name.
        self._owners, self._spelled = owners, "\n".join(spelled)
        self._starts = [0]
        for name in spelled[:-1]:
            self._starts.append(self._starts[-1] + len(name) + 1)

    def is_listed(self, folded: str) -> bool:
        """Whether the file calls a family so."""
        return folded in self._listed

    def may_begin(self, folded: str) -> bool:
        """Whether a name of the file may begin like this text."""
        return folded.startswith(tuple(self._listed))

    def of(self, folded: str) -> Family | None:
        """The family with this (folded) name, if it has two papers or more in the library."""
        if folded in (known := self._known):  # another thread may put a new one in its place
            return known[folded]
        if len(known) > _REMEMBERED:
            self._known = {}
        family = self._known[folded] = self._find(folded)
        return family

    def _find(self, folded: str) -> Family | None:
        if folded in self._listed:
            label, papers = self._listed[folded]
            return Family(label, papers) if len(papers) > 1 else None
        label, papers = "", frozenset[int]()
        for spelling in self.names.spellings.get(folded, ()):
            # Titles and whole phrases are no stems, and a key is spelled in small letters.
            if re.search(r"[A-Z]", spelling.text) and len(spelling.text.split()) <= _STEM_WORDS:
                label = label or spelling.text
                papers |= {spelling.paper_id} | self._carrying(spelling.text)
        return Family(label, papers) if len(papers) > 1 else None

    def _carrying(self, stem: str) -> frozenset[int]:
        """Papers with a name that has this one as a part.

        It begins after a space, a hyphen or small letters, and is followed by a space, a hyphen, a version or
        a new word: `Grounded SAM`, `FastSAM`, `SAM 2`, `CLIPSeg`, but not `SigLIP` for `LIP`.
        """
        found: set[int] = set()
        at = self._spelled.find(stem)
        while at >= 0:
            if is_part(self._spelled, at, at + len(stem)):
                found.add(self._owners[bisect_right(self._starts, at) - 1])
            at = self._spelled.find(stem, at + 1)
        return frozenset(found)


def is_part(text: str, start: int, end: int) -> bool:
    """Whether this piece of a text is a part of a name: see `Families`."""
    before = text[start - 1 : start]
    if before.isalnum() and not (text[start].isupper() and before.islower()):
        return False
    after = text[end : end + 2]
    if not after[:1].isalnum():
        return True
    if after[0].isdigit():
        return not text[end - 1].isdigit()
    return (after[0].isupper() and after[1:].islower()) or (after[0] == "v" and after[1:].isdigit())
