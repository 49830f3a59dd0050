"""The taxonomy's words: which node a phrase denotes, by the node's label or data/taxonomy_terms.csv."""

import csv
import io
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache, lru_cache
from importlib.resources import files

from graph.names import fold

FILE = "taxonomy_terms.csv"


@dataclass(frozen=True)
class Term:
    """A phrase that means what a node stands for.

    `source` says who uses it so: `label`, `definition`, the key of a paper in the node, or `editors`.
    """

    node: str
    term: str
    source: str


@cache
def read_terms() -> tuple[Term, ...]:
    """The phrases that ship with the project."""
    content = (files("data") / FILE).read_text(encoding="utf-8")
    return tuple(
        Term(row["node"], row["term"], row["source"]) for row in csv.DictReader(io.StringIO(content))
    )


@dataclass
class Terms:
    """Phrases of the nodes that a library has, by their plain form."""

    labels: Mapping[str, str]
    longest: int = 1

    def __post_init__(self) -> None:
        self._nodes: dict[str, list[str]] = {}
        self._alone: dict[str, list[str]] = {}
        for node_id, label in self.labels.items():
            # A label of one word ("Efficiency") says enough as a heading, but little inside a question.
            self._add(label, node_id, self._nodes if len(label.split()) > 1 else self._alone)
        for term in read_terms():
            if term.node in self.labels:
                self._add(term.term, term.node, self._nodes)

    def _add(self, phrase: str, node_id: str, where: dict[str, list[str]]) -> None:
        words = re.findall(r"\w+", phrase)
        self.longest = max(self.longest, len(words))
        nodes = where.setdefault(plain(words), [])
        if node_id not in nodes:
            nodes.append(node_id)

    def denoted(self, words: Sequence[str], *, alone: bool = False) -> list[str]:
        """The nodes that these words, taken together, stand for; `alone` where they are the whole query."""
        key = plain(words)
        return self._nodes.get(key) or (self._alone.get(key, []) if alone else [])


def plain(words: Sequence[str]) -> str:
    """A phrase without what does not change its meaning: case, hyphens, plural, -ise or -ize."""
    return "".join(_plain_word(fold(word)) for word in words)


@lru_cache(maxsize=10_000)
def _plain_word(word: str) -> str:
    word = re.sub(r"(?<=[^aeiou]i|[^aeiou]y)s(?=ations?$|e[drs]?$|ers$|ing$)", "z", word)
    word = re.sub(r"(?<=[aeiou])ll(?=ing$|ed$|er$|ers$)", "l", word)
    if len(word) > 3 and word.endswith("ies"):
        return word[:-3] + "y"
    if len(word) > 3 and word.endswith("s") and word[-2] not in "sui":
        return word[:-1]
    return word
