"""The files that `make docs` writes are what the command tree of today makes of them."""

from __future__ import annotations

from pathlib import Path

import pytest

from bkendctl.cli.generate import documents, main

ROOT = Path(__file__).parents[2]
DOCUMENTS = documents()
FOLDERS = sorted({str(Path(name).parent) for name in DOCUMENTS})


@pytest.mark.parametrize("name", DOCUMENTS)
def test_a_written_document_is_fresh(name: str) -> None:
    """A change of a command, an option or a help text is followed by `make docs`."""
    assert (ROOT / name).read_text(encoding="utf-8") == DOCUMENTS[name], "run: make docs"


def test_no_document_is_left_of_a_command_that_is_gone() -> None:
    """The folders hold nothing but what is written."""
    found = {f"{folder}/{file.name}" for folder in FOLDERS for file in (ROOT / folder).iterdir()}
    assert found == set(DOCUMENTS), "run: make docs"


def test_writing_removes_what_is_stale_and_makes_the_same_again(tmp_path: Path) -> None:
    """A page of a command that is gone is removed; a second run changes nothing."""
    (tmp_path / "man").mkdir()
    stale = tmp_path / "man" / "bkendctl-gone.1"
    stale.write_text("old")
    main(tmp_path)
    first = {file: file.read_bytes() for file in tmp_path.rglob("*") if file.is_file()}
    main(tmp_path)
    assert stale not in first
    assert first == {file: file.read_bytes() for file in tmp_path.rglob("*") if file.is_file()}
    assert {str(file.relative_to(tmp_path)) for file in first} == set(DOCUMENTS)
