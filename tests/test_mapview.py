"""The data of the map: order, links, filters that agree with those of the search, names, landmarks."""

import json
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from analysis_helpers import add_papers, add_tree, cite, named, put
from sqlalchemy import select

from app.components.mapdata import lanes_of_interest, map_name, map_scene, pack
from graph.filters import Filters, allowed_ids
from graph.maplabels import FEWEST_PAPERS, LANDMARKS, landmarks, topic_places
from graph.mapview import KINDS, read_map
from graph.network import CITES, neighbours
from graph.schema import MapPosition, Paper
from graph.taxonomy import read_taxonomy

ENTRY = Path(__file__).parent.parent / "app" / "explorer.py"


@pytest.fixture
def data(library):
    with library.reading() as session:
        return read_map(session)


def test_papers_stand_in_the_order_of_their_citations_here(data):
    assert data.cited.tolist() == sorted(data.cited.tolist(), reverse=True)
    assert data.keys[0] == "clip"
    assert len(set(data.keys)) == len(data) == 571


def test_every_link_of_a_paper_is_there_with_its_kind(library, data):
    with library.reading() as session:
        expected = {
            (link.via, link.key, link.relation, link.direction) for link in neighbours(session, "sam")
        }
    sam = data.number_of["sam"]
    found = set()
    for start, end, kind in zip(data.start, data.end, data.kind, strict=True):
        if start == sam:
            found.add(("sam", data.keys[end], KINDS[kind], "out"))
        if end == sam:
            found.add(("sam", data.keys[start], KINDS[kind], "in"))
    assert found == expected
    assert KINDS[0] == CITES


@pytest.mark.parametrize(
    ("topic", "years", "runnable"),
    [
        ("generative", None, False),
        ("unified.joint", None, False),
        ("discriminative.promptable", (2023, 2024), False),
        (None, (2015, 2020), True),
        (None, None, False),
    ],
)
def test_the_map_lets_through_what_the_search_lets_through(library, data, topic, years, runnable):
    is_pillar = topic in data.pillars
    filters = Filters(
        pillar=topic if is_pillar else None, taxonomy=None if is_pillar else topic,
        years=years or (None, None), has_checkpoint=runnable,
    )  # fmt: skip
    with library.reading() as session:
        allowed = allowed_ids(session, filters)
    kept = data.passing(topic, years, runnable=runnable)
    assert set(data.ids[kept].tolist()) == (set(data.ids.tolist()) if allowed is None else allowed)


def test_counts_of_topics_are_those_of_the_filter(library, data):
    for node in data.nodes[1:]:
        assert node.papers == data.passing(node.id).sum(), node.id
    with library.reading() as session:
        tree = {entry.id: entry for entry in read_taxonomy(session)}
    promptable = next(node for node in data.nodes if node.id == "discriminative.promptable")
    entry = tree["discriminative.promptable"]
    assert promptable.papers == entry.papers + entry.also


def test_a_topic_that_does_not_exist_lets_nothing_through(data):
    assert not data.passing("no.such.topic").any()


def test_landmarks_are_known_papers_that_lie_apart_and_of_several_branches(data):
    assert len(data.landmarks) == LANDMARKS
    assert {"clip", "vit"} <= {data.keys[number] for number in data.landmarks}
    points = np.stack([data.x[list(data.landmarks)], data.y[list(data.landmarks)]], axis=1)
    gaps = np.linalg.norm(points[:, None] - points[None, :], axis=2)[~np.eye(len(points), dtype=bool)]
    assert gaps.min() >= 0.08
    assert len({data.pillar_name(number) for number in data.landmarks}) >= 4


def test_a_topic_is_named_where_its_papers_are(data):
    places = {data.nodes[topic.node].id: topic for topic in data.topics}
    assert len(places) >= 40
    for name in ("discriminative.promptable", "generative.personalization", "unified.joint"):
        inside = data.passing(name)
        distance = np.hypot(data.x - places[name].x, data.y - places[name].y)
        nearest = np.argsort(distance)[:8]
        assert inside[nearest].mean() >= 0.5, name


def test_a_topic_of_few_papers_has_no_name():
    x = y = np.full(FEWEST_PAPERS, 0.5, dtype=np.float32)
    node = np.full(FEWEST_PAPERS, 1, dtype=np.int16)
    assert [topic.node for topic in topic_places(x, y, node, [-1, 0, 0])] == [1]
    assert topic_places(x[1:], y[1:], node[1:], [-1, 0, 0]) == ()


def test_papers_without_a_place_are_neither_named_nor_landmarks():
    nowhere = np.full(5, np.nan, dtype=np.float32)
    assert topic_places(nowhere, nowhere, np.ones(5, dtype=np.int16), [-1, 0]) == ()
    assert (
        landmarks(nowhere, nowhere, np.arange(5, 0, -1, dtype=np.uint32), np.zeros(5, dtype=np.int64)) == ()
    )


def test_a_library_without_taxonomy_citations_or_places_has_a_map(session):
    keys = named(3)
    session.add_all(
        Paper(key=key, title=key, short_name=key, is_core=False, after_survey=False) for key in keys
    )
    session.flush()
    placed = session.scalar(select(Paper.id).where(Paper.key == keys[1]))
    session.add(MapPosition(paper_id=placed, x=0.5, y=0.25))
    data = read_map(session)
    assert data.keys == tuple(keys)
    assert data.unplaced == 2
    assert data.pillar_name(0) is None
    assert data.landmarks == data.topics == ()
    assert data.year.tolist() == [0, 0, 0]
    assert len(map_scene(data, "map", "Map")) > 100


def test_an_empty_library_has_an_empty_map(session):
    data = read_map(session)
    assert len(data) == 0
    assert data.passing("x").tolist() == []
    assert len(map_scene(data, "map", "Map")) > 100


def test_papers_cited_equally_often_stand_in_the_order_of_their_keys(session):
    add_tree(session, {"root": None, "g": "root"})
    ids = add_papers(session, named(4))
    cite(session, ids[0], ids[3])
    cite(session, ids[1], ids[3])
    cite(session, ids[3], ids[2])
    put(session, ids[1], "g")
    data = read_map(session)
    assert data.keys == ("p003", "p002", "p000", "p001")
    assert data.cited.tolist() == [2, 1, 0, 0]
    assert [data.pillar_name(number) for number in range(4)] == [None, None, None, "g"]


def test_the_lanes_of_interest_are_the_survey_s_three_or_all_of_another_taxonomy():
    assert lanes_of_interest(("generative", "x", "discriminative", "unified")) == [
        "generative", "unified", "discriminative",
    ]  # fmt: skip
    assert lanes_of_interest(("robots", "maps")) == ["robots", "maps"]


def test_names_on_the_map_are_short_and_say_something():
    assert map_name("SAM", "Segment Anything", 2023) == "SAM"
    assert map_name("He et al. 2015", "Deep Residual Learning", 2015) == "Deep Residual Learning"
    long = map_name("x" * 50, "t", None)
    assert len(long) <= 35
    assert map_name("word " * 30, "t", None).endswith("…")


def test_a_packed_scene_can_be_read_back():
    arrays = {"a": np.array([1, 2, 3], dtype=np.uint16), "b": np.array([0.5], dtype=np.float32)}
    scene = pack({"mode": "map"}, arrays)
    length = int.from_bytes(scene[:4], "little")
    header = json.loads(scene[4 : 4 + length])
    assert (4 + length) % 8 == 0
    for name, values in (("a", [1, 2, 3]), ("b", [0.5])):
        kind, begin, count = header["arrays"][name]
        assert begin % 8 == 0
        assert np.frombuffer(scene, f"<{kind}", count, 4 + length + begin).tolist() == values


def test_the_first_page_loads_nothing_heavy(built_path):
    """Each of these alone would take longer to import than the page to draw."""
    heavy = {"torch", "pandas", "altair", "networkx", "igraph", "faiss", "sklearn", "transformers"}
    script = (
        "import sys; from streamlit.testing.v1 import AppTest;"
        f"at = AppTest.from_file({str(ENTRY)!r}, default_timeout=60).run(); assert not at.exception;"
        f"print(sorted({heavy!r} & sys.modules.keys()))"
    )
    environment = {**os.environ, "VFM_ATLAS_LIBRARY": str(built_path)}
    done = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", script], env=environment, capture_output=True, text=True,
        check=True,
    )  # fmt: skip
    assert done.stdout.strip() == "[]"
