"""QR codes that a phone reads: drawn in an emulated terminal, taken as a picture, decoded by zxing."""

from __future__ import annotations

import re
import stat
import subprocess
import sys
import xml.etree.ElementTree as ET
from collections.abc import Callable
from pathlib import Path
from urllib.parse import quote

import pyte
import pytest
from camera import PIXELS, THEMES, decoded, picture_of
from PIL import Image

from bkendctl.cli import qr
from bkendctl.contract.errors import Failure

SECRET = "JBSWY3DPEHPK3PXPJBSWY3DPEHPK3PXP"
SHORT = f"otpauth://totp/Acme:a@b.co?secret={SECRET}&issuer=Acme"
ISSUER = "한국 Gesellschaft für Käse"
LONG = (
    f"otpauth://totp/{quote('김치')}:{'long.' * 8}name@example.com?secret={SECRET}"
    f"&issuer={quote('김치 Käse')}&algorithm=SHA1&digits=6&period=30"
)
RAW_UTF_8 = f"otpauth://totp/{ISSUER}:alice@example.com?secret={SECRET}&issuer={ISSUER}"
URLS = pytest.mark.parametrize("url", [SHORT, LONG, RAW_UTF_8], ids=["short", "long", "utf-8"])


def photograph(output: str, theme: str, *, columns: int = 80, lines: int = 50) -> Image.Image:
    """Let a terminal of 80x50 show the output, and take a grey picture of it."""
    terminal = pyte.Screen(columns, lines)
    pyte.Stream(terminal).feed("$ bkendctl mfa enroll\r\n" + output.replace("\n", "\r\n"))
    return picture_of(terminal, theme)


@URLS
@pytest.mark.parametrize("theme", THEMES)
@pytest.mark.parametrize("colour", [True, False], ids=["colour", "plain"])
def test_a_scanner_reads_the_code_from_a_terminal(url: str, theme: str, colour: bool) -> None:
    """Coloured or not, on dark and on light ground, a foreign decoder reads the URL from 80x50 cells."""
    output = qr.terminal_qr(url, colour=colour)
    assert decoded(photograph(output, theme)) == [url]


def test_the_camera_is_no_believer() -> None:
    """The test's own camera fails on a damaged code: what it reads it has seen."""
    lines = qr.terminal_qr(SHORT, colour=False).splitlines(keepends=True)
    assert decoded(photograph("".join(lines[: len(lines) // 2]), "dark")) == []


@URLS
def test_the_code_fits_80_columns_with_its_quiet_zone(url: str) -> None:
    """Every line is the same number of cells, at most 80, and 4 light modules surround the code."""
    lines = qr.terminal_qr(url, colour=False).splitlines()
    assert {len(line) for line in lines} == {len(lines[0])}
    assert len(lines[0]) <= 80
    assert len(lines) <= 49
    assert all(line.startswith("████") and line.endswith("████") for line in lines)
    assert all(set(line) == {"█"} for line in lines[:2] + lines[-2:])
    assert lines[2][4:-4].strip("█")


@pytest.mark.parametrize("length", [60, 120, 200, 260])
def test_urls_of_any_usual_length_fit(length: int) -> None:
    """Up to 200 characters and beyond, 80 columns are enough."""
    url = SHORT + "&x=" + "y" * (length - len(SHORT) - 3) if length > len(SHORT) + 3 else SHORT
    assert decoded(photograph(qr.terminal_qr(url, colour=True), "dark")) == [url]


def test_colours_cannot_be_remapped_by_a_theme() -> None:
    """Both colours are set on every line, from the fixed part of the palette, and reset before its end."""
    lines = qr.terminal_qr(SHORT, colour=True).splitlines()
    assert all(re.fullmatch(r"\x1b\[38;5;16;48;5;231m[ ▀▄█]+\x1b\[0m", line) for line in lines)


def test_without_colour_there_is_no_escape() -> None:
    """A pipe or NO_COLOR gets blocks and spaces alone."""
    assert set(qr.terminal_qr(SHORT, colour=False)) <= set(" ▀▄█\n")


def test_a_low_terminal_gets_the_smaller_code() -> None:
    """Where the better correction needs too many lines the lower one is taken; it reads as well."""
    url = SHORT + "&algorithm=SHA1&digits=6"
    tall, low = qr.terminal_qr(url, colour=False), qr.terminal_qr(url, colour=False, lines=24)
    assert low.count("\n") < tall.count("\n")
    assert decoded(photograph(low, "dark")) == [url]


@pytest.mark.parametrize("text", ["x" * 430, "x" * 5000])
def test_what_does_not_fit_is_refused_with_the_way_out(text: str) -> None:
    """A code wider than the terminal, or longer than QR codes can be, is a failure, not a torn picture."""
    with pytest.raises(Failure) as refused:
        qr.terminal_qr(text, colour=True)
    assert refused.value.code == "cli/usage"
    assert len(text) > 4000 or "--qr png" in refused.value.hint


def test_a_narrow_terminal_is_refused() -> None:
    """In 40 columns an otpauth URL does not fit."""
    with pytest.raises(Failure, match="does not fit"):
        qr.terminal_qr(SHORT, colour=True, columns=40)


@pytest.mark.parametrize("encoding", ["ascii", "latin-1", "no-such-encoding"])
@pytest.mark.parametrize("colour", [True, False])
def test_without_half_blocks_modules_are_two_cells(encoding: str, colour: bool) -> None:
    """A terminal without block characters gets two ASCII cells per module where the width allows."""
    output = qr.terminal_qr(SHORT, colour=colour, columns=120, encoding=encoding)
    assert output.isascii()
    for theme in THEMES:
        assert decoded(photograph(output, theme, columns=120, lines=60)) == [SHORT]


def test_without_half_blocks_80_columns_are_too_few() -> None:
    """An otpauth URL in two cells per module needs more than 80 columns: use a picture."""
    with pytest.raises(Failure) as refused:
        qr.terminal_qr(SHORT, colour=True, encoding="ascii")
    assert "--qr png" in refused.value.hint


@URLS
def test_a_png_is_read_by_a_scanner(url: str, tmp_path: Path) -> None:
    """The PNG decodes to the URL and has the quiet zone."""
    qr.png(url, tmp_path / "code.png")
    with Image.open(tmp_path / "code.png") as picture:
        assert decoded(picture.convert("L")) == [url]
        assert picture.convert("L").crop((0, 0, picture.width, 40)).getextrema() == (255, 255)


@URLS
def test_an_svg_is_read_by_a_scanner(url: str, tmp_path: Path) -> None:
    """The SVG is well-formed, white below, one path of squares; drawn, it decodes to the URL."""
    qr.svg(url, tmp_path / "code.svg")
    root = ET.parse(tmp_path / "code.svg").getroot()
    space = "{http://www.w3.org/2000/svg}"
    side = int(root.attrib["viewBox"].split()[2])
    ground, path = root.find(f"{space}rect"), root.find(f"{space}path")
    assert ground is not None
    assert path is not None
    assert ground.attrib["fill"] == "white"
    picture = Image.new("L", (side * PIXELS, side * PIXELS), 255)
    for x, y, right, below in re.findall(r"M(\d+),(\d+)H(\d+)V(\d+)H\1z", path.attrib["d"]):
        picture.paste(0, tuple(int(edge) * PIXELS for edge in (x, y, right, below)))
    assert decoded(picture) == [url]


WRITERS = pytest.mark.parametrize("write", [qr.png, qr.svg])


@WRITERS
@pytest.mark.parametrize("umask", [0o000, 0o022, 0o777])
def test_pictures_are_for_their_owner_alone(write: Callable[..., None], umask: int, tmp_path: Path) -> None:
    """The file holds a secret: mode 0600 whatever the umask."""
    import os

    before = os.umask(umask)
    try:
        write(SHORT, tmp_path / "code")
    finally:
        os.umask(before)
    assert stat.S_IMODE((tmp_path / "code").stat().st_mode) == 0o600


@WRITERS
def test_an_existing_file_is_never_overwritten(write: Callable[..., None], tmp_path: Path) -> None:
    """Neither a file nor what a symbolic link points at is touched, dangling or not."""
    kept = tmp_path / "kept"
    kept.write_text("mine")
    (tmp_path / "link").symlink_to(kept)
    (tmp_path / "dangling").symlink_to(tmp_path / "nowhere")
    for name in ("kept", "link", "dangling"):
        with pytest.raises(Failure, match="exists already") as refused:
            write(SHORT, tmp_path / name)
        assert refused.value.code == "cli/file"
    assert kept.read_text() == "mine"
    assert not (tmp_path / "nowhere").exists()


@WRITERS
@pytest.mark.parametrize("name", ["no/such/folder/code", "nul\0", "x" * 300])
def test_a_path_that_cannot_be_written_is_a_failure(
    write: Callable[..., None], name: str, tmp_path: Path
) -> None:
    """A missing folder or an impossible name is cli/file with the reason, never a traceback."""
    with pytest.raises(Failure, match="cannot be written") as refused:
        write(SHORT, tmp_path / name)
    assert refused.value.code == "cli/file"


def test_a_disk_that_fills_up_leaves_no_half_picture(tmp_path: Path) -> None:
    """When writing stops half-way the begun file is removed and the failure says why."""
    code = f"""
import resource, signal, sys
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
from bkendctl.cli import qr
from bkendctl.contract.errors import Failure
resource.setrlimit(resource.RLIMIT_FSIZE, (100, 100))
try:
    qr.svg({SHORT!r}, sys.argv[1])
except Failure as failure:
    print(failure)
"""
    run = subprocess.run(
        [sys.executable, "-c", code, str(tmp_path / "code.svg")], capture_output=True, text=True, check=True
    )
    assert run.stdout.startswith("cli/file: ")
    assert "cannot be written" in run.stdout
    assert list(tmp_path.iterdir()) == []


def test_pillow_is_not_needed() -> None:
    """Pillow is no dependency: every form is made without it."""
    code = f"""
import sys, tempfile, pathlib
sys.modules["PIL"] = None
from bkendctl.cli import qr
folder = pathlib.Path(tempfile.mkdtemp())
qr.png({SHORT!r}, folder / "a")
qr.svg({SHORT!r}, folder / "b")
print(len(qr.terminal_qr({SHORT!r}, colour=True)))
"""
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert int(run.stdout) > 500
