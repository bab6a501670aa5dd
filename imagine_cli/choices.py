"""What a person may choose from: each list is said once, for the command and the library."""

from enum import StrEnum


class Task(StrEnum):
    upscale = "upscale"
    decompress = "decompress"


class Scale(StrEnum):
    x2 = "2"
    x4 = "4"
    x8 = "8"
    x16 = "16"


class Kernel(StrEnum):
    """The order is that in which a model is told the kernel, one-hot: it never changes."""

    box = "box"
    bilinear = "bilinear"
    hamming = "hamming"
    bicubic = "bicubic"
    lanczos = "lanczos"


class Format(StrEnum):
    """Of results: all are lossless."""

    png = "png"
    webp = "webp"
    tiff = "tiff"
