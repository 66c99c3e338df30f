"""No secret in logs, errors, tracebacks, process lists or files that are not for it."""

from __future__ import annotations

import contextlib
import subprocess
from pathlib import Path

import pytest
from shell import ALICE, PASSWORD, PROGRAM, Shell

FRESH = "An0ther-horse!"


def secrets_of(shell: Shell) -> set[str]:
    """All that is kept for the profile, the passwords and the master key."""
    held = {value for name, value in shell.credentials.items() if name.endswith(("key", "token", "secret"))}
    return held | {PASSWORD, FRESH, (shell.home / "master.key").read_text().strip()}


def test_debug_masks_every_secret(alice: Shell) -> None:
    """Through sign-in, MFA, refresh, keys and refusals --debug tells requests, nothing that opens a door."""
    setup = alice.json("mfa", "enroll", "--password-stdin", "--keep-secret", stdin=PASSWORD)
    code = alice.totp(setup["secret"])
    runs = [alice.ok("mfa", "confirm", code, "--debug")]
    second = alice.totp(setup["secret"])
    runs.append(alice.login(ALICE, "--mfa-code", second, "--debug"))
    runs.append(alice.login(ALICE, "--mfa-code", second, "--debug"))
    runs.append(alice("login", ALICE, "--password-stdin", "--debug", stdin=FRESH))
    runs.append(alice.ok("token", "refresh", "--debug"))
    key = alice.ok("keys", "create", "--type", "secret", "--name", "x", "--debug", "-q")
    runs.append(key)
    runs.append(alice("keys", "verify", "--debug", stdin="sk_" + "0" * 63 + "1"))
    said = "".join(run.err for run in runs)
    assert said.count("debug: ") >= 8
    for secret in [*secrets_of(alice), *setup["backupCodes"], code, second, key.out.strip(), "0001"]:
        assert secret not in said


def test_an_error_repeats_no_secret(alice: Shell) -> None:
    """What was typed wrongly is refused without being quoted."""
    for arguments, stdin in (
        (["login", ALICE, "--password-stdin"], FRESH),
        (["signup", "b@example.com", "--name", "B", "--password-stdin"], "tooshort-x"[:7]),
        (["keys", "verify"], "sk_" + "e" * 60),
        (["mfa", "code", "--secret-stdin"], "NOT-BASE-32-189"),
        (["profiles", "add", "x", "--url", "https://user:hunter2pw@example.com"], "hunter2pw"),
    ):
        for more in ([], ["-o", "json"], ["--debug"]):
            said = alice(*arguments, *more, stdin=stdin)
            assert said.status != 0
            assert stdin not in said.out + said.err, arguments


def test_a_whole_life_leaves_no_secret_in_the_database(alice: Shell) -> None:
    """Keys, tokens, passwords, TOTP secret and backup codes are hashed or sealed, in the journal as well."""
    setup = alice.json("mfa", "enroll", "--password-stdin", "--keep-secret", stdin=PASSWORD)
    pending = b"".join(file.read_bytes() for file in alice.home.glob("bkendctl.db*"))
    alice.ok("mfa", "confirm", alice.totp(setup["secret"]))
    link = alice.ok("invitations", "create", "b@example.com", "--no-send", "-q").out.strip()
    stored = pending + b"".join(file.read_bytes() for file in alice.home.glob("bkendctl.db*"))
    mailed = alice.json("mail", "list")["items"][0]["links"]
    for secret in [*secrets_of(alice), *setup["backupCodes"], link, *mailed]:
        assert secret.encode() not in stored


def test_secrets_are_in_the_credentials_alone(alice: Shell) -> None:
    """No other file of the home has them: no cache, no log, no history, no forgotten temporary file."""
    alice.ok("token", "refresh")
    alice.ok("init", "--new-keys")
    alice("whoami", "--jq", ".[")
    for file in alice.home.rglob("*"):
        if file.is_file() and file.name not in ("credentials.json", "master.key"):
            found = [secret for secret in secrets_of(alice) if secret.encode() in file.read_bytes()]
            assert not found, file


@pytest.mark.skipif(not Path("/proc/self/cmdline").exists(), reason="there is no /proc")
def test_the_process_list_has_no_secret(alice: Shell) -> None:
    """As long as a command that was given its password runs, no argument of any process shows it."""
    with subprocess.Popen(
        [*PROGRAM, "login", ALICE, "--password-stdin"], env=alice.environment, stdin=subprocess.PIPE,
        stdout=subprocess.DEVNULL,
    ) as process:  # fmt: skip
        assert process.stdin is not None
        process.stdin.write(PASSWORD.encode())
        process.stdin.close()
        seen = b""
        while process.poll() is None:
            for entry in Path("/proc").glob("[0-9]*/cmdline"):
                with contextlib.suppress(OSError):  # it has ended
                    seen += entry.read_bytes()
    assert process.returncode == 0
    assert b"--password-stdin" in seen
    assert PASSWORD.encode() not in seen


def test_tokens_are_told_on_demand_alone(alice: Shell) -> None:
    """Signing in, renewing and listing show neither token nor key; -o json has none either."""
    shown = "".join(
        alice.ok(*arguments, "-o", "json").out
        for arguments in (["whoami"], ["token", "refresh"], ["token", "show"], ["sessions", "list"],
                          ["profiles", "show"], ["keys", "list"], ["init"], ["db", "status"])
    )  # fmt: skip
    shown += alice.login().out
    for secret in secrets_of(alice):
        assert secret not in shown
