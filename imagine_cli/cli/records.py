"""What `--json` prints, a line each. docs/json.md says what is in them."""

import json
from typing import TYPE_CHECKING, Any

from .. import seeds

if TYPE_CHECKING:
    from pathlib import Path

    from ..files import Source
    from ..jobs import Done
    from ..models import Found
    from ..request import Request


def line(kind: str, status: str, **fields: Any) -> str:
    """`status`: "written", "there" before, or "failed"."""
    return json.dumps({"kind": kind, "status": status} | fields)


def failure(what: object, error: object) -> str:
    """`what`: the file or model that is named, or None if it is the whole run."""
    return line("failure", "failed", input=what and str(what), error=str(error))


def result(source: "Source", done: "Done", request: "Request") -> str:
    """A variant, mean, sheet or page."""
    near = done.seed if isinstance(done.seed, seeds.Near) else None
    return line(
        done.kind.name,
        _status(done.made),
        input=str(source.named),
        output=str(done.path),
        task=request.task,
        model=request.model,
        seed=near.seed if near else done.seed,
        like=_told(near.like) if near else None,
        spread=near.spread if near else None,
        pool=request.draw.pool or None,
        scale=request.scale,
        width=done.width,
        height=done.height,
        agreement=done.agreement.as_json() if done.agreement else None,
        seconds=round(done.seconds, 3) if done.seconds else None,
    )


def page(file: "Path", pictures: "list[Path]") -> str:
    """One of any pictures, of `imagine compare`."""
    return line("comparison", "written", inputs=[str(one) for one in pictures], output=str(file))


def model(found: "Found", sha256: str | None = None, verified: str | None = None) -> str:
    return line(
        "model",
        "there",
        name=found.name,
        task=found.card.task,
        scales=[level.factor for level in found.card.levels],
        file=str(found.file),
        bytes=found.bytes,
        commit=found.commit,
        sha256=sha256,
        verified=verified,
    )


def _status(made: bool) -> str:
    return "written" if made else "there"


def _told(seed: seeds.Seed) -> int | str:
    """A seed as JSON has it: a number, or the name of one near another."""
    return seed if isinstance(seed, int) else seeds.name(seed)
