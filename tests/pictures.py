"""Pictures for tests, made on the spot: like photographs, and always the same."""

import numpy as np
from PIL import Image


def photograph(height, width, seed=0):
    """Soft shapes and fine detail: uint8 (height, width, 3)."""
    random = np.random.default_rng(seed)
    picture = np.full((height, width, 3), 128.0)
    for cells, levels in ((4, 90), (9, 50), (23, 30)):
        planes = [
            Image.fromarray(random.normal(0, levels, (cells, cells)).astype(np.float32))
            for _ in range(3)
        ]
        large = [plane.resize((width, height), Image.BICUBIC) for plane in planes]
        picture += np.stack([np.asarray(plane) for plane in large], 2)
    return picture.clip(0, 255).astype(np.uint8)


def photographs(folder, height, width, count=5):
    """A new folder with so many of them; it is given back."""
    folder.mkdir(parents=True)
    for seed in range(count):
        Image.fromarray(photograph(height, width, seed)).save(folder / f"{seed}.png")
    return folder


def scene(width=40, height=24):
    """A lamp at dusk, with a little grain: no row or column is like another."""
    y, x = np.mgrid[:height, :width]
    lamp = np.exp(-((x - 0.7 * width) ** 2 + (y - 0.3 * height) ** 2) / 40)
    grain = np.random.default_rng(0).normal(0, 3, (height, width))
    light = np.stack([40 + 200 * lamp, 60 + 120 * lamp + y, 90 + 2 * x + 0 * y], axis=-1)
    return np.clip(light + grain[..., None], 0, 255).astype(np.uint8)
