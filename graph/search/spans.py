"""Names inside a query: where they stand, and whether it asks for what they name or only mentions it."""

import re
from dataclasses import dataclass, replace
from itertools import pairwise

from sqlalchemy.orm import Session

from graph.names import fold
from graph.search.families import Families
from graph.search.nametable import NameTable
from graph.search.words import COMPARING, FAMILY, Token, content, written

_NAME_WORDS = 16
_TITLE_WORDS = 4
_ROMAN = {"ii": "2", "iii": "3", "iv": "4"}
_SIZE = re.compile(r"^(?:Ti|[TSBLHG]|[Tt]iny|[Ss]mall|[Bb]ase|[Ll]arge|[Hh]uge|[Gg]iant)$")
_PATCH = re.compile(r"^(?:8|14|16|32)$")
_VERSION = re.compile(r"^v?\d{1,2}$")


@dataclass(frozen=True)
class Span:
    """Tokens `first` to `end` of a query that are the name of papers, of a family, or both.

    `is_ordinary`: other papers use these words for something else, so that they may not be meant as a name.
    `is_plural`: it names a kind (`GANs`), not the paper. `uses`: how many other papers have the words.
    """

    first: int
    end: int
    folded: str
    papers: tuple[int, ...]
    is_ordinary: bool = False
    is_plural: bool = False
    uses: int = 0

    @property
    def positions(self) -> frozenset[int]:
        """The positions of its tokens."""
        return frozenset(range(self.first, self.end))


@dataclass(frozen=True)
class Spans:
    """Finds names in the words of a query."""

    session: Session
    table: NameTable
    families: Families

    def find(self, words: str, tokens: list[Token]) -> list[Span]:
        """The names, from left to right, each the longest that begins there."""
        whole = fold(words)
        papers = tuple(self.table.papers(whole)) if self.table.is_whole(whole) else ()
        if tokens and papers:
            return [Span(0, len(tokens), whole, papers)]
        spans: list[Span] = []
        at = 0
        while at < len(tokens):
            span = None
            if self._may_begin(tokens, at):
                ends = range(min(len(tokens), at + _NAME_WORDS), at, -1)
                span = next((found for end in ends if (found := self._span(words, tokens, at, end))), None)
            if span:
                span = replace(span, end=_past_size(tokens, span.end))
                spans.append(span)
            at = span.end if span else at + 1
        return spans

    def _may_begin(self, tokens: list[Token], at: int) -> bool:
        """Whether a name may begin here, by its first letters; saves most of the looking up."""
        beginning = "".join(token.folded for token in tokens[at : at + 4])
        return self.table.may_begin(beginning) or self.families.may_begin(beginning)

    def _span(self, words: str, tokens: list[Token], first: int, end: int) -> Span | None:
        inside = tokens[first:end]
        if not any(token.is_content for token in inside):
            return None
        folded = "".join(token.folded for token in inside)
        last = inside[-1]
        if len(inside) > 1 and last.folded in _ROMAN and not self.table.papers(folded):
            folded = folded.removesuffix(last.folded) + _ROMAN[last.folded]
        papers = tuple(self.table.papers(folded))
        if papers or self.families.is_listed(folded):
            return self._judged(written(words, tokens, first, end), Span(first, end, folded, papers), tokens)
        singular = folded[:-1]
        # The plural of what is written in capitals: GANs, ViTs.
        if last.written.endswith("s") and any(map(str.isupper, last.written[1:])):
            papers = tuple(self.table.papers(singular))
            if papers:
                return Span(first, end, singular, papers, is_plural=True)
        return None

    def _judged(self, text: str, span: Span, tokens: list[Token]) -> Span | None:
        """The span with what its words say of it, None where they are no name at all."""
        length = span.end - span.first
        spelled = self.table.is_spelled(text, span.folded)
        if length == 1 and len(span.folded) < 3:
            listed = self.families.is_listed(span.folded) and text.isupper()
            return span if spelled or listed or len(tokens) == 1 else None
        use = self.table.use(self.session, text, span.papers)
        # Capitals inside a word are a name's; one at its beginning may be a sentence's.
        capitals = spelled and text[1:] != text[1:].lower()
        if capitals or _has_version(span.folded) or not use.is_ordinary:
            return replace(span, uses=use.papers)
        if not self.table.is_whole(span.folded):
            return None  # "diffusion models", from the title of a survey of them
        return replace(span, is_ordinary=True, uses=use.papers)


def asked_for(tokens: list[Token], spans: list[Span], aside: frozenset[str] = frozenset()) -> list[Span]:
    """The spans that the query is about. The others are mentioned in a query about something else.

    It is about its names if they are all it says, if it compares them, if they are half of it or more, or if
    one is as long as a title. Words `aside` do not count.
    """
    able = [span for span in spans if span.papers and not span.is_plural and not is_left_open(tokens, span)]
    wanted = frozenset(at for at in content(tokens) if tokens[at].folded not in aside)
    covered = frozenset[int]().union(*(span.positions for span in able)) & wanted
    if wanted <= covered:
        return able
    sure = [span for span in able if not span.is_ordinary]
    if len(able) > 1 and sure and any(token.folded in COMPARING for token in tokens):
        return able
    joined = _joined(tokens, able) if sure else []
    covered = frozenset[int]().union(*(span.positions for span in sure)) & wanted
    if 2 * len(covered) < len(wanted):
        sure = [span for span in sure if len(span.positions & wanted) >= _TITLE_WORDS]
    # "what the DAAM, interpreting stable diffusion": what everybody writes about is what it is about, not it.
    usual = 3 * min((span.uses for span in sure), default=0) + 3
    sure = [span for span in sure if span.uses <= usual]
    return [span for span in able if span in sure or span in joined]


def is_left_open(tokens: list[Token], span: Span) -> bool:
    """Whether what follows makes it another name: a version that is not known, or a word like `variants`."""
    if span.end == len(tokens):
        return False
    following = tokens[span.end].folded
    return following in FAMILY or bool(_VERSION.match(following) and not span.folded[-1].isdigit())


def _joined(tokens: list[Token], spans: list[Span]) -> list[Span]:
    """Names that stand side by side, with `or` between them."""
    found: list[Span] = []
    for one, other in pairwise(spans):
        between = [token.folded for token in tokens[one.end : other.first]]
        if between == ["or"]:
            found += [one, other]
    return found


def _past_size(tokens: list[Token], end: int) -> int:
    """The end of a name with the size of the model, as in `ViT-B/16` and `DINOv2 large`."""
    if end < len(tokens) and _SIZE.match(tokens[end].written):
        end += 1
        if end < len(tokens) and _PATCH.match(tokens[end].written):
            end += 1
    return end


def _has_version(folded: str) -> bool:
    return any(map(str.isdigit, folded)) and not folded.isdigit()
