"""A preset to its network."""

from .hyperrim import HyperRIM
from .network import Generator
from .presets import Preset

Network = Generator | HyperRIM


def build(preset: Preset, *, reduced: bool = False) -> Network:
    """`reduced` convolves in bfloat16."""
    if preset.network == "hyperrim":
        return HyperRIM(preset, reduced=reduced)
    return Generator(preset, reduced=reduced)
