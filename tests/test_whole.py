"""A file appears whole or not at all, whoever writes it."""

import os
import stat

import pytest

from imagine_cli.errors import OutputError
from imagine_cli.whole import replace_file, whole


def test_what_fails_half_way_leaves_what_was_there(tmp_path):
    file = tmp_path / "model"
    file.write_bytes(b"old")

    def fail(part):
        part.write_bytes(b"half")
        raise RuntimeError

    with pytest.raises(RuntimeError):
        replace_file(file, fail)
    with pytest.raises(ZeroDivisionError), whole(file) as opened:
        opened.write(b"half" * (1 // 0))
    assert file.read_bytes() == b"old"
    assert list(tmp_path.iterdir()) == [file]


@pytest.mark.skipif(os.name == "nt", reason="permissions are POSIX's")
def test_others_may_read_what_is_written_as_the_umask_says(tmp_path):
    def secret(part):
        part.write_bytes(b"new")
        part.chmod(0o600)

    before = os.umask(0o027)
    try:
        replace_file(tmp_path / "one", secret)
        with whole(tmp_path / "deep" / "two") as opened:
            opened.write(b"new")
    finally:
        os.umask(before)
    for file in (tmp_path / "one", tmp_path / "deep" / "two"):
        assert file.read_bytes() == b"new"
        assert stat.S_IMODE(file.stat().st_mode) == 0o640


def test_what_a_killed_run_left_is_swept_by_either_writer(tmp_path):
    for name in ("one", "two"):
        (tmp_path / f".{name}.0123.part").touch()
    replace_file(tmp_path / "one", lambda part: part.touch())
    with whole(tmp_path / "two"):
        pass
    assert sorted(file.name for file in tmp_path.iterdir()) == ["one", "two"]


def test_one_says_what_the_system_refuses_and_the_other_raises_it(tmp_path):
    (tmp_path / "file").touch()
    goal = tmp_path / "file" / "model"
    with pytest.raises(OutputError, match="in the way"), whole(goal):
        pass
    with pytest.raises(OSError, match="file"):
        replace_file(goal, lambda part: part.touch())
