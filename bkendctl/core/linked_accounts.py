"""Ways of signing in that are attached to a user: listed, linked, unlinked, and whether one is registered."""

from __future__ import annotations

from typing import Any

from sqlalchemy import Row, func, select

from bkendctl.contract import linked_accounts as contract
from bkendctl.contract.accounts import LinkedAccount
from bkendctl.contract.errors import Failure
from bkendctl.contract.operation import Empty, Message
from bkendctl.contract.paging import Page, PageRequest, Pagination
from bkendctl.core import mailbox, oauth_proofs, schema
from bkendctl.core.call import Call
from bkendctl.core.clock import wire
from bkendctl.core.dispatch import handles
from bkendctl.core.identities import Identity, address_of
from bkendctl.core.oauth_proofs import Proven

_table = schema.linked_accounts


def user_of(call: Call, identity: Identity) -> Row[Any] | None:
    """The user an identity is linked to; the address it has at the provider by now is noted."""
    row = call.tx.row(
        _table,
        environment_id=call.environment_id,
        provider=identity.provider,
        provider_account_id=identity.subject,
    )
    if row is None:
        return None
    if row.email != identity.email:
        call.tx.update(_table, {"email": identity.email}, id=row.id)
    return call.tx.row(schema.users, id=row.user_id)


def insert(call: Call, user: Row[Any], identity: Identity) -> None:
    """Attach an identity that nobody has to a user."""
    values = {
        "id": call.new_id(),
        "environment_id": call.environment_id,
        "user_id": user.id,
        "provider": identity.provider,
        "provider_account_id": identity.subject,
        "email": identity.email,
        "connected_at": call.now,
    }
    call.tx.insert(_table, values)


@handles(contract.LIST)
def list_accounts(call: Call, request: PageRequest) -> Page[LinkedAccount]:
    """A page of the caller's ways of signing in, oldest first."""
    mine = _table.c.user_id == call.caller.id
    total = call.tx.value(select(func.count()).select_from(_table).where(mine))
    rows = call.tx.all(
        select(_table)
        .where(mine)
        .order_by(_table.c.connected_at, _table.c.provider)
        .limit(request.limit)
        .offset((request.page - 1) * request.limit)
    )
    items = [
        LinkedAccount(
            id=row.id,
            user_id=row.user_id,
            provider=row.provider,
            provider_account_id=row.provider_account_id,
            email=row.email,
            connected_at=wire(row.connected_at),
        )
        for row in rows
    ]
    return Page(items=items, pagination=Pagination.of(request.page, request.limit, total))


def _prove(call: Call, request: contract.Link) -> Proven:
    return oauth_proofs.proven(call, request.provider, request, "link")


@handles(contract.LINK, before=_prove, calls_out=True)
def link(call: Call, _request: contract.Link, found: Proven) -> Empty:
    """Attach the account at a provider to the caller; its proven address proves the caller's, if it is that.

    auth/account-already-linked where it is somebody's, or the caller has one of that provider.
    """
    attach(call, call.caller, found.identity)
    return Empty()


def attach(call: Call, user: Row[Any], identity: Identity) -> None:
    """Link an identity to a user. auth/account-already-linked."""
    call.about("user", user.id, provider=identity.provider)
    where = {"environment_id": call.environment_id, "provider": identity.provider}
    taken = call.tx.row(_table, **where, provider_account_id=identity.subject)
    present = call.tx.row(_table, user_id=user.id, provider=identity.provider)
    if taken is not None or present is not None:
        raise Failure("auth/account-already-linked")
    insert(call, user, identity)
    if identity.proven and identity.email == user.email:
        mailbox.confirm(call, user)


@handles(contract.UNLINK)
def unlink(call: Call, request: contract.Unlink) -> Message:
    """Detach a way of signing in; email takes the password with it.

    Failures: auth/account-not-found, auth/last-auth-method.
    """
    user = call.caller
    call.about("user", user.id, provider=request.provider)
    attached = [row.provider for row in call.tx.all(select(_table).where(_table.c.user_id == user.id))]
    if request.provider not in attached:
        raise Failure("auth/account-not-found", f"You do not sign in with {request.provider}.")
    if len(attached) == 1:
        raise Failure("auth/last-auth-method")
    mine = (_table.c.user_id == user.id, _table.c.provider == request.provider)
    call.tx.run(_table.delete().where(*mine))
    if request.provider == "email":
        call.tx.run(schema.passwords.delete().where(schema.passwords.c.user_id == user.id))
    return Message(message=f"You no longer sign in with {request.provider}.")


@handles(contract.CHECK)
def check(call: Call, request: contract.Check) -> contract.Checked:
    """Whether somebody signs in that way; type and provider have to fit together."""
    kind = "credentials" if request.provider == "email" else "oauth"
    if request.type != kind:
        raise Failure("common/invalid-parameters", details={"type": [f"is {kind} for {request.provider}"]})
    account_id: str | None = request.provider_account_id
    if kind == "credentials":
        account_id = address_of(account_id)
    row = account_id and call.tx.row(
        _table,
        environment_id=call.environment_id,
        provider=request.provider,
        provider_account_id=account_id,
    )
    if not row:
        return contract.Checked(exists=False)
    return contract.Checked(exists=True, type=request.type, provider=request.provider)
