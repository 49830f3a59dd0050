"""What is missing, paper by paper, and which origin each thing comes from."""

from collections.abc import Mapping
from dataclasses import dataclass

from sqlalchemy import ColumnElement, func, select
from sqlalchemy.orm import Session

from graph.errors import UnknownName
from graph.schema import Authorship, Citation, FieldValue, Identifier, Paper, Source

_LIST_READ = ("complete", "partial")


@dataclass(frozen=True)
class Missing:
    """A paper that lacks a fact."""

    key: str
    short_name: str
    title: str
    year: int | None


def facts() -> Mapping[str, ColumnElement[bool]]:
    """The facts that completeness is told of, each with the condition under which a paper has it."""
    with_authors = select(Authorship.paper_id)
    return {
        "summary": Paper.summary.is_not(None),
        "abstract": Paper.abstract.is_not(None),
        "authors": Paper.id.in_(with_authors),
        "venue": Paper.venue.is_not(None),
        "year": Paper.year.is_not(None),
        "arxiv_id": _has_identifier("arxiv"),
        "doi": _has_identifier("doi"),
        "reference_list": Paper.reference_list.in_(_LIST_READ),
    }


def _has_identifier(scheme: str) -> ColumnElement[bool]:
    return Paper.id.in_(select(Identifier.paper_id).where(Identifier.scheme == scheme))


def count_known(session: Session) -> dict[str, int]:
    """How many papers have each fact."""
    papers = select(func.count()).select_from(Paper)
    return {name: session.scalar(papers.where(has)) or 0 for name, has in facts().items()}


def papers_missing(session: Session, fact: str) -> list[Missing]:
    """The papers that lack a fact, newest first; raises UnknownName for a fact that nobody counts."""
    known = facts()
    if fact not in known:
        raise UnknownName("fact", fact, list(known), allowed=True)
    rows = (
        select(Paper.key, Paper.short_name, Paper.title, Paper.year)
        .where(~known[fact])
        .order_by(Paper.year.desc().nulls_last(), Paper.key)
    )
    return [Missing(*row) for row in session.execute(rows)]


def missing_of(session: Session, paper_id: int) -> list[str]:
    """The facts that one paper lacks."""
    paper = select(Paper.id).where(Paper.id == paper_id)
    return [name for name, has in facts().items() if session.scalar(paper.where(has)) is None]


def origins(session: Session) -> dict[str, dict[str, int]]:
    """For each field, how many papers each origin gives it for; citations count links."""
    rows = session.execute(
        select(FieldValue.field, Source.origin, func.count(FieldValue.paper_id.distinct()))
        .join(Source, Source.id == FieldValue.source_id)
        .group_by(FieldValue.field, Source.origin)
        .order_by(FieldValue.field, Source.origin)
    )
    told: dict[str, dict[str, int]] = {}
    for name, origin, count in rows:
        told.setdefault(name, {})[origin] = count
    links = session.execute(
        select(Source.origin, func.count())
        .select_from(Citation)
        .join(Source, Source.id == Citation.source_id)
        .group_by(Source.origin)
        .order_by(Source.origin)
    )
    told["citations"] = dict(links.all())
    return told
