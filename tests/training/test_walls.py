"""Who may know whom among the wings of training, and within them."""

import ast
from pathlib import Path

import imagine_training
import pytest

ROOT = Path(imagine_training.__file__).parent
# `.here` in the same wing. What imagine_cli has, all may use; it never looks back.
KNOWN = {
    "method.backbones": "",
    "method.cells": "",
    "method.checkpoint": ".presets",
    "method.data": ".operators .presets",
    "method.hyperrim": ".data .latent .network .presets",
    "method.imle": ".data .latent .learning .objective .presets",
    "method.latent": ".presets",
    "method.learning": ".data .hyperrim .latent .network .perceptual .presets",
    "method.network": ".cells .data .latent .presets",
    "method.objective": ".perceptual .presets .spectrum .texture",
    "method.operators": "",
    "method.perceptual": ".backbones",
    "method.presets": "",
    "method.spectrum": ".operators",
    "method.texture": "",
    "baselines.adversary": "",
    "baselines.esrgan": (
        ".adversary .inputs method.network method.imle method.latent method.learning "
        "method.perceptual method.presets"
    ),
    "baselines.inputs": "",
    "baselines.networks": (
        ".esrgan .pix2pix .regression method.hyperrim method.learning method.network method.presets"
    ),
    "baselines.pix2pix": (
        ".adversary .inputs method.network method.imle method.latent method.learning "
        "method.perceptual method.presets"
    ),
    "baselines.regression": (
        "method.network method.imle method.latent method.learning method.presets"
    ),
    "baselines.srim": ".esrgan method.imle method.learning method.perceptual method.presets",
    "run.books": (
        ".distributed .journal .learner .pictures .plan .processes .validate method.checkpoint"
    ),
    "run.card": ".journal .methods .plan",
    "run.command": (
        ".books .card .export .loop .methods .options .plan .processes "
        "method.checkpoint method.presets"
    ),
    "run.cost": (
        ".learner method.imle method.latent method.learning method.network method.presets"
    ),
    "run.curve": "",
    "run.distributed": ".processes",
    "run.dry": ".command .cost .hardware .options .pictures .validate method.data",
    "run.eight_bits": ".leaves method.data",
    "run.export": (
        ".eight_bits .phases baselines.networks method.checkpoint method.network method.presets"
    ),
    "run.hardware": ".distributed",
    "run.journal": ".curve",
    "run.leaves": "",
    "run.learner": (
        ".distributed .hardware .methods method.checkpoint method.data method.latent "
        "method.learning method.presets"
    ),
    "run.loop": (
        ".books .distributed .hardware .learner .pictures .plan .processes .stopping .validate "
        "method.checkpoint method.data method.presets"
    ),
    "run.methods": (
        "baselines.esrgan baselines.networks baselines.pix2pix baselines.regression "
        "baselines.srim method.imle method.learning method.perceptual method.presets"
    ),
    "run.options": ".pictures .processes method.presets",
    "run.phases": "method.network",
    "run.pictures": "",
    "run.plan": ".hardware .pictures .validate method.presets",
    "run.processes": "",
    "run.stopping": ".processes",
    "run.validate": (
        ".learner baselines.networks method.backbones method.data method.imle method.latent "
        "method.learning method.perceptual method.presets"
    ),
    "evaluation.codes": "",
    "evaluation.evaluate": ".programs .report .scores folders method.backbones",
    "evaluation.inception": "method.backbones",
    "evaluation.ladder": "",
    "evaluation.metrics": "",
    "evaluation.programs": "",
    "evaluation.reading": "",
    "evaluation.report": ".metrics .programs .reading",
    "evaluation.scores": ".codes .inception .ladder .metrics .programs method.perceptual",
    "evaluation.traversal": (
        ".evaluate .programs .report baselines.networks folders method.checkpoint method.latent "
        "method.network method.operators method.perceptual method.presets"
    ),
    "mnist.digits": ".line .toy folders",
    "mnist.line": ".toy",
    "mnist.toy": "",
    "folders": "",
}
STANDS_ON = {
    "method": set(),
    "baselines": {"method"},
    "run": {"method", "baselines"},
    "evaluation": {"method", "baselines", "folders"},  # it measures rivals too
    "mnist": {"folders"},
    "folders": set(),
}


def imported(file):
    """The package's own modules that a file imports, from its wing `.here`, else `wing.module`."""
    names = set()
    for node in ast.walk(ast.parse(file.read_text())):
        if isinstance(node, ast.ImportFrom):
            assert "imagine_training" not in (node.module or ""), "relative within the package"
            if node.level:
                wing = "." if node.level == 1 and file.parent != ROOT else ""
                module = node.module or ""
                deep = "." in module or (node.level == 1 and module) or module == "folders"
                names |= {wing + module} if deep else {
                    f"{wing or module + '.'}{alias.name}" for alias in node.names
                }  # fmt: skip
    return names


def rooms():
    files = (file.relative_to(ROOT).with_suffix("") for file in ROOT.rglob("*.py"))
    return {".".join(file.parts) for file in files if file.name not in ("__init__", "__main__")}


@pytest.mark.parametrize("room", KNOWN)
def test_each_room_knows_its_neighbours_and_no_other(room):
    assert imported(ROOT / f"{room.replace('.', '/')}.py") == set(KNOWN[room].split())


def test_every_room_has_its_walls():
    assert rooms() == set(KNOWN)


def test_run_and_evaluation_stand_on_the_method_side_by_side():
    found = {wing: set() for wing in STANDS_ON}
    for room, known in KNOWN.items():
        found[room.partition(".")[0]] |= {one.partition(".")[0] for one in known.split()} - {""}
    assert found == STANDS_ON
