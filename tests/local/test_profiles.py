"""Profiles in config.toml."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from pathlib import Path
from subprocess import Popen

import pytest

from bkendctl.local.paths import Paths
from bkendctl.local.profiles import Profile, Profiles
from tests.local.conftest import mode, refused

LOCAL = Profile(
    "local", "embedded", database="sqlite:////data/bkendctl.db", project_id="p1", environment="dev"
)
REMOTE = Profile("work", "remote", url="https://auth.example.com")


def config(home: Paths, text: str) -> Path:
    """Write config.toml as a person would."""
    home.config_dir.mkdir(mode=0o700, exist_ok=True)
    home.config_file.write_bytes(text.encode())
    return home.config_file


def test_profiles_come_back_as_they_were_added(home: Paths) -> None:
    """What is added is there for the next command, the last one made current, in a file of mode 0600."""
    profiles = Profiles.load()
    assert (profiles.add(LOCAL), profiles.add(REMOTE, make_current=False)) == (LOCAL, REMOTE)
    again = Profiles.load()
    assert (list(again), again.current, len(again)) == ([LOCAL, REMOTE], "local", 2)
    assert "work" in again
    assert mode(home.config_file) == 0o600
    assert again.use("work") == REMOTE
    assert Profiles.load().current == "work"


def test_a_missing_config_is_no_profile(home: Paths) -> None:
    """Without any profile resolving says so and names init, and reading creates nothing."""
    failure = refused("cli/no-profile", Profiles.load().resolve)
    assert (failure.exit_status, failure.hint) == (3, "bkendctl init")
    assert not home.config_dir.exists()


def test_precedence(monkeypatch: pytest.MonkeyPatch) -> None:
    """Option beats BKENDCTL_URL beats BKENDCTL_PROFILE beats the current profile."""
    profiles = Profiles.load()
    for name in ("current", "variable", "option"):
        profiles.add(REMOTE._replace(name=name), make_current=name == "current")
    assert profiles.resolve().name == "current"
    monkeypatch.setenv("BKENDCTL_PROFILE", "variable")
    assert profiles.resolve().name == "variable"
    monkeypatch.setenv("BKENDCTL_URL", "http://127.0.0.1:8787/")
    assert profiles.resolve() == Profile("", "remote", url="http://127.0.0.1:8787", ephemeral=True)
    assert profiles.resolve("option").name == "option"
    monkeypatch.setenv("BKENDCTL_URL", "http://example.com")
    assert refused("cli/usage", profiles.resolve).message.startswith("BKENDCTL_URL: ")


def test_no_current_profile_among_several() -> None:
    """Removing the current profile leaves none current, and the hint says how to choose."""
    profiles = Profiles.load()
    profiles.add(LOCAL)
    profiles.add(REMOTE)
    assert profiles.remove("work") == REMOTE
    assert Profiles.load().current is None
    assert "profiles use" in refused("cli/no-profile", profiles.resolve).hint
    assert list(Profiles.load()) == [LOCAL]


def test_unknown_and_existing_names() -> None:
    """A name that is unknown gets the ones alike as a hint; a name that exists is not overwritten."""
    profiles = Profiles.load()
    profiles.add(REMOTE._replace(name="production"))
    for call in (profiles.get, profiles.use, profiles.remove, profiles.resolve):
        failure = refused("cli/profile-not-found", partial(call, "prodution"))
        assert (failure.hint, failure.exit_status) == ("did you mean production?", 5)
    assert refused("cli/profile-not-found", lambda: profiles.get("zzz")).hint == "bkendctl profiles list"
    other = REMOTE._replace(name="production", url="https://evil.example.com")
    assert refused("cli/profile-exists", lambda: profiles.add(other)).exit_status == 6
    assert Profiles.load().get("production").url == REMOTE.url


@pytest.mark.parametrize("name", ["", "a b", "a/b", "x" * 65, "ä", "a\n", "../a"])
def test_bad_names_are_refused(home: Paths, name: str) -> None:
    """A name is 1 to 64 of letters, digits, dots, dashes, underscores; nothing is written for another."""
    refused("cli/usage", lambda: Profiles.load().add(REMOTE._replace(name=name)))
    assert not home.config_file.exists()


@pytest.mark.parametrize("name", ["x" * 64, "a.b", "-", "007", "A_b-c.d"])
def test_odd_names_come_back(name: str) -> None:
    """Names that TOML must quote are stored and found."""
    Profiles.load().add(REMOTE._replace(name=name))
    assert Profiles.load().resolve().name == name


@pytest.mark.parametrize(
    "url",
    [
        "http://example.com",
        "http://127.0.0.1.evil.com",
        "http://127.1",
        "http://0.0.0.0:8787",
        "http://localhost@evil.com",
        "https://user:pass@example.com",
        "https://example.com?x=1",
        "https://example.com#",
        "https://example.com:99999",
        "https://",
        "https:evil.com",
        "//evil.com",
        "ftp://example.com",
        "https://ex ample.com",
        "https://example.com\n",
        "https://ok.com\\@evil.com",
        "https://exa\u2028mple.com",
        "https://[::1",
        "javascript:alert(1)",
    ],
)
def test_bad_server_urls_are_refused(url: str) -> None:
    """Tokens go nowhere but over https or to this machine; the message never quotes the URL."""
    failure = refused("cli/usage", lambda: Profiles.load().add(REMOTE._replace(url=url)))
    assert "pass" not in failure.message.replace("password", "")


@pytest.mark.parametrize(
    "url", ["https://a.b/base", "http://localhost:1", "http://127.8.9.1", "http://[::1]:8787", "HTTPS://A.b"]
)
def test_good_server_urls_are_kept_without_a_trailing_slash(url: str) -> None:
    """https anywhere and http to the loopback are accepted."""
    assert Profiles.load().add(REMOTE._replace(url=f"{url}/")).url == url


@pytest.mark.parametrize(
    "database",
    [
        "postgresql://u:pass@h/d",
        "postgresql://h/d?user=u&password=p",
        "postgresql://h/d?sslpass%77ord=p",
        "postgresql://u:p?ss@h/d",
        "postgresql://u:p/ss@h/d",
        "postgresql://u:p#ss@h/d",
        "postgresql://u:p@ss@h/d",
        "mysql://h",
    ],
)
def test_config_takes_no_secret(home: Paths, database: str) -> None:
    """A database URL with a password is refused: config.toml holds no secret."""
    refused("cli/usage", lambda: Profiles.load().add(LOCAL._replace(database=database)))
    assert not home.config_file.exists()


@pytest.mark.parametrize(
    "profile",
    [
        Profile("x", "remote"),
        Profile("x", "embedded"),
        Profile("x", "embedded", url="https://a.b"),
        Profile("x", "remote", url="https://a.b", database="sqlite:///x"),
    ],
)
def test_a_profile_is_one_of_two_kinds(profile: Profile) -> None:
    """A remote profile has a url, an embedded one a database, and none has both."""
    refused("cli/usage", lambda: Profiles.load().add(profile))


EDITED = """\
# My servers.
current = "a"   # the usual one

[profiles.a]
kind = "remote"
url = "https://a.example.com"  # east
colour = "green"

[profiles.b]
kind = "remote"
url = "https://b.example.com"

[future]
setting = [1, 2]
"""


def test_comments_and_unknown_keys_survive(home: Paths) -> None:
    """Adding, choosing and removing keep what people and newer versions wrote."""
    config(home, EDITED)
    profiles = Profiles.load()
    profiles.add(LOCAL)
    profiles.use("b")
    profiles.remove("local")
    profiles.use("a")
    assert home.config_file.read_text().split() == EDITED.split()


@pytest.mark.parametrize(
    "text",
    [
        "profiles = {b = {kind = 'remote', url = 'https://b.c'}}\r\n",
        "[profiles]\nb.kind = 'remote'\nb.url = 'https://b.c'\n",
        "[profiles.b]\nkind = 'remote'\nurl = 'https://b.c'\n[x]\n[profiles.c]\nkind = 'remote'\nurl = 'https://c.d'",
        "\ufeff[profiles.b]\nkind = 'remote'\nurl = 'https://b.c'",
    ],
)
def test_every_way_to_write_toml_can_be_changed(home: Paths, text: str) -> None:
    """Inline tables, dotted keys, tables out of order and a byte order mark take another profile."""
    config(home, text)
    before = list(Profiles.load())
    Profiles.load().add(REMOTE)
    after = Profiles.load()
    assert sorted(after) == sorted([*before, REMOTE])
    assert after.current == "work"
    after.remove("b")
    assert "b" not in Profiles.load()


def test_what_cannot_be_kept_is_not_written(home: Paths) -> None:
    """A document that the TOML writer would lose keys of is left as it is; the user is asked to edit it."""
    text = "profiles.b.kind = 'remote'\nprofiles.b.url = 'https://b.c'\n"
    path = config(home, text)
    assert "by hand" in refused("cli/config-damaged", lambda: Profiles.load().add(REMOTE)).message
    assert path.read_text() == text


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ('current = "a"\n[profiles.a\nkind = 1', "line 2, column 12"),
        ("current = 1", "current is a name"),
        ("profiles = 1", "profiles is a table"),
        ("[profiles]\na = 1", "a profile is a table"),
        ("[profiles.a]\nkind = 'new-kind'", "profiles.a: A profile is"),
        ("[profiles.a]\nkind = ['remote']\nurl = 'https://a.b'", "profiles.a: A profile is"),
        ("[profiles.a]\nkind = 'remote'\nurl = 1", "profiles.a: url"),
        ("[profiles.a]\nkind = 'remote'\nurl = 'http://a.b'", "profiles.a: Tokens travel"),
        ("[profiles.'a/b']\nkind = 'remote'\nurl = 'https://a.b'", "a profile is a table"),
        ("x = " + "[" * 5000, "column"),
        ("x = 1\nx = 2", "Cannot overwrite a value"),
    ],
)
def test_a_damaged_config_is_named_and_left_alone(home: Paths, text: str, reason: str) -> None:
    """What cannot be read fails with file and place, and stays byte-identical."""
    path = config(home, text)
    failure = refused("cli/config-damaged", Profiles.load)
    if "[[[" not in text:
        assert reason in failure.message
    assert failure.message.startswith(str(path))
    assert path.read_text() == text
    assert failure.exit_status == 1


def test_a_config_damaged_since_it_was_read_is_left_alone(home: Paths) -> None:
    """Changes read again under the lock, so damage that came in between is seen and kept."""
    profiles = Profiles.load()
    profiles.add(LOCAL)
    home.config_file.write_bytes(b"\xff\xfe")
    assert "UTF-8" in refused("cli/config-damaged", lambda: profiles.add(REMOTE)).message
    assert home.config_file.read_bytes() == b"\xff\xfe"


ADD = """
import sys
from bkendctl.local.profiles import Profile, Profiles
profiles = Profiles.load()
print("ready", flush=True)
sys.stdin.readline()
profiles.add(Profile(sys.argv[1], "remote", url="https://a.b"))
profiles.use(sys.argv[1])
"""


def test_concurrent_changes_lose_nothing(start: Callable[..., Popen[str]]) -> None:
    """Eight processes that all read an empty config add a profile each; all eight are there."""
    processes = [start(ADD, f"p{number}") for number in range(8)]
    for process in processes:
        assert process.stdout is not None
        assert process.stdout.readline() == "ready\n"
    assert [process.communicate("go\n")[1] for process in processes] == [""] * 8
    profiles = Profiles.load()
    assert {profile.name for profile in profiles} == {f"p{number}" for number in range(8)}
    assert profiles.current in profiles
