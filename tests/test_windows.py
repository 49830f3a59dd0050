"""Cutting long texts into windows: nothing is lost, nothing is too long, and the mean is the mean."""

import re

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from graph.windows import joined, windows


def words_of(text):
    return [found.span() for found in re.finditer(r"\w{1,4}|[^\w\s]", text)]


TEXTS = st.text(st.sampled_from("ab 한é-\n"), max_size=600)


@given(TEXTS, st.integers(1, 60))
def test_windows_hold_every_token_once_and_in_order(text, room):
    parts = windows(text, room, words_of)
    cut = [[text[start:end] for start, end in words_of(text)]]
    if len(parts) == 1:
        assert parts == [(text, 1)]
        assert len(cut[0]) <= room
        return
    place = 0
    for part, weight in parts:
        assert 1 <= weight <= room
        begin = text.index(part, place)
        assert not text[place:begin].strip(), "what is left out between windows is white"
        place = begin + len(part)
    assert not text[place:].strip()
    assert sum(weight for _part, weight in parts) == len(cut[0])


@given(st.integers(1, 2_000), st.integers(20, 300))
def test_windows_are_as_few_as_may_be_and_nearly_equal(count, room):
    parts = windows("word " * count, room, words_of)
    slack = min(16, room // 4)
    assert len(parts) == (1 if count <= room else -(-count // (room - slack)))
    weights = [weight for _part, weight in parts]
    assert max(weights) - min(weights) <= 1


def test_a_window_begins_with_a_word_where_one_begins_nearby():
    text = " ".join("segmentation" for _ in range(100))  # three tokens each
    for part, _weight in windows(text, 40, words_of):
        assert set(part.split()) == {"segmentation"}


def test_a_text_of_few_characters_is_not_cut_into_tokens_first():
    def never(_text):
        raise AssertionError

    assert windows("four", 16, never) == [("four", 1)]
    assert windows("", 1, never) == [("", 1)]


def test_one_character_may_be_several_tokens():
    def jamo(text):
        return [(place, place + 1) for place in range(len(text)) for _ in range(3)]

    parts = windows("한" * 100, 254, jamo)
    assert len(parts) == 2
    assert sum(weight for _part, weight in parts) == 300


@given(st.lists(st.integers(1, 4), min_size=1, max_size=6), st.integers(0, 2**32 - 1))
def test_the_vector_of_a_text_is_the_weighted_mean_of_its_windows(counts, seed):
    random = np.random.default_rng(seed)
    vectors = random.normal(size=(sum(counts), 5)).astype(np.float32)
    vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
    weights = random.integers(1, 200, size=sum(counts)).tolist()
    ends = np.cumsum(counts)
    slices = [slice(end - count, end) for end, count in zip(ends, counts, strict=True)]
    parts = [[("", weight) for weight in weights[each]] for each in slices]
    found = joined(vectors, parts)
    for row, each in zip(found, slices, strict=True):
        mean = np.average(vectors[each], axis=0, weights=weights[each])
        assert np.allclose(row, mean / np.linalg.norm(mean), atol=1e-5)
