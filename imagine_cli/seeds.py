"""What a variant is known by: its seed, or one seed near another."""

import re
from dataclasses import dataclass
from decimal import Decimal
from itertools import count, islice
from operator import index
from typing import TypeAlias

LARGEST = 2**62
SPREAD = 0.3  # where none is said


@dataclass(frozen=True)
class Near:
    """A variant around one that is liked: its codes are √(1−t²)·liked + t·new, for spread t.

    Codes stay standard normal, as long as the new ones are independent of the liked: `seed` is none
    of those that made `like`.
    """

    like: "Seed"
    spread: float
    """From 0, the liked variant itself, to 1, that of `seed` alone."""
    seed: int

    def __post_init__(self) -> None:
        if self.seed in _made_of(self.like):
            raise ValueError(f"seed {self.seed} is in {name(self.like)} already")


Seed: TypeAlias = int | Near


def name(seed: Seed) -> str:
    """`7`; `7-0.3-2` for seed 2 around it at a spread of 0.3; `7-0.3-2-0.1-5` around that."""
    if isinstance(seed, int):
        return str(seed)
    return f"{name(seed.like)}-{_shortest(seed.spread)}-{seed.seed}"


def named(text: str) -> Seed:
    """The seed of that name. Raises ValueError, one line, if there is none."""
    if not re.fullmatch(r"[0-9]+(-[0-9]*\.?[0-9]+-[0-9]+)*", text):
        raise ValueError(f"'{text}' is not a seed: use 7, or 7-0.3-2 as in a result's name")
    first, *rest = text.split("-")
    seed: Seed = _whole(first)
    for spread, new in zip(rest[::2], rest[1::2], strict=True):
        if float(spread) > 1:
            raise ValueError(f"a spread is from 0 to 1, not {spread}")
        seed = Near(seed, float(spread), _whole(new))
    return seed


def checked(seed: Seed) -> Seed:
    """The seed, if it is one: NumPy's whole numbers are, too. Raises ValueError."""
    if isinstance(seed, Near):
        return Near(checked(seed.like), seed.spread, _checked(seed.seed))
    return _checked(seed)


def _checked(seed: int) -> int:
    try:
        number = index(seed)
    except TypeError:
        raise ValueError(f"a seed is a whole number, not {seed!r}") from None
    if not 0 <= number <= LARGEST:
        raise ValueError(f"a seed is from 0 to {LARGEST}, not {number}")
    return number


def counted(first: int, variants: int, like: Seed | None, spread: float) -> tuple[Seed, ...]:
    """So many seeds from `first` on, or around `like`, where those that made it are left out."""
    if like is None:
        return tuple(range(first, first + variants))
    new = (seed for seed in count(first) if seed not in _made_of(like))
    return tuple(Near(like, spread, seed) for seed in islice(new, variants))


def _made_of(seed: Seed) -> set[int]:
    return {seed} if isinstance(seed, int) else {seed.seed} | _made_of(seed.like)


def _shortest(spread: float) -> str:
    """All its digits, and no more: 0.3, 0, 0.00001. Two spreads never look alike."""
    return f"{Decimal(repr(abs(spread))).normalize():f}"


def _whole(text: str) -> int:
    if len(text) > len(str(LARGEST)) or int(text) > LARGEST:
        raise ValueError(f"{text} is too large for a seed")
    return int(text)
