"""Results are kept per snapshot, come back as they went in, and never stand in the way."""

import sqlite3
from contextlib import closing

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays
from sqlalchemy import event, select, update

from graph.analysis.store import decode, encode, get_or_compute, read_kept
from graph.library import Library
from graph.schema import Analysis, Paper
from graph.snapshot import current_snapshot_id, take_snapshot

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=5), inner, max_size=4),
)
KINDS = st.sampled_from([np.float64, np.float32, np.int64, np.bool_, np.dtype("<U5")])


class Counter:
    """A computation that counts how often it is made."""

    def __init__(self, result):
        self.result, self.times = result, 0

    def __call__(self, _session):
        self.times += 1
        return self.result


def rows(library):
    with library.reading() as session:
        return {(row.snapshot_id, row.name) for row in session.scalars(select(Analysis))}


def change_facts(library):
    with library.writing() as session:
        session.execute(update(Paper).where(Paper.key == "clip").values(reference_list="partial"))
        return take_snapshot(session).id


@settings(deadline=None)
@given(JSON)
def test_json_values_come_back_as_they_went_in(value):
    assert decode(encode(value)) == value


@settings(deadline=None)
@given(
    st.dictionaries(
        st.text("abc", min_size=1, max_size=3),
        KINDS.flatmap(lambda kind: arrays.arrays(kind, arrays.array_shapes(min_side=0, max_dims=2))),
        min_size=1,
        max_size=3,
    )
)
def test_arrays_come_back_as_they_went_in(value):
    found = decode(encode(value))
    assert found.keys() == value.keys()
    for name, array in value.items():
        np.testing.assert_array_equal(found[name], array)
        assert found[name].dtype == array.dtype


def test_python_objects_are_never_kept():
    with pytest.raises(TypeError, match=r"^cannot keep the array 'names': it holds Python objects$"):
        encode({"names": np.array([{}], dtype=object)})
    with pytest.raises(TypeError):
        encode({"a": 1, "b": np.zeros(2)})


def test_a_result_is_computed_once_per_snapshot(small_library):
    compute = Counter({"scores": np.arange(3)})
    for _ in range(3):
        np.testing.assert_array_equal(get_or_compute(small_library, "x", compute)["scores"], [0, 1, 2])
    assert compute.times == 1
    after = change_facts(small_library)
    get_or_compute(small_library, "x", compute)
    assert compute.times == 2
    assert rows(small_library) == {(after, "x@1")}


def test_a_new_version_of_the_computation_replaces_the_old_result(small_library):
    get_or_compute(small_library, "x", Counter(1))
    get_or_compute(small_library, "x:y", Counter(5))
    assert get_or_compute(small_library, "x", Counter(2), version=2) == 2
    assert {name for _, name in rows(small_library)} == {"x@2", "x:y@1"}


def test_the_first_answer_has_the_form_of_the_later_ones(small_library):
    answers = [get_or_compute(small_library, "x", lambda _session: {"a": (1, 2)}) for _ in range(2)]
    assert answers[0] == answers[1] == {"a": [1, 2]}


def test_none_is_a_result_too(small_library):
    compute = Counter(None)
    assert get_or_compute(small_library, "x", compute) is get_or_compute(small_library, "x", compute) is None
    assert compute.times == 1
    with small_library.reading() as session:
        assert read_kept(session, "x") == (None,)
        assert read_kept(session, "x", version=2) is None


@pytest.mark.parametrize("damage", [b"", b"?", b"J", b"Jnonsense", b"A", b"Anonsense", b"APK\x03\x04"])
def test_a_damaged_result_is_computed_again(small_library, damage):
    get_or_compute(small_library, "x", Counter([1]))
    with small_library.writing() as session:
        session.execute(update(Analysis).values(content=damage))
    assert get_or_compute(small_library, "x", Counter([2])) == [2]
    assert get_or_compute(small_library, "x", Counter([3])) == [2]


def test_a_library_that_another_program_is_writing_is_not_waited_for(small_library):
    compute = Counter(4)
    with closing(sqlite3.connect(small_library.path, isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        assert get_or_compute(small_library, "x", compute) == 4
        other.execute("ROLLBACK")
    assert rows(small_library) == set()
    assert get_or_compute(small_library, "x", compute) == 4
    assert len(rows(small_library)) == 1


def test_a_library_that_cannot_be_written_still_answers(small_library):
    with Library.open(small_library.path) as library:
        library.engine.dispose()  # it begins with new connections
        event.listen(library.engine, "connect", lambda opened, _: opened.execute("PRAGMA query_only = ON"))
        assert get_or_compute(library, "x", Counter(4)) == 4
    assert rows(small_library) == set()


def test_a_library_without_a_snapshot_keeps_nothing(tmp_path):
    with Library.create(tmp_path / "empty.sqlite") as library:
        assert get_or_compute(library, "x", Counter(4)) == 4
        assert rows(library) == set()
        with library.reading() as session:
            assert current_snapshot_id(session) is None


def test_later_writers_wait_as_long_as_before(small_library):
    get_or_compute(small_library, "x", Counter(1))
    with small_library.engine.execution_options(begin=None).connect() as connection:
        assert connection.exec_driver_sql("PRAGMA busy_timeout").scalar() == 10_000


def test_keeping_a_result_changes_no_fact(small_library):
    with small_library.reading() as session:
        before = current_snapshot_id(session)
    get_or_compute(small_library, "x", Counter(1))
    with small_library.writing() as session:
        assert take_snapshot(session).id == before
