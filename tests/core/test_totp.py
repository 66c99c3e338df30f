"""TOTP against the vectors of RFC 6238 and against oathtool."""

from __future__ import annotations

import shutil
import subprocess
from base64 import b32encode

import pytest

from bkendctl.core import totp
from bkendctl.core.randomness import SystemRandomness

# RFC 6238, appendix B, SHA-1: eight digits there, of which ours are the last six.
SECRET = b32encode(b"12345678901234567890").decode()
VECTORS = [
    (59, "94287082"),
    (1_111_111_109, "07081804"),
    (1_111_111_111, "14050471"),
    (1_234_567_890, "89005924"),
    (2_000_000_000, "69279037"),
    (20_000_000_000, "65353130"),
]


@pytest.mark.parametrize(("second", "eight_digits"), VECTORS)
def test_vectors_of_the_rfc(second: int, eight_digits: str) -> None:
    """Codes are those of RFC 6238, and are found at their step and no later one."""
    code, now = eight_digits[-6:], second * 1000
    assert totp.code_at(SECRET, now) == code
    step = second // 30
    assert totp.matching_step(SECRET, code, now, last_step=0) == step
    assert totp.matching_step(SECRET, code, now, last_step=step) is None


@pytest.mark.parametrize("ahead", range(-3, 4))
def test_window(ahead: int) -> None:
    """A code counts one step to either side of the present one, at the last millisecond of a step too."""
    now = 1_800_000_000_000 + totp.STEP_MS - 1
    found = totp.matching_step(SECRET, totp.code_at(SECRET, now, steps_ahead=ahead), now, last_step=0)
    assert found == (now // totp.STEP_MS + ahead if abs(ahead) <= 1 else None)


def test_secrets_are_of_160_bits() -> None:
    """RFC 4226 recommends 160 bits, which base32 writes in 32 letters without padding."""
    secret = totp.new_secret(SystemRandomness())
    assert len(secret) == 32
    assert set(secret) <= set("ABCDEFGHIJKLMNOPQRSTUVWXYZ234567")


@pytest.mark.skipif(shutil.which("oathtool") is None, reason="oathtool is not installed")
@pytest.mark.parametrize("second", [0, 59, 1_800_000_029, 1_800_000_030, 4_102_444_800])
def test_codes_are_those_of_oathtool(second: int) -> None:
    """An independent implementation gives the same codes for a fresh secret."""
    secret = totp.new_secret(SystemRandomness())
    command = ["oathtool", "--totp", "--base32", f"--now=@{second}", secret]
    told = subprocess.run(command, capture_output=True, check=True, text=True).stdout.strip()
    assert totp.code_at(secret, second * 1000) == told
