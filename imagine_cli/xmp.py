"""XMP packets (ISO 16684-1): what stays true of a result, and a description of ours beside it.

Worked on as text: what a camera or an editor wrote comes back letter by letter.
"""

import re

# Of the file that was read, not of the photograph: how its samples lie, its thumbnail, and what is
# appended to it (a phone's video, the map that brightens a picture).
_OF_THE_FILE = (
    r"[\w.-]+:(?:Orientation|ImageWidth|ImageLength|PixelXDimension|PixelYDimension|BitsPerSample|"
    r"Compression|PhotometricInterpretation|SamplesPerPixel|Thumbnails|Directory|MotionPhoto\w*|"
    r"MicroVideo\w*)"
)
_ELEMENT = re.compile(rf"<({_OF_THE_FILE})\b[^>]*?(?:/>|>.*?</\1\s*>)\s*", re.DOTALL)
_ATTRIBUTE = re.compile(rf"\s{_OF_THE_FILE}\s*=\s*(?:\"[^\"]*\"|'[^']*')")
_END = "</rdf:RDF>"
_ALONE = (
    '<x:xmpmeta xmlns:x="adobe:ns:meta/">'
    '<rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#">' + _END + "</x:xmpmeta>"
)


def lasting(packet: object) -> bytes | None:
    """What of a packet is true of a result too; None of one that is damaged or in no UTF-8."""
    try:
        text = packet if isinstance(packet, str) else bytes(packet or b"").decode()  # type: ignore[call-overload]
    except (TypeError, UnicodeDecodeError):
        return None
    if _END not in text:
        return None
    return str(_ATTRIBUTE.sub("", _ELEMENT.sub("", text))).rstrip("\0").encode()


def joined(description: str, packet: bytes | None) -> bytes:
    """A packet with one more rdf:Description; without another packet it stands alone."""
    before, end, after = (packet.decode() if packet else _ALONE).rpartition(_END)
    return (before + description + end + after).encode()
