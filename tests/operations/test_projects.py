"""Projects: made with environment dev, seen by whom, set up, deleted with all that is in them."""

from __future__ import annotations

from typing import Any

from bkendctl.contract import accounts, keys, organizations, projects, users
from bkendctl.contract.environments import ProjectId
from bkendctl.core import schema
from bkendctl.core.clock import DAY, HOUR
from tests.conftest import World
from tests.operations import tenancy
from tests.operations.test_organizations import UNKNOWN, claims


def get(world: World, project_id: str, **how: Any) -> projects.Project:
    """A project."""
    found: projects.Project = world.call(projects.GET, ProjectId(project_id=project_id), **how)
    return found


def update(world: World, **changes: Any) -> projects.Project:
    """Change the world's own project with its secret key."""
    request = projects.Update(project_id=world.installed.project_id, **changes)
    changed: projects.Project = world.call(projects.UPDATE, request, key="sk")
    return changed


def test_a_project_is_made_with_dev_and_its_keys(world: World) -> None:
    """The keys are whole this once and open the new environment, which is empty and apart."""
    token = world.sign_up()
    made = tenancy.organization(world, token)
    shop = tenancy.project(world, made.id, token=token)
    assert (shop.name, shop.slug, shop.issuer) == ("Shop", "shop", f"urn:uuid:{shop.id}")
    assert (shop.cors_origins, shop.public_url, shop.description) == ([], None, None)
    ((dev,),) = (shop.environments,)
    assert (dev.environment, dev.environment_type, dev.user_count) == ("dev", "dev", 0)
    there = tenancy.world_of(world, shop)
    assert there.call(users.LIST, key="sk").items == []
    assert there.me(there.sign_up()).email == "alice@example.com"
    assert get(world, shop.id, token=token).environments[0].user_count == 1
    listed = there.call(keys.LIST, key="sk").items
    assert {key.type: key.created_by for key in listed} == dict.fromkeys(
        ("publishable", "secret"), world.me(token).id
    )
    seen = there.call(organizations.LIST, key="sk").items
    assert [each.id for each in seen] == [made.id]  # the project's owner
    again = tenancy.project(world, made.id, token=token)
    assert again.slug == "shop-2"
    taken = projects.Create(organization_id=made.id, name="X", slug="shop")
    assert world.refused(projects.CREATE, taken, token=token).code == "project/slug-already-exists"


def test_first_keys_reach_no_further_than_the_key_that_asked(world: World) -> None:
    """A scoped key makes first keys with its own scopes (decision 127)."""
    scoped = world.make_key("secret", "projects:create", "users:list")
    shop = tenancy.project(world, world.installed.organization_id, key=scoped)
    assert shop.initial_keys.secret.scopes == ["projects:create", "users:list"]
    assert shop.initial_keys.publishable.scopes == ["projects:create", "users:list"]
    there = tenancy.world_of(world, shop)
    assert there.call(users.LIST, key="sk").items == []
    assert (
        there.refused(users.CREATE, users.CreateUser(name="B", email="b@example.com"), key="sk").code
        == "data/scope-insufficient"
    )


def test_owners_and_admins_make_and_set_up_members_do_not(world: World) -> None:
    """Who lacks the role is told before all else, who sees nothing of it that it is unknown."""
    owner = world.sign_up()
    made = tenancy.organization(world, owner)
    shop = tenancy.project(world, made.id, token=owner)
    admin, member = (tenancy.add(world, made.id, f"{role}@example.com", role) for role in ("admin", "member"))
    stranger = world.sign_up("stranger@example.com")
    wanted = projects.Create(organization_id=made.id, name="")
    change = projects.Update(project_id=shop.id)
    assert world.refused(projects.CREATE, wanted, token=admin).code == "common/invalid-parameters"
    assert world.refused(projects.UPDATE, change, token=admin).code == "common/invalid-parameters"
    for operation, request in ((projects.CREATE, wanted), (projects.UPDATE, change)):
        assert world.refused(operation, request, token=member).code == "auth/forbidden"
    assert world.refused(projects.CREATE, wanted, token=stranger).code == "organization/not-found"
    assert world.refused(projects.UPDATE, change, token=stranger).code == "project/not-found"
    assert world.refused(projects.GET, ProjectId(project_id="shop"), key="sk").code == "project/not-found"
    assert get(world, shop.id, token=member).name == "Shop"
    for token, total in ((member, 1), (stranger, 0)):
        assert world.call(projects.LIST, token=token).pagination.total == total
    mine = projects.ListProjects(organization_id=made.id)
    assert [each.id for each in world.call(projects.LIST, mine, key="sk").items] == [shop.id]
    assert world.call(projects.LIST, projects.ListProjects(organization_id=UNKNOWN), key="sk").items == []
    assert world.call(projects.LIST, key="sk").pagination.total == 2


def test_the_settings_of_a_project_are_checked(world: World) -> None:
    """Origins are scheme and host or *, none twice; the public URL is plain; null clears."""
    origins = ["https://app.example.com", "http://localhost:3000"]
    changed = update(world, cors_origins=origins, public_url="https://auth.example.com/base", description="D")
    assert (changed.cors_origins, changed.public_url) == (origins, "https://auth.example.com/base")
    cleared = update(world, cors_origins=[], public_url=None, description=None)
    assert (cleared.cors_origins, cleared.public_url, cleared.description) == ([], None, None)
    for field, value in (
        ("cors_origins", ["https://a.example", "https://a.example"]),
        ("cors_origins", ["https://a.example/path"]),
        ("cors_origins", ["a.example"]),
        ("cors_origins", [f"https://{n}.example" for n in range(11)]),
        ("public_url", "ftp://a.example"),
        ("public_url", "https://user@a.example"),
        ("public_url", "https://a.example?x=1"),
        ("public_url", "https://a.example#x"),
        ("issuer", ""),
        ("name", None),
    ):
        request = projects.Update(project_id=world.installed.project_id, **{field: value})  # type: ignore[arg-type]
        refusal = world.refused(projects.UPDATE, request, key="sk")
        assert refusal.code == "common/invalid-parameters", value


def test_links_in_mails_begin_with_the_public_url(world: World) -> None:
    """From the next mail on."""
    update(world, public_url="https://auth.example.com/")
    world.sign_up()
    (mailed,) = world.mails("signup_confirmation")
    assert mailed.links[0].startswith("https://auth.example.com/v1/auth/")


def test_tokens_of_a_former_issuer_are_taken_until_they_expire(world: World) -> None:
    """New tokens name the new issuer, and older ones live on for their hour (decision 122)."""
    token = world.sign_up()
    assert update(world, issuer="https://one.example").issuer == "https://one.example"
    second = world.sign_in()
    assert update(world, issuer="https://two.example").issuer == "https://two.example"
    third = world.sign_in()
    assert [claims(world, each)["iss"] for each in (token, second, third)] == [
        f"urn:uuid:{world.installed.project_id}", "https://one.example", "https://two.example",
    ]  # fmt: skip
    for each in (token, second, third):
        assert world.me(each).email == "alice@example.com"
    world.clock.advance(HOUR)
    for each in (token, second, third):
        assert world.refusal(world.me, each) == "auth/token-expired"
    world.clock.advance(DAY)
    update(world, issuer="https://three.example")
    with world.core.database.read() as transaction:
        row = transaction.row(schema.projects, id=world.installed.project_id)
    assert row is not None
    assert [each["issuer"] for each in row.former_issuers] == ["https://two.example"]


def test_a_changed_issuer_is_taken_by_a_clock_that_is_ahead(world: World) -> None:
    """The environment furthest ahead decides how long the former issuer counts."""
    from bkendctl.contract import dev_clock

    other = world.beside("other")
    other.call(dev_clock.SET, dev_clock.SetClock(offset_seconds=30 * 86_400), key="sk")
    token = other.sign_up()
    update(world, issuer="https://one.example")
    assert other.me(token).email == "alice@example.com"


def test_a_deleted_project_leaves_nothing_behind(world: World) -> None:
    """Keys and tokens of all its environments are refused with the next request; no row is left."""
    owner = world.sign_up()
    made = tenancy.organization(world, owner)
    shop = tenancy.project(world, made.id, token=owner)
    dev = tenancy.world_of(world, shop)
    prod = tenancy.world_of(world, tenancy.environment(world, shop.id, "prod", token=owner))
    tokens = [(each, each.sign_up()) for each in (dev, prod)]
    wrong = projects.Delete(project_id=shop.id, confirm="shop")
    assert "confirm" in (world.refused(projects.DELETE, wrong, token=owner).details or {})
    wanted = projects.Delete(project_id=shop.id, confirm="Shop")
    world.call(projects.DELETE, wanted, token=owner)
    for there, token in tokens:
        assert there.refused(accounts.GET_ME, token=token).code == "auth/invalid-token"
        assert there.refused(users.LIST, key="sk").code == "auth/invalid-token"
        assert there.refusal(there.sign_in) == "auth/invalid-token"
    assert world.refused(projects.DELETE, wanted, token=owner).code == "project/not-found"
    assert rows_of_environments(world, {each.id for each in shop.environments}) == []
    assert world.me(owner).email == "alice@example.com"


def rows_of_environments(world: World, keep_out: set[str]) -> list[str]:
    """Tables with a row of an environment that is not there, or of one of these."""
    found = []
    with world.core.database.read() as transaction:
        there = {row.id for row in transaction.all(schema.environments.select())}
        for table in schema.metadata.sorted_tables:
            if "environment_id" in table.c:
                named = {row.environment_id for row in transaction.all(table.select())} - {None}
                found += [table.name] if named - there or named & keep_out else []
    return found


def test_a_secret_key_deletes_its_project_with_the_last_environment_alone(world: World) -> None:
    """With others left it would reach into them (decision 138); the audit of those beside tells it."""
    other = world.beside("other")
    wanted = projects.Delete(project_id=world.installed.project_id, confirm="Demo")
    assert world.refused(projects.DELETE, wanted, key="sk").code == "auth/forbidden"
    shop = tenancy.project(world, world.installed.organization_id, key="sk")
    there = tenancy.world_of(world, shop)
    foreign = projects.Delete(project_id=shop.id, confirm="Shop")
    assert world.refused(projects.DELETE, foreign, key="sk").code == "auth/forbidden"
    assert there.call(projects.DELETE, foreign, key="sk").message == "The project Shop was deleted."
    assert there.refused(users.LIST, key="sk").code == "auth/invalid-token"
    from bkendctl.contract import audit_events

    for each in (world, other):
        newest = each.call(audit_events.LIST, key="sk").items[0]
        assert (newest.action, newest.target.id) == ("projects.delete", shop.id)
        assert each.call(audit_events.VERIFY, key="sk").state == "intact"
