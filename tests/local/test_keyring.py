"""Credentials in a keyring, as foreign backends keep, lock, lose or hang on them."""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from bkendctl.local import keyring_vault
from bkendctl.local.credentials import Credentials, CredentialStore
from bkendctl.local.paths import Paths
from tests.local.conftest import mode, refused
from tests.local.test_credentials import FULL

LONG = FULL.replace(access_token="a" * 1500, refresh_token="r" * 3000)


def entries(ring_file: Path) -> dict[str, str]:
    """Return what the keyring holds."""
    held: dict[str, str] = json.loads(ring_file.read_text())
    return held


def test_a_working_keyring_is_chosen_and_nothing_secret_touches_the_disk(
    home: Paths, ring: Callable[[str], Path], told: list[str]
) -> None:
    """Tokens longer than an entry may be go to the keyring, come back whole, and leave when forgotten."""
    ring_file = ring("Working")
    store = CredentialStore.open(home, told.append)
    assert (store.name, told, entries(ring_file)) == ("keyring (Working)", [], {})
    store.update(
        "a", **{name: getattr(LONG, name) for name in ("access_token", "refresh_token", "expires_at")}
    )
    with store.locked("a") as held:
        held.save(LONG)
    again = CredentialStore.open(home, told.append)
    assert again.load("a") == LONG
    again.update("a", access_token=None, refresh_token=None)
    assert again.load("a") == LONG.replace(access_token=None, refresh_token=None)
    assert len(entries(ring_file)) == 2, "chunks of the longer value are gone"
    assert all(key.startswith("bkendctl|") for key in entries(ring_file))
    assert not home.credentials_file.exists()
    assert all(b"canary" not in path.read_bytes() for path in home.data_dir.iterdir())
    assert mode(home.store_file) == 0o600
    again.forget("a")
    assert entries(ring_file) == {}
    assert again.load("a") == Credentials()


def test_homes_and_profiles_do_not_mix(
    home: Paths, ring: Callable[[str], Path], told: list[str], tmp_path: Path
) -> None:
    """Two folders keep apart in one keyring, even when one is a copy of the other; profiles too."""
    ring("Working")
    store = CredentialStore.open(home, told.append)
    store.update("a", email="first")
    assert store.load("b") == Credentials()
    other = Paths(tmp_path / "other", tmp_path / "other")
    assert CredentialStore.open(other, told.append).load("a") == Credentials()
    copy = Paths(tmp_path / "copy", tmp_path / "copy")
    copy.data_dir.mkdir(mode=0o700)
    copy.store_file.write_bytes(home.store_file.read_bytes())
    copy.store_file.chmod(0o600)
    second = CredentialStore.open(copy, told.append)
    assert second.load("a") == Credentials()
    second.update("a", email="second")
    assert store.load("a").email == "first"
    assert told == []


@pytest.fixture
def hurried(monkeypatch: pytest.MonkeyPatch) -> None:
    """A keyring is given 1 s to answer instead of 3."""
    monkeypatch.setattr(keyring_vault, "ANSWER_SECONDS", 1)


@pytest.mark.usefixtures("hurried")
@pytest.mark.parametrize(
    ("backend", "reason"),
    [
        ("keyring.backends.fail.Keyring", "there is none"),
        ("keyring.backends.null.Keyring", "there is none"),
        ("keyring.backends.chainer.ChainerBackend", "there is none"),
        ("PlaintextKeyring", "there is none"),
        ("Locked", "it is locked"),
        ("Forgetful", "it did not give back"),
        ("Refusing", "it failed (ZeroDivisionError)"),
        ("Hanging", "it did not answer within 1 s"),
        ("no.such.Module", "it failed (ModuleNotFoundError)"),
    ],
)
def test_without_a_working_keyring_the_file_is_chosen_with_one_warning(
    home: Paths, ring: Callable[[str], Path], told: list[str], backend: str, reason: str
) -> None:
    """Absent, locked, hanging or forgetful: one warning before anything secret is written, then the file."""
    ring(backend)
    began = time.monotonic()
    store = CredentialStore.open(home, told.append)
    assert time.monotonic() - began < 5
    assert [reason in message for message in told] == [True]
    assert str(home.credentials_file) in told[0]
    assert "canary" not in told[0]
    assert not home.credentials_file.exists()
    store.update("a", access_token="x")
    again = CredentialStore.open(home, told.append)
    assert (again.load("a").access_token, len(told)) == ("x", 1)
    assert again.name.startswith("file (")


def test_a_choice_for_the_file_stays_and_is_not_asked_again(
    home: Paths, ring: Callable[[str], Path], told: list[str]
) -> None:
    """After one fallback no later command asks the keyring, not even one that would hang, or works again."""
    ring("Locked")
    CredentialStore.open(home, told.append).update("a", email="e")
    for backend in ("Hanging", "Working"):
        ring(backend)
        began = time.monotonic()
        assert CredentialStore.open(home, told.append).load("a").email == "e"
        assert time.monotonic() - began < 1
    assert len(told) == 1


@pytest.mark.usefixtures("hurried")
@pytest.mark.parametrize(
    ("backend", "reason"),
    [
        ("Locked", "it is locked"),
        ("Hanging", "within 1 s"),
        ("Refusing", "ZeroDivisionError"),
        ("keyring.backends.fail.Keyring", "is fail now"),
        ("keyring.backends.null.Keyring", "is null now"),
        ("Other", "is Other now"),
    ],
)
def test_a_keyring_that_is_gone_is_an_error_and_not_an_empty_store(
    home: Paths,
    ring: Callable[[str], Path],
    told: list[str],
    monkeypatch: pytest.MonkeyPatch,
    backend: str,
    reason: str,
) -> None:
    """What was a keyring yesterday and does not answer today fails, names it, and demotes nothing."""
    ring_file = ring("Moody")
    monkeypatch.setenv("MOOD", "Working")
    CredentialStore.open(home, told.append).update("a", email="e")
    before = ring_file.read_bytes()
    if backend in {"Locked", "Hanging", "Refusing"}:
        monkeypatch.setenv("MOOD", backend)
    else:
        ring(backend)
    store = CredentialStore.open(home, told.append)
    for call in (lambda: store.load("a"), lambda: store.forget("a")):
        failure = refused("cli/store-unavailable", call)
        assert reason in failure.message
        assert "canary" not in failure.message
        assert "BKENDCTL_STORE=file" in failure.hint
    assert (ring_file.read_bytes(), home.credentials_file.exists(), told) == (before, False, [])
    ring("Moody")
    monkeypatch.setenv("MOOD", "Working")
    assert CredentialStore.open(home, told.append).load("a").email == "e"


def test_a_keyring_asked_for_by_name_must_work(
    home: Paths, ring: Callable[[str], Path], told: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """BKENDCTL_STORE=keyring never falls back, and remembers nothing when it fails."""
    monkeypatch.setenv("BKENDCTL_STORE", "keyring")
    ring("Locked")
    failure = refused("cli/store-unavailable", lambda: CredentialStore.open(home, told.append))
    assert "it is locked" in failure.message
    assert (home.store_file.exists(), told) == (False, [])


def test_a_keyring_asked_for_by_name_does_not_hide_the_file(
    home: Paths, ring: Callable[[str], Path], told: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """With credentials in the file, BKENDCTL_STORE=keyring holds for its command only."""
    ring("Working")
    monkeypatch.setenv("BKENDCTL_STORE", "file")
    CredentialStore.open(home, told.append).update("a", email="file")
    monkeypatch.setenv("BKENDCTL_STORE", "keyring")
    CredentialStore.open(home, told.append).update("a", email="keyring")
    monkeypatch.delenv("BKENDCTL_STORE")
    assert CredentialStore.open(home, told.append).load("a").email == "file"
    monkeypatch.setenv("BKENDCTL_STORE", "keyring")
    assert CredentialStore.open(home, told.append).load("a").email == "keyring"


def test_the_file_asked_for_by_name_does_not_forget_the_keyring(
    home: Paths, ring: Callable[[str], Path], told: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """BKENDCTL_STORE=file gets by for a command without the keyring; afterwards the keyring is back."""
    ring("Working")
    CredentialStore.open(home, told.append).update("a", email="keyring")
    monkeypatch.setenv("BKENDCTL_STORE", "file")
    store = CredentialStore.open(home, told.append)
    assert store.load("a") == Credentials()
    store.update("a", email="file")
    monkeypatch.delenv("BKENDCTL_STORE")
    assert CredentialStore.open(home, told.append).load("a").email == "keyring"


@pytest.mark.parametrize(
    "data", [b"", b"{}", b"[]", b'{"store": "cloud", "id": "1", "backend": ""}', b"\xff"]
)
def test_a_damaged_choice_is_not_guessed(home: Paths, told: list[str], data: bytes) -> None:
    """When store.json cannot be read, no store is chosen, and it stays as it is."""
    home.data_dir.mkdir(mode=0o700)
    home.store_file.write_bytes(data)
    home.store_file.chmod(0o600)
    failure = refused("cli/store-damaged", lambda: CredentialStore.open(home, told.append))
    assert str(home.store_file) in failure.message
    assert home.store_file.read_bytes() == data


def test_lost_or_changed_entries_are_damage(
    home: Paths, ring: Callable[[str], Path], told: list[str]
) -> None:
    """A chunk that is missing or altered is never taken for empty or shorter; forgetting still works."""
    ring_file = ring("Working")
    store = CredentialStore.open(home, told.append)
    with store.locked("a") as held:
        held.save(LONG)
    whole = entries(ring_file)
    assert len(whole) > 4
    for key in [*whole][::2]:
        for changed in (
            {k: v for k, v in whole.items() if k != key},
            {**whole, key: whole[key][:-1] + "~"},
        ):
            if key.endswith("/head") and key not in changed:
                continue
            ring_file.write_text(json.dumps(changed))
            refused("cli/store-damaged", lambda: store.load("a"))
            refused("cli/store-damaged", lambda: store.update("a", email="e"))
            assert entries(ring_file) == changed
    store.forget("a")
    assert store.load("a") == Credentials()


def test_a_writer_that_dies_leaves_the_old_value_whole(
    home: Paths, ring: Callable[[str], Path], told: list[str]
) -> None:
    """Death between the chunks and the head keeps the old credentials; the next save cleans up."""
    ring_file = ring("Working")
    CredentialStore.open(home, told.append).update("a", email="old")
    home.store_file.write_text(home.store_file.read_text().replace("Working", "DyingAtHead"))
    ring("DyingAtHead")
    store = CredentialStore.open(home, told.append)
    refused("cli/store-unavailable", lambda: store.update("a", access_token="n" * 2500))
    assert store.load("a").email == "old"
    assert len(entries(ring_file)) > 3
    home.store_file.write_text(home.store_file.read_text().replace("DyingAtHead", "Working"))
    ring("Working")
    again = CredentialStore.open(home, told.append)
    again.update("a", user_id="u")
    assert (again.load("a").email, len(entries(ring_file))) == ("old", 2)


def test_a_noisy_backend_does_not_garble_the_answer(
    home: Paths, ring: Callable[[str], Path], told: list[str]
) -> None:
    """What a backend prints is no answer, and a thread it leaves behind keeps nobody waiting."""
    ring("Chatty")
    began = time.monotonic()
    store = CredentialStore.open(home, told.append)
    store.update("a", email="e")
    assert (store.load("a").email, store.name, told) == ("e", "keyring (Chatty)", [])
    assert time.monotonic() - began < 3
