"""The lexical index: one FTS5 table, stemmed (porter over unicode61), in the same file as the facts."""

import json
import re
from collections.abc import Collection, Iterable, Sequence
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

_RANKED = f"""
    SELECT rowid, -bm25({TABLE}, {", ".join(map(str, _WEIGHTS))}) AS score
    FROM {TABLE} WHERE {TABLE} MATCH :query {{allowed}} ORDER BY score DESC, rowid LIMIT :limit
    """  # noqa: S608  (names and numbers are constants)
_MATCH = text(_RANKED.format(allowed=""))
# The sign keeps SQLite from asking the index for one row after the other, which takes far longer.
_MATCH_ALLOWED = text(_RANKED.format(allowed="AND +rowid IN (SELECT value FROM json_each(:ids))"))
_ROWS = text(f"SELECT rowid FROM {TABLE} WHERE {TABLE} MATCH :query")  # noqa: S608
_SHARED = text(
    f"""
    SELECT {TABLE}.rowid, term.value FROM json_each(:terms) AS term
    JOIN {TABLE} ON {TABLE} MATCH '"' || term.value || '"'
    WHERE {TABLE}.rowid IN (SELECT value FROM json_each(:ids)) ORDER BY term.key
    """  # noqa: S608
)
_COUNT = text(
    f"SELECT count(*) FROM (SELECT 1 FROM {TABLE} WHERE {TABLE} MATCH :query LIMIT :limit)"  # noqa: S608
)
MOST_READ = 50_000
"""Papers that are looked at for the rarest words of a query; more frequent words then only add to scores."""


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


def any_of(terms: Iterable[str]) -> str:
    """The expression of the index for any of these words or phrases."""
    # Quoted: FTS5 would otherwise read AND, NEAR or a colon in a user's words as operators.
    return " OR ".join(f'"{term.replace(chr(34), " ")}"' for term in terms)


def match(session: Session, query: str, limit: int = -1) -> list[LexicalHit]:
    """Papers that contain any word of the query, best BM25 score first; all of them unless limited."""
    return [LexicalHit(*row) for row in scores(session, query_terms(query), limit).items()]


def scores(
    session: Session,
    terms: Sequence[str],
    limit: int = -1,
    *,
    allowed: Collection[int] | None = None,
    frequencies: dict[str, int] | None = None,
) -> dict[int, float]:
    """The BM25 score of the papers that contain any of the words, best first.

    Args:
        session: of the library.
        terms: words, as `query_terms` gives them.
        limit: how many papers at most.
        allowed: only these papers.
        frequencies: how many papers have a word, kept by the caller. With it, papers that have only frequent
            words may be left out of a large library: the rarest words choose the papers, as many as
            MOST_READ, and the others add to their scores.
    """
    if not terms:
        return {}
    query = any_of(terms) if frequencies is None else _bounded(session, terms, frequencies)
    asked: dict[str, object] = {"query": query, "limit": limit}
    if allowed is None:
        rows = session.execute(_MATCH, asked)
    else:
        rows = session.execute(_MATCH_ALLOWED, asked | {"ids": json.dumps([int(each) for each in allowed])})
    return dict(rows.all())


def _bounded(session: Session, terms: Sequence[str], frequencies: dict[str, int]) -> str:
    """An expression that chooses papers by the rarest words and scores them by all."""
    for term in terms:
        if term not in frequencies:
            asked = {"query": any_of([term]), "limit": MOST_READ + 1}
            frequencies[term] = session.scalar(_COUNT, asked) or 0
    left, choosing = MOST_READ, list[str]()
    for term in sorted(terms, key=lambda each: frequencies[each]):
        left -= frequencies[term]
        if choosing and left < 0:
            break
        choosing.append(term)
    others = [term for term in terms if term not in choosing]
    if not others:
        return any_of(terms)
    # The words that choose count twice so; leaving them out on the right would ask for one of the others.
    return f"({any_of(choosing)}) AND ({any_of([*choosing, *others])})"


def containing(session: Session, phrases: Iterable[str], column: str | None = None) -> set[int]:
    """Papers that contain all of the words or phrases, in a column (title, authors, ...) or anywhere."""
    where = f"{{{column}}} : " if column else ""
    query = " AND ".join(f"{where}{any_of([phrase])}" for phrase in phrases)
    return set(session.scalars(_ROWS, {"query": query}))


def containing_any(session: Session, phrases: Iterable[str]) -> set[int]:
    """Papers that contain one of the words or phrases."""
    return set(session.scalars(_ROWS, {"query": any_of(phrases)}))


def matched_terms(session: Session, query: str, paper_ids: Sequence[int]) -> dict[int, list[str]]:
    """Which words of the query each paper contains, stemming included."""
    found: dict[int, list[str]] = {paper_id: [] for paper_id in paper_ids}
    asked = {"terms": json.dumps(query_terms(query)), "ids": json.dumps([int(each) for each in paper_ids])}
    for paper_id, term in session.execute(_SHARED, asked):
        found[paper_id].append(term)
    return found
