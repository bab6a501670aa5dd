"""Every number of a run: what is built, what it sees, how long and how fast it learns."""

from dataclasses import asdict, dataclass, fields, replace
from functools import partial
from itertools import accumulate
from operator import mul
from typing import Any

SHARING = ("compact", "silent")  # networks of which variants may share something
NETS = ("vgg", "alex", "squeeze")  # that a distance may look through: `perceptual.py`


@dataclass(frozen=True)
class LevelShape:
    """One level of the generator. Costs are in multiplications for each pixel that it works on."""

    channels: int  # of the residual trunk
    growth: int  # of the dense blocks
    blocks: int = 2  # RRDBs, each followed by its style
    dense_blocks: int = 2  # in an RRDB (the paper has 3)
    convolutions: int = 3  # in a dense block (the paper has 5)
    downsample: int = 1  # 2: works at half the resolution of its input, four times cheaper
    enlarge: int = 2  # output pixels for an input pixel; 1 for decompression
    tail: tuple[int, ...] = (32,)  # channels after each doubling on the way out
    block_grid: int = 0  # 8: the level also sees whole JPEG blocks, and so its place in the grid
    map_channels: int = 4  # of the spatial latent code
    map_after_blocks: bool = False  # the latent map enters again after every styled block
    shared: int = 0  # of the blocks, at the first level: before the latent code enters
    cells: bool = False  # the map's first three channels are in units of a JPEG's cells
    held: tuple[int, ...] = ()  # for each channel of the map: pixels a side that share a number
    window: int = 0  # side of the input window it is trained on; 0: all of it


@dataclass(frozen=True)
class Preset:
    """A network and its training run."""

    task: str
    levels: tuple[LevelShape, ...]
    condition: int  # what the model is told beside the pixels: kernel, or tables and sampling
    method: str = "imle"  # how it is trained: a name of `run/methods.py`
    network: str = "compact"  # or "hyperrim", the paper's own; a rival has its own too
    vector: int = 32  # length of the vector part of each level's latent code
    style_width: int = 128  # of the mapping network
    crop: int = 352  # side of the observed picture, in pixels
    batch: int = 8
    candidates: tuple[int, ...] = (2,)  # m: codes drawn for each level before the nearest is kept
    patch: int = 12  # output pixels a side: each takes the nearest of several maps; 0: as a whole
    maps: int = 1  # further maps drawn for the patches to take
    frozen: tuple[int, ...] = ()  # levels, from 0, that do not learn: their codes are not chosen
    teacher_forcing: float = 0.0  # share of inputs of later levels that are true pictures
    later_starts: float = 0.0  # share of batches for the first levels alone, on larger pictures
    warm_steps: int = 200  # regression (pixels alone, codes silent) before the first choice
    steps: int = 3000
    learning_rate: float = 4e-4
    betas: tuple[float, float] = (0.9, 0.99)  # Adam's
    final_rate: float = 0.05  # of the learning rate, reached by a cosine
    perceptual: tuple[str, ...] = ("vgg", "squeeze")  # of the loss; the last chooses, none judges
    pixel_weight: float = 0.2  # of the mean absolute difference beside LPIPS
    half_scale_weight: float = 0.0  # of LPIPS on pictures of half the size, beside LPIPS
    spectrum_weight: float = 0.3  # of the difference of local spectra beside LPIPS
    texture_weight: float = 4.0  # of the sliced Wasserstein distance of VGG's features beside LPIPS
    average: float = 0.998  # decay of the running average that is exported
    clip: float = 1.0  # largest gradient norm

    def __post_init__(self) -> None:
        """Raises ValueError for what no run could do."""
        if any(shape.shared for shape in self.levels[1:]):
            raise ValueError("only the first level's variants are of one and the same picture")
        for shape in self.levels:
            most = shape.blocks if self.network in SHARING else 0
            if not 0 <= shape.shared <= most:
                raise ValueError(f"{shape.shared} blocks cannot be shared, {most} at most")
            if shape.cells and (self.task != "decompress" or shape.map_channels < 3):
                raise ValueError("a map in cells is a JPEG's, and has three channels or more")
        if self.later_starts and len(self.levels) < 3:
            raise ValueError("with fewer than three levels no batch can begin later")

    @property
    def factors(self) -> tuple[int, ...]:
        """How many times as large as the first level's input each level's picture is."""
        return tuple(accumulate((shape.enlarge for shape in self.levels), mul))

    def as_json(self) -> dict[str, Any]:
        return asdict(self)

    @classmethod
    def from_json(cls, values: dict[str, Any]) -> "Preset":
        values = _renamed(values)
        known = {field.name: values[field.name] for field in fields(cls) if field.name in values}
        known["levels"] = tuple(
            LevelShape(
                **{
                    **_renamed(level),
                    "tail": tuple(level["tail"]),
                    "held": tuple(level.get("held", ())),
                }
            )
            for level in values["levels"]
        )
        for name in ("candidates", "perceptual"):
            known[name] = tuple(values[name])
        known["frozen"] = tuple(values.get("frozen", ()))
        if "betas" in values:
            known["betas"] = tuple(values["betas"])
        return cls(**known)


OLDER = {"latent": "style_width", "inside": "downsample"}  # as they are called in older files


def _renamed(values: dict[str, Any]) -> dict[str, Any]:
    return {
        OLDER.get(name, name): value
        for name, value in values.items()
        if (name, value) != ("again", False)  # a level that comes again: gone
    }


# 13 GMAC for 32² to 512². Early levels have few pixels: they may be wide. Late ones are narrow.
UPSCALE = Preset(
    task="upscale",
    levels=(
        LevelShape(80, 40, tail=(48,), map_after_blocks=True),
        LevelShape(64, 32, window=32, map_after_blocks=True),
        LevelShape(40, 20, tail=(24,), window=32, map_after_blocks=True),
        LevelShape(32, 16, dense_blocks=1, tail=(16,), window=48, map_after_blocks=True),
    ),
    condition=5,
    candidates=(3, 1, 1, 1),
    maps=3,
    teacher_forcing=0.5,
    half_scale_weight=0.7,
)

# Wider where pixels are few, and with maps of few numbers. 16 GMAC for 32² to 512². For a GPU: six
# tries or more, windows of 96 pixels.
_FEW_NUMBERS = partial(LevelShape, map_after_blocks=True, held=(2, 4, 8, 8))
WIDE_UPSCALE = replace(
    UPSCALE,
    levels=(
        _FEW_NUMBERS(128, 64, dense_blocks=3, tail=(64,)),
        _FEW_NUMBERS(80, 40, tail=(40,), window=48),
        _FEW_NUMBERS(64, 32, blocks=3, downsample=2, tail=(32, 16), window=48),
        _FEW_NUMBERS(40, 20, downsample=2, tail=(24, 16), window=48, held=(1, 2, 4, 8)),
    ),
    crop=448,
    batch=64,
    patch=16,
    maps=5,
    teacher_forcing=0.3,
    later_starts=0.35,
    learning_rate=8e-4,
    final_rate=0.02,
    half_scale_weight=1.0,
)

# 0.1 TMAC for a megapixel; a variant more takes half of that.
DECOMPRESS = Preset(
    task="decompress",
    levels=(
        LevelShape(
            channels=96,
            growth=32,
            blocks=3,
            shared=2,
            downsample=4,
            enlarge=1,
            tail=(32, 16),
            block_grid=8,
            map_after_blocks=True,
            cells=True,
        ),
    ),
    condition=131,
    crop=96,
    candidates=(2,),
    patch=16,
    maps=5,
    half_scale_weight=0.7,
    warm_steps=1000,
    pixel_weight=0.6,
)

# The paper (HyperRIM), as its public code has it: 1458 GMAC for 32² to 512², 209 M parameters.
PAPER_UPSCALE = Preset(
    task="upscale",
    levels=tuple(
        LevelShape(channels, growth, 6, 3, 5, tail=(), map_channels=5)
        for channels, growth in ((128, 256), (64, 192), (64, 128), (64, 64))
    ),
    condition=0,
    network="hyperrim",
    vector=128,
    style_width=512,
    crop=512,
    batch=1,
    candidates=(120, 120, 120, 120),
    patch=0,
    maps=0,
    warm_steps=0,
    steps=1_000_000,  # 20 passes over 1300 pictures, 320 at a time, 10,000 steps each
    learning_rate=1.25e-4,
    betas=(0.9, 0.999),
    final_rate=1.0,
    perceptual=("vgg",),
    pixel_weight=0.0,
    spectrum_weight=0.0,
    texture_weight=0.0,
    average=0.0,
    clip=1e12,  # none
)

PAPER_DECOMPRESS = replace(
    PAPER_UPSCALE,
    task="decompress",
    levels=(LevelShape(64, 64, 6, 3, 5, enlarge=1, tail=(), map_channels=5),),
    crop=256,  # of the papers that followed; this one does not say
    candidates=(120,),
    steps=800_000,
    learning_rate=1e-4,
)

PRESETS = {
    "upscale": {"compact": UPSCALE, "wide": WIDE_UPSCALE, "paper": PAPER_UPSCALE},
    "decompress": {"compact": DECOMPRESS, "paper": PAPER_DECOMPRESS},
}
