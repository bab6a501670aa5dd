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
