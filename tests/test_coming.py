"""Rows that one thread paints while another reads what is there."""

import time
from concurrent.futures import ThreadPoolExecutor
from threading import Event

import numpy as np
import pytest

from imagine_cli.canvas import canvas
from imagine_cli.coming import Coming
from imagine_cli.timings import WAITING, measured


@pytest.fixture(params=["held", "on disk"])
def coming(request, tmp_path, monkeypatch):
    monkeypatch.setattr("imagine_cli.canvas.IN_MEMORY", 0 if request.param == "on disk" else 10**9)
    return Coming(canvas((8, 3), np.float32, tmp_path))


def test_who_reads_waits_for_the_rows_asked_for_and_no_others(coming):
    coming[0:4] = np.ones((4, 3))
    assert (coming[1:4] == 1).all()
    with ThreadPoolExecutor(1) as thread:
        reading = thread.submit(lambda: coming[2:6].copy())
        time.sleep(0.1)
        assert not reading.done()
        coming[4:8] = np.full((4, 3), 2)
        assert (reading.result(30) == np.repeat([1, 2], 2)[:, None]).all()
    assert coming.waited >= 0.05
    assert (np.asarray(coming).sum(1) == [3] * 4 + [6] * 4).all()
    assert (coming.shape, coming.dtype, len(coming)) == ((8, 3), np.float32, 8)


def test_who_reads_is_told_what_went_wrong_in_painting(coming):
    began = Event()

    def paint():
        with coming.at_work():
            began.set()
            time.sleep(0.05)
            raise ZeroDivisionError

    with ThreadPoolExecutor(1) as thread:
        painting = thread.submit(paint)
        began.wait(30)
        with pytest.raises(ZeroDivisionError):
            coming[0:1]
        assert isinstance(painting.exception(30), ZeroDivisionError)
    assert coming.seconds >= 0.05


def test_waiting_is_no_part_of_the_work(coming):
    with ThreadPoolExecutor(1) as thread, measured() as watch:
        thread.submit(lambda: time.sleep(0.1) or coming.__setitem__(slice(0, 8), np.ones((8, 3))))
        coming[0:8]
    assert watch.seconds[WAITING] >= 0.04
