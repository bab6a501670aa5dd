"""The paper's comparison: ours and its rivals, each trained as long on the same pictures.

    python benchmarks/rivals.py --train butterflies/ --test others/ --minutes 60 --out runs/rivals

One after another, from nothing, on one core (`imagine train --method`); then measured side by side
on pictures that none of them saw (`imagine evaluate`). The tables are printed, and with
`--page docs/results.md` put there. What is finished is not done again; what was stopped goes on.

Minutes are those of a core, as its clock counts them for a process, whatever else the machine does:
a few steps of a method are timed, and it gets as many as fit. `--steps` gives it those of an
earlier run instead, and so the same weights.

Other programs, trained elsewhere, are measured beside them with `--upscale-peer NAME=COMMAND` and
`--decompress-peer NAME=COMMAND`, a command as `imagine evaluate --model` takes it.
"""

import argparse
import csv
import json
import os
import shlex
import subprocess
import sys
import time
from collections.abc import Sequence
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import torch
from imagine_training.run.hardware import precision_called
from imagine_training.run.learner import Learner
from imagine_training.run.loop import train_step
from imagine_training.run.methods import presets
from imagine_training.run.pictures import Pictures
from numpy.typing import NDArray
from page import put

TIMED = 4  # steps, before the first choice of codes and after it

METHODS = {
    "upscale": ("imle", "srim", "esrgan", "regression"),
    "decompress": ("imle", "pix2pix", "regression"),
}
SETTINGS = {"upscale": ("--scale", "16"), "decompress": ("--quality", "1,5,10")}
PLAIN = {"upscale": "lanczos", "decompress": "plain"}
FIGURES = "fid,fwv,lpips_alex,lpips_vgg,spread,psnr"  # and all that begin so
AGREEMENT = {"upscale": "lr_psnr", "decompress": "kept"}
LEFT_OUT = ("_half", "_least", "_worst", "_of_mean")  # of the page; the reports have them


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--train", type=Path, required=True, help="pictures to train on")
    parser.add_argument("--test", type=Path, required=True, help="others of the same kind")
    budget = parser.add_mutually_exclusive_group(required=True)
    budget.add_argument("--minutes", type=float, help="of a core, for each training")
    budget.add_argument("--steps", nargs="+", metavar="RUN=STEPS", help="upscale-imle=400 …")
    parser.add_argument("--out", type=Path, required=True, help="folder of the runs and reports")
    parser.add_argument("--task", choices=METHODS, action="append", help="else both")
    parser.add_argument("--variants", type=int, default=10)
    for task in METHODS:
        parser.add_argument(f"--{task}-peer", action="append", default=[], metavar="NAME=COMMAND")
    parser.add_argument("--page", type=Path, help="a page whose figures are replaced")
    asked = parser.parse_args()
    steps = dict(one.split("=") for one in asked.steps or ())
    wanted = {f"{task}-{one}" for task in asked.task or METHODS for one in METHODS[task]}
    if steps and set(steps) != wanted:
        parser.error(f"--steps: of each of {', '.join(sorted(wanted))}, and of no other")
    told = []
    for task in asked.task or METHODS:
        runs = [asked.out / f"{task}-{method}" for method in METHODS[task]]
        for run, method in zip(runs, METHODS[task], strict=True):
            many = steps.get(run.name)
            train(run, task, method, asked.train, asked.minutes, int(many) if many else None)
        peers = dict(one.split("=", 1) for one in getattr(asked, f"{task}_peer"))
        report = asked.out / f"{task}-report"
        models = (PLAIN[task], *map(str, runs), *peers.values())
        measure(report, task, models, asked.test, asked.variants)
        steps = {METHODS[task][k]: last_step(run) for k, run in enumerate(runs)}
        told += tables(report, {PLAIN[task]: "-"} | steps | dict.fromkeys(peers, "-"))
    text = "\n\n".join(told)
    print(text)
    if asked.page:
        put(asked.page, text)


def train(
    run: Path, task: str, method: str, data: Path, minutes: float | None, steps: int | None
) -> None:
    if (run / "model.onnx").is_file():
        return
    words = ["--resume", "--out", str(run)]
    if not (run / "state.pt").is_file():
        steps = steps or fitting(task, method, data, minutes or 0)
        words = ["--task", task, "--method", method, "--init", "none", "--data", str(data)]
        words += ["--steps", str(steps), "--seed", "0", "--out", str(run)]
    imagine("train", *words, "--device", "cpu", "--threads", "1")


def fitting(task: str, method: str, data: Path, minutes: float) -> int:
    """How many steps fit into so many minutes of a core; validation is not counted."""
    torch.set_num_threads(1)
    preset, cpu = presets(method, task)["compact"], torch.device("cpu")
    reduced = precision_called("auto", cpu) == "bfloat16"
    learner = Learner(preset, None, seed=0, reduced=reduced, device=cpu, say=print)

    def seconds(first: int) -> float:
        train_step(learner, pictures(data, preset.crop), first, 0.0)  # and it warms up
        began = time.process_time()
        for step in range(first, first + TIMED):
            train_step(learner, pictures(data, preset.crop), step, 0.0)
        return (time.process_time() - began) / TIMED

    warm = preset.warm_steps
    left = 60 * minutes - warm * seconds(0)
    return warm + max(1, round(left / seconds(warm)))


@cache
def pictures(data: Path, crop: int) -> list[NDArray[np.uint8]]:
    return Pictures([data], crop).train


def measure(report: Path, task: str, models: Sequence[str], data: Path, variants: int) -> None:
    if (report / "report.json").is_file():
        return
    words = ["--task", task, *SETTINGS[task], "--data", str(data), "-n", str(variants)]
    for model in models:
        words += ["--model", model]
    figures = f"{FIGURES},{AGREEMENT[task]},s{variants}"
    imagine("evaluate", *words, "--metrics", figures, "--out", str(report))


def imagine(*words: str) -> None:
    print(shlex.join(("imagine", *words)), file=sys.stderr, flush=True)
    command = [sys.executable, "-m", "imagine_cli", *words]
    subprocess.run(command, check=True, env={**os.environ, "OMP_NUM_THREADS": "1"})


def tables(report: Path, steps: dict[str, str]) -> list[str]:
    """One for each scale or quality, a column a contender, a row a figure; and their command.

    `steps` that each took, in the order in which they were measured.
    """
    told = json.loads((report / "report.json").read_text())
    parts = []
    for setting in dict.fromkeys(one["setting"] for one in told["results"]):
        of_all = [one["figures"] for one in told["results"] if one["setting"] == setting]
        figures = [
            name
            for name in told["definitions"]
            if not name.endswith(LEFT_OUT) and any(name in one for one in of_all)
        ]
        rows = [["", *steps], ["---"] * (len(steps) + 1), ["steps", *steps.values()]]
        for name in figures:
            cells = (value(one.get(name)) for _, one in zip(steps, of_all, strict=True))
            rows.append([f"`{name}`", *cells])
        parts.append(f"### {setting}, {len(told['data'])} pictures")
        parts.append("\n".join("| " + " | ".join(row) + " |" for row in rows))
    return [*parts, f"    {told['asked']['command']}"]


def value(summary: dict[str, Any] | None) -> str:
    """A mean with its 95 % interval over pictures, or what of a whole set there is."""
    if not summary:
        return "-"
    first = f"{next(iter(summary.values())):.3g}"
    spans = "low" in summary and summary["low"] < summary["high"]
    return first + (f" ({summary['low']:.3g} to {summary['high']:.3g})" if spans else "")


def last_step(run: Path) -> str:
    with open(run / "losses.csv", newline="") as file:
        return list(csv.DictReader(file))[-1]["step"]


if __name__ == "__main__":
    main()
