"""bkendctl serve: the embedded core as bkend's REST API."""

from __future__ import annotations

import os
from functools import partial
from typing import TYPE_CHECKING, Annotated, Any

import typer

from bkendctl.cli.context import Context
from bkendctl.cli.options import Noun
from bkendctl.cli.tables import Column, View
from bkendctl.contract.errors import Failure
from bkendctl.local.paths import Paths

if TYPE_CHECKING:
    from starlette.types import ASGIApp

    from bkendctl.server.serving import Listening

noun = Noun("Serve the core as bkend's REST API.")

VIEW = View(
    columns=(
        Column("URL", "url"),
        Column("Public URL", "publicUrl"),
        Column("Workers", "workers"),
        Column("TLS", "tls"),
        Column("Proxies", "trustedProxies"),
        Column("Access log", "accessLog"),
        Column("Mail server", "mailServer"),
        Column("Leaked passwords", "leakedPasswords"),
        Column("Database", "database"),
    ),
    quiet="url",
)


Host = Annotated[str, typer.Option(help="Address to listen at.", metavar="ADDRESS")]
Port = Annotated[int, typer.Option(help="Port; 0 takes a free one.", min=0, max=65535)]
Workers = Annotated[int, typer.Option(help="Processes.", min=1, max=64)]
TlsCert = Annotated[str | None, typer.Option(help="Certificate chain (PEM).", metavar="FILE")]
TlsKey = Annotated[str | None, typer.Option(help="Its private key (PEM).", metavar="FILE")]
PlainHttp = Annotated[
    bool, typer.Option("--plain-http", help="Allow http beyond this machine, as behind a TLS proxy.")
]
PublicUrl = Annotated[str | None, typer.Option(help="Base of links in mails and pages.", metavar="URL")]
Proxies = Annotated[
    list[str] | None,
    typer.Option(help="Proxy whose X-Forwarded-For is believed; or a network.", metavar="ADDRESS"),
]
AccessLogged = Annotated[bool, typer.Option(help="Write a JSON line for each request on stderr.")]
Fakes = Annotated[
    bool, typer.Option("--fake-providers", help="Sign in with a fake Google and GitHub; dev only.")
]
PrintConfig = Annotated[bool, typer.Option("--print-config", help="Show what would be served, and stop.")]


@noun.verb("serve")
def serve(
    ctx: Context,
    host: Host = "127.0.0.1",
    port: Port = 8787,
    workers: Workers = 1,
    tls_cert: TlsCert = None,
    tls_key: TlsKey = None,
    plain_http: PlainHttp = False,
    public_url: PublicUrl = None,
    trusted_proxy: Proxies = None,
    access_log: AccessLogged = True,
    fake_providers: Fakes = False,
    print_config: PrintConfig = False,
) -> None:
    """Serve the REST API over this profile's core, until Ctrl-C or a signal ends it.

    BKENDCTL_DATABASE_URL names another database. Other commands reach the server by a profile of its URL.

    Example: bkendctl serve --print-config
    """
    from bkendctl.server.serving import Listening

    if (tls_cert is None) != (tls_key is None):
        ctx.refuse("--tls-cert and --tls-key go together.")
    proxies = tuple(map(_network, trusted_proxy or ()))
    listening = Listening(host, port, workers, tls_cert, tls_key, proxies)
    _require_private(ctx, listening, allowed=plain_http)
    if public_url is not None:
        os.environ["BKENDCTL_PUBLIC_URL"] = _public_url(public_url)
    _require_mail_server()
    if fake_providers and workers > 1:
        ctx.refuse("Fake providers keep their codes in one process: --workers 1.")
    database = _checked_database(ctx, dev_only=fake_providers)
    if print_config:
        ctx.show(_config(listening, database, access_log=access_log), VIEW)
        return
    make = partial(open_app, database, ctx.paths, access_log=access_log, fakes=fake_providers)
    _run(ctx, listening, make, fakes=fake_providers)


def _require_mail_server() -> None:
    """Read the mail server's address now, where a mistake can still be told. cli/usage."""
    from bkendctl.core.smtp import relay_at

    if url := os.environ.get("BKENDCTL_SMTP_URL"):
        relay_at(url)


def _run(ctx: Context, listening: Listening, make: Any, *, fakes: bool) -> None:
    from bkendctl.server.serving import run

    def started(bound: Listening) -> None:
        if fakes:  # where they are is known only now, and the app is made after this
            os.environ["BKENDCTL_FAKE_PROVIDERS"] = bound.url
            os.environ.setdefault("BKENDCTL_PUBLIC_URL", bound.url)
        ctx.say.done(f"serving at {bound.url}; Ctrl-C ends it")

    run(listening, make, started)


def open_app(database: str, paths: Paths, *, access_log: bool, fakes: bool = False) -> ASGIApp:
    """Make the app of one worker, with a core of its own: connections never cross processes.

    fakes: serve the fake providers too, at BKENDCTL_FAKE_PROVIDERS.
    """
    from bkendctl.client.embedded import core_at
    from bkendctl.server.access_log import AccessLog
    from bkendctl.server.allocator import share_one_arena
    from bkendctl.server.app import make_app

    share_one_arena()
    core = core_at(database, paths)
    with core.database.read() as transaction:
        core.unlock(transaction)
    log = AccessLog(core.clock) if access_log else None
    if not fakes:
        return make_app(core, log=log)
    from bkendctl.fake_provider.app import FakeProviders

    return make_app(core, log=log, more=FakeProviders(os.environ["BKENDCTL_FAKE_PROVIDERS"]).routes())


def _checked_database(ctx: Context, *, dev_only: bool) -> str:
    """The database's address, once it is whole, of our schema and of our master key.

    dev_only: refuse one that holds other environments than dev, where real people sign in.
    """
    from bkendctl.client.embedded import open_core
    from bkendctl.core.installation import environment_types

    url = None if os.environ.get("BKENDCTL_DATABASE_URL") else _embedded_url(ctx)
    core = open_core(url, ctx.paths)
    core.database.require()
    with core.database.read() as transaction:
        core.unlock(transaction)
        others = environment_types(transaction) - {"dev"}
    core.database.close()
    if dev_only and others:
        named = ", ".join(sorted(others))
        ctx.refuse(f"Fake providers are for dev; this database has environments of type {named}.")
    return core.database.url


def _embedded_url(ctx: Context) -> str | None:
    profile = ctx.profile
    if profile.kind != "embedded":
        raise Failure(
            "cli/usage", f"Profile {profile.name} leads to {profile.url}.", hint="bkendctl profiles list"
        )
    return profile.database


def _require_private(ctx: Context, listening: Listening, *, allowed: bool) -> None:
    """Refuse to send passwords in clear to other machines, unless that was asked for."""
    from bkendctl.server.serving import is_loopback

    if listening.tls_cert is None and not is_loopback(listening.host) and not allowed:
        ctx.refuse(
            f"At {listening.host} others can listen in on plain http.", "--tls-cert FILE --tls-key FILE"
        )


def _network(text: str) -> str:
    from ipaddress import ip_network

    try:
        return str(ip_network(text, strict=False))
    except ValueError:
        raise Failure(
            "cli/usage", f"--trusted-proxy is an address or a network, not {text}.", hint="10.0.0.0/8"
        ) from None


def _public_url(text: str) -> str:
    from urllib.parse import urlsplit

    parts = urlsplit(text)
    if parts.scheme not in ("http", "https") or not parts.hostname or parts.query or parts.fragment:
        raise Failure(
            "cli/usage", "--public-url looks like https://auth.example.com.", hint="bkendctl serve --help"
        )
    return text.rstrip("/")


def _mail_server() -> str | None:
    """Where mails go, without the password."""
    from bkendctl.core.smtp import relay_at

    url = os.environ.get("BKENDCTL_SMTP_URL")
    return f"{relay.host}:{relay.port}" if url and (relay := relay_at(url)) else None


def _config(listening: Listening, database: str, *, access_log: bool) -> dict[str, Any]:
    from bkendctl.local.addresses import without_password

    return {
        "url": listening.url,
        "publicUrl": os.environ.get("BKENDCTL_PUBLIC_URL"),
        "workers": listening.workers,
        "tls": listening.tls_cert,
        "trustedProxies": list(listening.proxies),
        "accessLog": access_log,
        "mailServer": _mail_server(),
        "leakedPasswords": os.environ.get("BKENDCTL_PWNED_URL"),
        "database": without_password(database),
    }
