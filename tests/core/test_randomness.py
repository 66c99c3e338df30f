"""Ids, tokens and codes: of the form they have to be, from all of the randomness they are given."""

from __future__ import annotations

import re
from collections import Counter
from uuid import UUID

import pytest

from bkendctl.core.randomness import (
    BACKUP_CODE_ALPHABET,
    SystemRandomness,
    new_backup_code,
    new_id,
    new_token,
)


class Scripted:
    """Gives the chunks it was handed, one a time; asking for more than there are is an error."""

    def __init__(self, *chunks: bytes) -> None:
        self.chunks = iter(chunks)

    def bytes(self, count: int) -> bytes:
        """The next chunk, which has to have the length asked for."""
        chunk = next(self.chunks)
        assert len(chunk) == count
        return chunk


@pytest.mark.parametrize("chunk", [bytes(16), b"\xff" * 16, bytes(range(16))])
def test_an_id_is_a_random_uuid(chunk: bytes) -> None:
    """Version 4, RFC variant, in lower case, whatever the bytes (RFC 9562)."""
    made = new_id(Scripted(chunk))
    assert re.fullmatch("[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}", made)
    assert str(UUID(made)) == made


def test_a_token_carries_256_bits() -> None:
    """Every bit makes another token, in letters that need no escaping in URLs; a prefix names its kind."""
    tokens = {new_token(Scripted((1 << bit).to_bytes(32, "big")), "rt_") for bit in range(256)}
    assert len(tokens | {new_token(Scripted(bytes(32)), "rt_")}) == 257
    assert all(re.fullmatch("rt_[A-Za-z0-9_-]{43}", token) for token in tokens)


def test_a_backup_code_is_eight_letters_or_digits() -> None:
    """In lower case, as bkend's are."""
    codes = {new_backup_code(SystemRandomness()) for _ in range(200)}
    assert len(codes) == 200
    assert all(re.fullmatch("[a-z0-9]{8}", code) for code in codes)


def test_no_character_of_a_backup_code_is_likelier_than_another() -> None:
    """Of the 256 bytes, those that are taken stand for every character equally often."""
    filler = b"\0" * 8
    codes = {byte: new_backup_code(Scripted(bytes([byte]) * 8, filler)) for byte in range(256)}
    taken = [code[0] for byte, code in codes.items() if byte < 252]
    assert Counter(taken) == dict.fromkeys(BACKUP_CODE_ALPHABET, 7)
    # The four that would favour some are drawn again: what comes is the chunk after them.
    assert [codes[byte] for byte in range(252, 256)] == ["a" * 8] * 4


def test_a_code_waits_for_fair_bytes() -> None:
    """Unfair ones are left out, and drawing goes on until there are eight."""
    unfair = bytes([252, 253, 254, 255] * 2)
    half = bytes([0, 255, 1, 255, 2, 255, 3, 255])
    assert new_backup_code(Scripted(unfair, half, unfair, half)) == "abcdabcd"


def test_the_systems_generator_gives_what_is_asked_for() -> None:
    """So many bytes, others each time."""
    source = SystemRandomness()
    assert [len(source.bytes(count)) for count in (0, 1, 16, 32)] == [0, 1, 16, 32]
    assert source.bytes(32) != source.bytes(32)
