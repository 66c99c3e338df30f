"""Two environments of one database do not see each other, in any operation."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

import pytest
from msgspec import to_builtins

from bkendctl.contract import (
    accounts,
    audit_events,
    avatars,
    config,
    dev_clock,
    email_config,
    environments,
    invitations,
    keys,
    mail,
    members,
    mfa,
    oauth,
    oauth_configs,
    organizations,
    projects,
    session_settings,
    sessions,
    signing_keys,
    template_settings,
    templates,
    users,
)
from bkendctl.contract.operation import Access, Operation, Raw
from tests.catalogue import OPERATIONS
from tests.conftest import PASSWORD, World
from tests.operations import tenancy
from tests.operations.intrusions import (
    AT_HOME,
    EMAIL,
    GOOGLE,
    GUEST_INTRUSIONS,
    INTRUSIONS,
    NO_ORGANIZATION,
    OF_THE_PROJECT,
    Intrusion,
    Neighbour,
    Prey,
    google_settings,
    token_of,
)


@pytest.fixture
def prey(world: World) -> Prey:
    """A user with a session, MFA, an invitation, a mail, a key, an organization and a project of its."""
    token = world.sign_up(EMAIL)
    world.enrol(token)
    request = invitations.Create(
        resource_type="project",
        resource_id=world.installed.project_id,
        email="bob@example.com",
        resource_role="member",
    )
    invitation = world.call(invitations.CREATE, request, key="sk")
    world.call(oauth_configs.SET, google_settings(client_secret="canary"), key="sk")
    (mailed,) = world.mails("invitation")
    organization = tenancy.organization(world, token)
    return Prey(
        world=world,
        user=world.me(token),
        token=token,
        session_id=world.call(sessions.LIST, token=token).items[0].id,
        invitation=invitation,
        invitation_token=token_of(mailed.links[0]),
        mail_id=mailed.id,
        key_id=world.call(keys.CURRENT).id,
        organization=organization,
        project=tenancy.project(world, organization.id, token=token),
    )


@pytest.fixture(params=["same project", "other project"])
def neighbour(request: pytest.FixtureRequest, world: World) -> Neighbour:
    """Who lives beside."""
    project = None if request.param == "same project" else world.make_project("elsewhere")
    beside = world.beside("other", project=project)
    admin = beside.sign_up("root@example.com")
    role = users.SetRole(user_id=beside.me(admin).id, role="admin")
    beside.call(users.SET_ROLE, role, key="sk")
    return Neighbour(world=beside, admin=admin, user=beside.sign_up("mallory@example.com"))


def test_every_operation_is_among_the_intrusions() -> None:
    """A new operation has to be placed here: none is left out of the isolation tests."""
    placed = INTRUSIONS.keys() | GUEST_INTRUSIONS.keys() | OF_THE_PROJECT | AT_HOME
    of_the_caller = {operation.name for operation in OPERATIONS if operation.access is Access.USER}
    public = {operation.name for operation in OPERATIONS if operation.access is Access.PUBLIC}
    assert placed | of_the_caller | public == {operation.name for operation in OPERATIONS}
    # A token or a state names the environment; there is no key, or it is the key that does.
    signed = {avatars.UPLOAD.name, avatars.DOWNLOAD.name}  # by their URL alone, which no other key changes
    assert public == {accounts.CONFIRM_SIGN_UP.name, oauth.COMPLETE_REDIRECT.name} | signed


def assert_unharmed(prey: Prey) -> None:
    """User, session, MFA, invitation and providers are as they were."""
    assert prey.world.call(oauth_configs.GET, GOOGLE, key="sk").client_id == "ours"
    assert prey.world.me(prey.token) == prey.user
    assert prey.world.call(mfa.STATUS, token=prey.token).enabled
    shown = prey.world.call(
        invitations.GET, invitations.InvitationId(invitation_id=prey.invitation.id), key="sk"
    )
    assert to_builtins(shown) == to_builtins(prey.invitation)
    wanted = organizations.OrganizationId(organization_id=prey.organization.id)
    assert prey.world.call(organizations.GET, wanted, token=prey.token) == prey.organization
    project = environments.ProjectId(project_id=prey.project.id)
    found = prey.world.call(projects.GET, project, token=prey.token)
    assert to_builtins(found).items() <= to_builtins(prey.project).items()


def met(prey: Prey, intrusions: dict[str, Intrusion], world: World, **how: Any) -> dict[str, str]:
    """What each operation meets, by its name; each has to be refused."""
    asked = [operation for operation in OPERATIONS if operation.name in intrusions]
    return {
        operation.name: world.refused(operation, intrusions[operation.name][0](prey), **how).code
        for operation in asked
    }


def codes(intrusions: dict[str, Intrusion]) -> dict[str, str]:
    """What each operation has to meet."""
    return {name: code for name, (_, code) in intrusions.items()}


def test_an_admin_beside_finds_nothing_by_id(prey: Prey, neighbour: Neighbour) -> None:
    """With ids of another environment a secret key and an admin meet what unknown ids meet."""
    for caller in ({"key": "sk"}, {"token": neighbour.admin}):
        assert met(prey, INTRUSIONS, neighbour.world, **caller) == codes(INTRUSIONS)
    assert_unharmed(prey)


def test_what_was_given_out_here_is_worth_nothing_beside(prey: Prey, neighbour: Neighbour) -> None:
    """Passwords, refresh tokens and invitations open and end nothing with another environment's key."""
    for key in ("pk", "sk"):
        assert met(prey, GUEST_INTRUSIONS, neighbour.world, key=key) == codes(GUEST_INTRUSIONS)
    assert_unharmed(prey)


def test_an_access_token_is_refused_beside(prey: Prey, neighbour: Neighbour) -> None:
    """A token signs in nowhere but in its own environment, whichever key comes along (T066)."""
    intrusions = {
        operation.name: (with_any_ids(operation), "auth/invalid-token")
        for operation in OPERATIONS
        if operation.access not in (Access.PUBLIC, Access.GUEST)
    }
    for key in ("pk", "sk"):
        assert met(prey, intrusions, neighbour.world, key=key, token=prey.token) == codes(intrusions)
    assert_unharmed(prey)


def with_any_ids(operation: Operation[Any, Any]) -> Callable[[Prey], Any]:
    """A request that names something or other."""
    return lambda _: Raw(path=dict.fromkeys(re.findall(r"{(\w+)}", operation.path), "x"))


def test_lists_hold_the_own_environment_alone(prey: Prey, neighbour: Neighbour) -> None:
    """Users, invitations and mails of another environment are in no list and no count."""
    beside = neighbour.world
    listed = beside.call(users.LIST, users.ListUsers(status="all"), key="sk")
    assert {user.email for user in listed.items} == {"root@example.com", "mallory@example.com"}
    assert listed.pagination.total == 2
    assert beside.call(users.LIST, users.ListUsers(search=EMAIL), key="sk").pagination.total == 0
    assert list(beside.call(users.EXPORT, key="sk")) == listed.items[::-1]
    for caller in ({"key": "sk"}, {"token": neighbour.admin}, {"token": neighbour.user}):
        page = beside.call(invitations.LIST, **caller)
        assert (page.items, page.pagination.total) == ([], 0)
    mails = beside.call(mail.LIST, key="sk")
    assert {found.to for found in mails.items} == {"root@example.com", "mallory@example.com"}
    assert beside.call(mail.LIST, mail.ListMail(to=EMAIL), key="sk").pagination.total == 0
    theirs = {prey.organization.id, prey.project.id}
    for caller in ({"key": "sk"}, {"token": neighbour.admin}, {"token": neighbour.user}):
        for operation in (organizations.LIST, projects.LIST):
            assert not theirs & {found.id for found in beside.call(operation, **caller).items}
    (session,) = beside.call(sessions.LIST, token=neighbour.user).items
    assert session.user_id == beside.me(neighbour.user).id


def test_ending_sessions_beside_ends_none_here(prey: Prey, neighbour: Neighbour) -> None:
    """A session of another environment is unknown, and ending all others ends none of it."""
    request = sessions.EndSession(session_id=prey.session_id)
    refusal = neighbour.world.refused(sessions.REVOKE, request, token=neighbour.user)
    assert refusal.code == "auth/session-not-found"
    assert neighbour.world.call(sessions.REVOKE_ALL, token=neighbour.user).ended_count == 0
    assert_unharmed(prey)


def test_an_address_makes_one_user_in_each_environment(prey: Prey, neighbour: Neighbour) -> None:
    """The same address signs up in both, with its own password, MFA and deletion."""
    beside = neighbour.world
    token = beside.sign_up(EMAIL, password="0ther-Password!")
    mine = beside.me(token)
    assert (mine.id != prey.user.id, mine.mfa_enabled) == (True, False)
    assert beside.call(users.CREATE, users.CreateUser(name="B", email="bob@example.com"), key="sk")
    beside.call(users.DELETE, users.UserId(user_id=mine.id), key="sk")
    assert_unharmed(prey)


def test_an_import_updates_nobody_beside(prey: Prey, neighbour: Neighbour) -> None:
    """A row with a taken address of another environment makes a user of the own."""
    row = {"email": EMAIL, "name": "Stolen", "banned": True}
    raw = Raw(body={"users": [row], "onConflict": "update"})
    assert neighbour.world.call(users.IMPORT, raw, key="sk").created == 1
    assert_unharmed(prey)


def test_wrong_passwords_beside_lock_nobody_here(prey: Prey, neighbour: Neighbour) -> None:
    """Locks count per environment."""
    for _ in range(5):
        wrong = accounts.SignIn(email=EMAIL, password="wrong")
        neighbour.world.refused(accounts.SIGN_IN, wrong)
    assert neighbour.world.refused(accounts.SIGN_IN, wrong).code == "auth/account-locked"
    right = accounts.SignIn(email=EMAIL, password=PASSWORD)
    assert prey.world.refused(accounts.SIGN_IN, right).code == "auth/mfa-required"


def test_an_invitation_here_is_none_beside(prey: Prey, neighbour: Neighbour) -> None:
    """A user beside who proves the invited address joins nothing and sees nothing."""
    beside = neighbour.world
    token = beside.sign_up("bob@example.com")
    (mailed,) = beside.mails("signup_confirmation", to="bob@example.com")
    confirm = accounts.ConfirmSignUp(token=token_of(mailed.links[0]), email="bob@example.com")
    beside.call(accounts.CONFIRM_SIGN_UP, confirm, key=None)
    assert beside.call(invitations.LIST, token=token).items == []
    assert_unharmed(prey)


def test_keys_are_administered_within_their_project_alone(prey: Prey, neighbour: Neighbour) -> None:
    """Keys are of the project (contract): one elsewhere is unknown, and no environment of it can be named."""
    beside = neighbour.world
    shared = beside.installed.project_id == prey.world.installed.project_id
    wanted = keys.KeyId(key_id=prey.key_id)
    listed = beside.call(keys.LIST, keys.ListKeys(environment="dev"), key="sk")
    if shared:
        assert beside.call(keys.GET, wanted, key="sk").environment == "dev"
        assert prey.key_id in {key.id for key in listed.items}
        made = beside.make_key("secret", environment="dev")
        assert prey.world.call(users.LIST, key=made).pagination.total == 1
    else:
        for operation in (keys.GET, keys.REVOKE):
            assert beside.refused(operation, wanted, key="sk").code == "api-key/not-found"
        assert listed.items == []
        there = keys.Create(type="secret", name="x", environment="dev")
        assert beside.refused(keys.CREATE, there, key="sk").code == "data/environment-not-found"
    own = beside.call(keys.LIST, key="sk").items
    assert {key.environment for key in own} == {"other"}
    assert beside.call(keys.CURRENT).environment == "other"


def test_owners_of_one_organization_do_not_see_those_of_another_environment(
    prey: Prey, neighbour: Neighbour
) -> None:
    """Where two environments share the organization of their project, each has its own members of it."""
    shared = prey.world.installed.organization_id
    tenancy.add(prey.world, shared, "here@example.com", "owner")
    request = members.ListMembers(organization_id=shared)
    if neighbour.world.installed.project_id != prey.world.installed.project_id:
        assert neighbour.world.refused(members.LIST, request, key="sk").code == NO_ORGANIZATION
        return
    page = neighbour.world.call(members.LIST, request, key="sk")
    assert (page.items, page.pagination.total) == ([], 0)
    wanted = organizations.OrganizationId(organization_id=shared)
    assert neighbour.world.call(organizations.GET, wanted, key="sk").member_count == 0


def test_what_is_invited_to_has_to_be_the_own_project(prey: Prey, neighbour: Neighbour) -> None:
    """An admin beside invites to a project or organization of its own, not to another's."""
    shared = neighbour.world.installed.project_id == prey.world.installed.project_id
    for kind, resource in (
        ("project", prey.world.installed.project_id),
        ("organization", prey.world.installed.organization_id),
    ):
        request = invitations.Create(
            resource_type=kind, resource_id=resource, email="carl@example.com", resource_role="member"
        )
        if shared:
            assert neighbour.world.call(invitations.CREATE, request, key="sk").status == "pending"
        else:
            assert neighbour.world.refused(invitations.CREATE, request, key="sk").code == f"{kind}/not-found"
    assert len(prey.world.call(invitations.LIST, key="sk").items) == 1


def test_clock_and_audit_of_one_environment_are_none_of_anothers(world: World) -> None:
    """Moving the clock next door moves nothing here, and what happens there is not in our record."""
    other = world.beside("beside")
    other.call(dev_clock.SET, dev_clock.SetClock(offset_seconds=3600), key="sk")
    assert world.call(dev_clock.SHOW, key="sk").offset_seconds == 0
    assert other.call(dev_clock.SHOW, key="sk").offset_seconds == 3600
    ours = {event.action for event in world.call(audit_events.LIST, key="sk").items}
    theirs = {event.action for event in other.call(audit_events.LIST, key="sk").items}
    assert "dev-clock.set" in theirs - ours


def test_what_is_set_beside_sets_nothing_here(prey: Prey, neighbour: Neighbour) -> None:
    """Settings, texts, providers, signing keys, the outbox, a whole document: each is of one environment."""
    ours, beside = prey.world, neighbour.world
    kept = (config.GET, email_config.GET, session_settings.GET, template_settings.GET, templates.LIST,
            signing_keys.LIST, mail.LIST, oauth_configs.LIST)  # fmt: skip
    before = {operation.name: to_builtins(ours.call(operation, key="sk")) for operation in kept}
    document = {
        "version": 1,
        "email": {"passwordPolicy": {"minLength": 20}, "allowedCallbackUrls": ["https://evil.example/"]},
        "sessions": {"accessTokenSeconds": 60},
        "oauth": {"google": None},
        "templateSettings": {"senderName": "Beside", "overrideDefaults": True},
        "templates": {"magic_link": {"subject": "Beside", "body": "<p>{{magicLink}}</p>"}},
    }
    assert beside.call(config.APPLY, Raw(body={"config": document, "allowWeaken": True}), key="sk").applied
    beside.call(email_config.SET, Raw(body={"enabled": False}), key="sk")
    beside.call(session_settings.SET, Raw(body={"refreshReuseGraceSeconds": 60}), key="sk")
    beside.call(template_settings.SET, Raw(body={"brandColor": "#000000"}), key="sk")
    text = templates.SetTemplate(category="password_reset", subject="Beside", body="x")
    beside.call(templates.SET, text, key="sk")
    beside.call(templates.RESET, templates.TemplateOf(category="magic_link"), key="sk")
    beside.call(oauth_configs.SET, google_settings(client_secret="theirs"), key="sk")
    beside.call(signing_keys.ROTATE, key="sk")
    beside.call(mail.CLEAR, key="sk")
    assert {operation.name: to_builtins(ours.call(operation, key="sk")) for operation in kept} == before
    assert ours.call(audit_events.VERIFY, key="sk").state == "intact"
    assert_unharmed(prey)
