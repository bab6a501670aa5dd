"""Presets so small that a run takes a second."""

from dataclasses import replace

from imagine_training.method.presets import DECOMPRESS, UPSCALE, LevelShape

SMALL = LevelShape(8, 4, 1, 1, 2, tail=(8,), map_after_blocks=True)
TINY = {
    "upscale": replace(
        UPSCALE, levels=(SMALL,) * 3, crop=104, batch=2, warm_steps=2, perceptual=("squeeze",)
    ),
    "decompress": replace(
        DECOMPRESS, levels=(replace(SMALL, downsample=2, enlarge=1, block_grid=8),), crop=32,
        batch=2, warm_steps=1, perceptual=("squeeze",),
    ),
}  # fmt: skip
PIXELS_ALONE = replace(TINY["decompress"], perceptual=(), warm_steps=0, steps=24)
