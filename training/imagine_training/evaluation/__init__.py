"""Measuring models, and whatever else makes pictures. Begin at `evaluate.py`."""
