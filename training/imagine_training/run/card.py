"""The model card of a run, from what its folder tells."""

from pathlib import Path

from imagine_cli.whole import replace_file

from .journal import table
from .methods import called
from .plan import Plan


def write_card(out: Path) -> None:
    """`README.md`, from `run.json` and `losses.csv`; nothing where there was no run."""
    if plan := Plan.load(out):
        replace_file(out / "README.md", lambda file: file.write_text(_card(plan, out)))


def _card(plan: Plan, out: Path) -> str:
    name, preset = out.resolve().name, plan.preset
    return f"""---
library_name: imagine-cli
pipeline_tag: image-to-image
---

# {name}: {preset.task}

Use it with `imagine {preset.task} photo --model path/to/{name}`, this folder, or push it to the
Hugging Face Hub.

**What it adds to a picture is imagined**: it agrees with the input, and is no evidence of what was
there.

## Training

{called(preset)}, from {_start(plan)}, by

    {command(plan)}

Every number of the run is in `config.json`. The pictures:

{chr(10).join(f"- {_public(line)}" for line in plan.pictures)}

## Figures

{_figures(plan, out)}
"""


def command(plan: Plan) -> str:
    """The command that does the same, folders by their names alone."""
    words = ["imagine train", *(f"--data {Path(folder).name}" for folder in plan.folders)]
    for name, value in plan.asked.items():
        words.append(f"--{name} {Path(value).name if name == 'init' else value}")
    return " ".join(words)


def _start(plan: Plan) -> str:
    return "nothing" if plan.init == "none" else f"the weights of `{Path(plan.init).name}`"


def _public(line: str) -> str:
    """A line of the summary without its example, which has somebody's path in it."""
    return line.partition(": ")[0]


def _figures(plan: Plan, out: Path) -> str:
    validations = [row for row in table(out) if row["validation"]]
    best = min(validations, key=lambda row: float(row["validation"]))
    measure = (
        "mean absolute difference"
        if plan.judge == "pixels"
        else f"LPIPS under {plan.judge}"
        + (", which was trained with" if plan.judge in plan.preset.perceptual else "")
    )
    rows = ((validations[0], "start"), (best, "exported"), (validations[-1], "last"))
    lines = "\n".join(
        f"| {word} | {row['step']} | {float(row['validation']):.4f} | {float(row['spread']):.4f} |"
        for row, word in rows
    )
    return f"""Validation pictures, random codes, the mean over levels; {measure}.
Spread is the same measure between two variants.

| weights | step | distance | spread |
|---|---|---|---|
{lines}"""
