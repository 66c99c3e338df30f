"""Hashes of other services: public vectors are met, spellings read, and what is too dear refused."""

from __future__ import annotations

import hashlib
import re

import pytest
from argon2 import PasswordHasher

from bkendctl.contract.user_import import HashParameters
from bkendctl.core import firebase_scrypt, foreign_hashes
from bkendctl.core.firebase_scrypt import FirebaseScrypt
from bkendctl.core.foreign_hashes import Pbkdf2, Scrypt, Unusable, read, to_b64

# The example of firebase.google.com's own scrypt (github.com/firebase/scrypt).
FIREBASE_HASH = "lSrfV15cpx95/sZS2W9c9Kp6i/LVgQNDNC/qzrCnh1SAyZvqmZqAjTdn3aoItz+VHjoZilo78198JAdRuid5lQ=="
FIREBASE = {
    "algorithm": "firebase-scrypt",
    "salt": "42xEC+ixf3L2lw==",
    "signerKey": "jxspr8Ki0RYycVU8zykbdLGjFQ3McFUH0uiiTvC8pVMXAn210wjLNmdZJzxUECKbm0QsEmYUSDzZvpjeJ9WmXA==",
    "saltSeparator": "Bw==",
    "rounds": 8,
    "memoryCost": 14,
}
# A test case of Supabase's Auth.
SUPABASE = (
    "$fbscrypt$v=1,n=14,r=8,p=1,ss=Bw==,sk=ou9tdYTGyYm8kuR6Dt0Bp0kDuAYoXrK16mbZO4yGwAn3oLspjnN0/c41v8xZnO1n14J3MjKj1b2g6"
    "AUCAlFwMw==$C0sHCg9ek77hsg==$zKVTMvnWVw5BBOZNUdnsalx4c4c7y/w7IS5p6Ut2+CfEFFlz37J9huyQfov4iizN8dbjvEJlM5tQaJP84+hfTw=="
)
VECTORS = {
    # Solar Designer's test vectors (crypt_blowfish), of the password U*U.
    "bcrypt": "$2b$05$CCCCCCCCCCCCCCCCCCCCC.E5YPO9kmyuRGyh0XouQYb4YMJKvyOeW",
    "bcrypt-2a": "$2a$05$CCCCCCCCCCCCCCCCCCCCC.E5YPO9kmyuRGyh0XouQYb4YMJKvyOeW",
    "bcrypt-2y": "$2y$05$CCCCCCCCCCCCCCCCCCCCC.E5YPO9kmyuRGyh0XouQYb4YMJKvyOeW",
    # The reference implementation's own tests (phc-winner-argon2/src/test.c), of "password" and "somesalt".
    "argon2id": "$argon2id$v=19$m=256,t=2,p=1$c29tZXNhbHQ$nf65EOgLrQMR/uIPnA4rEsF5h7TKyQwu9U1bMCHGi/4",
    "argon2i": "$argon2i$v=19$m=256,t=2,p=1$c29tZXNhbHQ$iekCn0Y3spW+sCcFanM2xBT63UP2sghkUoHLIUpWRS8",
    "scrypt-phc": "$scrypt$ln=10,r=8,p=1$TmFDbA$"
    + to_b64(hashlib.scrypt(b"password", salt=b"NaCl", n=1024, r=8, p=1, dklen=32)),
    "scrypt-django": "scrypt$1024$NaCl$8$1$"
    + to_b64(hashlib.scrypt(b"password", salt=b"NaCl", n=1024, r=8, p=1, dklen=64)) + "==",
    "scrypt-werkzeug": "scrypt:1024:8:1$NaCl$"
    + hashlib.scrypt(b"password", salt=b"NaCl", n=1024, r=8, p=1, dklen=64).hex(),
    # RFC 7914, section 11's PBKDF2 vectors check the function; these are its spellings.
    "pbkdf2-phc": "$pbkdf2-sha512$i=1000,l=64$c2FsdHNhbHQ$"
    + to_b64(hashlib.pbkdf2_hmac("sha512", b"password", b"saltsalt", 1000)),
    "pbkdf2-passlib": "$pbkdf2-sha256$1000$c2FsdHNhbHQ$"
    + to_b64(hashlib.pbkdf2_hmac("sha256", b"password", b"saltsalt", 1000)).replace("+", "."),
    "pbkdf2-django": "pbkdf2_sha256$1000$saltsalt$"
    + to_b64(hashlib.pbkdf2_hmac("sha256", b"password", b"saltsalt", 1000)) + "=",
    "pbkdf2-werkzeug": "pbkdf2:sha256:1000$saltsalt$"
    + hashlib.pbkdf2_hmac("sha256", b"password", b"saltsalt", 1000).hex(),
}  # fmt: skip


@pytest.mark.parametrize("name", VECTORS)
def test_vectors_are_met(name: str) -> None:
    """The right password and no other, whichever way the hash is spelled."""
    found = read(VECTORS[name])
    password = "U*U" if name.startswith("bcrypt") else "password"
    assert found.matches(password)
    assert not found.matches(password + "x")
    assert not found.matches("")


def test_functions_meet_their_rfcs() -> None:
    """RFC 7914, sections 11 and 12, whole."""
    tag = bytes.fromhex(
        "55ac046e56e3089fec1691c22544b605f94185216dde0465e68b9d57c20dacbc"
        "49ca9cccf179b645991664b39d77ef317c71b845b1e30bd509112041d3a19783"
    )
    assert Pbkdf2("sha256", 1, b"salt", tag).matches("passwd")
    tag = bytes.fromhex(
        "fdbabe1c9d3472007856e7190d01e9fe7c6ad7cbc8237830e77376634b373162"
        "2eaf30d92e22a3886ff109279d9830dac727afb94a83ee6d8360cbdfa2cc0640"
    )
    assert Scrypt(1024, 8, 16, b"NaCl", tag).matches("password")


def test_firebase_and_supabase_s_copy_of_it() -> None:
    """Firebase's documented example, and what Supabase's Auth keeps of such users."""
    parameters = HashParameters(
        algorithm="firebase-scrypt", salt="42xEC+ixf3L2lw==", signer_key=str(FIREBASE["signerKey"]),
        salt_separator="Bw==", rounds=8, memory_cost=14,
    )  # fmt: skip
    found = firebase_scrypt.given(FIREBASE_HASH, parameters)
    assert found.matches("user1password")
    assert not found.matches("user1passwort")
    of_web = FIREBASE_HASH.replace("+", "-").replace("/", "_")
    assert firebase_scrypt.given(of_web, parameters) == found
    assert firebase_scrypt.given(*firebase_scrypt.to_parameters(found)) == found
    parts = firebase_scrypt.of_supabase(SUPABASE)
    assert parts is not None
    assert firebase_scrypt.given(*parts).matches("mytestpassword")


def test_other_spellings_of_django() -> None:
    """Its own name goes before what is otherwise a crypt or a PHC string."""
    assert read("bcrypt$" + VECTORS["bcrypt"]).matches("U*U")
    assert read("argon2" + VECTORS["argon2id"]).matches("password")


def test_bcrypt_looks_at_72_bytes() -> None:
    """As those who made the hash did, whatever comes behind."""
    import bcrypt

    password = "ä" * 36
    hashed = bcrypt.hashpw(password.encode(), bcrypt.gensalt(4)).decode()
    assert read(hashed).matches(password + "beyond")
    assert not read(hashed).matches(password[:-1])


_SALT, _TAG = to_b64(b"s" * 16), to_b64(b"t" * 32)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "plain",
        "5f4dcc3b5aa765d61d8327deb882cf99",
        "$1$salt$abcdefghijklmnopqrstuv",
        "$2x$05$CCCCCCCCCCCCCCCCCCCCC.E5YPO9kmyuRGyh0XouQYb4YMJKvyOeW",
        "$2b$15$CCCCCCCCCCCCCCCCCCCCC.E5YPO9kmyuRGyh0XouQYb4YMJKvyOeW",
        "$2b$05$CCCCCCCCCCCCCCCCCCCCC.E5YPO9kmyuRGyh0XouQYb4YMJKvyOeW\n",
        f"$argon2id$v=19$m=131073,t=1,p=1${_SALT}${_TAG}",
        f"$argon2id$v=19$m=65536,t=4294967295,p=1${_SALT}${_TAG}",
        f"$argon2id$v=19$m=65536,t=1,p=17${_SALT}${_TAG}",
        f"$argon2id$v=19$m=0,t=1,p=1${_SALT}${_TAG}",
        f"$argon2id$v=19$m=64,t=1,p=1${_SALT}$c2hvcnQ",
        f"$scrypt$ln=18,r=8,p=1${_SALT}${_TAG}",
        f"$scrypt$ln=10,r=1048577,p=1${_SALT}${_TAG}",
        f"$scrypt$ln=14,r=8,p=64${_SALT}${_TAG}",
        f"$scrypt$ln=63,r=8,p=1${_SALT}${_TAG}",
        f"scrypt$1000$salt$8$1${_TAG}",
        f"$pbkdf2-sha256$2000001${_SALT}${_TAG}",
        f"$pbkdf2-sha256$1000001${_SALT}${to_b64(b't' * 64)}",
        f"$pbkdf2-sha256$0${_SALT}${_TAG}",
        f"$pbkdf2-sha1$i=1000${_SALT}${_TAG}",
        f"$pbkdf2-sha256$i=1000,l=64${_SALT}${_TAG}",
        f"$pbkdf2-sha256$i=1000${_SALT}$c2hvcnQ",
        f"$pbkdf2-sha256$i=1000${_SALT}$=",
        "pbkdf2:sha256:1000$saltsalt$" + "a" * 33,
    ],
)
def test_what_cannot_be_kept_is_refused(text: str) -> None:
    """Unknown, damaged, or so dear that one sign-in would take seconds or half the memory."""
    with pytest.raises(Unusable):
        read(text)


def test_firebase_parameters_have_to_fit() -> None:
    """No base64, or a hash of another length than the signer key."""
    good = HashParameters(
        algorithm="firebase-scrypt", salt="42xEC+ixf3L2lw==", signer_key=str(FIREBASE["signerKey"]),
        salt_separator="Bw==", rounds=8, memory_cost=14,
    )  # fmt: skip
    for hashed in ("*" * 88, FIREBASE_HASH[:40], "A" * 20):
        with pytest.raises(Unusable):
            firebase_scrypt.given(hashed, good)


def test_a_decoy_costs_what_its_kind_does_and_matches_nothing() -> None:
    """The kind is made of the costs alone, and the decoy has them."""
    firebase = FirebaseScrypt(4, 8, b"s", b"", b"k" * 16, b"t" * 16)
    for found in (*map(read, VECTORS.values()), firebase):
        decoy = foreign_hashes.decoy(found.kind)
        assert decoy.kind == found.kind or found is firebase
        assert not decoy.matches("password")
        assert len(found.kind) <= 64
    assert foreign_hashes.decoy(firebase.kind).kind == "scrypt,16,8,1"


def test_ours_is_read_as_well() -> None:
    """An export of our own comes back."""
    assert re.match("argon2id,v=19", read(PasswordHasher(1, 64, 1).hash("x")).kind)
