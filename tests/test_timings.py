"""`--timings`: where the time of a run went, part by part."""

import re
import time

import pytest
from command import run

from imagine_cli import timings

pytestmark = pytest.mark.usefixtures("toy")
PARTS = {"loading the model", "decoding", "codes", "rendering", "agreement", "writing", "the rest"}
MORE = {"mean", "sheet", "page"}


def told(text):
    """The whole, and the seconds of each part."""
    (whole,) = re.findall(r"^([\d.]+) s$", text, re.M)
    parts = re.findall(r"^ +([\d.]+) s +\d+%  (.+)$", text, re.M)
    return float(whole), {name: float(seconds) for seconds, name in parts}


@pytest.mark.parametrize("variants", [1, 2])
def test_every_part_is_named_and_together_they_are_the_whole(photo, jpeg, variants):
    networks = {f"network, level {level}" for level in (1, 2, 3, 4)} | {"projection"}
    for command, file, own in (
        ("upscale", photo, networks),
        ("decompress", jpeg, {"network, level 1"}),
    ):
        more = ("--mean", "--sheet", "--gallery", "--timings", "--overwrite")
        result = run(command, file, "-n", variants, *more)
        assert result.exit_code == 0, result.output
        whole, parts = told(result.stderr)
        assert set(parts) == PARTS | MORE | own
        assert list(parts)[-1] == "the rest"
        together, rounding = sum(parts.values()), 0.005 * (len(parts) + 1)
        assert together > whole - rounding
        if variants == 1:  # with more of them some is done at once
            assert together == pytest.approx(whole, abs=rounding)


def test_nothing_is_told_or_measured_unasked(photo):
    run("upscale", photo, "-n", 1, "--scale", 2, "--timings")
    with timings.part("nothing"):
        assert timings._running.get() is None
    said = run("upscale", photo, "-n", 1, "--scale", 2, "--overwrite").stderr
    assert said == "1 written on cpu\n"


def test_a_part_within_another_counts_once_whatever_happens(monkeypatch):
    clock = iter([0.0, 1.0, 3.0, 7.0, 15.0, 31.0])
    monkeypatch.setattr(time, "perf_counter", lambda: next(clock))
    failing = pytest.raises(ZeroDivisionError)
    with timings.measured() as watch, failing, timings.part("outer"), timings.part("inner"):
        _ = 1 / 0
    assert watch.seconds == {"the rest": 1 + 16, "outer": 2 + 8, "inner": 4}
