"""Language, time zone and theme of a user."""

from __future__ import annotations

from msgspec import UNSET
from sqlalchemy import update

from bkendctl.contract import preferences as contract
from bkendctl.contract.users import UserId
from bkendctl.core import schema, users
from bkendctl.core.call import Call
from bkendctl.core.decoding import require_fields
from bkendctl.core.dispatch import handles

_FIELDS = ("locale", "timezone", "theme")
_users = schema.users


@handles(contract.GET)
def get(call: Call, request: UserId) -> contract.Preferences:
    """Read what a user chose. user/not-found."""
    user = users.by_id(call, request.user_id)
    return contract.Preferences(locale=user.locale, timezone=user.timezone, theme=user.theme)


@handles(contract.UPDATE)
def update_preferences(call: Call, request: contract.UpdatePreferences) -> contract.Preferences:
    """Change what is named; null clears. user/not-found."""
    require_fields(request, *_FIELDS)
    user = users.by_id(call, request.user_id)
    given = {name: getattr(request, name) for name in _FIELDS}
    after = {name: value for name, value in given.items() if value is not UNSET}
    call.about("user", user.id, before={name: getattr(user, name) for name in after}, after=after)
    call.tx.run(update(_users).where(_users.c.id == user.id).values(after | {"updated_at": call.now}))
    return get(call, request)  # type: ignore[no-any-return]
