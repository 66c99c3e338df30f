"""What is installed elsewhere: the wheel and the source archive, built twice."""

from __future__ import annotations

import os
import subprocess
import sys
import tarfile
from pathlib import Path
from zipfile import ZipFile

import pytest

from bkendctl import __version__

ROOT = Path(__file__).resolve().parents[2]


def built(target: Path) -> dict[str, bytes]:
    """Build in a process of its own; gives the files by name."""
    command = [sys.executable, "-m", "hatchling", "build", "-d", str(target)]
    environment = {**os.environ, "SOURCE_DATE_EPOCH": "1700000000"}
    subprocess.run(command, cwd=ROOT, env=environment, check=True, capture_output=True)
    return {file.name: file.read_bytes() for file in target.iterdir()}


@pytest.fixture(scope="module")
def target(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with both archives."""
    folder = tmp_path_factory.mktemp("dist")
    built(folder)
    return folder


def test_the_same_source_gives_the_same_bytes(target: Path, tmp_path: Path) -> None:
    """Who builds the tag gets what was published."""
    again = built(tmp_path / "again")
    assert {file.name: file.read_bytes() for file in target.iterdir()} == again
    assert set(again) == {f"bkendctl-{__version__}-py3-none-any.whl", f"bkendctl-{__version__}.tar.gz"}


def test_the_wheel_carries_what_runs_and_nothing_of_the_tests(target: Path) -> None:
    """Every module, what they read, the migrations, the manual pages and the licence."""
    wheel = ZipFile(next(target.glob("*.whl")))
    names = set(wheel.namelist())
    assert {
        str(file.relative_to(ROOT))
        for file in (ROOT / "bkendctl").rglob("*.*")
        if file.is_file() and "__pycache__" not in file.parts
    } <= names
    assert any(name.endswith("share/man/man1/bkendctl.1") for name in names)
    assert any(name.endswith("licenses/LICENSE") for name in names)
    assert not [name for name in names if name.startswith(("tests", "bench"))]


def test_the_source_archive_carries_the_documents_of_users(target: Path) -> None:
    """Packagers of distributions install man/ and completions/ from it."""
    with tarfile.open(next(target.glob("*.tar.gz"))) as archive:
        names = {name.partition("/")[2] for name in archive.getnames()}
    for folder in ("man", "completions"):
        assert {str(file.relative_to(ROOT)) for file in (ROOT / folder).iterdir()} <= names
    assert {"LICENSE", "CHANGELOG.md", "README.md"} <= names
