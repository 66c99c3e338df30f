"""What README.md and docs/ci.md print works as printed: extracted, and run by a shell."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml
from shell import ROOT, Shell

from tests.http_server import HttpServer

PROGRAM = f'bkendctl() {{ "{sys.executable}" -m bkendctl "$@"; }}'
OTHERS = 'pipx() { :; }; npm() { printf %s "$API_KEY" > npm.saw; }; gh() { cat > gh.saw; }'
"""The programs of others in the jobs: what they were given is looked at."""


def run(script: str, folder: Path, environment: dict[str, str]) -> None:
    """Run lines as a CI job does: in a folder of their own, up to the first that fails."""
    ran = subprocess.run(
        ["bash", "-c", f"set -eo pipefail\n{PROGRAM}\n{OTHERS}\n{script}"],
        env=environment, cwd=folder, capture_output=True, text=True, check=False, timeout=120,
    )  # fmt: skip
    assert ran.returncode == 0, ran


def section_of_readme(title: str) -> str:
    """The lines of the first block of a section."""
    text = (ROOT / "README.md").read_text().partition(f"## {title}\n")[2]
    return text.partition("```")[2].partition("\n")[2].partition("```")[0]


def test_settings_as_code(ready: Shell, tmp_path: Path) -> None:
    """Exported, edited, compared, applied, and taken back: nothing differs in the end."""
    before = ready.json("providers", "email", "get")
    run(section_of_readme("Settings as code"), tmp_path, ready.environment)
    assert "minLength: 12  # NIST" in (tmp_path / "bkend.yaml").read_text()
    after = ready.json("providers", "email", "get")
    assert after["passwordPolicy"] == before["passwordPolicy"]
    assert after["updatedAt"] != before["updatedAt"]


def test_own_mails(ready: Shell, tmp_path: Path) -> None:
    """The own text of invitations is in use, and its preview is there to be looked at."""
    run(section_of_readme("Your own mails"), tmp_path, ready.environment)
    assert ready.json("templates", "get", "invitation")["isCustom"] is True
    assert (tmp_path / "preview.html").read_text().startswith("<!doctype html>")


@pytest.fixture
def jobs() -> dict[str, Any]:
    """The jobs of docs/ci.md by name: their lines in order."""
    found: dict[str, list[str]] = {}
    for block in (ROOT / "docs" / "ci.md").read_text().split("```yaml\n")[1:]:
        document = yaml.safe_load(block.partition("```")[0])
        for name, job in document.get("jobs", document).items():
            if isinstance(job, dict):
                found[name] = job.get("script") or [step["run"] for step in job["steps"]]
    assert found.keys() == {"test", "key", "rotate", "drift", "apply"}
    return found


def test_the_jobs_of_the_ci_guide(
    jobs: dict[str, list[str]], alice: Shell, served: HttpServer, tmp_path: Path
) -> None:
    """With the address of a server and the key that the guide makes, and no profile."""
    guide = (ROOT / "docs" / "ci.md").read_text().partition("```sh\n")[2].partition("```")[0]
    run(f'key=$({guide})\nprintf %s "$key" > ci.key', tmp_path, alice.environment)
    output = tmp_path / "output"
    environment = alice.environment | {
        "BKENDCTL_HOME": str(tmp_path / "nobody"),
        "BKENDCTL_URL": served.url,
        "BKENDCTL_API_KEY": (tmp_path / "ci.key").read_text(),
        "GITHUB_OUTPUT": str(output),
        "GITHUB_RUN_ID": "7",
        "CI_PIPELINE_ID": "8",
    }
    first, second = jobs["test"]
    run(first, tmp_path, environment)
    name, _, key = output.read_text().strip().partition("=")
    assert name == "key"
    run(second, tmp_path, environment | {"API_KEY": key})
    assert (tmp_path / "npm.saw").read_text().startswith("sk_")
    run("\n".join(jobs["key"]), tmp_path, environment)
    assert "sk_" in (tmp_path / "key.env").read_text()
    alice.ok("config", "export", "--file", str(tmp_path / "bkend.yaml"))
    run("\n".join([*jobs["drift"], *jobs["apply"]]), tmp_path, environment)
    run("\n".join(jobs["rotate"]), tmp_path, environment)
    fresh = (tmp_path / "gh.saw").read_text().strip()
    assert fresh.startswith("sk_")
    assert fresh != environment["BKENDCTL_API_KEY"]
    run("bkendctl keys list -q", tmp_path, environment | {"BKENDCTL_API_KEY": fresh})
