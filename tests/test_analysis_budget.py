"""What the analyses cost: little on the shipped catalogue, and nothing where they are only imported."""

import doctest
import subprocess
import sys
import time
from importlib import import_module

import numpy as np
import pytest

from graph.analysis.assign import suggest
from graph.analysis.citegraph import CitationGraph
from graph.analysis.communities import find_communities, read_communities, read_texts
from graph.analysis.lanes import read_lanes
from graph.analysis.layout import layout_library
from graph.analysis.lineage import read_lineage
from graph.analysis.mainpath import main_path
from graph.analysis.paths import ancestors, descendants, find_path
from graph.analysis.ranking import RANKINGS, rank, read_ranks
from graph.analysis.similarity import cocitation, coupling, similar
from graph.analysis.trends import rising, sleeping_beauties
from graph.analysis.typed import typed_network
from graph.analysis.unification import distances, mixing, read_unification
from graph.library import Library
from graph.vectors import VectorIndex

MOST_SECONDS = 2.0
HEAVY = {"faiss", "igraph", "networkx", "pandas", "scipy", "sklearn", "torch"}
MODULES = (
    "citegraph", "communities", "lineage", "mainpath", "paths", "ranking", "similarity", "store", "trends",
    "typed",
)  # fmt: skip


def analyse(session):
    graph = CitationGraph.read(session)
    scores = [rank(graph, by).scores for by in RANKINGS]
    found = find_communities(graph, read_texts(session))
    coupling(graph), cocitation(graph), main_path(graph), rising(graph), sleeping_beauties(graph)
    ancestors(graph, "sam"), descendants(graph, "clip")
    similar(session, "clip", vectors=VectorIndex.load(session))
    find_path(session, "sam", "ldm", strongest=True)
    read_lineage(session, "controlnet")
    typed_network(session)
    read_lanes(session)
    mixing(graph)
    index = VectorIndex.load(session)
    vector_of = dict(zip(index.ids.tolist(), index.matrix, strict=True))
    vectors = np.stack([vector_of[paper_id] for paper_id in graph.paper_ids.tolist()])
    distances(vectors, graph.pillars, [None if np.isnan(date) else int(date) for date in graph.dates])
    layout_library(session, anew=True)
    suggest(session, graph.keys[:5])
    return [*scores, found.membership]


def test_the_whole_analysis_of_the_shipped_catalogue_takes_less_than_two_seconds_of_cpu(own_path):
    with Library.open(own_path) as library, library.writing() as session:
        first = analyse(session)  # loads libraries
        begin = time.process_time()
        second = analyse(session)
        spent = time.process_time() - begin
    assert spent < MOST_SECONDS
    for one, other in zip(first, second, strict=True):
        np.testing.assert_array_equal(one, other)


def test_what_takes_longer_to_compute_than_to_read_is_computed_once_per_snapshot(own_path, monkeypatch):
    def read(library):
        ranks = [read_ranks(library, by).scores.tolist() for by in RANKINGS]
        return repr((ranks, read_communities(library).communities, read_unification(library)))

    with Library.open(own_path) as library:
        first = read(library)
        monkeypatch.delattr(CitationGraph, "read")  # nothing can be computed any more
        assert read(library) == first


def test_importing_the_analyses_and_their_commands_loads_no_heavy_library():
    imports = ", ".join(f"graph.analysis.{name}" for name in MODULES)
    code = f"import sys, {imports}, app.commands.analysis; print(*({HEAVY!r} & sys.modules.keys()))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == ""


@pytest.mark.parametrize("name", ["communities", "mainpath", "ranking", "trends"])
def test_the_examples_in_the_docstrings_are_true(name):
    module = import_module(f"graph.analysis.{name}")
    result = doctest.testmod(module, extraglobs={"CitationGraph": CitationGraph, "np": np})
    assert (result.failed, result.attempted > 0) == (0, True)
