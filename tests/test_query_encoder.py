"""Queries through onnxruntime: the vectors of sentence-transformers, or else sentence-transformers itself."""

import json
import logging
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest
from helpers import HashEncoder, link_model
from hypothesis import given, settings
from hypothesis import strategies as st

import graph.bert
import graph.query_encoder
from graph.encoder import WEIGHTS, Model, SentenceEncoder, find_model
from graph.errors import ModelError
from graph.library import Library
from graph.query_encoder import TOLERANCE, OnnxEncoder, Parity, QueryEncoder, encoder_of, stored_samples

HARD_TEXTS = [
    "",
    " \t\n",
    "x",
    "Segment Anything",
    "emoji 🐈‍⬛👩🏽‍🔬 and ünïcode İstanbul ﬁne Å",
    "نموذج الانتشار لتوليد الصور مع العربية",
    "מודל דיפוזיה \u202e of the right-to-left kind",
    "扩散模型用于图像生成 拡散モデル 확산 모델" * 9,
    "[CLS] a [SEP] b [MASK] [PAD] [UNK]",
    "null \x00 and bell \x07 and \u200b zero width",
    "!?.,;:-_()[]{}" * 30,
    "a" * 400,
    " ".join(f"{'zqxjkvb' * 13}{number}" for number in range(40)),
    "promptable segmentation " * 127,
    "We introduce a task, a model and a data set for image segmentation. " * 60,
    ("masks from points boxes and text " * 400)[:10_000],
    "x" * 10_000,
]


@pytest.fixture(scope="module")
def onnx():
    return OnnxEncoder(find_model())


@pytest.fixture
def fallback(monkeypatch):
    """A stand-in for sentence-transformers, which takes seconds to load: the real model, other vectors."""

    class StandIn(HashEncoder):
        is_loaded = False

        def __init__(self, name):
            super().__init__()
            self.model = find_model(*[name] if name else [])

    monkeypatch.setattr("graph.query_encoder.SentenceEncoder", StandIn)
    return StandIn(None)


@pytest.fixture
def samples(library):
    return stored_samples(library)


def refused(_weights):
    raise AssertionError("the outcome was not kept")


def is_used(encoder, fallback, text="a query"):
    """Whether onnxruntime encodes; the stand-in's vectors are shorter."""
    return encoder.encode([text]).shape != fallback.encode([text]).shape


# --- the same vectors --------------------------------------------------------------------------------------


@pytest.mark.model
def test_hard_texts_have_the_vectors_of_sentence_transformers(onnx, encoder):
    ours = onnx.encode(HARD_TEXTS)
    assert ours.dtype == np.float32
    for text, row, theirs in zip(HARD_TEXTS, ours, encoder.encode(HARD_TEXTS), strict=True):
        assert np.abs(row - theirs).max() < TOLERANCE, text[:50]


@pytest.mark.model
@settings(max_examples=15)
@given(text=st.text(max_size=80) | st.text(st.characters(max_codepoint=0x500), max_size=300))
def test_any_text_has_the_vector_of_sentence_transformers(onnx, encoder, text):
    assert np.abs(onnx.encode([text]) - encoder.encode([text])).max() < TOLERANCE


def test_the_papers_of_the_library_have_their_stored_vectors(onnx, samples, monkeypatch):
    monkeypatch.setattr(graph.query_encoder, "_COMPARED", 60)
    texts, stored = zip(*samples(onnx.model.weights_sha256), strict=True)
    assert len(texts) == 60
    assert np.abs(onnx.encode(texts) - np.stack(stored)).max() < TOLERANCE


def test_weights_behind_a_link_are_read_as_in_the_hubs_cache(onnx, tmp_path):
    linked = OnnxEncoder(Model("lab/model", link_model(tmp_path / "model"), "0" * 64))
    assert np.array_equal(linked.encode(["a cat"]), onnx.encode(["a cat"]))


def test_several_threads_get_what_one_gets(samples):
    encoder = QueryEncoder(samples=samples)
    texts = [f"query number {number}" for number in range(24)]
    with ThreadPoolExecutor(6) as pool:
        together = list(pool.map(lambda text: encoder.encode([text])[0], texts))
    assert np.array_equal(np.stack(together), encoder.encode(texts))
    assert encoder.encode([]).shape[0] == 0


def small_bert(folder: Path, *, pooling: str, prefix: str = "") -> Path:
    """A model of two layers with random weights, the installed tokenizer, and a way of pooling."""
    from safetensors.numpy import save_file
    from transformers import BertConfig, BertModel

    config = BertConfig(
        vocab_size=30_522, hidden_size=24, num_hidden_layers=2, num_attention_heads=3, intermediate_size=40,
        max_position_embeddings=64, layer_norm_eps=1e-6,
    )  # fmt: skip
    link_model(folder)
    for name in ("config.json", WEIGHTS, "sentence_bert_config.json", "1_Pooling/config.json"):
        (folder / name).unlink()
    config.save_pretrained(folder)
    weights = {prefix + name: value.numpy() for name, value in BertModel(config).state_dict().items()}
    save_file(weights, folder / WEIGHTS, metadata={"format": "pt"})
    (folder / "sentence_bert_config.json").write_text('{"max_seq_length": 40, "do_lower_case": false}')
    values = {
        "word_embedding_dimension": 24,
        "pooling_mode_cls_token": False,
        "pooling_mode_mean_tokens": False,
    }
    if prefix:  # as newer releases write it
        values = {"embedding_dimension": 24, "pooling_mode": pooling.split("_")[2]}
    else:
        values[pooling] = True
    (folder / "1_Pooling/config.json").write_text(json.dumps(values))
    return folder


@pytest.mark.model
@pytest.mark.parametrize("prefix", ["", "bert."])
@pytest.mark.parametrize("pooling", ["pooling_mode_cls_token", "pooling_mode_mean_tokens"])
def test_a_bert_of_another_shape_has_its_own_vectors(tmp_path, pooling, prefix):
    folder = small_bert(tmp_path / "small", pooling=pooling, prefix=prefix)
    theirs = SentenceEncoder(str(folder))
    ours = OnnxEncoder(theirs.model).encode(HARD_TEXTS)
    assert ours.shape == (len(HARD_TEXTS), 24)
    assert np.abs(ours - theirs.encode(HARD_TEXTS)).max() < TOLERANCE


# --- where they are not the same ---------------------------------------------------------------------------


def test_a_graph_that_computes_something_else_is_not_used(samples, fallback, monkeypatch, caplog):
    right = graph.bert._read_shape

    def wrong(folder):
        shape = right(folder)
        return type(shape)(**{**vars(shape), "heads": 6})

    monkeypatch.setattr(graph.bert, "_read_shape", wrong)
    encoder = QueryEncoder(samples=samples)
    assert not is_used(encoder, fallback)
    (said,) = caplog.messages
    assert said.startswith("queries are encoded by sentence-transformers, which takes seconds to load: ")
    assert "differ from the library's by 0." in said
    # It is said once: the next process knows it, and loads nothing in vain.
    assert not is_used(QueryEncoder(samples=refused), fallback)
    assert len(caplog.messages) == 1
    # A build compares again.
    monkeypatch.setattr(graph.bert, "_read_shape", right)
    assert encoder.compare().holds
    assert is_used(QueryEncoder(samples=refused), fallback)


def test_other_weights_than_those_of_the_vectors_are_not_used(samples, fallback, tmp_path, caplog):
    original = find_model()
    folder = link_model(tmp_path / "model")
    content = bytearray((folder / WEIGHTS).read_bytes())
    content[-4_000_000:-3_000_000] = content[-2_000_000:-1_000_000]
    (folder / WEIGHTS).unlink()
    (folder / WEIGHTS).write_bytes(content)
    encoder = QueryEncoder(str(folder), lambda _weights: samples(original.weights_sha256))
    assert not encoder.compare(keep=False).holds
    assert not is_used(encoder, fallback)
    assert "differ from the library's" in caplog.text


def test_a_difference_that_is_not_a_number_is_a_difference(fallback, samples, monkeypatch):
    def not_a_number(self, texts):
        return np.full((len(texts), 384), np.nan, dtype=np.float32)

    monkeypatch.setattr(OnnxEncoder, "encode", not_a_number)
    assert not QueryEncoder(samples=samples).compare().holds


def test_vectors_of_another_dimension_are_not_compared(fallback):
    parity = QueryEncoder(samples=lambda _weights: [("text", np.zeros(3, np.float32))]).compare()
    assert parity == Parity(1, None, "onnxruntime's vectors have 384 dimensions")


def test_where_onnxruntime_does_not_load_sentence_transformers_encodes(
    fallback, samples, monkeypatch, caplog
):
    monkeypatch.setitem(sys.modules, "onnxruntime", None)
    assert not is_used(QueryEncoder(samples=samples), fallback)
    assert "onnxruntime cannot load sentence-transformers/all-MiniLM-L6-v2" in caplog.text
    assert "\n" not in caplog.messages[0]


def test_without_anything_to_compare_with_nothing_is_known_of_the_next_library(fallback, samples):
    assert not is_used(QueryEncoder(), fallback)
    assert is_used(QueryEncoder(samples=samples), fallback)


def test_a_library_of_another_models_vectors_gives_no_samples(samples):
    assert samples("0" * 64) == []


def test_a_text_that_changed_since_its_vector_was_made_is_not_compared(own_path, onnx):
    from sqlalchemy import select, update

    from graph.schema import Embedding, Paper

    with Library.open(own_path) as library:
        before = stored_samples(library)(onnx.model.weights_sha256)
        with library.writing() as session:
            first = session.scalar(select(Embedding.paper_id).order_by(Embedding.paper_id))
            session.execute(update(Paper).where(Paper.id == first).values(abstract="Something else."))
        texts = [text for text, _vector in stored_samples(library)(onnx.model.weights_sha256)]
        assert texts == [text for text, _vector in before[1:]]


@pytest.mark.parametrize(
    ("file", "change", "reason"),
    [
        ("config.json", {"model_type": "mpnet"}, "has the architecture mpnet, not bert"),
        ("config.json", {"hidden_act": "relu"}, "has hidden_act 'relu', not 'gelu'"),
        ("config.json", {"position_embedding_type": "relative_key"}, "has position_embedding_type"),
        ("config.json", {"num_hidden_layers": 7}, "has no 'encoder.layer.6.attention.self.query.weight'"),
        ("config.json", {"num_hidden_layers": None}, "has files that cannot be read"),
        ("sentence_bert_config.json", {"do_lower_case": True}, "has do_lower_case set"),
        ("sentence_bert_config.json", {"max_seq_length": None}, "has files that cannot be read"),
        ("config_sentence_transformers.json", {"default_prompt_name": "query"}, "puts a prompt before"),
        ("1_Pooling/config.json", {"pooling_mode_max_tokens": True}, "has the pooling"),
        ("1_Pooling/config.json", {"pooling_mode_mean_tokens": False}, "has the pooling []"),
    ],
)
def test_a_model_that_is_no_usual_bert_says_why(tmp_path, file, change, reason):
    folder = link_model(tmp_path / "model")
    values = json.loads((folder / file).read_text()) | change
    (folder / file).unlink()
    (folder / file).write_text(json.dumps(values))
    with pytest.raises(ModelError) as raised:
        OnnxEncoder(Model("lab/model", folder, "0" * 64))
    assert f"onnxruntime is not used for lab/model, which {reason}" in str(raised.value)
    assert "\n" not in str(raised.value)


@pytest.mark.parametrize(
    ("file", "content", "reason"),
    [
        ("modules.json", b'[{"type": "a.Transformer", "path": ""}]', "has the steps Transformer"),
        ("modules.json", b"[", "has files that cannot be read"),
        ("config.json", b"", "has files that cannot be read"),
        (WEIGHTS, b"no weights at all", "has a model.safetensors that is no safetensors file"),
        (WEIGHTS, b"\2\0\0\0\0\0\0\0{}", "has no 'embeddings.word_embeddings.weight'"),
        (WEIGHTS, b"\2\0\0\0\0\0\0\0[]", "has files that cannot be read"),
        (
            WEIGHTS,
            b'\x40\0\0\0\0\0\0\0{"a": {"dtype": "F32", "shape": [2], "data_offsets": [0, 4]}}'.ljust(72),
            "has a model.safetensors whose sizes do not fit",
        ),
        ("tokenizer.json", b"{}", "onnxruntime cannot load lab/model"),
    ],
)
def test_a_broken_file_of_a_model_is_one_line(tmp_path, file, content, reason):
    folder = link_model(tmp_path / "model")
    (folder / file).unlink()
    (folder / file).write_bytes(content)
    with pytest.raises(ModelError) as raised:
        OnnxEncoder(Model("lab/model", folder, "0" * 64))
    assert reason in str(raised.value)
    assert "\n" not in str(raised.value)


def test_weights_that_end_early_are_not_read_beyond_their_end(tmp_path):
    folder = link_model(tmp_path / "model")
    content = (folder / WEIGHTS).read_bytes()
    (folder / WEIGHTS).unlink()
    (folder / WEIGHTS).write_bytes(content[: len(content) // 2])
    with pytest.raises(ModelError, match="onnxruntime cannot load lab/model"):
        OnnxEncoder(Model("lab/model", folder, "0" * 64))


# --- what is kept ------------------------------------------------------------------------------------------


def test_the_outcome_is_kept_so_that_the_next_process_compares_nothing(samples, fallback, tmp_path):
    encoder = QueryEncoder(samples=samples)
    assert not encoder.is_loaded
    assert is_used(encoder, fallback)
    assert encoder.is_loaded
    assert is_used(QueryEncoder(samples=refused), fallback)


def test_looking_on_keeps_nothing(samples, fallback):
    assert QueryEncoder(samples=samples).compare(keep=False).holds
    with pytest.raises(AssertionError, match="not kept"):
        QueryEncoder(samples=refused).encode(["a query"])


@pytest.mark.parametrize("content", ["", "[]", "{}", '{"texts": "many", "difference": 0, "reason": null}'])
def test_an_outcome_that_cannot_be_read_is_found_out_again(samples, fallback, content):
    encoder = QueryEncoder(samples=samples)
    encoder.compare()
    path = graph.query_encoder._kept_path(encoder.model)
    path.write_text(content)
    assert is_used(encoder, fallback)
    assert json.loads(path.read_text())["reason"] is None


def test_a_cache_that_cannot_be_written_costs_only_time(samples, fallback, tmp_path, monkeypatch, caplog):
    (tmp_path / "file").write_text("")
    monkeypatch.setenv("VFM_ATLAS_CACHE", str(tmp_path / "file"))
    assert is_used(QueryEncoder(samples=samples), fallback)
    assert caplog.messages == []


def test_an_outcome_holds_for_the_files_and_releases_it_was_found_with(fallback, tmp_path, monkeypatch):
    folder = link_model(tmp_path / "model")
    model = Model("lab/model", folder, "0" * 64)
    first = graph.query_encoder._kept_path(model)
    assert graph.query_encoder._kept_path(model) == first
    others = {graph.query_encoder._kept_path(Model("lab/model", folder, "1" * 64))}
    monkeypatch.setattr(
        graph.query_encoder, "_version", lambda package: "2.0" if package == "onnxruntime" else "1.0"
    )
    others.add(graph.query_encoder._kept_path(model))
    (folder / "tokenizer.json").unlink()
    others.add(graph.query_encoder._kept_path(model))
    assert len(others | {first}) == 4


def test_a_library_without_vectors_has_no_encoder(own):
    assert encoder_of(own) is None


def test_a_library_names_its_encoder(library):
    assert encoder_of(library).compare(keep=False).holds


def test_a_model_that_is_not_there_is_told_when_it_is_needed(monkeypatch, caplog):
    monkeypatch.setenv("VFM_ATLAS_OFFLINE", "1")
    encoder = QueryEncoder("someone/nonsense")
    with caplog.at_level(logging.WARNING), pytest.raises(ModelError, match="someone/nonsense"):
        encoder.encode(["a query"])
    assert caplog.messages == []
