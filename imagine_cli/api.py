"""The program as a library: what opens a model, a picture, a JPEG. See docs/api.md."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, BinaryIO

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from . import hub, picture
from .errors import PictureError
from .jpeg import JpegCoded
from .model import OnnxModel
from .picture import Picture

Path = str | os.PathLike[str]


def load_model(
    name: Path, *, device: str = "auto", threads: int = 0, offline: bool = False
) -> OnnxModel:
    """A model, ready to run: "upscale", "decompress", a folder, a file, or user/repo on the Hub.

    Raises:
        ModelError: There is none of that name, or it cannot be run.
        DeviceError: The device ("cpu", "cuda", "coreml", "directml") is not there.
    """
    return OnnxModel(hub.find(os.fspath(name), offline=offline), device, threads)


def open_picture(
    source: Path | BinaryIO | Image.Image | NDArray[np.uint8] | NDArray[np.uint16],
) -> Picture:
    """A picture, upright, in 8 or 16 bits: from a file, a Pillow image or an array.

    Raises PictureError, one line that says what is wrong with it.
    """
    if isinstance(source, np.ndarray):
        return _of_array(source)
    with _named(source):
        return picture.read(source, deep=True)


def open_jpeg(source: Path | bytes) -> JpegCoded:
    """A JPEG as evidence, from its file or its bytes.

    Raises PictureError, one line that says what is wrong with it.
    """
    with _named(source):
        if isinstance(source, bytes):
            return JpegCoded.from_bytes(source)
        return JpegCoded.from_file(source)


def _of_array(array: NDArray[Any]) -> Picture:
    """An array as a picture: grey, colour, or either with alpha."""
    channels = array.shape[2] if array.ndim == 3 else 1
    known = array.dtype in (np.uint8, np.uint16) and array.ndim in (2, 3) and channels in (1, 3, 4)
    if not known:
        raise PictureError(
            "an array is to be uint8 or uint16 of shape (height, width), (height, width, 3) or "
            f"(height, width, 4), not {array.dtype} of shape {array.shape}"
        )
    if not array.size:
        raise PictureError("the array is empty")
    samples = np.ascontiguousarray(np.atleast_3d(array))
    colours = np.repeat(samples, 3, axis=2) if channels == 1 else samples[..., :3]
    alpha = samples[..., 3] if channels == 4 else None
    return Picture(colours, alpha, grey=channels == 1, about=picture.NOTHING, warnings=())


@contextmanager
def _named(source: object) -> Iterator[None]:
    """Errors say which file it was."""
    try:
        yield
    except PictureError as error:
        if isinstance(source, str | os.PathLike):
            raise PictureError(f"{os.fspath(source)}: {error}") from error
        raise
