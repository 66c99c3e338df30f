"""bkendctl config: export, diff, apply, and what a file may hold."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from shell import Shell

from bkendctl.cli import config_text
from bkendctl.cli.config_file import parse
from bkendctl.contract.errors import Failure
from tests.http_server import HttpServer


@pytest.fixture
def file(alice: Shell, tmp_path: Path) -> Path:
    """What is live, exported."""
    path = tmp_path / "bkend.yaml"
    alice.ok("config", "export", "--file", str(path))
    return path


def change(file: Path, *pairs: tuple[str, str]) -> None:
    """Edit a file as a person does."""
    text = file.read_text()
    for old, new in pairs:
        assert old in text
        text = text.replace(old, new)
    file.write_text(text)


TEXTS = "templates:\n  magic_link:\n    subject: Come in\n    body: <p>{{magicLink}}</p>"


def test_export_edit_diff_apply(alice: Shell, file: Path) -> None:
    """What was exported differs in nothing; what is edited is shown, applied, and then live."""
    assert alice.ok("config", "diff", str(file), "--check").out == ""
    change(
        file,
        ("minLength: 8", "minLength: 12"),
        ("loginSource:\n      limit: 400", "loginSource:\n      limit: 9"),
    )
    shown = alice.ok("config", "diff", str(file)).out
    assert (
        shown
        == "~ email.passwordPolicy.minLength: 8 -> 12\n~ sessions.rateLimits.loginSource.limit: 400 -> 9\n"
    )
    assert alice("config", "diff", str(file), "--check").status == 1
    assert alice.ok("config", "apply", str(file), "--dry-run").out == shown
    assert alice("config", "apply", str(file)).status == 2  # nobody to ask
    assert alice.ok("config", "apply", str(file), "--yes").out == shown
    assert alice.json("config", "apply", str(file), "--yes") == {"applied": False, "changes": []}
    assert alice.json("providers", "email", "get")["passwordPolicy"]["minLength"] == 12


def test_what_lowers_protection_is_refused_without_a_question(alice: Shell, file: Path) -> None:
    """It is marked in the plan, and told by line and column; --allow-weaken lets it through."""
    change(file, ("accessTokenSeconds: 3600", "accessTokenSeconds: 7200"))
    assert "3600 -> 7200  lowers protection" in alice.ok("config", "diff", str(file)).out
    alice.refused(6, "config/weakening-refused", "config", "apply", str(file), "--yes")
    told = alice("config", "apply", str(file), "--yes").err
    assert f"{file}:37:23 sessions.accessTokenSeconds: lowers protection" in told
    assert alice.json("config", "apply", str(file), "--yes", "--allow-weaken")["applied"] is True


def test_export_over_a_file_keeps_comments_and_what_it_leaves_out(alice: Shell, tmp_path: Path) -> None:
    """Only values change, in their places; env:NAME stays, fixtures stay."""
    file = tmp_path / "mine.yaml"
    text = (
        "version: 1  # of the format\n"
        "email:\n  # long enough for us\n  passwordPolicy: {minLength: 10, requireNumbers: true}\n"
        "  allowedCallbackUrls:\n    - https://a.test  # the shop\n    - https://b.test\n\n"
        "sessions:\n  sessionAbsoluteDays:\n"
        "seed:\n  users: []\n"
    )
    file.write_text(text)
    alice.ok("settings", "sessions", "set", "--session-absolute-days", "30")
    alice.ok("config", "export", "--file", str(file))
    expected = text.replace("minLength: 10", "minLength: 8").replace(
        "sessionAbsoluteDays:", "sessionAbsoluteDays: 30"
    )
    assert file.read_text() == expected.replace("- https://a.test  # the shop\n    - https://b.test", "[]")
    assert alice.ok("config", "diff", str(file), "--check").out == ""


def test_secrets_come_from_the_environment(
    alice: Shell, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A missing variable is named with its place; values are never shown; a bare one is warned of."""
    file = tmp_path / "bkend.yaml"
    file.write_text(
        "version: 1\noauth:\n  github:\n    clientId: Ov23\n    clientSecret: env:GITHUB_SECRET\n"
        "    redirectUri: https://api.test/cb\n    scopes: [user:email]\n    enabled: true\n"
    )
    told = alice("config", "diff", str(file)).err
    assert f"{file}:5:19 oauth.github.clientSecret: the environment variable GITHUB_SECRET is not set" in told
    monkeypatch.setenv("GITHUB_SECRET", "geheim-42")
    result = alice.ok("config", "apply", str(file), "--yes")
    assert '"clientSecret":"***"' in result.out
    assert "geheim-42" not in result.out + result.err + alice.ok("config", "export").out
    assert alice.ok("config", "diff", str(file), "--check").out == ""
    change(file, ("env:GITHUB_SECRET", "geheim-42"))
    assert "clientSecret: a secret stands in the file" in alice.ok("config", "diff", str(file)).err


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("", "f.yaml: is no mapping"),
        ("- 1", "f.yaml:1:1: is no mapping"),
        ("version: 1\nversion: 1", "f.yaml:2:1: version stands here a second time"),
        ("version: 1\nemail: &a {enabled: true}", "f.yaml:2:8: anchors and aliases"),
        ("a: &a [x]\nb: [*a, *a]", "f.yaml:1:4: anchors and aliases"),
        ("version: !!python/object:os.system 1", "f.yaml:1:10: tags"),
        ("version: 1\nemail: {enabled: [}", "f.yaml:2:19: "),
        ("version: 1\nemial: {}", "f.yaml:2:8 emial: is not known; did you mean email?"),
        (
            "seed: {users: [{id: x, emial: y}]}",
            "f.yaml:1:31 seed.users.0.emial: is not known; did you mean email?",
        ),
        ("x: " + "[" * 40 + "]" * 40, "is nested too deeply"),
        ("? [a]\n: 1", "f.yaml:1:3: is no name"),
        ("version: 1\n\tx: 1", "f.yaml:2:1: "),
    ],
)
def test_only_plain_yaml_is_taken(text: str, told: str) -> None:
    """No tags, anchors or repeated names, and no name that means nothing; each told by line and column."""
    with pytest.raises(Failure) as caught:
        parse(text, "f.yaml")
    assert caught.value.code == "cli/config-file"
    lines = [f"{place}: {why[0]}" for place, why in (caught.value.details or {}).items()]
    assert told in "\n".join(lines)


def test_values_are_those_of_yaml_1_2() -> None:
    """no and on are texts, dates are texts, quoted numbers are texts."""
    read = parse("project: {name: no, description: 2026-01-01, issuer: '1'}\nversion: 1", "f").values
    assert read == {"project": {"name": "no", "description": "2026-01-01", "issuer": "1"}, "version": 1}


def test_faults_of_the_api_are_told_by_line_and_column(alice: Shell, file: Path) -> None:
    """A bound of the contract, a contradiction found in the core, a file that is none."""
    change(file, ("minLength: 8", "minLength: 3"))
    alice.refused(10, "common/invalid-parameters", "config", "apply", str(file), "--yes")
    told = alice("config", "apply", str(file), "--yes").err
    assert f"{file}:19:16 email.passwordPolicy.minLength: must be" in told
    change(file, ("minLength: 3", "minLength: 20"), ("maxLength: 128", "maxLength: 19"))
    told = alice("config", "diff", str(file)).err
    assert f"{file}:19:16 email.passwordPolicy.minLength: must not be above maxLength" in told
    alice.refused(1, "cli/file", "config", "diff", str(file.with_name("none.yaml")))
    file.write_bytes(b"\xff\xfe")
    alice.refused(10, "cli/config-file", "config", "diff", str(file))
    file.write_text("#" * 1_048_577)
    alice.refused(10, "cli/config-file", "config", "diff", str(file))


def test_every_fault_of_a_file_is_told_at_once(alice: Shell, tmp_path: Path) -> None:
    """However deep, each by its own line and column; names are of the place they stand in."""
    file = tmp_path / "bad.yaml"
    file.write_text(
        "version: 1\n"
        "email:\n  passwordPolicy: {minLength: 3, maxLength: many}\n  lockout: {maxFailures: 0}\n"
        "templates:\n  magic_link: {subject: Hello}\n  nobody: {subject: Hello, body: x}\n"
        "seed:\n  users:\n  - {id: 00000000-0000-4000-8000-000000000001, email: a@example.com}\n"
        "  - {id: '2', email: nobody, accounts: [{provider: myspace, providerAccountId: x}]}\n"
    )
    refused = alice("config", "diff", str(file), "-o", "json")
    assert refused.status == 10
    assert {where.removeprefix(str(file)) for where in refused.error["details"]} == {
        ":3:31 email.passwordPolicy.minLength",
        ":3:45 email.passwordPolicy.maxLength",
        ":4:26 email.lockout.maxFailures",
        ":6:15 templates.magic_link.body",
        ":6:3 templates",
        ":11:10 seed.users.1.id",
        ":11:22 seed.users.1.email",
        ":11:52 seed.users.1.accounts.0.provider",
    }
    file.write_text("version: 1\ntemplates:\n  magic_link: {subject: Hello, boddy: x}\n")
    told = alice("config", "diff", str(file)).err
    assert f"{file}:3:39 templates.magic_link.boddy: is not known; did you mean body?" in told


def test_a_server_is_configured_by_the_same_file(
    alice: Shell, served: HttpServer, file: Path, tmp_path: Path
) -> None:
    """Export, plan, refusal, apply and the way back through /v1/config, told as by an embedded core."""
    secret = str(alice.credentials["secret_key"])
    before = file.read_text()
    alice.set(URL=served.url, API_KEY=secret)
    there = tmp_path / "there.yaml"
    alice.ok("config", "export", "--file", str(there))
    assert there.read_text() == before
    change(there, ("minLength: 8", "minLength: 12"), ("templates: {}", TEXTS))
    shown = "~ email.passwordPolicy.minLength: 8 -> 12\n"
    planned = alice("config", "diff", str(there), "--check")
    assert (planned.status, planned.out.startswith(shown)) == (1, True)
    assert "templates.magic_link" in planned.out
    assert alice.ok("config", "apply", str(there), "--yes").out == planned.out
    assert alice.ok("config", "diff", str(there), "--check").out == ""
    assert "<p>{{magicLink}}</p>" in alice.ok("config", "export").out
    weaker = alice("config", "apply", str(file), "--yes")
    assert weaker.status == 6
    assert f"{file}:19:16 email.passwordPolicy.minLength: lowers protection" in weaker.err
    there.write_text(
        before.replace("minLength: 8", "minLength: 3").replace("maxFailures: 5", "maxFailures: 0")
    )
    refused = alice("config", "apply", str(there), "--yes", "-o", "json")
    assert (refused.status, refused.error["code"]) == (10, "common/invalid-parameters")
    assert {where.split()[1] for where in refused.error["details"]} == {
        "email.passwordPolicy.minLength",
        "email.lockout.maxFailures",
    }
    narrow = alice.ok("keys", "create", "--type", "secret", "--name", "r", "--scope", "config:read", "-q")
    alice.set(API_KEY=narrow.out.strip())
    alice.refused(4, "data/scope-insufficient", "config", "apply", str(file), "--allow-weaken", "--yes")
    alice.set(API_KEY=secret)
    file.write_text(before.replace("templates: {}", "templates: {magic_link: null}"))
    alice.ok("config", "apply", str(file), "--allow-weaken", "--yes")
    assert alice.ok("config", "export").out == before
    file.write_text(before)
    assert alice.json("config", "apply", str(file), "--yes") == {"applied": False, "changes": []}
    actions = [event["action"] for event in alice.json("audit", "list", "--action", "config.apply")["items"]]
    assert actions.count("config.apply") >= 2


def test_the_published_schema_is_fresh(alice: Shell) -> None:
    """Write it anew: bkendctl config schema > docs/config.schema.json."""
    written = json.loads(alice.ok("config", "schema").out)
    assert written == config_text.schema()
    published = Path(__file__).parents[2] / "docs/config.schema.json"
    assert json.loads(published.read_text()) == written
    secret = written["$defs"]["OAuthInput"]["properties"]["clientSecret"]
    assert secret["anyOf"][0]["pattern"].startswith("^env:")
