"""Writing an ONNX model: nodes, small constants, and weights that stay in a file of their own.

ONNX is a protobuf format (onnx.proto of the ONNX project). The few messages that are needed are written here,
because the package `onnx` is large and of no use otherwise.
"""

import struct
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

IR_VERSION = 9
OPSET = 20
_FLOAT, _INT64 = 1, 7  # TensorProto.DataType
_ATTRIBUTE_FLOAT, _ATTRIBUTE_INT, _ATTRIBUTE_INTS = 1, 2, 7  # AttributeProto.AttributeType
_EXTERNAL = 1  # TensorProto.DataLocation
_BYTES, _FIXED32 = 2, 5  # wire types; 0 is a varint


@dataclass(frozen=True)
class Weight:
    """A float32 array in the file of weights: its shape, and where its bytes are."""

    shape: tuple[int, ...]
    offset: int
    length: int


class OnnxModel:
    """A model that is put together node by node; a value is known by its name."""

    def __init__(self, weights: Mapping[str, Weight], file: str) -> None:
        """`file` is the name of the file that holds the weights; the runtime is told its folder."""
        self._weights = weights
        self._file = file
        self._nodes: list[bytes] = []
        self._initializers: dict[str, bytes] = {}

    def weight(self, name: str) -> str:
        """The value that an array of the file has; KeyError when there is none of this name."""
        weight = self._weights[name]
        where = {"location": self._file, "offset": str(weight.offset), "length": str(weight.length)}
        self._initializers[name] = b"".join(
            (
                *(_integer(1, size) for size in weight.shape),
                _integer(2, _FLOAT),
                _text(8, name),
                *(_message(13, _text(1, key) + _text(2, value)) for key, value in where.items()),
                _integer(14, _EXTERNAL),
            )
        )
        return name

    def constant(self, value: int | float | Sequence[int]) -> str:
        """A value that is the same for every input: a scalar, or a list of integers."""
        name = f"constant {len(self._initializers)}"
        values, dims = ([value], b"") if isinstance(value, int | float) else (value, _integer(1, len(value)))
        kind, code = ("f", _FLOAT) if isinstance(value, float) else ("q", _INT64)
        raw = struct.pack(f"<{len(values)}{kind}", *values)
        self._initializers[name] = dims + _integer(2, code) + _text(8, name) + _message(9, raw)
        return name

    def node(
        self, operator: str, *inputs: str, name: str = "", **attributes: int | float | Sequence[int]
    ) -> str:
        """The value that an operator gives; `name` is what it is called, when that matters."""
        output = name or f"value {len(self._nodes)}"
        self._nodes.append(
            b"".join(
                (
                    *(_text(1, each) for each in inputs),
                    _text(2, output),
                    _text(4, operator),
                    *(_message(5, _attribute(key, value)) for key, value in attributes.items()),
                )
            )
        )
        return output

    def to_bytes(self, tokens: str, vector: str) -> bytes:
        """The model, from a list of integers `tokens` to a list of floats `vector`."""
        graph = b"".join(
            (
                *(_message(1, node) for node in self._nodes),
                _text(2, "encoder"),
                *(_message(5, each) for each in self._initializers.values()),
                _message(11, _list_of(tokens, _INT64)),
                _message(12, _list_of(vector, _FLOAT)),
            )
        )
        return _integer(1, IR_VERSION) + _message(7, graph) + _message(8, _text(1, "") + _integer(2, OPSET))


def _list_of(name: str, code: int) -> bytes:
    shape = _message(1, _text(2, f"length of {name}"))
    return _text(1, name) + _message(2, _message(1, _integer(1, code) + _message(2, shape)))


def _attribute(name: str, value: int | float | Sequence[int]) -> bytes:
    if isinstance(value, float):
        body, code = _key(2, _FIXED32) + struct.pack("<f", value), _ATTRIBUTE_FLOAT
    elif isinstance(value, int):
        body, code = _integer(3, value), _ATTRIBUTE_INT
    else:
        body, code = b"".join(_integer(8, each) for each in value), _ATTRIBUTE_INTS
    return _text(1, name) + body + _integer(20, code)


def _text(field: int, value: str) -> bytes:
    return _message(field, value.encode())


def _message(field: int, value: bytes) -> bytes:
    return _key(field, _BYTES) + _varint(len(value)) + value


def _integer(field: int, value: int) -> bytes:
    return _key(field, 0) + _varint(value)


def _key(field: int, wire_type: int) -> bytes:
    return _varint(field << 3 | wire_type)


def _varint(value: int) -> bytes:
    value &= (1 << 64) - 1  # negative ones are written as 64 bits, in two's complement
    parts = bytearray()
    while value > 0x7F:
        parts.append(value & 0x7F | 0x80)
        value >>= 7
    parts.append(value)
    return bytes(parts)
