"""The program's way in: `imagine`, or `python -m imagine_cli`."""

import sys


def main() -> None:
    try:
        from .cli import app

        app()
    except KeyboardInterrupt:  # while the program was still starting
        sys.exit(130)  # `exits.INTERRUPTED`, which may not be there yet


if __name__ == "__main__":
    main()
