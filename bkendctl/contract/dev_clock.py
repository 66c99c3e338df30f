"""The clock of a dev environment, which moves every expiry, TOTP, lock and rate window."""

from __future__ import annotations

from typing import Annotated

from msgspec import Meta

from bkendctl.contract.fields import Timestamp
from bkendctl.contract.operation import Access, Body, Empty, Operation

TEN_YEARS = 315_360_000


class DevClock(Body, kw_only=True):
    """offsetSeconds: added to real time; now: time as the environment sees it."""

    offset_seconds: int
    now: Timestamp


class SetClock(Body, kw_only=True):
    """How far the clock is moved from real time."""

    offset_seconds: Annotated[
        int, Meta(ge=-TEN_YEARS, le=TEN_YEARS, description="whole seconds, at most ten years either way")
    ]


SHOW = Operation(
    name="dev_clock.show",
    operation_id="get_dev_clock",
    method="GET",
    path="/v1/dev/clock",
    summary="Clock offset of this environment",
    access=Access.ADMIN,
    dev_only=True,
    request=Empty,
    response=DevClock,
    extension=True,
)

SET = Operation(
    name="dev_clock.set",
    operation_id="set_dev_clock",
    method="PUT",
    path="/v1/dev/clock",
    summary="Move the environment's clock",
    access=Access.ADMIN,
    dev_only=True,
    request=SetClock,
    response=DevClock,
    extension=True,
)
