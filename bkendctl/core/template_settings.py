"""Sender and branding of an environment's mails."""

from __future__ import annotations

import re
from email.utils import quote
from typing import Any

import msgspec
from msgspec import Struct

from bkendctl.contract import template_settings as contract
from bkendctl.contract.fields import NO_REPLY
from bkendctl.core import sections
from bkendctl.core.call import Call
from bkendctl.core.dispatch import handles
from bkendctl.core.mail_texts import Design, one_line
from bkendctl.core.sections import Section

_SPECIAL = re.compile(r'[\][\\()<>@,:;".]')  # RFC 5322, section 3.2.3: to be quoted


class Stored(Struct, rename="camel"):
    """What was changed from the defaults. sender_name None: the project's name."""

    sender_email: str = NO_REPLY
    sender_name: str | None = None
    logo_url: str | None = None
    brand_color: str = "#2457d6"
    override_defaults: bool = False


def read(call: Call) -> Stored:
    """The settings of the environment."""
    row = sections.row_of(call, "template_settings")
    return msgspec.convert(row.stored if row is not None else {}, Stored)


def _sender_name(call: Call, settings: Stored) -> str:
    return settings.sender_name or one_line(call.env.project_name)


def sender_of(call: Call, settings: Stored) -> str:
    """The From of mails, for people: whoever sends encodes it for a header, which makes it longer."""
    name = _sender_name(call, settings)
    if _SPECIAL.search(name):
        name = f'"{quote(name)}"'
    return f"{name} <{settings.sender_email}>"


def design_of(call: Call, settings: Stored) -> Design:
    """What the built-in design takes from the settings."""
    return Design(_sender_name(call, settings), settings.logo_url, settings.brand_color)


@handles(contract.GET)
def get(call: Call, _request: Any) -> contract.TemplateSettings:
    """Sender and branding."""
    return _shown(call)


def _shown(call: Call) -> contract.TemplateSettings:
    settings = read(call)
    values = msgspec.to_builtins(settings) | {
        "senderName": _sender_name(call, settings),
        "updatedAt": sections.updated_at(call, "template_settings"),
    }
    return msgspec.convert(values, contract.TemplateSettings)


def _faults(settings: contract.TemplateSettings) -> dict[str, list[str]]:
    faults = {}
    if settings.logo_url and not settings.logo_url.lower().startswith(("https://", "http://")):
        faults["logoUrl"] = ["must be an http or https URL"]
    if one_line(settings.sender_name) != settings.sender_name:
        faults["senderName"] = ["must be one line"]
    return faults


SECTION = Section("template_settings", "template-settings", _shown, _faults)


@handles(contract.SET)
def set_settings(call: Call, request: contract.SetTemplateSettings) -> contract.TemplateSettings:
    """Change what is named, of the next mail on."""
    sections.change_and_tell(call, SECTION, request)
    return _shown(call)
