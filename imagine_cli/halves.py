"""Weights that a model file holds in half precision, written out before a runtime sees them.

A file of halves is half as large. To run, its graph casts each to full precision, which a runtime
would do again for every tile; here it is done once, on the file's bytes: casts of weights become
weights. (ONNX's messages and their numbers: `onnxfile.py` and onnx.proto3.)
"""

from collections.abc import Iterator
from itertools import chain

import numpy as np

from .onnxfile import Field, fields

_GRAPH = 7  # of a model
_NODE, _TENSOR, _INPUTS, _OUTPUTS = 1, 5, 11, 12  # of a graph
_INPUT, _OUTPUT, _OPERATOR, _ATTRIBUTE = 1, 2, 4, 5  # of a node
_NUMBER = 3  # of an attribute
_DIMENSION, _TYPE, _NAME, _RAW = 1, 2, 8, 9  # of a tensor
_FULL, _HALF = 1, 10  # kinds of number
_CAST = b"Cast"


def in_full(data: bytes) -> bytes:
    """A model file's bytes with all its weights in full precision: at most twice as many.

    It has been looked through. Raises ValueError where a weight is not as long as halves are, or
    is cast more than once, which could unfold to any size.
    """
    return b"".join(
        _graph(one) if one.number == _GRAPH and one.is_bytes else one.whole
        for one in fields(memoryview(data))
    )


def _graph(graph: Field) -> bytes | memoryview:
    parts = list(fields(graph.content))
    halves = _halves(parts)
    if not halves:
        return graph.whole
    sources = [(part.start, _cast_to_full(part)) for part in parts]
    casts = {start: source for start, source in sources if source in halves}
    if len(set(casts.values())) < len(casts):
        raise ValueError("a weight that is cast twice")
    # A half that something else reads as well stays beside what it is cast to.
    read = {
        bytes(one.content)
        for part in parts
        if part.start not in casts and part.is_bytes
        if part.number in (_NODE, _INPUTS, _OUTPUTS)
        for one in fields(part.content)
        if one.number == _INPUT  # of a node; the name, of an input or output
    }
    dropped = {halves[name].start for name in casts.values() if name not in read}
    return _encoded(
        _GRAPH,
        *(
            _weight(halves[casts[part.start]], part) if part.start in casts else part.whole
            for part in parts
            if part.start not in dropped
        ),
    )


def _halves(parts: list[Field]) -> dict[bytes, Field]:
    """By name, a graph's tensors in half precision."""
    found = {}
    for part in parts:
        if part.number == _TENSOR and part.is_bytes:
            inner = {one.number: one for one in fields(part.content)}
            if _TYPE in inner and inner[_TYPE].value == _HALF and {_NAME, _RAW} <= inner.keys():
                found[bytes(inner[_NAME].content)] = part
    return found


def _cast_to_full(part: Field) -> bytes | None:
    """What a node casts to full precision, if that is what it does."""
    if part.number != _NODE or not part.is_bytes or _CAST not in bytes(part.content):
        return None
    inner = {one.number: one for one in fields(part.content)}
    if not {_INPUT, _OUTPUT, _OPERATOR, _ATTRIBUTE} <= inner.keys():
        return None
    kind = {one.number: one.value for one in fields(inner[_ATTRIBUTE].content)}.get(_NUMBER)
    if bytes(inner[_OPERATOR].content) != _CAST or kind != _FULL:
        return None
    return bytes(inner[_INPUT].content)


def _weight(half: Field, cast: Field) -> bytes:
    """The tensor that a cast makes of a half."""
    inner = {one.number: one for one in fields(half.content)}
    shape = [one.whole for one in fields(half.content) if one.number == _DIMENSION]
    name = next(one.content for one in fields(cast.content) if one.number == _OUTPUT)
    numbers = np.frombuffer(inner[_RAW].content, "<f2").astype("<f4").tobytes()
    kind = bytes([_TYPE << 3, _FULL])
    return _encoded(_TENSOR, *shape, kind, _encoded(_NAME, name), _encoded(_RAW, numbers))


def _encoded(number: int, *content: bytes | memoryview) -> bytes:
    """A field that holds bytes: a text, a message, numbers in a row."""
    length = sum(map(len, content))
    return b"".join(chain([bytes([number << 3 | 2]), bytes(_varint(length))], content))


def _varint(value: int) -> Iterator[int]:
    while value > 127:
        yield value & 127 | 128
        value >>= 7
    yield value
