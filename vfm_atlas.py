"""VFM Atlas: from a survey to a runnable checkpoint. The public Python API.

>>> import vfm_atlas
>>> with vfm_atlas.open_library() as library:                  # doctest: +SKIP
...     for hit in vfm_atlas.search(library, "promptable segmentation").hits:
...         print(hit.key, hit.title)
"""

from graph.errors import AtlasError
from graph.filters import Filters
from graph.library import Library
from graph.lookup import find_paper
from graph.network import build_network, neighbours
from graph.papers import read_card
from graph.search import Mode, Results, Search
from graph.stats import read_stats
from graph.taxonomy import read_taxonomy

__all__ = [
    "AtlasError",
    "Filters",
    "Library",
    "Mode",
    "Results",
    "Search",
    "build_network",
    "find_paper",
    "neighbours",
    "open_library",
    "read_card",
    "read_stats",
    "read_taxonomy",
    "search",
]


def open_library(location: str | None = None) -> Library:
    """Open a library that `vfm-atlas build` made: a path or URL, by default the user's own.

    Raises LibraryMissing, LibraryDamaged or LibraryVersionError, all of them AtlasErrors.
    """
    return Library.open(location)


def search(
    library: Library, query: str, *, mode: Mode = "hybrid", limit: int = 10, filters: Filters | None = None
) -> Results:
    """Search once; whoever asks often keeps a `Search(library)`, which loads model and vectors only once."""
    return Search(library).search(query, mode=mode, limit=limit, filters=filters)
