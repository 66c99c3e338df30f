"""How users, sessions and the like are drawn, wherever they are shown."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from bkendctl.cli.tables import KEEP, Column, View

USER = View(
    columns=(
        Column("Id", "id"),
        Column("E-mail", "email"),
        Column("Name", "name"),
        Column("Role", "role"),
        Column("Status", "status"),
        Column("Banned until", "bannedUntil", style="time", optional=True),
        Column("Banned for", "banReason", style="text", optional=True),
        Column("Deleted", "deletedAt", style="time", optional=True),
        Column("E-mail verified", lambda user: user["emailVerified"] or "no", style="time"),
        Column("MFA", "mfaEnabled"),
        Column("Last sign-in", "lastSignInAt", style="time"),
        Column("Created", "createdAt", style="time"),
    ),
    noun="users",
)
USERS = View(
    columns=(
        Column("Id", "id", KEEP),
        Column("E-mail", "email", KEEP - 1),
        Column("Role", "role", 9),
        Column("Status", lambda user: user.get("status"), 8),
        Column("MFA", "mfaEnabled", 4),
        Column("Name", "name", 5),
        Column("Last sign-in", "lastSignInAt", 3, "time"),
        Column("Created", "createdAt", 2, "time"),
    ),
    noun="users",
    offer=lambda user: (user["email"] or user["id"], user["role"]),
)


def _device(session: Mapping[str, Any]) -> Any:
    return session["deviceInfo"] or "unknown"


SESSIONS = View(
    columns=(
        Column("Id", "id", KEEP),
        Column("Current", lambda session: "current" if session["isCurrent"] else "", 9),
        Column("Device", _device, 8),
        Column("Address", lambda session: session["ipAddress"] or "local", 5),
        Column("Last seen", "lastActivityAt", 7, "time"),
        Column("Expires", "expiresAt", 4, "time"),
    ),
    noun="sessions",
    offer=lambda session: (session["id"], "this one" if session["isCurrent"] else _device(session)),
)
