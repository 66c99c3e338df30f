"""bkendctl mfa, and signing in with a second factor. Codes follow the environment's clock."""

from __future__ import annotations

import shutil
import stat
import subprocess
import time
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import pytest
from PIL import Image
from shell import ALICE, PASSWORD, Shell
from zxingcpp import read_barcode

FRESH = "An0ther-horse!"
SECRET = "JBSWY3DPEHPK3PXPJBSWY3DPEHPK3PXP"


def enroll(alice: Shell, *arguments: str) -> dict[str, object]:
    """Begin enrolment."""
    setup: dict[str, object] = alice.json("mfa", "enroll", "--password-stdin", *arguments, stdin=PASSWORD)
    return setup


def test_enrolment_without_a_terminal_stops_after_the_setup(alice: Shell) -> None:
    """JSON is the API's set-up plus confirmed; MFA is off until mfa confirm, on after it."""
    setup = enroll(alice)
    assert set(setup) == {"secret", "qrCodeUrl", "backupCodes", "confirmed"}
    assert setup["confirmed"] is False
    assert alice.json("mfa", "status")["enabled"] is False
    codes = alice.json("mfa", "confirm", "-", stdin=alice.totp(str(setup["secret"])))["backupCodes"]
    assert codes == setup["backupCodes"]
    assert alice.json("mfa", "status")["backupCodesRemaining"] == len(codes) == 10
    assert alice.json("whoami")["mfaEnabled"] is True


def test_enrolment_prints_what_a_phone_and_a_person_need(alice: Shell) -> None:
    """The QR, the secret and the ten codes on stdout; what comes next on stderr. -q is the secret."""
    said = alice.ok("mfa", "enroll", "--password-stdin", stdin=PASSWORD)
    assert "▀" in said.out
    assert "bkendctl mfa confirm CODE" in said.err
    assert max(map(len, said.out.splitlines())) <= 80
    secret = alice.ok("mfa", "enroll", "--password-stdin", "-q", stdin=PASSWORD).out
    assert len(secret) == 33
    assert secret not in said.out


@pytest.mark.parametrize("kind", ["png", "svg"])
def test_the_qr_goes_to_a_file(kind: str, alice: Shell, tmp_path: Path) -> None:
    """A private new file that a scanner reads; an existing one is not touched and no set-up is begun."""
    file = tmp_path / f"qr.{kind}"
    setup = enroll(alice, "--qr", kind, "--qr-file", str(file))
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    if kind == "png":
        scanned = read_barcode(Image.open(file))
        assert scanned is not None
        assert parse_qs(urlsplit(scanned.text).query)["secret"] == [setup["secret"]]
    before = file.read_bytes()
    more = ("--password-stdin", "--qr", kind, "--qr-file", str(file))
    alice.refused(1, "cli/file", "mfa", "enroll", *more, stdin=PASSWORD)
    assert file.read_bytes() == before
    alice.ok("mfa", "confirm", alice.totp(str(setup["secret"])))


@pytest.mark.parametrize("arguments", [["--qr", "gif"], ["--qr", "png"], ["--qr-file", "x.png"]])
def test_a_qr_that_cannot_be(arguments: list[str], alice: Shell) -> None:
    """A usage error, before any set-up is begun."""
    alice.refused(2, "cli/usage", "mfa", "enroll", "--password-stdin", *arguments, stdin=PASSWORD)
    assert alice.sql("SELECT count(*) FROM mfa_enrolments") == [(0,)]


def test_enrolment_wants_the_password(alice: Shell) -> None:
    """A wrong one is exit 3 and no set-up."""
    alice.refused(3, "auth/invalid-credentials", "mfa", "enroll", "--password-stdin", stdin="wrong")
    assert alice.sql("SELECT count(*) FROM mfa_enrolments") == [(0,)]


def test_a_set_up_is_confirmed_in_time_with_the_right_code(alice: Shell) -> None:
    """Wrong code 3, none begun 10, too late 10, twice 6; MFA stays off until it is right."""
    alice.refused(10, "auth/mfa-not-enabled", "mfa", "confirm", "123456")
    secret = str(enroll(alice)["secret"])
    alice.refused(10, "common/invalid-parameters", "mfa", "confirm", "12345")
    wrong = f"{(int(alice.totp(secret)) + 1) % 1_000_000:06}"
    assert alice("mfa", "confirm", wrong).status == 3
    alice.pass_time(660)
    alice.refused(10, "auth/mfa-setup-expired", "mfa", "confirm", alice.totp(secret))
    assert alice.json("mfa", "status")["enabled"] is False
    alice.enrol()
    alice.refused(6, "auth/mfa-already-enabled", "mfa", "enroll", "--password-stdin", stdin=PASSWORD)


def test_login_wants_the_second_factor(alice: Shell) -> None:
    """Without a code exit 9 and nobody signed in; with --mfa-code or BKENDCTL_MFA_CODE exit 0."""
    secret = alice.enrol()["secret"]
    alice.ok("logout")
    for more in ([], ["--no-input"]):
        login = ("login", ALICE, "--password-stdin", *more)
        error = alice.refused(9, "auth/mfa-required", *login, stdin=PASSWORD)
        assert "--mfa-code" in error["hint"]
    alice.refused(3, "cli/not-signed-in", "whoami")
    assert alice.login(ALICE, "--mfa-code", alice.totp(secret)).status == 0
    alice.set(MFA_CODE=alice.totp(secret))
    assert alice.login().status == 0
    alice.set(PASSWORD=PASSWORD)
    alice.ok("login", ALICE, "--mfa-code", "-", stdin=alice.totp(secret) + "\n")
    both = ("login", ALICE, "--password-stdin", "--mfa-code", "-")
    alice.refused(2, "cli/usage", *both, stdin=PASSWORD)


def test_a_code_works_once(alice: Shell) -> None:
    """A TOTP and a backup code that were used are refused, exit 3."""
    setup = alice.enrol()
    for code in (alice.totp(setup["secret"]), setup["backupCodes"][0]):
        assert alice.login(ALICE, "--mfa-code", code).status == 0
        again = alice.login(ALICE, "--mfa-code", code)
        assert (again.status, again.code) == (3, "auth/invalid-mfa-code")
    assert alice.json("mfa", "status")["backupCodesRemaining"] == 9


def test_guessing_codes_is_limited(alice: Shell) -> None:
    """After five wrong codes exit 7, also for the right one."""
    secret = alice.enrol()["secret"]
    for code in ("aaaaaaa1", "aaaaaaa2", "aaaaaaa3", "aaaaaaa4", "aaaaaaa5"):
        assert alice.login(ALICE, "--mfa-code", code).status == 3
    said = alice.login(ALICE, "--mfa-code", alice.totp(secret))
    assert (said.status, said.code) == (7, "auth/too-many-login-attempts")


def test_new_backup_codes_replace_the_old(alice: Shell) -> None:
    """With password and code; a stale second factor is asked for again."""
    setup = alice.enrol()
    alice.pass_time(360)
    renew = ("mfa", "backup-codes", "--password-stdin")
    alice.refused(3, "auth/invalid-mfa-code", *renew, stdin=PASSWORD)
    fresh = alice.json(*renew, "--code", alice.totp(setup["secret"]), stdin=PASSWORD)["backupCodes"]
    assert len(set(fresh) - set(setup["backupCodes"])) == 10
    assert len(alice.ok(*renew, "-q", stdin=PASSWORD).out.split()) == 10
    assert alice.login(ALICE, "--mfa-code", setup["backupCodes"][0]).status == 3


def test_mfa_is_switched_off(alice: Shell) -> None:
    """Asked before; then the password alone signs in, and the kept secret is gone."""
    setup = enroll(alice, "--keep-secret")
    alice.ok("mfa", "confirm", alice.totp(str(setup["secret"])))
    off = ("mfa", "disable", "--password-stdin")
    alice.refused(2, "cli/usage", *off, stdin=PASSWORD)
    alice.refused(3, "auth/invalid-credentials", *off, "--yes", stdin="wrong")
    assert alice.json("mfa", "status")["enabled"] is True
    alice.ok(*off, "--yes", stdin=PASSWORD)
    assert "totp_secret" not in alice.credentials
    assert alice.login().status == 0
    alice.refused(10, "auth/mfa-not-enabled", *off, "--yes", stdin=PASSWORD)


def test_an_admin_resets_mfa(alice: Shell) -> None:
    """For a lost device: the password alone signs in again, the sessions ended."""
    alice.enrol()
    alice.refused(2, "cli/usage", "users", "reset-mfa", ALICE)
    alice.ok("users", "reset-mfa", ALICE, "--yes")
    alice.refused(3, "auth/invalid-token", "whoami")
    assert alice.login().status == 0


def test_a_password_is_changed_with_mfa_on(alice: Shell) -> None:
    """Without a code nothing is changed, exit 9; with one the terminal stays signed in."""
    secret = alice.enrol()["secret"]
    alice.set(PASSWORD=PASSWORD, NEW_PASSWORD=FRESH)
    alice.refused(9, "auth/mfa-required", "password", "change")
    assert alice.login(ALICE, "--mfa-code", alice.totp(secret)).status == 0
    alice.set(MFA_CODE=alice.totp(secret))
    alice.ok("password", "change")
    assert alice.json("whoami")["email"] == ALICE


def test_a_kept_secret_makes_codes(alice: Shell) -> None:
    """mfa code gives the code of now and of the next step, from the kept secret; without one it says how."""
    error = alice.refused(3, "cli/not-signed-in", "mfa", "code")
    assert error["hint"] == "bkendctl mfa enroll --keep-secret"
    setup = enroll(alice, "--keep-secret")
    assert alice.credentials["totp_secret"] == setup["secret"]
    code = alice.ok("mfa", "code").out
    assert len(code) == 7
    assert alice.json("mfa", "code").keys() == {"code"}
    alice.ok("mfa", "confirm", code.strip())
    assert alice.login(ALICE, "--mfa-code", alice.ok("mfa", "code", "--next").out.strip()).status == 0


@pytest.mark.skipif(shutil.which("oathtool") is None, reason="oathtool is not installed")
@pytest.mark.parametrize(("option", "ahead"), [([], 0), (["--next"], 30)])
def test_codes_agree_with_oathtool(option: list[str], ahead: int, shell: Shell) -> None:
    """Another implementation of RFC 6238 computes the same code from the same secret and time."""

    def theirs() -> str:
        command = ["oathtool", "--totp", "--base32", "--now", f"@{int(time.time()) + ahead}", SECRET]
        return subprocess.run(command, capture_output=True, text=True, check=True).stdout.strip()

    shell.ok("init")
    spaced = " ".join(SECRET[at : at + 4] for at in range(0, len(SECRET), 4)).lower()
    before = theirs()
    ours = shell.ok("mfa", "code", "--secret-stdin", *option, stdin=spaced).out.strip()
    assert ours in (before, theirs())  # the step may end in between


@pytest.mark.parametrize("secret", ["not base32!", "1"])
def test_a_secret_that_is_none(secret: str, ready: Shell) -> None:
    """A usage error that does not repeat it."""
    assert secret not in str(ready.refused(2, "cli/usage", "mfa", "code", "--secret-stdin", stdin=secret))
