"""Spoils pictures of many kinds in many ways, and reads each: python mutate_pictures.py FROM TO

A number is a seed: its kind of file, and what is spoilt, follow from it. Prints how often each
thing came of it. Whatever is not a PictureError ends it with a traceback, and so do ten seconds
without an answer, or a gigabyte of memory.
"""

import json
import random
import resource
import signal
import sys
from collections import Counter
from io import BytesIO

import numpy as np
from mutate_onnx import spoilt
from pictures import photograph
from PIL import Image

from imagine_cli import encode, picture
from imagine_cli.errors import PictureError
from imagine_cli.jpeg import JpegCoded
from imagine_cli.picture import About

MEMORY = 2**30
LARGE = 1_000_000  # pixels that a header may promise; the command asks before it reads more


def originals(folder):
    """Pictures, small, of the kinds that people have: name and bytes."""
    exif = Image.Exif()
    exif[274], exif[271] = 6, "Leica"
    packet = b'<rdf:RDF><rdf:Description tiff:Orientation="6" xmp:Rating="5"/></rdf:RDF>'
    about = About(exif=exif.tobytes(), xmp=packet, dpi=(300, 300))
    pixels = photograph(20, 28)
    alpha = pixels[..., 0]
    for bits, samples in (("8", pixels), ("16", pixels.astype(np.uint16) * 257)):
        for suffix in ("png", "tiff"):
            for grey in (False, True):
                file = folder / f"{bits}-{grey}.{suffix}"
                encode.write(samples, file, alpha=samples[..., 1], grey=grey, about=about)
                yield file.name, file.read_bytes()
    encode.write(pixels, folder / "a.webp", alpha=alpha, about=about)
    yield "a.webp", (folder / "a.webp").read_bytes()
    image = Image.fromarray(pixels)
    for suffix, options in {
        "jpg": {"quality": 70, "exif": exif, "xmp": packet},
        "jpeg": {"quality": 30, "subsampling": "4:2:2", "progressive": True},
        "tif": {"compression": "tiff_lzw", "dpi": (72, 72)},
        "tiff": {"compression": "jpeg"},
        "gif": {}, "bmp": {}, "avif": {}, "jp2": {}, "webp": {"quality": 50}, "ppm": {}, "qoi": {},
    }.items():  # fmt: skip
        held = BytesIO()
        image.save(held, Image.registered_extensions()[f".{suffix}"], **options)
        yield f"b.{suffix}", held.getvalue()


def outcome(path):
    """What comes of reading it."""
    try:
        width, height = picture.size(path)
        if width * height > LARGE:
            return "large"
        picture.read(path, deep=True)
        if path.suffix in (".jpg", ".jpeg"):
            JpegCoded.from_file(path)
    except PictureError as error:
        if len(str(error).splitlines()) != 1:
            raise
        return "refused"
    return "read"


def late(*_):
    raise TimeoutError("no answer within ten seconds")


def main(folder, first, last):
    resource.setrlimit(resource.RLIMIT_AS, (MEMORY, MEMORY))
    signal.signal(signal.SIGALRM, late)
    counted, kinds = Counter(), list(originals(folder))
    for number in range(first, last):
        chance = random.Random(number)
        name, whole = chance.choice(kinds)
        path = folder / f"spoilt-{name}"
        path.write_bytes(spoilt(whole, chance))
        signal.alarm(10)
        try:
            counted[outcome(path)] += 1
        except BaseException:
            print(f"number {number}, {name}", file=sys.stderr)
            raise
        finally:
            signal.alarm(0)
    print(json.dumps(counted))


if __name__ == "__main__":
    import tempfile
    from pathlib import Path

    with tempfile.TemporaryDirectory() as folder:
        main(Path(folder), *map(int, sys.argv[1:]))
