"""Files shared among the processes of a Ray cluster on this machine."""

import os
import signal
import subprocess
import sys
import time
from contextlib import suppress
from pathlib import Path

import pytest
from pictures import photograph
from PIL import Image
from typer.testing import CliRunner

from imagine_cli import cluster
from imagine_cli.cli.app import app
from imagine_cli.errors import ImagineError

ray = pytest.importorskip("ray")


def upscale(folder, *words):
    words = [sys.executable, "-m", "imagine_cli", "upscale", "-n", "1", "--scale", "4", *words]
    quick = os.environ | {"RAY_worker_niceness": "0"}  # its processes give way to other tests
    return subprocess.Popen(words, cwd=folder, env=quick, stdout=-1, stderr=-1, text=True)


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    folder = tmp_path_factory.mktemp("many")
    for number in range(8):
        Image.fromarray(photograph(48, 40 + number)).save(folder / f"{number}.png")
    (folder / "spoilt.png").write_bytes(b"no picture")
    return folder


def test_a_cluster_makes_what_one_machine_makes_though_a_process_is_killed(folder):
    one = upscale(folder, ".", "-o", "one")
    told, _ = one.communicate()

    many = upscale(folder, ".", "-o", "many", "--ray", "local")
    killed = a_worker_of(many.pid)
    if killed:
        os.kill(killed, signal.SIGKILL)
    told_of_many, problems_of_many = many.communicate(timeout=300)

    assert (one.returncode, many.returncode) == (1, 1)
    assert sorted(told_of_many.split()) == sorted(told.replace("one/", "many/").split())
    assert "spoilt.png: not a picture" in problems_of_many
    assert problems_of_many.endswith("1 failed\n")
    assert not list((folder / "many").glob(".*"))
    for result in (folder / "one").iterdir():
        assert (folder / "many" / result.name).read_bytes() == result.read_bytes()
    if sys.platform == "linux":
        assert killed


def a_worker_of(driver):
    """The process that works on a picture, once there is one; None where they have no names."""
    while sys.platform == "linux" and Path(f"/proc/{driver}").exists():
        for process in Path("/proc").glob("[0-9]*"):
            with suppress(OSError):
                working = (process / "cmdline").read_bytes().startswith(b"ray::_turn")
                if working and driver in ancestors(int(process.name)):
                    return int(process.name)
        time.sleep(0.02)
    return None


def ancestors(process):
    while process > 1:
        yield process
        process = int(Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()[1])


@pytest.mark.parametrize("address", ["127.0.0.1:1", "ray://127.0.0.1:1"])
def test_where_there_is_no_cluster_one_line_says_so(folder, address):
    run = upscale(folder, ".", "--ray", address)
    _, problems = run.communicate(timeout=120)
    assert run.returncode == 1
    assert f"--ray {address}: no cluster there" in problems.splitlines()[-1]
    assert "Traceback" not in problems


def test_other_machines_have_no_standard_output(folder):
    run = upscale(folder, "0.png", "-o", "-", "--ray", "local")
    _, problems = run.communicate()
    assert run.returncode == 2
    assert "it goes with neither -" in problems


def test_a_machine_that_does_not_see_the_folder_is_told(tmp_path):
    (told,) = cluster._turn("run", [], str(tmp_path / "elsewhere"), None)
    assert "does not see the folder" in told.line


def test_no_model_to_run_ends_the_run(tmp_path, monkeypatch):
    class Without:
        def turn(self, *_):
            raise ImagineError("no model")

    class Ray:
        exceptions = ray.exceptions

        def get(self, found):
            return found

    monkeypatch.chdir(tmp_path)
    monkeypatch.setitem(cluster._workers, "run", (Without(), ()))
    found = cluster._turn("run", [], str(tmp_path), None)
    with pytest.raises(ImagineError, match="no model"):
        cluster._told(Ray(), found)


def test_a_task_has_one_thread(folder, monkeypatch):
    given = []

    def turns(address, worker, *_):
        given.append(worker)
        yield from ()

    monkeypatch.setattr(cluster, "turns", turns)
    CliRunner().invoke(app, ["upscale", str(folder), "--ray", "auto"])
    assert [(worker.device, worker.threads) for worker in given] == [("cpu", 1)]
