"""All checkpoints with what the gate says of each, and the filters over them."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from sqlalchemy import select
from sqlalchemy.orm import Session

from evaluation.download import verdicts_of
from evaluation.gate import Decision, Verdict
from graph.checkpoints import BUNDLED, CheckpointFacts, read_all_facts
from graph.coverage import UNKNOWN
from graph.papers import PaperCheckpoint, list_checkpoints
from graph.schema import Paper

WORDS: dict[Decision, str] = {
    "allowed": "runs here",
    "ask": "needs your yes",
    "unknown": "not looked at yet",
    "refused": "refused",
}
"""The gate's decisions in words for people; the best first."""

ICONS: dict[Decision, str] = {
    "allowed": ":material/check_circle:",
    "ask": ":material/help:",
    "unknown": ":material/pending:",
    "refused": ":material/block:",
}

NOT_REFUSED = "not refused"
_SIZES: tuple[tuple[str, float], ...] = (
    ("up to 50 M parameters", 50),
    ("up to 200 M parameters", 200),
    ("up to 1,000 M parameters", 1000),
    ("larger", float("inf")),
)


@dataclass(frozen=True)
class Linked:
    """A paper that a checkpoint belongs to, and what is said of that."""

    key: str
    short_name: str
    item: PaperCheckpoint


@dataclass(frozen=True)
class Row:
    """A checkpoint (of one loader class) with its papers and the gate's verdict."""

    facts: CheckpointFacts
    papers: tuple[Linked, ...]
    verdict: Verdict

    @property
    def is_bundled(self) -> bool:
        """Whether it is one of the zoo."""
        return self.facts.origin == BUNDLED


@dataclass(frozen=True)
class Filter:
    """One filter: what the address calls it, its words, and the values that a row has."""

    name: str
    label: str
    values: Callable[[Row], Sequence[str]]


def _size(row: Row) -> list[str]:
    millions = row.facts.params_millions
    if millions is None:
        return [UNKNOWN]
    # A small one is also within the wider bounds.
    return [words for words, most in _SIZES[:-1] if millions <= most] or [_SIZES[-1][0]]


def _here(row: Row) -> list[str]:
    decision = row.verdict.decision
    return [WORDS[decision]] if decision == "refused" else [WORDS[decision], NOT_REFUSED]


FILTERS = (
    Filter("task", "Task", lambda row: [row.facts.task]),
    Filter("here", "On this machine", _here),
    Filter("size", "Size", _size),
    Filter("library", "Library", lambda row: [row.facts.library]),
    Filter("licence", "Licence", lambda row: [row.facts.licence or UNKNOWN]),
    Filter(
        "role", "Role", lambda row: sorted({each.item.role or UNKNOWN for each in row.papers}) or [UNKNOWN]
    ),
    Filter("state", "State", lambda row: ["ships with this program" if row.is_bundled else row.facts.state]),
)
"""The filters by which checkpoints are found; each but the first two is one of the further ones."""


def read_rows(session: Session) -> list[Row]:
    """Every checkpoint: what runs here first, then by size and name."""
    names = dict(session.execute(select(Paper.key, Paper.short_name)).all())
    papers: dict[tuple[str, str, str], list[Linked]] = {}
    for key, item in list_checkpoints(session):
        linked = papers.setdefault((item.hub_id, item.library, item.loader_class), [])
        linked.append(Linked(key, names[key], item))
    facts = read_all_facts(session)
    rows = [
        Row(each, tuple(papers.get((each.hub_id, each.library, each.loader_class), ())), verdict)
        for each, verdict in zip(facts, verdicts_of(facts), strict=True)
    ]
    return sorted(rows, key=_standing)


def _standing(row: Row) -> tuple[int, float, str]:
    return (list(WORDS).index(row.verdict.decision), row.facts.params_millions or 1e9, row.facts.hub_id)


def options_of(rows: Sequence[Row], which: Filter) -> list[str]:
    """The values of a filter that occur, in their own order."""
    found = {value for row in rows for value in which.values(row)}
    order = [NOT_REFUSED, *WORDS.values(), *(words for words, _ in _SIZES)]
    known = [value for value in order if value in found]
    rest = sorted(found.difference(known, {UNKNOWN}), key=str.lower)
    return known + rest + ([UNKNOWN] if UNKNOWN in found else [])


def passing(rows: Sequence[Row], chosen: dict[str, str]) -> list[Row]:
    """The rows that have the chosen value of every filter that one was chosen for."""
    wanted = [(which, chosen[which.name]) for which in FILTERS if which.name in chosen]
    return [row for row in rows if all(value in which.values(row) for which, value in wanted)]
