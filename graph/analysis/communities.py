"""Communities of papers that cite one another, named by the terms that set their texts apart."""

import math
import random
import re
import threading
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sqlalchemy import select
from sqlalchemy.orm import Session

from graph.analysis.citegraph import CitationGraph
from graph.analysis.store import get_or_compute
from graph.library import Library
from graph.schema import Paper

SEED = 2312
TERMS = 5
VERSION = 1
"""Of what is computed here; raised when it gives other results."""
_GAIN = 1e-9
_IGRAPH_RNG = threading.Lock()

_WORD = re.compile(r"[a-z0-9][a-z0-9+-]*[a-z0-9]")
_STOP_WORDS = frozenset(
    """a about above across after again all allows almost along also although always among an and another
    any are around as at based be because been before being below best better between beyond both but by
    can cannot could current different do does done down due during each easily effective efficient
    either enable enables et al etc even every existing few first follow following follows for four from
    further gave give given gives good had has have having here high how however if in include includes
    including instead into introduce introduces is it its itself just key kind large larger later least
    less like low main make makes many may method methods might more most much multiple must near need
    needed needs neither new next no nor not novel now of often on once one only onto or other others
    our out over own paper papers per perform performs performance present presents previous propose
    proposed proposes provide provides put quite rather read require requires result results same say
    says see set several show shown shows significantly simple since single small so some state still
    study such take taken takes task tasks than that the their them then there therefore these they
    thing this those three through thus time to together too toward towards two under until up upon us
    use used uses using various very via want was way ways we well were what when where whether which
    while who whole whose why wide widely will with within without work works would yet""".split()
)
# These name nothing by themselves, only beside another word.
_WEAK_ALONE = frozenset(
    "approach data framework image images model models system systems train trained training".split()
)


@dataclass(frozen=True)
class Community:
    """A group of papers: its number, its most telling terms (best first) and its papers' keys."""

    number: int
    terms: tuple[str, ...]
    keys: tuple[str, ...]

    @property
    def label(self) -> str:
        """Three terms as a name; the first paper's key where the texts tell nothing."""
        return ", ".join(self.terms[:3]) or (self.keys[0] if self.keys else "")


@dataclass(frozen=True)
class Communities:
    """A division of n papers: `membership` (n,) int64 holds the number of each one's community.

    Community 0 is the largest; of equal ones the one with the smallest key comes first. `modularity` is NaN
    for a graph without links.
    """

    membership: NDArray[np.int64]
    modularity: float
    communities: tuple[Community, ...]

    def of(self, key: str) -> Community | None:
        """The community that a paper is in, None for a paper that is in none."""
        return next((each for each in self.communities if key in each.keys), None)


def find_communities(
    graph: CitationGraph,
    texts: Mapping[str, str] | None = None,
    *,
    resolution: float = 1.0,
    seed: int = SEED,
) -> Communities:
    """Divide the citation graph, its directions and double links dropped, by Leiden [1]_ and modularity [2]_.

    Parameters
    ----------
    graph : the citations.
    texts : a text per key, from which the communities get their terms (see `telling_terms`).
    resolution : above 1 for more and smaller communities.
    seed : of the random order in which nodes are visited; the same seed gives the same communities.

    Examples
    --------
    >>> graph = CitationGraph.from_edges("abcde", [("a", "b"), ("b", "c"), ("c", "a"), ("d", "e")])
    >>> [each.keys for each in find_communities(graph).communities]
    [('a', 'b', 'c'), ('d', 'e')]

    References
    ----------
    .. [1] Traag, Waltman, van Eck: From Louvain to Leiden: guaranteeing well-connected communities.
       Scientific Reports 9, 5233 (2019).
    .. [2] Newman, Girvan: Finding and evaluating community structure in networks. Phys. Rev. E 69 (2004).
    """
    ends = np.stack([graph.citing, graph.cited], axis=1)
    membership, modularity = leiden(len(graph), ends, resolution=resolution, seed=seed)
    count = int(membership.max(initial=-1)) + 1
    terms: list[tuple[str, ...]] = [()] * count
    if texts is not None:
        terms = telling_terms([texts.get(key, "") for key in graph.keys], membership)
    keys: list[list[str]] = [[] for _ in range(count)]
    for key, number in zip(graph.keys, membership.tolist(), strict=True):
        keys[number].append(key)
    communities = (Community(number, terms[number], tuple(keys[number])) for number in range(count))
    return Communities(membership, modularity, tuple(communities))


def read_communities(library: Library) -> Communities:
    """The communities of a library with their terms, computed once per snapshot."""

    def compute(session: Session) -> dict[str, Any]:
        found = find_communities(CitationGraph.read(session), read_texts(session))
        return {
            "modularity": found.modularity,
            "communities": [[each.terms, each.keys] for each in found.communities],
        }

    kept = get_or_compute(library, "communities", compute, version=VERSION)
    communities = tuple(
        Community(number, tuple(terms), tuple(keys))
        for number, (terms, keys) in enumerate(kept["communities"])
    )
    number_of = {key: each.number for each in communities for key in each.keys}
    membership = np.array([number_of[key] for key in sorted(number_of)], dtype=np.int64)
    return Communities(membership, kept["modularity"], communities)


def leiden(
    nodes: int,
    ends: NDArray[np.int64],
    weights: NDArray[np.float64] | None = None,
    *,
    resolution: float = 1.0,
    seed: int = SEED,
) -> tuple[NDArray[np.int64], float]:
    """Communities of any undirected graph, and their modularity.

    Of ten divisions of a small graph, which chance makes differ, the one of the best quality is taken. From
    20,000 links on there is one, and from 200,000 on it is improved in two rounds, which bring nearly all.

    Parameters
    ----------
    nodes : how many there are, n.
    ends : (m, 2) positions that are linked; loops are dropped and of double links only one is kept, with the
        sum of their weights.
    weights : (m,) positive; every distinct link counts 1 where there are none.
    resolution, seed : see `find_communities`.

    Returns
    -------
    (n,) int64 numbers, 0 for the largest community and of equal ones for that with the smallest position,
    and the modularity (resolution 1), NaN without links.
    """
    low, high = ends.min(axis=1, initial=nodes), ends.max(axis=1, initial=-1)
    inside = low != high
    links, place = np.unique(low[inside] * max(nodes, 1) + high[inside], return_inverse=True)
    if not len(links):
        return np.arange(nodes, dtype=np.int64), math.nan
    summed = None if weights is None else np.bincount(place, weights[inside]).tolist()
    import igraph

    starts, stops = np.divmod(links, nodes)
    linked = igraph.Graph(n=nodes, edges=list(zip(starts.tolist(), stops.tolist(), strict=True)))
    times, rounds = _effort(len(links))
    best: tuple[float, list[int]] = (-math.inf, [])
    with _IGRAPH_RNG:  # igraph has one source of random numbers per process
        igraph.set_random_number_generator(random.Random(seed))  # noqa: S311  (not a secret)
        try:
            for _ in range(times):
                found = linked.community_leiden(
                    "modularity", weights=summed, resolution=resolution, n_iterations=rounds
                )
                if found.quality > best[0] + _GAIN:
                    best = found.quality, found.membership
        finally:
            igraph.set_random_number_generator(random)
    modularity = float(linked.modularity(best[1], weights=summed))
    return _by_size(np.array(best[1], dtype=np.int64)), modularity


def _effort(links: int) -> tuple[int, int]:
    """How often to begin anew, and with how many rounds: less where a round takes seconds."""
    if links < 20_000:
        return 10, 20
    return (1, 20) if links < 200_000 else (1, 2)


def _by_size(membership: NDArray[np.int64]) -> NDArray[np.int64]:
    _names, first, inverse, sizes = np.unique(
        membership, return_index=True, return_inverse=True, return_counts=True
    )
    number = np.empty(len(sizes), dtype=np.int64)
    number[np.lexsort((first, -sizes))] = np.arange(len(sizes))
    return number[inverse]


def read_texts(session: Session) -> dict[str, str]:
    """Title and abstract, or summary where there is no abstract, of every paper by key."""
    rows = session.execute(select(Paper.key, Paper.title, Paper.abstract, Paper.summary))
    return {row.key: f"{row.title}. {row.abstract or row.summary or ''}" for row in rows}


def telling_terms(
    texts: Sequence[str], membership: NDArray[np.int64], most: int = TERMS
) -> list[tuple[str, ...]]:
    """The words and pairs of words that set the texts of each group apart, best first.

    A term t of group c weighs ``share(t, c) * log(1 + mean / papers(t))``, class-based TF-IDF [1]_ that
    counts papers in place of occurrences, so that a long text weighs no more than a short one: share(t, c) is
    the share of the group's papers with the term, papers(t) the number of all papers with it, and mean the
    sum of papers(t) over all terms divided by the number of groups. A term must stand in two papers of the
    group (in one where the group has one or two), and shares no word with a better one.

    Parameters
    ----------
    texts : n texts.
    membership : (n,) int64, the group of each text, 0 ... groups - 1.
    most : how many terms at most.

    References
    ----------
    .. [1] Grootendorst: BERTopic: Neural topic modeling with a class-based TF-IDF procedure.
       arXiv:2203.05794 (2022).
    """
    groups = int(membership.max(initial=-1)) + 1
    within: list[Counter[str]] = [Counter() for _ in range(groups)]
    spelling: dict[str, Counter[str]] = {}
    for text, group in zip(texts, membership.tolist(), strict=True):
        terms = dict(_terms(text))
        within[group].update(terms.keys())
        for term, spelt in terms.items():
            spelling.setdefault(term, Counter())[spelt] += 1
    sizes = np.bincount(membership, minlength=groups)
    mean = sum(written.total() for written in spelling.values()) / max(groups, 1)
    found = []
    for counts, size in zip(within, sizes.tolist(), strict=True):
        fewest = 2 if size > 2 else 1
        weights = {
            term: count / size * math.log1p(mean / spelling[term].total())
            for term, count in counts.items()
            if count >= fewest
        }
        found.append(_distinct(weights, spelling, most))
    return found


def _distinct(
    weights: Mapping[str, float], spelling: Mapping[str, Counter[str]], most: int
) -> tuple[str, ...]:
    chosen: list[str] = []
    taken: set[str] = set()
    # Of two that weigh the same the longer says more.
    for term in sorted(weights, key=lambda term: (-weights[term], -len(term), term)):
        words = set(term.split())
        if not words & taken:
            taken |= words
            chosen.append(min(spelling[term], key=lambda spelt: (-spelling[term][spelt], spelt)))
            if len(chosen) == most:
                break
    return tuple(chosen)


def _terms(text: str) -> Iterable[tuple[str, str]]:
    """Words and pairs of neighbouring words, as folded for comparison and as written (lower case)."""
    for sentence in re.split(r"[.,;:!?()]\s", text.lower()):
        words = [(_fold(word), word) for word in _WORD.findall(sentence)]
        yield from ((folded, word) for folded, word in words if _tells(word) and word not in _WEAK_ALONE)
        for (one, first), (other, second) in pairwise(words):
            if _tells(first) and _tells(second):
                yield f"{one} {other}", f"{first} {second}"


def _tells(word: str) -> bool:
    return len(word) > 2 and word not in _STOP_WORDS and not word.isdigit()


def _fold(word: str) -> str:
    """Singular and plural are one term."""
    return word[:-1] if word.endswith("s") and not word.endswith("ss") and len(word) > 3 else word
