"""What can be measured: trained models, plain enlargement and decoding, and other programs."""

import hashlib
import shlex
import shutil
import subprocess
import time
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, Protocol

import numpy as np
import PIL
from PIL import Image

from imagine_cli import hub, picture
from imagine_cli.downscaled import Downscaled
from imagine_cli.errors import ImagineError, PictureError
from imagine_cli.evidence import EightBits
from imagine_cli.jpeg import JpegCoded
from imagine_cli.model import OnnxModel
from imagine_cli.variants import imagine

PLAIN = ("lanczos", "bicubic", "plain")


class CommandError(ImagineError):
    """Another program failed at a picture; it may do better at the next."""


@dataclass(frozen=True)
class Case:
    """An observed picture, what is known of it, and the same as a file for other programs."""

    name: str
    observed: EightBits
    evidence: Downscaled | JpegCoded
    file: bytes
    suffix: str


class Contender(Protocol):
    """Something that makes pictures of the observed one's size from what is known of it."""

    @property
    def name(self) -> str:
        """Short, for the table."""

    def variants(self, case: Case, count: int) -> list[EightBits]:
        """`count` variants, seeds from 0; or one, from what has no seeds."""

    def about(self) -> dict[str, Any]:
        """What it is, for the report: the model's hash, or the command."""


def contender(name: str, *, offline: bool = False) -> Contender:
    """What a `--model` means: a plain way, a command with {input} and {output}, or a model."""
    if name in PLAIN:
        return Plain(name)
    if "{input}" in name or "{output}" in name:
        return Command(name)
    return Trained(name, offline=offline)


def shrunk(name: str, observed: EightBits, scale: int, kernel: str) -> Case:
    """The picture as one that was made small."""
    size = observed.shape[1] // scale, observed.shape[0] // scale
    small = Image.fromarray(observed).resize(size, Image.Resampling[kernel.upper()])
    file = BytesIO()
    small.save(file, "PNG")
    return Case(
        name, observed, Downscaled(np.asarray(small), scale, kernel), file.getvalue(), ".png"
    )


def coded(name: str, observed: EightBits, quality: int) -> Case:
    """The picture as one that was saved as a JPEG."""
    grey = bool((observed == observed[..., :1]).all())
    file = BytesIO()
    image = Image.fromarray(observed)
    (image.convert("L") if grey else image).save(file, "JPEG", quality=quality)
    with TemporaryDirectory() as folder:
        path = Path(folder) / "coded.jpg"
        path.write_bytes(file.getvalue())
        return Case(name, observed, JpegCoded.from_file(path), file.getvalue(), ".jpg")


class Trained:
    """A model file: bundled, in a folder, or on the Hub."""

    def __init__(self, name: str, *, offline: bool = False) -> None:
        file = hub.find(name, offline=offline)
        self.name = Path(name).name
        self.model = OnnxModel(file)
        self._about = {"model": name, "sha256": hashlib.sha256(file.read_bytes()).hexdigest()}

    def variants(self, case: Case, count: int) -> list[EightBits]:
        return [one.picture for one in imagine(case.evidence, self.model, range(count))]

    def about(self) -> dict[str, Any]:
        return self._about


class Plain:
    """What is there without imagining: enlarged by a filter of Pillow's, or as it was decoded."""

    def __init__(self, name: str) -> None:
        self.name = name

    def variants(self, case: Case, count: int) -> list[EightBits]:
        small = case.evidence.observed
        if small.shape == case.observed.shape:
            return [small]
        filter = Image.Resampling.BICUBIC if self.name == "bicubic" else Image.Resampling.LANCZOS
        size = case.observed.shape[1], case.observed.shape[0]
        return [np.asarray(Image.fromarray(small).resize(size, filter))]

    def about(self) -> dict[str, Any]:
        return {"plain": self.name, "pillow": PIL.__version__}


class Command:
    """Another program, which reads {input} and writes {output}; with {seed}, once a variant.

    Runs without a shell. `runs` remembers each exit code and time. Raises ImagineError, when made,
    for what is no command; CommandError when it fails.
    """

    def __init__(self, command: str) -> None:
        try:
            self._words = shlex.split(command)
        except ValueError as error:
            raise ImagineError(f"--model '{command}': {error}") from None
        if "{input}" not in command or "{output}" not in command:
            raise ImagineError(f"--model '{command}': a command has both {{input}} and {{output}}")
        if not shutil.which(self._words[0]):
            raise ImagineError(f"--model '{command}': there is no program {self._words[0]}")
        self.name = Path(self._words[0]).name
        self._command = command
        self.runs: list[dict[str, Any]] = []

    def variants(self, case: Case, count: int) -> list[EightBits]:
        seeds = range(count if "{seed}" in self._command else 1)
        return [self._run(case, seed) for seed in seeds]

    def _run(self, case: Case, seed: int) -> EightBits:
        with TemporaryDirectory() as folder:
            given, made = Path(folder) / f"input{case.suffix}", Path(folder) / "output.png"
            given.write_bytes(case.file)
            places = {"{input}": str(given), "{output}": str(made), "{seed}": str(seed)}
            words = [_filled(word, places) for word in self._words]
            began = time.perf_counter()
            done = subprocess.run(
                words, stdin=subprocess.DEVNULL, capture_output=True, text=True, errors="replace"
            )
            seconds = round(time.perf_counter() - began, 3)
            self.runs.append({"picture": case.name, "exit": done.returncode, "seconds": seconds})
            if done.returncode or not made.is_file():
                last = [line.strip() for line in (done.stdout + "\n" + done.stderr).splitlines()]
                said = next((line for line in reversed(last) if line), "it said nothing")
                wrong = f"exit code {done.returncode}" if done.returncode else "it wrote no picture"
                raise CommandError(f"{wrong} ({said[:200]})")
            try:
                result = picture.read(made).pixels
            except PictureError as error:
                raise CommandError(f"what it wrote cannot be read: {error}") from None
        if result.shape != case.observed.shape:
            got, wanted = (
                " x ".join(map(str, one.shape[1::-1])) for one in (result, case.observed)
            )
            raise CommandError(f"its picture is {got}, not {wanted}")
        return result

    def about(self) -> dict[str, Any]:
        seconds = [run["seconds"] for run in self.runs]
        mean = round(float(np.mean(seconds)), 3) if seconds else None
        return {"command": self._command, "seconds": mean, "runs": self.runs}


def _filled(word: str, places: dict[str, str]) -> str:
    for place, value in places.items():
        word = word.replace(place, value)
    return word
