"""Presets so small that a run takes a second."""

from dataclasses import replace

from imagine_training.method.presets import DECOMPRESS, UPSCALE, LevelShape

SMALL = LevelShape(8, 4, 1, 1, 2, tail=(8,))
TINY = {
    "upscale": replace(
        UPSCALE, levels=(SMALL,) * 4, crop=256, batch=2, warm_steps=2, perceptual=("squeeze",)
    ),
    "decompress": replace(
        DECOMPRESS, levels=(replace(DECOMPRESS.levels[0], channels=8, growth=4),), crop=32, batch=2,
        warm_steps=1, perceptual=("squeeze",),
    ),
}  # fmt: skip
PIXELS_ALONE = replace(TINY["decompress"], perceptual=(), warm_steps=0, steps=60)
