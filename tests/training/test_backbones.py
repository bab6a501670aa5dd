"""Feature networks are fetched once, whole, and with the hash that their name says."""

import hashlib
import threading
from dataclasses import replace
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest
import torch
from imagine_training.method import backbones

from imagine_cli import ModelError

CONTENT = b"weights " * 1000
NAME = f"net-{hashlib.sha256(CONTENT).hexdigest()[:8]}.pth"


@pytest.fixture
def server(monkeypatch, tmp_path):
    """A place on loopback that has one network, and a cache of torch's that is empty."""

    class Handler(BaseHTTPRequestHandler):
        asked, content, status = [], CONTENT, 200

        def do_GET(self):
            self.asked.append(self.path)
            self.send_response(self.status)
            self.send_header("Content-Length", str(len(CONTENT)))
            self.end_headers()
            self.wfile.write(self.content)

        def log_message(self, *words):
            pass

    running = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=running.serve_forever, daemon=True).start()
    address = f"http://127.0.0.1:{running.server_port}/{NAME}"
    torchs, ours = backbones.BACKBONES["alex"], tmp_path / "ours"
    monkeypatch.setitem(backbones.BACKBONES, "alex", replace(torchs, address=address))
    monkeypatch.setattr(backbones, "user_cache_path", lambda name: ours)
    monkeypatch.setattr(torch.hub, "get_dir", lambda: str(tmp_path / "torch"))
    monkeypatch.delenv(backbones.FOLDER_VARIABLE, raising=False)
    yield Handler
    running.shutdown()
    running.server_close()


def test_what_is_missing_is_fetched_once_and_told_beforehand(server, tmp_path):
    told = []
    for _ in range(2):
        backbones.fetch(["alex", "alex"], say=told.append)
    assert server.asked == [f"/{NAME}"]
    assert len(told) == 1
    assert "233 MB" in told[0]
    assert backbones.find("alex") == tmp_path / "torch" / "checkpoints" / NAME
    assert backbones.find("alex").read_bytes() == CONTENT


def test_files_that_are_missing_are_listed(tmp_path, monkeypatch):
    monkeypatch.setattr(backbones, "folders", lambda: [tmp_path])
    with pytest.raises(
        ModelError, match=r"put vgg16-\w+\.pth, squeezenet1_1-\w+\.pth into a folder"
    ):
        backbones.fetch(["vgg", "squeeze"], offline=True, say=lambda told: None)


@pytest.mark.parametrize("fault", ["another content", "half of it", "404", "nobody there"])
def test_what_goes_wrong_is_one_line_and_leaves_nothing(server, tmp_path, monkeypatch, fault):
    if fault == "another content":
        server.content = CONTENT[::-1]
    elif fault == "half of it":
        server.content = CONTENT[:4000]
    elif fault == "404":
        server.status = 404
    else:
        nowhere = replace(backbones.BACKBONES["alex"], address=f"http://127.0.0.1:9/{NAME}")
        monkeypatch.setitem(backbones.BACKBONES, "alex", nowhere)
    with pytest.raises(ModelError) as caught:
        backbones.fetch(["alex"], say=lambda told: None)
    line = str(caught.value)
    assert line.startswith("not downloaded (")
    assert f"put {NAME} into a folder and set IMAGINE_BACKBONES" in line
    assert "\n" not in line
    assert backbones.find("alex") is None
    left = [file.name for file in (tmp_path / "torch").rglob("*") if file.suffix != ".lock"]
    assert left == ["checkpoints"]


def test_offline_asks_nobody(server):
    with pytest.raises(ModelError, match=f"--offline, and no weights for alex: put {NAME}"):
        backbones.fetch(["alex"], offline=True, say=lambda told: None)
    assert server.asked == []


def test_a_folder_that_is_named_comes_first(server, tmp_path, monkeypatch):
    named = tmp_path / "named"
    named.mkdir()
    (named / NAME).write_bytes(b"")
    monkeypatch.setenv(backbones.FOLDER_VARIABLE, str(named))
    backbones.fetch(["alex"], say=lambda told: None)
    assert server.asked == []
    assert backbones.find("alex") == named / NAME
    with pytest.raises(ModelError, match="not a file of weights"):
        backbones.load("alex")
