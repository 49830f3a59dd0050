"""How near a text is to reference texts: BLEU and chrF, as counts that add up over a corpus."""

import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from evaluation.metrics.bootstrap import Statistic, Values

_WORD = re.compile(r"\w+|[^\w\s]")
_WORD_ORDER, _CHARACTER_ORDER, _BETA = 4, 6, 2.0


@dataclass(frozen=True)
class TextCounts:
    """Counts of one text: n-grams of words shared and had, lengths, and the same of characters.

    Attributes:
        words: shape (4, 2): n-grams that a reference has too, n-grams of the text.
        lengths: words of the text, and of the reference nearest in length.
        characters: shape (6, 3): shared n-grams, n-grams of the text, n-grams of the reference.
    """

    words: NDArray[np.int64]
    lengths: tuple[int, int]
    characters: NDArray[np.int64]


def words_of(text: str) -> list[str]:
    """Words and punctuation marks of a text, in small letters."""
    return _WORD.findall(text.lower())


def count(text: str, references: Sequence[str]) -> TextCounts:
    """Everything that BLEU and chrF need to know of one text and its references (at least one)."""
    words, others = words_of(text), [words_of(each) for each in references]
    shared = []
    for order in range(1, _WORD_ORDER + 1):
        ours = _grams(words, order)
        most: Counter[tuple[str, ...]] = Counter()
        for other in others:
            most |= _grams(other, order)
        shared.append((sum((ours & most).values()), sum(ours.values())))
    nearest = min((len(other) for other in others), key=lambda length: (abs(length - len(words)), length))
    characters = [_character_counts(text, reference) for reference in references]
    best = max(characters, key=lambda each: _f_score(each[None].astype(np.float64))[0])
    return TextCounts(np.array(shared), (len(words), nearest), best)


def bleu(counts: Sequence[TextCounts]) -> Statistic:
    """Corpus BLEU-4 between 0 and 1, without smoothing (Papineni et al., ACL 2002)."""
    words = np.array([each.words for each in counts], dtype=np.float64)
    lengths = np.array([each.lengths for each in counts], dtype=np.float64)

    def value(weights: Values) -> Values:
        sums = np.tensordot(weights, words, axes=1)
        shared, had = sums[..., 0], sums[..., 1]
        ours, theirs = (weights @ lengths).T
        precision = np.divide(shared, had, out=np.zeros_like(shared), where=had > 0)
        logs = np.log(np.where(precision > 0, precision, 1.0)).mean(axis=1)
        short = np.minimum(0.0, 1.0 - np.divide(theirs, ours, out=np.ones_like(ours), where=ours > 0))
        return np.asarray(np.where((precision > 0).all(axis=1), np.exp(logs + short), 0.0))

    return Statistic(len(counts), value)


def chrf(counts: Sequence[TextCounts]) -> Statistic:
    """Corpus chrF2 between 0 and 1 (Popović, WMT 2015); of several references the nearest counts."""
    characters = np.array([each.characters for each in counts], dtype=np.float64)
    return Statistic(len(counts), lambda weights: _f_score(np.tensordot(weights, characters, axes=1)))


def _character_counts(text: str, reference: str) -> NDArray[np.int64]:
    ours, theirs = ("".join(each.lower().split()) for each in (text, reference))
    rows = []
    for order in range(1, _CHARACTER_ORDER + 1):
        mine, other = _grams(ours, order), _grams(theirs, order)
        rows.append((sum((mine & other).values()), sum(mine.values()), sum(other.values())))
    return np.array(rows)


def _f_score(sums: Values) -> Values:
    """From counts of shape (rows, orders, 3); orders that one of the two is too short for are left out."""
    shared, ours, theirs = sums[..., 0], sums[..., 1], sums[..., 2]
    counted = (ours > 0) & (theirs > 0)
    orders = np.maximum(counted.sum(axis=1), 1)
    safe_ours, safe_theirs = np.where(counted, ours, 1.0), np.where(counted, theirs, 1.0)
    precision = np.where(counted, shared / safe_ours, 0.0).sum(axis=1) / orders
    recall = np.where(counted, shared / safe_theirs, 0.0).sum(axis=1) / orders
    below = _BETA**2 * precision + recall
    above = (1 + _BETA**2) * precision * recall
    return np.asarray(np.divide(above, below, out=np.zeros_like(above), where=below > 0))


def _grams(parts: Sequence[str], order: int) -> "Counter[tuple[str, ...]]":
    return Counter(tuple(parts[i : i + order]) for i in range(len(parts) - order + 1))
