"""The words of a query, and which of them say what is asked for."""

import re
from dataclasses import dataclass

from graph.names import fold

# A query that names papers is short; what comes after this many words is text to match.
_READ_WORDS = 64
# Words beside a name that add nothing to it: what kind of thing it is, and how one asks.
_FILLER = frozenset(
    "a about abs al an and any approach architecture are article arxiv as at benchmark between by "
    "checkpoint code colleagues compare compared comparison cs cv dataset detailed did differ "
    "difference different do does doi dx et explain explained find for from git github give help hf how "
    "http https huggingface i in is it its loss me method metric model models network of official on "
    "open or org original paper papers pdf please pretrained publication read repo repository sampler "
    "show source tell that the their them there these they this to tool versus vs was we weights were "
    "what when where which who why with work www you".split()
)
COMPARING = frozenset("against compare compared comparison difference differ versus vs".split())
FAMILY = frozenset(
    "descendants family followups lineup lineage series successors variant variants versions".split()
)
_TOKEN = re.compile(r"[^\W_]+\+*")


@dataclass(frozen=True)
class Token:
    """A word as written and folded, and where it stands."""

    written: str
    folded: str
    start: int
    end: int

    @property
    def is_content(self) -> bool:
        """Whether it says what the query is about."""
        return self.folded not in _FILLER


def tokens_of(words: str) -> list[Token]:
    """The first words of a text."""
    found = _TOKEN.finditer(words)
    return [
        Token(each[0], fold(each[0]), each.start(), each.end())
        for each, _ in zip(found, range(_READ_WORDS), strict=False)
    ]


def written(words: str, tokens: list[Token], first: int, end: int) -> str:
    """The part of a text that some of its tokens span."""
    return words[tokens[first].start : tokens[end - 1].end]


def content(tokens: list[Token]) -> frozenset[int]:
    """Positions of the tokens that say what the query is about."""
    return frozenset(at for at, token in enumerate(tokens) if token.is_content)
