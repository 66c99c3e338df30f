"""Organizations: made, seen by whom, changed, deleted, put into the tokens."""

from __future__ import annotations

from bkendctl.contract import invitations, members, organizations, projects, users
from bkendctl.contract.accounts import TokenPair
from bkendctl.core import schema
from tests.conftest import World
from tests.operations import tenancy

UNKNOWN = "00000000-0000-4000-8000-000000000000"


def by_id(organization_id: str) -> organizations.OrganizationId:
    """Name an organization."""
    return organizations.OrganizationId(organization_id=organization_id)


def claims(world: World, token: TokenPair) -> dict[str, object]:
    """What an access token says."""
    import jwt

    decoded: dict[str, object] = jwt.decode(token.access_token, options={"verify_signature": False})
    return decoded


def switched(world: World, token: TokenPair, organization_id: str) -> TokenPair:
    """The tokens after switching."""
    pair: TokenPair = world.call(
        organizations.SWITCH, organizations.Switch(organization_id=organization_id), token=token
    )
    return pair


def test_who_makes_an_organization_owns_it(world: World) -> None:
    """The caller is its first owner; the slug comes from the name, counted on where it is taken."""
    token = world.sign_up()
    made = tenancy.organization(world, token, "Acme & Söhne")
    assert (made.slug, made.role, made.member_count, made.plan) == ("acme-s-hne", "owner", 1, "free")
    assert made.display_name is None
    assert made.description is None
    again = tenancy.organization(world, token, "Acme & Söhne")
    assert (again.slug, again.id != made.id) == ("acme-s-hne-2", True)
    assert tenancy.organization(world, token, "한국").slug == "my-organization"
    taken = organizations.Create(name="Other", slug="acme-s-hne")
    assert world.refused(organizations.CREATE, taken, token=token).code == "organization/slug-already-exists"
    other = world.beside("other")
    assert tenancy.organization(other, other.sign_up(), "Acme & Söhne").slug == "acme-s-hne"


def test_a_secret_key_names_the_first_owner(world: World) -> None:
    """Alone it has to; next to a JWT that user is meant; nobody else names an owner but an admin."""
    token = world.sign_up()
    mine, other = world.me(token), world.make_user("bea@example.com")
    refusal = world.refused(organizations.CREATE, organizations.Create(name="A"), key="sk")
    assert refusal.details == {"ownerUserId": ["is required"]}
    named = organizations.Create(name="A", owner_user_id=other.id)
    made = world.call(organizations.CREATE, named, key="sk")
    assert (made.role, tenancy.owners(world, made.id)) == (None, ["bea@example.com"])
    beside_jwt = world.call(organizations.CREATE, organizations.Create(name="B"), key="sk", token=token)
    assert tenancy.owners(world, beside_jwt.id) == [mine.email]
    assert world.refused(organizations.CREATE, named, token=token).code == "auth/forbidden"
    world.call(users.SET_ROLE, users.SetRole(user_id=mine.id, role="admin"), key="sk")
    assert world.call(organizations.CREATE, named, token=token).role is None
    nobody = organizations.Create(name="A", owner_user_id=UNKNOWN)
    assert world.refused(organizations.CREATE, nobody, key="sk").code == "user/not-found"


def test_guests_make_none_and_are_told_so_first(world: World) -> None:
    """A user with role guest is refused before the request is looked at (decision 18, x-check-order)."""
    token = world.sign_up()
    guest = users.SetRole(user_id=world.me(token).id, role="guest")
    world.call(users.SET_ROLE, guest, key="sk")
    for request in (organizations.Create(name="A"), organizations.Create(name="")):
        assert world.refused(organizations.CREATE, request, token=token).code == "auth/forbidden"


def test_members_see_theirs_and_admins_those_of_the_environment(world: World) -> None:
    """Who is no member meets an unknown organization; admins see the project's owner too (decision 85)."""
    alice, bob = world.sign_up(), world.sign_up("bob@example.com")
    made = tenancy.organization(world, alice)
    assert [each.id for each in world.call(organizations.LIST, token=alice).items] == [made.id]
    assert world.call(organizations.LIST, token=bob).pagination.total == 0
    seen = world.call(organizations.LIST, key="sk").items
    assert {each.id: each.role for each in seen} == {made.id: None, world.installed.organization_id: None}
    for organization_id in (made.id, UNKNOWN, "not-an-id"):
        refusal = world.refused(organizations.GET, by_id(organization_id), token=bob)
        assert refusal.code == "organization/not-found"
        change = organizations.Update(organization_id=organization_id)
        assert world.refused(organizations.UPDATE, change, token=bob).code == "organization/not-found"


def test_owners_and_admins_change_it_members_do_not(world: World) -> None:
    """Rename and describe, null clears; a plain member is refused before its request is looked at."""
    alice = world.sign_up()
    made = tenancy.organization(world, alice)
    admin, member, billing = (
        tenancy.add(world, made.id, f"{role}@example.com", role) for role in ("admin", "member", "billing")
    )
    change = organizations.Update(organization_id=made.id, name="New", display_name="N", description="D")
    changed = world.call(organizations.UPDATE, change, token=admin)
    assert (changed.name, changed.slug, changed.display_name, changed.role) == ("New", "acme", "N", "admin")
    cleared = organizations.Update(organization_id=made.id, display_name=None)
    assert world.call(organizations.UPDATE, cleared, token=alice).display_name is None
    nothing = organizations.Update(organization_id=made.id)
    assert world.refused(organizations.UPDATE, nothing, token=alice).code == "common/invalid-parameters"
    for token in (member, billing):
        for request in (nothing, change):
            assert world.refused(organizations.UPDATE, request, token=token).code == "auth/forbidden"
        assert world.call(organizations.GET, by_id(made.id), token=token).name == "New"
    assert world.call(organizations.UPDATE, change, key="sk").role is None


def test_only_owners_and_admins_of_the_environment_delete_it(world: World) -> None:
    """The name has to be repeated, and nothing of it is left: memberships, invitations, claims."""
    alice = world.sign_up()
    made = tenancy.organization(world, alice)
    admin = tenancy.add(world, made.id, "admin@example.com", "admin")
    invite = invitations.Create(
        resource_type="organization", resource_id=made.id, email="x@example.com", resource_role="member"
    )
    world.call(invitations.CREATE, invite, token=alice)
    alice = switched(world, alice, made.id)
    wanted = organizations.Delete(organization_id=made.id, confirm="Acme")
    assert world.refused(organizations.DELETE, wanted, token=admin).code == "auth/forbidden"
    wrong = organizations.Delete(organization_id=made.id, confirm="acme")
    assert "confirm" in (world.refused(organizations.DELETE, wrong, token=alice).details or {})
    world.call(organizations.DELETE, wanted, token=alice)
    assert world.refused(organizations.GET, by_id(made.id), token=alice).code == "organization/not-found"
    assert world.call(invitations.LIST, key="sk").items == []
    assert claims(world, world.refresh(alice))["organizationId"] is None
    with world.core.database.read() as transaction:
        assert transaction.all(schema.memberships.select()) == []


def test_one_that_holds_projects_is_kept(world: World) -> None:
    """Deleting an organization takes no project along (decision 84), also not for a secret key."""
    alice = world.sign_up()
    made = tenancy.organization(world, alice)
    shop = tenancy.project(world, made.id, token=alice)
    wanted = organizations.Delete(organization_id=made.id, confirm="Acme")
    for how in ({"token": alice}, {"key": "sk"}):
        assert world.refused(organizations.DELETE, wanted, **how).code == "organization/has-projects"
    world.call(projects.DELETE, projects.Delete(project_id=shop.id, confirm="Shop"), token=alice)
    world.call(organizations.DELETE, wanted, token=alice)


def test_switching_puts_the_organization_into_the_tokens(world: World) -> None:
    """Organization and role stand in the access token, refreshing keeps them, the old token is spent."""
    alice = world.sign_up()
    made = tenancy.organization(world, alice)
    before = claims(world, alice)
    assert (before["organizationId"], before["organizationRole"]) == (None, None)
    there = switched(world, alice, made.id)
    assert claims(world, there)["organizationId"] == made.id
    assert claims(world, there)["organizationRole"] == "owner"
    assert claims(world, there)["sid"] == before["sid"]
    kept = world.refresh(there)
    assert claims(world, kept)["organizationId"] == made.id
    assert len(world.sessions(kept)) == 1
    assert world.refusal(world.refresh, alice) == "auth/invalid-refresh-token"
    world.assert_dead(kept)  # what was traded came again, as a thief's would: every session has ended


def test_switching_elsewhere_is_forbidden(world: World) -> None:
    """Unknown organizations and those of others are told alike (decision 69), to an admin too."""
    alice, bob = world.sign_up(), world.sign_up("bob@example.com")
    made = tenancy.organization(world, alice)
    world.call(users.SET_ROLE, users.SetRole(user_id=world.me(bob).id, role="admin"), key="sk")
    for organization_id in (made.id, UNKNOWN):
        request = organizations.Switch(organization_id=organization_id)
        assert world.refused(organizations.SWITCH, request, token=bob).code == "auth/forbidden"
    assert (
        world.refused(organizations.SWITCH, organizations.Switch(organization_id="x"), token=bob).code
        == "common/invalid-parameters"
    )
    assert claims(world, world.refresh(bob))["organizationId"] is None


def test_a_lost_membership_is_gone_with_the_next_token(world: World) -> None:
    """A changed role and a lost one show in the next access token, and joining again brings none back."""
    alice = world.sign_up()
    made = tenancy.organization(world, alice)
    bob = switched(world, tenancy.add(world, made.id, "bob@example.com", "member"), made.id)
    bob_id = world.me(bob).id
    promote = members.SetRole(organization_id=made.id, user_id=bob_id, role="billing")
    world.call(members.SET_ROLE, promote, token=alice)
    bob = world.refresh(bob)
    assert claims(world, bob)["organizationRole"] == "billing"
    world.call(members.REMOVE, members.MemberId(organization_id=made.id, user_id=bob_id), token=alice)
    bob = world.refresh(bob)
    assert (claims(world, bob)["organizationId"], claims(world, bob)["organizationRole"]) == (None, None)
