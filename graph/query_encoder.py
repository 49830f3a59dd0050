"""Encoding queries by onnxruntime and tokenizers: the weights of the library's model, without torch.

Loading takes a tenth of a second instead of several. It is done only where the vectors are the same: a few of
the library's own texts are encoded and compared with the vectors that sentence-transformers stored for them.
The outcome is kept in the cache folder. Where they differ, or the model is no BERT, sentence-transformers
encodes the queries, too, and one line says so.
"""

import hashlib
import json
import logging
import os
import platform
import threading
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sqlalchemy import select

from graph.bert import TOKENS, VECTOR, read_bert
from graph.encoder import Model, SentenceEncoder
from graph.errors import ModelError
from graph.library import Library
from graph.papertext import sha256_of, text_of
from graph.schema import Embedding, EmbeddingModel, Paper
from graph.settings import default_cache
from graph.vectors import DTYPE
from graph.windows import Span, joined, windows

TOLERANCE = 1e-5
_COMPARED = 4
_FOLDER = "query-encoder"
_log = logging.getLogger("vfm_atlas.query_encoder")

# A text with the vector that sentence-transformers made of it; and those for the hash of a model's weights.
Sample = tuple[str, NDArray[np.float32]]
Samples = Callable[[str], Sequence[Sample]]


@dataclass(frozen=True)
class Parity:
    """What the comparison gave: how many texts, the largest difference, and why it is not used, if so."""

    texts: int = 0
    difference: float | None = None
    reason: str | None = None

    @property
    def holds(self) -> bool:
        """Whether onnxruntime encodes the queries."""
        return self.reason is None

    def __str__(self) -> str:
        """Which of the two it is, and how near or why."""
        if not self.holds:
            return f"sentence-transformers, which takes seconds to load: {self.reason}"
        return f"onnxruntime, within {self.difference or 0.0:.1e} of the library's vectors"


class OnnxEncoder:
    """A BERT model on disk, run by onnxruntime on one thread; loaded at once.

    Raises ModelError for a model that is none, or that cannot be loaded.
    """

    def __init__(self, model: Model) -> None:
        self.model = model
        bert = read_bert(model)
        try:
            self._session = _start(bert.onnx, bert.weights_folder)
            self._tokenizer = _read_tokenizer(model.folder)
        except Exception as reason:  # both libraries raise their own kinds
            raise ModelError(f"onnxruntime cannot load {model.name} ({_first_line(reason)})") from reason
        self._room = bert.max_tokens - self._tokenizer.num_special_tokens_to_add(False)

    def encode(self, texts: Sequence[str]) -> NDArray[np.float32]:
        """Unit vectors of shape (number of texts, dimension); long texts as SentenceEncoder does."""
        parts = [windows(text, self._room, self._spans) for text in texts]
        vectors = [self._vector(part) for each in parts for part, _weight in each]
        if not vectors:
            return np.empty((0, 0), dtype=np.float32)
        return joined(np.stack(vectors), parts)

    def _spans(self, text: str) -> list[Span]:
        spans: list[Span] = self._tokenizer.encode(text, add_special_tokens=False).offsets
        return spans

    def _vector(self, text: str) -> NDArray[np.float32]:
        found = self._tokenizer.encode(text, add_special_tokens=False)
        found.truncate(self._room)  # a word that a window cut may have become more tokens
        tokens = np.array(self._tokenizer.post_process(found).ids, dtype=np.int64)
        try:
            vector: NDArray[np.float32] = self._session.run([VECTOR], {TOKENS: tokens})[0]
        except Exception as reason:  # its own kinds, which share no base
            raise ModelError(f"onnxruntime cannot run {self.model.name} ({_first_line(reason)})") from reason
        # as torch does it, which divides by no less than this
        return np.asarray(vector / max(float(np.linalg.norm(vector)), 1e-12), dtype=np.float32)


class QueryEncoder:
    """Encodes queries by onnxruntime where that gives the library's vectors, else by sentence-transformers.

    Nothing is loaded before the first text.
    """

    def __init__(self, name: str | None = None, samples: Samples = lambda _weights: ()) -> None:
        self._sentences = SentenceEncoder(name)
        self._samples = samples
        self._lock = threading.Lock()
        self._onnx: OnnxEncoder | None = None
        self._falls_back = False

    @property
    def model(self) -> Model:
        """Which model it is; raises ModelError when its files are missing or not the expected ones."""
        return self._sentences.model

    @property
    def is_loaded(self) -> bool:
        """Whether the next text is encoded without waiting for the model."""
        return self._onnx is not None or (self._falls_back and self._sentences.is_loaded)

    def encode(self, texts: Sequence[str]) -> NDArray[np.float32]:
        """Unit vectors of shape (number of texts, dimension); raises ModelError."""
        with self._lock:
            if self._onnx is None and not self._falls_back:
                self._onnx = self._chosen()
                self._falls_back = self._onnx is None
        return (self._onnx or self._sentences).encode(texts)

    def compare(self, *, keep: bool = True) -> Parity:
        """Compare with the library's vectors now, whatever came of it before; raises ModelError.

        What comes of it is kept for later processes, unless `keep` says otherwise.
        """
        return self._compared(keep)[1]

    def _chosen(self) -> OnnxEncoder | None:
        known = _kept(self.model)
        if known is not None and not known.holds:
            return None  # that was said when it was found
        onnx, parity = self._compared(keep=True) if known is None else _loaded(self.model)
        if not parity.holds:
            _log.warning("queries are encoded by %s", parity)
            return None
        return onnx

    def _compared(self, keep: bool) -> tuple[OnnxEncoder | None, Parity]:
        onnx, parity = _loaded(self.model)
        if onnx is not None:
            parity = _comparison(onnx, self._samples(self.model.weights_sha256))
        # A library without texts says nothing of the next one.
        if keep and (parity.texts or onnx is None):
            _keep(self.model, parity)
        return onnx, parity


def stored_samples(library: Library) -> Samples:
    """The first few papers of a library with their vectors."""

    def read(weights_sha256: str) -> list[Sample]:
        wanted = (
            select(Paper.title, Paper.summary, Paper.abstract, Embedding.text_sha256, Embedding.vector)
            .join(Embedding, Embedding.paper_id == Paper.id)
            .join(EmbeddingModel, EmbeddingModel.id == Embedding.model_id)
            .where(EmbeddingModel.weights_sha256 == weights_sha256)
            .order_by(Embedding.paper_id)
            .limit(_COMPARED)
        )
        with library.reading() as session:
            rows = session.execute(wanted).all()
        texts = [text_of(row.title, row.summary, row.abstract) for row in rows]
        return [
            (text, np.frombuffer(row.vector, dtype=DTYPE))
            for text, row in zip(texts, rows, strict=True)
            if sha256_of(text) == row.text_sha256
        ]

    return read


def encoder_of(library: Library) -> QueryEncoder | None:
    """What encodes the queries to a library; None for one without vectors."""
    with library.reading() as session:
        name = session.scalar(select(EmbeddingModel.name))
    return None if name is None else QueryEncoder(name, stored_samples(library))


def _loaded(model: Model) -> tuple[OnnxEncoder | None, Parity]:
    try:
        return OnnxEncoder(model), Parity()
    except ModelError as reason:
        return None, Parity(reason=str(reason))


def _comparison(onnx: OnnxEncoder, samples: Sequence[Sample]) -> Parity:
    if not samples:
        return Parity(reason="the library has no vectors to compare those of onnxruntime with")
    expected = np.stack([vector for _text, vector in samples])
    try:
        found = onnx.encode([text for text, _vector in samples])
    except ModelError as error:
        return Parity(len(samples), reason=str(error))
    if found.shape != expected.shape:
        return Parity(len(samples), reason=f"onnxruntime's vectors have {found.shape[1]} dimensions")
    difference = float(np.abs(found - expected).max())
    if difference < TOLERANCE:  # never true of NaN
        return Parity(len(samples), difference)
    why = f"onnxruntime's vectors of {onnx.model.name} differ from the library's by {difference:.1g}"
    return Parity(len(samples), difference, why)


def _kept_path(model: Model) -> Path:
    """Where the outcome is kept, by everything that may change it."""
    digest = hashlib.sha256(model.weights_sha256.encode())
    for package in ("vfm-atlas", "onnxruntime", "tokenizers"):
        digest.update(_version(package).encode())
    digest.update(platform.machine().encode())
    for name in ("config.json", "tokenizer.json"):
        path = model.folder / name
        digest.update(path.read_bytes() if path.is_file() else b"")
    return default_cache() / _FOLDER / f"{digest.hexdigest()[:32]}.json"


def _kept(model: Model) -> Parity | None:
    try:
        values = json.loads(_kept_path(model).read_text(encoding="utf-8"))
        return Parity(int(values["texts"]), values["difference"], values["reason"])
    except (OSError, ValueError, TypeError, KeyError):
        return None


def _keep(model: Model, parity: Parity) -> None:
    path = _kept_path(model)
    partial_path = path.with_suffix(f".{os.getpid()}")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        partial_path.write_text(json.dumps(asdict(parity)), encoding="utf-8")
        partial_path.replace(path)
    except OSError:
        return  # then the next process compares again


def _version(package: str) -> str:
    try:
        return version(package)
    except PackageNotFoundError:
        return "none"


def _start(onnx: bytes, weights_folder: Path) -> Any:
    import onnxruntime

    options = onnxruntime.SessionOptions()
    # One thread is as fast for a text of some words, and needs half the CPU time.
    options.intra_op_num_threads = options.inter_op_num_threads = 1
    options.enable_cpu_mem_arena = False  # would keep what the longest text needed
    options.log_severity_level = 4  # errors come as exceptions; warnings are for who made the graph
    options.add_session_config_entry(
        "session.model_external_initializers_file_folder_path", str(weights_folder)
    )
    return onnxruntime.InferenceSession(onnx, options, providers=["CPUExecutionProvider"])


def _read_tokenizer(folder: Path) -> Any:
    from tokenizers import Tokenizer

    tokenizer = Tokenizer.from_file(str(folder / "tokenizer.json"))
    # What the file says of these is for batches, and other than what sentence-transformers does.
    tokenizer.no_truncation()
    tokenizer.no_padding()
    return tokenizer


def _first_line(reason: Exception) -> str:
    return (str(reason).strip() or type(reason).__name__).splitlines()[0]
