"""Who may know whom: the walls of the house."""

import ast
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
ALLOWED = {
    "errors": set(),
    "evidence": set(),
    "dct": {"evidence"},
    "resampling": {"evidence"},
    "downscaled": {"evidence", "resampling"},
    "jpeg": {"dct", "evidence", "errors"},
    "seeds": set(),
    "shards": set(),
    "colours": {"model"},
    "noise": {"seeds"},
    "tiles": set(),
    "devices": {"errors"},
    "onnxfile": {"errors"},
    "model": {"devices", "evidence", "onnxfile", "errors"},
    "variants": {"seeds", "noise", "tiles", "evidence", "model", "errors"},
    "hub": {"model", "onnxfile", "errors", "__version__"},
    "models": {"hub", "model", "errors"},
    "doctor": {
        *("devices", "hub", "models", "model", "errors", "__version__"),
        "imagine_training",  # to look whether it is there
    },
    "exits": {"errors"},
    "models_cli": {"exits", "hub", "models", "doctor", "errors"},
    "picture": {"errors"},
    "files": set(),
    "gallery": set(),
    "choose": {"evidence"},
    "origin": set(),
    "page": {"picture", "evidence", "errors"},
    "wish": {"seeds"},
    "progress": set(),
    "jobs": {
        "colours",
        *("downscaled", "jpeg", "variants", "model", "evidence", "errors"),
        *("picture", "gallery", "page", "choose", "files", "seeds", "wish", "origin"),
    },
}


def imported(file):
    """The house's own modules that a file imports."""
    names = set()
    for node in ast.walk(ast.parse(file.read_text())):
        if isinstance(node, ast.ImportFrom):
            if node.level or (node.module or "").startswith("imagine_cli"):
                module = (node.module or "").removeprefix("imagine_cli").strip(".")
                names |= {module} if module else {alias.name for alias in node.names}
            elif (node.module or "").startswith("imagine_training"):
                names.add("imagine_training")
    return names


@pytest.mark.parametrize("module", ALLOWED)
def test_each_room_knows_its_neighbours_only(module):
    assert imported(ROOT / "imagine_cli" / f"{module}.py") <= ALLOWED[module]


def test_every_room_has_its_walls():
    rooms = {file.stem for file in (ROOT / "imagine_cli").glob("*.py")}
    assert rooms - {"cli", "__init__", "__main__"} == set(ALLOWED)


@pytest.mark.parametrize(
    "arguments", [["--help"], ["--version"], ["upscale", "--help"], ["models", "--help"]]
)
def test_help_and_version_import_nothing_heavy(arguments):
    code = (
        "import sys; from imagine_cli.cli import app\n"
        f"try: app({arguments!r})\n"
        "except SystemExit as end: assert not end.code\n"
        "heavy = {'numpy', 'onnxruntime', 'torch', 'PIL', 'huggingface_hub'} & set(sys.modules)\n"
        "assert not heavy, heavy\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr


def test_the_program_never_imports_torch():
    code = "import sys, imagine_cli.variants, imagine_cli.jpeg, imagine_cli.downscaled\n"
    code += "import imagine_cli.picture, imagine_cli.gallery, imagine_cli.models, imagine_cli.cli\n"
    code += "import imagine_cli.doctor\n"
    code += "assert 'torch' not in sys.modules"
    subprocess.run([sys.executable, "-c", code], check=True)
