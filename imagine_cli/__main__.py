"""`python -m imagine_cli`: the same as `imagine`."""

from .cli import main

main()
