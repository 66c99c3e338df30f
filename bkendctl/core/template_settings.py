"""Sender and branding of an environment's mails."""

from __future__ import annotations

import re
from email.utils import quote
from typing import Any

import msgspec
from msgspec import Struct
from sqlalchemy import bindparam, select

from bkendctl.contract import template_settings as contract
from bkendctl.contract.errors import Failure
from bkendctl.contract.fields import NO_REPLY
from bkendctl.core import schema
from bkendctl.core.call import Call
from bkendctl.core.clock import wire
from bkendctl.core.decoding import require_fields
from bkendctl.core.dispatch import handles
from bkendctl.core.mail_texts import Design, one_line

SECTION = "template_settings"

_SPECIAL = re.compile(r'[\][\\()<>@,:;".]')  # RFC 5322, section 3.2.3: to be quoted

_table = schema.settings
_BY_SECTION = select(_table.c.stored, _table.c.updated_at).where(
    _table.c.environment_id == bindparam("environment"), _table.c.section == bindparam("section")
)


class Stored(Struct, rename="camel"):
    """What was changed from the defaults. sender_name None: the project's name."""

    sender_email: str = NO_REPLY
    sender_name: str | None = None
    logo_url: str | None = None
    brand_color: str = "#2457d6"
    override_defaults: bool = False


def read(call: Call) -> Stored:
    """The settings of the environment."""
    row = stored(call, SECTION)
    return msgspec.convert(row.stored if row is not None else {}, Stored)


def stored(call: Call, section: str) -> Any:
    """The row of a section of the settings, None where nothing was changed."""
    return call.tx.first(_BY_SECTION, environment=call.environment_id, section=section)


def keep(call: Call, section: str, values: dict[str, Any]) -> None:
    """Store a section in place of what it was."""
    identity = {"environment_id": call.environment_id, "section": section}
    rest = {"stored": values, "updated_at": call.now}
    if not call.tx.update(_table, rest, **identity):
        call.tx.insert(_table, identity | rest)


def sender_of(call: Call, settings: Stored) -> str:
    """The From of mails, for people: whoever sends encodes it for a header, which makes it longer."""
    name = settings.sender_name or call.env.project_name
    if _SPECIAL.search(name):
        name = f'"{quote(name)}"'
    return f"{name} <{settings.sender_email}>"


def design_of(call: Call, settings: Stored) -> Design:
    """What the built-in design takes from the settings."""
    return Design(settings.sender_name or call.env.project_name, settings.logo_url, settings.brand_color)


@handles(contract.GET)
def get(call: Call, _request: Any) -> contract.TemplateSettings:
    """Sender and branding."""
    return _shown(call)


def _shown(call: Call) -> contract.TemplateSettings:
    row, settings = stored(call, SECTION), read(call)
    return contract.TemplateSettings(
        sender_email=settings.sender_email,
        sender_name=settings.sender_name or call.env.project_name,
        logo_url=settings.logo_url,
        brand_color=settings.brand_color,
        override_defaults=settings.override_defaults,
        updated_at=wire(call.env.created_at if row is None else row.updated_at),
    )


@handles(contract.SET)
def set_settings(call: Call, request: contract.SetTemplateSettings) -> contract.TemplateSettings:
    """Change what is named. common/invalid-parameters for a logo elsewhere than at http or https, a name
    of several lines."""
    named = require_fields(request, *contract.SetTemplateSettings.__struct_fields__)
    faults = {}
    if named.get("logo_url") and not named["logo_url"].lower().startswith(("https://", "http://")):
        faults["logoUrl"] = ["must be an http or https URL"]
    if one_line(named.get("sender_name", "")) != named.get("sender_name", ""):
        faults["senderName"] = ["must be one line"]
    if faults:
        raise Failure("common/invalid-parameters", details=faults)
    row = stored(call, SECTION)
    before = read(call)
    changes = msgspec.to_builtins(request)
    keep(call, SECTION, (row.stored if row is not None else {}) | changes)
    call.about(
        "template-settings",
        SECTION,
        before={name: value for name, value in msgspec.to_builtins(before).items() if name in changes},
        after=changes,
    )
    return _shown(call)
