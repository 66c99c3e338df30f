"""What goes wrong around a command: files that are damaged, folders that are shut, pipes that are closed."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest
from shell import ALICE, PASSWORD, PROGRAM, Said, Shell

# root may write everywhere; without its capabilities it may not.
POWERLESS = ("setpriv", "--bounding-set", "-all", "--inh-caps", "-all") if os.geteuid() == 0 else ()
needs_setpriv = pytest.mark.skipif(
    bool(POWERLESS) and shutil.which("setpriv") is None, reason="root needs setpriv to be shut out"
)


def told(run: subprocess.CompletedProcess[str]) -> Said:
    """A finished process as what it said."""
    return Said(run.returncode, run.stdout, run.stderr)


def contents(home: Path) -> dict[Path, bytes]:
    """Every file of a home."""
    return {file: file.read_bytes() for file in home.rglob("*") if file.is_file() and "lock" not in file.name}


@pytest.mark.parametrize(
    ("name", "content", "code"),
    [
        ("credentials.json", "{", "cli/store-damaged"),
        ("credentials.json", "[]", "cli/store-damaged"),
        ("credentials.json", '{"version": 99, "profiles": {}}', "cli/store-damaged"),
        (
            "credentials.json",
            '{"version": 1, "profiles": {"default": {"secret_key": 5}}}',
            "cli/store-damaged",
        ),
        ("config.toml", "current = ", "cli/config-damaged"),
        ("config.toml", "current = 5", "cli/config-damaged"),
        ("config.toml", "[profiles.default]\nkind = 'embedded'", "cli/config-damaged"),
        ("master.key", "short", "cli/master-key"),
        ("master.key", "\u20ac", "cli/master-key"),
        ("bkendctl.db", "no database" * 100, "cli/database-damaged"),
    ],
)
def test_a_damaged_file_is_named_and_left_alone(name: str, content: str, code: str, alice: Shell) -> None:
    """Exit 1 with the file's name and what to do; it is never taken for an empty one."""
    for suffix in ("-wal", "-shm"):
        alice.database.with_name(alice.database.name + suffix).unlink(missing_ok=True)
    (alice.home / name).write_text(content)
    before = contents(alice.home)
    for arguments in (["whoami"], ["users", "list"], ["init"], ["login", ALICE, "--password-stdin"]):
        error = alice.refused(1, code, *arguments, stdin=PASSWORD)
        assert error["hint"]
        assert name in error["message"] or code == "cli/master-key"
    assert contents(alice.home) == before


def test_a_lost_master_key_is_not_replaced(alice: Shell) -> None:
    """Without it nothing sealed could be opened: refused, and init makes no other for the old database."""
    (alice.home / "master.key").unlink()
    alice.refused(1, "cli/master-key", "whoami")
    alice.refused(1, "cli/master-key", "init")
    assert alice.sql("SELECT count(*) FROM users") == [(1,)]


@pytest.mark.parametrize(
    "spoil",
    [
        lambda file: file.rename(file.with_name("there")) and file.symlink_to(file.with_name("there")),
        lambda file: file.with_name("twice").hardlink_to(file),
        lambda file: file.unlink() or file.mkdir(),
    ],
    ids=["symlink", "hard link", "folder"],
)
def test_a_file_that_is_not_safe_is_refused(spoil: Callable[[Path], object], alice: Shell) -> None:
    """Credentials behind a link, or in what is no file, are not used."""
    spoil(alice.home / "credentials.json")
    alice.refused(1, "cli/unsafe-file", "whoami")


def test_files_that_were_opened_to_others_are_closed(alice: Shell) -> None:
    """A mode that is too wide is mended, with a warning."""
    (alice.home / "credentials.json").chmod(0o644)
    said = alice.ok("whoami", "-o", "json")
    assert "warning: " in said.err
    assert (alice.home / "credentials.json").stat().st_mode & 0o777 == 0o600


@needs_setpriv
def test_a_shut_folder_of_a_new_home(shell: Shell) -> None:
    """init where nothing may be written: one line, exit 1, and nothing there."""
    shell.home.mkdir(0o500)
    said = told(shell.process("init", wrapper=POWERLESS))
    assert (said.status, said.code, said.out) == (1, "cli/file", "")
    assert list(shell.home.iterdir()) == []


@pytest.mark.parametrize("place", ["/proc/nowhere", "/dev/null/home"])
def test_a_home_that_cannot_be_made(place: str, shell: Shell) -> None:
    """No folder can be made there: one line, exit 1."""
    shell.set(HOME=place)
    shell.refused(1, "cli/file", "init")


@needs_setpriv
@pytest.mark.parametrize(
    "arguments",
    [["login", ALICE, "--password-stdin"], ["users", "create", "b@example.com"], ["keys", "list"], ["logout"],
     ["init", "--new-keys"], ["profiles", "use", "default"], ["token", "refresh"]],
    ids=lambda arguments: " ".join(arguments[:2]),
)  # fmt: skip
def test_a_shut_home(arguments: list[str], alice: Shell) -> None:
    """When home and files may only be read, what has to write is refused in one line and changes nothing."""
    before = contents(alice.home)
    for path in [*alice.home.iterdir(), alice.home]:
        path.chmod(0o500 if path.is_dir() else 0o400)
    said = told(alice.process(*arguments, stdin=PASSWORD, wrapper=POWERLESS))
    alice.home.chmod(0o700)
    assert contents(alice.home) == before
    assert said.status == 1, said
    assert said.code in ("cli/file", "cli/database-unwritable", "cli/unsafe-file")
    assert len([line for line in said.err.splitlines() if line.startswith("error: ")]) == 1
    assert "Traceback" not in said.err


def test_a_pipe_that_is_closed_early(alice: Shell) -> None:
    """Whoever reads may stop: no traceback, no complaint of the interpreter."""
    line = " ".join([*PROGRAM, "users", "list", "-o", "json"])
    run = subprocess.run(
        ["/bin/bash", "-c", f"{line} | true; exit ${{PIPESTATUS[0]}}"],
        env=alice.environment, capture_output=True, text=True, check=False, timeout=60,
    )  # fmt: skip
    assert run.returncode in (0, 1)  # 0 when it was all written before the reader went
    assert "Traceback" not in run.stderr
    assert "Exception ignored" not in run.stderr


@pytest.mark.parametrize("closed", ["stdout", "stderr", "both"])
def test_a_reader_that_is_gone(closed: str, alice: Shell) -> None:
    """Written to a pipe that nobody reads: exit 1, and no word of it, as `| head` has what it wanted."""
    reader, writer = os.pipe()
    os.close(reader)
    streams = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE}
    streams |= {name: writer for name in streams if closed in (name, "both")}
    command = [*PROGRAM, "users", "list", *(["-o", "json"] if closed == "both" else [])]
    run = subprocess.run(command, env=alice.environment, check=False, text=True, timeout=60, **streams)
    os.close(writer)
    assert run.returncode == 1
    if closed == "stdout":
        assert run.stderr in ("", "1 user · no room for: MFA, Last sign-in, Created\n")


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="there is no /dev/full")
def test_output_that_has_no_room(alice: Shell) -> None:
    """A full disk behind > is told in one line, exit 1."""
    with Path("/dev/full").open("w") as full:
        run = subprocess.run(
            [*PROGRAM, "users", "list", "-q"], env=alice.environment, stdout=full, stderr=subprocess.PIPE,
            text=True, check=False, timeout=60,
        )  # fmt: skip
    assert run.returncode == 1
    assert run.stderr.startswith("error: The output cannot be read or written: No space left")
    assert "Exception ignored" not in run.stderr


@pytest.mark.parametrize("arguments", [["whoami"], ["login", ALICE]])
def test_closed_standard_streams(arguments: list[str], alice: Shell) -> None:
    """Started without stdin, as daemons do: nothing is asked, nothing breaks."""
    run = subprocess.run(
        ["/bin/sh", "-c", '"$@" <&-', "sh", *PROGRAM, *arguments],
        env=alice.environment, capture_output=True, text=True, check=False, timeout=60,
    )  # fmt: skip
    assert run.returncode == (0 if arguments == ["whoami"] else 2)
    assert "Traceback" not in run.stderr


def test_arguments_that_are_no_text(alice: Shell) -> None:
    """Bytes that are no UTF-8 are refused like any other bad value."""
    run = subprocess.run(
        [*PROGRAM, "users", "create", b"b\xff@example.com"], env=alice.environment, capture_output=True,
        check=False, timeout=60,
    )  # fmt: skip
    assert run.returncode in (2, 10)
    assert b"Traceback" not in run.stderr


def test_without_any_profile(shell: Shell) -> None:
    """Before init every command that needs a core says so; none makes files by the way."""
    for arguments in (
        ["whoami"],
        ["users", "list"],
        ["db", "status"],
        ["profiles", "show"],
        ["token", "print"],
    ):
        assert shell.refused(3, "cli/no-profile", *arguments)["hint"] == "bkendctl init"
    assert shell.json("profiles", "list") == []
    assert not shell.home.exists()


def test_stored_credentials_keep_what_is_not_known(alice: Shell) -> None:
    """A field of a newer version survives what this one writes."""
    file = alice.home / "credentials.json"
    content = json.loads(file.read_text())
    content["profiles"]["default"]["of_the_future"] = "kept"
    file.write_text(json.dumps(content))
    alice.ok("token", "refresh")
    assert alice.credentials["of_the_future"] == "kept"
