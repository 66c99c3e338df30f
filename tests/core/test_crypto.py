"""Secrets at rest: bound to their row, worthless without the master key, never under one nonce twice."""

from __future__ import annotations

import hashlib
import re
from base64 import b64encode

import pytest
from sqlalchemy import func, select

from bkendctl.contract.errors import Failure
from bkendctl.core import schema
from bkendctl.core.crypto import Vault, fingerprint
from bkendctl.core.installation import initialize
from bkendctl.core.master_key import MasterKey, installation, read_master_key
from bkendctl.core.randomness import SystemRandomness
from bkendctl.core.runtime import Core
from tests.conftest import MASTER_KEY, World

OTHER_KEY = bytes(reversed(MASTER_KEY))
SECRET = b"JBSWY3DPEHPK3PXP"


@pytest.fixture
def vault() -> Vault:
    """A vault under the tests' master key."""
    return Vault(MASTER_KEY, SystemRandomness())


def refused(vault: Vault, sealed: bytes, identity: str) -> bool:
    """Whether opening is refused, with the master key as the reason."""
    with pytest.raises(Failure) as caught:
        vault.open(sealed, identity)
    return caught.value.code == "cli/master-key"


@pytest.mark.parametrize("plain", [b"", b"x", SECRET, b"\0" * 100_000], ids=len)
def test_what_is_sealed_opens_for_its_row(vault: Vault, plain: bytes) -> None:
    """Also when it is empty or long, and by every vault of the same key."""
    sealed = vault.seal(plain, "mfa/1")
    assert vault.open(sealed, "mfa/1") == plain
    assert Vault(MASTER_KEY, SystemRandomness()).open(sealed, "mfa/1") == plain
    assert SECRET not in sealed


def test_a_sealed_value_moved_to_another_row_does_not_open(vault: Vault) -> None:
    """The row's identity is authenticated: nobody gets another's secret by swapping columns (P10)."""
    sealed = vault.seal(SECRET, "mfa/1")
    assert all(refused(vault, sealed, identity) for identity in ("mfa/2", "outbox/1", "mfa/1 ", ""))


def test_another_master_key_opens_nothing(vault: Vault) -> None:
    """Without the key the database alone gives nothing away."""
    assert refused(Vault(OTHER_KEY, SystemRandomness()), vault.seal(SECRET, "mfa/1"), "mfa/1")


def test_a_changed_value_does_not_open(vault: Vault) -> None:
    """A flipped bit anywhere, every cut and every addition is noticed."""
    sealed = vault.seal(SECRET, "mfa/1")
    places = range(len(sealed))
    flipped = [sealed[:place] + bytes([sealed[place] ^ 1]) + sealed[place + 1 :] for place in places]
    cut = [sealed[:length] for length in places]
    assert all(refused(vault, wrong, "mfa/1") for wrong in [*flipped, *cut, sealed + b"x", b"junk" * 9])


def test_no_nonce_comes_twice(vault: Vault) -> None:
    """The same value for the same row is sealed differently each time."""
    sealed = [vault.seal(SECRET, "mfa/1") for _ in range(2_000)]
    assert len({one[1:13] for one in sealed}) == len(set(sealed)) == 2_000


def test_a_keyed_hash_depends_on_key_purpose_and_each_part(vault: Vault) -> None:
    """Short values are not found by trying them without the key, nor taken for others."""
    hashed = vault.keyed_hash("backup-code", "user", "abcdefgh")
    assert re.fullmatch("[0-9a-f]{64}", hashed)
    assert hashed == vault.keyed_hash("backup-code", "user", "abcdefgh")
    others = {
        vault.keyed_hash("other", "user", "abcdefgh"),
        vault.keyed_hash("backup-code", "user2", "abcdefgh"),
        vault.keyed_hash("backup-code", "userabcdefgh"),
        vault.keyed_hash("backup-code", "user", "abcdefgi"),
        Vault(OTHER_KEY, SystemRandomness()).keyed_hash("backup-code", "user", "abcdefgh"),
        hashlib.sha256(b"abcdefgh").hexdigest(),
    }
    assert (len(others), hashed in others) == (6, False)


def test_the_check_value_tells_master_keys_apart_and_is_no_key(world: World) -> None:
    """What is stored to recognise the master key neither is it nor unwraps anything."""
    with world.core.database.read() as transaction:
        row = installation(transaction)
    assert MasterKey(MASTER_KEY, SystemRandomness()).fits(row.master_key_check)
    assert not MasterKey(OTHER_KEY, SystemRandomness()).fits(row.master_key_check)
    imposter = MasterKey(bytes.fromhex(row.master_key_check), SystemRandomness())
    with pytest.raises(Failure, match="cli/master-key"):
        imposter.unwrap(row)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "short",
        "x" * 44,
        "AAAA AAAA",
        "\u00e4" * 44,
        b64encode(bytes(31)).decode(),
        b64encode(bytes(33)).decode(),
    ],
)
def test_what_is_no_master_key_is_refused(text: str) -> None:
    """32 bytes in base64, nothing else; the refusal does not repeat what was given."""
    with pytest.raises(Failure) as caught:
        read_master_key(text)
    assert caught.value.code == "cli/master-key"
    assert not text or text not in caught.value.message


def test_a_master_key_may_end_in_a_line_break() -> None:
    """As files and shells leave it."""
    assert read_master_key(b64encode(MASTER_KEY).decode() + "\n") == MASTER_KEY


def test_a_database_of_another_master_key_is_refused_before_anything_is_done(world: World) -> None:
    """Neither opened nor set up again: no key is issued."""
    stranger = Core(world.core.database, OTHER_KEY, clock=world.clock)
    with pytest.raises(Failure, match="cli/master-key"):
        initialize(stranger, name="Demo", environment="dev", new_keys=True)
    with world.core.database.read() as transaction:
        with pytest.raises(Failure, match="cli/master-key"):
            stranger.unlock(transaction)
        assert transaction.value(select(func.count()).select_from(schema.api_keys)) == 2


def test_a_fingerprint_is_sha256() -> None:
    """Tokens of 256 random bits need neither salt nor stretching; lone surrogates are no error."""
    assert fingerprint("abc") == hashlib.sha256(b"abc").hexdigest()
    assert len(fingerprint("\ud800")) == 64
