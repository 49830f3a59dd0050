"""Search: by words and by meaning, fused; names first; every hit says why it was found."""

from graph.search.engine import Search
from graph.search.results import (
    MODES,
    SORTS,
    Facet,
    FacetValue,
    Hit,
    Mode,
    Results,
    Sentence,
    Sort,
    Span,
    Why,
)  # fmt: skip
from graph.search.understanding import Chip

__all__ = [
    "MODES", "SORTS", "Chip", "Facet", "FacetValue", "Hit", "Mode", "Results", "Search", "Sentence", "Sort",
    "Span", "Why",
]  # fmt: skip
