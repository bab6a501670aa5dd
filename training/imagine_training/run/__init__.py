"""A training run: from a command and pictures to a folder with a model. Begin at `loop.py`."""
