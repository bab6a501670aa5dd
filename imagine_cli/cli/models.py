"""The command line of models: `imagine models …` and `imagine doctor`."""

import json
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from . import records
from .exits import FAILED, exit_codes
from .options import Json, Offline
from .plain import Plain

if TYPE_CHECKING:
    from ..models import Found

app = typer.Typer(
    no_args_is_help=True,
    help="List, download, check, remove and upload models.",
    epilog="A model is 'upscale', 'decompress', a folder, a file, or user/repo[@revision] on the "
    "Hugging Face Hub.",
)

Name = Annotated[str, typer.Argument(help="A model.", metavar="MODEL")]
HubName = Annotated[str, typer.Argument(help="A model of the Hub.", metavar="USER/REPO[@REVISION]")]


@app.command("list", cls=Plain)
def list_models(as_json: Json = False) -> None:
    """The models on this machine, each with its task, scales, size and commit."""
    with exit_codes(as_json):
        from .. import models

        found = list(models.known())
        if as_json:
            for model in found:
                typer.echo(records.model(model))
            return
        width = max(len(model.name) for model in found)
        for model in found:
            origin = f"commit {model.commit[:12]}" if model.commit else "bundled"
            typer.echo(
                f"{model.name:{width}}  {_task(model):22}  {_size(model.bytes):>9}  {origin}"
            )


@app.command(cls=Plain)
def info(name: Name, as_json: Json = False, offline: Offline = False) -> None:
    """What a model says of itself, where it lies, and the checksum of its file.

    \b
    imagine models info upscale
    """
    with exit_codes(as_json):
        from .. import hub, models

        model = models.info(name, offline=offline)
        if as_json:
            typer.echo(records.model(model, sha256=hub.sha256(model.file)))
            return
        lines = {
            "name": model.card.name,
            "task": _task(model),
            "file": model.file,
            "size": _size(model.bytes),
            "sha256": hub.sha256(model.file),
            **({"commit": model.commit} if model.commit else {}),
        }
        for key, value in lines.items():
            typer.echo(f"{key:6}  {value}")


@app.command(cls=Plain)
def path(name: Name, offline: Offline = False) -> None:
    """The file of a model, for scripts; one on the Hub is downloaded first.

    \b
    imagine models path user/repo
    """
    with exit_codes():
        from .. import hub

        typer.echo(hub.find(name, offline=offline))


@app.command(cls=Plain)
def pull(name: HubName) -> None:
    """Download a model from the Hub as it is now; from then on its name means this one.

    \b
    imagine models pull user/repo
    """
    with exit_codes():
        from .. import hub

        commit = hub.commit(hub.pull(name))
        typer.echo(f"{name.partition('@')[0]}@{commit}")


@app.command(cls=Plain)
def verify(
    names: Annotated[
        list[str] | None,
        typer.Argument(help="Models; all that are here if none is named.", metavar="MODEL"),
    ] = None,
    as_json: Json = False,
    offline: Offline = False,
) -> None:
    """Compare models with the checksums that the Hub, or the installation, gave them."""
    with exit_codes(as_json):
        from .. import hub, models
        from ..errors import ModelError

        failed = False
        for name in names or [model.name for model in models.known()]:
            try:
                verified = models.verify(name, offline=offline)
                if as_json:
                    found = models.info(name, offline=offline)
                    typer.echo(records.model(found, hub.sha256(found.file), verified))
                else:
                    typer.echo(f"{name}: {verified}")
            except ModelError as error:
                failed = True
                typer.echo(f"imagine: {error}", err=True)
                if as_json:
                    typer.echo(records.failure(name, error))
    if failed:
        raise typer.Exit(FAILED)


@app.command(cls=Plain)
def remove(name: HubName) -> None:
    """Delete a model of the Hub from this machine; without @revision, all its revisions.

    \b
    imagine models remove user/repo
    """
    with exit_codes():
        from .. import models

        typer.echo(f"{_size(models.remove(name))} freed")


@app.command(cls=Plain)
def push(
    run: Annotated[Path, typer.Argument(help="A folder that `imagine train` made.", metavar="RUN")],
    name: Annotated[str, typer.Argument(help="Where to.", metavar="USER/REPO")],
    private: Annotated[bool, typer.Option("--private", help="Visible to you alone.")] = False,
) -> None:
    """Upload a trained model to the Hugging Face Hub: its card, weights and settings.

    HF_TOKEN=… imagine models push runs/mine user/repo
    """
    with exit_codes():
        from .. import models

        pinned, address = models.push(run, name, private=private)
        typer.echo(pinned)
        typer.echo(address, err=True)


def doctor(
    as_json: Annotated[
        bool, typer.Option("--json", help="All findings as one JSON object.")
    ] = False,
) -> None:
    """Check the installation: versions, devices that really run, models, cache, threads."""
    with exit_codes():
        from .. import doctor as examination

        findings = []
        for finding in examination.examine():
            findings.append(finding)
            if not as_json:
                typer.echo(f"{'' if finding.well else 'BROKEN '}{finding.about}: {finding.found}")
        well = all(finding.well for finding in findings)
        if as_json:
            report = {"well": well, "findings": [asdict(finding) for finding in findings]}
            typer.echo(json.dumps(report, indent=2))
    if not well:
        raise typer.Exit(FAILED)


def _task(model: "Found") -> str:
    scales = " ".join(f"×{level.factor}" for level in model.card.levels if level.factor > 1)
    return f"{model.card.task} {scales}".strip()


def _size(count: int) -> str:
    return f"{count / 1e6:.1f} MB"
