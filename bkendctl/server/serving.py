"""Runs the app with uvicorn: sockets, TLS, workers, and the end when a signal comes."""

from __future__ import annotations

import logging
import os
import signal
import socket
import sys
import tempfile
from collections.abc import Callable
from contextlib import ExitStack
from typing import Any

import msgspec
from starlette.types import ASGIApp

from bkendctl.contract.errors import Failure

GRACE_SECONDS = 8
"""What runs may take to end after a signal; with closing it stays within the 10 s that are promised."""
KEEP_ALIVE_SECONDS = 65
"""Longer than the 60 s of most balancers, so that it is they who close idle connections."""
BACKLOG = 2048


class Listening(msgspec.Struct, frozen=True):
    """Where and how to serve. proxies: addresses or networks whose X-Forwarded-* headers are believed."""

    host: str
    port: int
    workers: int
    tls_cert: str | None = None
    tls_key: str | None = None
    proxies: tuple[str, ...] = ()

    @property
    def url(self) -> str:
        """Base URL at this address."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"{'https' if self.tls_cert else 'http'}://{host}:{self.port}"


def run(listening: Listening, make: Callable[[], ASGIApp], started: Callable[[Listening], None]) -> None:
    """Serve until a signal ends it. make: gives a worker its app; picklable, as workers are new processes.

    started: called once the address is bound, with the port in use. Failures: cli/address, cli/file.
    """
    import uvicorn
    from uvicorn.supervisors import Multiprocess

    _require_tls(listening)
    with ExitStack() as stack:
        bound = stack.enter_context(_bound(listening))
        listening = msgspec.structs.replace(listening, port=bound.getsockname()[1])
        if listening.workers > 1:
            folder = stack.enter_context(tempfile.TemporaryDirectory(prefix="bkendctl-metrics-"))
            os.environ["PROMETHEUS_MULTIPROC_DIR"] = folder
        config = uvicorn.Config(make, **_settings(listening))
        server = uvicorn.Server(config)

        def stop(_number: int, _frame: Any) -> None:
            """Also after uvicorn's orderly end, when it raises the signal again: that end is no failure."""
            server.should_exit = True

        for number in (signal.SIGINT, signal.SIGTERM):
            signal.signal(number, stop)
        bound.listen(BACKLOG)  # whoever reads the line may connect, and waits for the first worker
        started(listening)
        if listening.workers == 1:
            server.run(sockets=[bound])
        elif not server.should_exit:
            Multiprocess(config, sockets=[bound]).run()


def _settings(listening: Listening) -> dict[str, Any]:
    return {
        "factory": True,
        "interface": "asgi3",
        "workers": listening.workers,
        "http": "bkendctl.server.protocol:Protocol",
        "ws": "none",
        "lifespan": "on",
        "log_config": None,
        "log_level": logging.ERROR,
        "access_log": False,
        "server_header": False,
        "proxy_headers": bool(listening.proxies),
        "forwarded_allow_ips": list(listening.proxies),
        "backlog": BACKLOG,
        "timeout_keep_alive": KEEP_ALIVE_SECONDS,
        "timeout_graceful_shutdown": GRACE_SECONDS,
        "ssl_certfile": listening.tls_cert,
        "ssl_keyfile": listening.tls_key,
    }


def _bound(listening: Listening) -> socket.socket:
    """Bind the address. cli/address when it is taken, unknown or not ours."""
    try:
        family, kind, _, _, address = socket.getaddrinfo(
            listening.host, listening.port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
        )[0]
        bound = socket.socket(family, kind)
    except OSError as error:
        raise Failure("cli/address", f"{listening.host}: {error.strerror}.") from None
    try:
        if sys.platform != "win32":
            bound.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        bound.bind(address)
        bound.set_inheritable(True)
    except (OSError, OverflowError) as error:
        bound.close()
        why = getattr(error, "strerror", None) or error
        raise Failure("cli/address", f"{listening.host} port {listening.port}: {why}.") from None
    return bound


def _require_tls(listening: Listening) -> None:
    """Read certificate and key now, where a mistake can still be told. cli/file."""
    import ssl

    if listening.tls_cert is None:
        return
    try:
        ssl.create_default_context(ssl.Purpose.CLIENT_AUTH).load_cert_chain(
            listening.tls_cert, listening.tls_key
        )
    except (OSError, ssl.SSLError) as error:
        why = getattr(error, "reason", None) or error.strerror or error
        raise Failure("cli/file", f"{listening.tls_cert}, {listening.tls_key}: {why}.") from None


def is_loopback(host: str) -> bool:
    """Whether only this machine reaches an address."""
    from ipaddress import ip_address

    try:
        return ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"
