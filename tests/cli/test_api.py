"""bkendctl api: any endpoint from the terminal."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from bkendctl.__main__ import main
from bkendctl.contract.catalogue import operations

Run = Callable[..., tuple[int, str, str]]


@pytest.fixture
def run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Run:
    """Run a command line in a fresh home with a core and a signed-in user; gives status, stdout, stderr."""
    for name, value in {
        "HOME": str(tmp_path / "home"),
        "STORE": "file",
        "PASSWORD": "Corr3ct-horse!",
    }.items():
        monkeypatch.setenv(f"BKENDCTL_{name}", value)
    assert main(["init", "-q"]) == 0
    assert main(["signup", "alice@example.com", "--name", "Alice", "-q"]) == 0
    capsys.readouterr()

    def command(*arguments: str) -> tuple[int, str, str]:
        status = main(list(arguments))
        printed = capsys.readouterr()
        return status, printed.out, printed.err

    return command


def test_it_speaks_as_the_user_and_prints_the_body(run: Run) -> None:
    """GET /v1/auth/me answers the signed-in user."""
    status, out, _ = run("api", "GET", "/v1/auth/me", "-o", "json")
    assert (status, json.loads(out)["email"]) == (0, "alice@example.com")


def test_fields_make_a_body_and_all_pages_are_joined(run: Run) -> None:
    """-f sends text, -F JSON values; --paginate follows the pages to their end."""
    for name in ("bob", "eve", "joe"):
        made = run("api", "POST", "/v1/users", "--as", "key", "-f", f"name={name}", "-f",
                   f"email={name}@example.com", "-F", "emailVerified=true", "-o", "json")  # fmt: skip
        assert made[0] == 0
        assert json.loads(made[1])["emailVerified"] is not None
    status, out, _ = run(
        "api", "GET", "/v1/users?limit=1", "--as", "key", "--paginate", "--jq", ".items[].name"
    )
    assert (status, sorted(out.split())) == (0, ["Alice", "bob", "eve", "joe"])


def test_a_body_is_read_from_a_file(run: Run, tmp_path: Path) -> None:
    """--input FILE is the whole body."""
    body = tmp_path / "user.json"
    body.write_text('{"name": "Bob", "email": "bob@example.com"}')
    assert run("api", "POST", "/v1/users", "--as", "key", "--input", str(body))[0] == 0


def test_ls_lists_every_operation(run: Run) -> None:
    """Method, path and access of each."""
    status, out, _ = run("api", "ls", "-o", "json")
    assert status == 0
    assert {(row["method"], row["path"]) for row in json.loads(out)} == {
        (operation.method, operation.path) for operation in operations()
    }


def test_the_curl_line_holds_no_secret(run: Run) -> None:
    """Keys, tokens and passwords are masked; nothing is sent."""
    status, out, _ = run("api", "POST", "/v1/auth/password/change", "--curl",
                         "-f", "currentPassword=Corr3ct-horse!",
                         "-f", "newPassword=An0ther-horse!")  # fmt: skip
    assert status == 0
    assert out.startswith(
        "curl -X POST http://127.0.0.1:8787/v1/auth/password/change -H 'X-API-Key: pk_****'"
    )
    assert "horse" not in out
    assert run("api", "GET", "/v1/auth/me")[0] == 0


@pytest.mark.parametrize(
    ("arguments", "status", "code"),
    [
        (("GET", "/v1/nope"), 5, "common/not-found"),
        (("PUT", "/v1/auth/me"), 1, "common/method-not-allowed"),
        (("POST", "/v1/auth/refresh"), 10, "common/invalid-parameters"),
        (("GET", "/v1/users", "--as", "user"), 4, "user/forbidden"),
        (("FETCH", "/v1/users"), 2, "cli/usage"),
        (("GET", "users"), 2, "cli/usage"),
        (("POST", "/v1/users", "-f", "name"), 2, "cli/usage"),
        (("POST", "/v1/users", "--input", "/nowhere/at/all"), 1, "cli/file"),
    ],
)
def test_what_cannot_be_sent_is_refused_in_one_line(
    run: Run, arguments: tuple[str, ...], status: int, code: str
) -> None:
    """The documented exit status and code, and nothing on stdout."""
    refused, out, err = run("api", *arguments)
    assert (refused, out) == (status, "")
    assert f"[{code}]" in err.splitlines()[0]
