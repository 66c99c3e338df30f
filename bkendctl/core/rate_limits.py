"""Rate limits (x-rate-limit-classes): counted after the key is known and before anything else is looked at.

Classes login and code are exact, in the database; default is counted in each process by itself (ADR 0010).
"""

from __future__ import annotations

import unicodedata
from typing import NamedTuple

from bkendctl.contract.errors import Failure
from bkendctl.contract.operation import RateClass, Raw
from bkendctl.core import settings
from bkendctl.core.call import Allowance, Call
from bkendctl.core.clock import SECOND
from bkendctl.core.settings import CodeRateLimit
from bkendctl.core.throttle import Window
from bkendctl.core.transaction import Transaction

LONGEST_EMAIL = 254
LOGIN, CODE, DEFAULT = "auth/too-many-login-attempts", "auth/too-many-code-requests", "auth/too-many-requests"


class RateLimited(Failure):
    """Refused by a limit. Not audited: a flood must not fill the disk."""


class _Measure(NamedTuple):
    """One counter: its kind, how many in how long, about whom."""

    kind: str
    limit: int
    window_seconds: int
    parts: tuple[str, ...]


def is_exact(call: Call) -> bool:
    """Whether an operation's class is counted in the database."""
    return call.operation.rate in (RateClass.LOGIN, RateClass.CODE)


def count(call: Call, transaction: Transaction, raw: Raw) -> None:
    """Count a request of class login or code in all its counters, or in none.

    Known and unknown addresses are counted alike. Failures: auth/too-many-login-attempts, -code-requests.
    """
    if call.operation.rate is RateClass.LOGIN:
        _count(call, transaction, LOGIN, _login(call, _email_of(raw)))
    else:
        _count(call, transaction, CODE, _code(call, _email_of(raw)))


def count_mail(call: Call, email: str, *, by_source: bool = False) -> None:
    """Count a mail that its operation's class does not count: auth/too-many-code-requests."""
    _count(call, call.tx, CODE, _code(call, email, by_source=by_source))


def count_here(call: Call) -> None:
    """Count a request of class default, in this process alone: auth/too-many-requests.

    So is one of another class while its environment is not known: it cannot be counted there.
    """
    is_default = call.operation.rate is RateClass.DEFAULT or call.environment is None
    if is_default and call.allowance is None:  # else counted before
        count_page(call)


def count_page(call: Call) -> None:
    """Count the showing of a page as a request of class default: auth/too-many-requests."""
    environment = call.environment
    limits = call.rate_limits if environment is not None else settings.RateLimits()
    limit = limits.in_effect("default", environment.type if environment is not None else "")
    identity = (
        environment.id if environment is not None else "",
        call.key.id if call.key is not None else "",
        call.source.network,
    )
    used, ends_at = call.core.windows.add(identity, call.now, limit.window_seconds * SECOND)
    call.allowance = Allowance(limit.limit, max(0, limit.limit - used))
    if used > limit.limit:
        raise _refusal(DEFAULT, ends_at, call.now)


def _login(call: Call, email: str | None) -> list[_Measure]:
    source = call.source.network
    by_source = call.rate_limits.in_effect("login_source", call.env.type)
    each = call.rate_limits.in_effect("login", call.env.type)
    return [
        _Measure("login-source", by_source.limit, by_source.window_seconds, (source,)),
        _Measure("login", each.limit, each.window_seconds, (email or "", source)),
    ]


def _code(call: Call, email: str | None, *, by_source: bool = True) -> list[_Measure]:
    limit = call.rate_limits.in_effect("code", call.env.type)
    assert isinstance(limit, CodeRateLimit)
    measures = []
    if by_source:
        measures.append(
            _Measure("code-source", limit.limit_per_source, limit.window_seconds, (call.source.network,))
        )
    if email is not None:
        measures.append(_Measure("code", limit.limit, limit.window_seconds, (email,)))
    return measures


def _count(call: Call, transaction: Transaction, code: str, measures: list[_Measure]) -> None:
    windows = [
        Window(
            transaction,
            call.environment_id,
            each.kind,
            call.now,
            each.window_seconds * SECOND,
            *each.parts,
        )
        for each in measures
    ]
    for measure, window in zip(measures, windows, strict=True):
        left = measure.limit - window.requests
        call.allowance = Allowance(measure.limit, max(0, left - 1))
        if left <= 0:
            raise _refusal(code, window.ends_at, call.now)
    for window in windows:
        window.add()


def _refusal(code: str, ends_at: int, now: int) -> RateLimited:
    return RateLimited(code, retry_after=max(1, -(-(ends_at - now) // SECOND)))


def _email_of(raw: Raw) -> str | None:
    """The address a body names, before it is judged: one spelling for what would be stored as one.

    Also as the account of provider email (decision 145).
    """
    body = raw.body if isinstance(raw.body, dict) else {}
    email = body.get("providerAccountId" if body.get("provider") == "email" else "email")
    if not isinstance(email, str):
        return None
    return unicodedata.normalize("NFKC", email[:LONGEST_EMAIL]).strip().lower()
