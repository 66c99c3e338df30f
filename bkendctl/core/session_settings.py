"""Settings of sessions: lifetimes and rate limits."""

from __future__ import annotations

from typing import Any

import msgspec

from bkendctl.contract import session_settings as contract
from bkendctl.core import sections
from bkendctl.core.call import Call
from bkendctl.core.dispatch import handles
from bkendctl.core.sections import Section
from bkendctl.core.settings import RateLimits


@handles(contract.GET)
def get(call: Call, _request: Any) -> contract.SessionSettings:
    """What counts now; limits that nobody set are those of the environment's type."""
    return _shown(call)


def _shown(call: Call) -> contract.SessionSettings:
    found = call.settings.sessions
    limits = {
        field.encode_name: found.rate_limits.in_effect(field.name, call.env.type)
        for field in msgspec.structs.fields(RateLimits)
    }
    values = msgspec.to_builtins(found) | {"rateLimits": msgspec.to_builtins(limits)}
    return msgspec.convert(
        values | {"updatedAt": sections.updated_at(call, "sessions")}, contract.SessionSettings
    )


def _faults(settings: contract.SessionSettings) -> dict[str, list[str]]:
    if settings.access_token_seconds <= settings.refresh_token_seconds:
        return {}
    reason = f"must not be above refreshTokenSeconds, which is {settings.refresh_token_seconds}"
    return {"accessTokenSeconds": [reason]}


SECTION = Section("sessions", "auth-config", _shown, _faults)


@handles(contract.SET)
def set_settings(call: Call, request: contract.SetSessionSettings) -> contract.SessionSettings:
    """Change what is named: lifetimes of tokens issued from now on, limits of the next request."""
    sections.change_and_tell(call, SECTION, request)
    return _shown(call)
