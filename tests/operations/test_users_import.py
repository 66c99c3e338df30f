"""Importing users: each row by itself, hashes of other services kept and renewed, conflicts by rule."""

from __future__ import annotations

from base64 import b32decode
from typing import Any

import pytest
from cryptography.hazmat.primitives.hashes import SHA1
from cryptography.hazmat.primitives.twofactor.totp import TOTP
from msgspec import to_builtins
from sqlalchemy import select, update

from bkendctl.contract import audit_events, mfa, users
from bkendctl.contract.operation import Raw
from bkendctl.contract.user_import import ImportResult
from bkendctl.core import firebase_scrypt, schema
from bkendctl.core.clock import DAY
from tests.conftest import World, at_once
from tests.core.test_foreign_hashes import FIREBASE, FIREBASE_HASH, VECTORS

BCRYPT = VECTORS["bcrypt"]
OLD = "U*U"
SECRET = "JBSWY3DPEHPK3PXP"


def imported(world: World, *rows: dict[str, Any], **how: Any) -> ImportResult:
    """Import rows as they travel."""
    fields = {name: how.pop(name) for name in ("onConflict", "dryRun") if name in how}
    result: ImportResult = world.call(
        users.IMPORT, Raw(body={"users": list(rows), **fields}), key="sk", **how
    )
    return result


def code_of(secret: str, now: int) -> str:
    """What an authenticator app shows, by another library than ours, which takes short keys."""
    return TOTP(b32decode(secret), 6, SHA1(), 30, enforce_key_length=False).generate(now // 1000).decode()


def told(result: ImportResult) -> list[tuple[str, str | None]]:
    """What became of each row, and the code where it failed."""
    return [(each.status, each.error.code if each.error else None) for each in result.results]


def stored(world: World) -> dict[str, str]:
    """Hashes by address."""
    table = schema.passwords
    rows = select(schema.users.c.email, table.c.hash).join(table, table.c.user_id == schema.users.c.id)
    with world.core.database.read() as transaction:
        return {row.email: row.hash for row in transaction.all(rows)}


def test_a_row_brings_all_it_names(world: World) -> None:
    """Name, role, proof, dates, ban, linked accounts; what is left out is as with a new user."""
    row = {
        "email": "Ann@Example.com", "name": "Ann", "nickname": "a", "role": "guest",
        "emailVerified": "2020-01-02T03:04:05.678Z", "createdAt": "2019-12-31T23:59:59+01:00",
        "lastSignInAt": "2025-06-01T00:00:00Z", "banned": True, "banReason": "spam", "externalId": "x1",
        "accounts": [{"provider": "google", "providerAccountId": "g1"}],
    }  # fmt: skip
    result = imported(world, row, {"email": "bob@example.com", "passwordHash": BCRYPT, "emailVerified": True})
    assert (result.total, result.created, result.failed) == (2, 2, 0)
    assert [each.external_id for each in result.results] == ["x1", None]
    page = world.call(users.LIST, users.ListUsers(include_accounts=True, sort_by="email"), key="sk")
    bob, ann = page.items
    assert [ann.id, bob.id] == [each.user_id for each in result.results]
    shown = to_builtins(ann)
    assert {name: shown[name] for name in ("email", "name", "nickname", "role", "status", "banReason")} == {
        "email": "ann@example.com", "name": "Ann", "nickname": "a", "role": "guest", "status": "banned",
        "banReason": "spam",
    }  # fmt: skip
    assert (ann.email_verified, ann.created_at) == ("2020-01-02T03:04:05.678Z", "2019-12-31T22:59:59.000Z")
    assert ann.last_sign_in_at == "2025-06-01T00:00:00.000Z"
    assert [(each.provider, each.provider_account_id) for each in ann.accounts] == [("google", "g1")]
    assert (bob.name, bob.role, bob.status) == ("bob", "user", "active")
    assert bob.email_verified == bob.created_at
    assert [each.provider for each in bob.accounts] == ["email"]


def test_rows_stand_alone(world: World) -> None:
    """A bad row names all its faults and stops no other; a body that is no list of rows is refused whole."""
    result = imported(
        world,
        {"email": "good@example.com"},
        {"email": "nope", "name": "", "role": "king", "externalId": "7"},
        {"email": "nope"},
        {"name": "No address"},
        "row",
        {"email": "nul@example.com", "name": "a\0b"},
        {"email": "six@example.com", "name": "\\u0000"},
        {"email": "day@example.com", "createdAt": "yesterday"},
        {"email": "hash@example.com", "passwordHash": "5f4dcc3b5aa765d61d8327deb882cf99"},
        {"email": "dear@example.com", "passwordHash": BCRYPT.replace("$05$", "$31$")},
        {"email": "also@example.com", "totpSecret": "short"},
        {
            "email": "twice@example.com",
            "accounts": [{"provider": "google", "providerAccountId": x} for x in "ab"],
        },
        {"email": "last@example.com"},
    )
    bad = "common/invalid-parameters"
    expected: list[tuple[str, str | None]] = [("created", None)]
    expected += [("failed", code) for code in (bad, "auth/invalid-email", bad, bad, bad)]
    expected += [("created", None), *[("failed", bad)] * 5, ("created", None)]
    assert told(result) == expected
    assert result.results[1].error is not None
    assert set(result.results[1].error.details) == {"email", "name", "role"}
    assert result.results[1].external_id == "7"
    assert (result.created, result.failed, result.total) == (3, 10, 13)
    for body in ({"users": []}, {"users": [{"email": "a@b.cd"}] * 1001}, {"users": {}}, {}):
        assert world.refused(users.IMPORT, Raw(body=body), key="sk").code == bad


@pytest.mark.parametrize("name", sorted({*VECTORS, "firebase"} - {"argon2i", "bcrypt-2a", "pbkdf2-werkzeug"}))
def test_old_passwords_sign_in_and_their_hashes_are_renewed(world: World, name: str) -> None:
    """T023: a wrong password renews nothing; two sign-ins at once both succeed, and the hash is ours then."""
    if name == "firebase":
        row: dict[str, Any] = {"passwordHash": FIREBASE_HASH, "hashParameters": FIREBASE}
    else:
        row = {"passwordHash": VECTORS[name]}
    password = PASSWORDS.get(name, "password")
    result = imported(world, {"email": "ann@example.com", **row})
    assert told(result) == [("created", None)]
    before = stored(world)
    assert world.refusal(world.sign_in, "ann@example.com", password + "x") == "auth/invalid-credentials"
    assert stored(world) == before
    pairs = at_once(2, lambda _number: world.sign_in("ann@example.com", password))
    assert [world.me(pair).email for pair in pairs] == ["ann@example.com"] * 2
    assert stored(world)["ann@example.com"].startswith("$argon2id$")
    assert not world.core.hasher.is_outdated(stored(world)["ann@example.com"])
    assert world.sign_in("ann@example.com", password)


PASSWORDS = {
    "firebase": "user1password", "bcrypt": OLD, "bcrypt-2y": OLD, "scrypt-phc": "password",
    "pbkdf2-phc": "password", "argon2id": "password",
}  # fmt: skip


def test_a_signer_key_lies_sealed(world: World) -> None:
    """Without the master key nobody tries passwords against Firebase's hashes."""
    imported(world, {"email": "ann@example.com", "passwordHash": FIREBASE_HASH, "hashParameters": FIREBASE})
    text = stored(world)["ann@example.com"]
    assert FIREBASE["signerKey"][:20] not in text
    opened = firebase_scrypt.opened(text, world.core.vault)
    assert firebase_scrypt.to_parameters(opened)[1].signer_key == FIREBASE["signerKey"].rstrip("=")


def test_conflicts_go_by_the_rule(world: World) -> None:
    """skip leaves, fail fails that row alone, update overwrites what is given; twice in one batch is one."""
    pair = world.sign_up("ann@example.com")
    again = {"email": "ann@example.com", "name": "New", "emailVerified": True}
    new = {"email": "bob@example.com", "name": "Bob"}
    assert told(imported(world, again, new, new)) == [("skipped", None), ("created", None), ("skipped", None)]
    assert world.me(pair).name == "Alice"
    taken = ("failed", "auth/email-already-exists")
    assert told(imported(world, again, new, {"email": "c@example.com"}, onConflict="fail")) == [
        taken, taken, ("created", None)
    ]  # fmt: skip
    both = [{"email": "d@example.com", "name": "D"}, {"email": "d@example.com", "nickname": "dd"}]
    result = imported(world, again, *both, onConflict="update")
    assert told(result) == [("updated", None), ("created", None), ("updated", None)]
    me = world.me(pair)
    assert (me.name, me.email_verified is not None) == ("New", True)
    found = world.call(users.GET, users.UserId(user_id=result.results[2].user_id), key="sk")
    assert (found.name, found.nickname) == ("D", "dd")


def test_another_password_ends_the_sessions(world: World) -> None:
    """An update with a hash replaces password and sessions; one without leaves both."""
    pair = world.sign_up("ann@example.com")
    imported(world, {"email": "ann@example.com", "name": "New"}, onConflict="update")
    assert world.me(pair).name == "New"
    row = {"email": "ann@example.com", "passwordHash": BCRYPT}
    imported(world, row, onConflict="update")
    world.assert_dead(pair)
    assert world.refusal(world.sign_in, "ann@example.com") == "auth/invalid-credentials"
    pair = world.sign_in("ann@example.com", OLD)
    world.clock.advance(DAY)
    assert world.me(world.refresh(pair))


def test_linked_accounts_belong_to_one_user(world: World) -> None:
    """An identity of another fails the row, stored or of a row before; an update replaces one's own."""

    def row(email: str, id_: str) -> dict[str, Any]:
        return {"email": email, "accounts": [{"provider": "github", "providerAccountId": id_}]}

    taken = ("failed", "auth/account-already-linked")
    result = imported(world, row("a@example.com", "1"), row("b@example.com", "1"))
    assert told(result) == [("created", None), taken]
    assert told(imported(world, row("c@example.com", "1"))) == [taken]
    rows = row("a@example.com", "2"), row("b@example.com", "2"), row("d@example.com", "1")
    assert told(imported(world, *rows, onConflict="update")) == [("updated", None), taken, ("created", None)]


def test_a_second_factor_comes_along(world: World) -> None:
    """A TOTP secret is on at once, sealed; replaced by an update; backup codes are the user's to make."""
    row = {"email": "ann@example.com", "passwordHash": BCRYPT, "totpSecret": SECRET}
    assert told(imported(world, row)) == [("created", None)]
    with world.core.database.read() as transaction:
        assert SECRET.encode() not in transaction.value(select(schema.mfa_enrolments.c.secret))
    assert world.refusal(world.sign_in, "ann@example.com", OLD) == "auth/mfa-required"
    code = code_of(SECRET, world.clock.now())
    pair = world.sign_in("ann@example.com", OLD, mfa_code=code)
    assert world.call(mfa.STATUS, token=pair).backup_codes_remaining == 0
    other = {"email": "ann@example.com", "totpSecret": SECRET[::-1]}
    assert told(imported(world, other, onConflict="update")) == [("updated", None)]
    world.clock.advance(DAY)
    code = code_of(SECRET[::-1], world.clock.now())
    assert world.sign_in("ann@example.com", OLD, mfa_code=code)


def test_the_last_admin_stays(world: World) -> None:
    """Decision 116: no row takes the role of the last active admin or bans it."""
    world.make_user("root@example.com", "admin")
    rows = {"email": "root@example.com", "role": "user"}, {"email": "root@example.com", "banned": True}
    lost = ("failed", "user/last-admin")
    assert told(imported(world, *rows, onConflict="update")) == [lost, lost]
    second = {"email": "second@example.com", "role": "admin"}
    result = imported(world, second, rows[0], onConflict="update")
    assert told(result) == [("created", None), ("updated", None)]


def test_a_ban_comes_in_with_its_user(world: World) -> None:
    """Nobody banned elsewhere signs in; by an update a ban ends sessions."""
    row = {
        "email": "ann@example.com",
        "passwordHash": BCRYPT,
        "banned": True,
        "bannedUntil": "2999-01-01T00:00:00Z",
    }
    imported(world, row)
    assert world.refusal(world.sign_in, "ann@example.com", OLD) == "auth/account-banned"
    pair = world.sign_up("bob@example.com")
    imported(world, {"email": "bob@example.com", "banned": True}, onConflict="update")
    world.assert_dead(pair)


def test_a_dry_run_answers_the_same_and_writes_nothing(world: World) -> None:
    """Statuses as they would be; no user, no change."""
    pair = world.sign_up("ann@example.com")
    rows = [
        {"email": "ann@example.com", "name": "New"},
        {"email": "bob@example.com"},
        {"email": "bob@example.com", "name": "B"},
        {"email": "x"},
    ]
    dry = imported(world, *rows, onConflict="update", dryRun=True)
    assert [each.email for each in world.call(users.LIST, key="sk").items] == ["ann@example.com"]
    assert world.me(pair).name == "Alice"
    assert told(dry) == told(imported(world, *rows, onConflict="update"))


def test_one_event_tells_of_a_batch(world: World) -> None:
    """Counts, no addresses, no hashes."""
    imported(
        world, *({"email": f"u{n}@example.com", "passwordHash": BCRYPT} for n in range(3)), {"email": ""}
    )
    (event,) = world.call(audit_events.LIST, audit_events.ListEvents(action="users.import"), key="sk").items
    assert event.details == {
        "created": 3, "updated": 0, "skipped": 0, "failed": 1, "onConflict": "skip", "dryRun": False
    }  # fmt: skip


def test_a_deleted_users_address_is_free(world: World) -> None:
    """It comes in as a new user."""
    old = world.make_user("ann@example.com")
    world.call(users.DELETE, users.UserId(user_id=old.id), key="sk")
    (row,) = imported(world, {"email": "ann@example.com"}).results
    assert (row.status, row.user_id == old.id) == ("created", False)


def test_unknown_addresses_take_the_time_of_known_ones(world: World) -> None:
    """P1: their decoys are of the kinds that users have, in the same proportions, each always the same."""
    rows = [{"email": f"u{number}@example.com", "passwordHash": BCRYPT} for number in range(30)]
    imported(world, *rows, *({"email": f"o{n}@example.com", "passwordHash": OURS} for n in range(10)))
    names = [f"nobody{number}@example.com" for number in range(400)]

    def kinds() -> list[str | None]:
        with world.core.database.read() as transaction:
            environment = str(transaction.value(select(schema.environments.c.id)))
            given = (transaction, world.core.vault, world.clock.now(), environment)
            return [world.core.decoys.kind_for(*given, name) for name in names]

    first = kinds()
    assert set(first) == {"bcrypt,05", None}
    assert 0.65 < first.count("bcrypt,05") / len(first) < 0.85
    with world.core.database.write() as transaction:
        transaction.run(update(schema.passwords).values(kind=None))
    assert kinds() == first  # until the counts are read anew
    world.clock.advance(DAY)
    assert set(kinds()) == {None}


OURS = "$argon2id$v=19$m=19456,t=2,p=1$AAAAAAAAAAAAAAAAAAAAAA$" + "A" * 43
