"""A model's name to a file on disk: bundled, given as a path, or from the Hugging Face Hub.

What comes from the Hub lies in the Hub's own cache (HF_HOME says where), and that is also where a
name's commit is written down: `refs/main` of the repository there holds the commit that `main` was
at when the model was pulled. `find` goes by it and does not ask again, so that a name means the
same bytes until the next `pull`. user/repo@COMMIT means the same bytes everywhere and for ever.
"""

import errno
import hashlib
import logging
import os
import re
import sys
from base64 import urlsafe_b64decode
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.metadata import PackageNotFoundError, distribution
from pathlib import Path
from typing import TYPE_CHECKING

from .card import read_card
from .errors import ModelError
from .onnxfile import LARGEST
from .whole import replace_file

if TYPE_CHECKING:
    from huggingface_hub import HfApi

MODEL_FILE = "model.onnx"

_ON_HUB = re.compile(r"(\w[\w.-]*/\w[\w.-]*?)(?:@(\w[\w./-]*))?")
_TOKENS = "https://huggingface.co/settings/tokens"


def find(name: str, *, offline: bool = False) -> Path:
    """The ONNX file that `name` means: a bundled name, a file, a folder, or user/repo[@revision].

    The Hub is asked only for what is not on this machine yet, and not at all when `offline`.
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
    if not is_on_hub(name):
        raise ModelError(
            f"no model '{name}': not a bundled one ({', '.join(bundled_names())}), "
            "a file, a folder, or user/repo on the Hugging Face Hub"
        )
    if file := _cached(name):
        return file
    if offline:
        raise ModelError(
            f"{name}: not cached, and --offline is set; run `imagine models pull {name}` first"
        )
    return pull(name)


def is_on_hub(name: str) -> bool:
    """Whether a name, if it is no path, is one of the Hub's."""
    return bool(_ON_HUB.fullmatch(name)) and ".." not in name and not name.endswith(".onnx")


def bundled_names() -> list[str]:
    return sorted(file.parent.name for file in _bundled().glob(f"*/{MODEL_FILE}"))


def _bundled() -> Path:
    """`weights`: inside the installed package, or beside it in a checkout."""
    package = Path(__file__).parent
    inside = package / "weights"
    return inside if inside.is_dir() else package.parent / "weights"


def pull(name: str) -> Path:
    """The file as the Hub has it now, checked against the Hub's checksum, then written down.

    Whatever fails, what the name meant before it still means. Raises ModelError.
    """
    repository, revision = split(name)
    with errors_of(name):
        from huggingface_hub import hf_hub_url

        hub, url = api(), hf_hub_url(repository, MODEL_FILE, revision=revision)
        about = hub.get_hf_file_metadata(url=url)
        if not about.commit_hash or not about.etag:
            raise ModelError(
                f"{name}: unexpected response; is HF_ENDPOINT a Hub? HTTPS_PROXY a proxy?"
            )
        if about.size and about.size > LARGEST:
            raise ModelError(
                f"{name}: its {MODEL_FILE} has {about.size:,} bytes, too many for ONNX"
            )
        for _ in range(2):  # what lay there damaged is downloaded again
            file = Path(hub.hf_hub_download(repository, MODEL_FILE, revision=about.commit_hash))
            if _matches(file, about.etag):
                break
            _discard(file)
        else:
            raise ModelError(
                f"{name}: wrong checksum: the download is not what the Hub says it has, and was "
                "discarded; try again, or use another network"
            )
        try:
            read_card(file)
        except ModelError as error:
            raise ModelError(f"{name}: {str(error).removeprefix(f'{file}: ')}") from None
        if revision != about.commit_hash:
            _write_down(file, revision or "main", about.commit_hash)
    return file


def verify(name: str, file: Path, *, offline: bool = False) -> str:
    """Compare a model's file with its checksum; says in a few words with whose it is the same.

    A cached file has the Hub's checksum, a bundled one that of its installation. Raises ModelError
    if it differs.
    """
    if commit(file):
        expected, result = _etag(file, name, offline), "the same bytes as on the Hub"
        help = f"`imagine models pull {name}` downloads it again"
    else:
        expected, result = _recorded(file), "the same bytes as when it was installed"
        help = "install imagine-cli again"
    if not expected:
        return "readable, but there is no checksum to compare it with"
    if not _matches(file, expected):
        raise ModelError(f"{name}: wrong checksum: {file} is damaged; {help}")
    return result


def sha256(file: Path) -> str:
    with open(file, "rb") as opened:
        return hashlib.file_digest(opened, "sha256").hexdigest()


def commit(file: Path) -> str | None:
    """The commit that a file of the Hub's cache is of: .../snapshots/COMMIT/model.onnx."""
    folder = file.parent
    cached = folder.parent.name == "snapshots" and re.fullmatch("[0-9a-f]{40}", folder.name)
    return folder.name if cached else None


def split(name: str) -> tuple[str, str | None]:
    """user/repo[@revision] into its two parts. Raises ModelError if it is not of this form."""
    if not (match := _ON_HUB.fullmatch(name)) or not is_on_hub(name):
        raise ModelError(f"'{name}' is not user/repo or user/repo@revision, as on the Hub")
    return match[1], match[2]


def api() -> "HfApi":
    """The Hub's own library, which heeds HF_ENDPOINT, HF_TOKEN, HF_HUB_OFFLINE and proxies."""
    from huggingface_hub import HfApi
    from huggingface_hub.utils.tqdm import disable_progress_bars

    from . import __version__

    if not sys.stderr.isatty():
        disable_progress_bars()
    return HfApi(library_name="imagine-cli", library_version=__version__)


@contextmanager
def errors_of(name: str) -> Iterator[None]:
    """Whatever goes wrong with the Hub is one line: the name, what happened, and what helps."""
    logging.getLogger("huggingface_hub").setLevel(logging.ERROR)  # the one line is ours
    try:
        yield
    except ModelError:
        raise
    except Exception as error:  # the HTTP client's are many, and it was another one last year
        raise ModelError(f"{name}: {_told(error, name)}") from None


def _told(error: BaseException, name: str) -> str:
    from huggingface_hub.errors import (
        EntryNotFoundError,
        GatedRepoError,
        HfHubHTTPError,
        LocalEntryNotFoundError,
        OfflineModeIsEnabled,
        RepositoryNotFoundError,
        RevisionNotFoundError,
    )

    if isinstance(error, LocalEntryNotFoundError | RuntimeError) and error.__cause__:
        error = error.__cause__  # the wrapping says less
    first_line = str(error).strip().partition("\n")[0]
    if isinstance(error, OfflineModeIsEnabled):
        return "not cached, and HF_HUB_OFFLINE is set; unset it and run `imagine models pull` first"
    if isinstance(error, GatedRepoError):
        page = f"https://huggingface.co/{name.partition('@')[0]}"
        return f"its terms must be accepted first: do so on {page}, then set HF_TOKEN"
    if isinstance(error, RevisionNotFoundError):
        return f"the Hub has no revision '{name.partition('@')[2]}' of it"
    if isinstance(error, RepositoryNotFoundError):
        return "no such file, folder or Hub repository (a private one needs HF_TOKEN)"
    if isinstance(error, EntryNotFoundError):
        return f"the Hub's repository has no {MODEL_FILE}, so it is not a model of imagine"
    if isinstance(error, HfHubHTTPError):
        return _answer(error.response.status_code, error.response.headers.get("Retry-After"))
    if isinstance(error, OSError) and error.errno in (errno.ENOSPC, errno.EDQUOT, errno.EFBIG):
        return "no space left on the disk: free some, or set HF_HOME to a folder on another disk"
    if isinstance(error, OSError) and error.errno:
        return f"{error.strerror}: {error.filename} (HF_HOME says where the Hub's cache lies)"
    if isinstance(error, OSError) or type(error).__name__ in ("ReadError", "RemoteProtocolError"):
        return "the connection was lost, and the partial download discarded; try again"
    if isinstance(error, ValueError):
        return first_line
    if type(error).__module__.startswith("httpx"):
        why = first_line or type(error).__name__
        return f"cannot reach the Hub ({why}): check the network, HF_ENDPOINT, HTTPS_PROXY"
    return f"{type(error).__name__}: {first_line}"


def _answer(status: int, wait: str | None) -> str:
    """What a status of HTTP means to a person, and what helps."""
    if status == 401:
        return f"not authenticated (401): set HF_TOKEN to a token from {_TOKENS}"
    if status == 403:
        return f"forbidden (403): HF_TOKEN needs permission for this, see {_TOKENS}"
    if status == 429:
        pause = f"in {wait} seconds" if wait else "in a few minutes"
        return f"too many requests (429): try again {pause}; with HF_TOKEN more are allowed"
    if status >= 500:
        return f"the Hub has an internal error ({status}): try again later"
    return f"the Hub answered {status}: check the name, HF_ENDPOINT and HF_TOKEN"


def _cached(name: str) -> Path | None:
    repository, revision = split(name)
    with errors_of(name):
        from huggingface_hub import try_to_load_from_cache

        file = try_to_load_from_cache(repository, MODEL_FILE, revision=revision)
    return Path(file) if isinstance(file, str) else None


def _etag(file: Path, name: str, offline: bool) -> str | None:
    """The Hub's checksum of a cached file: the name of what the cache links to; else we ask."""
    if file.is_symlink():
        return Path(os.readlink(file)).name
    if offline:  # Windows has no links by default
        return None
    with errors_of(name):
        from huggingface_hub import hf_hub_url

        url = hf_hub_url(split(name)[0], MODEL_FILE, revision=commit(file))
        return api().get_hf_file_metadata(url=url).etag


def _matches(file: Path, etag: str) -> bool:
    """Whether a file is what its ETag says: its SHA-256, or git's own hash of a small file."""
    if len(etag) == 40:
        content = file.read_bytes()
        return hashlib.sha1(b"blob %d\0" % len(content) + content).hexdigest() == etag
    return sha256(file) == etag


def _recorded(file: Path) -> str | None:
    """The SHA-256 of an installed file that its wheel's RECORD has; None in a checkout."""
    try:
        listed = distribution("imagine-cli").files or []
    except PackageNotFoundError:
        return None
    for entry in listed:
        if entry.hash and entry.name == file.name and Path(str(entry.locate())) == file:
            return urlsafe_b64decode(entry.hash.value + "=").hex()
    return None


def _write_down(file: Path, revision: str, commit: str) -> None:
    """What `revision` is, where the Hub's cache has it: refs beside snapshots."""
    ref = file.parents[2] / "refs" / revision
    replace_file(ref, lambda part: part.write_text(commit))


def _discard(file: Path) -> None:
    """A damaged file of the cache: the link to it and what it links to, one step."""
    if file.is_symlink():
        (file.parent / os.readlink(file)).unlink(missing_ok=True)
    file.unlink(missing_ok=True)
