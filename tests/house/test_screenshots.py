"""docs/screenshots shows what the commands of today print."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
FOLDER = "docs/screenshots"
TAKEN = sorted(file.name for file in (ROOT / FOLDER).iterdir())


@pytest.fixture(scope="module")
def taken_anew(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The pictures taken once more, in another folder, zone and environment."""
    top = tmp_path_factory.mktemp("top")
    environment = os.environ | {"PYTHONPATH": str(ROOT), "TZ": "Asia/Seoul", "NO_COLOR": "1", "COLUMNS": "40"}
    subprocess.run(
        [sys.executable, ROOT / "docs" / "take_screenshots.py"], cwd=top, env=environment, check=True
    )
    return top / FOLDER


def test_no_picture_is_missing_or_left_over(taken_anew: Path) -> None:
    """A command that is gone has no picture."""
    assert sorted(file.name for file in taken_anew.iterdir()) == TAKEN, "run: make docs"


@pytest.mark.parametrize("name", TAKEN)
def test_a_picture_is_fresh(taken_anew: Path, name: str) -> None:
    """Whoever changes what a command prints takes its picture again."""
    assert (taken_anew / name).read_text() == (ROOT / FOLDER / name).read_text(), "run: make docs"


@pytest.mark.parametrize("name", TAKEN)
def test_a_picture_loads_nothing(name: str) -> None:
    """No font, no style and no picture of somebody else's server."""
    drawn = (ROOT / FOLDER / name).read_text().replace('xmlns="http://www.w3.org/2000/svg"', "")
    assert "://" not in drawn
    assert "@import" not in drawn
    assert "@font-face" not in drawn


@pytest.mark.parametrize("name", TAKEN)
def test_the_readme_names_every_picture(name: str) -> None:
    """Nobody finds a picture that no page shows."""
    assert f"{FOLDER}/{name}" in (ROOT / "README.md").read_text()
