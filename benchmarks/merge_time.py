"""Finding which records are of one work, against comparing each record with each of the other source."""

import random
import time
from collections.abc import Sequence

from benchmarks.comparison import Comparison, in_turn
from graph.names import fold
from ingest.identity import Node, find_works
from ingest.record import WorkId

ALTERNATIVE = "each record against each of the other source until one matches, as litstudy's union does"
COMPARED = 600
"""Records of each source in the comparison: the alternative's time grows with the square of it."""
LARGE = 3_000

_WORDS = (
    "adaptive attention captioning contrastive convolutional dense detection diffusion distillation "
    "efficient embedding foundation generation generative grounding guidance image language large latent "
    "masked matching model multimodal network open promptable representation scalable segmentation self "
    "supervised tokens transformer unified universal video vision visual vocabulary zero shot"
).split()


def measure(pairs: int) -> list[Comparison]:
    """Two sources that describe the same works, as often as said; and CPU time of larger ones, once."""
    one, other = two_sources(COMPARED)
    expected = {(first, COMPARED + second) for first, second in compare_pairwise(one, other)}
    found = {tuple(members) for members in find_works([*one, *other]).members if len(members) > 1}
    if found != expected:
        raise RuntimeError("the two ways do not find the same works: their times cannot be compared")
    times = in_turn(lambda: find_works([*one, *other]), lambda: compare_pairwise(one, other), pairs)
    large = [node for nodes in two_sources(LARGE) for node in nodes]
    begin = time.process_time()
    works = find_works(large).members
    spent = time.process_time() - begin
    print(f"{LARGE:,} + {LARGE:,} records: {len(works):,} works in {spent:.3f} s of CPU time\n")
    what = f"which of {COMPARED} + {COMPARED} records are of one work"
    return [Comparison(what, ALTERNATIVE, *times)]


def two_sources(number: int) -> tuple[list[Node], list[Node]]:
    """As many records of a preprint server as of a publisher; nine in ten of them of the same works.

    Of these, half share an arXiv id; the others have only title, first author and year in common.
    """
    draw = random.Random(1)
    one: list[Node] = []
    other: list[Node] = []
    for work in range(number):
        title = " ".join([*draw.choices(_WORDS, k=8), str(work)])
        author = f"Given Family{draw.randrange(number)}"
        year = draw.randrange(2012, 2025)
        arxiv, doi = WorkId("arxiv", f"2301.{work:05}"), WorkId("doi", f"10.1000/{work}")
        one.append(Node(f"preprint {work}", (arxiv,), title, author, year))
        if work % 10 == 0:
            other.append(Node(f"published {work}", (doi,), f"Another {title}", author, year))
        else:
            ids = (arxiv, doi) if work % 2 else (doi,)
            other.append(Node(f"published {work}", ids, title.title(), author, year + 1))
    draw.shuffle(other)
    return one, other


def compare_pairwise(one: Sequence[Node], other: Sequence[Node]) -> list[tuple[int, int]]:
    """Pairs of records that match: whose common ids agree, or whose titles do where none is common.

    Cheaper than in litstudy, which compares titles by similarity: here they are folded beforehand.
    """
    left, right = _described(one), _described(other)
    found = []
    for first, (ids, title) in enumerate(left):
        for second, (known, name) in enumerate(right):
            common = ids.keys() & known.keys()
            if all(ids[scheme] == known[scheme] for scheme in common) if common else title == name:
                found.append((first, second))
                break
    return found


def _described(nodes: Sequence[Node]) -> list[tuple[dict[str, str], str]]:
    return [({each.scheme: each.value for each in node.ids}, fold(node.title)) for node in nodes]
