"""Libraries that print what they meet in a damaged file, past Python: nobody hears them."""

import contextlib
import os
from collections.abc import Iterator


@contextlib.contextmanager
def silence() -> Iterator[None]:
    """Nothing on stdout and stderr meanwhile."""
    try:
        stderr = os.dup(2)
    except OSError:  # it is closed, and silent already
        yield
        return
    try:
        with open(os.devnull, "w") as nowhere, contextlib.redirect_stdout(nowhere):
            os.dup2(nowhere.fileno(), 2)
            yield
    finally:
        os.dup2(stderr, 2)
        os.close(stderr)
