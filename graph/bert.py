"""The graph of a BERT encoder for onnxruntime, written from the files of a sentence-transformers model.

The weights stay where they are: the graph says at which bytes of `model.safetensors` each of them lies, and
onnxruntime maps that file into memory. So nothing is exported, converted or stored, and a file whose hash was
checked is what is computed with. One text is encoded at a time, so that no padding has to be masked.
"""

import json
import math
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from graph.encoder import WEIGHTS, Model
from graph.errors import ModelError
from graph.onnx_model import OnnxModel, Weight

TOKENS, VECTOR = "tokens", "vector"
_HEADER_LIMIT = 10_000_000


@dataclass(frozen=True)
class BertGraph:
    """A graph in ONNX, the folder with the weights it refers to, and how many tokens the model reads."""

    onnx: bytes
    weights_folder: Path
    max_tokens: int


@dataclass(frozen=True)
class _Shape:
    layers: int
    hidden: int
    heads: int
    epsilon: float
    pooling: str
    max_tokens: int


def read_bert(model: Model) -> BertGraph:
    """The graph of a model; raises ModelError for another architecture, or for unusual settings."""
    try:
        shape = _read_shape(model.folder)
        # The hub's cache holds links to files elsewhere, and onnxruntime follows no link out of the folder.
        file = (model.folder / WEIGHTS).resolve()
        onnx = _graph(OnnxModel(_read_header(file), file.name), shape)
        return BertGraph(onnx, file.parent, shape.max_tokens)
    except _Unsuited as reason:
        why = str(reason)
    except KeyError as missing:
        why = f"has no {missing}"
    except (OSError, ValueError, TypeError, AttributeError) as reason:
        why = f"has files that cannot be read ({reason})"
    raise ModelError(f"onnxruntime is not used for {model.name}, which {why}")


class _Unsuited(Exception):
    """What it is that cannot be computed here, in words that follow "which"."""


def _read_shape(folder: Path) -> _Shape:
    config = _json(folder / "config.json")
    if config["model_type"] != "bert":
        raise _Unsuited(f"has the architecture {config['model_type']}, not bert")
    for setting, usual in (("hidden_act", "gelu"), ("position_embedding_type", "absolute")):
        if config.get(setting, usual) != usual:
            raise _Unsuited(f"has {setting} {config[setting]!r}, not {usual!r}")
    settings = _json(folder / "sentence_bert_config.json")
    if settings.get("do_lower_case"):
        raise _Unsuited("has do_lower_case set")
    prompts = folder / "config_sentence_transformers.json"
    if prompts.exists() and _json(prompts).get("default_prompt_name"):
        raise _Unsuited("puts a prompt before each text")
    return _Shape(
        layers=int(config["num_hidden_layers"]),
        hidden=int(config["hidden_size"]),
        heads=int(config["num_attention_heads"]),
        epsilon=float(config["layer_norm_eps"]),
        pooling=_read_pooling(folder),
        max_tokens=min(int(settings["max_seq_length"]), int(config["max_position_embeddings"])),
    )


def _read_pooling(folder: Path) -> str:
    steps = _json(folder / "modules.json")
    kinds = [step["type"].rpartition(".")[2] for step in steps]
    if kinds not in (["Transformer", "Pooling"], ["Transformer", "Pooling", "Normalize"]) or steps[0]["path"]:
        raise _Unsuited(f"has the steps {', '.join(kinds)}")
    config = _json(folder / steps[1]["path"] / "config.json")
    modes = [config["pooling_mode"]] if "pooling_mode" in config else []
    modes += [name for name, chosen in config.items() if name.startswith("pooling_mode_") and chosen is True]
    known = {
        "mean": "mean",
        "cls": "cls",
        "pooling_mode_mean_tokens": "mean",
        "pooling_mode_cls_token": "cls",
    }
    if len(modes) != 1 or modes[0] not in known:
        raise _Unsuited(f"has the pooling {modes}, not mean or cls")
    return known[modes[0]]


def _json(path: Path) -> Any:
    return json.loads(path.read_text(encoding="utf-8"))


def _read_header(path: Path) -> dict[str, Weight]:
    """The float32 arrays of a safetensors file, by their names without a leading "bert."."""
    with path.open("rb") as file:
        length = int.from_bytes(file.read(8), "little")
        if length > _HEADER_LIMIT:
            raise _Unsuited(f"has a {path.name} that is no safetensors file")
        header = json.loads(file.read(length))
    found = {}
    for name, entry in header.items():
        if entry.get("dtype") != "F32":  # position ids, and the file's own metadata
            continue
        begin, end = entry["data_offsets"]
        weight = Weight(tuple(entry["shape"]), 8 + length + begin, end - begin)
        if weight.length != 4 * math.prod(weight.shape):
            raise _Unsuited(f"has a {path.name} whose sizes do not fit")
        found[name.removeprefix("bert.")] = weight
    return found


def _graph(model: OnnxModel, shape: _Shape) -> bytes:
    x = _embedded(model, shape)
    for layer in range(shape.layers):
        x = _layer(model, shape, f"encoder.layer.{layer}", x)
    if shape.pooling == "mean":
        model.node("ReduceMean", x, model.constant([0]), name=VECTOR, keepdims=0)
    else:
        model.node("Gather", x, model.constant(0), name=VECTOR)
    return model.to_bytes(TOKENS, VECTOR)


def _embedded(model: OnnxModel, shape: _Shape) -> str:
    """Words, positions and kind of text, as one vector per token."""
    tables = (
        model.weight(f"embeddings.{kind}_embeddings.weight") for kind in ("word", "position", "token_type")
    )
    words, positions, kinds = tables
    length = model.node("Shape", TOKENS)
    x = model.node(
        "Add",
        model.node("Gather", words, TOKENS),
        model.node("Slice", positions, model.constant([0]), length),
    )
    x = model.node("Add", x, model.node("Gather", kinds, model.constant(0)))
    return _normalised(model, shape, "embeddings.LayerNorm", x)


def _layer(model: OnnxModel, shape: _Shape, at: str, x: str) -> str:
    size = shape.hidden // shape.heads
    split = model.constant([-1, shape.heads, size])
    query, key, value = (
        model.node("Reshape", _linear(model, f"{at}.attention.self.{part}", x), split)
        for part in ("query", "key", "value")
    )
    query, value = (model.node("Transpose", each, perm=(1, 0, 2)) for each in (query, value))
    key = model.node("Transpose", key, perm=(1, 2, 0))
    scores = model.node("Mul", model.node("MatMul", query, key), model.constant(size**-0.5))
    seen = model.node("MatMul", model.node("Softmax", scores, axis=-1), value)
    seen = model.node(
        "Reshape", model.node("Transpose", seen, perm=(1, 0, 2)), model.constant([-1, shape.hidden])
    )
    seen = _linear(model, f"{at}.attention.output.dense", seen)
    x = _normalised(model, shape, f"{at}.attention.output.LayerNorm", model.node("Add", seen, x))
    inner = model.node("Gelu", _linear(model, f"{at}.intermediate.dense", x))
    inner = _linear(model, f"{at}.output.dense", inner)
    return _normalised(model, shape, f"{at}.output.LayerNorm", model.node("Add", inner, x))


def _linear(model: OnnxModel, name: str, x: str) -> str:
    return model.node("Gemm", x, model.weight(f"{name}.weight"), model.weight(f"{name}.bias"), transB=1)


def _normalised(model: OnnxModel, shape: _Shape, name: str, x: str) -> str:
    return model.node(
        "LayerNormalization",
        x,
        model.weight(f"{name}.weight"),
        model.weight(f"{name}.bias"),
        axis=-1,
        epsilon=shape.epsilon,
    )
