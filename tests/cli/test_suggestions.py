"""What is said to somebody who has mistyped."""

from __future__ import annotations

import json

import pytest

from bkendctl.__main__ import main


@pytest.mark.parametrize(
    ("typed", "near", "hint"),
    [
        ("users lst", "list", "bkendctl users --help"),
        ("sessions revok", "revoke", "bkendctl sessions --help"),
        ("users list --serch x", "--search", "bkendctl users list --help"),
        ("users list --outptu json", "--output", "bkendctl users list --help"),
        ("login --mfa-cod 123456", "--mfa-code", "bkendctl login --help"),
        ("whoami --profil x", "--profile", "bkendctl whoami --help"),
    ],
)
def test_a_mistyped_verb_or_option_is_answered_with_what_looks_like_it(
    typed: str, near: str, hint: str, capsys: pytest.CaptureFixture[str]
) -> None:
    """A usage error that names the near one, and whose help to read."""
    assert main([*typed.split(), "-o", "json"]) == 2
    error = json.loads(capsys.readouterr().err)["error"]
    assert error["code"] == "cli/usage"
    assert near in error["message"].split(typed.split()[1], 1)[-1]
    assert error["hint"] == hint
