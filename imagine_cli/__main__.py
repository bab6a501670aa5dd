"""The program's way in: `imagine`, or `python -m imagine_cli`."""

import sys
from io import TextIOWrapper


def main() -> None:
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
