"""All networks by name, ours and the rivals': what a preset builds."""

from ..method.hyperrim import HyperRIM
from ..method.learning import Network
from ..method.network import Generator
from ..method.presets import Preset
from . import esrgan, pix2pix, regression

NETWORKS: dict[str, type[Network]] = {
    "hyperrim": HyperRIM,
    **{
        one.kind: one
        for one in (Generator, esrgan.Generator, pix2pix.Generator, regression.Generator)
    },
}


def build(preset: Preset, *, reduced: bool = False) -> Network:
    """A preset to its network. `reduced` convolves in bfloat16."""
    return NETWORKS[preset.network](preset, reduced=reduced)
