"""Every name in the library, read once per snapshot: which papers a text names, whole or by its versions.

Names are compared folded (graph.names.fold). A paper's names are its key, short name, aliases and title, and
what these carry inside: the part of a title before its colon (`DINO` of "DINO: DETR with ..."), a short name
without its bracket, what stands in the bracket, and any of them without a leading article.
"""

import re
from collections.abc import Iterable
from dataclasses import dataclass, field
from functools import cached_property

from sqlalchemy import select, text
from sqlalchemy.orm import Session

from graph.names import arxiv_id_of, doi_of, fold
from graph.schema import Checkpoint, CheckpointLink, Identifier, TaxonomyNode
from graph.snapshot import current_snapshot_id
from graph.textindex import TABLE

KEY, ARXIV, DOI, CHECKPOINT, NAME = "key", "arXiv id", "DOI", "checkpoint", "name"
"""How a text can name a paper."""

_BRACKET = re.compile(r"^(.+?)\s*\(([^()]+)\)\s*$")
# What a title calls its subject is short; "Towards robust depth estimation: ..." is no name.
_SUBJECT_WORDS = 4
_VERSIONED = re.compile(r"^(.*[^\W\d])(?<!v)v?(\d{1,2})$")
_HUB_ID = re.compile(r"^(?:(?:https?://)?(?:www\.)?(?:huggingface\.co|hf\.co)/)?([\w.-]+/[\w.-]+)/?$")
_LINK_END = re.compile(r"[)\]>.,;:!?]+$")

_REMEMBERED = 10_000
_BEGINNING = 4
_SEEN = 200
_USED = text(
    f"SELECT rowid, title, summary, abstract FROM {TABLE} WHERE {TABLE} MATCH :words LIMIT {_SEEN}"  # noqa: S608
)


@dataclass(frozen=True)
class Named:
    """A paper that a text names, and how: `key`, `arXiv id`, `DOI`, `checkpoint` or `name`."""

    paper_id: int
    kind: str


@dataclass(frozen=True, slots=True)
class Spelling:
    """A name as its paper spells it; `exact` unless it is only a part of a name."""

    text: str
    paper_id: int
    exact: bool


@dataclass(frozen=True)
class Use:
    """How other papers use the words of a name.

    `is_ordinary`: some write them in small letters, so that they are no sign of the name: people say `flow
    matching` and `align`, but write `imagebind` for nothing else. `papers`: how many have the words at all.
    """

    is_ordinary: bool
    papers: int


@dataclass
class NameTable:
    """The names of one snapshot. Ask `load` again when the library's snapshot is another one."""

    snapshot: str | None
    keys: dict[int, str]
    short_names: dict[int, str]
    titles: dict[int, str]
    spellings: dict[str, list[Spelling]]
    labels: dict[str, str]
    _uses: dict[str, Use] = field(default_factory=dict)
    _hub_ids: dict[str, list[int]] | None = None

    @classmethod
    def load(cls, session: Session) -> "NameTable":
        """Read all names: one pass over papers and aliases."""
        index = cls(current_snapshot_id(session), {}, {}, {}, {}, {})
        for paper_id, key, short_name, title in session.execute(
            text("SELECT id, key, short_name, title FROM paper ORDER BY id")
        ):
            index.keys[paper_id], index.short_names[paper_id] = key, short_name
            index.titles[paper_id] = title
            for name in (key, short_name, title):
                index._add(name, paper_id, exact=True)
        for paper_id, name in session.execute(text("SELECT paper_id, name FROM alias ORDER BY folded")):
            index._add(name, paper_id, exact=True)
        for paper_id, title in index.titles.items():
            for part in _parts(index.short_names[paper_id], title):
                index._add(part, paper_id, exact=False)
        for spelling in [each for spellings in index.spellings.values() for each in spellings]:
            article, _, rest = spelling.text.partition(" ")
            if article.lower() in ("a", "an", "the") and rest:
                index._add(rest, spelling.paper_id, exact=False)
        nodes = select(TaxonomyNode.id, TaxonomyNode.label).where(TaxonomyNode.parent_id.is_not(None))
        index.labels.update(session.execute(nodes).all())
        return index

    def _add(self, name: str, paper_id: int, *, exact: bool) -> None:
        folded = fold(name)
        if folded:
            known = self.spellings.setdefault(folded, [])
            if exact or all(each.paper_id != paper_id for each in known):
                known.append(Spelling(name, paper_id, exact))

    def papers(self, folded: str) -> list[int]:
        """Papers with exactly this folded name; those that carry it whole before those that carry it inside.

        Versions may be written in any way: `SAM v2`, `SAM II` and `SAM2` are one name, `SAM 1` is `SAM` where
        no other paper has that name. `SAM2` is never `SAM`.
        """
        found = self.spellings.get(folded)
        if found is None and folded[-1:].isdigit():
            plain = _plain_version(folded)
            found = self._versions.get(plain) if plain else None
            # Only of what has later versions: `BLIP 1` is the first BLIP, but nobody wrote `CFG 2`.
            if found is None and plain and plain.endswith("1") and plain[:-1] + "2" in self._versions:
                found = self.spellings.get(plain[:-1])
        if not found:
            return []
        return list(dict.fromkeys(each.paper_id for each in sorted(found, key=lambda each: not each.exact)))

    def is_spelled(self, written: str, folded: str) -> bool:
        """Whether a name of the library is written exactly so, capitals included."""
        return any(each.text == written for each in self.spellings.get(folded, ()))

    def is_whole(self, folded: str) -> bool:
        """Whether it is a name, not only a part of one."""
        return any(each.exact for each in self.spellings.get(folded, ())) or folded not in self.spellings

    def spelled(self, folded: str) -> str:
        """How a folded name is written: as a short name, alias or title where it is one, not as the key."""
        spellings = self.spellings[folded]
        return next(
            (each.text for each in spellings if each.text != self.keys[each.paper_id]), spellings[0].text
        )

    def may_begin(self, folded: str) -> bool:
        """Whether a name may begin like this (folded) text; False is certain."""
        return any(
            folded[:length] in self._beginnings for length in range(min(len(folded), _BEGINNING), 0, -1)
        )

    @cached_property
    def _beginnings(self) -> frozenset[str]:
        return frozenset(folded[:_BEGINNING] for folded in self.spellings)

    @cached_property
    def words(self) -> frozenset[str]:
        """Every word of a name or title, lower-cased: these are not mistyped."""
        return frozenset(
            word
            for spellings in self.spellings.values()
            for each in spellings
            for word in re.findall(r"[^\W_]+", each.text.lower())
        )

    @cached_property
    def _versions(self) -> dict[str, list[Spelling]]:
        """Names that end in a version, by the name with the bare number."""
        found: dict[str, list[Spelling]] = {}
        for folded, spellings in self.spellings.items():
            plain = _plain_version(folded) if folded[-1].isdigit() else None
            if plain is not None:
                found.setdefault(plain, []).extend(spellings)
        return found

    def use(self, session: Session, name: str, owners: Iterable[int]) -> Use:
        """How papers that do not bear this name use its words."""
        lowered = name.lower()
        known = self._uses.get(lowered)
        if known is None:
            if len(self._uses) > _REMEMBERED:
                self._uses.clear()
            known = self._uses[lowered] = _read_use(session, lowered, set(owners))
        return known

    def identified(self, session: Session, query: str) -> tuple[list[Named], str, bool]:
        """Papers that identifiers in a text name: an arXiv id, a DOI, a link to either, a hub id.

        With them the text that is left, and whether there was an identifier at all: one that no paper has
        names none, and is no word to search for either.
        """
        found: list[Named] = []
        left: list[str] = []
        for word in query.split():
            part = _LINK_END.sub("", word.lstrip("(<["))
            kind, papers = self._identifier(session, part) if "." in part or "/" in part else ("", [])
            found += [Named(paper_id, kind) for paper_id in papers]
            if not kind:
                left.append(word)
        return list(dict.fromkeys(found)), " ".join(left), len(left) < len(query.split())

    def _identifier(self, session: Session, part: str) -> tuple[str, list[int]]:
        """The kind of identifier that a word is, empty for none, and the papers that have it."""
        missing = ""
        for kind, scheme, value in ((ARXIV, "arxiv", arxiv_id_of(part)), (DOI, "doi", doi_of(part))):
            if value is None:
                continue
            rows = select(Identifier.paper_id).where(Identifier.scheme == scheme, Identifier.value == value)
            papers = list(session.scalars(rows))
            if papers or kind == DOI:  # arXiv's own DOIs are arXiv ids, and published ones have both forms
                return kind, papers
            missing = kind
        if missing:
            return missing, []
        hub_id = _HUB_ID.match(part)
        papers = self._hub(session).get(hub_id[1].lower(), []) if hub_id else []
        return (CHECKPOINT, papers) if papers else ("", [])

    def _hub(self, session: Session) -> dict[str, list[int]]:
        if self._hub_ids is None:
            rows = (
                select(Checkpoint.hub_id, CheckpointLink.paper_id)
                .join(CheckpointLink, CheckpointLink.checkpoint_id == Checkpoint.id)
                .order_by(CheckpointLink.position)
            )
            papers: dict[str, list[int]] = {}
            for hub_id, paper_id in session.execute(rows):
                papers.setdefault(hub_id.lower(), []).append(paper_id)
            self._hub_ids = papers  # whole: threads share it
        return self._hub_ids


def _read_use(session: Session, lowered: str, owners: set[int]) -> Use:
    words = re.findall(r"[^\W_]+", lowered)
    if not words:
        return Use(False, 0)
    spelled_small = re.compile(r"(?<![\w-])" + r"[\s-]".join(map(re.escape, words)) + r"(?![\w-])")
    rows = session.execute(_USED, {"words": '"' + " ".join(words) + '"'})
    others = [parts for paper_id, *parts in rows if paper_id not in owners]
    ordinary = any(spelled_small.search(part) for parts in others for part in parts if part)
    return Use(ordinary, len(others))


def _parts(short_name: str, title: str) -> Iterable[str]:
    """Names inside a short name and a title."""
    bracket = _BRACKET.match(short_name)
    # A year in brackets tells apart what has no other name: "Diffusion (2015)" is not called "Diffusion".
    if bracket and not bracket[2].isdigit():
        yield from bracket.groups()
    subject, colon, _ = title.partition(": ")
    if colon and len(subject.split()) <= _SUBJECT_WORDS:
        yield subject
        bracket = _BRACKET.match(subject)
        if bracket:
            yield from bracket.groups()


def _plain_version(folded: str) -> str | None:
    """A folded name that ends in a version, with the bare number: `beitv2` and `beit2` are `beit2`."""
    found = _VERSIONED.match(folded)
    if found:
        return found[1] + found[2]
    return None
