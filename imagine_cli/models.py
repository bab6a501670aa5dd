"""The models of this machine: which there are, what they say of themselves, coming and going."""

from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path

from . import hub
from .card import Card, read_card
from .errors import ModelError

PUSHED = ("README.md", "model.onnx", "model.safetensors", "config.json")


@dataclass(frozen=True)
class Found:
    """A model and its file; `commit` is the Hub's, None for one that did not come from it."""

    name: str
    file: Path
    card: Card
    commit: str | None = None

    @property
    def bytes(self) -> int:
        return self.file.stat().st_size


def known() -> Iterator[Found]:
    """The bundled models, then those in the Hub's cache that are models of imagine."""
    for name in hub.bundled_names():
        yield info(name, offline=True)
    yield from cached()


def cached() -> Iterator[Found]:
    """The models of imagine in the Hub's cache; other programs' are skipped."""
    for name, file in _files_in_cache():
        with suppress(ModelError):
            yield Found(name, file, read_card(file), hub.commit(file))


def info(name: str, *, offline: bool = False) -> Found:
    """What a model says of itself. Raises ModelError."""
    file = hub.find(name, offline=offline)
    return Found(name, file, read_card(file), hub.commit(file))


def verify(name: str, *, offline: bool = False) -> str:
    """How it is known that a model is whole, in a few words. Raises ModelError if it is not."""
    return hub.verify(name, info(name, offline=offline).file, offline=offline)


def remove(name: str) -> int:
    """Take a model out of the Hub's cache: one revision, or all if none is named. Bytes freed.

    Raises ModelError, and takes nothing, if it is not in the cache or no model of imagine.
    """
    repository, revision = hub.split(name)
    doomed = {
        model.commit: model.file
        for model in cached()
        if hub.split(model.name)[0] == repository and model.commit
    }
    if revision:
        commit = hub.commit(hub.find(name, offline=True))
        doomed = {one: file for one, file in doomed.items() if one == commit}
    if not doomed:
        raise ModelError(f"{name}: no such model in the Hub's cache; see `imagine models list`")
    with hub.errors_of(name):
        from huggingface_hub import constants, scan_cache_dir

        cache = scan_cache_dir(constants.HF_HUB_CACHE)
        # A copy of a repository has its commits too, and is not what was named.
        named = (
            one for one in cache.repos if (one.repo_type, one.repo_id) == ("model", repository)
        )
        removal = replace(cache, repos=frozenset(named)).delete_revisions(*doomed)
        removal.execute()
    if left := [str(file) for file in doomed.values() if file.exists()]:
        raise ModelError(f"{name}: {left[0]} cannot be deleted: check its permissions")
    return removal.expected_freed_size


def push(run: Path, repository: str, *, private: bool = False) -> tuple[str, str]:
    """Upload a trained folder in one commit. Returns the name that it now has, and its address.

    Raises ModelError: a file is missing, the model is none, or the Hub says no.
    """
    name, revision = hub.split(repository)
    if revision:
        raise ModelError(f"'{repository}': a push creates a new revision; give user/repo alone")
    for file in PUSHED:
        if not (run / file).is_file():
            raise ModelError(f"{run}: no {file} in this folder; `imagine train` makes one")
    read_card(run / hub.MODEL_FILE)
    with hub.errors_of(repository):
        from huggingface_hub import CommitOperationAdd

        api = hub.api()
        api.create_repo(name, private=private or None, exist_ok=True)
        if private and not api.model_info(name).private:
            raise ModelError(f"{name}: it already exists and is public; nothing was uploaded")
        # One commit, not upload_folder's several: a model is there whole or not at all.
        done = api.create_commit(
            name,
            [CommitOperationAdd(file, str(run / file)) for file in PUSHED],
            commit_message=f"Upload {run.resolve().name}",
        )
    return f"{name}@{done.oid}", str(done.commit_url)


def _files_in_cache() -> list[tuple[str, Path]]:
    """Names and files of whatever in the Hub's cache has a model.onnx."""
    with hub.errors_of("the Hub's cache"):
        from huggingface_hub import constants, scan_cache_dir
        from huggingface_hub.errors import CacheNotFound

        try:
            repositories = scan_cache_dir(constants.HF_HUB_CACHE).repos
        except CacheNotFound:
            return []
    return sorted(
        (repository.repo_id + ("" if ref == "main" else f"@{ref}"), file)
        for repository in repositories
        if repository.repo_type == "model"
        for revision in repository.revisions
        for ref in revision.refs or [revision.commit_hash]
        if (file := revision.snapshot_path / hub.MODEL_FILE).is_file()
    )
