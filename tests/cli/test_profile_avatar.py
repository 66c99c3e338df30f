"""bkendctl profile avatar: send a picture, get it, remove it."""

from __future__ import annotations

from io import BytesIO, StringIO
from pathlib import Path

import pytest
from PIL import Image
from shell import Shell

from bkendctl.cli import picture


def test_a_picture_is_set_got_and_removed(alice: Shell, tmp_path: Path) -> None:
    """Nothing is drawn in a pipe; no file is written over; what is too large or odd is refused."""
    file, got = tmp_path / "me.png", tmp_path / "got.png"
    alice.refused(5, "user/avatar-not-found", "profile", "avatar", "get", str(got))
    Image.new("RGB", (30, 20), (1, 2, 3)).save(file)
    said = alice.ok("profile", "avatar", "set", str(file))
    assert "\x1b" not in said.out + said.err
    assert "/v1/avatars/" in alice.json("whoami")["image"]
    alice.ok("profile", "avatar", "get", str(got))
    with Image.open(got) as seen:
        assert (seen.size, seen.getpixel((0, 0))) == ((30, 20), (1, 2, 3))
    alice.refused(1, "cli/file", "profile", "avatar", "get", str(got))
    alice.refused(1, "cli/file", "profile", "avatar", "set", str(tmp_path / "none.png"))
    (tmp_path / "me.svg").write_text("<svg/>")
    alice.refused(2, "cli/usage", "profile", "avatar", "set", str(tmp_path / "me.svg"))
    (tmp_path / "big.png").write_bytes(bytes(5_242_881))
    alice.refused(10, "user/avatar-too-large", "profile", "avatar", "set", str(tmp_path / "big.png"))
    alice.ok("profile", "avatar", "remove")
    assert alice.json("whoami")["image"] is None


class Screen(StringIO):
    """A stream that a person sees."""

    def isatty(self) -> bool:
        """Yes."""
        return True


@pytest.mark.parametrize(
    ("environment", "begins"),
    [
        ({"TERM": "xterm-kitty"}, "\x1b_Ga=T,f=100"),
        ({"TERM_PROGRAM": "iTerm.app"}, "\x1b]1337;File=inline=1"),
        ({"COLORTERM": "truecolor"}, "\x1b[38;2;9;8;7;48;2;9;8;7m\u2580"),
        ({"COLORTERM": "truecolor", "NO_COLOR": "1"}, None),
        ({}, None),
    ],
)
def test_a_picture_is_drawn_as_the_terminal_can(
    monkeypatch: pytest.MonkeyPatch, environment: dict[str, str], begins: str | None
) -> None:
    """By Kitty's or iTerm2's protocol, else in half blocks where there is true colour, else not at all."""
    for name in ("TERM_PROGRAM", "COLORTERM", "NO_COLOR", "TMUX"):
        monkeypatch.delenv(name, raising=False)
    for name, value in ({"TERM": "xterm-256color"} | environment).items():
        monkeypatch.setenv(name, value)
    made, screen, pipe = BytesIO(), Screen(), StringIO()
    Image.new("RGB", (50, 50), (9, 8, 7)).save(made, "PNG")
    picture.draw(screen, made.getvalue())
    picture.draw(pipe, made.getvalue())
    assert screen.getvalue().startswith(begins) if begins else screen.getvalue() == ""
    assert pipe.getvalue() == ""
