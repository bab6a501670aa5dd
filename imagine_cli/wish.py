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

    @property
    def tag(self) -> str:
        """What results are called after."""
        return f"x{self.scale}" if self.task == "upscale" else "decompressed"
