"""The keyring's side of keyring_vault.py: runs in a process of its own, which may hang or crash for our sake.

Answers one request: JSON on stdin, JSON on stdout. Secrets pass through pipes, never through arguments.
"""

from __future__ import annotations

import faulthandler
import hashlib
import json
import os
import secrets
import sys
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Any, TextIO, cast

if TYPE_CHECKING:
    from keyring.backend import KeyringBackend

SERVICE = "bkendctl"
CHUNK = 1000
"""Characters per entry. Windows keeps 2560 bytes of UTF-16 (CRED_MAX_CREDENTIAL_BLOB_SIZE), so 1280."""

_READS = 3
"""Attempts at one consistent reading while another process replaces what is read."""


def main(request: dict[str, Any]) -> None:
    """Do the request and print the reply: {backend, value} or {backend, error}.

    Dies without a reply after request["seconds"], whatever the keyring does: the watchdog is a C thread that
    needs no GIL, and a killed process cannot write an old token late.
    """
    answer = _own_stdout()
    backend_name = ""

    def report(kind: type[BaseException], _error: BaseException, _trace: TracebackType | None) -> None:
        # The type alone: a backend's message may quote the secret it was given.
        print(json.dumps({"backend": backend_name, "error": kind.__name__}), file=answer, flush=True)
        os._exit(1)

    sys.excepthook = report
    import keyring  # before the watchdog: a cold start on a busy machine is not the keyring's fault

    faulthandler.dump_traceback_later(
        request["seconds"],
        exit=True,
        file=Path(os.devnull).open("w"),  # noqa: SIM115
    )
    backend = _unchained(keyring.get_keyring())
    backend_name = f"{type(backend).__module__}.{type(backend).__qualname__}"
    expected = request["backend"]
    if expected is not None and backend_name != expected:
        reply: dict[str, Any] = {"backend": backend_name, "error": "OtherBackend"}
    elif not _is_real(backend_name):
        reply = {"backend": backend_name, "error": "NoKeyringError"}
    else:
        entries = _Entries(backend, request["key"])
        reply = {"backend": backend_name, "value": _do(entries, request["do"], request.get("value"))}
    print(json.dumps(reply), file=answer, flush=True)
    # Nothing of the backend's may keep the process, its threads and exit handlers included.
    os._exit(0)


def _do(entries: _Entries, what: str, value: str | None) -> str | None:
    if what == "probe":
        entries.probe()
        return None
    if what == "read":
        return entries.read()
    entries.write(value)
    return None


def _own_stdout() -> TextIO:
    """Keep stdout for the reply and send what a backend prints nowhere."""
    answer = os.fdopen(os.dup(1), "w", encoding="utf-8")
    with Path(os.devnull).open("w") as nowhere:
        os.dup2(nowhere.fileno(), 1)
    return answer


def _unchained(backend: KeyringBackend) -> KeyringBackend:
    """Return the first real keyring behind keyring's chainer, which itself cannot say where it wrote."""
    from keyring.backends.chainer import ChainerBackend

    if isinstance(backend, ChainerBackend):
        for behind in backend.backends:
            if _is_real(f"{type(behind).__module__}.{type(behind).__qualname__}"):
                return cast("KeyringBackend", behind)
    return backend


def _is_real(name: str) -> bool:
    """Tell a keyring from keyring's stand-ins and from files that anybody can read."""
    return not name.startswith(
        ("keyring.backends.null.", "keyring.backends.fail.", "keyring.backends.chainer.")
    ) and ("plaintext" not in name.lower())


class Damaged(Exception):
    """Entries of one value do not fit together."""


class _Entries:
    """One value spread over entries: a head that names slot, length and digest, and the slot's chunks.

    Two slots take turns and the head is written last, so a writer that is killed leaves the old value whole,
    and what it left in the other slot is overwritten next time.
    """

    def __init__(self, backend: KeyringBackend, key: str) -> None:
        self._backend = backend
        self._key = key

    def read(self) -> str | None:
        for _ in range(_READS):
            head = self._get("head")
            if head is None:
                return None
            slot, count, digest = _parsed(head)
            chunks = [self._get(f"{slot}{number}") for number in range(count)]
            value = "".join(chunk or "" for chunk in chunks)
            if None not in chunks and hashlib.sha256(value.encode()).hexdigest() == digest:
                return value
        raise Damaged

    def write(self, value: str | None) -> None:
        if value is None:  # reads no head: what is damaged must be removable
            self._drop("head")
            for slot in "ab":
                self._drop_chunks(slot, 0)
            return
        head = self._get("head")
        old = None if head is None else _parsed(head)[0]
        new = "b" if old == "a" else "a"
        count = -(-len(value) // CHUNK)
        for number in range(count):
            self._set(f"{new}{number}", value[number * CHUNK : (number + 1) * CHUNK])
        digest = hashlib.sha256(value.encode()).hexdigest()
        self._set("head", json.dumps({"slot": new, "count": count, "sha256": digest}))
        self._drop_chunks(new, count)
        self._drop_chunks("a" if new == "b" else "b", 0)

    def probe(self) -> None:
        """Set, get back and delete a canary as large as an entry gets; Damaged when it does not come back."""
        canary = f"canary-{secrets.token_hex(8)}"
        value = secrets.token_hex(CHUNK // 2)
        self._set(canary, value)
        if self._get(canary) != value:
            raise Damaged
        self._backend.delete_password(SERVICE, f"{self._key}/{canary}")
        if self._get(canary) is not None:
            raise Damaged

    def _get(self, entry: str) -> str | None:
        return self._backend.get_password(SERVICE, f"{self._key}/{entry}")

    def _set(self, entry: str, value: str) -> None:
        self._backend.set_password(SERVICE, f"{self._key}/{entry}", value)

    def _drop(self, entry: str) -> bool:
        if self._get(entry) is None:
            return False
        self._backend.delete_password(SERVICE, f"{self._key}/{entry}")
        return True

    def _drop_chunks(self, slot: str, first: int) -> None:
        while self._drop(f"{slot}{first}"):
            first += 1


def _parsed(head: str) -> tuple[str, int, str]:
    try:
        parts = json.loads(head)
        slot, count, digest = parts["slot"], parts["count"], parts["sha256"]
    except (ValueError, TypeError, KeyError):
        raise Damaged from None
    if slot not in {"a", "b"} or not isinstance(count, int) or not 0 < count < 1000:
        raise Damaged
    return slot, count, digest
