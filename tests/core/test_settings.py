"""Settings: the contract's defaults, what was changed from them, and one environment at a time."""

from __future__ import annotations

from sqlalchemy import select

from bkendctl.core import schema, settings
from bkendctl.core.settings import Lockout, PasswordPolicy, SessionSettings
from tests.conftest import World


def load(world: World) -> settings.Settings:
    """The settings of the environment that the world's keys are of."""
    name = schema.environments.c.name == world.installed.environment
    with world.core.database.read() as transaction:
        environment: str = transaction.value(select(schema.environments.c.id).where(name))
        return settings.load(transaction, environment)


def test_without_changes_the_defaults_of_the_contract_count(world: World) -> None:
    """x-defaults, figure by figure; nothing is stored by setting up."""
    found = load(world)
    assert (found.email.enabled, found.email.require_email_verification) == (True, False)
    assert found.email.password_policy == PasswordPolicy(8, 128, True, True, True, True, True, None)
    assert found.email.lockout == Lockout(max_failures=5, window_minutes=15, lock_minutes=15)
    assert (found.sessions.access_token_seconds, found.sessions.refresh_token_seconds) == (3600, 604_800)
    assert found.sessions.session_absolute_days is None
    assert found.sessions.refresh_reuse_grace_seconds == 0


def test_a_change_leaves_the_rest_at_its_default(world: World) -> None:
    """What is stored is only what differs, down to single figures of a group."""
    world.configure("email", passwordPolicy={"minLength": 12}, requireEmailVerification=True)
    world.configure("sessions", accessTokenSeconds=60)
    found = load(world)
    assert found.email.password_policy == PasswordPolicy(min_length=12)
    assert (found.email.require_email_verification, found.email.lockout) == (True, Lockout())
    assert found.sessions == SessionSettings(access_token_seconds=60)


def test_settings_are_of_one_environment(world: World) -> None:
    """What is changed here is not changed beside."""
    before = load(world)
    world.configure("sessions", accessTokenSeconds=60)
    assert load(world.beside("other")) == before


def test_what_a_newer_program_stored_is_ignored(world: World) -> None:
    """Unknown names in a section do no harm."""
    stored = {"invented": True, "passwordPolicy": {"minLength": 9, "minEntropy": 3}}
    with world.core.database.write() as transaction:
        environment = transaction.value(select(schema.environments.c.id))
        row = {"environment_id": environment, "section": "email", "stored": stored, "updated_at": 0}
        transaction.insert(schema.settings, row)
    assert load(world).email.password_policy.min_length == 9
