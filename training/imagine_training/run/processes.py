"""Which of a run's processes this is, as torchrun tells them."""

import os


def rank() -> int:
    return int(os.environ.get("RANK", 0))


def size() -> int:
    return int(os.environ.get("WORLD_SIZE", 1))
