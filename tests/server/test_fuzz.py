"""The short form of bench/fuzz.py: requests made up from the served document, right and wrong ones."""

from __future__ import annotations

import subprocess
import sys

import pytest

from tests.conftest import World

CHECKS = "not_a_server_error,status_code_conformance,content_type_conformance,response_schema_conformance"


@pytest.mark.parametrize("world", ["http"], indirect=True)
@pytest.mark.parametrize("signed_in", [False, True], ids=["key", "user"])
def test_made_up_requests_are_answered_as_documented(world: World, *, signed_in: bool) -> None:
    """Never a 5xx, and no status, type or shape that the document does not name (P8)."""
    assert world.server is not None
    world.sign_up()
    headers = ["--header", f"X-API-Key: {world.sk}"]
    if signed_in:
        headers += ["--header", f"Authorization: Bearer {world.sign_in().access_token}"]
    command = [sys.executable, "-m", "schemathesis.cli", "run", f"{world.server.url}/openapi.json"]
    how = ["--checks", CHECKS, "--phases", "fuzzing", "--max-examples", "2", "--seed", "1", "--no-color"]
    run = subprocess.run([*command, *headers, *how], capture_output=True, text=True, check=False)
    assert run.returncode == 0, run.stdout[-4000:]
