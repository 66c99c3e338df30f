"""P7: no secret stands in the database, its write-ahead log included."""

from __future__ import annotations

import hashlib
from contextlib import suppress
from typing import Any

import pytest
from sqlalchemy import event

from bkendctl.contract import keys, users
from bkendctl.contract.errors import Failure
from bkendctl.core import schema
from tests.conftest import PASSWORD, World

pytestmark = pytest.mark.parametrize("world", ["embedded", "embedded-postgresql"], indirect=True)


def stored(world: World) -> bytes:
    """Everything in the files of the database, or in a server's tables: its files hold them compressed."""
    file = world.core.database.file
    if file is None:
        return b"".join(_copied(world, table.name) for table in schema.metadata.sorted_tables)
    parts = [file, file.with_name(file.name + "-wal")]
    return b"".join(part.read_bytes() for part in parts if part.exists())


def _copied(world: World, table: str) -> bytes:
    """Every value of a table of PostgreSQL, as it is."""
    with world.core.database.read() as transaction:
        connection: Any = transaction.connection.connection.driver_connection
        with connection.cursor().copy(f"COPY {table} TO STDOUT (FORMAT binary)") as copied:
            return b"".join(copied)


def test_no_secret_is_stored(world: World) -> None:
    """T043, T117: passwords, tokens, codes, TOTP secrets, keys and live links stand nowhere."""
    pair = world.sign_up()
    refreshed = world.refresh(pair, "saved-before-sending")
    setup = world.enrol(refreshed)
    made = world.call(keys.CREATE, keys.Create(name="mine", type="secret", scopes=[]), key="sk")
    link = world.mails("signup_confirmation")[0].links[0]
    mailed = {kind: _mailed(world, kind) for kind in ("magic_link", "password_reset", "email_verification")}
    secrets = mailed | {
        "password": PASSWORD,
        "access token": pair.access_token,
        "refresh token": pair.refresh_token,
        "its successor": refreshed.refresh_token,
        "idempotency key": "saved-before-sending",
        "TOTP secret": setup.secret,
        "API key": made.key,
        "installed key": world.sk,
        "link": link,
        "token of the link": link.partition("token=")[2].partition("&")[0],
        "private key": "PRIVATE KEY",
    }
    secrets |= {f"backup code {code}": code for code in setup.backup_codes}
    secrets |= {f"hash of {code}": hashlib.sha256(code.encode()).hexdigest() for code in setup.backup_codes}
    everything = stored(world)
    assert b"alice@example.com" in everything
    assert [name for name, secret in secrets.items() if secret.encode() in everything] == []


def _mailed(world: World, kind: str) -> str:
    """The live token of a mail that was just asked for."""
    from bkendctl.contract import accounts, password_resets, verifications

    email = "alice@example.com"
    asked: dict[str, tuple[Any, Any]] = {
        "magic_link": (
            accounts.SIGN_IN,
            accounts.SignIn(method="magiclink", email=email, callback_url="https://app.example.com/"),
        ),
        "password_reset": (password_resets.REQUEST, password_resets.Request(email=email)),
        "email_verification": (verifications.SEND, verifications.Send(email=email)),
    }
    world.call(*asked[kind])
    return world.mails(kind)[0].links[0].partition("token=")[2].partition("&")[0]


def test_secrets_are_bound_to_their_row(world: World) -> None:
    """P10: a sealed secret does not open as another user's, and equal ones are sealed differently."""
    from bkendctl.contract.errors import Failure

    world.enrol(world.sign_up())
    with world.core.database.read() as transaction:
        row = transaction.one(schema.mfa_enrolments.select())
    vault = world.core.vault
    secret = vault.open(row.secret, f"mfa_enrolments/{row.user_id}/secret")
    with pytest.raises(Failure, match="cli/master-key"):
        vault.open(row.secret, "mfa_enrolments/another/secret")
    assert vault.seal(secret, "x") != vault.seal(secret, "x")


def test_backup_codes_hash_differently_for_each_user(world: World) -> None:
    """T043: hashes are keyed and bound to their user, so no one list of hashes serves for all."""
    hashes = [world.core.vault.keyed_hash("backup-code", user, "abcd1234") for user in ("alice", "bob")]
    assert hashes[0] != hashes[1]
    assert hashlib.sha256(b"abcd1234").hexdigest() not in hashes


def test_a_key_is_looked_up_by_its_hash_alone(world: World) -> None:
    """T118: a near miss has another hash altogether, and no text of a key is ever compared."""
    given: list[str] = []

    def note(_connection: Any, _cursor: Any, _statement: str, parameters: Any, *_rest: Any) -> None:
        given.append(str(parameters))

    near = [world.sk[:-1] + ("0" if world.sk[-1] != "0" else "1"), world.sk[:3] + "f" * 64]
    event.listen(world.core.database.engine, "before_cursor_execute", note)
    for key in (*near, world.sk):
        with suppress(Failure):
            world.call(users.LIST, key=key)
    event.remove(world.core.database.engine, "before_cursor_execute", note)
    hashes = [hashlib.sha256(key.encode()).hexdigest() for key in near]
    assert all(any(each in parameters for parameters in given) for each in hashes)
    assert not any(key[3:20] in parameters for key in (*near, world.sk) for parameters in given)
