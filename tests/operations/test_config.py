"""Configuration as code: read as one document, planned, applied all or nothing; fixtures in dev."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest

from bkendctl.contract import audit_events, config, invitations, keys, members, users
from bkendctl.contract.config import ConfigPlan
from bkendctl.contract.errors import Failure
from bkendctl.contract.operation import Raw
from bkendctl.core import totp
from tests.conftest import World

BOB, ANN = "11111111-1111-4111-8111-111111111111", "11111111-1111-4111-8111-111111111112"
ACME, INVITATION, KEY = (f"{digit * 8}-2222-4222-8222-222222222222" for digit in "234")
SECRET = "JBSWY3DPEHPK3PXP"
VALUE = "sk_" + "0" * 64
GOOGLE = {
    "clientId": "abc",
    "clientSecret": "geheim-1",
    "redirectUri": "https://api.example.com/cb",
    "scopes": ["openid"],
    "enabled": True,
}


def plan(world: World, document: dict[str, Any], **how: Any) -> ConfigPlan:
    """What applying would change."""
    found: ConfigPlan = world.call(
        config.PLAN, Raw(body={"config": {"version": 1} | document}), **{"key": "sk"} | how
    )
    assert not found.applied
    return found


def apply(world: World, document: dict[str, Any], *, weaken: bool = False, **how: Any) -> ConfigPlan:
    """Apply a document."""
    body = {"config": {"version": 1} | document, "allowWeaken": weaken}
    found: ConfigPlan = world.call(config.APPLY, Raw(body=body), **{"key": "sk"} | how)
    return found


def refused(world: World, document: dict[str, Any], **how: Any) -> Failure:
    """The refusal of a document, by plan and apply alike."""
    both = []
    for operation in (config.PLAN, config.APPLY):
        raw = Raw(body={"config": {"version": 1} | document})
        both.append(world.refused(operation, raw, **{"key": "sk"} | how))
    assert both[0].body() == both[1].body()
    return both[0]


def live(world: World) -> dict[str, Any]:
    """The document that counts now."""
    found: dict[str, Any] = msgspec.to_builtins(world.call(config.GET, key="sk"))
    return found


def by_path(found: ConfigPlan) -> dict[str, tuple[Any, Any, bool]]:
    """Before, after and weakening of each change."""
    return {change.path: (change.before, change.after, change.weakening) for change in found.changes}


def test_a_document_is_planned_applied_and_read_again(world: World) -> None:
    """A plan writes nothing and says what apply does; the second time nothing differs; secrets are masked."""
    before = live(world)
    sections = {"version", "project", "email", "sessions", "oauth", "templateSettings", "templates"}
    assert set(before) == sections
    assert plan(world, before).changes == []
    document = {
        "project": {"description": "Shop", "corsOrigins": ["https://shop.test"]},
        "email": {"passwordPolicy": {"minLength": 12}, "allowedCallbackUrls": ["https://shop.test"]},
        "sessions": {"accessTokenSeconds": 900, "rateLimits": {"login": {"limit": 5, "windowSeconds": 60}}},
        "oauth": {"google": GOOGLE, "github": None},
        "templateSettings": {"senderName": "Shop", "overrideDefaults": True},
        "templates": {"magic_link": {"subject": "In", "body": "<a href='{{magicLink}}'>in</a>"}},
    }
    wanted = by_path(plan(world, document))
    assert live(world) == before
    assert wanted["email.passwordPolicy.minLength"] == (8, 12, False)
    assert wanted["sessions.rateLimits.login.limit"] == (200, 5, False)
    assert wanted["oauth.google"][1]["clientSecret"] == "***"
    assert not any(weaker for _before, _after, weaker in wanted.values())
    done = apply(world, document)
    assert (done.applied, by_path(done)) == (True, wanted)
    again = apply(world, document)
    assert (again.applied, again.changes) == (True, [])
    after = live(world)
    assert after["email"]["passwordPolicy"] == before["email"]["passwordPolicy"] | {"minLength": 12}
    assert "clientSecret" not in after["oauth"]["google"]
    fresh = {"oauth": {"google": GOOGLE | {"clientSecret": "geheim-2"}}}
    assert by_path(apply(world, fresh)) == {"oauth.google.clientSecret": ("***", "***", False)}
    assert by_path(apply(world, before, weaken=True)).keys() == wanted.keys() - {
        "oauth.google",
        "templates.magic_link",
    }
    gone = {"oauth": {"google": None}, "templates": {"magic_link": None}}
    assert list(by_path(apply(world, gone))) == ["oauth.google", "templates.magic_link"]
    assert live(world) == before
    events = world.call(audit_events.LIST, audit_events.LIST.request(limit=20), key="sk").items
    assert {event.action for event in events} == {"config.apply", "installation.init"}
    assert "geheim" not in str(msgspec.to_builtins(events))
    assert events[-2].details["after"]["email.passwordPolicy.minLength"] == 12


def test_what_was_read_takes_back_a_sender(world: World) -> None:
    """The whole document is applied as it was read: the built-in sender is in it, and is set again."""
    before = live(world)
    assert before["templateSettings"]["senderEmail"] == "no-reply@bkendctl.invalid"
    changed = {"senderEmail": "hello@acme.example", "senderName": "Acme"}
    apply(world, {"templateSettings": changed})
    assert live(world)["templateSettings"] == before["templateSettings"] | changed
    assert apply(world, before).applied
    assert live(world) == before


def test_a_fault_leaves_all_as_it_was(world: World) -> None:
    """One transaction: a contradiction in a later section takes the earlier ones back; its place is named."""
    before = live(world)
    good = {"project": {"description": "never"}, "email": {"passwordPolicy": {"minLength": 20}}}
    for document, place in (
        (
            good | {"sessions": {"accessTokenSeconds": 86_400, "refreshTokenSeconds": 3600}},
            "sessions.accessTokenSeconds",
        ),
        ({"email": {"allowedCallbackUrls": ["https:evil"]}}, "email.allowedCallbackUrls.0"),
        ({"email": {"passwordPolicy": {"minLength": 3}}}, "email.passwordPolicy.minLength"),
        ({"project": {"corsOrigins": ["https://a.test", "https://a.test"]}}, "project.corsOrigins"),
        (
            {"oauth": {"github": {k: v for k, v in GOOGLE.items() if k != "clientSecret"}}},
            "oauth.github.clientSecret",
        ),
        ({"version": 2}, "version"),
    ):
        failure = refused(world, good | document)
        assert (failure.code, list(failure.details or {})) == (
            "common/invalid-parameters",
            [f"config.{place}"],
        )
    assert live(world) == before


STRONG: dict[str, Any] = {
    "project": {"corsOrigins": ["https://a.test"], "publicUrl": "https://a.test"},
    "email": {
        "passwordPolicy": {"minLength": 12, "maxLength": 100, "expirationDays": 90},
        "magicLinkExpirationMinutes": 10,
        "requireEmailVerification": True,
        "allowedCallbackUrls": ["https://a.test"],
        "lockout": {"maxFailures": 4, "windowMinutes": 20, "lockMinutes": 20},
    },
    "sessions": {
        "accessTokenSeconds": 600,
        "refreshTokenSeconds": 86_400,
        "sessionAbsoluteDays": 30,
        "refreshReuseGraceSeconds": 0,
        "rateLimits": {"code": {"limit": 2, "limitPerSource": 3, "windowSeconds": 7200}},
    },
}
WEAKER: dict[str, Any] = {
    "project": {"corsOrigins": ["https://a.test", "*"], "publicUrl": "http://a.test"},
    "email": {
        "passwordPolicy": {
            "minLength": 11,
            "maxLength": 99,
            "expirationDays": None,
            "requireUppercase": False,
            "requireLowercase": False,
            "requireNumbers": False,
            "requireSpecialChars": False,
            "rejectLeaked": False,
        },
        "magicLinkExpirationMinutes": 11,
        "requireEmailVerification": False,
        "allowedCallbackUrls": ["https://a.test", "http://localhost:3000"],
        "lockout": {"maxFailures": 5, "windowMinutes": 19, "lockMinutes": 19},
    },
    "sessions": {
        "accessTokenSeconds": 601,
        "refreshTokenSeconds": 86_401,
        "sessionAbsoluteDays": 31,
        "refreshReuseGraceSeconds": 1,
        "rateLimits": {"code": {"limit": 3, "limitPerSource": 4, "windowSeconds": 7199}},
    },
}


@pytest.mark.parametrize("kind", ["dev", "prod"])
def test_what_lowers_protection_has_to_be_allowed(world: World, kind: str) -> None:
    """Each rule, both ways; the whole document is refused, and nothing of it stays."""
    here = world if kind == "dev" else world.beside("live", "prod")
    apply(here, STRONG, weaken=True)
    found = plan(here, WEAKER)
    assert [change.path for change in found.changes if not change.weakening] == []
    before = live(here)
    raw = Raw(body={"config": {"version": 1} | WEAKER})
    failure = here.refused(config.APPLY, raw, key="sk")
    assert (failure.code, failure.status) == ("config/weakening-refused", 409)
    assert set(failure.details or {}) == {f"config.{change.path}" for change in found.changes}
    assert live(here) == before
    assert len(apply(here, WEAKER, weaken=True).changes) == len(found.changes)
    narrower = {"project": {"corsOrigins": ["https://a.test"]}}
    assert not any(change.weakening for change in plan(here, STRONG | narrower).changes)
    emptied = {"email": {"allowedCallbackUrls": []}, "project": {"corsOrigins": []}}
    apply(here, STRONG, weaken=True)
    assert {change.weakening for change in plan(here, emptied).changes} == {kind == "dev"}


def test_a_scoped_key_needs_the_scope_of_each_section(world: World) -> None:
    """Decision 137: config:update alone changes nothing behind it."""
    sections: dict[str, dict[str, Any]] = {
        "auth-config:update": {"email": {"enabled": True}},
        "projects:update": {"project": {"description": "x"}},
        "users:create": {"seed": {"users": [{"id": BOB, "email": "bob@example.com"}]}},
        "api-keys:create": {"seed": {"apiKeys": [{"id": KEY, "name": "k", "key": VALUE}]}},
        "auth-config:delete": {"oauth": {"google": None}},
    }
    narrow = world.make_key("secret", "config:read", "config:update")
    for document in sections.values():
        assert refused(world, document, key=narrow).code == "data/scope-insufficient"
    wide = world.make_key("secret", "config:*", "auth-config:*", "projects:update", "users:create")
    assert apply(world, sections["auth-config:update"], key=wide).changes == []
    assert len(apply(world, sections["users:create"], key=wide).changes) == 1
    beyond = {"seed": {"apiKeys": [{"id": KEY, "name": "k", "key": VALUE, "scopes": ["posts:read"]}]}}
    assert refused(world, beyond, key=wide).code == "data/scope-insufficient"


def seed(world: World) -> dict[str, Any]:
    """One fixture of each kind."""
    return {
        "users": [
            {
                "id": BOB,
                "email": "Bob@example.com",
                "name": "Bob",
                "role": "admin",
                "emailVerified": True,
                "password": "short",
                "totpSecret": SECRET,
                "accounts": [{"provider": "github", "providerAccountId": "77"}],
            },
            {"id": ANN, "email": "ann@example.com"},
        ],
        "organizations": [
            {"id": ACME, "name": "Acme", "members": [{"userId": BOB, "role": "owner"}]},
        ],
        "invitations": [
            {
                "id": INVITATION,
                "resourceType": "organization",
                "resourceId": ACME,
                "email": "carol@example.com",
                "resourceRole": "member",
                "status": "expired",
                "token": "a-token-known-beforehand",
            }
        ],
        "apiKeys": [{"id": KEY, "name": "ci", "key": VALUE, "scopes": ["users:list"]}],
    }


def test_fixtures_are_made_once_and_work(world: World) -> None:
    """Fixed ids; password, MFA, membership, invitation and key do what they say; nothing else is touched."""
    alice = world.sign_up()
    document = {"seed": seed(world)}
    wanted = by_path(plan(world, document))
    assert list(wanted) == [
        "seed.users.0",
        "seed.users.1",
        "seed.organizations.0",
        "seed.invitations.0",
        "seed.apiKeys.0",
    ]
    assert not {"short", SECRET, VALUE} & set(str(wanted).replace("'", " ").replace(",", " ").split())
    assert world.refused(users.GET, users.UserId(user_id=BOB), key="sk").code == "user/not-found"
    apply(world, document)
    assert apply(world, document).changes == []
    pair = world.sign_in("bob@example.com", "short", mfa_code=world.code(totp.lengthened(SECRET)))
    bob = world.me(pair)
    assert (bob.id, bob.name, bob.role, bob.email) == (BOB, "Bob", "admin", "bob@example.com")
    found = world.call(members.LIST, members.LIST.request(organization_id=ACME), token=pair)
    assert [(each.user_id, each.role) for each in found.items] == [(BOB, "owner")]
    invitation = invitations.InvitationId(invitation_id=INVITATION)
    assert world.call(invitations.GET, invitation, key="sk").status == "expired"
    assert world.call(keys.CURRENT, key=VALUE).id == KEY
    world.me(alice)


def test_fixtures_are_changed_to_match(world: World) -> None:
    """Of what exists only what differs is changed, field by field; what was deleted comes back."""
    apply(world, {"seed": seed(world)})
    changed = seed(world)
    changed["users"][0] |= {
        "name": "Robert",
        "password": "other",
        "totpSecret": SECRET[::-1],
        "email": "r@example.com",
    }
    changed["users"][0]["accounts"] = [{"provider": "github", "providerAccountId": "78"}]
    changed["organizations"][0] |= {"name": "Acme II"}
    changed["organizations"][0]["members"].append({"userId": ANN, "role": "member"})
    changed["invitations"][0] |= {"status": "pending", "resourceRole": "admin"}
    changed["apiKeys"][0] |= {"name": "cd"}
    found = by_path(apply(world, {"seed": changed}))
    assert found == {
        "seed.users.0.email": ("bob@example.com", "r@example.com", False),
        "seed.users.0.name": ("Bob", "Robert", False),
        "seed.users.0.password": ("***", "***", False),
        "seed.users.0.totpSecret": ("***", "***", False),
        "seed.users.0.accounts.github": ("77", "78", False),
        "seed.organizations.0.name": ("Acme", "Acme II", False),
        f"seed.organizations.0.members.{ANN}": (None, "member", False),
        "seed.invitations.0.resourceRole": ("member", "admin", False),
        "seed.invitations.0.status": ("expired", "pending", False),
        "seed.apiKeys.0.name": ("ci", "cd", False),
    }
    assert apply(world, {"seed": changed}).changes == []
    world.sign_in("r@example.com", "other", mfa_code=world.code(totp.lengthened(SECRET[::-1])))
    world.call(users.DELETE, users.UserId(user_id=ANN), key="sk")
    world.call(keys.REVOKE, keys.KeyId(key_id=KEY), key="sk")
    changed["organizations"] = []
    back = by_path(apply(world, {"seed": changed}))
    assert back == {
        "seed.users.1.deleted": (True, False, False),
        "seed.apiKeys.0.revoked": (True, False, False),
    }


def test_fixtures_that_clash_are_refused(world: World) -> None:
    """Outside dev, and with what others have: nothing of the document stays."""
    world.sign_up()
    apply(world, {"seed": seed(world)})
    other = "55555555-5555-4555-8555-555555555555"
    account = {"provider": "github", "providerAccountId": "77"}
    clashes: list[tuple[dict[str, Any], str]] = [
        ({"users": [{"id": other, "email": "alice@example.com"}]}, "auth/email-already-exists"),
        ({"users": [{"id": ANN, "email": "alice@example.com"}]}, "auth/email-already-exists"),
        ({"users": [{"id": ANN, "email": "a@b.test", "accounts": [account]}]}, "auth/account-already-linked"),
        ({"users": [{"id": BOB, "email": "bob@example.com", "role": "user"}]}, "user/last-admin"),
        ({"organizations": [{"id": other, "name": "A", "slug": "acme"}]}, "organization/slug-already-exists"),
        ({"users": [{"id": ANN, "email": "no address"}]}, "common/invalid-parameters"),
        (
            {"organizations": [{"id": ACME, "name": "A", "members": [{"userId": other, "role": "owner"}]}]},
            "common/invalid-parameters",
        ),
        ({"apiKeys": [{"id": other, "name": "k", "key": VALUE}]}, "common/invalid-parameters"),
    ]
    for fixtures, code in clashes:
        assert refused(world, {"seed": fixtures, "project": {"description": "never"}}).code == code
    assert live(world)["project"]["description"] is None
    production = world.beside("live", "prod")
    failure = refused(production, {"seed": {}})
    assert (failure.code, list(failure.details or {})) == ("common/invalid-parameters", ["config.seed"])
    beside = world.beside("other")
    assert list(refused(beside, {"seed": seed(world)}).details or {}) == ["config.seed.users.0.id"]
