"""The code that the hosted sign-in page gives to an app, traded for tokens."""

from __future__ import annotations

from typing import Annotated

from msgspec import Meta

from bkendctl.contract.accounts import TokenPair
from bkendctl.contract.fields import Url
from bkendctl.contract.operation import Access, Body, Operation, RateClass

PAGE = "/sign-in"
"""The page: its query is client, redirect_uri, code_challenge, code_challenge_method and state."""


class Exchange(Body, kw_only=True):
    """The page's code, and the verifier (PKCE) and redirect_uri that belong to what it was given."""

    code: Annotated[str, Meta(min_length=16, max_length=512, description="16 to 512 characters")]
    code_verifier: Annotated[str, Meta(min_length=43, max_length=128, description="43 to 128 characters")]
    redirect_uri: Url


EXCHANGE = Operation(
    name="hosted.exchange",
    operation_id="exchange_hosted_code",
    method="POST",
    path="/v1/auth/hosted/token",
    summary="Trade the hosted page's code for tokens",
    access=Access.GUEST,
    rate=RateClass.LOGIN,
    request=Exchange,
    response=TokenPair,
    extension=True,
    errors=("auth/account-banned",),
)
