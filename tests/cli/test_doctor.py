"""bkendctl doctor: green after init, and right about each thing that is broken."""

from __future__ import annotations

import socket
from collections.abc import Callable
from typing import Any

import pytest
from aiosmtpd.controller import Controller
from shell import Shell

from tests.http_server import HttpServer

CHECKS = [
    "files", "disk", "profile", "credentials", "sqlite", "database files", "schema", "integrity",
    "master key", "clock", "public url", "mail", "providers", "avatars", "smtp",
    "leaked passwords",
]  # fmt: skip


def found(shell: Shell, status: int) -> dict[str, dict[str, Any]]:
    """What doctor finds, by check."""
    said = shell("doctor", "-o", "json")
    assert said.status == status, said.err
    return {each["check"]: each for each in said.json}


def test_a_fresh_set_up_is_healthy(ready: Shell) -> None:
    """Every check is made and none has anything to mend; exit 0."""
    findings = found(ready, 0)
    assert list(findings) == CHECKS
    assert {(each["state"], each["mend"]) for each in findings.values()} == {("ok", "")}


def test_the_table_fits_and_says_the_state_in_words(ready: Shell) -> None:
    """No information by colour alone."""
    said = ready.ok("doctor")
    assert said.out.count("  ok") == len(CHECKS)


def _drop_master_key(shell: Shell) -> None:
    (shell.home / "master.key").unlink()


def _open_master_key(shell: Shell) -> None:
    (shell.home / "master.key").chmod(0o644)


def _open_database(shell: Shell) -> None:
    shell.database.chmod(0o640)


def _link_credentials(shell: Shell) -> None:
    file = shell.home / "credentials.json"
    file.rename(shell.home / "elsewhere")
    file.symlink_to(shell.home / "elsewhere")


def _older(shell: Shell) -> None:
    shell.sql("UPDATE alembic_version SET version_num = '0000'")


def _newer(shell: Shell) -> None:
    shell.sql("UPDATE alembic_version SET version_num = '9999'")


def _foreign_row(shell: Shell) -> None:
    shell.sql("PRAGMA foreign_keys = OFF")
    shell.sql("UPDATE sessions SET user_id = 'nobody'")


def _damage(shell: Shell) -> None:
    for suffix in ("-wal", "-shm"):
        shell.database.with_name(shell.database.name + suffix).unlink(missing_ok=True)
    shell.database.write_bytes(b"SQLite format 3\0" + b"\xff" * 8000)


def _drop_database(shell: Shell) -> None:
    shell.database.unlink()


def _torn_store(shell: Shell) -> None:
    (shell.home / "credentials.json").write_text("{")


def _torn_configuration(shell: Shell) -> None:
    (shell.home / "config.toml").write_text("current = [")


def _no_environment(shell: Shell) -> None:
    shell.sql("UPDATE environments SET name = 'other'")


def _silent_mail_server(shell: Shell) -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
    shell.set(SMTP_URL=f"smtp://user:secret@127.0.0.1:{port}")


def _no_mail_address(shell: Shell) -> None:
    shell.set(SMTP_URL="http://mail.example.com")


def _password_in_clear(shell: Shell) -> None:
    shell.set(SMTP_URL="smtp://user:secret@mail.example.com:25?starttls=false")


def _odd_public_url(shell: Shell) -> None:
    shell.set(PUBLIC_URL="ftp://example.com")


@pytest.mark.parametrize(
    ("breaks", "check", "mend"),
    [
        (_drop_master_key, "master key", "BKENDCTL_MASTER_KEY"),
        (_open_master_key, "files", "chmod 600"),
        (_open_database, "database files", "chmod 600"),
        (_link_credentials, "files", "ls -ld"),
        (_older, "schema", "bkendctl db migrate"),
        (_newer, "schema", "install the newest bkendctl"),
        (_foreign_row, "integrity", "bkendctl db restore"),
        (_damage, "schema", "put a good copy in its place"),
        (_drop_database, "schema", "bkendctl init"),
        (_torn_store, "credentials", "bkendctl login"),
        (_torn_configuration, "profile", "mend or remove the file"),
        (_no_environment, "clock", "bkendctl init"),
        (_silent_mail_server, "smtp", "BKENDCTL_SMTP_URL"),
        (_no_mail_address, "smtp", "BKENDCTL_SMTP_URL"),
        (_password_in_clear, "smtp", "BKENDCTL_SMTP_URL"),
        (_odd_public_url, "public url", "BKENDCTL_PUBLIC_URL"),
    ],
)
def test_what_is_broken_is_named_with_its_mend(
    alice: Shell, breaks: Callable[[Shell], None], check: str, mend: str
) -> None:
    """Exit 1, one finding that is bad, no secret in it, and never a crash."""
    breaks(alice)
    findings = found(alice, 1)
    bad = {name: each for name, each in findings.items() if each["state"] == "bad"}
    assert check in bad
    assert mend in bad[check]["mend"]
    assert "secret" not in str(findings)


def test_what_needs_a_bad_part_is_skipped_and_named(alice: Shell) -> None:
    """Nobody takes a check that was not made for one that went well."""
    _drop_database(alice)
    findings = found(alice, 1)
    assert list(findings) == CHECKS
    after = CHECKS[CHECKS.index("schema") + 1 : CHECKS.index("smtp")]
    assert [findings[check]["state"] for check in after] == ["skipped"] * 7
    assert {findings[check]["message"] for check in after} == {"needs: schema"}
    assert findings["smtp"]["state"] == "ok"


def test_looking_changes_nothing(ready: Shell) -> None:
    """A mode that is too wide is told, and told again: doctor does not repair it before it looks."""
    file = ready.home / "master.key"
    file.chmod(0o644)
    assert str(file) in found(ready, 1)["files"]["message"]


def test_without_a_profile_init_is_named(shell: Shell) -> None:
    """Nothing is made by the way."""
    assert found(shell, 1)["profile"]["mend"] == "bkendctl init"
    assert not shell.home.exists()


def test_a_moved_clock_is_a_warning(ready: Shell) -> None:
    """Exit 0, for it is meant; the way back is named."""
    ready.ok("clock", "advance", "2h")
    finding = found(ready, 0)["clock"]
    assert (finding["state"], finding["mend"]) == ("warning", "bkendctl clock reset")
    assert finding["message"] == "the environment's clock is 2h ahead of real time"


class _Sink:
    """Takes no mail: doctor must not send any."""

    async def handle_DATA(self, *_given: object) -> str:  # noqa: N802 - aiosmtpd's name
        raise AssertionError("a mail was sent")


def test_a_mail_server_is_greeted_and_gets_no_mail(ready: Shell) -> None:
    """A real one, on loopback."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
    controller = Controller(_Sink(), hostname="127.0.0.1", port=port)
    controller.start()
    try:
        ready.set(SMTP_URL=f"smtp://127.0.0.1:{port}")
        assert found(ready, 0)["smtp"]["message"] == "127.0.0.1 takes mail"
    finally:
        controller.stop()


def test_a_server_that_is_not_there_is_told(ready: Shell) -> None:
    """A remote profile is checked from the outside; cli/network's words, exit 1."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
    ready.set(URL=f"http://127.0.0.1:{port}")
    finding = found(ready, 1)["server"]
    assert finding["state"] == "bad"
    assert "cannot be reached" in finding["message"]


@pytest.mark.parametrize(
    ("status", "mend"), [("failed", "mail deliver --retry-failed"), ("held", "BKENDCTL_PUBLIC_URL")]
)
def test_mails_that_do_not_leave_are_a_warning(alice: Shell, status: str, mend: str) -> None:
    """Counted by status, with what lets them go; exit 0."""
    alice.sql(f"UPDATE outbox SET status = '{status}'")
    finding = found(alice, 0)["mail"]
    assert (finding["state"], finding["message"]) == ("warning", f"1 {status}")
    assert mend in finding["mend"]


def _set_google(shell: Shell, *more: str, client_id: str = "1-a.apps.googleusercontent.com") -> None:
    arguments = ("google", "--client-id", client_id, "--client-secret-stdin", *more)
    shell.ok("providers", "oauth", "set", *arguments, stdin="secret-of-google")


def test_providers_that_send_people_astray_are_told(alice: Shell) -> None:
    """Those in use alone, by their settings: a redirect URI of another server warns, a client id that is none
    is bad; an app's own redirect URI and a provider that is switched off are well."""
    _set_google(alice)
    assert found(alice, 0)["providers"]["message"] == "google"
    _set_google(alice, "--redirect-uri", "https://old.example.com/v1/auth/google/callback")
    finding = found(alice, 0)["providers"]
    assert finding["state"] == "warning"
    assert "leads to another server than http://127.0.0.1:8787/v1/auth/google/callback" in finding["message"]
    assert finding["mend"].startswith(
        "bkendctl providers oauth set google --redirect-uri http://127.0.0.1:8787"
    )
    alice.set(PUBLIC_URL="https://old.example.com")
    assert found(alice, 0)["providers"]["state"] == "ok"
    _set_google(alice, "--redirect-uri", "https://app.example.com/callback", client_id="mistyped")
    finding = found(alice, 1)["providers"]
    assert (finding["state"], "client id" in finding["message"]) == ("bad", True)
    _set_google(alice, "--no-enabled", client_id="mistyped")
    assert found(alice, 0)["providers"]["message"] == "none: nobody signs in with one"


def test_providers_of_a_server_are_seen_by_admins(alice: Shell, served: HttpServer) -> None:
    """With the secret key; with the publishable one it is said why they are not looked at, exit 0."""
    _set_google(alice)
    publishable, secret = alice.credentials["publishable_key"], alice.credentials["secret_key"]
    alice.set(URL=served.url, API_KEY=secret)
    assert found(alice, 0)["providers"]["state"] == "warning"
    alice.set(API_KEY=publishable)
    finding = found(alice, 0)["providers"]
    assert (finding["state"], finding["message"][:8]) == ("skipped", "not told")
