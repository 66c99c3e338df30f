"""execute: the one way into the core, for the terminal and for HTTP alike.

Key, rate limit, token, scope, role, decoding, then the handler in one transaction with its audit row.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from importlib import import_module
from typing import Any, NamedTuple

import msgspec

from bkendctl.contract.errors import Failure
from bkendctl.contract.operation import Access, Operation, Raw
from bkendctl.core import audit, permissions, rate_limits
from bkendctl.core.call import Call, Source
from bkendctl.core.decoding import decode
from bkendctl.core.runtime import Core

Act = Callable[..., Any]
UNDONE = object()
"""What `look` gives where it did nothing."""


class Handler(NamedTuple):
    """What does an operation: act(call, request) in the transaction, before(call, request) ahead of it.

    hashes: whether that computes a password hash, calls_out: whether it asks somebody else over the network,
    draws: whether it decodes a picture; a server queues each apart from what is quick. admits(call, raw):
    what a file has to pass before a byte of it is read. allowed, alone, counts, chooses: as for `handles`.
    """

    act: Act
    before: Callable[[Call, Any], Any] | None
    hashes: bool
    allowed: Callable[[Call, Raw], None] | None
    alone: bool
    counts: bool
    calls_out: bool
    draws: bool
    admits: Callable[[Call, Raw], None] | None
    chooses: bool


_handlers: dict[str, Handler] = {}


def handles(
    operation: Operation[Any, Any],
    *,
    before: Callable[[Call, Any], Any] | None = None,
    hashes: bool = False,
    allowed: Callable[[Call, Raw], None] | None = None,
    alone: bool = False,
    counts: bool = False,
    calls_out: bool = False,
    draws: bool = False,
    admits: Callable[[Call, Raw], None] | None = None,
    chooses: bool = False,
) -> Callable[[Act], Act]:
    """Register handler(call, request) for an operation; it runs inside the transaction.

    before(call, request) runs ahead of the transaction, for what must not hold the lock (password hashing,
    the reading of a refresh token on arrival); what it gives is the handler's third argument.
    allowed(call, raw) refuses callers without the role, where an organization decides, before the request is
    decoded (x-check-order); what it saw may change until the lock is held, so the handler asks again.
    alone: nobody else writes meanwhile, in no environment, for what reaches beyond the caller's.
    counts: it counts rows, which takes the longer the more there are, so it is not `light`.
    chooses: it takes a new password, about which the range API may be asked (leaks.py).
    """

    def register(act: Act) -> Act:
        _handlers[operation.name] = Handler(
            act, before, hashes, allowed, alone, counts, calls_out, draws, admits, chooses
        )
        return act

    return register


def handler_of(operation: Operation[Any, Any]) -> Handler:
    """The handler, whose module bears the noun's name."""
    if operation.name not in _handlers:
        import_module(f"bkendctl.core.{operation.name.partition('.')[0]}")
    return _handlers[operation.name]


def admit(call: Call, raw: Raw) -> None:
    """Look whether a file that is announced would be taken, before it is read. Failures: of the handler."""
    if admits := handler_of(call.operation).admits:
        admits(call, raw)


def execute(core: Core, operation: Operation[Any, Any], raw: Raw, source: Source | None = None) -> Any:
    """Do an operation and give its response; Failure when it is refused.

    raw.headers holds the credentials: x-api-key and authorization, names in lower case.
    """
    return answer(Call(core, operation, source or Source()), raw)


def answer(call: Call, raw: Raw) -> Any:
    """As execute, for who wants to look at the call afterwards: its environment, its key, its limits."""
    handler = handler_of(call.operation)
    try:
        if rate_limits.is_exact(call):
            _count(call, raw)
        given = _in_one(call, handler, raw)
        if given is not UNDONE:
            return given
        _touch(call)
        request = decode(call.operation, raw)
        prepared = (handler.before(call, request),) if handler.before else ()
    except Failure as failure:
        _record_refusal(call, failure)
        raise
    return _run(call, handler, request, *prepared)


def _count(call: Call, raw: Raw) -> None:
    """Count a request where all processes count together: after its key, before all else.

    Where no key names the environment its `before` does, and counts (count_known).
    """
    if call.operation.access is Access.PUBLIC and "x-api-key" not in raw.headers:
        return
    with call.reading():
        permissions.identify_key(call, raw.headers.get("x-api-key"))
    count_known(call, raw)


def count_known(call: Call, raw: Raw) -> None:
    """Count a request whose environment is known. Failures: as rate_limits.count."""
    with call.core.database.write(call.environment_id) as transaction:
        rate_limits.count(call, transaction, raw)


@cache
def is_light(operation: Operation[Any, Any]) -> bool:
    """Whether an operation reads a few rows by their keys: no change, no list, nothing ahead of it."""
    lists = any(field.name in ("page", "cursor") for field in msgspec.structs.fields(operation.request))
    handler = handler_of(operation)
    return not (operation.changes or lists or handler.before or handler.counts)


def look(call: Call, raw: Raw) -> Any:
    """Answer a light operation without waiting for anybody; UNDONE where something is to be written first.

    Then nothing has happened yet, and `answer` is to be asked with the same call. Failures as there, none of
    them audited, as no refusal of reading is.
    """
    return _in_one(call, handler_of(call.operation), raw)


def _in_one(call: Call, handler: Handler, raw: Raw) -> Any:
    """Find out who calls, and serve what only reads in the same transaction; else UNDONE."""
    with call.reading():
        permissions.identify(call, raw)
        if handler.allowed is not None:
            handler.allowed(call, raw)
        if call.operation.changes or handler.before or permissions.is_to_be_touched(call):
            return UNDONE
        return handler.act(call, decode(call.operation, raw))


def _touch(call: Call) -> None:
    """Note the use of key and session."""
    if permissions.is_to_be_touched(call):
        with call.core.database.write(call.environment_id) as transaction:
            permissions.touch(call, transaction)


def _run(call: Call, handler: Handler, request: Any, *prepared: Any) -> Any:
    """Run the handler and its audit row in one transaction; a failure that says keep is committed with it."""
    database = call.core.database
    kept: Failure | None = None
    # A link of a mail names its environment only once it is looked up: then nobody else writes at all.
    within = () if call.environment is None or handler.alone else (call.environment_id,)
    try:
        with database.write(*within) if call.operation.changes else database.read() as call._tx:
            try:
                given = handler.act(call, request, *prepared)
            except Failure as failure:
                if not failure.keep:
                    raise
                kept = failure
            if audit.is_recorded(call, kept):
                audit.record(call, call.tx, kept)
    except Failure as failure:
        call._tx = None
        _record_refusal(call, failure)
        raise
    finally:
        call._tx = None
    for do in call.afterwards:
        do()
    if kept is not None:
        raise kept
    return given


def _record_refusal(call: Call, failure: Failure) -> None:
    """Audit a refusal whose transaction was rolled back."""
    if audit.is_recorded(call, failure):
        with call.core.database.write(call.environment_id) as transaction:
            audit.record(call, transaction, failure)
