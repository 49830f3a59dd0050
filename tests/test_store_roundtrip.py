"""Whatever is stored comes back as it was: through the ORM, through PaperCard, and through a whole build."""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta

import numpy as np
import pytest
from helpers import CatalogueFolder, elsewhere, rebuild, write_small_library
from hypothesis import example, given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays
from sqlalchemy import delete, select

from graph import textindex
from graph.library import Library
from graph.papers import read_card
from graph.schema import (
    Alias,
    Author,
    Authorship,
    Embedding,
    EmbeddingModel,
    EvaluationRun,
    Note,
    Paper,
    Source,
    TaxonomyNode,
)
from graph.vectors import VectorIndex, to_blob

NOW = datetime(2026, 2, 3)
# Everything that UTF-8 can hold, control characters included; lone surrogates it cannot.
texts = st.text(st.characters(exclude_categories=["Cs"]), max_size=80)
several = st.lists(texts, max_size=4, unique=True)
json_values = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**53), 2**53) | st.floats(allow_nan=False) | texts,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(texts, inner, max_size=3),
    max_leaves=8,
)


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Library]:
    """A library to which each example adds what it takes out again."""
    path = write_small_library(tmp_path_factory.mktemp("store") / "library.sqlite")
    with Library.open(path) as library:
        yield library


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Library, CatalogueFolder]]:
    """A catalogue that each example changes, and the library that is built from it anew."""
    folder = tmp_path_factory.mktemp("built")
    with Library.open(write_small_library(folder / "library.sqlite")) as library:
        yield library, CatalogueFolder(folder / "catalogue")


@contextmanager
def stored_paper(library: Library, **values: object) -> Iterator[int]:
    """The id of a paper that is there for a while."""
    with library.writing() as session:
        plain = {"title": "x", "short_name": "x", "is_core": False, "after_survey": False}
        paper = Paper(key="example", **(plain | values))
        session.add(paper)
        session.flush()
        paper_id = paper.id
    try:
        yield paper_id
    finally:
        with library.writing() as session:
            for table in (Note, Embedding):
                session.execute(delete(table).where(table.paper_id == paper_id))
            session.execute(delete(Paper).where(Paper.id == paper_id))
            session.execute(delete(Source).where(Source.origin == "arxiv"))
            session.execute(delete(Author).where(Author.id.not_in(select(Authorship.author_id))))


@settings(deadline=None, max_examples=60)
@given(
    told=st.fixed_dictionaries(
        {
            "title": texts,
            "short_name": texts,
            "summary": st.none() | texts,
            "abstract": st.none() | texts,
            "venue": texts,
            "code_url": texts,
        }
    )
)
@example(
    told={"title": "Robert'); DROP TABLE paper;--", "short_name": '"', "summary": "\0", "abstract": "a\0b"}
)
@example(
    told={"title": "\U0001f408\u200d\u2b1b e\u0301 \U0010ffff", "short_name": "\ufb01", "venue": "\r\n\t"}
)
def test_what_a_paper_says_comes_back(store, told):
    with stored_paper(store, **told) as paper_id, store.reading() as session:
        paper, card = session.get(Paper, paper_id), read_card(session, "example")
        for name, value in told.items():
            assert getattr(paper, name) == value
            assert getattr(card, name) == value
        textindex.rebuild(session)


@settings(deadline=None, max_examples=60)
@given(notes=several, authors=several, aliases=several)
@example(notes=["", "\0", "a\0", "a"], authors=["'", "''"], aliases=["É", "E\u0301", "%", "_"])
def test_notes_authors_and_aliases_come_back_in_order(store, notes, authors, aliases):
    with stored_paper(store) as paper_id:
        with store.writing() as session:
            facts = elsewhere(session)
            people = [Author(name=f"example {name}") for name in authors]
            session.add_all(people)
            session.flush()
            session.add_all(
                Authorship(paper_id=paper_id, position=position, author_id=person.id, **facts)
                for position, person in enumerate(people)
            )
            session.add_all(
                Note(paper_id=paper_id, text=words, created_at=NOW + timedelta(seconds=number))
                for number, words in enumerate(notes)
            )
            session.add_all(
                Alias(folded=f"example {name}", name=name, paper_id=paper_id, **facts) for name in aliases
            )
        with store.reading() as session:
            card = read_card(session, "example")
            assert card.notes == notes
            assert card.authors == [f"example {name}" for name in authors]
            assert card.aliases == sorted(aliases)
            textindex.rebuild(session)


@settings(deadline=None, max_examples=60)
@given(
    vector=arrays.arrays(np.float32, 8, elements=st.floats(width=32)),
    order=st.sampled_from(["<", ">"]),
)
def test_vectors_come_back_bit_by_bit_on_any_machine(store, vector, order):
    given_vector = vector.astype(np.dtype(np.float32).newbyteorder(order))
    with stored_paper(store) as paper_id:
        with store.writing() as session:
            model = session.scalars(select(EmbeddingModel)).one()
            blob = to_blob(given_vector)
            session.add(Embedding(paper_id=paper_id, model_id=model.id, text_sha256="x", vector=blob))
        with store.reading() as session:
            index = VectorIndex.load(session)
            assert index.of(paper_id).tobytes() == vector.tobytes()
            assert index.matrix.shape == (7, 8)


@settings(deadline=None, max_examples=60)
@given(environment=st.dictionaries(texts, json_values, max_size=4), value=st.floats(allow_nan=False))
def test_measurements_come_back(store, environment, value):
    with store.writing() as session:
        measured = EvaluationRun(
            spec_hash="x", hub_id="x/x", library="x", loader_class="x", task="x", task_version="1",
            dataset="x", state="done", metric="x", value=value, metrics=environment, environment=environment,
            outputs=b"x", started_at=NOW,
        )  # fmt: skip
        session.add(measured)
        session.flush()
        stored_id = measured.id
    with store.writing() as session:
        read = session.get(EvaluationRun, stored_id)
        assert (read.environment, read.metrics, read.value) == (environment, environment, value)
        assert (read.started_at, read.finished_at, read.published, read.outputs) == (NOW, None, None, b"x")
        session.delete(read)


# A cell is read without the white space around it and with plain line ends, so those are left out.
cells = texts.map(lambda text: "x" + text.replace("\r", "") + "x")
ODD_CELLS = ["x,x", 'x"x', "x\nx", "x'x", "x\u2028x", "x\x85x", "x\x0cx"]


@settings(deadline=None, max_examples=20)
@given(odd=st.lists(cells, min_size=7, max_size=7))
@example(odd=ODD_CELLS)
@example(odd=ODD_CELLS[::-1])
def test_what_a_catalogue_file_says_comes_back_from_a_built_library(built, odd):
    library, small = built
    title, alias, author, definition, source, venue, summary = odd
    author = author.replace(";", "")  # parts the authors of a paper
    venue = "".join(char for char in venue if not char.isdigit())  # lest it be a year before the preprint
    summary += " and so on" * 10
    small.set("papers.csv", 5, title=f"Title {title}", authors=author, source=source, venue=venue)
    small.set("taxonomy.csv", 3, definition=definition)
    small.set("summaries.csv", 5, summary=summary)
    small.set("aliases.csv", 2, alias=f"Alias {alias}")
    rebuild(library, small)
    with library.reading() as session:
        card = read_card(session, "ldm")
        assert session.get(TaxonomyNode, "things.models").definition == definition
    assert (card.title, card.summary, card.authors) == (f"Title {title}", summary, [author])
    assert (card.aliases, card.venue) == ([f"Alias {alias}"], venue)
    assert {item.source for item in card.provenance if item.field == "title"} == {source}
