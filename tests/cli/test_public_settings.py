"""bkendctl public-settings: show and set."""

from __future__ import annotations

from shell import Shell


def test_switch_and_slug(alice: Shell) -> None:
    """Both change by themselves; -q prints the slug; a taken one exits 6."""
    assert alice.json("public-settings", "set", "--public") == {"slug": None, "isPublic": True}
    assert alice.ok("public-settings", "set", "--slug", "alice", "-q").out == "alice\n"
    alice.ok("users", "create", "bob@example.com")
    wanted = ("public-settings", "set", "--slug", "alice", "--user", "bob@example.com")
    alice.refused(6, "user/slug-already-exists", *wanted)
    settings = alice.json("public-settings", "set", "--private", "--slug", "null")
    assert settings == {"slug": None, "isPublic": False}
    alice.ok(*wanted)
