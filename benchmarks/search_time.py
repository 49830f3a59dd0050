"""A warm query, by words and hybrid, against a Python loop over all records held in memory."""

from collections.abc import Sequence
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
from numpy.typing import NDArray
from sqlalchemy import select

from benchmarks.comparison import Comparison, in_turn
from graph.encoder import Encoder, Model
from graph.library import Library
from graph.papers import read_card
from graph.query_encoder import QueryEncoder, stored_samples
from graph.schema import Paper
from graph.search import Mode, Search
from graph.textindex import query_terms
from ingest.build import build_shipped

ALTERNATIVE = "a Python loop that counts the query's words in every record"
QUERIES = (
    "promptable segmentation",
    "diffusion model as a zero-shot classifier",
    "learn from masked images",
    "text to image generation with spatial control",
    "open vocabulary object detection",
    "contrastive image text pretraining",
    "synthetic training data for recognition",
    "one model that understands and generates images",
    "depth estimation in the wild",
    "SAM",
)
_SHOWN = 10


def measure(pairs: int) -> list[Comparison]:
    """Each query as often as said, in every mode; model, vectors and records are loaded before."""
    with TemporaryDirectory() as folder, Library.create(Path(folder) / "library.sqlite") as library:
        build_shipped(library)
        encoder = QueryEncoder(None, stored_samples(library))
        records = _records(library)
        search, encoded = Search(library, encoder), Search(library, _Encoded(encoder))
        return [
            _compare("search, hybrid", search, "hybrid", records, pairs, most_seconds=0.015),
            _compare("the same, query encoded before", encoded, "hybrid", records, pairs, most_seconds=0.003),
            _compare("search, lexical", search, "lexical", records, pairs),
            _compare("search, dense", search, "dense", records, pairs),
        ]


class _Encoded:
    """Encodes each text once."""

    def __init__(self, encoder: Encoder) -> None:
        self._encoder = encoder
        self._known: dict[str, NDArray[np.float32]] = {}

    @property
    def model(self) -> Model:
        return self._encoder.model

    def encode(self, texts: Sequence[str]) -> NDArray[np.float32]:
        for text in texts:
            if text not in self._known:
                self._known[text] = self._encoder.encode([text])[0]
        return np.stack([self._known[text] for text in texts])


def _compare(
    what: str,
    search: Search,
    mode: Mode,
    records: dict[str, str],
    pairs: int,
    *,
    most_seconds: float | None = None,
) -> Comparison:
    ours: list[float] = []
    theirs: list[float] = []
    for query in QUERIES:
        asked = partial(search.search, query, mode=mode, limit=_SHOWN)
        asked()  # the first query of a kind loads what the later ones use
        times = in_turn(asked, partial(scan, records, query), pairs)
        ours += times[0]
        theirs += times[1]
    return Comparison(what, ALTERNATIVE, ours, theirs, most_seconds=most_seconds)


def scan(records: dict[str, str], query: str) -> list[str]:
    """Keys of the records that hold most of the query's words, neither stemmed nor weighted."""
    terms = query_terms(query)
    counts = {key: sum(text.count(term) for term in terms) for key, text in records.items()}
    found = [key for key, count in counts.items() if count]
    return sorted(found, key=lambda key: (-counts[key], key))[:_SHOWN]


def _records(library: Library) -> dict[str, str]:
    """The lower-cased text of every paper: title, names, summary, authors."""
    with library.reading() as session:
        cards = [read_card(session, key) for key in session.scalars(select(Paper.key))]
    return {
        card.key: " ".join(
            [card.title, card.short_name, *card.aliases, card.summary or "", *card.authors]
        ).lower()
        for card in cards
    }
