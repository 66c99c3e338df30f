"""Figures for Prometheus: right, bounded whatever is asked for, and added up over workers."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
from prometheus_client.parser import text_string_to_metric_families

from bkendctl.core.leaks import Leaks
from tests.conftest import World
from tests.server.wire import Line

LEAKS = "bkendctl_leak_checks_total"
WORKER = """
from bkendctl.server.metrics import Metrics
from bkendctl.server.note import Note
metrics = Metrics()
for _ in range(2):
    metrics.begin()
    metrics.end("GET", Note("id", "/v1/auth/me"), 200, 0.003)
metrics.begin()
print(metrics.text({"pending": 3})[0].decode())
"""


def samples(text: str) -> dict[tuple[str, tuple[tuple[str, str], ...]], float]:
    """Values by name and labels."""
    return {
        (sample.name, tuple(sorted(sample.labels.items()))): sample.value
        for family in text_string_to_metric_families(text)
        for sample in family.samples
    }


def test_requests_are_counted_by_route(world: World, line: Line) -> None:
    """Ids are not labels; the code tells why one was refused."""
    for name in ("a", "b"):
        line.ask("GET", f"/v1/users/{name}", x_api_key=world.sk)
    reply = line.ask("GET", "/metrics")
    assert reply.headers["content-type"].startswith("text/plain; version=")
    counted = [
        (dict(labels), value)
        for (name, labels), value in samples(reply.body.decode()).items()
        if name == "bkendctl_http_requests_total"
    ]
    labels, value = next(found for found in counted if found[0]["route"] == "/v1/users/{userId}")
    assert (labels["method"], value) == ("GET", 2)
    assert labels["code"] in ("user/not-found", "common/invalid-parameters")


def test_nobody_makes_the_figures_grow(world: World, line: Line) -> None:
    """Random paths, ids, methods, codes and request ids end in a few series."""
    known = ("GET", "PROPFIND", "PURGE", "LINK", "TRACE")
    for number in range(200):
        line.ask(known[number % 5], f"/random/{number}", x_request_id=f"r{number}", user_agent=f"a{number}")
        line.ask("GET", f"/v1/users/{number}?q={number}", x_api_key=world.sk)
        line.ask("GET", f"/v1/none/{number}")
    body = line.ask("GET", "/metrics").body.decode()
    series = [key for key in samples(body) if key[0] == "bkendctl_http_requests_total"]
    assert len(series) <= 5
    assert "random" not in body


def test_workers_are_added_up(tmp_path: Path) -> None:
    """Each writes its figures into the common folder; whoever is asked tells the sum, of those alive."""
    for expected in (2, 4):
        told = subprocess.run(
            [sys.executable, "-c", WORKER], capture_output=True, text=True, check=True,
            env={"PROMETHEUS_MULTIPROC_DIR": str(tmp_path), "PYTHONPATH": ":".join(sys.path)},
        )  # fmt: skip
        found = samples(told.stdout)
        labels = (("code", ""), ("method", "GET"), ("route", "/v1/auth/me"), ("status", "200"))
        assert found["bkendctl_http_requests_total", labels] == expected
        assert found["bkendctl_mails", (("status", "pending"),)] == 3  # the database's, which is no sum


def test_leaked_passwords_are_counted_and_a_fault_is_told(
    world: World, line: Line, capsys: pytest.CaptureFixture[str]
) -> None:
    """Whoever watches sees that the range API is away, which refuses nobody (docs/adr/0021)."""
    assert world.server is not None
    world.core.leaks = Leaks("http://127.0.0.1:1/range/")
    world.server.use(world.core)
    for name in "ab":
        world.sign_up(f"{name}@example.com")
    counted = samples(line.ask("GET", "/metrics").body.decode())
    found = {dict(labels)["outcome"]: value for (name, labels), value in counted.items() if name == LEAKS}
    assert found == {"fault": 1, "unasked": 1}
    assert capsys.readouterr().err.count("leaked passwords are not looked up: 127.0.0.1 cannot be") == 1
