"""What a result was made of, written into it as XMP: so an old result does not pass for another."""

import html
import json
import re
from dataclasses import asdict, dataclass
from pathlib import Path

from PIL import Image

from . import xmp
from .choices import Format

NAMESPACE = "https://huggingface.co/docs/hub/imagine-cli"
DESCRIPTION = f'<rdf:Description rdf:about="" xmlns:imagine="{NAMESPACE}" imagine:origin="%s"/>'
_FOUND = re.compile(rb'<rdf:Description [^>]*imagine:origin="[^"]*"/>')  # of an input that is ours


@dataclass(frozen=True)
class Origin:
    """All that decides what is in a result, and, for people, names and the version."""

    task: str
    scale: int
    kernel: str
    seed: str  # its name; of a mean, those of all its variants
    input_sha256: str
    model_sha256: str
    input: str
    model: str
    version: str

    def xmp(self, packet: bytes | None = None) -> bytes:
        """As an XMP packet, with what another says that the input came with."""
        told = DESCRIPTION % html.escape(json.dumps(asdict(self)))
        return xmp.joined(told, packet and _FOUND.sub(b"", packet))

    def differs(self, other: "Origin") -> str:
        """In what another result was made differently, in a few words; "" if it was not."""
        words = {
            "task": "another task",
            "scale": "another scale",
            "kernel": "another kernel",
            "seed": "other seeds",
            "input_sha256": "another input",
            "model_sha256": f"another model, '{other.model}'",
        }
        names = (name for name in words if getattr(self, name) != getattr(other, name))
        return ", ".join(words[name] for name in names)


def read(path: Path) -> Origin | None:
    """What a picture says that it was made of; None if it is no result of ours, or cannot say."""
    try:
        with Image.open(path, formats=[*(format.upper() for format in Format), "JPEG"]) as image:
            packet = image.info.get("xmp", b"")
        text = packet if isinstance(packet, str) else bytes(packet).decode()
        if found := re.search(r'imagine:origin="([^"]*)"', text):
            return Origin(**json.loads(html.unescape(found[1])))
    except Exception:  # Pillow's readers raise nearly anything, and what is said may be anything
        return None
    return None
