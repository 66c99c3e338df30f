"""The table of errors: in order, complete, without dead rows."""

from __future__ import annotations

import re

from bkendctl.contract.errors import ERRORS, HINTS
from tests.catalogue import OPERATIONS
from tests.house.source import MODULES

# Rows that wait for what is not built yet.
NOT_ANSWERED_YET: dict[str, str] = {}
TEXTS = {
    module.name: module.file.read_text() for module in MODULES if module.name != "bkendctl.contract.errors"
}


def test_the_rows_are_sorted() -> None:
    """Codes of the API in alphabetical order, then those of this machine."""
    assert list(ERRORS) == sorted(ERRORS, key=lambda code: (code.startswith("cli/"), code))


def test_every_code_is_used() -> None:
    """A row that nothing answers is dead; it leaves the list above when something does."""
    unused = {code for code in ERRORS if not any(f'"{code}"' in text for text in TEXTS.values())}
    assert unused == NOT_ANSWERED_YET.keys()


def test_every_code_that_is_answered_has_its_row() -> None:
    """Of what operations declare and failures are made with, the table says status and text."""
    made = {code for text in TEXTS.values() for code in re.findall(r'Failure\(\s*"([a-z0-9/-]+)"', text)}
    declared = {code for operation in OPERATIONS for code in operation.all_errors}
    assert made | declared <= ERRORS.keys()


def test_texts_with_hints_of_their_own_are_told_somewhere() -> None:
    """A text that was changed keeps its hint only if the table is changed with it."""
    assert [text for text in HINTS if not any(text in source for source in TEXTS.values())] == []


def test_every_row_says_what_happened_in_one_sentence() -> None:
    """Texts end with a full stop and fit a terminal; hints name a command or say what to do."""
    for code, row in ERRORS.items():
        assert row.message.endswith("."), code
        assert len(row.message) <= 80, code
        assert not row.hint.endswith("."), code
