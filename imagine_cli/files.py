"""Which pictures are meant, and where their results go."""

import os
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from .results import Results, origin

JPEGS = frozenset({".jpg", ".jpeg", ".jpe", ".jfif"})

PICTURES = JPEGS | {
    *(
        ".png",
        ".apng",
        ".webp",
        ".tif",
        ".tiff",
        ".avif",
        ".gif",
        ".bmp",
        ".mpo",
        ".psd",
        ".heic",
        ".heif",
    ),
    *(".jp2", ".j2k", ".jpx", ".ppm", ".pgm", ".pbm", ".pnm"),
    *(".tga", ".ico", ".qoi", ".dds", ".pcx", ".sgi"),
}
"""Suffixes, in small letters, of the pictures in a folder. A file that is named needs none."""


@dataclass(frozen=True)
class Source:
    """A picture to work on, and where its results go."""

    path: Path
    results: Results
    named: Path
    """What a person calls it: its path, or `-`."""


def pictures_in(
    paths: Sequence[Path],
    tag: str,
    *,
    output: Path | None = None,
    recursive: bool = False,
    suffixes: frozenset[str] = PICTURES,
) -> tuple[list[Source], list[tuple[Path, str]]]:
    """Find the pictures that files and folders stand for: each once, in the order given.

    Results lie beside their picture, or under `output` as the picture lies under the folder that
    was named, and are called after its stem and `tag` ("x16", "decompressed"). Where several
    pictures of this run would share a name (a.jpg, a.png), each keeps its suffix in it (a.jpg-x16,
    a.png-x16). Earlier results of the same task, beside their picture, are not taken for pictures.

    Returns the sources, and the problems: a path, and one line about it.
    """
    problems: list[tuple[Path, str]] = []
    # By real path: a picture, and the folder of its results.
    found: dict[str, tuple[Path, Path]] = {}
    for path in paths:
        if not os.path.isdir(path):
            if os.path.lexists(path):
                found.setdefault(os.path.realpath(path), (path, output or path.parent))
            else:
                problems.append((path, "no such file or folder"))
            continue
        before = len(problems)
        empty = True
        for picture in _walk(path, tag, output, recursive, suffixes, problems):
            empty = False
            goal = output / picture.parent.relative_to(path) if output else picture.parent
            found.setdefault(os.path.realpath(picture), (picture, goal))
        if empty and len(problems) == before:
            deeper = "" if recursive else " (--recursive searches subfolders too)"
            kind = "JPEGs" if suffixes == JPEGS else "pictures"
            problems.append((path, f"there are no {kind} in this folder{deeper}"))

    stems = Counter(goal / path.stem for path, goal in found.values())
    sources: dict[Results, Source] = {}
    for path, goal in found.values():
        name = path.stem if stems[goal / path.stem] == 1 else path.name
        results = Results(goal / f"{name}-{tag}")
        if results in sources:
            other = sources[results].path
            line = f"its results would have the names of those of {other}: use another -o"
            problems.append((path, line))
        else:
            sources[results] = Source(path, results, path)
    return list(sources.values()), problems


def _walk(
    top: Path,
    tag: str,
    output: Path | None,
    recursive: bool,
    suffixes: frozenset[str],
    problems: list[tuple[Path, str]],
) -> Iterator[Path]:
    """The pictures of a folder, sorted; hidden ones, and those that we put there, left out."""

    def closed(error: OSError) -> None:
        line = "cannot read this folder: permission denied"
        problems.append((Path(error.filename), line))

    # os.walk does not follow links to folders, so none leads in a circle.
    for folder, folders, names in os.walk(top, onerror=closed):
        folders[:] = sorted(
            name
            for name in folders
            if recursive
            and not name.startswith(".")
            and not (output and os.path.realpath(Path(folder, name)) == os.path.realpath(output))
        )
        pictures = {name for name in names if Path(name).suffix.lower() in suffixes}
        origins = pictures | {Path(name).stem for name in pictures}
        for name in sorted(pictures):
            if not name.startswith(".") and origin(name, tag) not in origins:
                yield Path(folder, name)
