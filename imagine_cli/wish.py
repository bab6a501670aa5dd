"""What is wanted of every picture of a run."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Wish:
    task: str  # "upscale" or "decompress"
    scale: int  # 1 for decompress
    kernel: str
    seeds: range
    format: str
    sheet: bool
    overwrite: bool
    max_pixels: int
    like: int | None = None  # a seed to stay near
    spread: float = 0.0  # how near: 0 to 1

    @property
    def tag(self) -> str:
        """What results are called after."""
        return f"x{self.scale}" if self.task == "upscale" else "decompressed"

    def name(self, which: int | str) -> str:
        """What the result of a seed, or the sheet, ends in."""
        return str(which) if self.like is None else f"like{self.like}-{self.spread:g}-{which}"
