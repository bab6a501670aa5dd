"""What the command was told, and what of it cannot be: looked at without torch, which is slow."""

from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any

from imagine_cli.errors import ImagineError

from ..method.presets import NETS, PRESETS
from .pictures import RUN_FILE, check_folders
from .processes import rank


@dataclass(frozen=True)
class Options:
    """None: what the preset, or the run that goes on, says."""

    task: str | None = None
    method: str | None = None
    preset: str | None = None
    init: str | None = None
    steps: int | None = None
    hours: float | None = None
    batch: int | None = None
    candidates: str | None = None
    lr: float | None = None
    perceptual: str | None = None
    precision: str | None = None
    seed: int | None = None

    def given(self) -> dict[str, Any]:
        values = {field.name: getattr(self, field.name) for field in fields(self)}
        return {name: value for name, value in values.items() if value is not None}

    def nets(self) -> tuple[str, ...] | None:
        """The networks of the distance. Raises ImagineError for one that is none."""
        if self.perceptual is None or self.perceptual == "none":
            return None if self.perceptual is None else ()
        nets = tuple(word.strip() for word in self.perceptual.split(","))
        if unknown := [net for net in nets if net not in NETS]:
            raise ImagineError(f"--perceptual {unknown[0]}: there are {', '.join(NETS)}, and none")
        return nets

    def check(self) -> None:
        """Raises ImagineError: an option has a value that cannot be."""
        task, name = self.task or "upscale", self.preset or "compact"
        ours = (self.method or "imle") == "imle"
        if name not in (offered := list(PRESETS[task]) if ours else ["compact"]):
            raise ImagineError(f"--preset {name}: for {task} there are {', '.join(offered)}")
        self.nets()


def check_new(folders: list[Path], out: Path, *, resume: bool) -> None:
    """Raises ImagineError where a new run cannot begin: in `out`, or with these folders.

    There is nothing to check where a run is resumed.
    """
    if resume and (out / RUN_FILE).is_file():
        return
    if not folders:
        raise ImagineError(f"{out}: there is no run to resume here")
    check_folders(folders)
    if out.exists() and not out.is_dir():
        raise ImagineError(f"{out}: a file has this name; name another --out")
    if rank() == 0 and out.is_dir() and any(out.iterdir()):
        help = (
            "name another --out" if resume else "--resume goes on with a run; or name another --out"
        )
        raise ImagineError(f"{out}: there is something here already; {help}")
