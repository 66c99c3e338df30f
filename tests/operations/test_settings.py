"""Settings of sign-in by e-mail and of sessions: read, changed, judged, audited; they count at once.

That each one acts is told where it acts too: locks, rate limits, links, refreshes. World.configure changes
them by the same operations.
"""

from __future__ import annotations

from typing import Any

import msgspec
import pytest

from bkendctl.contract import accounts, audit_events, email_config, session_settings, users
from bkendctl.contract.operation import Operation, Raw
from bkendctl.core.clock import DAY
from tests.conftest import PASSWORD, World

MAIL, SESSIONS = (email_config.GET, email_config.SET), (session_settings.GET, session_settings.SET)
SECTIONS = {"email": MAIL, "sessions": SESSIONS}


def read(world: World, section: str) -> dict[str, Any]:
    """A section as it is answered."""
    found: dict[str, Any] = msgspec.to_builtins(world.call(SECTIONS[section][0], key="sk"))
    return found


def faults(world: World, operation: Operation[Any, Any], **body: Any) -> dict[str, Any]:
    """What a refused change is at fault with."""
    refusal = world.refused(operation, Raw(body=body), key="sk")
    assert refusal.code == "common/invalid-parameters"
    return dict(refusal.details or {})


def test_what_nobody_changed_is_the_contract_s_default(world: World) -> None:
    """x-defaults and x-rate-limit-classes; in dev limits are 20 times higher, locks the same everywhere."""
    made = read(world, "email").pop("updatedAt")
    assert read(world, "email") == {
        "enabled": True,
        "passwordPolicy": {
            "minLength": 8,
            "maxLength": 128,
            "requireUppercase": True,
            "requireLowercase": True,
            "requireNumbers": True,
            "requireSpecialChars": True,
            "rejectLeaked": True,
            "expirationDays": None,
        },
        "magicLinkEnabled": True,
        "magicLinkExpirationMinutes": 15,
        "requireEmailVerification": False,
        "allowedCallbackUrls": [],
        "lockout": {"maxFailures": 5, "windowMinutes": 15, "lockMinutes": 15},
        "updatedAt": made,
    }
    for factor, kind in ((20, world), (1, world.beside("live", "prod"))):
        assert read(kind, "sessions") | {"updatedAt": made} == {
            "accessTokenSeconds": 3600,
            "refreshTokenSeconds": 604_800,
            "sessionAbsoluteDays": None,
            "refreshReuseGraceSeconds": 0,
            "rateLimits": {
                "default": {"limit": 600 * factor, "windowSeconds": 60},
                "login": {"limit": 10 * factor, "windowSeconds": 60},
                "loginSource": {"limit": 20 * factor, "windowSeconds": 60},
                "code": {"limit": 5 * factor, "limitPerSource": 20 * factor, "windowSeconds": 3600},
            },
            "updatedAt": made,
        }


def test_a_change_is_merged_and_the_audit_has_both_sides(world: World) -> None:
    """What is not named stays, down to nested objects; a class of limits is whole; null is a value."""
    beside = world.beside("other")
    untouched = {section: read(beside, section) for section in SECTIONS}
    before = {section: read(world, section) for section in SECTIONS}
    world.clock.advance(DAY)
    world.configure("email", passwordPolicy={"minLength": 12, "expirationDays": 90})
    world.configure("email", passwordPolicy={"expirationDays": None}, allowedCallbackUrls=["https://a.test"])
    world.configure(
        "sessions", sessionAbsoluteDays=30, rateLimits={"login": {"limit": 3, "windowSeconds": 9}}
    )
    mail, sessions = read(world, "email"), read(world, "sessions")
    assert mail["updatedAt"] == sessions["updatedAt"] == "2027-01-16T08:00:00.000Z"
    assert mail == before["email"] | {
        "passwordPolicy": before["email"]["passwordPolicy"] | {"minLength": 12},
        "allowedCallbackUrls": ["https://a.test"],
        "updatedAt": mail["updatedAt"],
    }
    limits = before["sessions"]["rateLimits"] | {"login": {"limit": 3, "windowSeconds": 9}}
    changed = {"sessionAbsoluteDays": 30, "rateLimits": limits, "updatedAt": mail["updatedAt"]}
    assert sessions == before["sessions"] | changed
    assert {section: read(beside, section) for section in SECTIONS} == untouched
    events = world.call(audit_events.LIST, audit_events.LIST.request(limit=3), key="sk").items
    assert [(event.action, event.target.id) for event in events if event.target] == [
        ("session-settings.set", "sessions"),
        ("email-config.set", "email"),
        ("email-config.set", "email"),
    ]
    assert events[1].details == {
        "before": {"passwordPolicy": {"expirationDays": 90}, "allowedCallbackUrls": []},
        "after": {"passwordPolicy": {"expirationDays": None}, "allowedCallbackUrls": ["https://a.test"]},
    }


def test_limits_and_contradictions_are_refused_and_nothing_is_stored(world: World) -> None:
    """Every bound of the contract, from both sides; faults are named by their place."""
    bounds: list[tuple[Operation[Any, Any], str, int, int]] = [
        (email_config.SET, "magicLinkExpirationMinutes", 1, 1440),
        (email_config.SET, "passwordPolicy.minLength", 6, 128),
        (email_config.SET, "passwordPolicy.maxLength", 8, 128),
        (email_config.SET, "passwordPolicy.expirationDays", 1, 3650),
        (email_config.SET, "lockout.maxFailures", 3, 100),
        (email_config.SET, "lockout.windowMinutes", 1, 1440),
        (email_config.SET, "lockout.lockMinutes", 1, 1440),
        (session_settings.SET, "accessTokenSeconds", 60, 86_400),
        (session_settings.SET, "refreshTokenSeconds", 3600, 31_536_000),
        (session_settings.SET, "sessionAbsoluteDays", 1, 365),
        (session_settings.SET, "refreshReuseGraceSeconds", 0, 60),
    ]
    before = {section: read(world, section) for section in SECTIONS}
    for operation, path, least, most in bounds:
        above, _, name = path.rpartition(".")
        for value in (least - 1, most + 1, True, "8", 8.5):
            body = {above: {name: value}} if above else {name: value}
            assert list(faults(world, operation, **body)) == [path]
    for operation in (email_config.SET, session_settings.SET):
        assert faults(world, operation) == {"": ["name at least one field to change"]}
        assert faults(world, operation, invented=1) == {"": ["name at least one field to change"]}
    assert list(faults(world, email_config.SET, passwordPolicy={})) == ["passwordPolicy"]
    assert list(faults(world, email_config.SET, passwordPolicy=None)) == ["passwordPolicy"]
    assert list(faults(world, email_config.SET, enabled=None)) == ["enabled"]
    assert len(faults(world, session_settings.SET, rateLimits={"login": {"limit": 1}})) == 1
    assert faults(world, email_config.SET, passwordPolicy={"minLength": 20, "maxLength": 19}) == {
        "passwordPolicy.minLength": ["must not be above maxLength, which is 19"]
    }
    world.configure("sessions", refreshTokenSeconds=7200)
    assert list(faults(world, session_settings.SET, accessTokenSeconds=7201)) == ["accessTokenSeconds"]
    world.configure("sessions", refreshTokenSeconds=604_800)
    urls = [f"https://{n}.test" for n in range(21)]
    assert list(faults(world, email_config.SET, allowedCallbackUrls=urls)) == ["allowedCallbackUrls"]
    assert {section: read(world, section) for section in SECTIONS} == before


def test_a_callback_url_is_one_that_every_browser_reads_alike(world: World) -> None:
    """T090: the tricks are refused in the list, and at request time against a list, each by its place."""
    good = ["https://app.example.com", "http://localhost:3000/in/", "https://[2001:db8::1]:8443"]
    tricks = ["//evil.test", "https:evil.test", "/\\evil", "https://ok@evil.test", "https://ok\\@evil.test"]
    tricks += ["\thttps://evil.test", "https://ev\nil.test", "javascript:alert(1)", "https://*.example.com"]
    tricks += [
        "https://ok.test/a/../b",
        "https://ok.test/?q",
        "https://ok.test/#f",
        "",
        "https://",
        "ok.test",
    ]
    told = faults(world, email_config.SET, allowedCallbackUrls=[*good, *tricks[:17]])
    assert list(told) == [f"allowedCallbackUrls.{place}" for place in range(3, 3 + len(tricks))]
    world.configure("email", allowedCallbackUrls=good)
    for url in [*tricks, "https://app.example.com.evil.test/", "https://evil.test/https://app.example.com"]:
        request = Raw(body={"method": "magiclink", "email": "a@example.com", "callbackUrl": url})
        refusal = world.refused(accounts.SIGN_IN, request)
        assert (refusal.code, list(refusal.details or {})) == ("common/invalid-parameters", ["callbackUrl"])


@pytest.mark.parametrize("way", ["sign-up", "admin"])
def test_the_password_policy_acts_from_the_next_request_on(world: World, way: str) -> None:
    """Each rule on and off, lengths from both sides, the list of common ones; old passwords stay good."""
    numbers = iter(range(100))

    def take(password: str) -> str | None:
        email = f"user{next(numbers)}@example.com"
        fields = {"email": email, "password": password, "name": "A"}
        body = fields | ({"method": "password"} if way == "sign-up" else {"role": "user"})
        operation = accounts.SIGN_UP if way == "sign-up" else users.CREATE
        try:
            world.call(operation, Raw(body=body), key="sk")
        except Exception as refusal:  # noqa: BLE001 - the code is what is looked at
            return getattr(refusal, "code", repr(refusal))
        return None

    bad = "auth/invalid-password-format"
    alice = world.sign_up()
    for rule, without in {
        "requireUppercase": "correct-h0rse",
        "requireLowercase": "CORRECT-H0RSE",
        "requireNumbers": "Correct-horse",
        "requireSpecialChars": "C0rrecthorse",
    }.items():
        assert take(without) == bad
        world.configure("email", passwordPolicy={rule: False})
        assert take(without) is None
    assert take("password1") == "auth/weak-password"
    world.configure("email", passwordPolicy={"rejectLeaked": False, "minLength": 9, "maxLength": 10})
    assert [take(text) for text in ("password1", "password", "password123")] == [None, bad, bad]
    world.me(alice)
    world.sign_in(password=PASSWORD)
