"""What a query means beyond its words: names, families, taxonomy, conditions, mistypings put right.

No language model: what is read here comes from the library's own names and two small files of data/. Each
reading is a chip that a person can see and remove. It reads little rather than wrongly: a chip on a query
that does not ask for it is a mistake.
"""

from collections.abc import Collection, Iterable
from dataclasses import dataclass, field
from typing import Literal

from sqlalchemy.orm import Session

from graph.names import fold
from graph.search.conditions import Condition, meeting
from graph.search.names import NameIndex
from graph.search.nametable import KEY, NAME
from graph.search.query import Query
from graph.search.spans import Span, Spans, asked_for, is_left_open
from graph.search.words import FAMILY, Token, content, tokens_of, written

Kind = Literal["name", "family", "taxonomy", "condition", "spelling"]


@dataclass(frozen=True)
class Chip:
    """One reading of a part of the query: `text` is what was typed, `label` what it is taken to mean.

    `value` is the key of a paper, a family's name, the id of a node, a condition in the query language, or
    the corrected words.
    """

    kind: Kind
    text: str
    label: str
    value: str

    @property
    def id(self) -> str:
        """How a removed chip is named."""
        return f"{self.kind}:{self.value}"


@dataclass(frozen=True)
class Understanding:
    """What was read. Papers are given by id.

    Attributes:
        words: the words to match and to encode: corrected, without identifiers and conditions; empty where
            the query is nothing else.
        chips: what to show, in the order spelling, names, families, taxonomy, conditions.
        named: papers that the query asks for by name or identifier, and by which kind of name; they come
            first.
        mentioned: papers whose names occur in a query about something else; no chip says so.
        family: papers of the families named.
        nodes: taxonomy nodes that words of the query denote.
        conditions: what the words say of year, authors, venue and weights; graph.search.conditions.meeting
            tells which papers meet them. They are wishes: a paper that does not meet them ranks lower.
    """

    words: str
    chips: tuple[Chip, ...] = ()
    named: dict[int, str] = field(default_factory=dict)
    mentioned: frozenset[int] = frozenset()
    family: frozenset[int] = frozenset()
    nodes: tuple[str, ...] = ()
    conditions: tuple[Condition, ...] = ()


def understand(
    session: Session, query: Query, names: NameIndex, dropped: Collection[str] = ()
) -> Understanding:
    """Read a query. `dropped` are the ids of chips that a person removed: they are not read again."""
    return _Reader(session, names, frozenset(dropped)).read(query)


def literally(query: Query) -> Understanding:
    """The query as it stands, with nothing read into it."""
    return Understanding(query.words)


class _Reader:
    """Reads one query; collects its chips."""

    def __init__(self, session: Session, names: NameIndex, dropped: frozenset[str]) -> None:
        self._session, self._names, self._dropped = session, names, dropped
        self._spans = Spans(session, names.table, names.families)
        self._chips: dict[str, list[Chip]] = {
            "spelling": [], "name": [], "family": [], "taxonomy": [], "condition": []
        }  # fmt: skip

    def read(self, query: Query) -> Understanding:
        named: dict[int, str] = {}
        identified, words, any_identifier = self._names.table.identified(self._session, query.words)
        for each in identified:
            if self._name(each.paper_id, query.words):
                named[each.paper_id] = each.kind
        if any_identifier and not content(tokens_of(words)):
            return Understanding("", self._shown(), named)
        conditions: tuple[Condition, ...] = ()
        if not self._names.table.papers(fold(words)):  # a whole name is what it is: "Diffusion (2015)"
            words = self._corrected(words, query.phrases)
            words, conditions = self._conditions(words)
        tokens = tokens_of(words)
        spans = self._spans.find(words, tokens)
        asked = self._asked_for(tokens, spans, conditions)
        for span in asked:
            for paper_id in span.papers:
                if self._name(paper_id, written(words, tokens, span.first, span.end)):
                    kind = KEY if query.text.strip() == self._names.table.keys[paper_id] else NAME
                    named.setdefault(paper_id, kind)
        mentioned = {
            paper_id
            for span in spans
            if not span.is_ordinary and span not in asked
            for paper_id in span.papers
        }
        return Understanding(
            words,
            named=named,
            mentioned=frozenset(mentioned - named.keys()),
            family=self._family(words, tokens, spans, asked),
            nodes=() if named else self._nodes(words, tokens),
            conditions=conditions,
            chips=self._shown(),
        )

    def _shown(self) -> tuple[Chip, ...]:
        return tuple(chip for chips in self._chips.values() for chip in chips)

    def _chip(self, kind: Kind, text: str, label: str, value: str) -> bool:
        """Whether a reading stands: a person may have removed it. It is shown once."""
        chip = Chip(kind, text, label, value)
        if chip.id in self._dropped:
            return False
        if all(other.id != chip.id for other in self._chips[kind]):
            self._chips[kind].append(chip)
        return True

    def _name(self, paper_id: int, text: str) -> bool:
        table = self._names.table
        return self._chip("name", text, table.short_names[paper_id], table.keys[paper_id])

    def _asked_for(
        self, tokens: list[Token], spans: list[Span], conditions: tuple[Condition, ...]
    ) -> list[Span]:
        """The names that the query asks for: "GAN papers by Tero Karras" asks for no paper of others."""
        people = tuple(condition for condition in conditions if condition.person)
        if not people:
            return asked_for(tokens, spans)
        aside = frozenset(token.folded for each in people for token in tokens_of(each.person))
        asked = asked_for(tokens, spans, aside)
        fitting = frozenset[int]().union(
            *meeting(self._session, people, {paper_id for span in asked for paper_id in span.papers})
        )
        return [span for span in asked if fitting & set(span.papers)]

    # Families

    def _family(
        self, words: str, tokens: list[Token], spans: list[Span], asked: list[Span]
    ) -> frozenset[int]:
        """Papers of the families that the query is about: of one name, or of one that `variants` follows."""
        found: set[int] = set()
        wanted = content(tokens)
        for span in spans:
            open_ended = is_left_open(tokens, span)
            if len(asked) > 1 or (asked and span not in asked):
                continue
            if span.is_ordinary and span not in asked:
                continue
            # The words beside it that only say "family" do not count.
            others = {at for at in wanted - span.positions if tokens[at].folded not in FAMILY}
            if len(others) > 2 * len(span.positions & wanted) and not open_ended:
                continue
            family = self._names.families.of(span.folded)
            text = written(words, tokens, span.first, span.end)
            if family and self._chip("family", text, f"{family.label} family", fold(family.label)):
                found |= family.papers
        return frozenset(found)

    # Taxonomy

    def _nodes(self, words: str, tokens: list[Token]) -> tuple[str, ...]:
        terms = self._names.terms
        nodes: list[str] = []
        wanted = content(tokens)
        at = 0
        while at < len(tokens):
            end = at
            for end in range(min(len(tokens), at + terms.longest), at, -1):
                inside = [token.folded for token in tokens[at:end]]
                denoted = terms.denoted(inside, alone=wanted <= set(range(at, end)))
                for node in denoted:
                    text = written(words, tokens, at, end)
                    if self._chip("taxonomy", text, self._names.table.labels[node], node):
                        nodes.append(node)
                if denoted:
                    break
            at = end
        return tuple(dict.fromkeys(nodes))

    # Conditions

    def _conditions(self, words: str) -> tuple[str, tuple[Condition, ...]]:
        """The words that are left, and the conditions."""
        kept = [
            condition
            for condition in self._names.conditions.read(self._session, words)
            if self._chip(
                "condition",
                words[condition.start : condition.end].strip(" ,()"),
                condition.label,
                condition.value,
            )
        ]
        for condition in reversed(kept):
            if not condition.person:
                words = f"{words[: condition.start]} {words[condition.end :]}"
        return " ".join(words.split()) if kept else words, tuple(kept)

    # Spelling

    def _corrected(self, words: str, phrases: Iterable[str]) -> str:
        """The words with mistyped ones put right, a chip for each change. Quoted ones stay as they are."""
        tokens = tokens_of(words)
        quoted = {token.folded for phrase in phrases for token in tokens_of(phrase)}
        fixed = {at for at, token in enumerate(tokens) if token.folded in quoted}
        for span in self._spans.find(words, tokens):
            fixed |= span.positions
        changes = self._names.speller.corrections(self._session, tokens, frozenset(fixed))
        for change in reversed(changes):
            start, stop = tokens[change.first].start, tokens[change.end - 1].end
            if self._chip("spelling", words[start:stop], change.right, change.right.lower()):
                words = words[:start] + change.right + words[stop:]
        self._chips["spelling"].reverse()
        return words
