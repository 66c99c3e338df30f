"""Sender and branding of mails, and whether own templates are in use."""

from __future__ import annotations

from typing import Annotated

from msgspec import UNSET, Meta, UnsetType

from bkendctl.contract.fields import Name, Sender, Timestamp, Url
from bkendctl.contract.operation import Access, Body, Empty, Operation

Color = Annotated[str, Meta(pattern="^#[0-9A-Fa-f]{6}$", description="a colour such as #2457d6")]


class TemplateSettings(Body, kw_only=True):
    """override_defaults: whether stored templates go out in place of the built-in ones."""

    sender_email: str
    sender_name: str
    logo_url: str | None
    brand_color: str
    override_defaults: bool
    updated_at: Timestamp


class SetTemplateSettings(Body, kw_only=True):
    """Only given fields change; null takes the logo away. sender_email: the built-in one may be set again."""

    sender_email: Sender | UnsetType = UNSET
    sender_name: Name | UnsetType = UNSET
    logo_url: Url | UnsetType | None = UNSET
    brand_color: Color | UnsetType = UNSET
    override_defaults: bool | UnsetType = UNSET


GET = Operation(
    name="template_settings.get",
    operation_id="get_template_settings",
    method="GET",
    path="/v1/email-templates/settings",
    summary="Sender and branding of mails",
    access=Access.ADMIN,
    scope="email-templates:read",
    request=Empty,
    response=TemplateSettings,
    extension=True,
)

SET = Operation(
    name="template_settings.set",
    operation_id="update_template_settings",
    method="PATCH",
    path="/v1/email-templates/settings",
    summary="Change sender and branding of mails",
    access=Access.ADMIN,
    scope="email-templates:update",
    request=SetTemplateSettings,
    response=TemplateSettings,
    extension=True,
)
