"""One run: a preset, pictures, and in the end a folder that `--model` takes."""

from dataclasses import replace
from pathlib import Path

import torch

from imagine_cli import hub
from imagine_cli.errors import ModelError

from .checkpoint import load_weights
from .export import export
from .loop import train
from .presets import PRESETS


def run(
    task: str,
    data: list[Path],
    out: Path,
    *,
    hours: float | None,
    steps: int | None,
    batch: int | None,
    init: str,
    seed: int,
    threads: int,
) -> Path:
    """Train, export, describe. Returns the ONNX file. Raises ImagineError."""
    start = None if init == "none" else hub.find(init).parent
    # A model goes on with the network that it has; a new one gets the preset's.
    preset = load_weights(start)[1] if start else PRESETS[task]["compact"]
    if preset.task != task:
        raise ModelError(f"the model '{init}' is for {preset.task}, not for {task}")
    if start:  # fine-tuning: no warm start, and gentler
        preset = replace(preset, warm_steps=0, learning_rate=preset.learning_rate / 4)
    preset = replace(preset, steps=steps or preset.steps, batch=batch or preset.batch)
    if threads:
        torch.set_num_threads(threads)
    train(preset, data, out, init=start, seed=seed, hours=None if steps else hours)
    file = export(out)
    (out / "README.md").write_text(_card(task, data, out, preset.steps, hours, seed, init))
    return file


def _card(
    task: str,
    data: list[Path],
    out: Path,
    steps: int,
    hours: float | None,
    seed: int,
    init: str,
) -> str:
    length = f"--hours {hours}" if hours else f"--steps {steps}"
    folders = " ".join(f"--data {folder.name}" for folder in data)
    return f"""---
library_name: imagine-cli
pipeline_tag: image-to-image
---

# {out.name}: {task}

Trained by

    imagine train --task {task} {folders} --init {init} {length} --seed {seed}

Use it with `imagine {task} photo --model {out}`, or push this folder to the Hugging Face Hub.

What it adds to a picture is imagined: it agrees with the input, and is no evidence of what
was there.
"""
