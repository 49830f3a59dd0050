"""The sentences in which one paper cites another, where a source tells them."""

from sqlalchemy import select
from sqlalchemy.orm import Session, aliased

from graph.schema import Citation, Paper


def read_contexts(session: Session, key: str, *, citing: bool) -> dict[str, list[str]]:
    """The sentences around a paper's citations, each once, by the key of the other paper.

    With `citing` those in which the paper cites others, else those in which others cite it.
    """
    source, target = aliased(Paper), aliased(Paper)
    this, other = (source, target) if citing else (target, source)
    rows = session.execute(
        select(other.key, Citation.contexts)
        .select_from(Citation)
        .join(source, source.id == Citation.citing_id)
        .join(target, target.id == Citation.cited_id)
        .where(this.key == key, Citation.contexts.is_not(None))
        .order_by(other.key, Citation.source_id)
    )
    found: dict[str, list[str]] = {}
    for other_key, contexts in rows:
        found.setdefault(other_key, []).extend(contexts or ())
    return {other_key: list(dict.fromkeys(sentences)) for other_key, sentences in found.items() if sentences}
