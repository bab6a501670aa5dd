"""JPEG files for tests, made and read with others' encoders: Pillow and jpeglib."""

import io

import jpeglib
import numpy as np
from PIL import Image

SAMPLINGS = {"4:4:4": (1, 1), "4:2:2": (1, 2), "4:2:0": (2, 2), "4:4:0": (2, 1), "grey": (1, 1)}


def encode(file, picture, sampling, tables):
    """Compress as Pillow does; for 4:4:0, which Pillow does not offer, as jpeglib does."""
    if sampling == "4:4:0":
        jpeg = jpeglib.from_spatial(picture)
        jpeg.samp_factor = [[2, 1], [1, 1], [1, 1]]
        luma, chroma = (np.reshape(table, (8, 8)).astype(np.uint16) for table in tables[:2])
        jpeg.write_spatial(file, qt=np.stack([luma, chroma]), quant_tbl_no=[0, 1, 1])
    elif sampling == "grey":
        Image.fromarray(picture).convert("L").save(file, qtables=tables[:1])
    else:
        Image.fromarray(picture).save(file, qtables=tables, subsampling=sampling)


def standard_tables(quality):
    file = io.BytesIO()
    Image.new("RGB", (8, 8)).save(file, "JPEG", quality=quality)
    return list(Image.open(file).quantization.values())


def coefficients(file):
    jpeg = jpeglib.read_dct(file)
    return [plane for plane in (jpeg.Y, jpeg.Cb, jpeg.Cr) if plane is not None]
