"""The scenes of the whole library, made once per snapshot for every page that draws them."""

import numpy as np
import streamlit as st

from app.components.mapdata import lanes_of_interest, lanes_scene, map_scene
from app.state import reading
from graph.mapview import MapData, read_map

_KEYS = "Arrow keys go from paper to paper, Enter chooses one; the list below holds the same papers."


@st.cache_resource(max_entries=2)
def map_data(snapshot: str) -> MapData:  # noqa: ARG001  (the key of the cache)
    """Where every paper lies and what is told of it."""
    with reading() as session:
        return read_map(session)


@st.cache_resource(max_entries=4)
def scene_of_map(snapshot: str, name: str) -> bytes:
    """All papers on the map, for the map of this name."""
    data = map_data(snapshot)
    what = f"Map of {len(data):,} papers: close in meaning, or citing one another, is close on the map."
    return map_scene(data, name, f"{what} {_KEYS}")


@st.cache_resource(max_entries=4)
def scene_of_years(snapshot: str, name: str) -> bytes:
    """The papers of the three pillars, or of all branches of another taxonomy, along the years in lanes."""
    from graph.analysis.citegraph import CitationGraph
    from graph.analysis.lanes import lanes

    data = map_data(snapshot)
    wanted = lanes_of_interest(data.pillars)
    names = {node.id: node.label for node in data.nodes}
    with reading() as session:
        graph = CitationGraph.read(session)
    inside = graph.restricted(
        np.array([not wanted or pillar in wanted for pillar in graph.pillars], dtype=bool)
    )
    drawn = lanes(inside, [(pillar, names[pillar]) for pillar in wanted])
    what = f"{len(inside):,} papers along the years, in lanes: {', '.join(names[name] for name in wanted)}."
    return lanes_scene(data, drawn, name, f"{what} {_KEYS}")
