"""What a run tells beforehand, and how help reads."""

import pytest
from command import run

from imagine_cli.choices import Kernel, Task
from imagine_cli.cli import run as cli_run
from imagine_cli.cli.run import Estimate
from imagine_cli.files import Source
from imagine_cli.progress import Bar
from imagine_cli.request import Draw, Output, Request
from imagine_cli.results import Results

pytestmark = pytest.mark.usefixtures("toy")


class Told(Bar):
    def __init__(self):
        self.lines, self.shares = [], []

    def imagined(self, variants):
        self.shares.append(variants)

    def print(self, line, *, err):
        self.lines.append(line)


def estimate(photo, monkeypatch, seconds, share, quiet=False):
    """What is told after so many seconds, when a share of the first of four variants is done."""
    clock = iter([0.0, seconds, seconds])
    first = 0.05
    monkeypatch.setattr(cli_run.time, "monotonic", lambda: next(clock))
    request = Request(
        Task.upscale, 16, Kernel.bicubic, "upscale", Draw((0, 1, 2, 3), keep=4), Output()
    )
    told = Told()
    ours = Estimate(request, Source(photo, Results(photo), photo), told, quiet)
    ours(first)
    ours(first + share)
    ours(first + share)
    assert told.shares == [first, first + share, first + share]
    return told.lines


def test_a_long_turn_is_told_once_with_size_and_time(photo, monkeypatch):
    [line] = estimate(photo, monkeypatch, seconds=6, share=0.1)
    assert line == f"{photo}: 4 of 256 x 192 pixels, up to 1 MB; about 4 min"


@pytest.mark.parametrize(("seconds", "share", "quiet"), [(2, 0.5, False), (6, 0.1, True)])
def test_a_short_turn_is_not_and_quiet_is_quiet(photo, monkeypatch, seconds, share, quiet):
    assert estimate(photo, monkeypatch, seconds, share, quiet) == []


def test_none_of_a_spread_is_one_picture(photo):
    assert run("upscale", photo, "--scale", 2, "-n", 1).exit_code == 0
    result = run("upscale", photo, "--scale", 2, "--like", 0, "--spread", 0, "-n", 2)
    assert result.exit_code == 0
    assert [line.rpartition("/")[2] for line in result.stdout.splitlines()] == [
        "photo-x2-like0-0-1.png"
    ]


@pytest.mark.parametrize(
    "command", ["upscale", "decompress", "compare", "train", "evaluate", "export", "models pull"]
)
def test_help_keeps_examples_whole_and_bounds_unsaid(command, monkeypatch):
    help = run(*command.split(), "-h").stdout
    assert help == run(*command.split(), "--help").stdout
    examples = [line for line in help.splitlines() if line.startswith("  imagine ")]
    assert examples
    assert "4611686018427387904" not in help
    assert "range" not in help
    assert "Path" not in help
    assert "<str>" not in help


@pytest.mark.parametrize(
    ("value", "said"),
    [("0", "0 is out of range: 1 or more"), ("two", "'two' is not a whole number")],
)
def test_a_wrong_number_is_told_in_words(photo, value, said):
    result = run("upscale", photo, "-n", value)
    assert result.exit_code == 2
    assert said in " ".join(result.stderr.split())


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("--scale", 3), "'3' is not one of '2', '4', '8', '16'."),
        (("--like", 7, "--spread", 2), "2 is out of range: 0 to 1"),
        (("--like", 7, "--spread", "nan"), "nan is out of range: 0 to 1"),
        (("--like", 7, "--spread", "x"), "'x' is not a number"),
    ],
)
def test_errors_are_in_our_words(photo, arguments, said):
    result = run("upscale", photo, *arguments)
    assert result.exit_code == 2
    assert result.stderr.splitlines()[-1] == f"Error: Invalid value for '{arguments[-2]}': {said}"
