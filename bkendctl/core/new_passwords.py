"""A password that somebody chooses: judged by the environment's policy, against what is common and leaked."""

from __future__ import annotations

from bkendctl.contract.errors import Failure
from bkendctl.core.call import Call
from bkendctl.core.passwords import require_acceptable


def require(call: Call, password: str, *, field: str, email: str) -> None:
    """Refuse what the policy, the list of common ones or the range API is against. Outside any transaction.

    Failures: auth/invalid-password-format with every reason under field, auth/weak-password.
    """
    with call.reading():
        policy = call.settings.email.password_policy
    personal = (email, email.partition("@")[0], call.env.project_name)
    require_acceptable(password, policy, field=field, personal=personal)
    leaks = call.core.leaks
    if policy.reject_leaked and leaks is not None and leaks.hold(password):
        raise Failure("auth/weak-password", "This password is known from a leak.")


def hash_of(call: Call, password: str, *, field: str, email: str) -> str:
    """Judge a password, then hash it. Failures: as require, and common/unavailable."""
    require(call, password, field=field, email=email)
    with call.core.hasher.slot() as hasher:
        return hasher.hash(password)
