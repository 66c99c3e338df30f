"""bkendctl providers email: get and set."""

from __future__ import annotations

from shell import Shell


def test_what_is_named_changes(alice: Shell) -> None:
    """Switches, numbers, lists; null clears; a card for people, the API's body for scripts."""
    before = alice.json("providers", "email", "get")
    typed = ["--no-magic-link-enabled", "--min-length", "12", "--expiration-days", "90"]
    typed += ["--lock-minutes", "30", "--allowed-callback-url", "https://a.test"]
    changed = alice.json("providers", "email", "set", *typed, "--allowed-callback-url", "https://b.test")
    assert (changed["magicLinkEnabled"], changed["passwordPolicy"]["minLength"]) == (False, 12)
    assert changed["allowedCallbackUrls"] == ["https://a.test", "https://b.test"]
    card = " ".join(alice.ok("providers", "email", "get").out.split())
    assert "Password length 12 to 128" in card
    assert "Lock 30 min after 5 failures in 15 min" in card
    assert "Password expires after 90 days" in card
    back = ["--magic-link-enabled", "--min-length", "8", "--expiration-days", "null", "--lock-minutes", "15"]
    after = alice.json("providers", "email", "set", *back, "--allowed-callback-url", "null")
    assert after | {"updatedAt": ""} == before | {"updatedAt": ""}


def test_what_cannot_be_set_is_told(alice: Shell) -> None:
    """Nothing named, a word for a number, a bound, a caller without the right."""
    alice.refused(2, "cli/usage", "providers", "email", "set")
    alice.refused(2, "cli/usage", "providers", "email", "set", "--expiration-days", "soon")
    alice.refused(10, "common/invalid-parameters", "providers", "email", "set", "--min-length", "5")
    alice.refused(4, "auth/forbidden", "providers", "email", "get", "--as", "user")
