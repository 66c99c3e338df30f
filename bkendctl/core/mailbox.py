"""What follows when somebody proves that a mailbox is theirs (x-proof-of-mailbox)."""

from __future__ import annotations

from typing import Any

from sqlalchemy import Row, and_, delete, select, update

from bkendctl.core import keys, outbox, schema, sessions
from bkendctl.core.call import Call
from bkendctl.core.mail_texts import Values

SIGN_UP = "signup_confirmation"


def confirm(call: Call, user: Row[Any]) -> None:
    """Mark the address as proven, keeping all else, and let accepted invitations become memberships."""
    users = schema.users
    if user.email_verified_at is None:
        call.tx.run(
            update(users).where(users.c.id == user.id).values(email_verified_at=call.now, updated_at=call.now)
        )
    join_accepted(call, user.id, user.email)


def take_over(call: Call, user: Row[Any]) -> None:
    """Give an account to whoever holds its mailbox: all that an unproven owner left is dropped.

    An address proven before changes nothing.
    """
    if user.email_verified_at is None:
        sessions.end_all(call, user.id, "taken-over")
        for table in (schema.passwords, schema.linked_accounts, schema.mfa_enrolments, schema.backup_codes):
            call.tx.run(delete(table).where(table.c.user_id == user.id))
        keys.revoke_personal(call, user.id)
        tokens = schema.mail_tokens
        call.tx.run(delete(tokens).where(tokens.c.user_id == user.id))
        what = "the address was proven by its owner, and what was set before is gone"
        outbox.send(call, "sessions_ended", user.email, values_for(call, user, what=what))
    confirm(call, user)


def join_accepted(call: Call, user_id: str, email: str) -> None:
    """Turn invitations that were accepted before the address was proven into memberships."""
    invitations = schema.invitations
    waiting = and_(
        invitations.c.environment_id == call.environment_id,
        invitations.c.email == email,
        invitations.c.membership_pending.is_(True),
    )
    for invitation in call.tx.all(select(invitations).where(waiting)):
        join(call, invitation, user_id)
    call.tx.run(update(invitations).where(waiting).values(membership_pending=False))


def join(call: Call, invitation: Row[Any], user_id: str) -> None:
    """Make a user a member of what an invitation is for; a member stays what it is."""
    memberships = schema.memberships
    identity = {
        "resource_type": invitation.resource_type,
        "resource_id": invitation.resource_id,
        "user_id": user_id,
    }
    known = call.tx.first(
        select(memberships).where(*(memberships.c[name] == v for name, v in identity.items()))
    )
    if known is None:
        rest = {
            "environment_id": call.environment_id,
            "role": invitation.resource_role,
            "joined_at": call.now,
        }
        call.tx.insert(memberships, identity | rest)


def values_for(call: Call, user: Row[Any], *, link: str = "", what: str = "") -> Values:
    """What mails to a user say."""
    return Values(user_name=user.name, project=call.env.project_name, link=link, what=what)
