"""Language, time zone and theme of a user."""

from __future__ import annotations

from typing import Any

from sqlalchemy import Row

from bkendctl.contract import preferences as contract
from bkendctl.contract.users import UserId
from bkendctl.core import users
from bkendctl.core.call import Call
from bkendctl.core.decoding import require_fields
from bkendctl.core.dispatch import handles


@handles(contract.SHOW)
def show(call: Call, request: UserId) -> contract.Preferences:
    """What a user chose. user/not-found."""
    return _shown(users.by_id(call, request.user_id))


@handles(contract.SET)
def set_preferences(call: Call, request: contract.SetPreferences) -> contract.Preferences:
    """Change what is named; null clears. user/not-found."""
    named = require_fields(request, "locale", "timezone", "theme")
    user = users.by_id(call, request.user_id)
    call.about("user", user.id, before={name: getattr(user, name) for name in named}, after=named)
    return _shown(users.rewritten(call, user, **named))


def _shown(user: Row[Any]) -> contract.Preferences:
    return contract.Preferences(locale=user.locale, timezone=user.timezone, theme=user.theme)
