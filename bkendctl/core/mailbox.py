"""What follows when somebody proves that a mailbox is theirs (x-proof-of-mailbox)."""

from __future__ import annotations

from typing import Any, NamedTuple

from msgspec import UnsetType
from sqlalchemy import Row, and_, delete, select, update

from bkendctl.contract import accounts as contract
from bkendctl.core import keys, mail_tokens, members, outbox, schema, sessions
from bkendctl.core.call import Call
from bkendctl.core.mail_texts import Values


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
        mail_tokens.end_all(call, user, but=mail_tokens.DECOY)
        outbox.send(call, "sessions_ended", user.email, values_for(call, user, change="taken_over"))
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
    members.join(
        call,
        kind=invitation.resource_type,
        id_=invitation.resource_id,
        user_id=user_id,
        role=invitation.resource_role,
    )


def values_for(call: Call, user: Row[Any], *, change: str = "", detail: str = "") -> Values:
    """What notices to a user say."""
    return Values(
        user_name=user.name,
        project=call.env.project_name,
        change=change,
        detail=detail,
        locale=user.locale,
    )


def owner(call: Call, email: str) -> Row[Any] | None:
    """The live user of an address."""
    users = schema.users
    return call.tx.first(
        select(users).where(
            users.c.environment_id == call.environment_id,
            users.c.email == email,
            users.c.deleted_at.is_(None),
        )
    )


class Letter(NamedTuple):
    """What brings a token to a mailbox: its category, and where the link leads.

    page: path of the server's own page, for people without an app behind the link.
    """

    category: str
    page: str


CONFIRM_SIGN_UP = Letter(mail_tokens.SIGN_UP, contract.CONFIRM_SIGN_UP.path)
VERIFY = Letter(mail_tokens.VERIFICATION, "/email/verify")
RESET = Letter(mail_tokens.RESET, "/password/reset")


def mail_token(
    call: Call,
    letter: Letter,
    email: str,
    user: Row[Any] | None,
    callback_url: str | UnsetType | None = None,
    *,
    life_ms: int = mail_tokens.PROOF_MS,
) -> None:
    """Make a token for an address and mail it, as link and bare; the older ones of its kind stop."""
    token = mail_tokens.issue(call, letter.category, email, user.id if user is not None else None, life_ms)
    outbox.send(call, letter.category, email, _values_of_link(call, letter, email, user, callback_url, token))


def pretend_to_mail(call: Call, letter: Letter, email: str) -> None:
    """Do all of mail_token but the mail, for an address that gets none: the time it takes must not tell (P1).

    Its token is a decoy, so that it ends no token of anybody.
    """
    token = mail_tokens.issue(call, mail_tokens.DECOY, email, None)
    values = _values_of_link(call, letter, email, None, None, token)
    outbox.send(call, letter.category, email, values, kept=False)


def _values_of_link(
    call: Call,
    letter: Letter,
    email: str,
    user: Row[Any] | None,
    callback_url: str | UnsetType | None,
    token: str,
) -> Values:
    return Values(
        user_name=user.name if user is not None else name_from(email),
        project=call.env.project_name,
        link=outbox.link_to(call, callback_url or letter.page, token=token, email=email),
        token=token,
        locale=user.locale if user is not None else None,
    )


def name_from(email: str) -> str:
    """The name of a user who gave none (decision 41)."""
    return email.partition("@")[0][:100]
