"""What a run tells of itself, and how it shares and stops."""

import csv
import signal

import numpy as np
import pytest
from imagine_training.run import distributed
from imagine_training.run.card import write_card
from imagine_training.run.journal import Journal, last
from imagine_training.run.plan import Plan
from imagine_training.run.stopping import stopping
from PIL import Image
from tiny import TINY

from imagine_cli.errors import ImagineError

ROWS = (
    {"step": 0, "seconds": 1.0, "validation": 0.5, "spread": 0.25},
    {"step": 0, "seconds": 1.0, "chosen": 2.0, "random": 3.0},
    {"step": 9, "seconds": 2.0, "validation": 0.25, "spread": 0.125},
    {"step": 12, "seconds": 3.0, "validation": 0.4, "spread": 0.2},
)


@pytest.fixture
def run(tmp_path):
    """A run's folder: its plan and its table."""
    journal = Journal(tmp_path, [], tensorboard=False)
    for row in ROWS:
        journal.note(**row)
    journal.write()
    Plan(
        preset=TINY["decompress"],
        folders=("/home/somebody/holiday", "/home/somebody/garden"),
        fingerprint="",
        pictures=("7 pictures to train on", "1 unreadable, left out: /home/somebody/holiday/a.png"),
        init="/home/somebody/models/first",
        seed=0,
        hours=None,
        precision="float32",
        judge="squeeze",
        asked={"init": "/home/somebody/models/first", "steps": 12},
    ).save(tmp_path)
    return tmp_path


def test_the_table_has_a_column_for_each_figure_and_a_gap_where_there_is_none(run):
    with open(run / "losses.csv", newline="") as file:
        rows = list(csv.DictReader(file))
    for row, noted in zip(rows, ROWS, strict=True):
        assert {name: float(value) for name, value in row.items() if value} == noted


def test_the_curves_are_drawn(run):
    pixels = np.asarray(Image.open(run / "loss.png"))
    assert (pixels[:320] != 255).any()
    assert (pixels[320:] == (31, 119, 180)).all(-1).any()  # the first series' colour


def test_a_figure_that_was_never_written_is_none():
    assert last(list(ROWS), "validation") == 0.4
    assert np.isnan(last(list(ROWS), "other"))


@pytest.mark.parametrize("column", ["validation", "held_out"], ids=["now", "earlier version"])
def test_the_card_tells_the_best_and_how_it_came_to_be_and_nobody_s_folders(run, column):
    table = run / "losses.csv"
    table.write_text(table.read_text().replace("validation", column))
    write_card(run)
    card = (run / "README.md").read_text()
    assert "| start | 0 | 0.5000 | 0.2500 |" in card
    assert "| exported | 9 | 0.2500 | 0.1250 |" in card
    assert "| last | 12 | 0.4000 | 0.2000 |" in card
    assert "imagine train --data holiday --data garden --init first --steps 12" in card
    assert "LPIPS under squeeze, which was trained with" in card
    assert "somebody" not in card


@pytest.mark.parametrize("size", [1, 2, 3])
def test_processes_share_a_batch_without_gap_or_overlap(size, monkeypatch):
    monkeypatch.setenv("WORLD_SIZE", str(size))
    shares = []
    for rank in range(size):
        monkeypatch.setenv("RANK", str(rank))
        shares += distributed.share(8)
    assert shares == list(range(8))
    with pytest.raises(ImagineError, match=f"a batch of {size - 1} for {size} processes"):
        distributed.share(size - 1)


def test_ctrl_c_asks_once_and_interrupts_the_second_time():
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    try:
        with stopping() as stop:
            assert not stop.asked
            signal.raise_signal(signal.SIGINT)
            assert stop.asked
            with pytest.raises(KeyboardInterrupt):
                signal.raise_signal(signal.SIGINT)
        assert signal.getsignal(signal.SIGINT) is signal.default_int_handler
    finally:
        signal.signal(signal.SIGINT, before)
