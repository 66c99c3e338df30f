"""Credentials, and the store that keeps them in a file or in memory."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from bkendctl.local.credentials import Credentials, CredentialStore, from_environment
from bkendctl.local.paths import Paths
from tests.local.conftest import mode, refused, silent

FULL = Credentials(
    publishable_key="pk_canary",
    secret_key="sk_canary",
    access_token="at_canary",
    refresh_token="rt_canary",
    expires_at=1234.5,
    user_id="u1",
    email="canary@example.com",
    idempotency_key="ik_canary",
    totp_secret="totp_canary",
    extra={"device": "dv_canary"},
)


def test_repr_shows_no_secret() -> None:
    """The repr names the fields that are set and none of their values."""
    assert "canary" not in f"{FULL!r} {FULL} {[FULL]}"
    assert repr(Credentials(access_token="x", expires_at=1.0)) == "Credentials(access_token, expires_at)"


def test_credentials_are_immutable() -> None:
    """Fields cannot be set or deleted, unknown ones cannot be invented, and a copy leaves the original."""
    with pytest.raises(AttributeError):
        FULL.access_token = "x"
    with pytest.raises(AttributeError):
        del FULL.access_token
    with pytest.raises(TypeError):
        FULL.replace(acess_token="x")
    assert FULL.replace(access_token=None).access_token is None
    assert FULL.access_token == "at_canary"
    assert (bool(FULL), bool(Credentials())) == (True, False)


def test_signing_out_keeps_keys_and_drops_the_user() -> None:
    """What belongs to the session goes; keys, a kept TOTP secret and unknown fields stay."""
    expected = {"publishable_key", "secret_key", "totp_secret", "device"}
    assert set(FULL.signed_out().to_builtins()) == expected


def test_what_is_saved_comes_back(store: CredentialStore, home: Paths) -> None:
    """All fields, unknown ones included, are there for the next store on the same folder, per profile."""
    with store.locked("a") as held:
        assert held.credentials == Credentials()
        held.save(FULL)
        assert held.credentials == FULL
    store.update("b", secret_key="sk_b", expires_at=7)
    again = CredentialStore.open(home, silent)
    assert (again.load("a"), again.load("b").secret_key) == (FULL, "sk_b")
    assert again.load("c") == Credentials()
    again.forget("a")
    again.forget("never-there")
    assert store.load("a") == Credentials()
    assert store.load("b").expires_at == 7


def test_update_clears_with_none(store: CredentialStore) -> None:
    """None removes a field; an unknown name is an error of the caller and changes nothing."""
    store.update("a", access_token="x", email="e")
    assert store.update("a", access_token=None) == Credentials(email="e")
    with pytest.raises(TypeError):
        store.update("a", token="x")
    assert store.load("a") == Credentials(email="e")


def test_the_nameless_profile_holds_nothing(store: CredentialStore) -> None:
    """For BKENDCTL_URL nothing is loaded and nothing can be stored."""
    assert store.load("") == Credentials()
    refused("cli/usage", lambda: store.update("", access_token="x"))
    refused("cli/usage", lambda: store.load("../a"))
    refused("cli/usage", lambda: store.forget("a/b"))


def test_saving_after_the_lock_is_gone_is_refused(store: CredentialStore) -> None:
    """A holder that kept its object cannot save outside the lock."""
    with store.locked("a") as held:
        pass
    with pytest.raises(RuntimeError):
        held.save(FULL)
    assert store.load("a") == Credentials()


def test_the_memory_store_leaves_no_trace(home: Paths, monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing is created on disk, and two folders do not share a memory."""
    monkeypatch.setenv("BKENDCTL_STORE", "memory")
    store = CredentialStore.open(home, silent)
    store.update("a", access_token="x")
    assert (store.name, home.data_dir.exists()) == ("memory", False)
    other = Paths(home.config_dir / "other", home.data_dir / "other")
    assert CredentialStore.open(other, silent).load("a") == Credentials()


def test_an_unknown_store_is_a_usage_error(home: Paths, monkeypatch: pytest.MonkeyPatch) -> None:
    """BKENDCTL_STORE takes three values."""
    monkeypatch.setenv("BKENDCTL_STORE", "cloud")
    assert refused("cli/usage", lambda: CredentialStore.open(home, silent)).exit_status == 2


def test_files_are_private(files: CredentialStore, home: Paths) -> None:
    """Credentials and locks are 0600 in a folder of 0700, and nothing else is left."""
    files.update("a", access_token="x")
    found = {str(path.relative_to(home.data_dir)): mode(path) for path in home.data_dir.rglob("*")}
    assert found == {
        "credentials.json": 0o600,
        "credentials.lock": 0o600,
        "credentials.a.lock": 0o600,
    }
    assert mode(home.data_dir) == 0o700
    assert files.name == f"file ({home.credentials_file})"


def test_unknown_fields_of_the_file_survive(files: CredentialStore, home: Paths) -> None:
    """What a newer version wrote, beside and within profiles, is kept by a change."""
    home.data_dir.mkdir(mode=0o700)
    content = {"version": 1, "theme": "dark", "profiles": {"a": {"device": {"x": 1}}, "b": {"email": "e"}}}
    home.credentials_file.write_text(json.dumps(content))
    home.credentials_file.chmod(0o600)
    files.update("a", email="f")
    content["profiles"]["a"]["email"] = "f"  # type: ignore[index]
    assert json.loads(home.credentials_file.read_text()) == content


DAMAGED = [
    b"",
    b"{",
    b"\xff\xfe\x00",
    b"[]",
    b"null",
    b'{"version": 1}',
    b'{"version": 1, "profiles": []}',
    b'{"version": 2, "profiles": {}}',
    b'{"profiles": {}}',
    b'{"version": 1, "profiles": {"a": 1}}',
    b'{"version": 1, "profiles": {"a": {"access_token": 7}}}',
    b'{"version": 1, "profiles": {"a": {"expires_at": true}}}',
    b'{"version": 1, "profiles": {"a": {"expires_at": NaN}}}',
    b'{"version": 1, "profiles": {"a": {"expires_at": 1e999}}}',
    b'{"version": 1, "profiles": {"a": {"access_token": "canary',
    b"[" * 100_000,
]


@pytest.mark.parametrize("data", DAMAGED, ids=range(len(DAMAGED)))
def test_a_damaged_file_is_never_taken_for_empty(files: CredentialStore, home: Paths, data: bytes) -> None:
    """Loading and updating fail with the path, quote nothing, and leave every byte."""
    home.data_dir.mkdir(mode=0o700)
    home.credentials_file.write_bytes(data)
    home.credentials_file.chmod(0o600)
    for call in (lambda: files.load("a"), lambda: files.update("a", email="e")):
        failure = refused("cli/store-damaged", call)
        assert str(home.credentials_file) in failure.message
        assert "canary" not in failure.message
    assert home.credentials_file.read_bytes() == data


def test_a_profile_that_cannot_be_read_can_be_forgotten(files: CredentialStore, home: Paths) -> None:
    """Forgetting drops one unreadable profile and keeps the others, but a damaged file stays as it is."""
    home.data_dir.mkdir(mode=0o700)
    home.credentials_file.write_text('{"version": 1, "profiles": {"a": {"email": 7}, "b": {"email": "e"}}}')
    home.credentials_file.chmod(0o600)
    files.forget("a")
    assert (files.load("a"), files.load("b").email) == (Credentials(), "e")
    home.credentials_file.write_text("{")
    refused("cli/store-damaged", lambda: files.forget("a"))
    assert home.credentials_file.read_text() == "{"


def test_every_truncation_is_noticed(files: CredentialStore, home: Paths) -> None:
    """A file cut off anywhere is damaged, never shorter."""
    files.update("a", access_token="x", refresh_token="y")
    whole = home.credentials_file.read_bytes()
    for length in range(len(whole)):
        home.credentials_file.write_bytes(whole[:length])
        refused("cli/store-damaged", lambda: files.load("a"))


@pytest.mark.parametrize("name", ["credentials_file", "credentials_lock", "data_dir"])
def test_symlinks_are_refused(files: CredentialStore, home: Paths, tmp_path: Path, name: str) -> None:
    """A credentials file, lock or folder that is a symlink is refused, and what it points to stays."""
    target = tmp_path / "target"
    path: Path = getattr(home, name)
    if path == home.data_dir:
        target.mkdir(mode=0o755)
    else:
        target.write_bytes(b"theirs")
        home.data_dir.mkdir(mode=0o700)
    path.symlink_to(target)
    refused("cli/unsafe-file", lambda: files.update("a", access_token="x"))
    assert list(target.iterdir()) == [] if target.is_dir() else target.read_bytes() == b"theirs"


def test_a_0644_file_is_repaired_with_one_warning(home: Paths, monkeypatch: pytest.MonkeyPatch) -> None:
    """Credentials that others could read are narrowed, which is told through warn."""
    monkeypatch.setenv("BKENDCTL_STORE", "file")
    told: list[str] = []
    store = CredentialStore.open(home, told.append)
    store.update("a", access_token="x")
    home.credentials_file.chmod(0o644)
    assert store.load("a").access_token == "x"
    assert (len(told), mode(home.credentials_file)) == (1, 0o600)
    assert str(home.credentials_file) in told[0]


def test_a_home_that_cannot_be_made_is_one_line(home: Paths, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where nothing can be written, loading finds nothing to load and saving fails with path and reason."""
    monkeypatch.setenv("BKENDCTL_STORE", "file")
    home.data_dir.write_bytes(b"a file is in the way")
    store = CredentialStore.open(home, silent)
    assert "Not a directory" in refused("cli/file", lambda: store.update("a", access_token="x")).message


def test_credentials_of_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    """BKENDCTL_API_KEY is told apart by its prefix; another one is refused without being quoted."""
    assert from_environment() == Credentials()
    monkeypatch.setenv("BKENDCTL_ACCESS_TOKEN", "t")
    monkeypatch.setenv("BKENDCTL_API_KEY", "sk_1")
    assert from_environment() == Credentials(secret_key="sk_1", access_token="t")
    monkeypatch.setenv("BKENDCTL_API_KEY", "pk_1")
    assert from_environment() == Credentials(publishable_key="pk_1", access_token="t")
    monkeypatch.setenv("BKENDCTL_API_KEY", "canary")
    assert "canary" not in refused("cli/usage", from_environment).message
