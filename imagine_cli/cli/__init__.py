"""The command line: reads arguments, calls the library, prints, and sets the exit code."""

from .app import app

__all__ = ["app"]
