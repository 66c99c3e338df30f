"""The own ways of signing in: list, attach a provider, detach one; and whether an account is registered."""

from __future__ import annotations

from typing import Annotated, Literal

from msgspec import UNSET, Meta, UnsetType

from bkendctl.contract.accounts import LinkedAccount
from bkendctl.contract.fields import AccountProvider, OAuthProvider
from bkendctl.contract.oauth import Proof
from bkendctl.contract.operation import Access, Body, Empty, Message, Operation, RateClass
from bkendctl.contract.paging import Page, PageRequest


class Link(Proof, kw_only=True):
    """Attach the account at a provider that this proves to be the caller's."""

    provider: OAuthProvider


class Unlink(Body, kw_only=True):
    """email: the password."""

    provider: AccountProvider


class Check(Body, kw_only=True):
    """providerAccountId: the e-mail for credentials, the provider's id otherwise."""

    type: Literal["credentials", "oauth"]
    provider: AccountProvider
    provider_account_id: Annotated[str, Meta(min_length=1, max_length=254, description="1 to 254 characters")]


class Checked(Body, kw_only=True):
    """type and provider only where it exists."""

    exists: bool
    type: Literal["credentials", "oauth"] | UnsetType = UNSET
    provider: AccountProvider | UnsetType = UNSET


LIST = Operation(
    name="linked_accounts.list",
    operation_id="list_accounts",
    method="GET",
    path="/v1/auth/accounts",
    summary="Own ways of signing in, oldest first",
    access=Access.USER,
    request=PageRequest,
    response=Page[LinkedAccount],
)

LINK = Operation(
    name="linked_accounts.link",
    operation_id="link_account",
    method="POST",
    path="/v1/auth/accounts",
    summary="Attach a provider to the own user",
    access=Access.USER,
    request=Link,
    response=Empty,
    status=201,
    errors=(
        "auth/account-already-linked",
        "auth/invalid-oauth-code",
        "auth/oauth-callback-failed",
        "auth/oauth-not-configured",
        "auth/unsupported-provider",
    ),
)

UNLINK = Operation(
    name="linked_accounts.unlink",
    operation_id="unlink_account",
    method="DELETE",
    path="/v1/auth/accounts/{provider}",
    summary="Detach a way of signing in",
    access=Access.USER,
    request=Unlink,
    response=Message,
    errors=("auth/account-not-found", "auth/last-auth-method", "auth/unsupported-provider"),
)

CHECK = Operation(
    name="linked_accounts.check",
    operation_id="check_account",
    method="POST",
    path="/v1/auth/accounts/check",
    summary="Whether an account is registered",
    access=Access.GUEST,
    rate=RateClass.LOGIN,
    request=Check,
    response=Checked,
    errors=("auth/unsupported-provider",),
)
