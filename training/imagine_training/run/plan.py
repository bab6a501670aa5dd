"""What a run is to do, written beside its weights: what `--resume` and the card go by."""

import json
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import torch

from imagine_cli.errors import ImagineError, ModelError
from imagine_cli.whole import replace_file

from ..method.presets import Preset
from .hardware import precision_called
from .pictures import RUN_FILE, Pictures
from .validate import judge_for


@dataclass(frozen=True)
class Plan:
    """What a run is to do."""

    preset: Preset
    folders: tuple[str, ...]
    fingerprint: str  # of the pictures in them
    pictures: tuple[str, ...]  # their summary
    init: str  # the folder of the model to start from, or "none"
    seed: int
    hours: float | None  # else `preset.steps` say when it ends
    precision: str  # float32 or bfloat16
    judge: str  # the network of validation, or "pixels"
    asked: dict[str, Any] = field(default_factory=dict)  # options of the command, as given

    @property
    def reduced(self) -> bool:
        return self.precision == "bfloat16"

    def save(self, folder: Path) -> None:
        text = json.dumps(asdict(self), indent=2) + "\n"
        replace_file(folder / RUN_FILE, lambda file: file.write_text(text))

    @classmethod
    def load(cls, folder: Path) -> "Plan | None":
        """The plan of the run in a folder, if there is one. Raises ModelError."""
        try:
            values = json.loads((folder / RUN_FILE).read_text())
            values["preset"] = Preset.from_json(values["preset"])
            for name in ("folders", "pictures"):
                values[name] = tuple(values[name])
            return cls(**values)
        except FileNotFoundError:
            return None
        except (KeyError, TypeError, ValueError) as error:
            raise ModelError(f"{folder / RUN_FILE}: not a run of this version ({error})") from None

    def check_continues(self, before: "Plan", out: Path) -> None:
        """Raises ImagineError if this is not the run that `before` began."""
        words = {
            "preset": "settings", "fingerprint": "pictures", "seed": "seed", "hours": "length",
            "precision": "precision",
        }  # fmt: skip
        for name, word in words.items():
            if getattr(self, name) != getattr(before, name):
                raise ImagineError(
                    f"{out}: the {word} are not those that this run began with; put them back, or "
                    f"begin another run from it: --init {out} --out …"
                )


def planned(
    out: Path,
    preset: Preset,
    pictures: Pictures,
    folders: list[Path],
    *,
    init: Path | None,
    seed: int,
    hours: float | None,
    precision: str,
    device: torch.device,
    asked: dict[str, Any] | None,
) -> Plan:
    """The plan of a new run in `out`, or of the one that goes on there. Raises ImagineError."""
    before = Plan.load(out)
    if before and precision == "auto":
        precision = before.precision
    plan = Plan(
        preset=preset,
        folders=tuple(str(folder.resolve()) for folder in folders),
        fingerprint=pictures.fingerprint,
        pictures=tuple(pictures.summary()),
        init=str(init.resolve()) if init else "none",
        seed=seed,
        hours=hours,
        precision=precision_called(precision, device),
        judge=before.judge if before else judge_for(preset),
        asked=before.asked if before else asked or {},
    )
    if before:
        plan.check_continues(before, out)
    return plan
