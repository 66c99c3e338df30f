"""Settings of sign-in by e-mail."""

from __future__ import annotations

from typing import Any

import msgspec

from bkendctl.contract import email_config as contract
from bkendctl.core import callbacks, sections
from bkendctl.core.call import Call
from bkendctl.core.dispatch import handles
from bkendctl.core.sections import Section


@handles(contract.GET)
def get(call: Call, _request: Any) -> contract.EmailConfig:
    """What counts now: the contract's defaults, and what was changed from them."""
    return _shown(call)


def _shown(call: Call) -> contract.EmailConfig:
    values = msgspec.to_builtins(call.settings.email)
    return msgspec.convert(values | {"updatedAt": sections.updated_at(call, "email")}, contract.EmailConfig)


def _faults(config: contract.EmailConfig) -> dict[str, list[str]]:
    policy = config.password_policy
    faults = {
        f"allowedCallbackUrls.{place}": [callbacks.PLAIN_PREFIX]
        for place, url in enumerate(config.allowed_callback_urls)
        if not callbacks.is_base(url)
    }
    if policy.min_length > policy.max_length:
        reason = f"must not be above maxLength, which is {policy.max_length}"
        faults["passwordPolicy.minLength"] = [reason]
    return faults


SECTION = Section("email", "auth-config", _shown, _faults)


@handles(contract.SET)
def set_config(call: Call, request: contract.SetEmailConfig) -> contract.EmailConfig:
    """Change what is named, from the next request on in every process; passwords that exist stay good."""
    sections.change_and_tell(call, SECTION, request)
    return _shown(call)
