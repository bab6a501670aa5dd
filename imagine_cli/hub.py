"""A model's name to a file on disk: bundled, given as a path, or from the Hugging Face Hub."""

from pathlib import Path

from .errors import ModelError

MODEL_FILE = "model.onnx"


def find(name: str) -> Path:
    """The ONNX file that `name` means: a bundled name, a file, a folder, or user/repo[@revision].

    Raises ModelError when there is none.
    """
    if (bundled := _bundled() / name / MODEL_FILE).is_file() and "/" not in name:
        return bundled
    path = Path(name).expanduser()
    if path.is_dir():
        if not (path / MODEL_FILE).is_file():
            raise ModelError(f"{name}: no {MODEL_FILE} in this folder; `imagine train` makes one")
        return path / MODEL_FILE
    if path.is_file():
        return path
    if name.count("/") == 1 and not name.startswith((".", "/", "~")) and not path.suffix:
        return _from_hub(name)
    raise ModelError(
        f"no model '{name}': neither a bundled one ({', '.join(bundled_names())}), "
        "nor a file, a folder, or user/repo on the Hugging Face Hub"
    )


def bundled_names() -> list[str]:
    return sorted(file.parent.name for file in _bundled().glob(f"*/{MODEL_FILE}"))


def _bundled() -> Path:
    """`weights`: inside the installed package, or beside it in a checkout."""
    package = Path(__file__).parent
    inside = package / "weights"
    return inside if inside.is_dir() else package.parent / "weights"


def _from_hub(name: str) -> Path:
    from huggingface_hub import hf_hub_download
    from huggingface_hub.errors import (
        EntryNotFoundError,
        GatedRepoError,
        HfHubHTTPError,
        LocalEntryNotFoundError,
        RepositoryNotFoundError,
        RevisionNotFoundError,
    )

    from . import __version__

    repository, _, revision = name.partition("@")
    try:
        return Path(
            hf_hub_download(
                repository,
                MODEL_FILE,
                revision=revision or None,
                library_name="imagine-cli",
                library_version=__version__,
            )
        )
    except GatedRepoError:
        problem = "the Hub wants you to accept its terms first, and HF_TOKEN set"
    except RevisionNotFoundError:
        problem = f"the Hub has no revision '{revision}' of it"
    except RepositoryNotFoundError:
        problem = "no such file, folder or Hub repository (a private one needs HF_TOKEN)"
    except LocalEntryNotFoundError:
        problem = "not on this machine yet, and the Hub cannot be reached; go online once"
    except EntryNotFoundError:
        problem = f"the Hub's repository has no {MODEL_FILE}"
    except HfHubHTTPError as error:
        problem = f"the Hub answered: {str(error).splitlines()[0]}"
    except (OSError, ValueError) as error:
        problem = str(error).splitlines()[0]
    raise ModelError(f"{name}: {problem}")
