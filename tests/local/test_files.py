"""Files that only their owner may see."""

from __future__ import annotations

import os
import resource
import signal
from collections.abc import Callable, Iterator
from pathlib import Path
from subprocess import Popen

import pytest

from bkendctl.contract.errors import Failure
from bkendctl.local.files import ensure_private_dir, read_private, write_private
from tests.local.conftest import mode

needs_root = pytest.mark.skipif(os.geteuid() != 0, reason="only root can give files away")


@pytest.fixture(params=[0o000, 0o022, 0o277, 0o777], ids=oct)
def umask(request: pytest.FixtureRequest) -> Iterator[int]:
    """Set the umask for one test."""
    before = os.umask(request.param)
    yield request.param
    os.umask(before)


def refusal(code: str, call: Callable[[], object]) -> str:
    """Return the message of the failure, which is one line and has the code."""
    with pytest.raises(Failure) as caught:
        call()
    assert caught.value.code == code
    assert "\n" not in caught.value.message
    return caught.value.message


def test_modes_do_not_depend_on_the_umask(tmp_path: Path, umask: int) -> None:
    """Files are 0600, and every folder made on the way is 0700, whatever the umask."""
    path = tmp_path / "a" / "b" / "secret"
    write_private(path, b"x")
    assert (mode(path), mode(path.parent), mode(path.parent.parent)) == (0o600, 0o700, 0o700)
    assert read_private(path) == b"x"


def test_a_missing_file_is_none_and_nothing_is_created(tmp_path: Path) -> None:
    """Reading what is not there gives None and leaves no folder behind."""
    assert read_private(tmp_path / "home" / "secret") is None
    assert list(tmp_path.iterdir()) == []


def test_wide_modes_are_repaired_and_told(tmp_path: Path) -> None:
    """An existing 0644 file in a 0755 folder is read, narrowed, and each repair is told once."""
    path = tmp_path / "home" / "secret"
    path.parent.mkdir()
    path.parent.chmod(0o755)
    path.write_bytes(b"x")
    path.chmod(0o644)
    told: list[str] = []
    assert read_private(path, told.append) == b"x"
    assert (mode(path), mode(path.parent)) == (0o600, 0o700)
    assert [str(path.parent) in told[0], str(path) in told[1], len(told)] == [True, True, 2]
    assert read_private(path, told.append) == b"x"
    assert len(told) == 2


def test_replacing_a_0644_file_makes_it_0600(tmp_path: Path) -> None:
    """Writing over a file that is open to others leaves one that is not."""
    path = tmp_path / "secret"
    path.write_bytes(b"old")
    path.chmod(0o644)
    write_private(path, b"new")
    assert (path.read_bytes(), mode(path)) == (b"new", 0o600)


@pytest.mark.parametrize("dangling", [False, True])
def test_a_symlinked_file_is_refused_and_its_target_untouched(tmp_path: Path, dangling: bool) -> None:
    """Neither reading nor writing follows a symlink, be it dangling."""
    target, path = tmp_path / "target", tmp_path / "secret"
    if not dangling:
        target.write_bytes(b"theirs")
        target.chmod(0o644)
    path.symlink_to(target)
    assert "symbolic link" in refusal("cli/unsafe-file", lambda: read_private(path))
    assert str(path) in refusal("cli/unsafe-file", lambda: write_private(path, b"ours"))
    assert path.is_symlink()
    assert target.exists() is not dangling
    assert dangling or (target.read_bytes(), mode(target)) == (b"theirs", 0o644)


def test_a_symlinked_folder_is_refused(tmp_path: Path) -> None:
    """A folder that is a symlink is neither read from, written to, nor narrowed at its target."""
    target, path = tmp_path / "target", tmp_path / "home"
    target.mkdir()
    target.chmod(0o755)
    path.symlink_to(target, target_is_directory=True)
    (target / "secret").write_bytes(b"planted")
    for call in (
        lambda: ensure_private_dir(path),
        lambda: read_private(path / "secret"),
        lambda: write_private(path / "secret", b"x"),
    ):
        assert f"{path} is a symbolic link" in refusal("cli/unsafe-file", call)
    assert (mode(target), (target / "secret").read_bytes()) == (0o755, b"planted")


def test_a_hard_link_is_refused(tmp_path: Path) -> None:
    """A file with a second name is neither read nor replaced."""
    path = tmp_path / "secret"
    path.write_bytes(b"x")
    (tmp_path / "second").hardlink_to(path)
    assert "2 hard links" in refusal("cli/unsafe-file", lambda: read_private(path))
    assert "2 hard links" in refusal("cli/unsafe-file", lambda: write_private(path, b"y"))
    assert path.read_bytes() == b"x"


@needs_root
def test_what_belongs_to_another_user_is_refused(tmp_path: Path) -> None:
    """A folder or file of another owner is refused and its mode left alone."""
    folder, path = tmp_path / "home", tmp_path / "secret"
    folder.mkdir()
    folder.chmod(0o755)
    path.write_bytes(b"x")
    os.chown(folder, 12345, -1)
    os.chown(path, 12345, -1)
    assert "belongs to user 12345" in refusal("cli/unsafe-file", lambda: ensure_private_dir(folder))
    assert "belongs to user 12345" in refusal("cli/unsafe-file", lambda: read_private(folder / "secret"))
    assert "belongs to user 12345" in refusal("cli/unsafe-file", lambda: read_private(path))
    assert "belongs to user 12345" in refusal("cli/unsafe-file", lambda: write_private(path, b"y"))
    assert mode(folder) == 0o755


def test_a_shared_folder_is_not_closed_to_others(tmp_path: Path) -> None:
    """A sticky folder such as /tmp is refused instead of being made 0700 under everybody's feet."""
    shared = tmp_path / "shared"
    shared.mkdir()
    shared.chmod(0o1777)
    assert "shared" in refusal("cli/unsafe-file", lambda: ensure_private_dir(shared))
    assert mode(shared) == 0o1777
    ensure_private_dir(shared / "own")


def test_a_fifo_is_refused_without_waiting(tmp_path: Path) -> None:
    """A FIFO under the file's name does not hang the reader."""
    path = tmp_path / "secret"
    os.mkfifo(path, 0o600)
    assert "not a regular file" in refusal("cli/unsafe-file", lambda: read_private(path))


def test_a_folder_that_cannot_be_made_is_one_line(tmp_path: Path) -> None:
    """A path below a file fails with the path and the reason, for reading and for writing."""
    (tmp_path / "file").write_bytes(b"")
    path = tmp_path / "file" / "home" / "secret"
    assert "Not a directory" in refusal("cli/file", lambda: write_private(path, b"x"))
    assert "Not a directory" in refusal("cli/file", lambda: read_private(path))
    assert "Not a directory" in refusal("cli/file", lambda: read_private(tmp_path / "file" / "secret"))


WRITE = """
import pathlib, sys
from bkendctl.contract.errors import Failure
from bkendctl.local.files import write_private
{before}
try:
    write_private(pathlib.Path(sys.argv[1]), b"n" * 100_000)
except Failure as failure:
    print(failure.code, failure.message)
"""


def test_a_full_disk_leaves_the_old_file_and_nothing_else(
    tmp_path: Path, start: Callable[..., Popen[str]]
) -> None:
    """When the new content does not fit, the old file stands and the temporary one is gone."""
    path = tmp_path / "secret"
    write_private(path, b"old")
    limit = "import resource; resource.setrlimit(resource.RLIMIT_FSIZE, (5000, 5000))"
    output, errors = start(WRITE.format(before=limit), str(path)).communicate()
    assert errors == ""
    assert output.startswith(f"cli/file {path} cannot be written: ")
    assert "File too large" in output
    assert [entry.name for entry in tmp_path.iterdir()] == ["secret"]
    assert path.read_bytes() == b"old"
    assert resource.getrlimit(resource.RLIMIT_FSIZE)[0] != 5000


@pytest.mark.parametrize("moment", ["open", "os.rename"])
def test_kill_9_while_writing_leaves_the_old_file_whole(
    tmp_path: Path, start: Callable[..., Popen[str]], moment: str
) -> None:
    """A writer killed before its temporary file exists, or just before the replacing, changes nothing."""
    path = tmp_path / "secret"
    write_private(path, b"old")
    kill = (
        "import os, signal\n"
        f"sys.addaudithook(lambda event, args: event == {moment!r} and '.tmp' in str(args[0])"
        " and os.kill(os.getpid(), signal.SIGKILL))"
    )
    process = start(WRITE.format(before=kill), str(path))
    process.communicate()
    assert process.returncode == -signal.SIGKILL
    assert read_private(path) == b"old"
    left = [entry for entry in tmp_path.iterdir() if entry != path]
    assert len(left) == (moment == "os.rename")
    assert all(mode(entry) == 0o600 for entry in left)


def test_what_killed_writers_left_is_swept_later(tmp_path: Path) -> None:
    """A later write removes old temporary files, which hold secrets, but not those of writers at work."""
    path, stale, fresh = tmp_path / "secret", tmp_path / ".secret.1.tmp", tmp_path / ".secret.2.tmp"
    for each in (stale, fresh):
        each.write_bytes(b"x")
    os.utime(stale, (1, 1))
    write_private(path, b"new")
    assert (stale.exists(), fresh.exists()) == (False, True)


def test_an_interrupted_write_leaves_no_temporary_file(
    tmp_path: Path, start: Callable[..., Popen[str]]
) -> None:
    """Ctrl-C between writing and replacing removes the temporary file."""
    path = tmp_path / "secret"
    interrupt = (
        "def hook(event, args):\n    if event == 'os.rename': raise KeyboardInterrupt\nsys.addaudithook(hook)"
    )
    _, errors = start(WRITE.format(before=interrupt), str(path)).communicate()
    assert "KeyboardInterrupt" in errors
    assert list(tmp_path.iterdir()) == []


def test_a_read_only_folder_is_one_line(tmp_path: Path) -> None:
    """A folder that may not be written to fails with path and reason, and the old file stands."""
    path = tmp_path / "home" / "secret"
    write_private(path, b"old")
    path.parent.chmod(0o500)
    if os.access(path.parent, os.W_OK):
        pytest.skip("modes do not stop this user")
    assert f"{path} cannot be written: Permission denied" in refusal(
        "cli/file", lambda: write_private(path, b"n")
    )
    assert [entry.name for entry in path.parent.iterdir()] == ["secret"]
    assert read_private(path) == b"old"
