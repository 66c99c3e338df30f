"""What the parts of the terminal load, and when."""

from __future__ import annotations

import subprocess
import sys

import pytest

HEAVY = {
    "rich",
    "qrcode",
    "yaml",
    "jq",
    "csv",
    "png",
    "getpass",
    "typer",
    "click",
    "msgspec",
    "httpx",
    "sqlalchemy",
}
MODULES = [
    f"bkendctl.cli.{name}" for name in ("errors", "formats", "prompt", "qr", "render", "tables", "text")
]


def loaded(code: str) -> set[str]:
    """Run code in a fresh interpreter and tell which heavy modules it loaded."""
    run = subprocess.run(
        [sys.executable, "-c", f"import sys\n{code}\nprint(*sys.modules, file=sys.stderr)"],
        capture_output=True, text=True, check=True,
    )  # fmt: skip
    return set(run.stderr.splitlines()[-1].split()) & HEAVY


@pytest.mark.parametrize("module", MODULES)
def test_importing_a_part_loads_nothing_heavy(module: str) -> None:
    """Rich, qrcode, yaml, jq, csv and getpass wait until they are used."""
    assert loaded(f"import {module}") == set()


@pytest.mark.parametrize(
    ("output", "body", "needed"),
    [
        ("Output()", "[{'id': 'a', 'name': 'plain'}]", set()),
        ("Output('json')", "{'name': 'Zoë'}", set()),
        ("Output(quiet=True)", "{'id': 'a'}", set()),
        ("Output('yaml')", "{'id': 'a'}", {"yaml"}),
        ("Output('csv')", "{'id': 'a'}", {"csv"}),
        ("Output(jq='.')", "{'id': 'a'}", {"jq"}),
        ("Output()", "[{'name': 'Zoë'}]", {"rich"}),
    ],
)
def test_a_piped_result_loads_what_its_form_needs(output: str, body: str, needed: set[str]) -> None:
    """A piped ASCII table or JSON loads nothing; Rich comes in for the width of other letters alone."""
    assert loaded(f"from bkendctl.cli.render import Output\n{output}.show({body})") == needed


def test_a_plain_error_loads_nothing_heavy() -> None:
    """An error into a pipe needs neither Rich nor the formats."""
    code = "from bkendctl.cli.errors import report\nfrom bkendctl.contract.errors import Failure\n"
    assert loaded(code + "report(Failure('cli/network'), 'table')") == set()
