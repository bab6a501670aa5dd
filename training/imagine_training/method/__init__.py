"""The method: conditional IMLE (`imle.py`), its networks, its objective, what it learns from."""
