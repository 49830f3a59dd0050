"""A warm query, by words and hybrid, against a Python loop over all records held in memory."""

from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory

from sqlalchemy import select

from benchmarks.comparison import Comparison, in_turn
from graph.encoder import SentenceEncoder
from graph.library import Library
from graph.papers import read_card
from graph.schema import Paper
from graph.search import MODES, Mode, Search
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
        search = Search(library, SentenceEncoder())
        records = _records(library)
        return [_compare(search, mode, records, pairs) for mode in MODES]


def _compare(search: Search, mode: Mode, records: dict[str, str], pairs: int) -> Comparison:
    ours: list[float] = []
    theirs: list[float] = []
    for query in QUERIES:
        asked = partial(search.search, query, mode=mode, limit=_SHOWN)
        asked()  # the first query of a kind loads what the later ones use
        times = in_turn(asked, partial(scan, records, query), pairs)
        ours += times[0]
        theirs += times[1]
    return Comparison(f"search, {mode}", ALTERNATIVE, ours, theirs)


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
