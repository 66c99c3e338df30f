"""Write man/ and completions/ from the command tree: `python -m bkendctl.cli.generate`, or `make docs`."""

from __future__ import annotations

import sys
from pathlib import Path


def documents() -> dict[str, str]:
    """Make every file, by its place below the top folder."""
    from bkendctl.cli import manual, shells
    from bkendctl.cli.tree import command_tree

    tree = command_tree()
    made = {f"man/{name}": text for name, text in manual.pages().items()}
    return made | {f"completions/{name}": shells.script(shell, tree) for shell, name in shells.FILES.items()}


def main(top: Path) -> int:
    """Write the files, and remove pages of commands that are gone."""
    made = documents()
    for folder in {Path(name).parent for name in made}:
        for old in (top / folder).glob("*"):
            if f"{folder}/{old.name}" not in made:
                old.unlink()
    for name, text in made.items():
        (top / name).parent.mkdir(exist_ok=True)
        (top / name).write_text(text, encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main(Path.cwd()))
