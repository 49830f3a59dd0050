"""Finding a paper by any of its names: key, arXiv id, DOI, short name, alias or full title."""

import difflib

from sqlalchemy import Row, select
from sqlalchemy.orm import Session

from graph.errors import UnknownName
from graph.names import arxiv_id_of, doi_of, fold, is_text
from graph.schema import Alias, Identifier, Paper

_NEAREST = 5


def find_paper(session: Session, name: str) -> Paper:
    """The paper that a name denotes; UnknownName lists the nearest names otherwise."""
    found = papers_named(session, name)
    if len(found) == 1:
        return found[0]
    if found:
        keys = sorted(paper.key for paper in found)
        raise UnknownName("single paper", name, keys, "use one of these keys", allowed=True)
    raise UnknownName("paper", name, nearest_names(session, name), "'vfm-atlas search' finds papers by topic")


def papers_named(session: Session, name: str) -> list[Paper]:
    """Every paper with exactly this name; keys and identifiers win over short names, aliases and titles."""
    name = name.strip()
    if not is_text(name):
        return []
    by_key = session.scalar(select(Paper).where(Paper.key == name))
    if by_key is not None:
        return [by_key]
    for scheme, value in (("arxiv", arxiv_id_of(name)), ("doi", doi_of(name))):
        if value is not None:
            rows = (
                select(Paper).join(Identifier).where(Identifier.scheme == scheme, Identifier.value == value)
            )
            found = list(session.scalars(rows))
            if found:
                return found
    folded = fold(name)
    if not folded:
        return []
    ids = {paper_id for paper_id, *names in _names(session) if folded in map(fold, names)}
    aliases = session.scalars(select(Alias.paper_id).where(Alias.folded == folded))
    return list(session.scalars(select(Paper).where(Paper.id.in_(ids | set(aliases))).order_by(Paper.id)))


def nearest_names(session: Session, name: str, limit: int = _NEAREST) -> list[str]:
    """Keys of the papers whose key, short name, alias or title is spelled most like a name."""
    owners: dict[str, str] = {}
    keys = dict(session.execute(select(Paper.id, Paper.key)).all())
    for paper_id, *names in _names(session):
        for spelling in names:
            owners.setdefault(fold(spelling), keys[paper_id])
    for alias in session.scalars(select(Alias)):
        owners.setdefault(alias.folded, keys[alias.paper_id])
    near = difflib.get_close_matches(fold(name), owners, n=2 * limit, cutoff=0.6)
    return list(dict.fromkeys(owners[spelling] for spelling in near))[:limit]


def _names(session: Session) -> list[Row[int, str, str, str]]:
    columns = select(Paper.id, Paper.key, Paper.short_name, Paper.title)
    return list(session.execute(columns))
