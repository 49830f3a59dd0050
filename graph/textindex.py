"""The lexical index: one FTS5 table, stemmed (porter over unicode61), in the same file as the facts."""

import re
from dataclasses import dataclass

from sqlalchemy import text
from sqlalchemy.orm import Session

TABLE = "paper_text"
# bm25() weighs a hit in a title or a name above one in running text; untuned, order of magnitude only.
_WEIGHTS = (4.0, 4.0, 1.0, 1.0, 1.0)
_WORD = re.compile(r"\w+", re.UNICODE)
# Words that carry no topic; with OR semantics each of them would pull in every paper.
_STOP = frozenset(
    "a an and are as at be by can do does for from how i in into is it its me of on or over show that the "
    "their them these they this to use used using via we what when where which who why with you".split()
)

_FILL = text(
    f"""
    INSERT INTO {TABLE} (rowid, title, names, summary, abstract, authors)
    SELECT paper.id, paper.title,
           paper.short_name || ' ' || paper.key || ' ' || coalesce(
               (SELECT group_concat(alias.name, ' ') FROM alias WHERE alias.paper_id = paper.id), ''),
           coalesce(paper.summary, ''), coalesce(paper.abstract, ''),
           coalesce((SELECT group_concat(author.name, ' ') FROM authorship
                     JOIN author ON author.id = authorship.author_id
                     WHERE authorship.paper_id = paper.id), '')
    FROM paper
    """  # noqa: S608  (the table name is the constant above)
)

_MATCH = text(
    f"""
    SELECT rowid, -bm25({TABLE}, {", ".join(map(str, _WEIGHTS))}) AS score
    FROM {TABLE} WHERE {TABLE} MATCH :query ORDER BY score DESC, rowid LIMIT :limit
    """  # noqa: S608
)


@dataclass(frozen=True)
class LexicalHit:
    """A paper that contains words of the query; a higher BM25 score is better."""

    paper_id: int
    score: float


def rebuild(session: Session) -> None:
    """Write the index anew from the library's papers, in the caller's transaction."""
    session.execute(text(f"DELETE FROM {TABLE}"))  # noqa: S608
    session.execute(_FILL)


def query_terms(query: str) -> list[str]:
    """The words of a query that are searched for, lower-cased, each once; function words only if alone."""
    words = list(dict.fromkeys(word.lower() for word in _WORD.findall(query)))
    return [word for word in words if word not in _STOP] or words


def match(session: Session, query: str, limit: int = -1) -> list[LexicalHit]:
    """Papers that contain any word of the query, best BM25 score first; all of them unless limited."""
    terms = query_terms(query)
    if not terms:
        return []
    # Quoted: FTS5 would otherwise read AND, NEAR or a colon in a user's words as operators.
    expression = " OR ".join(f'"{term}"' for term in terms)
    rows = session.execute(_MATCH, {"query": expression, "limit": limit})
    return [LexicalHit(paper_id, score) for paper_id, score in rows]


def matched_terms(session: Session, query: str, paper_ids: list[int]) -> dict[int, list[str]]:
    """Which words of the query each paper contains, stemming included."""
    found: dict[int, list[str]] = {paper_id: [] for paper_id in paper_ids}
    ids = ",".join(str(int(paper_id)) for paper_id in paper_ids)
    for term in query_terms(query):
        rows = session.execute(
            text(f"SELECT rowid FROM {TABLE} WHERE {TABLE} MATCH :term AND rowid IN ({ids})"),  # noqa: S608
            {"term": f'"{term}"'},
        )
        for (paper_id,) in rows:
            found[paper_id].append(term)
    return found
