"""bkendctl templates: own texts of mails from files, stdin and an editor; previews and findings."""

from __future__ import annotations

from pathlib import Path

import pytest
from shell import Shell

OWN = '<p>Join {{resourceName}}: <a href="{{invitationLink}}">here</a></p>\n'


def test_a_text_is_taken_from_a_file_and_put_in_use(ready: Shell, tmp_path: Path) -> None:
    """get -q is a start for an own text; set says what is missing; then it goes out."""
    file = tmp_path / "own.html"
    file.write_text(ready.ok("templates", "get", "invitation", "-q").out + OWN)
    said = ready.ok(
        "templates", "set", "invitation", "--file", str(file), "--subject", "Join {{resourceName}}"
    )
    assert "templates settings set --override-defaults" in said.err
    ready.ok("templates", "settings", "set", "--override-defaults", "--sender-name", "Acme")
    (own,) = [each for each in ready.json("templates", "list")["items"] if each["isCustom"]]
    assert (own["category"], own["body"]) == ("invitation", file.read_text())
    project = ready.json("profiles", "show")["projectId"]
    ready.ok("invitations", "create", "bob@example.com", "--project", project, "--role", "member")
    mail = ready.json("mail", "list")["items"][0]
    assert mail["from"].startswith("Acme <")
    assert f"here ({mail['links'][0]})" in mail["text"]
    ready.ok("templates", "reset", "invitation", "--yes")
    assert not ready.json("templates", "get", "invitation")["isCustom"]


def test_a_text_comes_from_stdin(ready: Shell) -> None:
    """- reads it; what is no UTF-8 or not there is said."""
    ready.ok("templates", "set", "magic_link", "--file", "-", stdin='<a href="{{magicLink}}">Go</a>')
    assert "Go" in ready.json("templates", "get", "magic_link")["body"]
    ready.refused(1, "cli/file", "templates", "set", "magic_link", "--file", "/nowhere/x.html")
    ready.refused(5, "auth/template-not-found", "templates", "get", "nothing")
    ready.refused(2, "cli/usage", "templates", "set", "magic_link")


def test_a_text_is_edited(ready: Shell, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """$EDITOR gets subject and text; what is refused, or what the editor left when it failed, is kept."""
    editor = tmp_path / "editor"
    editor.write_text("#!/bin/sh\nsed -i 's/^Subject: .*/Subject: Edited/; s/Hello/Dear/' \"$1\"\n")
    editor.chmod(0o700)
    monkeypatch.setenv("EDITOR", str(editor))
    person = ready.terminal("templates", "set", "magic_link")
    assert person.end() == 0
    stored = ready.json("templates", "get", "magic_link")
    assert stored["subject"] == "Edited"
    assert "Dear {{userName}}" in stored["body"]
    editor.write_text("#!/bin/sh\necho '<script>' >> \"$1\"\n")
    person = ready.terminal("templates", "set", "magic_link")
    assert person.end() == 10
    said = "".join(person.seen.split())  # a long path is wrapped
    kept = Path(said[said.index("yourtextisin") + len("yourtextisin") :].partition(".html")[0] + ".html")
    assert "<script>" in kept.read_text()
    kept.unlink()
    editor.write_text("#!/bin/sh\nexit 3\n")
    person = ready.terminal("templates", "set", "magic_link")
    assert person.end() == 1
    assert "status 3" in person.seen


def test_a_preview_is_text_html_or_json(ready: Shell, tmp_path: Path) -> None:
    """With sample values and in a language; names that render empty are told of."""
    said = ready.ok("templates", "preview", "invitation", "--value", "inviterName=Bob\x1b[31m")
    assert "Bob\\x1b[31m invites you" in said.out or "invites you" in said.out
    assert "\x1b[31m" not in said.out
    html = tmp_path / "mail.html"
    ready.ok("templates", "preview", "magic_link", "--locale", "ja", "--html", str(html))
    assert html.read_text().startswith("<!doctype html>")
    assert 'lang="ja"' in html.read_text()
    file = tmp_path / "own.html"
    file.write_text("<p>{{nobody}}</p>")
    assert (
        "{{nobody}} renders empty" in ready.ok("templates", "preview", "magic_link", "--file", str(file)).err
    )
    assert ready.json("templates", "preview", "magic_link")["unknownVariables"] == []


@pytest.mark.parametrize(
    ("text", "finding"),
    [
        ("<p>no link</p>", "the link {{magicLink}} is missing"),
        ('<a href="{{magicLink}}">x</a>{{wrong}}', "{{wrong}} is no variable here"),
        ('<a href="javascript:x">x</a>', "must be an http, https or mailto address"),
    ],
)
def test_lint_finds_what_is_wrong(ready: Shell, tmp_path: Path, text: str, finding: str) -> None:
    """Exit 1 and a row each; the built-in texts have none."""
    file = tmp_path / "own.html"
    file.write_text(text)
    said = ready("templates", "lint", "magic_link", "--file", str(file))
    assert said.status == 1
    assert finding in said.out
    assert ready.ok("templates", "lint", "-o", "json").out.strip() == "[]"
