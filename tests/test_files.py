"""A folder stands for its pictures, and every result has a name of its own."""

import subprocess
import sys
from pathlib import Path

import pytest
from PIL import Image
from users import ordinary_user

from imagine_cli import files, picture


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return tmp_path


def put(*names: str) -> None:
    for name in names:
        Path(name).parent.mkdir(parents=True, exist_ok=True)
        Path(name).touch()


def found(*paths: str, output: str | None = None, recursive: bool = False) -> dict[str, str]:
    """Each picture, and what its variant of seed 7 is called; there are no problems."""
    sources, problems = files.pictures_in(
        [Path(path) for path in paths],
        "x16",
        output=Path(output) if output else None,
        recursive=recursive,
    )
    assert problems == []
    return {
        source.path.as_posix(): source.results.variant(7, "png").as_posix() for source in sources
    }


def problems(*paths: str, output: str | None = None) -> list[tuple[Path, str]]:
    goal = Path(output) if output else None
    return files.pictures_in([Path(path) for path in paths], "x16", output=goal)[1]


def test_results_lie_beside_their_picture() -> None:
    put("in/photo.jpg")
    assert found("in/photo.jpg") == {"in/photo.jpg": "in/photo-x16-7.png"}


def test_a_folder_stands_for_its_pictures_in_order() -> None:
    put("in/b.PNG", "in/a.jpg", "in/.hidden.png", "in/notes.txt", "in/deeper/c.tif")
    assert list(found("in")) == ["in/a.jpg", "in/b.PNG"]
    assert list(found("in", recursive=True)) == ["in/a.jpg", "in/b.PNG", "in/deeper/c.tif"]


def test_the_structure_of_a_folder_is_kept_under_the_output() -> None:
    put("in/deeper/c.tif")
    assert found("in", output="out", recursive=True) == {
        "in/deeper/c.tif": "out/deeper/c-x16-7.png"
    }
    assert found("in/deeper/c.tif", output="out") == {"in/deeper/c.tif": "out/c-x16-7.png"}


def test_pictures_of_one_stem_keep_their_suffix() -> None:
    put("in/a.jpg", "in/a.png", "in/b.png", "other/b.jpg")
    names = {"in/a.jpg": "in/a.jpg-x16-7.png", "in/a.png": "in/a.png-x16-7.png"}
    assert found("in") == {**names, "in/b.png": "in/b-x16-7.png"}
    put("in/a-x16-7.png", "in/a.jpg-x16-7.png")  # names do not depend on results already there
    assert found("in") == {**names, "in/b.png": "in/b-x16-7.png"}
    assert found("in/b.png", "other/b.jpg", output="out") == {
        "in/b.png": "out/b.png-x16-7.png",
        "other/b.jpg": "out/b.jpg-x16-7.png",
    }


def test_no_two_results_share_a_name() -> None:
    put("one/a.jpg", "two/a.jpg")
    [(path, line)] = problems("one/a.jpg", "two/a.jpg", output="out")
    assert path == Path("two/a.jpg")
    assert "one/a.jpg" in line


def test_a_picture_named_twice_is_taken_once() -> None:
    put("in/a.jpg")
    assert list(found("in/a.jpg", "in", "in/../in/a.jpg")) == ["in/a.jpg"]


def test_results_are_not_taken_for_pictures() -> None:
    put("in/a.jpg", "in/a-x16-0.png", "in/a-x8-12.webp", "in/a-x16-sheet.jpg", "in/a-x16.png")
    put("in/a-x16-like7-0.3-2.png", "in/a-x8-like7-0.3-2-0.1-0.png", "in/a-x16-like7-0.3-sheet.jpg")
    put("in/a.jpg-x16-0.png", "in/gone-x16-0.png", "in/a-decompressed-0.png")
    taken = ["in/a-decompressed-0.png", "in/a-x16.png", "in/a.jpg", "in/gone-x16-0.png"]
    assert list(found("in")) == taken
    assert list(found("in/a-x16-0.png")) == ["in/a-x16-0.png"]  # unless they are named


def test_the_output_inside_a_folder_is_not_searched() -> None:
    put("in/a.jpg", "in/out/a-x16-0.png", "in/more/b.jpg")
    assert list(found("in", output="in/out", recursive=True)) == ["in/a.jpg", "in/more/b.jpg"]
    assert list(found("in", output="in", recursive=True)) == [
        *("in/a.jpg", "in/more/b.jpg", "in/out/a-x16-0.png"),
    ]


def test_links_in_a_circle_end() -> None:
    put("in/deeper/a.jpg")
    Path("in/deeper/up").symlink_to(Path("in").absolute())
    assert list(found("in", recursive=True)) == ["in/deeper/a.jpg"]


def test_only_the_suffixes_asked_for_are_found() -> None:
    put("in/a.jpg", "in/b.JPEG", "in/c.png")
    sources, _ = files.pictures_in([Path("in")], "decompressed", suffixes=files.JPEGS)
    assert [source.path.name for source in sources] == ["a.jpg", "b.JPEG"]
    assert sources[0].results.variant(3, "webp") == Path("in/a-decompressed-3.webp")


def test_problems_do_not_stop_the_rest() -> None:
    put("in/a.jpg", "texts/notes.txt")
    sources, problems = files.pictures_in([Path("texts"), Path("gone.png"), Path("in")], "x16")
    assert [source.path for source in sources] == [Path("in/a.jpg")]
    assert [path for path, _ in problems] == [Path("texts"), Path("gone.png")]
    assert "--recursive" in problems[0][1]
    assert "no such file" in problems[1][1]


def test_a_closed_folder_is_a_problem() -> None:
    put("in/closed/a.jpg", "in/b.jpg")
    Path("in/closed").chmod(0)
    Path().chmod(0o755)
    with ordinary_user():
        sources, problems = files.pictures_in([Path("in")], "x16", recursive=True)
    assert [source.path for source in sources] == [Path("in/b.jpg")]
    [(path, line)] = problems
    assert path == Path("in/closed")
    assert "permission denied" in line


def test_every_suffix_is_one_that_read_knows() -> None:
    formats = Image.registered_extensions()
    by_pillow = files.PICTURES - picture.HEIC
    unknown = {suffix for suffix in by_pillow if formats[suffix] not in picture.READABLE}
    assert unknown == {".mpo"}  # which Pillow's JPEG reader opens


def test_files_are_found_without_numpy_and_pillow() -> None:
    script = "import sys; import imagine_cli.files; print({'numpy', 'PIL'} & set(sys.modules))"
    run = subprocess.run(
        [sys.executable, "-c", script],
        cwd=Path(files.__file__).parents[1],
        capture_output=True,
        text=True,
        check=True,
    )
    assert run.stdout == "set()\n"
