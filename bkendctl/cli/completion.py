"""bkendctl completion: print a shell's completion script, or install it for the current user.

`completion values`, which the scripts ask, is in candidates.py.
"""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import Annotated, NamedTuple

import typer

from bkendctl.cli.context import Context
from bkendctl.cli.options import Noun
from bkendctl.cli.shells import FILES, MARK, script
from bkendctl.cli.tables import Column, View
from bkendctl.cli.tree import command_tree
from bkendctl.contract.errors import Failure

noun = Noun("Completion in bash, zsh, fish and PowerShell.")

SHELLS = tuple(FILES)
Shell = Annotated[
    str | None, typer.Argument(help="The one of $SHELL when left out.", metavar="|".join(SHELLS))
]
INSTALLED = View(
    columns=(
        Column("Shell", "shell"),
        Column("File", "file"),
        Column("Changed", "changed"),
    ),
    quiet="file",
)


class _Place(NamedTuple):
    """file: where the script goes. start_up: a file that has to name it (named), in lines, if one has to."""

    file: Path
    start_up: Path | None = None
    named: Path | None = None
    lines: str = ""


@noun.verb("show")
def show(ctx: Context, shell: Shell = None) -> None:
    """Print the completion script of a shell.

    Example: bkendctl completion show zsh
    """
    text = _script(_chosen(ctx, shell))
    ctx.show_plain(text.removesuffix("\n"), {"script": text}, View(quiet="script"))


@noun.verb("install")
def install(ctx: Context, shell: Shell = None) -> None:
    """Install completion for the current user. Done again it brings the script up to date.

    A file that bkendctl did not write is left as it is. Start-up files are left alone too, but for
    PowerShell's profile, which gets one line; what else has to go into one is said.

    Example: bkendctl completion install fish
    """
    shell = _chosen(ctx, shell)
    place = _place(shell)
    changed = _put(place.file, _script(shell))
    missing = place.start_up if place.start_up and not _mentions(place.start_up, place.named) else None
    if missing and shell == "powershell":
        _append(missing, place.lines)
        changed, missing = True, None
    ctx.output.show({"shell": shell, "file": str(place.file), "changed": changed}, INSTALLED)
    if missing:
        ctx.say.note(f"one step is left; put this into {missing}, before compinit is called:")
        for line in place.lines.splitlines():
            ctx.say.note(f"    {line}")
    ctx.say.done("completion works in the next shell that starts")


def _chosen(ctx: Context, shell: str | None) -> str:
    """The shell that was typed, else that of $SHELL. cli/usage for another."""
    name = shell or Path(os.environ.get("SHELL", "")).name
    name = {"pwsh": "powershell"}.get(name, name)
    if name not in SHELLS:
        known = f"{', '.join(SHELLS[:-1])} or {SHELLS[-1]}"
        ctx.refuse(f"The shell is {known}, not {name}." if name else f"Which shell? {known}.")
    return name


def _script(shell: str) -> str:
    return script(shell, command_tree())


def _place(shell: str) -> _Place:
    """Where the shell looks for scripts of this user (bash-completion's README, zshcompsys(1), fish's
    complete(1), PowerShell's about_Profiles)."""
    home = Path.home()
    data = Path(os.environ.get("XDG_DATA_HOME") or home / ".local/share")
    config = Path(os.environ.get("XDG_CONFIG_HOME") or home / ".config")
    if shell == "bash":
        folder = os.environ.get("BASH_COMPLETION_USER_DIR") or data / "bash-completion"
        return _Place(Path(folder) / "completions/bkendctl")
    if shell == "fish":
        return _Place(config / "fish/completions/bkendctl.fish")
    if shell == "zsh":
        file = data / "zsh/site-functions/_bkendctl"
        start_up = Path(os.environ.get("ZDOTDIR") or home) / ".zshrc"
        lines = f"fpath=({_quoted(file.parent)} $fpath)"
        if not _mentions(start_up, "compinit"):
            lines += "\nautoload -Uz compinit && compinit"
        return _Place(file, start_up, file.parent, lines)
    file = data / "bkendctl/completion.ps1"
    profile = config / "powershell/Microsoft.PowerShell_profile.ps1"
    if sys.platform == "win32":
        profile = home / "Documents/PowerShell/Microsoft.PowerShell_profile.ps1"
    return _Place(file, profile, file, f". '{str(file).replace(chr(39), chr(39) * 2)}'")


def _quoted(path: Path) -> str:
    import shlex

    return shlex.quote(str(path))


def _put(file: Path, text: str) -> bool:
    """Write a script where none or an older one of ours is; tell whether anything changed. cli/file."""
    try:
        file = file.resolve()  # a link of somebody who keeps such files elsewhere stays a link
        present = file.read_text(encoding="utf-8") if file.exists() else None
        if present == text:
            return False
        if present is not None and MARK not in present:
            raise Failure(
                "cli/file", f"{file} was not written by bkendctl; it was left as it is.", hint="move it away"
            )
        file.parent.mkdir(parents=True, exist_ok=True)
        fresh = file.with_name(f".{file.name}.{os.getpid()}")
        try:
            fresh.write_text(text, encoding="utf-8", newline="\n")
            fresh.replace(file)
        finally:
            fresh.unlink(missing_ok=True)
    except (OSError, RuntimeError, UnicodeDecodeError) as error:
        raise Failure("cli/file", f"{file} cannot be written: {error}.") from None
    return True


def _mentions(start_up: Path, named: Path | str | None) -> bool:
    """Tell whether a start-up file names it, home written in any way. cli/file."""
    try:
        text = start_up.read_text(encoding="utf-8", errors="surrogateescape")
    except FileNotFoundError:
        return False
    except OSError as error:
        raise Failure("cli/file", f"{start_up} cannot be read: {error.strerror}.") from None
    home = str(Path.home())
    for spelled in ("${HOME}", "$HOME", "~"):
        text = text.replace(f"{spelled}/", f"{home}/")
    lines = (line for line in text.splitlines() if not line.lstrip().startswith("#"))
    return any(str(named) in line for line in lines)


def _append(start_up: Path, line: str) -> None:
    """Add a line at the end, the bytes before it untouched. cli/file."""
    try:
        start_up.parent.mkdir(parents=True, exist_ok=True)
        present = start_up.read_bytes() if start_up.exists() else b""
        if present.startswith((b"\xff\xfe", b"\xfe\xff")):
            raise Failure(
                "cli/file", f"{start_up} is UTF-16; it was left as it is.", hint=f"add the line: {line}"
            )
        with start_up.open("ab") as file:
            file.write((b"" if not present or present.endswith(b"\n") else b"\n") + f"{line}\n".encode())
    except OSError as error:
        raise Failure(
            "cli/file", f"{start_up} cannot be written: {error.strerror}.", hint=f"add: {line}"
        ) from None
