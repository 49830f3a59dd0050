"""The vectors that ship, and the embedding stage: one model per library, and no text encoded twice."""

import json
import pickle
from dataclasses import replace

import numpy as np
import pytest
from helpers import HashEncoder, elsewhere, paper_id, rebuild
from sqlalchemy import select, update

import graph.encoder
from graph.encoder import DEFAULT_MODEL, WEIGHTS, WHEEL_SHA256, Model
from graph.errors import ModelError
from graph.library import Library
from graph.schema import Embedding, EmbeddingModel, FieldValue, Paper
from graph.vectors import VectorIndex
from ingest.build import build
from ingest.embedding import (
    MANIFEST,
    MATRIX,
    ShippedVectors,
    embed_in_batches,
    embed_library,
    sha256_of,
    text_of,
    write_shipped,
)
from ingest.errors import CatalogueError


def texts_of(catalogue) -> dict[str, str]:
    summaries = {row.key: row.summary for row in catalogue.summaries}
    return {row.key: text_of(row.title, summaries.get(row.key), None) for row in catalogue.papers}


def models(library: Library) -> list[tuple[str, str, int]]:
    columns = select(EmbeddingModel.name, EmbeddingModel.weights_sha256, EmbeddingModel.dimension)
    with library.reading() as session:
        return [tuple(row) for row in session.execute(columns)]


def index_of(library: Library) -> VectorIndex:
    with library.reading() as session:
        return VectorIndex.load(session)


# --- the vectors that ship ---------------------------------------------------------------------------------


def test_shipped_vectors_are_exactly_those_of_the_catalogues_texts(catalogue, shipped):
    """When this fails after a change of data/, 'make vectors' writes them anew."""
    wanted = {sha256_of(text) for text in texts_of(catalogue).values()}
    assert len(shipped.text_sha256) == len(set(shipped.text_sha256))
    assert set(shipped.text_sha256) == wanted


def test_shipped_vectors_are_unit_vectors_of_the_default_model(shipped):
    assert (shipped.model, shipped.weights_sha256) == (DEFAULT_MODEL, WHEEL_SHA256[WEIGHTS])
    assert shipped.matrix.shape == (len(shipped.text_sha256), 384)
    assert shipped.matrix.dtype == np.float32
    assert np.allclose(np.linalg.norm(shipped.matrix, axis=1), 1, atol=1e-5)


@pytest.mark.model
def test_shipped_vectors_are_what_the_model_gives(catalogue, shipped, encoder):
    texts = list(texts_of(catalogue).values())[::19]
    assert len(texts) > 25
    stored = shipped.by_text()
    expected = np.array([stored[sha256_of(text)] for text in texts])
    cosines = (encoder.encode(texts) * expected).sum(axis=1)
    assert cosines.min() > 1 - 1e-5


def test_vectors_that_were_written_are_read_back(tmp_path):
    texts = ["one", "two", "three", "two"]
    written = write_shipped(tmp_path, texts, HashEncoder())
    read = ShippedVectors.read(tmp_path)
    assert read.text_sha256 == written.text_sha256 == tuple(sorted({sha256_of(text) for text in texts}))
    assert (read.model, read.weights_sha256) == ("hash", HashEncoder().model.weights_sha256)
    assert read.matrix.tobytes() == written.matrix.tobytes()
    (vector,) = HashEncoder().encode(["two"])
    assert read.by_text()[sha256_of("two")].tobytes() == vector.tobytes()


def test_a_shipped_file_that_is_missing_or_broken_is_named(tmp_path):
    def complaint() -> str:
        with pytest.raises(CatalogueError) as raised:
            ShippedVectors.read(tmp_path)
        (problem,) = raised.value.problems
        return f"{problem.file}: {problem.message}"

    assert complaint().startswith(f"{MANIFEST}: cannot be read")
    write_shipped(tmp_path, ["one", "two"], HashEncoder())
    manifest, matrix = tmp_path / MANIFEST, tmp_path / MATRIX
    good, vectors = manifest.read_text(encoding="utf-8"), matrix.read_bytes()

    for bad in ("{", "[]", "{}", good.replace('"dimension": 8', '"dimension": 9')):
        manifest.write_text(bad, encoding="utf-8")
        assert complaint().startswith((f"{MANIFEST}: cannot be read", f"{MATRIX}: (2, 8) vectors"))
    values = json.loads(good)
    values["text_sha256"].pop()
    manifest.write_text(json.dumps(values), encoding="utf-8")
    assert complaint() == f"{MATRIX}: (2, 8) vectors for 1 texts: 'make vectors' mends it"

    manifest.write_text(good, encoding="utf-8")
    for bytes_ in (b"", b"no vectors", vectors[:-1], pickle.dumps([1.0])):
        matrix.write_bytes(bytes_)
        assert "cannot be read" in complaint()


# --- the text ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("summary", "abstract", "text"),
    [
        (None, None, "Title"),
        ("Summary.", None, "Title. Summary."),
        (None, "Abstract.", "Title. Abstract."),
        ("Summary.", "Abstract.", "Title. Abstract."),
        ("", "", "Title"),
    ],
)
def test_an_abstract_stands_for_a_paper_before_its_summary(summary, abstract, text):
    assert text_of("Title", summary, abstract) == text


# --- the stage ---------------------------------------------------------------------------------------------


def test_every_paper_has_the_vector_of_its_text(small_library, small):
    index = index_of(small_library)
    texts = texts_of(small.read())
    assert index.matrix.shape == (6, 8)
    with small_library.reading() as session:
        for key, text in texts.items():
            (expected,) = HashEncoder().encode([text])
            assert index.of(paper_id(session, key)).tobytes() == expected.tobytes()
        hashes = dict(session.execute(select(Paper.key, Embedding.text_sha256).join(Embedding)).all())
    assert hashes == {key: sha256_of(text) for key, text in texts.items()}


def test_building_again_encodes_nothing(small_library, small):
    encoder = HashEncoder()
    report = rebuild(small_library, small, encoder)
    assert encoder.encoded == []
    assert (report.embedding.kept, report.embedding.shipped, report.embedding.encoded) == (6, 0, 0)


def test_exactly_the_changed_texts_are_encoded_anew(small_library, small):
    with small_library.writing() as session:
        abstract = {"paper_id": paper_id(session, "ldm"), "field": "abstract", "value": "By decomposing ..."}
        session.add(FieldValue(**abstract, **elsewhere(session)))
    small.set("papers.csv", 3, title="Another Title")
    small.set("papers.csv", 4, venue="Elsewhere 2021")
    encoder = HashEncoder()
    report = rebuild(small_library, small, encoder)
    texts = texts_of(small.read())
    assert sorted(encoder.encoded) == sorted(["Latent Diffusion Models. By decomposing ...", texts["resnet"]])
    assert (report.embedding.kept, report.embedding.encoded) == (4, 2)
    with small_library.reading() as session:
        (expected,) = HashEncoder().encode([texts["resnet"]])
        assert index_of(small_library).of(paper_id(session, "resnet")).tobytes() == expected.tobytes()


def test_a_build_from_shipped_vectors_needs_no_model(tmp_path, small):
    catalogue = small.read()
    shipped = write_shipped(tmp_path, list(texts_of(catalogue).values()), HashEncoder())
    with Library.create(tmp_path / "new.sqlite") as library:
        report = build(library, catalogue, shipped)
        assert (report.embedding.shipped, report.embedding.encoded) == (6, 0)
        assert models(library) == [("hash", HashEncoder().model.weights_sha256, 8)]


def test_shipped_vectors_of_another_model_are_not_used(small_library, small, tmp_path):
    shipped = write_shipped(tmp_path, list(texts_of(small.read()).values()), HashEncoder("another"))
    before = index_of(small_library)
    report = build(small_library, small.read(), shipped)
    assert (report.embedding.model, report.embedding.kept, report.embedding.shipped) == ("hash", 6, 0)
    assert index_of(small_library).matrix.tobytes() == before.matrix.tobytes()


def test_a_library_never_holds_vectors_of_two_models(small_library, small):
    before = index_of(small_library)
    small.set("papers.csv", 3, title="Another Title")
    encoder = HashEncoder("another", dimension=12)
    report = rebuild(small_library, small, encoder)
    assert models(small_library) == [("another", encoder.model.weights_sha256, 12)]
    assert len(encoder.encoded) == report.embedding.encoded == 6
    after = index_of(small_library)
    assert after.matrix.shape == (6, 12)
    assert (after.model_name, after.weights_sha256) != (before.model_name, before.weights_sha256)
    assert report.changed


def test_the_models_name_is_not_what_tells_models_apart(small_library, small):
    """Other weights under the same name are another model."""
    encoder = HashEncoder()
    encoder.model = replace(encoder.model, weights_sha256="0" * 64)
    assert rebuild(small_library, small, encoder).embedding.encoded == 6
    assert models(small_library) == [("hash", "0" * 64, 8)]


def test_a_text_cannot_be_added_without_the_librarys_own_model(small_library, small, monkeypatch):
    """The library's model is `hash`, which is nowhere; the default model's vectors would not compare."""
    monkeypatch.setenv("VFM_ATLAS_OFFLINE", "1")
    before = index_of(small_library)
    small.set("papers.csv", 3, title="Another Title")
    with pytest.raises(ModelError, match="'hash'"):
        build(small_library, small.read())
    after = index_of(small_library)
    assert after.matrix.tobytes() == before.matrix.tobytes()
    assert models(small_library) == [("hash", HashEncoder().model.weights_sha256, 8)]


def test_weights_that_were_exchanged_in_their_folder_are_noticed(small_library, small, tmp_path):
    folder = tmp_path / "model"
    folder.mkdir()
    (folder / WEIGHTS).write_bytes(b"exchanged")
    encoder = HashEncoder()
    encoder.model = Model(str(folder), folder, sha256_of("the first ones"))
    rebuild(small_library, small, encoder)
    assert build(small_library, small.read()).embedding.kept == 6
    small.set("papers.csv", 3, title="Another Title")
    with pytest.raises(ModelError, match=r"has other weights .*'vfm-atlas build --reembed'"):
        build(small_library, small.read())


def test_all_can_be_encoded_anew(small_library, small, tmp_path):
    shipped = write_shipped(tmp_path, list(texts_of(small.read()).values()), HashEncoder())
    encoder = HashEncoder()
    report = build(small_library, small.read(), shipped, encoder, reembed=True)
    assert len(encoder.encoded) == 6
    assert (report.embedding.encoded, report.embedding.kept, report.embedding.shipped) == (6, 0, 0)
    assert not report.changed


def test_without_any_model_the_default_one_is_asked_for(small, tmp_path, monkeypatch):
    monkeypatch.setattr(graph.encoder, "_wheel_folder", lambda: tmp_path / "broken wheel")
    with Library.create(tmp_path / "new.sqlite") as library, pytest.raises(ModelError, match="broken wheel"):
        build(library, small.read())


def test_a_library_without_papers_has_no_model_yet(tmp_path):
    with Library.create(tmp_path / "new.sqlite") as library:
        with library.writing() as session:
            assert embed_library(session, None, HashEncoder()).encoded == 0
        assert index_of(library) is None


@pytest.mark.model
def test_a_new_text_is_encoded_with_the_librarys_own_model(small_library, small, encoder):
    build(small_library, small.read(), encoder=encoder)
    small.set("papers.csv", 3, title="Another Title")
    report = build(small_library, small.read())
    assert (report.embedding.model, report.embedding.kept, report.embedding.encoded) == (DEFAULT_MODEL, 5, 1)
    (expected,) = encoder.encode([texts_of(small.read())["resnet"]])
    with small_library.reading() as session:
        assert index_of(small_library).of(paper_id(session, "resnet")) @ expected > 1 - 1e-5


@pytest.mark.model
def test_encoding_anew_takes_the_weights_that_the_model_has_now(small_library, small):
    with small_library.writing() as session:
        session.execute(update(EmbeddingModel).values(name=DEFAULT_MODEL))
    report = build(small_library, small.read(), reembed=True)
    assert report.embedding.encoded == 6
    assert models(small_library) == [(DEFAULT_MODEL, WHEEL_SHA256[WEIGHTS], 384)]


# --- in batches --------------------------------------------------------------------------------------------


class FailingEncoder(HashEncoder):
    """The same model, on a machine that gives up after so many batches."""

    def __init__(self, batches: int) -> None:
        super().__init__()
        self.batches = batches

    def encode(self, texts):
        if self.batches == 0:
            raise MemoryError
        self.batches -= 1
        return super().encode(texts)


def add_papers(library: Library, count: int) -> None:
    with library.writing() as session:
        session.add_all(
            Paper(
                key=f"new-{number}", title=f"New Paper {number}", short_name=str(number), is_core=False,
                after_survey=False, abstract=f"About {number}. " * (number % 7),
            )
            for number in range(count)
        )  # fmt: skip


def vectors_of(library: Library) -> dict[int, bytes]:
    with library.reading() as session:
        return dict(session.execute(select(Embedding.paper_id, Embedding.vector)).all())


def test_a_library_is_embedded_in_batches_as_it_is_at_once(small_library):
    add_papers(small_library, 150)
    told = []
    encoder = HashEncoder()
    report = embed_in_batches(small_library, encoder, progress=lambda *counts: told.append(counts))
    assert (report.encoded, report.kept) == (150, 6)
    assert told == [(0, 150), (64, 150), (128, 150), (150, 150)]
    lengths = [len(text) for text in encoder.encoded]
    assert lengths == sorted(lengths), "texts of like length are encoded together"
    found = vectors_of(small_library)
    with small_library.writing() as session:
        embed_library(session, None, HashEncoder(), anew=True)
    assert vectors_of(small_library) == found


def test_batches_before_a_failure_are_kept_and_not_encoded_again(small_library):
    add_papers(small_library, 150)
    with pytest.raises(MemoryError):
        embed_in_batches(small_library, FailingEncoder(batches=2))
    assert len(vectors_of(small_library)) == 6 + 128
    again = HashEncoder()
    report = embed_in_batches(small_library, again)
    assert (report.encoded, report.kept) == (22, 134)
    assert len(again.encoded) == 22
    assert len(vectors_of(small_library)) == 156


def test_a_failure_while_the_model_changes_keeps_the_vectors_of_the_former_one(small_library):
    before = vectors_of(small_library), models(small_library)
    other = FailingEncoder(batches=0)
    other.model = Model("other", other.model.folder, "f" * 64)
    with pytest.raises(MemoryError):
        embed_in_batches(small_library, other)
    assert (vectors_of(small_library), models(small_library)) == before


def test_another_model_replaces_every_vector(small_library):
    before = vectors_of(small_library)
    report = embed_in_batches(small_library, HashEncoder("other", dimension=4))
    assert (report.encoded, report.kept, report.model) == (6, 0, "other")
    assert [(name, dimension) for name, _weights, dimension in models(small_library)] == [("other", 4)]
    after = vectors_of(small_library)
    assert after.keys() == before.keys()
    assert all(len(vector) == 16 for vector in after.values())


def test_a_text_that_changed_gets_its_vector_and_the_others_keep_theirs(small_library):
    before = vectors_of(small_library)
    with small_library.writing() as session:
        changed = paper_id(session, "clip")
        session.execute(update(Paper).where(Paper.id == changed).values(abstract="Something else."))
    encoder = HashEncoder()
    report = embed_in_batches(small_library, encoder)
    assert (report.encoded, report.kept) == (1, 5)
    assert encoder.encoded == ["Learning Transferable Visual Models. Something else."]
    after = vectors_of(small_library)
    assert {each for each in after if after[each] != before[each]} == {changed}


def test_where_all_texts_have_vectors_no_model_is_needed(small_library, monkeypatch):
    monkeypatch.setattr("ingest.embedding.SentenceEncoder", None)
    report = embed_in_batches(small_library)
    assert (report.encoded, report.kept) == (0, 6)


def test_without_the_librarys_own_model_nothing_is_encoded(small_library):
    add_papers(small_library, 1)
    with pytest.raises(ModelError, match="embedding model 'hash'"):
        embed_in_batches(small_library)
    assert len(vectors_of(small_library)) == 6
