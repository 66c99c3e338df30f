"""bkendctl signing-keys: list, rotate, retire."""

from __future__ import annotations

from shell import Shell


def test_a_rotation_leaves_everybody_signed_in(alice: Shell) -> None:
    """The new key signs; retiring the former one asks first, and a refresh brings a token of the new."""
    [former] = alice.json("signing-keys", "list")["items"]
    new = alice.json("signing-keys", "rotate", "--algorithm", "EdDSA")
    assert (new["algorithm"], new["status"]) == ("EdDSA", "signing")
    alice.ok("whoami")
    assert alice("signing-keys", "retire", former["kid"]).status == 2
    alice.ok("signing-keys", "retire", former["kid"], "--yes")
    assert [key["status"] for key in alice.json("signing-keys", "list")["items"]] == ["signing", "retired"]
    alice.ok("token", "refresh")
    assert alice.json("token", "show")["header"]["alg"] == "EdDSA"
    alice.ok("whoami")


def test_what_cannot_be_done_is_told(alice: Shell) -> None:
    """The signing key, an unknown one, an algorithm that there is none of."""
    [present] = alice.json("signing-keys", "list")["items"]
    alice.refused(6, "signing-key/in-use", "signing-keys", "retire", present["kid"], "--yes")
    alice.refused(5, "signing-key/not-found", "signing-keys", "retire", "nobody", "--yes")
    alice.refused(10, "common/invalid-parameters", "signing-keys", "rotate", "--algorithm", "none")
    alice.refused(4, "auth/forbidden", "signing-keys", "list", "--as", "user")
