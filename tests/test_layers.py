"""Who may know whom: the walls of the house."""

import ast
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
PROGRAM = ROOT / "imagine_cli"

ALLOWED = {
    "ahead": {"timings"},
    "api": {"errors", "hub", "jpeg", "model", "picture"},
    "beforehand": {"encode", "errors", "origin", "page", "request"},
    "canvas": {"errors"},
    "card": {"choices", "errors", "evidence", "onnxfile"},
    "choices": set(),
    "choose": {"evidence"},
    "cluster": {"errors", "files", "turns"},
    "colours": {"card"},
    "coming": {"canvas", "timings"},
    "dct": set(),
    "devices": {"errors"},
    "doctor": {"__version__", "devices", "errors", "hub", "imagine_training", "model", "models"},
    "downscaled": {"canvas", "choices", "evidence", "nudges", "resampling"},
    "encode": {"canvas", "choices", "errors", "picture", "png", "tiff", "whole"},
    "errors": set(),
    "evidence": {"canvas"},
    "files": {"results"},
    "gallery": {"canvas", "evidence", "whole"},
    "hub": {"__version__", "card", "errors", "onnxfile", "whole"},
    "jobs": {
        "beforehand",
        "canvas",
        "card",
        "choices",
        "choose",
        "errors",
        "evidence",
        "files",
        "gallery",
        "opened",
        "origin",
        "page",
        "picture",
        "request",
        "results",
        "seeds",
        "timings",
        "variants",
    },
    "opened": {
        "canvas",
        "card",
        "choices",
        "colours",
        "downscaled",
        "encode",
        "evidence",
        "jpeg",
        "origin",
        "picture",
        "request",
        "resampling",
        "seeds",
        "variants",
    },
    "jpeg": {"canvas", "errors", "evidence", "jpeg_codec"},
    "jpeg_codec": {"dct", "errors", "evidence", "silence"},
    "halves": {"onnxfile"},
    "model": {"card", "devices", "errors", "evidence", "halves"},
    "models": {"card", "errors", "hub"},
    "noise": {"seeds"},
    "nudges": {"canvas", "evidence", "resampling"},
    "onnxfile": {"errors"},
    "orientation": {"card", "evidence", "seeds"},
    "origin": {"choices", "xmp"},
    "page": {"errors", "evidence", "picture", "whole"},
    "picture": {"canvas", "errors", "evidence", "silence", "xmp"},
    "png": set(),
    "progress": set(),
    "request": {"choices", "results", "seeds"},
    "resampling": {"choices", "evidence"},
    "results": {"choices", "seeds"},
    "seeds": set(),
    "shards": set(),
    "silence": set(),
    "tiff": set(),
    "shared": {"canvas"},
    "tiles": set(),
    "timings": set(),
    "turns": {
        "__version__",
        "choices",
        "errors",
        "files",
        "hub",
        "jobs",
        "model",
        "origin",
        "request",
        "timings",
        "variants",
    },
    "variants": {
        "ahead",
        "canvas",
        "card",
        "coming",
        "encode",
        "errors",
        "evidence",
        "noise",
        "orientation",
        "picture",
        "seeds",
        "shared",
        "tiles",
        "timings",
    },
    "whole": {"errors"},
    "xmp": set(),
    "cli.__init__": {"cli.app"},
    "cli.app": {
        "__version__",
        "cli.models",
        "cli.options",
        "cli.plain",
        "cli.training",
        "cli.variants",
    },
    "cli.exits": {"cli.records", "errors"},
    "cli.models": {
        "cli.exits",
        "cli.options",
        "cli.plain",
        "cli.records",
        "doctor",
        "errors",
        "hub",
        "models",
    },
    "cli.options": {"choices", "models", "seeds"},
    "cli.training": {
        "choices",
        "cli.exits",
        "cli.options",
        "cli.records",
        "errors",
        "imagine_training",
        "progress",
    },
    "cli.plain": set(),
    "cli.records": {"files", "jobs", "models", "request", "seeds"},
    "cli.run": {
        "choices",
        "cli.records",
        "cli.streams",
        "cluster",
        "errors",
        "files",
        "jobs",
        "origin",
        "picture",
        "progress",
        "request",
        "shards",
        "turns",
    },
    "cli.streams": {"request", "whole"},
    "cli.variants": {
        "choices",
        "cli.exits",
        "cli.options",
        "cli.records",
        "cli.run",
        "cli.streams",
        "files",
        "origin",
        "page",
        "progress",
        "request",
        "seeds",
        "shards",
        "timings",
    },
    "__init__": {"api", "downscaled", "errors", "jpeg", "model", "picture", "variants"},
    "__main__": {"cli.app"},
}


def imported(file):
    """The house's own modules that a file imports, named from the package: "jobs", "cli.exits"."""
    here = file.relative_to(PROGRAM).parent.parts
    names = set()
    for node in ast.walk(ast.parse(file.read_text())):
        if not isinstance(node, ast.ImportFrom):
            continue
        module = node.module or ""
        if node.level:
            folder = here[: len(here) - (node.level - 1)]
        elif module == "imagine_cli" or module.startswith("imagine_cli."):
            folder, module = (), module.removeprefix("imagine_cli").removeprefix(".")
        else:
            names |= {"imagine_training"} & {module.partition(".")[0]}
            continue
        for alias in node.names:
            parts = [*folder, *module.split("."), alias.name] if module else [*folder, alias.name]
            whole = PROGRAM.joinpath(*parts)
            is_room = whole.with_suffix(".py").is_file() or whole.is_dir()
            names.add(".".join(parts if is_room or len(parts) == 1 else parts[:-1]))
    return names


ROOMS = {
    ".".join(file.relative_to(PROGRAM).with_suffix("").parts): file
    for file in PROGRAM.rglob("*.py")
    if file.parent.name != "weights"
}


def test_every_room_has_its_walls():
    assert set(ROOMS) == set(ALLOWED)


@pytest.mark.parametrize("room", ROOMS)
def test_each_room_knows_its_neighbours_and_nobody_else(room):
    assert imported(ROOMS[room]) == ALLOWED[room]


def test_nothing_knows_the_command_line():
    for room, known in ALLOWED.items():
        if not room.startswith("cli") and room != "__main__":
            assert not {one for one in known if one.startswith("cli")}, room


HEAVY = {"numpy", "onnxruntime", "torch", "PIL", "huggingface_hub"}
QUICK = [["--help"], ["--version"], ["upscale", "--help"], ["models", "--help"]]


def loaded(*arguments):
    """Which heavy packages a command imports."""
    code = (
        "import sys; from imagine_cli.cli import app\n"
        f"try: app({list(arguments)!r})\n"
        "except SystemExit as end: assert not end.code\n"
        f"print('loaded', *({HEAVY!r} & set(sys.modules)))\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return set(done.stdout.splitlines()[-1].split()[1:])


@pytest.mark.parametrize("arguments", QUICK, ids=" ".join)
def test_help_and_version_import_nothing_heavy(arguments):
    assert loaded(*arguments) == set()


@pytest.mark.parametrize("command", ["path", "info", "verify"])
def test_models_are_named_and_checked_without_a_runtime(command):
    assert not {"onnxruntime", "torch"} & loaded("models", command, "upscale")


def test_the_program_never_imports_torch():
    code = "import sys, imagine_cli.variants, imagine_cli.jpeg, imagine_cli.downscaled\n"
    code += "import imagine_cli.picture, imagine_cli.gallery, imagine_cli.models, imagine_cli.cli\n"
    code += "import imagine_cli.doctor\n"
    code += "assert 'torch' not in sys.modules"
    subprocess.run([sys.executable, "-c", code], check=True)
