"""What an ONNX file holds, read before a runtime is let near it: a model from outside is data.

An ONNX file is Protocol Buffers: numbered fields, some of which are messages that hold fields of
their own (onnx.proto3 numbers them). We walk the few messages through which a file could reach
beyond itself, skip the rest, weights included, by their length, and look at no weight.
"""

import mmap
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

from .errors import ModelError

LARGEST = 2**31 - 1  # bytes: Protocol Buffers allow no more
_MOST_FIELDS = 1_000_000  # of a file; ours have some ten thousand, and a hostile one a billion
_LONGEST_TEXT = 1_000_000  # bytes of an entry of the metadata

Bytes = mmap.mmap | memoryview

_MESSAGES = {
    ("model", 7): "graph",
    ("model", 8): "operators",
    ("model", 14): "entry",
    ("graph", 1): "node",
    ("graph", 5): "tensor",
    ("node", 5): "attribute",
    ("attribute", 5): "tensor",
    ("attribute", 10): "tensor",
}
_REFUSED = {
    ("model", 20): "training steps",
    ("model", 25): "operators of its own making",
    ("graph", 15): "sparse tensors",  # a few bytes that unfold to any size
    ("attribute", 6): "loops or branches",
    ("attribute", 11): "loops or branches",
    ("attribute", 22): "sparse tensors",
    ("attribute", 23): "sparse tensors",
    ("tensor", 13): "data in another file",
}
_DOMAINS = {("operators", 1), ("node", 7)}
_OPERATOR = ("node", 4)
_UNBOUNDED = frozenset(
    b"ConstantOfShape EyeLike Expand OneHot Pad RandomNormal RandomNormalLike RandomUniform "
    b"RandomUniformLike Range Tile".split()
)
"""A few bytes unfold to any size in these; no model that `imagine train` makes has them."""
_DATA_LOCATION = ("tensor", 14)
_VARINT, _EIGHT_BYTES, _BYTES, _FOUR_BYTES = 0, 1, 2, 5


def metadata(path: Path) -> dict[str, str]:
    """The entries that describe the model, once all of it is seen to stay within its own file.

    Raises ModelError: it is no ONNX file, is too large, or has data in other files, operators that
    are not ONNX's own, loops, branches, sparse tensors, or what takes any memory.
    """
    try:
        size = path.stat().st_size
        if size > LARGEST:
            raise ModelError(f"too large for an ONNX file: {size:,} bytes")
        with open(path, "rb") as file:
            if not size:
                raise _MalformedError
            with mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as data:
                return _walk(data)
    except _MalformedError:
        raise ModelError("not a model of imagine: not an ONNX file, or damaged") from None
    except _RefusedError as error:
        raise ModelError(f"refused, as it has {error}; use another model") from None
    except OSError as error:
        raise ModelError(f"cannot be read: {error.strerror}") from None


class Field(NamedTuple):
    """One field of a message: its number, where it starts, all of it, and what it holds."""

    number: int
    start: int
    is_bytes: bool  # a text, a message, numbers in a row
    whole: memoryview
    content: memoryview

    @property
    def value(self) -> int | None:
        """A whole number, if that is what it holds."""
        return None if self.is_bytes else _varint(self.content, 0, len(self.content))[0]


def fields(message: memoryview) -> Iterator[Field]:
    """The fields of a message. Raises ValueError where it is none."""
    start = 0
    try:
        for number, kind, at, stop in _fields(message, 0, len(message)):
            yield Field(number, start, kind == _BYTES, message[start:stop], message[at:stop])
            start = stop
    except _MalformedError:
        raise ValueError("not a message") from None


class _MalformedError(Exception):
    pass


class _RefusedError(Exception):
    pass


def _walk(data: mmap.mmap) -> dict[str, str]:
    found: dict[str, str] = {}
    left = _MOST_FIELDS
    waiting = [("model", 0, len(data))]
    while waiting:
        message, start, end = waiting.pop()
        entry = {1: "", 2: ""}
        for number, kind, at, stop in _fields(data, start, end):
            left -= 1
            if not left:
                raise _RefusedError(f"more than {_MOST_FIELDS:,} parts")
            place = (message, number)
            if place == _DATA_LOCATION and kind == _VARINT and _varint(data, at, stop)[0]:
                raise _RefusedError("data in another file")
            if kind != _BYTES:
                continue
            if place in _REFUSED:
                raise _RefusedError(_REFUSED[place])
            if place in _DOMAINS and (domain := data[at:stop]) not in (b"", b"ai.onnx"):
                raise _RefusedError(f"operators that are not ONNX's own ({ascii(domain)[1:60]})")
            if place == _OPERATOR and (operator := data[at:stop]) in _UNBOUNDED:
                raise _RefusedError(f"an operator of unbounded size ({operator.decode()})")
            if place in _MESSAGES:
                waiting.append((_MESSAGES[place], at, stop))
            if message == "entry" and number in entry:
                if stop - at > _LONGEST_TEXT:
                    raise _RefusedError("a description of unreasonable length")
                entry[number] = data[at:stop].decode(errors="replace")
        if message == "entry":
            found[entry[1]] = entry[2]
    return found


def _fields(data: Bytes, at: int, end: int) -> Iterator[tuple[int, int, int, int]]:
    """The fields of a message: number, kind, and where the value starts and stops."""
    while at < end:
        tag, at = _varint(data, at, end)
        number, kind = tag >> 3, tag & 7
        if kind == _VARINT:
            stop = _varint(data, at, end)[1]
        elif kind == _BYTES:
            length, at = _varint(data, at, end)
            stop = at + length
        elif kind in (_EIGHT_BYTES, _FOUR_BYTES):
            stop = at + (8 if kind == _EIGHT_BYTES else 4)
        else:
            raise _MalformedError
        if not number or tag >= 2**32 or stop > end:
            raise _MalformedError
        yield number, kind, at, stop
        at = stop


def _varint(data: Bytes, at: int, end: int) -> tuple[int, int]:
    """A number of seven bits a byte, and where it stops."""
    if at < end and data[at] < 128:  # nearly all of them
        return data[at], at + 1
    value = 0
    for shift in range(0, 70, 7):
        if at >= end:
            break
        byte = data[at]
        at += 1
        value |= (byte & 127) << shift
        if byte < 128:
            return value, at
    raise _MalformedError
