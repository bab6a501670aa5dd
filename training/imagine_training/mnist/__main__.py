"""`python -m imagine_training.mnist`."""

import typer

from .digits import main

typer.run(main)
