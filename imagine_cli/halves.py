"""Weights that a model file holds in half precision, written out before a runtime sees them.

A file of halves is half as large. To run, its graph casts each to full precision, which a runtime
would do again for every tile; here it is done once, on the file's bytes: casts of weights become
weights. (ONNX's messages and their numbers: `onnxfile.py` and onnx.proto3.)
"""

from collections.abc import Iterator
from typing import NamedTuple

import numpy as np

from .onnxfile import Bytes, encoded, parts

_GRAPH = 7  # of a model
_NODE, _TENSOR = 1, 5  # of a graph
_INPUT, _OUTPUT, _OPERATOR = 1, 2, 4  # of a node
_DIMENSION, _TYPE, _NAME, _RAW = 1, 2, 8, 9  # of a tensor
_FULL, _HALF = b"\x01", b"\x0a"  # kinds of number


class _Half(NamedTuple):
    dimensions: bytes
    raw: bytes


def in_full(data: Bytes) -> bytes:
    """A model file's bytes with all its weights in full precision. It has been looked through.

    Raises ValueError where a weight is not as long as halves are.
    """
    return b"".join(
        encoded(number, _graph(content)) if number == _GRAPH else whole
        for number, whole, content in parts(data)
    )


def _graph(data: bytes) -> bytes:
    halves = dict(_halves(data))
    return b"".join(_in_full(*field, halves) for field in parts(data)) if halves else data


def _halves(graph: bytes) -> Iterator[tuple[bytes, _Half]]:
    """By name, the tensors in half precision."""
    for number, _, content in parts(graph):
        if number == _TENSOR:
            fields = {at: value for at, _, value in parts(content)}
            if fields.get(_TYPE) == _HALF and {_NAME, _RAW} <= fields.keys():
                shape = b"".join(whole for at, whole, _ in parts(content) if at == _DIMENSION)
                yield fields[_NAME], _Half(shape, fields[_RAW])


def _in_full(number: int, whole: bytes, content: bytes, halves: dict[bytes, _Half]) -> bytes:
    """A graph's field: the cast of a half as a weight, a half itself not at all, others as is."""
    fields = {at: value for at, _, value in parts(content)} if number in (_NODE, _TENSOR) else {}
    if number == _TENSOR and fields.get(_NAME) in halves:
        return b""
    if number != _NODE or fields.get(_OPERATOR) != b"Cast" or fields[_INPUT] not in halves:
        return whole
    shape, raw = halves[fields[_INPUT]]
    numbers = np.frombuffer(raw, "<f2").astype("<f4").tobytes()
    kind = bytes([_TYPE << 3]) + _FULL
    return encoded(_TENSOR, shape + kind + encoded(_NAME, fields[_OUTPUT]) + encoded(_RAW, numbers))
