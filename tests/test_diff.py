"""Two snapshots are compared by what they hold: nothing is left out, nothing made up, the order is fixed."""

import doctest
import hashlib
import json
import zlib
from dataclasses import fields, replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

import graph.diff
from graph.diff import Difference, FieldChange, SnapshotContent, brief_value, checkpoint_key, compare
from graph.errors import LibraryDamaged

SAM = checkpoint_key("facebook/sam-vit-base", "transformers", "SamModel")
OLD = SnapshotContent(
    papers={
        "sam": {"title": "Segment Anything", "year": 2023, "venue": None},
        "dino": {"title": "DINO", "year": 2021, "abstract": brief_value("abstract", "old")},
        "lost": {"title": "A Lost Paper"},
    },
    citations={("sam", "dino"), ("sam", "lost")},
    relations={("sam", "builds_on", "dino")},
    assignments={"sam": "discriminative", "dino": "foundation", "lost": "resource"},
    checkpoints={
        SAM: {"state": "live", "licence": None},
        "a|b|c": {"state": "gone"},
        "x|y|z": {"state": "live"},
    },
    links={("sam", "facebook/sam-vit-base")},
)
NEW = SnapshotContent(
    papers={
        "sam2": {"title": "SAM 2", "year": 2024},
        "untitled": {},
        "sam": {"title": "Segment Anything", "year": 2023, "venue": "ICCV 2023"},
        "dino": {"title": "DINO", "abstract": brief_value("abstract", "new"), "core": True},
    },
    citations={("sam2", "sam"), ("sam", "dino")},
    relations={("sam2", "builds_on", "sam"), ("sam2", "extends", "sam")},
    assignments={"sam": "discriminative.promptable", "sam2": "discriminative", "untitled": "foundation"},
    checkpoints={SAM: {"state": "gone", "licence": "apache-2.0"}, "a|b|c": {"state": "gone"}, "n|e|w": {}},
    links={("sam", "facebook/sam-vit-huge")},
)


def test_a_difference_names_everything_that_changed():
    old, new = (brief_value("abstract", text) for text in ("old", "new"))
    assert compare(OLD, NEW) == Difference(
        new_papers={"sam2": "SAM 2", "untitled": "untitled"},
        gone_papers={"lost": "A Lost Paper"},
        new_citations=(("sam2", "sam"),),
        gone_citations=(("sam", "lost"),),
        new_relations=(("sam2", "builds_on", "sam"), ("sam2", "extends", "sam")),
        gone_relations=(("sam", "builds_on", "dino"),),
        changed_fields=(
            FieldChange("dino", "abstract", old, new),
            FieldChange("dino", "core", None, True),
            FieldChange("dino", "year", 2021, None),
            FieldChange("sam", "venue", None, "ICCV 2023"),
        ),
        moved_in_taxonomy=(
            FieldChange("dino", "taxonomy", "foundation", None),
            FieldChange("sam", "taxonomy", "discriminative", "discriminative.promptable"),
        ),
        new_checkpoints=("n|e|w",),
        gone_checkpoints=("x|y|z",),
        changed_checkpoints=(
            FieldChange(SAM, "licence", None, "apache-2.0"),
            FieldChange(SAM, "state", "live", "gone"),
        ),
        new_links=(("sam", "facebook/sam-vit-huge"),),
        gone_links=(("sam", "facebook/sam-vit-base"),),
    )


def test_a_checkpoint_is_dead_when_its_hub_lost_it_between_the_two():
    assert compare(OLD, NEW).dead_checkpoints == (SAM,)
    assert compare(NEW, OLD).dead_checkpoints == ()
    renamed = (SnapshotContent(checkpoints={SAM: {"task": task}}) for task in ("here", "gone"))
    assert compare(*renamed).dead_checkpoints == ()


def test_counts_tell_how_much_of_each_kind_there_is():
    counts = compare(OLD, NEW).counts()
    assert counts.pop("dead_checkpoints") == 1
    assert counts == {each.name: len(getattr(compare(OLD, NEW), each.name)) for each in fields(Difference)}
    assert (counts["new_papers"], counts["changed_fields"]) == (2, 4)
    assert OLD.size == {
        "papers": 3, "citations": 2, "relations": 1, "assignments": 3, "checkpoints": 3, "links": 1,
    }  # fmt: skip


@pytest.mark.parametrize("part", [each.name for each in fields(SnapshotContent)])
def test_a_change_of_any_part_alone_is_a_difference(part):
    changed = replace(OLD, **{part: getattr(NEW, part)})
    assert not compare(OLD, changed).is_empty
    assert compare(changed, changed).is_empty


def test_a_flag_is_not_a_number_and_an_absent_field_is_an_unknown_one():
    flag, number, unknown, absent = (
        SnapshotContent(papers={"a": values}) for values in ({"x": True}, {"x": 1}, {"x": None}, {})
    )
    assert compare(flag, number).changed_fields == (FieldChange("a", "x", True, 1),)
    assert compare(unknown, absent).is_empty


words = st.text(max_size=3)
numbers = st.integers() | st.floats(allow_nan=False, allow_infinity=False)
facts = st.dictionaries(
    st.sampled_from(["title", "year", "state", "abstract"]), st.none() | st.booleans() | numbers | words
)
contents = st.builds(
    SnapshotContent,
    papers=st.dictionaries(words, facts, max_size=4),
    citations=st.sets(st.tuples(words, words), max_size=4),
    relations=st.sets(st.tuples(words, words, words), max_size=4),
    assignments=st.dictionaries(words, words, max_size=4),
    checkpoints=st.dictionaries(words, facts, max_size=4),
    links=st.sets(st.tuples(words, words), max_size=4),
)


@given(contents)
def test_a_content_comes_back_from_its_blob_and_equal_contents_have_equal_blobs(content):
    blob = content.to_blob()
    back = SnapshotContent.from_blob(blob)
    assert back == content
    assert compare(content, back).is_empty
    backwards = SnapshotContent(
        **{
            name: type(part)(reversed(list(part.items() if isinstance(part, dict) else part)))
            for name, part in vars(back).items()
        }
    )
    assert backwards.to_blob() == blob


@given(contents)
def test_nothing_differs_from_itself(content):
    assert compare(content, content).is_empty


@given(contents, contents)
def test_what_is_new_one_way_is_gone_the_other_way(one, other):
    there, back = compare(one, other), compare(other, one)
    for kind in ("papers", "citations", "relations", "checkpoints", "links"):
        assert getattr(there, f"new_{kind}") == getattr(back, f"gone_{kind}")
        assert getattr(there, f"gone_{kind}") == getattr(back, f"new_{kind}")
    for kind in ("changed_fields", "moved_in_taxonomy", "changed_checkpoints"):
        turned = tuple(
            FieldChange(each.key, each.field, each.after, each.before) for each in getattr(back, kind)
        )
        assert getattr(there, kind) == turned
    assert there.is_empty == back.is_empty


def known(values):
    return {name: value for name, value in values.items() if value is not None}


def changed(before, changes, new, gone, after):
    """Facts after the changes; what is new is given by its key alone, so its facts are those of `after`."""
    found = {key: dict(values) for key, values in before.items() if key not in gone}
    for change in changes:
        assert found[change.key].get(change.field) == change.before
        found[change.key][change.field] = change.after
    found |= {key: after[key] for key in new}
    return {key: known(values) for key, values in found.items()}


@given(contents, contents)
def test_the_difference_applied_to_the_one_gives_the_other(before, after):
    found = compare(before, after)
    for kind in ("citations", "relations", "links"):
        gone, new = set(getattr(found, f"gone_{kind}")), set(getattr(found, f"new_{kind}"))
        assert gone <= getattr(before, kind)
        assert getattr(before, kind) - gone | new == getattr(after, kind)
    papers = changed(before.papers, found.changed_fields, found.new_papers, found.gone_papers, after.papers)
    assert papers == {key: known(values) for key, values in after.papers.items()}
    assert not found.new_papers.keys() & before.papers.keys()
    checkpoints = changed(
        before.checkpoints,
        found.changed_checkpoints,
        found.new_checkpoints,
        found.gone_checkpoints,
        after.checkpoints,
    )
    assert checkpoints == {key: known(values) for key, values in after.checkpoints.items()}
    places = {key: node for key, node in before.assignments.items() if key not in found.gone_papers}
    places |= {move.key: move.after for move in found.moved_in_taxonomy}
    places |= {key: after.assignments.get(key) for key in found.new_papers}
    came = {key: node for key, node in after.assignments.items() if key not in found.gone_papers}
    assert known(places) == came


@given(contents, contents)
def test_a_difference_is_sorted(before, after):
    found = compare(before, after)
    for each in fields(found):
        part = list(getattr(found, each.name))
        order = [(change.key, change.field) if isinstance(change, FieldChange) else change for change in part]
        assert order == sorted(order)


def test_long_texts_are_kept_as_hashes_and_nothing_else_is():
    digest = hashlib.sha256(b"A long text.").hexdigest()[:16]
    assert (
        brief_value("abstract", "A long text.")
        == brief_value("summary", "A long text.")
        == f"sha256:{digest}"
    )
    assert brief_value("title", "A long text.") == "A long text."
    assert brief_value("abstract", None) is None
    assert brief_value("abstract", "a lone \ud800").startswith("sha256:")
    assert doctest.testmod(graph.diff).failed == 0


def test_a_blob_of_the_whole_catalogue_is_small(catalogue):
    """A library keeps one per snapshot."""
    content = SnapshotContent(
        papers={
            paper.key: {"title": paper.title, "abstract": brief_value("abstract", paper.title)}
            for paper in catalogue.papers
        },
        citations={(row.citing, row.cited) for row in catalogue.citations},
    )
    assert content.size["citations"] > 3_000
    assert len(content.to_blob()) < 60_000


@pytest.mark.parametrize(
    "blob",
    [
        b"", b"no zlib", zlib.compress(b"no json"), zlib.compress(b"[]"), zlib.compress(b"{}"),
        zlib.compress(b'{"format": 2}'), OLD.to_blob()[:-5],
        zlib.compress(json.dumps({"format": 1, "papers": {}, "citations": [["a"]]}).encode()),
    ],
)  # fmt: skip
def test_a_blob_that_cannot_be_read_says_so_in_one_line(blob):
    with pytest.raises(LibraryDamaged) as caught:
        SnapshotContent.from_blob(blob)
    assert "\n" not in str(caught.value)
    assert "vfm-atlas build" in str(caught.value)
