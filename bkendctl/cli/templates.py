"""bkendctl templates: what mails say."""

from __future__ import annotations

import sys
from typing import Annotated, Any

import typer

from bkendctl.cli import templates_settings
from bkendctl.cli.context import Context
from bkendctl.cli.editing import edited, opened_in_browser, text_of, written
from bkendctl.cli.options import Noun, one_of
from bkendctl.cli.tables import KEEP, Column, View
from bkendctl.cli.text import visible
from bkendctl.client.voice import Voice
from bkendctl.contract import templates
from bkendctl.contract.errors import Failure

noun = Noun("What mails say: own texts, sender, logo, colour.")
noun.add_typer(templates_settings.noun, name="settings")

MANY = View(
    columns=(
        Column("Category", "category", KEEP),
        Column("Subject", "subject", 8),
        Column("Own", "isCustom", 7),
        Column("Updated", "updatedAt", 5, "time"),
    ),
    noun="templates",
    quiet="category",
)
ONE = View(columns=tuple(each._replace(priority=KEEP) for each in MANY.columns), quiet="body")
FINDINGS = View(
    columns=(Column("Category", "category", KEEP), Column("Finding", "finding", KEEP)), noun="findings"
)
Category = Annotated[str, typer.Argument(help="Kind of mail, such as invitation.", metavar="CATEGORY")]
File = Annotated[str | None, typer.Option("--file", help="HTML to take, - for stdin.", metavar="FILE")]
Subject = Annotated[str | None, typer.Option(help="Subject, with {{names}}.")]
NOT_IN_USE = "stored, and not in use until: bkendctl templates settings set --override-defaults"
LONG_SUBJECT = 78
"""More is cut by most lists of mails, and folded on its way (RFC 5322, section 2.1.1)."""


@noun.verb("list")
def list_templates(ctx: Context) -> None:
    """List the nine kinds of mails.

    Example: bkendctl templates list
    """
    ctx.show(ctx.call(templates.LIST, voice=Voice.ADMIN), MANY)


@noun.verb("get")
def get(ctx: Context, category: Category) -> None:
    """Show the text of a kind of mail.

    The own one where one is stored, else the built-in one. -q: the HTML alone, as a start for an own text.

    Example: bkendctl templates get invitation -q
    """
    found = ctx.call(templates.GET, templates.TemplateOf(category=category), voice=Voice.ADMIN)
    names = " ".join(f"{{{{{name}}}}}" for name in found.variables)
    head = f"Subject: {found.subject}\nOwn: {'yes' if found.is_custom else 'no'}\nVariables: {names}\n\n"
    _show_text(ctx, head + found.body, found, View(quiet="body"))


@noun.verb("set")
def set_template(ctx: Context, category: Category, file: File = None, subject: Subject = None) -> None:
    """Store an own text, from a file, stdin or your editor.

    A whole HTML document goes out as it is, anything less within the built-in design.

    Example: bkendctl templates set invitation --file invitation.html
    """
    before = ctx.call(templates.GET, templates.TemplateOf(category=category), voice=Voice.ADMIN)
    if file is None:
        _edit(ctx, category, subject or before.subject, before.body)
    else:
        _store(ctx, category, subject or before.subject, text_of(ctx, file))


def _edit(ctx: Context, category: str, subject: str, body: str) -> None:
    with edited(ctx, f"Subject: {subject}\n\n{body}\n", ".html") as text:
        if text is None:
            ctx.say.note("nothing was changed")
            return
        head, _, rest = text.partition("\n")
        if not head.startswith("Subject:"):
            ctx.refuse("The first line has to be `Subject: …`.")
        _store(ctx, category, head.removeprefix("Subject:").strip(), rest.strip())


def _store(ctx: Context, category: str, subject: str, body: str) -> None:
    request = templates.SetTemplate(category=category, subject=subject, body=body)
    stored = ctx.call(templates.SET, request, voice=Voice.ADMIN)
    ctx.show(stored, ONE)
    if not stored.is_custom:
        ctx.say.note(NOT_IN_USE)


@noun.verb("reset")
def reset(ctx: Context, category: Category) -> None:
    """Forget the own text of a kind of mail.

    Example: bkendctl templates reset invitation --yes
    """
    ctx.confirm(f"Forget the own text of {category}?")
    ctx.show(ctx.call(templates.RESET, templates.TemplateOf(category=category), voice=Voice.ADMIN), ONE)


@noun.verb("preview")
def preview(
    ctx: Context,
    category: Category,
    file: File = None,
    subject: Subject = None,
    locale: Annotated[
        str | None, typer.Option(help="Language of a built-in text.", metavar=one_of(templates.Language))
    ] = None,
    value: Annotated[list[str] | None, typer.Option(help="A sample value.", metavar="NAME=VALUE")] = None,
    html: Annotated[str | None, typer.Option("--html", help="Write the HTML there.", metavar="FILE")] = None,
    open_: Annotated[bool, typer.Option("--open", help="Show the HTML in your browser.")] = False,
) -> None:
    """Show a mail with sample values.

    Example: bkendctl templates preview invitation --locale ko --value inviterName=Bob
    """
    request = _tried(ctx, category, file, subject)
    if locale is not None:
        request.locale = locale  # type: ignore[assignment]
    if value:
        request.variables = dict(_pair(ctx, each) for each in value)
    found = ctx.call(templates.PREVIEW, request, voice=Voice.ADMIN)
    for name in found.unknown_variables:
        ctx.say.warn(f"{{{{{name}}}}} renders empty")
    if html is not None:
        written(html, found.html)
    if open_:
        opened_in_browser(ctx, found.html)
    _show_text(ctx, f"Subject: {found.subject}\n\n{found.text}", found, View(quiet="text"))


@noun.verb("lint")
def lint(
    ctx: Context,
    category: Annotated[
        str | None, typer.Argument(help="Kind of mail; all of them by default.", metavar="CATEGORY")
    ] = None,
    file: File = None,
    subject: Subject = None,
) -> None:
    """Look for what is wrong with texts.

    No link, unsafe addresses, unknown variables, a long subject: exit status 1 when there is one.

    Example: bkendctl templates lint invitation --file invitation.html
    """
    if file is not None and category is None:
        ctx.refuse("--file needs the kind of mail.", hint="bkendctl templates lint invitation --file FILE")
    known = ctx.call(templates.LIST, voice=Voice.ADMIN).items
    if category is not None and category not in {each.category for each in known}:
        raise Failure("auth/template-not-found")
    rows = []
    for each in known:
        if category in (None, each.category):
            request = _tried(ctx, each.category, file, subject)
            found = _findings(ctx, each, request)
            rows += [{"category": each.category, "finding": finding} for finding in found]
    ctx.show(rows, FINDINGS)
    if rows:
        raise typer.Exit(1)


def _findings(ctx: Context, template: Any, request: templates.PreviewTemplate) -> list[str]:
    """What is wrong with one text, by rendering it with a link that is known."""
    links = [name for name in template.variables if name.endswith("Link")]
    marker = "https://lint.invalid/marker"
    request.variables = dict.fromkeys(links, marker)
    try:
        found = ctx.call(templates.PREVIEW, request, voice=Voice.ADMIN)
    except Failure as failure:
        if failure.code != "common/invalid-parameters" or not failure.details:
            raise
        return [f"{field}: {reason}" for field, reasons in failure.details.items() for reason in reasons]
    findings = [f"{{{{{name}}}}} is no variable here" for name in found.unknown_variables]
    if links and marker not in found.html:
        findings.append(f"the link {{{{{links[0]}}}}} is missing")
    if len(found.subject) > LONG_SUBJECT:
        findings.append(f"the subject has {len(found.subject)} characters, more than {LONG_SUBJECT} are cut")
    return findings


def _tried(ctx: Context, category: str, file: str | None, subject: str | None) -> templates.PreviewTemplate:
    request = templates.PreviewTemplate(category=category)
    if file is not None:
        request.body = text_of(ctx, file)
    if subject is not None:
        request.subject = subject
    return request


def _show_text(ctx: Context, text: str, body: Any, view: View) -> None:
    """Write a text for people, else what -o, -q or --jq ask for."""
    if ctx.output.format != "table" or ctx.output.quiet or ctx.output.jq:
        ctx.show(body, view)
    else:
        sys.stdout.write(visible(text.rstrip("\n") + "\n", keep="\n"))


def _pair(ctx: Context, text: str) -> tuple[str, str]:
    name, is_pair, value = text.partition("=")
    if not is_pair:
        ctx.refuse(f"--value is NAME=VALUE, not {text}.")
    return name, value
