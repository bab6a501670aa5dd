"""What a run is to do, written beside its weights: what `--resume` and the card go by."""

import json
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from imagine_cli.errors import ImagineError, ModelError

from ..method.checkpoint import replace_file
from ..method.presets import Preset
from .pictures import RUN_FILE


@dataclass(frozen=True)
class Plan:
    preset: Preset
    folders: tuple[str, ...]
    fingerprint: str  # of the pictures in them
    pictures: tuple[str, ...]  # their summary
    init: str  # the folder of the model to start from, or "none"
    seed: int
    hours: float | None  # else `preset.steps` say when it ends
    precision: str  # float32 or bfloat16
    judge: str  # the network of the held-out figure, or "pixels"
    asked: dict[str, Any] = field(default_factory=dict)  # options of the command, as given

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
