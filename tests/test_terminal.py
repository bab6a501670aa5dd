"""What is typed in a terminal: a real one, as a pseudo-terminal gives it."""

import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from pictures import photograph
from PIL import Image

pty = pytest.importorskip("pty", reason="Windows has no pseudo-terminals")


def typed(*arguments, keys="", **environment):
    """The command's exit code, and what the terminal showed."""
    mine, its = pty.openpty()
    command = [sys.executable, "-m", "imagine_cli", *map(str, arguments)]
    program = subprocess.Popen(
        command, stdin=its, stdout=its, stderr=its, env={**os.environ, **environment}
    )
    os.close(its)
    os.write(mine, keys.encode())
    shown = b""
    try:
        while piece := os.read(mine, 4096):
            shown += piece
    except OSError:  # Linux's way to say that nobody writes any more
        pass
    os.close(mine)
    return program.wait(timeout=60), shown.decode()


@pytest.fixture
def photo(tmp_path):
    file = tmp_path / "photo.png"
    Image.fromarray(photograph(12, 16)).save(file)
    return file


@pytest.mark.bundled
@pytest.mark.parametrize(
    "environment",
    [{"TERM": "xterm", "COLUMNS": "10"}, {"TERM": "dumb", "NO_COLOR": "1"}, {"TERM": ""}],
    ids=str,
)
def test_upscale_runs_in_a_terminal(photo, environment):
    code, shown = typed("upscale", photo, "-n", 2, "--scale", 2, **environment)
    assert code == 0, shown
    assert "Traceback" not in shown
    assert "2 written" in shown
    assert photo.with_name("photo-x2-1.png").is_file()


@pytest.mark.bundled
@pytest.mark.parametrize(
    ("keys", "more", "written"), [("y\n", (), 1), ("n\n", (), 0), ("", ("--yes",), 1)], ids=str
)
def test_a_result_that_is_very_large_is_asked_about_once(photo, keys, more, written):
    asked = ("upscale", photo, "-n", 1, "--scale", 2, "--max-pixels", 100)
    code, shown = typed(*asked, *more, keys=keys)
    assert code == 1 - written
    assert shown.count("1 above 100 pixels, up to 32 x 24") == bool(keys)
    assert ("more than --max-pixels" in shown) == (not written)
    assert photo.with_name("photo-x2-0.png").exists() == bool(written)


@pytest.mark.parametrize("arguments", [("upscale", "-"), ("upscale", "x.png", "-n", 1, "-o", "-")])
def test_bytes_neither_come_from_a_terminal_nor_go_there(arguments):
    code, shown = typed(*arguments)
    assert code == 2
    assert "'-'" in shown


@pytest.mark.bundled
def test_decompress_runs_in_a_terminal(photo, tmp_path):
    jpeg = tmp_path / "photo.jpg"
    Image.open(photo).save(jpeg, quality=20)
    code, shown = typed("decompress", jpeg, "-n", 2)
    assert code == 0, shown
    assert "2 written" in shown
    assert "2 of 2" in shown


def test_evaluate_runs_in_a_terminal(photo, tmp_path):
    pytest.importorskip("torch")
    data = tmp_path / "data"
    data.mkdir()
    Image.fromarray(photograph(64, 64)).save(data / "photo.png")
    code, shown = typed("evaluate", "--data", data, "--model", "lanczos", "--metrics", "psnr")
    assert code == 0, shown
    assert "Traceback" not in shown
    assert "psnr" in shown


def test_signs_that_an_encoding_lacks_end_nothing(tmp_path):
    environment = {**os.environ, "PYTHONIOENCODING": "cp437", "HF_HOME": str(tmp_path)}
    command = [sys.executable, "-m", "imagine_cli", "models", "list"]
    done = subprocess.run(command, capture_output=True, text=True, env=environment, check=True)
    assert "upscale ?2 ?4 ?8 ?16" in done.stdout


def test_train_runs_in_a_terminal(tmp_path):
    pytest.importorskip("torch")
    data, out = tmp_path / "data", tmp_path / "out"
    data.mkdir()
    for number in range(8):
        Image.fromarray(photograph(112, 112 + number)).save(data / f"{number}.png")
    options = ("--task", "decompress", "--data", data, "--out", out, "--perceptual", "none")
    code, shown = typed("train", *options, "--steps", 2, "--batch", 1, "--threads", 1)
    assert code == 0, shown
    assert "Traceback" not in shown
    assert "step 1 of 2" in shown
    code, shown = typed("decompress", "missing.jpg", "--model", out)
    assert "missing.jpg" in shown, shown
    assert code == 1


@pytest.mark.bundled
@pytest.mark.skipif(not shutil.which("strace"), reason="strace is not installed")
def test_nothing_asks_the_network(photo, tmp_path):
    trace = tmp_path / "trace"
    command = [sys.executable, "-m", "imagine_cli", "upscale", photo, "-n", "1", "--scale", "2"]
    strace = ["strace", "-f", "-e", "trace=network", "-o", trace]
    subprocess.run([*strace, *command], check=True, capture_output=True, timeout=120)
    assert "AF_INET" not in trace.read_text()


@pytest.mark.bundled
def test_nothing_is_left_in_the_home_or_among_temporary_files(photo, tmp_path):
    home, scratch = tmp_path / "home", tmp_path / "scratch"
    home.mkdir()
    scratch.mkdir()
    places = {"HOME": str(home), "XDG_CACHE_HOME": str(home / "cache"), "TMPDIR": str(scratch)}
    command = [sys.executable, "-m", "imagine_cli", "upscale", photo, "-n", "1", "--scale", "2"]
    environment = {**os.environ, **places}
    environment.pop("ORT_DISABLE_TELEMETRY", None)
    subprocess.run(command, check=True, capture_output=True, env=environment, timeout=120)
    assert [file for place in (home, scratch) for file in place.rglob("*") if file.is_file()] == []


@pytest.mark.bundled
@pytest.mark.parametrize("name", ["SIGTERM", "SIGHUP"])
def test_a_signal_to_end_leaves_no_half_file(tmp_path, name):
    file = tmp_path / "large.png"
    Image.fromarray(photograph(96, 96)).save(file)
    command = [sys.executable, "-m", "imagine_cli", "upscale", file, "-n", "99", "--scale", "4"]
    program = subprocess.Popen(
        command,
        stderr=subprocess.PIPE,
        text=True,
        preexec_fn=lambda: signal.signal(signal.Signals[name], signal.SIG_DFL),  # not nohup's
    )
    first = file.with_name("large-x4-0.png")
    until = time.monotonic() + 120
    while not first.exists() and time.monotonic() < until:
        time.sleep(0.05)
    program.send_signal(signal.Signals[name])
    _, said = program.communicate(timeout=120)
    assert program.returncode == 128 + signal.Signals[name]
    assert "Traceback" not in said
    assert not list(Path(tmp_path).glob(".*.part"))


@pytest.mark.bundled
@pytest.mark.skipif(not os.path.exists("/dev/full"), reason="there is no /dev/full")
def test_results_that_nobody_takes_end_the_run_quietly(photo):
    command = [sys.executable, "-m", "imagine_cli", "upscale", photo, "--scale", "2", "--json"]
    with open("/dev/full", "w") as full:
        done = subprocess.run(
            command, stdout=full, stderr=subprocess.PIPE, text=True, timeout=120, check=False
        )
    assert done.returncode == 1
    assert not {"Traceback", "unexpectedly", "failed"} & set(done.stderr.split())
    assert "No space" not in done.stderr


DEAF = """
import hashlib, sys
from imagine_cli import jobs
from imagine_cli.cli import app

def deaf(*arguments, **options):
    print("begun", file=sys.stderr, flush=True)
    hashlib.pbkdf2_hmac("sha256", b"", b"", 10**9)  # some minutes, and it hears no signal
    yield

jobs.work = deaf
app()
"""


@pytest.mark.bundled
@pytest.mark.skipif(os.name == "nt", reason="Windows hears Ctrl-C another way")
def test_ctrl_c_ends_a_model_that_does_not_hear_it(photo):
    program = subprocess.Popen(
        [sys.executable, "-c", DEAF, "upscale", photo],
        stderr=subprocess.PIPE,
        text=True,
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.default_int_handler),
    )
    assert program.stderr.readline() == "begun\n"
    program.send_signal(signal.SIGINT)
    assert program.wait(timeout=30) == 130
    program.stderr.close()


def test_ctrl_c_while_the_program_starts_is_no_traceback():
    code = (
        "import sys\n"
        "class Pressed:\n"
        "    def find_spec(self, name, *rest):\n"
        "        if name == 'imagine_cli.cli': raise KeyboardInterrupt\n"
        "sys.meta_path.insert(0, Pressed())\n"
        "from imagine_cli.__main__ import main\n"
        "main()\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (130, "")
