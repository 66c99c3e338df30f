"""Configuration as code: settings of an environment and its project as a document, planned and applied."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from msgspec import UNSET, Meta, UnsetType

from bkendctl.contract.email_config import SetEmailConfig
from bkendctl.contract.fields import (
    Description,
    Email,
    MailCategory,
    Name,
    OAuthProvider,
    OrganizationRole,
    Role,
    Scope,
    Slug,
    Url,
    Uuid,
)
from bkendctl.contract.oauth_configs import OAuthInput
from bkendctl.contract.operation import Access, Body, Empty, Operation
from bkendctl.contract.projects import Issuer, Origin
from bkendctl.contract.session_settings import SetSessionSettings
from bkendctl.contract.template_settings import SetTemplateSettings
from bkendctl.contract.templates import Html, Subject

KeyValue = Annotated[
    str, Meta(pattern="^(pk|sk)_[a-fA-F0-9]{64}$", description="pk_ or sk_ and 64 hex digits")
]
Thousand = Meta(max_length=1000, description="at most 1000 items")
Hundred = Meta(max_length=100, description="at most 100 items")


class ProjectChange(Body, kw_only=True):
    """Settings of the project, which all its environments share."""

    name: Name | UnsetType = UNSET
    description: Description | UnsetType | None = UNSET
    issuer: Issuer | UnsetType = UNSET
    cors_origins: (
        Annotated[list[Origin], Meta(max_length=10, description="at most 10 origins")] | UnsetType
    ) = UNSET
    public_url: Url | UnsetType | None = UNSET


class OAuthInputs(Body, kw_only=True):
    """By provider; null removes one."""

    google: OAuthInput | UnsetType | None = UNSET
    github: OAuthInput | UnsetType | None = UNSET


class TemplateInput(Body, kw_only=True):
    """An own text; body in HTML."""

    subject: Subject
    body: Html


class SeedAccount(Body, kw_only=True):
    """A provider's account that a user signs in with."""

    provider: OAuthProvider
    provider_account_id: Annotated[str, Meta(min_length=1, max_length=254, description="1 to 254 characters")]


class SeedUser(Body, kw_only=True):
    """A user with a fixed id. totpSecret: base32; turns MFA on."""

    id: Uuid
    email: Email
    name: Name | UnsetType = UNSET
    role: Role | UnsetType = UNSET
    email_verified: bool | UnsetType = UNSET
    password: (
        Annotated[str, Meta(min_length=1, max_length=1024, description="1 to 1024 characters")] | UnsetType
    ) = UNSET
    totp_secret: (
        Annotated[str, Meta(pattern="^[A-Z2-7]{16,128}$", description="16 to 128 letters of base32")]
        | UnsetType
    ) = UNSET
    accounts: (
        Annotated[list[SeedAccount], Meta(max_length=2, description="at most 2 accounts")] | UnsetType
    ) = UNSET


class SeedMember(Body, kw_only=True):
    """A user in an organization."""

    user_id: Uuid
    role: OrganizationRole


class SeedOrganization(Body, kw_only=True):
    """An organization with a fixed id; members that are not listed stay."""

    id: Uuid
    name: Name
    slug: Slug | UnsetType = UNSET
    members: Annotated[list[SeedMember], Thousand] | UnsetType = UNSET


class SeedInvitation(Body, kw_only=True):
    """An invitation in any state; token is what its link would carry."""

    id: Uuid
    resource_type: Literal["organization", "project"]
    resource_id: Uuid
    email: Email
    resource_role: OrganizationRole
    status: Literal["pending", "accepted", "rejected", "expired", "revoked"] = "pending"
    token: (
        Annotated[str, Meta(min_length=16, max_length=512, description="16 to 512 characters")] | UnsetType
    ) = UNSET


class SeedKey(Body, kw_only=True):
    """An API key whose value is known beforehand."""

    id: Uuid
    name: Name
    key: KeyValue
    scopes: Annotated[list[Scope], Hundred] = []  # noqa: RUF012


class Seed(Body, kw_only=True):
    """Fixtures of a dev environment: what is listed is made or changed to match, nothing else is touched."""

    users: Annotated[list[SeedUser], Thousand] | UnsetType = UNSET
    organizations: Annotated[list[SeedOrganization], Hundred] | UnsetType = UNSET
    invitations: Annotated[list[SeedInvitation], Thousand] | UnsetType = UNSET
    api_keys: Annotated[list[SeedKey], Hundred] | UnsetType = UNSET


class ConfigDocument(Body, kw_only=True):
    """Sections and fields left out stay as they are. Secrets are write-only."""

    version: Literal[1]
    project: ProjectChange | UnsetType = UNSET
    email: SetEmailConfig | UnsetType = UNSET
    sessions: SetSessionSettings | UnsetType = UNSET
    oauth: OAuthInputs | UnsetType = UNSET
    template_settings: SetTemplateSettings | UnsetType = UNSET
    templates: dict[MailCategory, TemplateInput | None] | UnsetType = UNSET
    seed: Seed | UnsetType = UNSET


class Plan(Body, kw_only=True):
    """What would applying this change?"""

    config: ConfigDocument


class Apply(Body, kw_only=True):
    """allowWeaken: allow changes that lower protection."""

    config: ConfigDocument
    allow_weaken: bool = False


class ConfigChange(Body, kw_only=True):
    """path: dotted. before, after: null when absent, secrets masked. weakening: it lowers protection."""

    path: str
    before: Any
    after: Any
    weakening: bool


class ConfigPlan(Body, kw_only=True):
    """applied: false for a plan. changes: none when nothing differs."""

    applied: bool
    changes: list[ConfigChange]


SEED_CONFLICTS = (
    "auth/account-already-linked",
    "auth/email-already-exists",
    "organization/slug-already-exists",
    "user/last-admin",
)

GET = Operation(
    name="config.get",
    operation_id="get_config",
    method="GET",
    path="/v1/config",
    summary="Settings of the environment as one document",
    access=Access.ADMIN,
    scope="config:read",
    request=Empty,
    response=ConfigDocument,
    extension=True,
)

PLAN = Operation(
    name="config.plan",
    operation_id="plan_config",
    method="POST",
    path="/v1/config/plan",
    summary="What applying a document would change",
    access=Access.ADMIN,
    scope="config:read",
    request=Plan,
    response=ConfigPlan,
    extension=True,
    tries=True,
    errors=SEED_CONFLICTS,
)

APPLY = Operation(
    name="config.apply",
    operation_id="apply_config",
    method="POST",
    path="/v1/config/apply",
    summary="Apply a document, all or nothing",
    access=Access.ADMIN,
    scope="config:update",
    request=Apply,
    response=ConfigPlan,
    extension=True,
    errors=("config/weakening-refused", *SEED_CONFLICTS),
)
