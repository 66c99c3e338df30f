"""docs/screenshots shows what the commands of today print."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest
import zxingcpp
from PIL import Image, ImageDraw

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
    drawn = re.sub(r">[^<]*</(text|title)>", "", drawn)  # what is shown may be an address
    assert "://" not in drawn
    assert set(re.findall(r"url\((.)", drawn)) == {"#"}
    assert "@import" not in drawn
    assert "@font-face" not in drawn


@pytest.mark.parametrize("name", TAKEN)
def test_a_picture_tells_nothing_of_the_machine(name: str) -> None:
    """No folder of whoever took it."""
    assert "/tmp/" not in (ROOT / FOLDER / name).read_text()


def test_the_qr_code_can_be_scanned() -> None:
    """The squares of the picture, put together again, are an address for an authenticator app."""
    drawn = (ROOT / FOLDER / "mfa-enroll.svg").read_text()
    dark = Image.new("L", (1000, 1200), 255)
    pen = ImageDraw.Draw(dark)
    for path in re.findall(r'<path [^>]*d="([^"]+)"', drawn):
        for left, top, width, height in re.findall(r"M([\d.]+) ([\d.]+)h([\d.]+)v([\d.]+)h-[\d.]+z", path):
            x, y = float(left), float(top)
            pen.rectangle((x, y, x + float(width) - 1, y + float(height) - 1), fill=0)
    found = zxingcpp.read_barcode(dark)
    assert found is not None
    assert found.text.startswith("otpauth://totp/")


@pytest.mark.parametrize("name", TAKEN)
def test_a_picture_on_a_page_is_told_in_words(name: str) -> None:
    """Who does not see it reads or hears the same."""
    for tag in re.findall(rf'<img [^>]*src="{FOLDER}/{name}"[^>]*>', (ROOT / "README.md").read_text()):
        assert re.search(r'alt="bkendctl [^"]{20,}"', tag)


@pytest.mark.parametrize("name", TAKEN)
def test_the_readme_names_every_picture(name: str) -> None:
    """Nobody finds a picture that no page shows."""
    assert f"{FOLDER}/{name}" in (ROOT / "README.md").read_text()
