"""How a neighbour with keys of its own goes after what is in another environment, operation by operation."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from msgspec import Struct

from bkendctl.contract import (
    accounts,
    audit_events,
    avatars,
    config,
    dev_clock,
    email_config,
    environments,
    hosted,
    invitations,
    keys,
    linked_accounts,
    magic_links,
    mail,
    members,
    notifications,
    oauth,
    oauth_configs,
    onboarding,
    organizations,
    password_resets,
    preferences,
    profile,
    projects,
    public_settings,
    session_settings,
    sessions,
    signing_keys,
    template_settings,
    templates,
    users,
    verifications,
)
from bkendctl.contract.accounts import TokenPair
from bkendctl.contract.operation import Operation
from tests.conftest import PASSWORD, World
from tests.operations import mailed
from tests.operations.mailed import magic_token
from tests.operations.test_hosted import anyones_code, wanted

EMAIL = "alice@example.com"


Intrusion = tuple[Callable[["Prey"], Any], str]


class Prey(Struct):
    """What there is in the environment that the neighbour is after."""

    world: World
    user: accounts.User
    token: TokenPair
    session_id: str
    invitation: invitations.Invitation
    invitation_token: str
    mail_id: str
    key_id: str
    organization: organizations.Organization
    project: projects.Project


class Neighbour(Struct):
    """An admin and an ordinary user of the environment beside, with its keys."""

    world: World
    admin: TokenPair
    user: TokenPair


def token_of(link: str) -> str:
    """The token in a mailed link."""
    return link.partition("token=")[2].partition("&")[0]


def mailed_reset(world: World) -> str:
    """The token of a reset of the prey's password."""
    world.call(password_resets.REQUEST, password_resets.Request(email=EMAIL))
    return mailed.token_of(world, "password_reset", EMAIL)


def mailed_proof(prey: Prey) -> str:
    """The token that proves the prey's address."""
    prey.world.call(verifications.SEND, verifications.Send(email=EMAIL), token=prey.token)
    return mailed.token_of(prey.world, "email_verification", EMAIL)


def google_settings(**more: Any) -> oauth_configs.SetOAuthConfig:
    """Settings that nobody is signed in with; without a secret they are a change of present ones."""
    return oauth_configs.SetOAuthConfig(
        provider="google",
        client_id="ours",
        redirect_uri="https://auth.example.com/v1/auth/google/callback",
        scopes=["openid", "email"],
        enabled=True,
        **more,
    )


def minted_here(world: World) -> oauth.Complete:
    """A code with a state of the prey's environment."""
    redirect_uri = google_settings().redirect_uri
    (offered,) = world.call(oauth.PROVIDERS, oauth.Providers(redirect_uri=redirect_uri)).oauth
    return oauth.Complete(provider="google", code="x", redirect_uri=redirect_uri, state=offered.state)


GOOGLE = oauth_configs.Provider(provider="google")
NO_PROVIDER = "auth/oauth-not-configured"
NOBODY = "user/not-found"
NO_INVITATION = "auth/invitation-not-found"
NO_ORGANIZATION = "organization/not-found"
NO_PROJECT = "project/not-found"


def by_user_id(operation: Operation[Any, Any], **fields: Any) -> Callable[[Prey], Any]:
    """A request about the prey's user."""
    return lambda prey: operation.request(user_id=prey.user.id, **fields)


def by_organization(operation: Operation[Any, Any], **fields: Any) -> Callable[[Prey], Any]:
    """A request about the prey's organization."""
    return lambda prey: operation.request(organization_id=prey.organization.id, **fields)


def by_member(operation: Operation[Any, Any], **fields: Any) -> Callable[[Prey], Any]:
    """A request about the prey's membership of it."""
    return lambda prey: operation.request(
        organization_id=prey.organization.id, user_id=prey.user.id, **fields
    )


def by_project(operation: Operation[Any, Any], **fields: Any) -> Callable[[Prey], Any]:
    """A request about the project of the prey's organization."""
    return lambda prey: operation.request(project_id=prey.project.id, **fields)


# How the neighbour's admin, by secret key and by JWT, goes after the prey, and what it meets.
INTRUSIONS: dict[str, Intrusion] = {
    users.GET.name: (by_user_id(users.GET), NOBODY),
    users.UPDATE.name: (by_user_id(users.UPDATE, name="Stolen"), NOBODY),
    users.DELETE.name: (by_user_id(users.DELETE), NOBODY),
    users.SET_ROLE.name: (by_user_id(users.SET_ROLE, role="guest"), NOBODY),
    users.BAN.name: (by_user_id(users.BAN), NOBODY),
    users.UNBAN.name: (by_user_id(users.UNBAN), NOBODY),
    users.RESTORE.name: (by_user_id(users.RESTORE), NOBODY),
    users.SESSIONS.name: (by_user_id(users.SESSIONS), NOBODY),
    users.REVOKE_SESSIONS.name: (by_user_id(users.REVOKE_SESSIONS), NOBODY),
    users.RESET_MFA.name: (by_user_id(users.RESET_MFA), NOBODY),
    avatars.CREATE_UPLOAD.name: (by_user_id(avatars.CREATE_UPLOAD, filename="me.png"), NOBODY),
    avatars.SAVE.name: (
        by_user_id(avatars.SAVE, s3_key="00000000-0000-4000-8000-000000000000.png"),
        NOBODY,
    ),
    avatars.REMOVE.name: (by_user_id(avatars.REMOVE), NOBODY),
    profile.SHOW.name: (by_user_id(profile.SHOW), NOBODY),
    profile.SET.name: (by_user_id(profile.SET, name="Stolen"), NOBODY),
    preferences.SHOW.name: (by_user_id(preferences.SHOW), NOBODY),
    preferences.SET.name: (by_user_id(preferences.SET, theme="dark"), NOBODY),
    notifications.SHOW.name: (by_user_id(notifications.SHOW), NOBODY),
    notifications.SET.name: (by_user_id(notifications.SET, marketing=True), NOBODY),
    onboarding.SHOW.name: (by_user_id(onboarding.SHOW), NOBODY),
    onboarding.SET.name: (by_user_id(onboarding.SET, onboarding_status="skipped"), NOBODY),
    public_settings.SHOW.name: (by_user_id(public_settings.SHOW), NOBODY),
    public_settings.SET.name: (by_user_id(public_settings.SET, is_public=True), NOBODY),
    invitations.GET.name: (
        lambda prey: invitations.InvitationId(invitation_id=prey.invitation.id),
        NO_INVITATION,
    ),
    invitations.REVOKE.name: (
        lambda prey: invitations.InvitationId(invitation_id=prey.invitation.id),
        NO_INVITATION,
    ),
    invitations.RESEND.name: (
        lambda prey: invitations.InvitationId(invitation_id=prey.invitation.id),
        NO_INVITATION,
    ),
    signing_keys.RETIRE.name: (
        lambda prey: signing_keys.KeyId(kid=prey.world.call(signing_keys.LIST, key="sk").items[0].kid),
        "signing-key/not-found",
    ),
    oauth_configs.GET.name: (lambda _: GOOGLE, NO_PROVIDER),
    oauth_configs.REMOVE.name: (lambda _: GOOGLE, NO_PROVIDER),
    oauth_configs.SET.name: (lambda _: google_settings(), NO_PROVIDER),
    mail.GET.name: (lambda prey: mail.MailId(mail_id=prey.mail_id), "dev/mail-not-found"),
    organizations.GET.name: (by_organization(organizations.GET), NO_ORGANIZATION),
    organizations.UPDATE.name: (by_organization(organizations.UPDATE, name="Stolen"), NO_ORGANIZATION),
    organizations.DELETE.name: (by_organization(organizations.DELETE, confirm="Acme"), NO_ORGANIZATION),
    members.LIST.name: (by_organization(members.LIST), NO_ORGANIZATION),
    members.SET_ROLE.name: (by_member(members.SET_ROLE, role="member"), NO_ORGANIZATION),
    members.REMOVE.name: (by_member(members.REMOVE), NO_ORGANIZATION),
    projects.CREATE.name: (by_organization(projects.CREATE, name="Stolen"), NO_ORGANIZATION),
    projects.GET.name: (by_project(projects.GET), NO_PROJECT),
    projects.UPDATE.name: (by_project(projects.UPDATE, name="Stolen"), NO_PROJECT),
    projects.DELETE.name: (by_project(projects.DELETE, confirm="Shop"), NO_PROJECT),
    environments.LIST.name: (by_project(environments.LIST), NO_PROJECT),
    environments.CREATE.name: (
        by_project(environments.CREATE, environment="stolen", environment_type="dev"),
        NO_PROJECT,
    ),
    environments.DELETE.name: (
        by_project(environments.DELETE, environment="dev", confirm="dev"),
        NO_PROJECT,
    ),
}
# The same for what needs no more than the publishable key.
GUEST_INTRUSIONS: dict[str, Intrusion] = {
    accounts.SIGN_IN.name: (
        lambda _: accounts.SignIn(email=EMAIL, password=PASSWORD),
        "auth/invalid-credentials",
    ),
    sessions.REFRESH.name: (
        lambda prey: sessions.Refresh(refresh_token=prey.token.refresh_token),
        "auth/invalid-refresh-token",
    ),
    invitations.ACCEPT.name: (
        lambda prey: invitations.Accept(token=prey.invitation_token),
        "auth/invalid-token",
    ),
    oauth.COMPLETE.name: (lambda prey: minted_here(prey.world), NO_PROVIDER),
    hosted.EXCHANGE.name: (lambda prey: wanted(anyones_code(prey.world)), "auth/invalid-token"),
    magic_links.COMPLETE.name: (
        lambda prey: magic_links.Complete(token=magic_token(prey.world, "carol@example.com")),
        "auth/invalid-token",
    ),
    password_resets.CONFIRM.name: (
        lambda prey: password_resets.Confirm(
            email=EMAIL, token=mailed_reset(prey.world), new_password="Stol3n-horse!"
        ),
        "auth/verification-token-not-found",
    ),
    verifications.CONFIRM.name: (
        lambda prey: verifications.Confirm(email=EMAIL, token=mailed_proof(prey)),
        "auth/verification-token-not-found",
    ),
    invitations.REJECT.name: (
        lambda prey: invitations.Reject(token=prey.invitation_token, email="bob@example.com"),
        "auth/invalid-token",
    ),
}
# Keys belong to the project: the neighbour in the same one administers them, one elsewhere does not.
OF_THE_PROJECT = {
    operation.name for operation in (keys.GET, keys.REVOKE, keys.ROTATE, keys.LIST, keys.CREATE)
}
# What answers about the neighbour's own environment, or makes something there.
AT_HOME = {
    operation.name
    for operation in (
        accounts.SIGN_UP, audit_events.LIST, audit_events.VERIFY, dev_clock.SET, dev_clock.SHOW,
        organizations.CREATE, organizations.LIST, projects.LIST,
        keys.CURRENT, invitations.CREATE, invitations.LIST, linked_accounts.CHECK, mail.CLEAR, mail.DELIVER,
        mail.LIST,
        oauth.PROVIDERS, oauth_configs.LIST,
        config.APPLY, config.GET, config.PLAN, email_config.GET, email_config.SET,
        session_settings.GET, session_settings.SET,
        password_resets.REQUEST, signing_keys.LIST, signing_keys.ROTATE, users.CREATE, users.EXPORT,
        users.IMPORT,
        users.LIST, verifications.RESEND, verifications.RESEND_SIGN_UP, verifications.SEND,
        template_settings.GET, template_settings.SET,
        templates.GET, templates.LIST, templates.PREVIEW, templates.RESET, templates.SET,
    )
}  # fmt: skip
