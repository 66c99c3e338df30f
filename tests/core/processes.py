"""Real processes on one database, and what they do there. Started from a server without threads."""

from __future__ import annotations

import multiprocessing
import sys
from collections.abc import Callable
from multiprocessing.connection import Connection
from multiprocessing.process import BaseProcess
from typing import Any

from bkendctl.contract.errors import Failure
from bkendctl.core.clock import SystemClock
from bkendctl.core.database import Database, create_private_file
from bkendctl.core.installation import Installed, initialize
from bkendctl.core.runtime import Core
from tests.conftest import MASTER_KEY, World

_context = multiprocessing.get_context("forkserver")
_context.set_forkserver_preload(["tests.core.processes", "bkendctl.core.accounts", "bkendctl.core.sessions"])


def open_world(url: str, installed: Installed | None = None) -> World:
    """Open an installation by the machine's clock; without what is installed, make one."""
    database = Database(url)
    if installed is None and database.file is not None:
        create_private_file(database.file)
    core = Core(database, MASTER_KEY)
    installed = installed or initialize(core, name="Demo", environment="dev")
    return World(core, SystemClock(), installed)  # type: ignore[arg-type]


def start(action: Callable[..., Any], *given: Any) -> tuple[BaseProcess, Connection]:
    """Run action(connection, *given) in a process of its own; gives it with the other end."""
    ours, theirs = _context.Pipe()
    process = _context.Process(target=action, args=(theirs, *given))
    process.start()
    theirs.close()
    return process, ours


def in_processes(count: int, shared: World, action: Callable[..., Any], *given: Any) -> list[Any]:
    """Run action(world, number, *given) in so many processes at once; each answer or its Failure's code."""
    place = shared.core.database.url, shared.installed
    started = [start(_one, *place, action, number, *given) for number in range(count)]
    for _, connection in started:
        assert connection.recv() == "ready"
    for _, connection in started:
        connection.send("go")
    outcomes = [connection.recv() for _, connection in started]
    for process, _ in started:
        process.join()
    return outcomes


def _one(
    connection: Connection, url: str, installed: Installed, action: Callable[..., Any], *given: Any
) -> None:
    world = open_world(url, installed)
    connection.send("ready")
    connection.recv()
    try:
        connection.send(action(world, *given))
    except Failure as failure:
        connection.send(failure.code)
    sys.stdout.flush()
