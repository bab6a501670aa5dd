"""What all tests share: a worker is one core, so NumPy and torch take one thread each."""

import os

os.environ.setdefault("OMP_NUM_THREADS", "1")

pytest_plugins = ["command"]
