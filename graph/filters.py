"""Which papers take part: the filters that search, lists and exports share."""

import re
from dataclasses import dataclass

from sqlalchemy import ColumnElement, Select, exists, select
from sqlalchemy.orm import InstrumentedAttribute, Session

from graph.errors import QueryError, UnknownName
from graph.names import fold
from graph.schema import Assignment, CheckpointLink, CollectionItem, Paper, TaxonomyNode
from graph.shelf import collection_named

_OF_YEAR = re.compile(r"\W*\b(?:19|20)\d\d.*$")
_YEARS = re.compile(r"^(\d{4})?(?:(:)(\d{4})?)?$")


@dataclass(frozen=True)
class Filters:
    """Conditions that all hold for a paper; the default lets every paper through.

    Attributes:
        pillar: a branch below the root of the taxonomy, compared with the paper's primary node.
        taxonomy: a node, by id or label; papers under it or its descendants, primarily or secondarily.
        years: first and last year, either may be None; papers without a known year fall out.
        has_checkpoint: only papers with a linked checkpoint.
        core_only: only the papers that the catalogue calls core.
        has_abstract: only papers whose abstract is in the library.
        has_code: only papers with the address of their code.
        collection: only papers of this reading list.
        venue: only papers published there, with or without the year: `CVPR`, `CVPR 2023`.
    """

    pillar: str | None = None
    taxonomy: str | None = None
    years: tuple[int | None, int | None] = (None, None)
    has_checkpoint: bool = False
    core_only: bool = False
    has_abstract: bool = False
    has_code: bool = False
    collection: str | None = None
    venue: str | None = None

    def __bool__(self) -> bool:
        return self != Filters()


def parse_years(text: str) -> tuple[int | None, int | None]:
    """`2020:2022`, `2020:`, `:2022` or `2021` as first and last year; raises QueryError."""
    found = _YEARS.match(text.strip())
    if not found or not (found.group(1) or found.group(3)):
        raise QueryError(
            f"cannot read the years {text!r}: A:B, A:, :B or one year is allowed, such as 2020:2023"
        )
    first = int(found.group(1)) if found.group(1) else None
    last = int(found.group(3)) if found.group(3) else (None if found.group(2) else first)
    if first is not None and last is not None and first > last:
        raise QueryError(f"the years {text!r} run backwards: write {last}:{first}")
    return first, last


def allowed_ids(session: Session, filters: Filters) -> set[int] | None:
    """Ids of the papers that pass, None when all do; UnknownName for a name that is none."""
    if not filters:
        return None
    return set(session.scalars(_conditions(session, filters)))


def _conditions(session: Session, filters: Filters) -> Select[int]:
    chosen = select(Paper.id)
    if filters.pillar is not None:
        node = _branch(session, filters.pillar)
        chosen = chosen.where(_assigned(TaxonomyNode.pillar == node, Assignment.is_primary))
    if filters.taxonomy is not None:
        chosen = chosen.where(_assigned(TaxonomyNode.id.in_(descendants(session, filters.taxonomy))))
    first, last = filters.years
    if first is not None:
        chosen = chosen.where(Paper.year >= first)
    if last is not None:
        chosen = chosen.where(Paper.year <= last)
    if filters.has_checkpoint:
        chosen = chosen.where(exists().where(CheckpointLink.paper_id == Paper.id))
    if filters.core_only:
        chosen = chosen.where(Paper.is_core)
    if filters.has_abstract:
        chosen = chosen.where(Paper.abstract.is_not(None))
    if filters.has_code:
        chosen = chosen.where(Paper.code_url.is_not(None))
    if filters.collection is not None:
        shelf = collection_named(session, filters.collection)
        items = select(CollectionItem.paper_id).where(CollectionItem.collection_id == shelf.id)
        chosen = chosen.where(Paper.id.in_(items))
    if filters.venue is not None:
        chosen = chosen.where(Paper.venue.in_(venues_like(session, filters.venue)))
    return chosen


def _assigned(*conditions: ColumnElement[bool] | InstrumentedAttribute[bool]) -> ColumnElement[bool]:
    joined = exists().where(Assignment.paper_id == Paper.id, Assignment.node_id == TaxonomyNode.id)
    return joined.where(*conditions)


def _branch(session: Session, pillar: str) -> str:
    pillars = pillars_of(session)
    if pillar not in pillars:
        raise UnknownName("pillar", pillar, pillars, allowed=True)
    return pillar


def pillars_of(session: Session) -> list[str]:
    """The branches below the root, in the order of the taxonomy."""
    rows = (
        select(TaxonomyNode.id).where(TaxonomyNode.id == TaxonomyNode.pillar).order_by(TaxonomyNode.position)
    )
    return list(session.scalars(rows))


def venues_like(session: Session, name: str) -> list[str]:
    """The venues that a name stands for: `cvpr` for CVPR of any year. UnknownName lists the nearest."""
    import difflib

    rows = session.scalars(select(Paper.venue).where(Paper.venue.is_not(None)).distinct())
    known = [venue for venue in rows if venue]
    found = [venue for venue in known if is_venue(venue, name)]
    if not found:
        series = sorted({series_of(venue) for venue in known})
        near = difflib.get_close_matches(name.upper(), series, n=5, cutoff=0.4)
        raise UnknownName("venue", name, near or series[:10], allowed=not near)
    return found


def is_venue(venue: str, name: str) -> bool:
    """Whether a venue is the named one, or that of one of its years."""
    return f"{venue} ".lower().startswith(f"{' '.join(name.split())} ".lower())


def series_of(venue: str) -> str:
    """A venue without its year."""
    return _OF_YEAR.sub("", venue)


def descendants(session: Session, node_id: str) -> list[str]:
    """A taxonomy node, by its id or its label, and everything below it; UnknownName lists the nearest ids."""
    import difflib

    children: dict[str | None, list[str]] = {}
    labels: dict[str, str] = {}
    for child, parent, label in session.execute(
        select(TaxonomyNode.id, TaxonomyNode.parent_id, TaxonomyNode.label)
    ):
        children.setdefault(parent, []).append(child)
        labels.setdefault(fold(label), child)
    known = [child for group in children.values() for child in group]
    if node_id not in known:
        node_id = labels.get(fold(node_id), node_id)
    if node_id not in known:
        near = difflib.get_close_matches(node_id, known, n=5, cutoff=0.4)
        raise UnknownName("taxonomy node", node_id, near, "'vfm-atlas taxonomy' lists all")
    found, queue = [], [node_id]
    while queue:
        at = queue.pop()
        found.append(at)
        queue.extend(children.get(at, ()))
    return found
