"""Models come from a Hub and go to it: through huggingface_hub, over HTTP, as the program does."""

import os
import re
from pathlib import Path

import pytest
from forks import Forks
from hub_server import Hub, Repository
from models import card, model_file

from imagine_cli.hub import sha256

resource = pytest.importorskip("resource", reason="limits are POSIX's")


@pytest.fixture
def content(tmp_path):
    """The bytes of a model."""
    return model_file(tmp_path / "toy.onnx", card((1,), "decompress", 131)).read_bytes()


@pytest.fixture
def hub(content):
    """A Hub that has user/toy at two commits, the first of which is called v1.0."""
    hub = Hub()
    repository = hub.repositories["user/toy"] = Repository()
    repository.commit({"model.onnx": content + b"\x12\x00"})  # an empty name of its producer
    repository.refs["v1.0"] = repository.refs["main"]
    repository.commit({"model.onnx": content})
    yield hub
    hub.close()


@pytest.fixture(scope="module")
def forks():
    forks = Forks()
    yield forks
    forks.close()


@pytest.fixture
def imagine(hub, tmp_path, forks):
    """The program, with a cache of its own and this Hub."""

    def run(*arguments, limit=None, **variables):
        kept = {key: value for key, value in os.environ.items() if key[:3] != "HF_"}
        paths = {"HF_HOME": tmp_path / "hf", "HF_ENDPOINT": hub.url, "HF_HUB_DISABLE_XET": 1}
        environment = kept | {key: str(value) for key, value in (paths | variables).items()}
        return forks.run([str(argument) for argument in arguments], environment, limit)

    return run


def file_of(done):
    assert done.returncode == 0, done.stderr
    return Path(done.stdout.strip())


def complaint(done):
    assert done.returncode == 1, (done.stdout, done.stderr)
    assert done.stdout == ""
    (line,) = done.stderr.splitlines()
    assert line.startswith("imagine: ")
    return line


def test_a_pulled_model_is_the_hub_s_bytes_and_its_commit_is_told(imagine, hub, content):
    commit = hub.repositories["user/toy"].refs["main"]
    assert imagine("models", "pull", "user/toy").stdout == f"user/toy@{commit}\n"
    before = len(hub.requests)
    assert file_of(imagine("models", "path", "user/toy")).read_bytes() == content
    assert "decompress" in imagine("models", "info", "user/toy").stdout
    listed = imagine("models", "list").stdout.splitlines()
    assert [line.split()[0] for line in listed] == ["decompress", "upscale", "user/toy"]
    assert commit[:12] in listed[2]
    assert len(hub.requests) == before  # what is here is not asked for again


def test_a_name_means_the_same_bytes_until_it_is_pulled_again(imagine, hub, content):
    first = file_of(imagine("models", "path", "user/toy"))
    hub.repositories["user/toy"].commit({"model.onnx": content + b"\x1a\x00"})
    assert file_of(imagine("models", "path", "user/toy")) == first
    imagine("models", "pull", "user/toy")
    assert file_of(imagine("models", "path", "user/toy")).read_bytes() == content + b"\x1a\x00"
    assert first.read_bytes() == content  # an older commit is there until it is removed


def test_a_revision_is_a_tag_or_a_commit(imagine, hub, content):
    commits = list(hub.repositories["user/toy"].commits)
    tagged = file_of(imagine("models", "path", "user/toy@v1.0"))
    assert tagged == file_of(imagine("models", "path", f"user/toy@{commits[0]}"))
    assert tagged.read_bytes() != content
    assert file_of(imagine("models", "path", "user/toy")).read_bytes() == content


@pytest.mark.parametrize("how", [["--offline"], []])
def test_offline_takes_what_is_here_and_asks_nobody(imagine, hub, how):
    variables = {} if how else {"HF_HUB_OFFLINE": 1}
    refused = complaint(imagine("models", "path", "user/toy", *how, **variables))
    assert "not cached" in refused
    assert hub.requests == []
    imagine("models", "pull", "user/toy")
    before = len(hub.requests)
    assert file_of(imagine("models", "path", "user/toy", *how, **variables)).is_file()
    assert len(hub.requests) == before


def test_a_picture_is_made_with_a_model_of_the_hub(imagine, tmp_path):
    from PIL import Image

    photo = tmp_path / "photo.jpg"
    Image.new("RGB", (16, 16), "teal").save(photo)
    arguments = ["decompress", photo, "-n", 1, "--model", "user/toy"]
    assert "not cached" in imagine(*arguments, "--offline").stderr
    done = imagine(*arguments)
    assert done.returncode == 0, done.stderr
    assert (tmp_path / "photo-decompressed-0.png").exists()


def test_a_cut_download_goes_on_where_it_was_cut(imagine, hub, content):
    large = content + b"\x0a\x80\x80\x80\x10" + bytes(2**25)  # the Hub's client takes 10 MB a time
    hub.repositories["user/toy"].commit({"model.onnx": large})
    cuts = iter(["cut"])
    hub.fault = lambda method, path: next(cuts, None) if method == "GET" else None
    assert file_of(imagine("models", "path", "user/toy")).read_bytes() == large
    first, second = [headers.get("Range") for _, _, headers in hub.asked("GET")]
    assert first is None
    assert re.fullmatch(r"bytes=\d{8}-", second)


def test_a_broken_connection_leaves_what_was_there(imagine, hub, content, tmp_path):
    imagine("models", "pull", "user/toy")
    hub.repositories["user/toy"].commit({"model.onnx": content + b"\x1a\x00"})
    hub.fault = lambda method, path: "reset" if method == "GET" else None
    assert "lost" in complaint(imagine("models", "pull", "user/toy"))
    assert not list(tmp_path.rglob("*.incomplete"))
    assert file_of(imagine("models", "path", "user/toy")).read_bytes() == content


@pytest.mark.parametrize("lfs", [True, False])
def test_a_flipped_byte_is_seen_and_thrown_away(imagine, hub, content, tmp_path, lfs):
    hub.repositories["user/toy"].lfs = lfs
    hub.fault = lambda method, path: "flip" if method == "GET" else None
    assert "wrong checksum" in complaint(imagine("models", "pull", "user/toy"))
    assert not [file for file in tmp_path.rglob("blobs/*") if file.is_file()]
    hub.fault = lambda method, path: None
    assert file_of(imagine("models", "path", "user/toy")).read_bytes() == content


def test_damage_on_the_disk_is_found_told_and_mended(imagine, content):
    file = file_of(imagine("models", "path", "user/toy"))
    assert "same bytes as on the Hub" in imagine("models", "verify", "user/toy").stdout
    file.write_bytes(content.replace(b"pixels_1", b"pixels_2", 1))
    done = imagine("models", "verify")
    assert done.returncode == 1
    assert "wrong checksum" in done.stderr
    assert "models pull user/toy" in done.stderr
    assert "BROKEN model user/toy" in imagine("doctor").stdout
    assert imagine("models", "pull", "user/toy").returncode == 0
    assert file.read_bytes() == content
    assert imagine("models", "verify").returncode == 0


@pytest.mark.parametrize(
    ("fault", "said"),
    [
        ((401, {"X-Error-Code": "RepoNotFound"}), "a private one needs HF_TOKEN"),
        ((401, {"X-Error-Code": "GatedRepo"}), "terms must be accepted"),
        (401, "set HF_TOKEN to a token"),
        (403, "needs permission"),
        ((404, {"X-Error-Code": "EntryNotFound"}), "has no model.onnx"),
        ((404, {"X-Error-Code": "RevisionNotFound"}), "has no revision"),
        (404, "the Hub answered 404"),
        (429, "try again in a few minutes"),
        ((429, {"Retry-After": "77"}), "try again in 77 seconds"),
        (500, r"internal error (500)"),
        (503, r"internal error (503)"),
        (200, "is HF_ENDPOINT a Hub"),
        ((200, {"X-Repo-Commit": "c", "ETag": "e", "X-Linked-Size": str(2**31)}), "2,147,483,648"),
    ],
)
def test_each_answer_of_the_hub_is_one_line_that_helps(imagine, hub, fault, said):
    hub.fault = lambda method, path: fault
    line = complaint(imagine("models", "pull", "user/toy@v1.0"))
    assert line.startswith("imagine: user/toy@v1.0: ")
    assert said in line


def test_what_the_hub_does_not_have_is_told(imagine, hub):
    hub.repositories["user/empty"] = Repository()
    hub.repositories["user/empty"].commit({"README.md": b"nothing"})
    assert "no such file, folder or Hub" in complaint(imagine("models", "path", "user/none"))
    assert "no revision 'v9'" in complaint(imagine("models", "path", "user/toy@v9"))
    assert "no model.onnx" in complaint(imagine("models", "path", "user/empty"))
    assert "not user/repo" in complaint(imagine("models", "pull", "upscale"))
    assert "user/a--b" in complaint(imagine("models", "path", "user/a--b"))


def test_without_a_network_one_line_says_where_to_look(imagine):
    line = complaint(imagine("models", "pull", "user/toy", HF_ENDPOINT="http://127.0.0.1:9"))
    assert "cannot reach" in line
    assert "HTTPS_PROXY" in line


def test_a_full_disk_is_one_line_and_leaves_nothing(imagine, hub, content, tmp_path):
    hub.repositories["user/toy"].commit(
        {"model.onnx": content + b"\x0a\x80\x80\x01" + bytes(2**14)}
    )
    assert "no space left" in complaint(imagine("models", "pull", "user/toy", limit=2**13))
    assert not list(tmp_path.rglob("*.incomplete"))


def test_a_cache_that_may_not_be_written_is_named(imagine, tmp_path):
    (tmp_path / "file").touch()
    complaint(imagine("models", "list", HF_HUB_CACHE=tmp_path / "file"))
    assert "HF_HOME" in complaint(imagine("models", "pull", "user/toy", HF_HOME=tmp_path / "file"))


def test_a_private_or_gated_model_comes_with_a_token(imagine, hub):
    hub.repositories["user/toy"].gated = True
    assert "accepted" in complaint(imagine("models", "path", "user/toy"))
    hub.repositories["user/toy"].private = True
    assert "HF_TOKEN" in complaint(imagine("models", "path", "user/toy"))
    assert "HF_TOKEN" in complaint(imagine("models", "path", "user/toy", HF_TOKEN="hf_bad"))
    assert file_of(imagine("models", "path", "user/toy", HF_TOKEN=hub.TOKEN)).is_file()


def test_a_proxy_is_gone_through(imagine, hub):
    elsewhere = {"HF_ENDPOINT": "http://hub.invalid", "HTTP_PROXY": hub.url, "NO_PROXY": ""}
    assert file_of(imagine("models", "path", "user/toy", **elsewhere)).is_file()
    assert all(headers["Host"] == "hub.invalid" for _, _, headers in hub.requests)


def test_what_is_no_model_does_not_take_the_place_of_one(imagine, hub, content):
    imagine("models", "pull", "user/toy")
    hub.repositories["user/toy"].commit({"model.onnx": b"\x80\x04cos\nsystem\n"})
    assert "user/toy: not a model" in complaint(imagine("models", "pull", "user/toy"))
    assert file_of(imagine("models", "path", "user/toy")).read_bytes() == content


def test_one_model_of_imagine_is_removed_and_nothing_else(imagine, hub, content):
    hub.repositories["user/copy"] = Repository()
    hub.repositories["user/copy"].commit({"model.onnx": content})
    hub.repositories["user/other"] = Repository()
    hub.repositories["user/other"].commit({"model.onnx": b"\x08\x08"})
    complaint(imagine("models", "pull", "user/other"))
    copy, tagged, main = (
        file_of(imagine("models", "path", name))
        for name in ("user/copy", "user/toy@v1.0", "user/toy")
    )
    assert copy.parent.name == tagged.parent.name  # the same commit
    assert imagine("models", "remove", "user/toy@v1.0").returncode == 0
    assert (tagged.exists(), main.exists()) == (False, True)
    assert "freed" in imagine("models", "remove", "user/toy").stdout
    assert (main.exists(), copy.exists()) == (False, True)
    for name in ("user/toy", "user/other", "upscale"):
        complaint(imagine("models", "remove", name))
    assert "user/other" not in imagine("models", "list").stdout


@pytest.fixture
def trained(tmp_path, content):
    """A folder as `imagine train` leaves it, with the state of the run in it too."""
    folder = tmp_path / "mine"
    folder.mkdir()
    (folder / "model.onnx").write_bytes(content)
    (folder / "model.safetensors").write_bytes(b"weights")
    (folder / "config.json").write_text("{}")
    (folder / "README.md").write_text("---\nlibrary_name: imagine-cli\n---\n# mine\n")
    (folder / "state.pt").write_bytes(b"for going on")
    return folder


def test_a_pushed_model_is_what_others_pull(imagine, hub, trained):
    done = imagine("models", "push", trained, "user/mine", HF_TOKEN=hub.TOKEN)
    assert done.returncode == 0, done.stderr
    files = hub.repositories["user/mine"].commits[done.stdout.strip().partition("@")[2]]
    pushed = {"README.md", "model.onnx", "model.safetensors", "config.json"}
    assert files.keys() - {".gitattributes"} == pushed
    assert all(files[name] == (trained / name).read_bytes() for name in pushed)
    [line] = done.stderr.splitlines()  # and no bar, where there is no terminal
    assert f"{hub.url}/user/mine/commit/" in line
    pulled = file_of(imagine("models", "path", "user/mine"))
    assert sha256(pulled) == sha256(trained / "model.onnx")


def test_what_is_private_is_never_pushed_to_where_all_can_see(imagine, hub, trained):
    token = {"HF_TOKEN": hub.TOKEN}
    assert imagine("models", "push", trained, "user/mine", "--private", **token).returncode == 0
    assert hub.repositories["user/mine"].private
    line = complaint(imagine("models", "push", trained, "user/toy", "--private", **token))
    assert "public" in line
    assert not [path for _, path, _ in hub.requests if "user/toy/commit" in path]


def test_a_push_that_cannot_be_is_one_line(imagine, hub, trained):
    token = {"HF_TOKEN": hub.TOKEN}
    assert "HF_TOKEN" in complaint(imagine("models", "push", trained, "user/mine"))
    assert "permission" in complaint(imagine("models", "push", trained, "other/mine", **token))
    (trained / "config.json").unlink()
    assert "no config.json" in complaint(imagine("models", "push", trained, "user/mine", **token))
    assert "user/mine" not in hub.repositories
