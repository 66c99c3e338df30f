"""bkendctl sessions: list, revoke, revoke-all."""

from __future__ import annotations

from shell import ALICE, PASSWORD, Shell


def ids(alice: Shell) -> dict[bool, list[str]]:
    """Ids of the live sessions, by whether they are the current one."""
    items = alice.json("sessions", "list")["items"]
    return {
        current: [item["id"] for item in items if item["isCurrent"] is current] for current in (True, False)
    }


def two(alice: Shell) -> dict[bool, list[str]]:
    """Sign in once more."""
    alice.ok("login", ALICE, "--password-stdin", stdin=PASSWORD)
    return ids(alice)


def test_the_current_session_is_marked(alice: Shell) -> None:
    """The list has device and activity; exactly one is the current one."""
    found = two(alice)
    assert [len(found[True]), len(found[False])] == [1, 1]
    table = alice.ok("sessions", "list").out.splitlines()
    assert [line.split()[1] for line in table if found[True][0] in line] == ["current"]
    assert [line.split()[1] for line in table if found[False][0] in line] == ["-"]


def test_one_session_is_revoked_by_prefix(alice: Shell) -> None:
    """Eight characters of the id are enough; the current session lives on."""
    other = two(alice)[False][0]
    alice.ok("sessions", "revoke", other[:8].upper())
    assert ids(alice)[False] == []
    alice.refused(5, "auth/session-not-found", "sessions", "revoke", other)
    alice.refused(5, "auth/session-not-found", "sessions", "revoke", other[:8])
    alice.refused(2, "cli/usage", "sessions", "revoke", other[:7])


def test_revoking_the_current_session_signs_out_here(alice: Shell) -> None:
    """The tokens are forgotten with it."""
    said = alice.ok("sessions", "revoke", ids(alice)[True][0])
    assert "signed out here" in said.err
    alice.refused(3, "cli/not-signed-in", "whoami")


def test_an_ambiguous_prefix_names_the_candidates(alice: Shell) -> None:
    """Exit 2 with the ids to choose from, and nothing ends."""
    two(alice)
    alice.sql("UPDATE sessions SET id = 'aaaaaaaa' || substr(id, 9)")
    alice.set(ACCESS_TOKEN="")
    alice.sql("DELETE FROM refresh_tokens WHERE 0")
    alice.ok("login", ALICE, "--password-stdin", stdin=PASSWORD)
    error = alice.refused(2, "cli/ambiguous", "sessions", "revoke", "aaaaaaaa")
    assert error["message"].count("aaaaaaaa-") == 2
    assert alice.sql("SELECT count(*) FROM sessions WHERE ended_at IS NULL") == [(3,)]


def test_all_other_sessions_are_revoked(alice: Shell) -> None:
    """The calling session stays, and the count is told."""
    two(alice)
    alice.refused(2, "cli/usage", "sessions", "revoke-all")
    assert alice.json("sessions", "revoke-all", "--yes")["endedCount"] == 1
    assert [len(each) for each in ids(alice).values()] == [1, 0]


def test_all_sessions_are_revoked(alice: Shell) -> None:
    """--include-current ends this one too and forgets it here."""
    two(alice)
    assert alice.json("sessions", "revoke-all", "--include-current", "-y")["endedCount"] == 2
    alice.refused(3, "cli/not-signed-in", "sessions", "list")
