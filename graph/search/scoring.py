"""The score of what was found, in the parts that `Why.parts` tells."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from sqlalchemy.orm import Session

from graph import fusion
from graph.search.conditions import meeting
from graph.search.kept import Kept
from graph.search.nametable import KEY
from graph.search.understanding import Understanding
from graph.vectors import VectorIndex

# A paper that is named stands above whatever the other parts add up to; one whose name or key is the whole
# query above those that carry it as a part of theirs.
NAME, WHOLE_NAME, KEY_ITSELF = 2.0, 1.0, 1.0
FAMILY, ON_NODE = 0.2, 0.15
# A paper that does not meet what the words ask for stands below one that does, unless it fits far better.
CONDITION, UNSURE = 0.5, 0.25

Parts = dict[str, NDArray[np.float64]]


@dataclass(frozen=True)
class Found:
    """Papers found: ids in rising order, the parts of their scores, and cosines (NaN where there is none)."""

    ids: NDArray[np.int64]
    parts: Parts
    cosines: NDArray[np.float64]

    @property
    def scores(self) -> NDArray[np.float64]:
        """The sums of the parts."""
        return _sum(self.parts)

    def kept(self, mask: NDArray[np.bool_]) -> "Found":
        """Some of them."""
        parts = {name: values[mask] for name, values in self.parts.items()}
        return Found(self.ids[mask], parts, self.cosines[mask])


@dataclass(frozen=True)
class Meaning:
    """The library's vectors, the query's, and the cosines of the papers nearest to it."""

    index: VectorIndex
    vector: NDArray[np.float32]
    near: Mapping[int, float]


def score(
    session: Session,
    kept: Kept,
    lexical: Mapping[int, float] | None,
    meaning: Meaning | None,
    others: Collection[int],
) -> Found:
    """Score papers by words (`lexical`, BM25 scores), by meaning, or by both.

    `others` are papers that take part whatever these say.
    """
    words_of, near = lexical or {}, meaning.near if meaning else {}
    ids = np.array(sorted({*words_of, *near, *others}), dtype=np.int64)
    words = np.array([words_of.get(each, 0.0) for each in ids.tolist()], dtype=np.float64)
    if meaning is None:
        return Found(ids, {"lexical": fusion.share(1.0, words)}, np.full(len(ids), np.nan))
    index, vector = meaning.index, meaning.vector
    cosines = index.similarities(vector, ids)
    if lexical is None:
        return Found(ids, {"dense": fusion.share(1.0, np.nan_to_num(cosines))}, cosines)
    parts = {
        "lexical": fusion.share(fusion.LEXICAL, words),
        "dense": fusion.share(fusion.DENSE, np.nan_to_num(cosines)),
        "cited": fusion.share(fusion.CITED, np.log1p(kept.cited(session, ids))),
    }
    first = np.argsort(-_sum(parts), kind="stable")[: fusion.FEEDBACK_PAPERS]
    nearer = fusion.moved(vector, index.of_all(ids[first]))
    parts["dense"] = fusion.share(fusion.DENSE, np.nan_to_num(index.similarities(nearer, ids)))
    members, nodes = kept.nodes(session, ids)
    parts["node"] = fusion.share(fusion.NODE, fusion.by_group(_sum(parts), members, nodes))
    return Found(ids, parts, cosines)


def lift(
    session: Session,
    found: Found,
    understood: Understanding,
    *,
    called: Collection[int] = (),
    on_nodes: Collection[int] = (),
) -> None:
    """Add what the query names: papers, families, nodes, conditions.

    `called` are papers of which the whole query is a name, `on_nodes` those of the nodes named.
    """
    parts = found.parts
    meets: Collection[int] = ()
    may_meet: Collection[int] = ()
    if understood.conditions:
        meets, may_meet = meeting(session, understood.conditions, found.ids.tolist())
    groups = (
        ("name", NAME, understood.named.keys()),
        ("name", WHOLE_NAME, understood.named.keys() & set(called)),
        ("name", KEY_ITSELF, [each for each, kind in understood.named.items() if kind == KEY]),
        ("family", FAMILY, understood.family),
        ("node", ON_NODE, on_nodes),
        ("condition", CONDITION, meets),
        ("condition", UNSURE, may_meet),
    )
    for name, weight, papers in groups:
        if papers:
            added = weight * np.isin(found.ids, np.fromiter(papers, dtype=np.int64, count=len(papers)))
            parts[name] = parts.get(name, np.zeros(len(found.ids))) + added


def _sum(parts: Parts) -> NDArray[np.float64]:
    total: NDArray[np.float64] = np.sum(list(parts.values()), axis=0)
    return total
