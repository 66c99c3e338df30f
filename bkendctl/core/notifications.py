"""What a user wants to be told. Mails about the security of an account do not ask here."""

from __future__ import annotations

from typing import Any

import msgspec
from sqlalchemy import Row

from bkendctl.contract import notifications as contract
from bkendctl.contract.users import UserId
from bkendctl.core import users
from bkendctl.core.call import Call
from bkendctl.core.decoding import require_fields
from bkendctl.core.dispatch import handles


@handles(contract.SHOW)
def show(call: Call, request: UserId) -> contract.Notifications:
    """The switches as they stand. user/not-found."""
    return _shown(users.by_id(call, request.user_id))


@handles(contract.SET)
def set_notifications(call: Call, request: contract.SetNotifications) -> contract.Notifications:
    """Change the switches that are named. user/not-found."""
    named = require_fields(request, *contract.Notifications.__struct_fields__)
    user = users.by_id(call, request.user_id)
    before = _shown(user)
    after = msgspec.structs.replace(before, **named)
    call.about("user", user.id, before=msgspec.to_builtins(before), after=msgspec.to_builtins(after))
    return _shown(users.rewritten(call, user, notifications=msgspec.to_builtins(after)))


def _shown(user: Row[Any]) -> contract.Notifications:
    return msgspec.convert(user.notifications or {}, contract.Notifications)
