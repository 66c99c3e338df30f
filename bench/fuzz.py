"""Fuzz a server from its own OpenAPI document: no 5xx, no undocumented status, no answer of another shape.

    python bench/fuzz.py [--requests 100000]

Rounds with seeds of their own, as a secret key and as a signed-in admin, until so many requests were sent.
"""

from __future__ import annotations

import argparse
import json
import re
import subprocess
import sys
import tempfile
from pathlib import Path

from requests import PASSWORD, Connection, Server  # type: ignore[attr-defined] # bench/requests.py

CHECKS = "not_a_server_error,status_code_conformance,content_type_conformance,response_schema_conformance"


def round_of(server: Server, seed: int, headers: dict[str, str]) -> tuple[int, str]:
    """Fuzz once; gives how many requests were sent, and what went wrong ("" where nothing did)."""
    command = [sys.executable, "-m", "schemathesis.cli", "run"]
    command += [f"http://127.0.0.1:{server.port}/openapi.json", "--checks", CHECKS, "--seed", str(seed)]
    command += ["--phases", "coverage,fuzzing", "--max-examples", "100", "--no-color"]
    for name, value in headers.items():
        command += ["--header", f"{name}: {value}"]
    run = subprocess.run(command, capture_output=True, text=True, check=False)
    found = re.search(r"(\d+) generated", run.stdout)
    return int(found[1]) if found else 0, "" if run.returncode == 0 else run.stdout


def admin(server: Server, number: int) -> dict[str, str]:
    """Sign up a user, make it an admin, and speak as it."""
    connection = Connection(server.port)
    told = {"method": "password", "email": f"fuzz{number}@example.com", "password": PASSWORD, "name": "F"}
    _, pair = connection.send("POST", "/v1/auth/email/signup", server.key, json.dumps(told).encode())
    token = json.loads(pair)["accessToken"]
    speaking = {"x-api-key": server.key["x-api-key"], "authorization": f"Bearer {token}"}
    _, me = connection.send("GET", "/v1/auth/me", speaking)
    path = f"/v1/users/{json.loads(me)['id']}/role"
    connection.send("PATCH", path, server.admin, b'{"role": "admin"}')
    return speaking


def main() -> int:
    """Fuzz until enough was sent; 1 when anything went wrong."""
    options = argparse.ArgumentParser()
    options.add_argument("--requests", type=int, default=100_000)
    wanted = options.parse_args().requests
    sent = number = 0
    with tempfile.TemporaryDirectory(prefix="bkendctl-fuzz-") as folder:
        server = Server(Path(folder), None)
        try:
            while sent < wanted:
                number += 1
                headers = admin(server, number) if number % 2 else {"x-api-key": server.admin["x-api-key"]}
                count, wrong = round_of(server, number, headers)
                sent += count
                print(f"round {number}: {sent} requests, {server.memory():.0f} MiB", flush=True)
                if wrong or not count:
                    print(wrong)
                    return 1
        finally:
            server.close()
    return 0


if __name__ == "__main__":
    sys.exit(main())
