"""Templates of mails: nine categories, each with a built-in text that an own one may take the place of."""

from __future__ import annotations

from typing import Annotated, Literal

from msgspec import UNSET, Meta, UnsetType

from bkendctl.contract.fields import MailCategory, Timestamp
from bkendctl.contract.operation import Access, Body, Empty, Operation

Variable = Literal[
    "userName",
    "userEmail",
    "resetLink",
    "verifyLink",
    "magicLink",
    "inviterName",
    "resourceName",
    "invitationLink",
]
Language = Literal["en", "ko", "ja"]
Subject = Annotated[str, Meta(min_length=1, max_length=200, description="1 to 200 characters")]
Html = Annotated[str, Meta(min_length=1, max_length=102_400, description="1 to 102400 characters of HTML")]
Sample = Annotated[str, Meta(max_length=2048, description="at most 2048 characters")]


class Template(Body, kw_only=True):
    """body: HTML, a whole document or what goes into the built-in design.

    What is stored is shown; is_custom tells whether it is in use (override_defaults). variables: usable here
    as {{name}}. updated_at: None where nothing is stored.
    """

    category: MailCategory
    subject: str
    body: str
    is_custom: bool
    variables: list[Variable]
    updated_at: Timestamp | None


class Templates(Body, kw_only=True):
    """All nine."""

    items: list[Template]


class TemplateOf(Body, kw_only=True):
    """Which one; anything but the nine is auth/template-not-found."""

    category: str


class SetTemplate(TemplateOf, kw_only=True):
    """An own text."""

    subject: Subject
    body: Html


class PreviewTemplate(TemplateOf, kw_only=True):
    """subject, body: unsaved ones to try; locale: language of the built-in text; variables: sample values."""

    subject: Subject | UnsetType = UNSET
    body: Html | UnsetType = UNSET
    locale: Language = "en"
    variables: dict[str, Sample] | UnsetType = UNSET


class Preview(Body, kw_only=True):
    """A mail that was not sent. unknown_variables: names that nothing was put in for."""

    subject: str
    html: str
    text: str
    unknown_variables: list[str]


NOT_FOUND = ("auth/template-not-found",)

LIST = Operation(
    name="templates.list",
    operation_id="list_templates",
    method="GET",
    path="/v1/email-templates",
    summary="All nine templates of mails",
    access=Access.ADMIN,
    scope="email-templates:list",
    request=Empty,
    response=Templates,
    extension=True,
)

GET = Operation(
    name="templates.get",
    operation_id="get_template",
    method="GET",
    path="/v1/email-templates/{category}",
    summary="One template",
    access=Access.ADMIN,
    scope="email-templates:read",
    request=TemplateOf,
    response=Template,
    errors=NOT_FOUND,
    extension=True,
)

SET = Operation(
    name="templates.set",
    operation_id="set_template",
    method="PUT",
    path="/v1/email-templates/{category}",
    summary="Store an own text",
    access=Access.ADMIN,
    scope="email-templates:update",
    request=SetTemplate,
    response=Template,
    errors=NOT_FOUND,
    extension=True,
)

RESET = Operation(
    name="templates.reset",
    operation_id="reset_template",
    method="DELETE",
    path="/v1/email-templates/{category}",
    summary="Go back to the built-in text",
    access=Access.ADMIN,
    scope="email-templates:delete",
    request=TemplateOf,
    response=Template,
    errors=NOT_FOUND,
    extension=True,
)

PREVIEW = Operation(
    name="templates.preview",
    operation_id="preview_template",
    method="POST",
    path="/v1/email-templates/{category}/preview",
    summary="Render a template without sending",
    access=Access.ADMIN,
    scope="email-templates:read",
    request=PreviewTemplate,
    response=Preview,
    errors=NOT_FOUND,
    extension=True,
)
