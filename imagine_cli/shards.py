"""Sharing many files among machines that do not talk: each takes those that fall to it."""

import re
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path


@dataclass(frozen=True)
class Shard:
    """The part `number` of `count`, from 1 to `count`: all parts together are everything, once."""

    number: int = 1
    count: int = 1

    @classmethod
    def parse(cls, text: str) -> "Shard":
        """From "2/8". Raises ValueError, one line."""
        if found := re.fullmatch(r"([0-9]{1,9})/([0-9]{1,9})", text):
            number, count = int(found[1]), int(found[2])
            if 1 <= number <= count:
                return cls(number, count)
        raise ValueError(f"'{text}' is not a shard: 2/8 is the second of eight")

    def takes(self, path: Path) -> bool:
        """By the name alone, so that it is the same wherever a machine has the folder."""
        digest = sha256(path.name.encode("utf-8", "surrogateescape")).digest()
        return int.from_bytes(digest[:8]) % self.count == self.number - 1
