"""Configuration as code: one document of an environment's settings, planned and applied, all or nothing.

A plan is an apply that is taken back, so that the two cannot disagree. Sections are changed by the functions
of their own nouns; here is what is compared, and what of it is told.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import msgspec
from msgspec import UNSET, Struct

from bkendctl.contract import config as contract
from bkendctl.contract.config import ConfigChange, ConfigDocument, ConfigPlan
from bkendctl.contract.errors import Failure
from bkendctl.contract.oauth_configs import OAuthInput, Provider, SetOAuthConfig
from bkendctl.contract.templates import SetTemplate, TemplateOf
from bkendctl.core import (
    config_seed,
    email_config,
    oauth_configs,
    projects,
    resources,
    schema,
    sections,
    session_settings,
    template_settings,
    templates,
)
from bkendctl.core.call import Call
from bkendctl.core.config_seed import MASKED, Note
from bkendctl.core.dispatch import handles
from bkendctl.core.permissions import covers
from bkendctl.core.sections import Section
from bkendctl.core.weakening import is_weaker

SCOPES = {
    "project": ("projects:update",),
    "email": ("auth-config:update",),
    "sessions": ("auth-config:update",),
    "oauth": ("auth-config:update",),
    "template_settings": ("email-templates:update",),
    "templates": ("email-templates:update",),
}
"""What a scoped key needs besides the operation's own: the scope of the single operation behind a section."""


@handles(contract.GET)
def get(call: Call, _request: Any) -> ConfigDocument:
    """What counts now; can be applied again."""
    document = {
        "version": 1,
        "project": _wire(contract.ProjectChange, projects.settings_of(_project(call))),
        "email": _without_time(email_config.SECTION.shown(call)),
        "sessions": _without_time(session_settings.SECTION.shown(call)),
        "oauth": {provider: _input(config) for provider, config in oauth_configs.stored(call).items()},
        "templateSettings": _without_time(template_settings.SECTION.shown(call)),
        "templates": _texts(call),
    }
    return msgspec.convert(document, ConfigDocument)


def _prepare(call: Call, request: Any) -> config_seed.Hashes:
    """Ask for the scopes of what is in the document, refuse a seed outside dev, hash its passwords."""
    document: ConfigDocument = request.config
    needed = [scope for name, scopes in SCOPES.items() if getattr(document, name) for scope in scopes]
    if document.oauth and None in (document.oauth.google, document.oauth.github):
        needed.append("auth-config:delete")
    if document.seed is not UNSET:
        needed += config_seed.scopes_of(document.seed)
    if call.key is not None and call.key.scopes:
        for scope in needed:
            if not any(covers(mine, scope) for mine in call.key.scopes):
                raise Failure("data/scope-insufficient", f"The key's scopes do not include {scope}.")
    if document.seed is UNSET:
        return {}
    if call.env.type != "dev":
        raise _fault("seed", "is for dev environments alone")
    return config_seed.hashes_for(call, document.seed)


@handles(contract.PLAN, before=_prepare, hashes=True)
def plan(call: Call, request: contract.Plan, hashes: config_seed.Hashes) -> ConfigPlan:
    """Say what apply would do; nothing of it stays."""
    with call.tx.connection.begin_nested() as attempt:
        changes = _change(call, request.config, hashes)
        attempt.rollback()
    return ConfigPlan(applied=False, changes=changes)


@handles(contract.APPLY, before=_prepare, hashes=True)
def apply(call: Call, request: contract.Apply, hashes: config_seed.Hashes) -> ConfigPlan:
    """Change what differs, in one transaction. config/weakening-refused unless such changes are allowed."""
    changes = _change(call, request.config, hashes)
    weakening = [change.path for change in changes if change.weakening]
    if weakening and not request.allow_weaken:
        reason = ["lowers protection"]
        raise Failure("config/weakening-refused", details={f"config.{path}": reason for path in weakening})
    before = {change.path: change.before for change in changes}
    after = {change.path: change.after for change in changes}
    call.details = {}  # of sections that told something themselves
    call.about("environment", call.environment_id, before=before, after=after, weakening=weakening)
    return ConfigPlan(applied=True, changes=changes)


def _change(call: Call, document: ConfigDocument, hashes: config_seed.Hashes) -> list[ConfigChange]:
    changes: list[ConfigChange] = []

    def note(path: str, before: Any, after: Any) -> None:
        weaker = is_weaker(path, before, after, call.env.type)
        changes.append(ConfigChange(path=path, before=before, after=after, weakening=weaker))

    if document.project is not UNSET:
        with _within("project"):
            _change_project(call, document.project, note)
    merged = (
        ("email", email_config.SECTION, document.email),
        ("sessions", session_settings.SECTION, document.sessions),
        ("templateSettings", template_settings.SECTION, document.template_settings),
    )
    for at, section, wanted in merged:
        if wanted is not UNSET:
            with _within(at):
                _merge(call, at, section, wanted, note)
    if document.oauth is not UNSET:
        for provider in document.oauth.__struct_fields__:
            config = getattr(document.oauth, provider)
            if config is not UNSET:
                with _within(f"oauth.{provider}"):
                    _change_provider(call, f"oauth.{provider}", config, note)
    for category, text in (document.templates or {}).items():
        with _within(f"templates.{category}"):
            _change_template(call, category, text, note)
    if document.seed is not UNSET:
        config_seed.plant(call, document.seed, hashes, note)
    return changes


def _change_project(call: Call, wanted: Any, note: Note) -> None:
    row = _project(call)
    resources.require_manager(call, row.organization_id)
    call.tx.hold(row.organization_id)  # the project may be set up from several environments
    row = _project(call)
    present = _wire(contract.ProjectChange, projects.settings_of(row))
    differing = list(differences(present, msgspec.to_builtins(wanted)))
    for name, before, after in differing:
        note(f"project.{name}", before, after)
    if differing:
        names = {field.encode_name: field.name for field in msgspec.structs.fields(contract.ProjectChange)}
        projects.rewrite(call, row, {names[name]: after for name, _before, after in differing})


def _merge(call: Call, at: str, section: Section, wanted: Struct, note: Note) -> None:
    call.renew()
    changes = msgspec.to_builtins(wanted)
    differing = list(differences(msgspec.to_builtins(section.shown(call)), changes))
    for path, before, after in differing:
        note(f"{at}.{path}", before, after)
    if differing:
        sections.change(call, section, changes)


def _change_provider(call: Call, at: str, wanted: OAuthInput | None, note: Note) -> None:
    provider: Any = at.removeprefix("oauth.")
    present = oauth_configs.stored(call).get(provider)
    if wanted is None:
        if present is not None:
            note(at, _input(present), None)
            oauth_configs.remove(call, Provider(provider=provider))
        return
    values = msgspec.to_builtins(wanted)
    secret = values.pop("clientSecret", None)
    changed = [] if present is None else list(differences(_input(present), values))
    if present is None:
        note(at, None, values | ({"clientSecret": MASKED} if secret else {}))
    for name, before, after in changed:
        note(f"{at}.{name}", before, after)
    if present is not None and secret and not oauth_configs.has_secret(call, provider, secret):
        note(f"{at}.clientSecret", MASKED, MASKED)
        changed.append(("clientSecret", MASKED, MASKED))
    if present is None or changed:
        request = SetOAuthConfig(provider=provider, **msgspec.structs.asdict(wanted))
        try:
            oauth_configs.set_config(call, request)
        except Failure as failure:
            if failure.code != "auth/oauth-not-configured":
                raise
            raise _fault("clientSecret", "is needed the first time") from None


def _change_template(call: Call, category: Any, wanted: contract.TemplateInput | None, note: Note) -> None:
    at = f"templates.{category}"
    present = _texts(call).get(category)
    if wanted is None:
        if present is not None:
            note(at, present, None)
            templates.reset(call, TemplateOf(category=category))
        return
    values = msgspec.to_builtins(wanted)
    changed = [] if present is None else list(differences(present, values))
    for name, before, after in changed if present is not None else [("", None, values)]:
        note(f"{at}.{name}".rstrip("."), before, after)
    if present is None or changed:
        templates.set_template(call, SetTemplate(category=category, subject=wanted.subject, body=wanted.body))


def _texts(call: Call) -> dict[str, Any]:
    own = templates.own_texts(call)
    return {category: {"subject": text.subject, "body": text.body} for category, text in own.items()}


def differences(present: Any, wanted: dict[str, Any]) -> Iterator[tuple[str, Any, Any]]:
    """Path, value now and value then of what differs, down to the values of nested objects."""
    for name, value in wanted.items():
        now = present.get(name)
        if isinstance(value, dict) and isinstance(now, dict):
            for path, before, after in differences(now, value):
                yield f"{name}.{path}", before, after
        elif now != value:
            yield name, now, value


@contextmanager
def _within(at: str) -> Iterator[None]:
    """Tell faults of a section by their place in the document."""
    try:
        yield
    except Failure as failure:
        if failure.details and failure.code == "common/invalid-parameters":
            failure.details = {f"config.{at}.{name}": why for name, why in failure.details.items()}
        raise


def _fault(name: str, reason: str) -> Failure:
    """A fault whose place is completed by _within, or stands at the top of the document."""
    place = f"config.{name}" if name == "seed" else name
    return Failure("common/invalid-parameters", details={place: [reason]})


def _project(call: Call) -> Any:
    row = call.tx.row(schema.projects, id=call.env.project_id)
    assert row is not None
    return row


def _wire(kind: type[Struct], values: dict[str, Any]) -> dict[str, Any]:
    """Values by attribute, by their names on the wire."""
    return {field.encode_name: values[field.name] for field in msgspec.structs.fields(kind)}


def _without_time(section: Struct) -> dict[str, Any]:
    values: dict[str, Any] = msgspec.to_builtins(section)
    del values["updatedAt"]
    return values


def _input(config: Any) -> dict[str, Any]:
    """A provider's settings as they are given; the secret is not among them."""
    values: dict[str, Any] = msgspec.to_builtins(config)
    return {
        name: value
        for name, value in values.items()
        if name not in ("provider", "clientSecretSet", "updatedAt")
    }
