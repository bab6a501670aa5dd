"""The program's way in: `imagine`, or `python -m imagine_cli`."""

import sys

from .exits import INTERRUPTED


def main() -> None:
    try:
        from .cli import app

        app()
    except KeyboardInterrupt:  # while the program was still starting
        sys.exit(INTERRUPTED)


if __name__ == "__main__":
    main()
