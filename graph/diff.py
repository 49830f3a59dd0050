"""What changed between two snapshots: papers, citations, relations, fields, taxonomy, checkpoints.

A snapshot keeps its content in brief: every fact that a person may want to see change, long texts by their
hash. Comparing needs no database.
"""

import hashlib
import json
import zlib
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field, fields
from itertools import chain

from graph.errors import LibraryDamaged

Value = str | int | float | bool | None
"""A value of a field as it stands in a snapshot's content."""

Pair = tuple[str, str]
Triple = tuple[str, str, str]
Facts = dict[str, Value]

LONG_TEXTS = frozenset({"abstract", "summary"})
"""Fields of which a snapshot keeps a hash instead of the text."""

GONE = "gone"
"""State of a checkpoint that its hub no longer has."""

_FORMAT = 1
_HASH_DIGITS = 16


def brief_value(name: str, value: Value) -> Value:
    """A field's value as a snapshot keeps it; of a long text, the beginning of its SHA-256.

    >>> brief_value("abstract", "We present ..."), brief_value("year", 2023)
    ('sha256:20ad6fb7d4d85a5f', 2023)
    """
    if name not in LONG_TEXTS or not isinstance(value, str):
        return value
    digest = hashlib.sha256(value.encode("utf-8", "surrogatepass")).hexdigest()
    return f"sha256:{digest[:_HASH_DIGITS]}"


def checkpoint_key(hub_id: str, library: str, loader_class: str) -> str:
    """The name of a checkpoint in a snapshot's content."""
    return f"{hub_id}|{library}|{loader_class}"


@dataclass(frozen=True)
class SnapshotContent:
    """The facts of a snapshot by natural keys.

    `papers` and `checkpoints` hold fields by name; None and an absent field are the same: not known.
    `citations` are (citing, cited), `relations` (paper, kind, target), `links` (paper, hub id); `assignments`
    give each paper's primary node of the taxonomy. Checkpoints are named by `checkpoint_key`.
    """

    papers: dict[str, Facts] = field(default_factory=dict)
    citations: set[Pair] = field(default_factory=set)
    relations: set[Triple] = field(default_factory=set)
    assignments: dict[str, str] = field(default_factory=dict)
    checkpoints: dict[str, Facts] = field(default_factory=dict)
    links: set[Pair] = field(default_factory=set)

    @property
    def size(self) -> dict[str, int]:
        """How much of everything there is."""
        return {each.name: len(getattr(self, each.name)) for each in fields(self)}

    def to_blob(self) -> bytes:
        """The content as compressed JSON; equal contents give equal bytes."""
        parts = {each.name: getattr(self, each.name) for each in fields(self)}
        values = {name: sorted(part) if isinstance(part, set) else part for name, part in parts.items()}
        text = json.dumps(
            {"format": _FORMAT, **values}, sort_keys=True, separators=(",", ":"), allow_nan=False
        )
        return zlib.compress(text.encode(), 9)

    @classmethod
    def from_blob(cls, blob: bytes) -> "SnapshotContent":
        """The content that `to_blob` wrote. Raises LibraryDamaged where it cannot be read."""
        try:
            values = json.loads(zlib.decompress(blob))
            if values["format"] != _FORMAT:
                raise ValueError(f"format {values['format']!r}, allowed is {_FORMAT}")
            return cls(
                papers=values["papers"],
                citations={(citing, cited) for citing, cited in values["citations"]},
                relations={(paper, kind, target) for paper, kind, target in values["relations"]},
                assignments=values["assignments"],
                checkpoints=values["checkpoints"],
                links={(paper, hub_id) for paper, hub_id in values["links"]},
            )
        except (zlib.error, ValueError, KeyError, TypeError) as reason:
            raise LibraryDamaged(
                f"the content of a snapshot cannot be read ({reason}): compare other snapshots, "
                "or make a new one with 'vfm-atlas build'"
            ) from reason


@dataclass(frozen=True)
class FieldChange:
    """A field of a paper or checkpoint that is another than before; None is a fact not known."""

    key: str
    field: str
    before: Value
    after: Value


@dataclass(frozen=True)
class Difference:
    """What one content has and another has not, everything sorted.

    `new_papers` and `gone_papers` give titles by key. Fields, and places in the taxonomy (field "taxonomy"),
    are compared of papers that both contents have; so are fields of checkpoints.
    """

    new_papers: dict[str, str]
    gone_papers: dict[str, str]
    new_citations: tuple[Pair, ...]
    gone_citations: tuple[Pair, ...]
    new_relations: tuple[Triple, ...]
    gone_relations: tuple[Triple, ...]
    changed_fields: tuple[FieldChange, ...]
    moved_in_taxonomy: tuple[FieldChange, ...]
    new_checkpoints: tuple[str, ...]
    gone_checkpoints: tuple[str, ...]
    changed_checkpoints: tuple[FieldChange, ...]
    new_links: tuple[Pair, ...]
    gone_links: tuple[Pair, ...]

    @property
    def dead_checkpoints(self) -> tuple[str, ...]:
        """Checkpoints that their hub had and no longer has; their changed state is a changed field, too."""
        return tuple(
            change.key
            for change in self.changed_checkpoints
            if change.field == "state" and change.after == GONE
        )

    @property
    def is_empty(self) -> bool:
        """Whether nothing changed."""
        return not any(self.counts().values())

    def counts(self) -> dict[str, int]:
        """How much of each kind of change there is."""
        counts = {each.name: len(getattr(self, each.name)) for each in fields(self)}
        return counts | {"dead_checkpoints": len(self.dead_checkpoints)}


def compare(before: SnapshotContent, after: SnapshotContent) -> Difference:
    """What has to be done to `before` to make it `after`."""
    appeared = after.papers.keys() - before.papers.keys()
    vanished = before.papers.keys() - after.papers.keys()
    stayed = (before.assignments.keys() | after.assignments.keys()) - appeared - vanished
    places = (
        FieldChange(key, "taxonomy", before.assignments.get(key), after.assignments.get(key))
        for key in sorted(stayed)
    )
    return Difference(
        new_papers=_titles(after.papers, appeared),
        gone_papers=_titles(before.papers, vanished),
        new_citations=tuple(sorted(after.citations - before.citations)),
        gone_citations=tuple(sorted(before.citations - after.citations)),
        new_relations=tuple(sorted(after.relations - before.relations)),
        gone_relations=tuple(sorted(before.relations - after.relations)),
        changed_fields=_changes(before.papers, after.papers),
        moved_in_taxonomy=tuple(place for place in places if place.before != place.after),
        new_checkpoints=tuple(sorted(after.checkpoints.keys() - before.checkpoints.keys())),
        gone_checkpoints=tuple(sorted(before.checkpoints.keys() - after.checkpoints.keys())),
        changed_checkpoints=_changes(before.checkpoints, after.checkpoints),
        new_links=tuple(sorted(after.links - before.links)),
        gone_links=tuple(sorted(before.links - after.links)),
    )


def _titles(papers: Mapping[str, Facts], keys: Collection[str]) -> dict[str, str]:
    return {key: str(papers[key].get("title") or key) for key in sorted(keys)}


def _changes(before: Mapping[str, Facts], after: Mapping[str, Facts]) -> tuple[FieldChange, ...]:
    return tuple(
        chain.from_iterable(
            _changed(key, before[key], after[key]) for key in sorted(before.keys() & after.keys())
        )
    )


def _changed(key: str, before: Facts, after: Facts) -> Iterable[FieldChange]:
    for name in sorted(before.keys() | after.keys()):
        old, new = before.get(name), after.get(name)
        # True equals 1 in Python, but a flag and a number are different facts.
        if old != new or isinstance(old, bool) != isinstance(new, bool):
            yield FieldChange(key, name, old, new)
