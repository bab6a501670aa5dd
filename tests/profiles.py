"""ICC profiles, written here byte by byte: ICC.1:2022, sections 7 and 10."""

import struct

import numpy as np

D50 = np.array([0.9642, 1.0, 0.8249])
D65 = np.array([0.9505, 1.0, 1.089])
BRADFORD = np.array(
    [[0.8951, 0.2664, -0.1614], [-0.7502, 1.7135, 0.0367], [0.0389, -0.0685, 1.0296]]
)
P3 = ((0.680, 0.320), (0.265, 0.690), (0.150, 0.060))
ADOBE = ((0.64, 0.33), (0.21, 0.71), (0.15, 0.06))
SRGB_CURVE = (2.4, 1 / 1.055, 0.055 / 1.055, 1 / 12.92, 0.04045)


def fixed(*values):
    return struct.pack(f">{len(values)}i", *(round(value * 2**16) for value in values))


def para(kind, *numbers):
    return struct.pack(">4s4xHxx", b"para", kind) + fixed(*numbers)


def curv(*entries):
    return struct.pack(f">4s4xI{len(entries)}H", b"curv", len(entries), *entries)


def colourants(primaries):
    """The columns of a matrix to XYZ under D50, from chromaticities under D65 (Bradford)."""
    columns = np.array([[x / y, 1, (1 - x - y) / y] for x, y in primaries]).T
    columns = columns * np.linalg.solve(columns, D65)
    adapt = np.linalg.inv(BRADFORD) @ np.diag((BRADFORD @ D50) / (BRADFORD @ D65)) @ BRADFORD
    return adapt @ columns


def profile(primaries, curve):
    matrix = colourants(primaries)
    tags = {b"wtpt": b"XYZ \0\0\0\0" + fixed(*D50)}
    for place, colour in enumerate((b"r", b"g", b"b")):
        tags[colour + b"XYZ"] = b"XYZ \0\0\0\0" + fixed(*matrix[:, place])
        tags[colour + b"TRC"] = curve
    text = b"desc\0\0\0\0" + struct.pack(">I", 5) + b"test\0" + bytes(78)
    tags[b"desc"] = text
    tags[b"cprt"] = b"text\0\0\0\0none\0"
    table, body = struct.pack(">I", len(tags)), b""
    start = 128 + 4 + 12 * len(tags)
    for name, data in tags.items():
        data += bytes(-len(data) % 4)
        table += struct.pack(">4sII", name, start + len(body), len(data))
        body += data
    size = start + len(body)
    header = struct.pack(">I4sI", size, b"\0\0\0\0", 0x02400000) + b"mntrRGB XYZ "
    header += bytes(12) + b"acsp" + bytes(28) + fixed(*D50)
    return header.ljust(128, b"\0") + table + body


DISPLAY_P3 = profile(P3, para(3, *SRGB_CURVE))
ADOBE_RGB = profile(ADOBE, curv(563))
TABLED = profile(ADOBE, curv(*(round(65535 * (n / 1023) ** 1.8) for n in range(1024))))
LINEAR = profile(P3, curv())
