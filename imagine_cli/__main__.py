"""The program's way in: `imagine`, or `python -m imagine_cli`."""

import os
import sys
from io import TextIOWrapper


def main() -> None:
    # Our matrices are small: no thread of OpenBLAS makes them quicker, and all wait in a loop.
    os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
    # A pipe on Windows does not know every sign.
    if isinstance(sys.stdout, TextIOWrapper) and sys.stdout.errors == "strict":
        sys.stdout.reconfigure(errors="replace")
    try:
        from .cli import app

        app()
    except KeyboardInterrupt:  # while the program was still starting
        sys.exit(130)  # `exits.INTERRUPTED`, which may not be there yet


if __name__ == "__main__":
    main()
