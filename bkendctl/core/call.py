"""Call: one request on its way, with what is known so far: environment, caller, time, transaction."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from msgspec import Struct
from sqlalchemy import Row, bindparam, select

from bkendctl.contract.operation import Operation
from bkendctl.core import schema
from bkendctl.core.clock import wire
from bkendctl.core.randomness import new_id
from bkendctl.core.runtime import Core
from bkendctl.core.settings import RateLimits, Settings, load
from bkendctl.core.settings import convert as settings_of_sessions
from bkendctl.core.transaction import Transaction


class Source(Struct, frozen=True):
    """Where a request comes from. ip_address None: from this machine, without a network.

    cookies: what a browser brings back of what it was given to keep.
    """

    ip_address: str | None = None
    user_agent: str | None = None
    request_id: str | None = None
    cookies: dict[str, str] = {}

    @property
    def network(self) -> str:
        """What counters and known sources go by: the address, or the /64 that one IPv6 host has to itself.

        Most providers give a customer at least a /64 (RFC 6177), so its addresses are one caller.
        """
        address = self.ip_address or "local"
        if ":" not in address:
            return address
        from ipaddress import IPv6Address

        found = IPv6Address(address)
        if found.ipv4_mapped:
            return str(found.ipv4_mapped)
        return f"{IPv6Address(int(found) >> 64 << 64)}/64"


class Actor(Struct, frozen=True):
    """Who acts, for the audit: type is user, api-key, anonymous, system or local."""

    type: str
    id: str | None = None
    label: str | None = None


class Cookie(Struct, frozen=True):
    """What a browser is given to keep for so many seconds; is_secure: to be brought back over TLS alone."""

    name: str
    value: str
    seconds: int
    is_secure: bool


class Allowance(Struct, frozen=True):
    """What a rate limit leaves: limit requests in the window, remaining after this one."""

    limit: int
    remaining: int


class Call:
    """What a handler is given. `tx` is the running transaction; `now` is the environment's time in ms.

    arrived: its place among the requests of this process. afterwards: what to do once all is committed.
    cookies: what to give to a browser.
    by_page: whether a page of ours knows the environment already, by a mailed token or its client's key.
    witnesses: ids of the environments whose audit tells it, where that is not the caller's alone.
    """

    def __init__(self, core: Core, operation: Operation[Any, Any], source: Source) -> None:
        self.core = core
        self.operation = operation
        self.source = source
        self.environment: Row[Any] | None = None
        self.key: Row[Any] | None = None
        self.user: Row[Any] | None = None
        self.session: Row[Any] | None = None
        self.now = core.clock.now()
        self.arrived = core.arrivals.now()
        self.afterwards: list[Callable[[], object]] = []
        self.target: tuple[str, str] | None = None
        self.details: dict[str, Any] = {}
        self.organization_id: str | None = None
        self.allowance: Allowance | None = None
        self.cookies: list[Cookie] = []
        self.by_page = False
        self.witnesses: list[str] | None = None
        self._tx: Transaction | None = None
        self._settings: Settings | None = None

    @property
    def tx(self) -> Transaction:
        """The transaction that dispatch opened; a handler never opens its own."""
        if self._tx is None:
            raise RuntimeError("there is no transaction at this point")
        return self._tx

    def enter(self, environment: Row[Any]) -> None:
        """Take the environment whose users, keys and clock count from here on."""
        self.environment = environment
        self.now = self.core.clock.now() + environment.clock_offset_ms
        self._settings = None

    @property
    def environment_id(self) -> str:
        """Id of the environment at hand."""
        return str(self.env.id)

    @property
    def env(self) -> Row[Any]:
        """Row of the environment, with project_id, project_name, issuer … of its project."""
        if self.environment is None:
            raise RuntimeError("the environment is not known at this point")
        return self.environment

    @property
    def settings(self) -> Settings:
        """Settings of the environment, read once."""
        return self.settings_by(self.tx)

    def settings_by(self, transaction: Transaction) -> Settings:
        """As settings, in a transaction ahead of the handler's."""
        if self._settings is None:
            self._settings = load(transaction, self.environment_id)
        return self._settings

    def renew(self) -> None:
        """Read the settings again: they were changed, or are about to be in this transaction."""
        self._settings = None

    @property
    def rate_limits(self) -> RateLimits:
        """Rate limits of the environment, which came with its row."""
        stored = self.env.session_settings
        return settings_of_sessions(stored).rate_limits if stored else RateLimits()

    @property
    def caller(self) -> Row[Any]:
        """The signed-in user; only for operations that need one."""
        if self.user is None:
            raise RuntimeError("the operation does not ask for a user")
        return self.user

    @property
    def is_admin(self) -> bool:
        """A secret key, or a signed-in user with role admin."""
        return self.has_secret_key or (self.user is not None and self.user.role == "admin")

    @property
    def has_secret_key(self) -> bool:
        """Whether a secret key speaks."""
        return self.key is not None and self.key.type == "secret"

    @property
    def user_agent(self) -> str | None:
        """As much of the caller's user agent as is kept: 512 characters."""
        return (self.source.user_agent or "")[:512] or None

    @property
    def public_url(self) -> str | None:
        """Base of links in mails, without a slash at its end; None holds mails back (outside dev)."""
        from bkendctl.core.runtime import DEV_PUBLIC_URL

        found = self.env.public_url or self.core.public_url
        if found is None and self.env.type == "dev":
            found = DEV_PUBLIC_URL
        return found.rstrip("/") if found else None

    @contextmanager
    def reading(self) -> Iterator[None]:
        """Open a transaction for reading where there is none yet: ahead of the handler's."""
        with self.core.database.read() as self._tx:
            try:
                yield
            finally:
                self._tx = None

    @contextmanager
    def writing(self) -> Iterator[None]:
        """Open a transaction for writing, after the handler's."""
        with self.core.database.write(self.environment_id) as self._tx:
            try:
                yield
            finally:
                self._tx = None

    def new_id(self) -> str:
        """A fresh id."""
        return new_id(self.core.randomness)

    def at(self, instant: int | None) -> str | None:
        """Write an instant for the wire."""
        return wire(instant)

    def about(self, kind: str, id_: str, **details: Any) -> None:
        """Say what the audit row of this operation is about."""
        self.target = (kind, id_)
        self.details |= details


_projects = schema.projects
_ENVIRONMENTS = select(
    schema.environments,
    _projects.c.name.label("project_name"),
    _projects.c.organization_id,
    _projects.c.issuer,
    _projects.c.former_issuers,
    _projects.c.public_url,
    _projects.c.cors_origins,
    select(schema.settings.c.stored)
    .where(
        schema.settings.c.environment_id == schema.environments.c.id,
        schema.settings.c.section == "sessions",
    )
    .scalar_subquery()
    .label("session_settings"),
).join(_projects, _projects.c.id == schema.environments.c.project_id)
_BY_ID = _ENVIRONMENTS.where(schema.environments.c.id == bindparam("id"))


def environment_row(transaction: Transaction, *conditions: Any) -> Row[Any] | None:
    """Read an environment together with what its project gives it."""
    return transaction.first(_ENVIRONMENTS.where(*conditions))


def environment_by_id(transaction: Transaction, id_: str) -> Row[Any] | None:
    """As environment_row, for every request: the statement is built once."""
    return transaction.recall(_BY_ID, id=id_)
