"""Templates of mails: stored, shown, tried; and the mail that a category becomes."""

from __future__ import annotations

from typing import Any

from msgspec import UNSET
from sqlalchemy import delete

from bkendctl.contract import templates as contract
from bkendctl.contract.errors import Failure
from bkendctl.core import mail_texts, markup, schema, sections
from bkendctl.core import template_settings as settings_of_templates
from bkendctl.core.call import Call
from bkendctl.core.clock import wire
from bkendctl.core.dispatch import handles
from bkendctl.core.mail_texts import Rendered, Template, Values

_SAMPLE_LINK = "https://app.example.com/{}?token=sample"
_SAMPLES = {"userName": "Alice", "userEmail": "alice@example.com", "inviterName": "Bob"}


def compose(call: Call, category: str, recipient: str, values: Values) -> tuple[Rendered, str]:
    """The mail of a category and its From: by the own template where those are in use, else built in."""
    settings = settings_of_templates.read(call)
    own = _own(call, category) if settings.override_defaults else None
    template = own or mail_texts.built_in(
        category, mail_texts.language_of(values.locale), values.change, token=bool(values.token)
    )
    design = settings_of_templates.design_of(call, settings)
    rendered = mail_texts.render(template, category, recipient, values, design, own=own is not None)
    return rendered, settings_of_templates.sender_of(call, settings)


@handles(contract.LIST)
def list_templates(call: Call, _request: Any) -> contract.Templates:
    """All nine."""
    return contract.Templates(items=[_shown(call, category) for category in mail_texts.CATEGORIES])


@handles(contract.GET)
def get(call: Call, request: contract.TemplateOf) -> contract.Template:
    """What is stored for a category, else the built-in text. auth/template-not-found."""
    return _shown(call, _known(request.category))


@handles(contract.SET)
def set_template(call: Call, request: contract.SetTemplate) -> contract.Template:
    """Keep an own text. auth/template-not-found; common/invalid-parameters for what no mail may have."""
    category = _known(request.category)
    _require_safe(request.body)
    sections.keep(call, _section(category), {"subject": request.subject, "body": request.body})
    call.about("template", category)
    return _shown(call, category)


@handles(contract.RESET)
def reset(call: Call, request: contract.TemplateOf) -> contract.Template:
    """Forget the own text; fine where there was none. auth/template-not-found."""
    category = _known(request.category)
    rows = schema.settings
    mine = (rows.c.environment_id == call.environment_id, rows.c.section == _section(category))
    call.tx.run(delete(rows).where(*mine))
    call.about("template", category)
    return _shown(call, category)


@handles(contract.PREVIEW)
def preview(call: Call, request: contract.PreviewTemplate) -> contract.Preview:
    """The mail with sample values. auth/template-not-found, common/invalid-parameters as for set."""
    category = _known(request.category)
    if request.body is not UNSET:
        _require_safe(request.body)
    samples = {} if request.variables is UNSET else request.variables
    template, is_own = _tried(call, category, request)
    rendered = mail_texts.render(
        template,
        category,
        samples.get("userEmail", _SAMPLES["userEmail"]),
        _sample_values(call, category, samples, request.locale),
        settings_of_templates.design_of(call, settings_of_templates.read(call)),
        own=is_own,
    )
    unused = [name for name in samples if name not in mail_texts.names_in(category)]
    return contract.Preview(
        subject=rendered.subject,
        html=rendered.html,
        text=rendered.text,
        unknown_variables=[*dict.fromkeys((*rendered.empty, *unused))],
    )


def _tried(call: Call, category: str, request: contract.PreviewTemplate) -> tuple[Template, bool]:
    """What to render, and whether it is an own text: what came along, else what is stored, else built in."""
    own = _own(call, category)
    if own is None and request.subject is UNSET and request.body is UNSET:
        return mail_texts.built_in(category, request.locale), False
    base = own or mail_texts.to_be_edited(category, request.locale, call.env.project_name)
    subject = base.subject if request.subject is UNSET else request.subject
    return Template(subject, base.body if request.body is UNSET else request.body), True


def _sample_values(call: Call, category: str, samples: dict[str, str], locale: str) -> Values:
    link = mail_texts.LINKS.get(category, "")
    return Values(
        user_name=samples.get("userName", _SAMPLES["userName"]),
        project=call.env.project_name,
        link=samples.get(link, _SAMPLE_LINK.format(category.replace("_", "-"))) if link else "",
        inviter=samples.get("inviterName", _SAMPLES["inviterName"]),
        resource=samples.get("resourceName", call.env.project_name),
        locale=locale,
    )


def _known(category: str) -> str:
    if category not in mail_texts.CATEGORIES:
        raise Failure("auth/template-not-found")
    return category


def _section(category: str) -> str:
    return f"template:{category}"


def _own(call: Call, category: str) -> Template | None:
    row = sections.row_of(call, _section(category))
    return None if row is None else Template(row.stored["subject"], row.stored["body"])


def own_texts(call: Call) -> dict[str, Template]:
    """The own texts that are stored, in use or not, by category."""
    found = {category: _own(call, category) for category in mail_texts.CATEGORIES}
    return {category: own for category, own in found.items() if own is not None}


def _require_safe(body: str) -> None:
    faults = markup.faults(body)
    if faults:
        raise Failure("common/invalid-parameters", details={"body": faults})


def _shown(call: Call, category: str) -> contract.Template:
    row = sections.row_of(call, _section(category))
    template = _own(call, category) or mail_texts.to_be_edited(category, "en", call.env.project_name)
    in_use = settings_of_templates.read(call).override_defaults
    return contract.Template(
        category=category,  # type: ignore[arg-type]
        subject=template.subject,
        body=template.body,
        is_custom=row is not None and in_use,
        variables=list(mail_texts.names_in(category)),  # type: ignore[arg-type]
        updated_at=wire(row.updated_at if row is not None else None),
    )
