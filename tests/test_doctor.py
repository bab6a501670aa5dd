"""The doctor tells what is there and really works, and its exit code whether all is well."""

import json
import shutil
import sys

import pytest
from typer.testing import CliRunner

import imagine_cli
from imagine_cli import devices, doctor, hub
from imagine_cli.cli import app


@pytest.fixture(autouse=True)
def an_empty_cache(monkeypatch, tmp_path):
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_CACHE", str(tmp_path / "none"))


def examined():
    """The exit code, and what was found by what it is about."""
    result = CliRunner().invoke(app, ["doctor", "--json"])
    report = json.loads(result.stdout)
    findings = {finding["about"]: finding for finding in report["findings"]}
    assert report["well"] == all(finding["well"] for finding in findings.values())
    assert result.exit_code == (0 if report["well"] else 1)
    return report["well"], findings


def test_a_good_installation_is_well():
    well, findings = examined()
    assert well
    assert findings["imagine"]["found"] == imagine_cli.__version__
    assert findings["device cpu"]["found"] == "runs a model"
    wanted = {"python", "numpy", "onnxruntime", "model upscale", "threads", "hub", "cache"}
    assert wanted <= findings.keys()
    lines = CliRunner().invoke(app, ["doctor"]).stdout.splitlines()
    assert [line.partition(": ")[0] for line in lines] == list(findings)


def test_a_damaged_or_missing_bundled_model_is_broken(monkeypatch, tmp_path):
    shutil.copytree(hub.find("decompress").parent, tmp_path / "decompress")
    model = tmp_path / "decompress" / "model.onnx"
    model.write_bytes(model.read_bytes()[:-1])
    monkeypatch.setattr(hub, "_bundled", lambda: tmp_path)
    well, findings = examined()
    assert not well
    broken = [about for about, finding in findings.items() if not finding["well"]]
    assert broken == ["model decompress", "model upscale", "device cpu"]


@pytest.mark.filterwarnings("ignore:Specified provider")
def test_a_device_that_is_spoken_of_but_does_not_run_is_broken(monkeypatch):
    monkeypatch.setattr(devices, "there", lambda: ["directml", "cpu"])
    well, findings = examined()
    assert not well
    assert "could not be started" in findings["device directml"]["found"]
    assert findings["device cpu"]["well"]


def test_a_cache_that_is_none_is_broken(monkeypatch, tmp_path):
    (tmp_path / "file").touch()
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_CACHE", str(tmp_path / "file"))
    well, findings = examined()
    assert not well
    assert not findings["cache"]["well"]


def test_training_is_no_must(monkeypatch):
    monkeypatch.setitem(sys.modules, "torch", None)
    for name in [name for name in sys.modules if name.startswith("imagine_training")]:
        monkeypatch.delitem(sys.modules, name)
    (finding,) = doctor._backbones()
    assert finding.well
    assert "in the checkout, pip install '.[train]'" in finding.found


def test_backbones_are_found_where_they_are_said_to_be(monkeypatch, tmp_path):
    pytest.importorskip("imagine_training.method.perceptual")
    file = tmp_path / "vgg16-397923af.pth"
    file.touch()
    monkeypatch.setenv("IMAGINE_BACKBONES", str(tmp_path))
    found = {finding.about: finding.found for finding in doctor._backbones()}
    assert found["backbone vgg"] == str(file)
