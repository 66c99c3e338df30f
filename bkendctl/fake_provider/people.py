"""Who can sign in at the fake providers: anybody with an address, the same person each time."""

from __future__ import annotations

import hashlib

import msgspec

SUGGESTED = ("alice@example.com", "bob@example.com", "carol@example.com")

OUTCOMES = {
    "granted": "signs in",
    "denied": "the person refuses (access_denied)",
    "wrong-state": "comes back with another state",
    "unverified": "the address is not verified",
    "other-account": "another account there with the same address",
    "error": "the token endpoint answers 500",
    "slow": "the token endpoint takes 30 seconds",
}
"""What a consent may lead to, and what that stands for."""


class Person(msgspec.Struct, frozen=True):
    """Somebody with an account. number: what the providers know it by; it never changes."""

    email: str
    name: str
    verified: bool
    number: int

    @property
    def login(self) -> str:
        """Short name, as GitHub shows it."""
        return self.email.partition("@")[0]


def person(email: str, name: str = "", outcome: str = "granted") -> Person:
    """The person with an address: its number follows from the address, so it is the same after a restart."""
    seed = f"{email} again" if outcome == "other-account" else email
    number = int.from_bytes(hashlib.sha256(seed.encode()).digest()[:6], "big")
    spoken = name or email.partition("@")[0].replace(".", " ").title()
    return Person(email, spoken, outcome != "unverified", number)
