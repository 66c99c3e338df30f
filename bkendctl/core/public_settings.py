"""Whether others see a user's profile, and under which slug."""

from __future__ import annotations

from typing import Any

from sqlalchemy import Row
from sqlalchemy.exc import IntegrityError

from bkendctl.contract import public_settings as contract
from bkendctl.contract.errors import Failure
from bkendctl.contract.users import UserId
from bkendctl.core import users
from bkendctl.core.call import Call
from bkendctl.core.decoding import require_fields
from bkendctl.core.dispatch import handles


@handles(contract.SHOW)
def show(call: Call, request: UserId) -> contract.PublicSettings:
    """Switch and slug. user/not-found."""
    return _shown(users.by_id(call, request.user_id))


@handles(contract.SET)
def set_public_settings(call: Call, request: contract.SetPublicSettings) -> contract.PublicSettings:
    """Change what is named; a null slug frees it. user/not-found, user/slug-already-exists."""
    named = require_fields(request, "slug", "is_public")
    user = users.by_id(call, request.user_id)
    call.about("user", user.id, before={name: getattr(user, name) for name in named}, after=named)
    try:
        return _shown(users.rewritten(call, user, **named))
    except IntegrityError:
        raise Failure("user/slug-already-exists") from None


def _shown(user: Row[Any]) -> contract.PublicSettings:
    return contract.PublicSettings(slug=user.slug, is_public=user.is_public)
