"""Spoils a model file in many ways, and opens and runs each: python mutate_onnx.py FILE FROM TO

Prints how often each thing came of it. Whatever is not a ModelError ends it with a traceback, and
so do ten seconds without an answer.
"""

import json
import random
import resource
import signal
import sys
import tempfile
from collections import Counter
from pathlib import Path

import numpy as np

from imagine_cli import ModelError, OnnxModel

NUMBERS = [b"\x00", b"\xff", b"\x7f", b"\x80\x80\x01", b"\xff" * 9 + b"\x01", bytes(8)]


def spoilt(data: bytes, chance: random.Random) -> bytes:
    """One to four changes: a bit, a byte, a number, a piece lost, doubled, moved, an early end."""
    for _ in range(chance.randint(1, 4)):
        # The operators come first, and are few beside the weights.
        at = chance.randrange(min(len(data), chance.choice((30_000, 2**31))))
        length = chance.choice((1, 2, 8, 64))
        piece = data[at : at + length]
        elsewhere = chance.randrange(len(data))
        kind = chance.randrange(7)
        if kind == 0:
            data = data[:at] + bytes([data[at] ^ 1 << chance.randrange(8)]) + data[at + 1 :]
        elif kind == 1:
            data = data[:at] + chance.randbytes(1) + data[at + 1 :]
        elif kind == 2:
            data = data[:at] + chance.choice(NUMBERS) + data[at + 1 :]
        elif kind == 3:
            data = data[:at] + data[at + length :]
        elif kind == 4:
            data = data[:at] + piece + data[at:]
        elif kind == 5:
            data = data[:elsewhere] + piece + data[elsewhere + length :]
        elif chance.random() < 0.2:
            data = data[: max(at, 1)]
        data = data or b"\x08"
    return data


def outcome(file: Path) -> str:
    done = "refused when opened"
    try:
        model = OnnxModel(file, "cpu", threads=1)
        done = "refused when run"
        card = model.card
        vector, condition = np.ones(card.vector, np.float32), np.ones(card.condition, np.float32)
        for number, level in enumerate(card.levels):
            sides = 2 * level.multiple, 3 * level.multiple
            field = np.ones((level.channels, *sides), np.float32)
            pixels = np.full((*sides, 3), 0.5)
            shared = [model.share(number, pixels, condition)] if level.shared else []
            model(number, pixels, field, vector, condition, *shared)
    except ModelError as error:
        if len(str(error).splitlines()) != 1:
            raise
        return done
    return "runs"


def main(file: Path, first: int, last: int) -> None:
    resource.setrlimit(resource.RLIMIT_AS, (6 * 2**30, 6 * 2**30))
    data, tally = file.read_bytes(), Counter()
    with tempfile.TemporaryDirectory() as folder:
        victim = Path(folder, "spoilt.onnx")
        for seed in range(first, last):
            victim.write_bytes(spoilt(data, random.Random(seed)))
            print(f"seed {seed}", file=sys.stderr)
            signal.alarm(10)
            tally[outcome(victim)] += 1
            signal.alarm(0)
    print(json.dumps(tally))


if __name__ == "__main__":
    main(Path(sys.argv[1]), int(sys.argv[2]), int(sys.argv[3]))
