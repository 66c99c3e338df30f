"""How Firebase, Supabase, Auth0 and our own export write a user, and the row of an import it becomes.

docs/import.md names the documentation and the programs that each was read from.
"""

from __future__ import annotations

import json
import re
import sys
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from bkendctl.cli.formats import original_cell
from bkendctl.contract.errors import Failure

Row = dict[str, Any]
Settings = Mapping[str, Any]
"""Of the project that a file comes from: Firebase's hash_config as hashParameters, without a salt."""


class LeftOut(Exception):
    """A user that does not come along; its text says why. fails: whether that is a fault."""

    def __init__(self, reason: str, *, fails: bool = True) -> None:
        super().__init__(reason)
        self.fails = fails


_PROVIDERS = {
    "google.com": "google",
    "google-oauth2": "google",
    "google": "google",
    "github.com": "github",
    "github": "github",
}
FIREBASE_COLUMNS = [
    "localId",
    "email",
    "emailVerified",
    "passwordHash",
    "salt",
    "displayName",
    "photoUrl",
    "google.id",
    "google.email",
    "google.name",
    "google.photo",
    "facebook.id",
    "facebook.email",
    "facebook.name",
    "facebook.photo",
    "twitter.id",
    "twitter.email",
    "twitter.name",
    "twitter.photo",
    "github.id",
    "github.email",
    "github.name",
    "github.photo",
    "createdAt",
    "lastSignedInAt",
    "phoneNumber",
    "disabled",
    "customAttributes",
]


def firebase(user: Mapping[str, Any], settings: Settings) -> Row:
    """A user of `firebase auth:export`, of either format."""
    infos = user.get("providerUserInfo") or [
        {"providerId": f"{name}.com", "rawId": user[f"{name}.id"], "displayName": user.get(f"{name}.name")}
        for name in ("google", "github")
        if user.get(f"{name}.id")
    ]
    row: Row = {
        "email": user.get("email"),
        "name": user.get("displayName")
        or next((each["displayName"] for each in infos if each.get("displayName")), None),
        "emailVerified": user.get("emailVerified") in (True, "true"),
        "createdAt": _of_milliseconds(user.get("createdAt")),
        "lastSignInAt": _of_milliseconds(user.get("lastSignedInAt")),
        "externalId": user.get("localId"),
        "accounts": _accounts((each.get("providerId"), each.get("rawId")) for each in infos),
        "banned": user.get("disabled") in (True, "true") or None,
    }
    if user.get("passwordHash"):
        row["passwordHash"] = user["passwordHash"]
        row["hashParameters"] = {**settings, "salt": user.get("salt") or ""}
    return row


def supabase(user: Mapping[str, Any], _settings: Settings) -> Row:
    """A row of Supabase's auth.users, as CSV or JSON; identities where they were joined to it."""
    user = {name: None if value in ("", "null", "NULL", "\\N") else value for name, value in user.items()}
    if user.get("deleted_at"):
        raise LeftOut("was deleted there", fails=False)
    meta, of_app = _nested(user.get("raw_user_meta_data")), _nested(user.get("raw_app_meta_data"))
    identities = _nested(user.get("identities")) or []
    named = [
        (each.get("provider"), each.get("provider_id") or _nested(each.get("identity_data")).get("sub"))
        for each in identities
    ]
    if not named:
        named = [(of_app.get("provider"), meta.get("provider_id") or meta.get("sub"))]
    until = _of_postgres(user.get("banned_until"))
    banned = until is not None and until > datetime.now(UTC)
    return {
        "email": user.get("email"),
        "name": next(
            (meta[key] for key in ("full_name", "name", "display_name", "user_name") if meta.get(key)), None
        ),
        "emailVerified": _wire(_of_postgres(user.get("email_confirmed_at"))),
        "passwordHash": user.get("encrypted_password"),
        "createdAt": _wire(_of_postgres(user.get("created_at"))),
        "lastSignInAt": _wire(_of_postgres(user.get("last_sign_in_at"))),
        "externalId": user.get("id"),
        "accounts": _accounts(named),
        "banned": banned or None,
        "bannedUntil": _wire(until) if banned else None,
    }


def auth0(user: Mapping[str, Any], _settings: Settings) -> Row:
    """A user of Auth0: its export of users, of password hashes, or a file made for its import."""
    user = {name.lower().replace(" ", "_"): value for name, value in user.items()}
    listed: Row = next((each for each in user.get("identifiers") or [] if each.get("type") == "email"), {})
    id_ = user.get("user_id") or user.get("id") or user.get("alt_id") or (user.get("_id") or {}).get("$oid")
    identities = user.get("identities") or []
    factors = [each["totp"]["secret"] for each in user.get("mfa_factors") or [] if each.get("totp")]
    row: Row = {
        "email": user.get("email") or listed.get("value"),
        "name": user.get("name") or None,
        "nickname": user.get("nickname") or None,
        "emailVerified": user.get("email_verified", listed.get("verified")) in (True, "true"),
        "passwordHash": user.get("passwordhash")
        or user.get("password_hash")
        or _custom(user.get("custom_password_hash")),
        "createdAt": _date(user.get("created_at")),
        "lastSignInAt": _date(user.get("last_login")),
        "externalId": id_ if id_ is None or "|" in str(id_) else f"auth0|{id_}",
        "accounts": _accounts((each.get("provider"), each.get("user_id")) for each in identities),
        "totpSecret": factors[0] if factors else None,
        "banned": user.get("blocked") in (True, "true") or None,
    }
    if "email_verified" not in user and not listed:
        del row["emailVerified"]
    return row


def own(user: Mapping[str, Any], _settings: Settings) -> Row:
    """A user of `users export`, or any object with fields of an import."""
    if user.get("status") == "deleted":
        raise LeftOut("was deleted there", fails=False)
    row = {name: user[name] for name in _OWN if user.get(name) is not None}
    row.setdefault("externalId", user.get("id"))
    if user.get("status") == "banned":
        row["banned"] = True
    if "accounts" in row and isinstance(row["accounts"], list):
        named = [each for each in row["accounts"] if isinstance(each, dict)]
        row["accounts"] = _accounts((each.get("provider"), each.get("providerAccountId")) for each in named)
    return row


def own_csv(user: Mapping[str, Any], settings: Settings) -> Row:
    """The same as cells, which may hold JSON and were neutralised."""
    cells: Row = {}
    for name, cell in user.items():
        if cell == "":
            continue
        text = original_cell(cell)
        if name in ("accounts", "hashParameters"):
            cells[name] = _nested(text, strict=True)
        else:
            cells[name] = text == "true" if name in _BOOLEANS and text in ("true", "false") else text
    return own(cells, settings)


_OWN = (
    "email", "name", "nickname", "role", "emailVerified", "passwordHash", "hashParameters", "totpSecret",
    "accounts", "externalId", "createdAt", "lastSignInAt", "banned", "bannedUntil", "banReason",
)  # fmt: skip
_BOOLEANS = ("emailVerified", "banned")


def _accounts(named: Any) -> list[Row] | None:
    """Identities of providers that there are here."""
    found = {
        _PROVIDERS[provider]: str(id_)
        for provider, id_ in named
        if id_ and _PROVIDERS.get(str(provider)) is not None
    }
    return [{"provider": name, "providerAccountId": id_} for name, id_ in found.items()] or None


def _custom(given: Any) -> str | None:
    """What Auth0's import calls custom_password_hash. LeftOut for algorithms that cannot be kept."""
    if not given:
        return None
    algorithm, hash_ = given.get("algorithm"), given.get("hash") or {}
    if algorithm in ("argon2", "bcrypt", "pbkdf2"):
        return str(hash_.get("value"))
    if algorithm != "scrypt":
        raise LeftOut(f"has a hash of {algorithm}, which cannot be kept: --without-hashes")
    from base64 import b64encode

    salt = given.get("salt") or {}
    parts = [b64encode(_bytes(each)).rstrip(b"=").decode() for each in (salt, hash_)]
    cost = int(given.get("cost", 16384)).bit_length() - 1
    sizes = f"r={int(given.get('blockSize', 8))},p={int(given.get('parallelization', 1))}"
    return f"$scrypt$ln={cost},{sizes}${parts[0]}${parts[1]}"


def _bytes(part: Mapping[str, Any]) -> bytes:
    from base64 import b64decode

    value, encoding = str(part.get("value", "")), part.get("encoding", "utf8")
    if encoding == "hex":
        return bytes.fromhex(value)
    return b64decode(value) if encoding == "base64" else value.encode()


def _nested(value: Any, *, strict: bool = False) -> Any:
    """JSON in a cell, or what JSON had there already."""
    if not isinstance(value, str):
        return value or {}
    try:
        return json.loads(value)
    except ValueError:
        if strict:
            raise LeftOut("has a cell that is no JSON") from None
        return {}


def _of_milliseconds(value: Any) -> str | None:
    if value in (None, "", 0, "0"):
        return None
    try:
        return _wire(datetime.fromtimestamp(int(value) / 1000, UTC))
    except (ValueError, OverflowError, OSError):
        raise LeftOut(f"has a time that is none: {value}") from None


def _of_postgres(value: Any) -> datetime | None:
    """2024-01-02 03:04:05.678901+00, or with a T; without an offset it is UTC."""
    if value is None:
        return None
    try:
        found = datetime.fromisoformat(str(value))
    except ValueError:
        raise LeftOut(f"has a time that is none: {value}") from None
    return found if found.tzinfo else found.replace(tzinfo=UTC)


def _wire(instant: datetime | None) -> str | None:
    return None if instant is None else instant.astimezone(UTC).isoformat(timespec="milliseconds")


def _date(value: Any) -> Any:
    """Auth0's own are ISO 8601; MongoDB's are within an object."""
    return value.get("$date") if isinstance(value, dict) else value or None


def config_of(file: Path) -> Row:
    """Read --firebase-config. cli/usage, cli/file."""
    try:
        return hash_config(sys.stdin.read() if str(file) == "-" else file.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError) as error:
        raise Failure("cli/file", f"{file}: {error}.") from None


def hash_config(text: str) -> Row:
    """Read the block that Firebase's console shows, or the same as JSON. cli/usage for anything else."""
    found = dict(re.findall(r'"?(\w+)"?\s*:\s*"?([\w+/=.-]+)"?', text))
    named = {name: found[name] for name in _CONFIG if name in found}
    if found.get("algorithm", "SCRYPT") != "SCRYPT" or len(named) < len(_CONFIG):
        raise Failure(
            "cli/usage",
            "--firebase-config wants the hash_config of a project with SCRYPT.",
            hint="Firebase console, Authentication, Users, the three dots, Password hash parameters",
        )
    row: Row = {wire: named[name] for name, wire in _CONFIG.items()}
    try:
        numbers = {name: int(row[name]) for name in ("rounds", "memoryCost")}
    except ValueError:
        raise Failure("cli/usage", "rounds and mem_cost of --firebase-config are numbers.") from None
    return {"algorithm": "firebase-scrypt", **row, **numbers}


_CONFIG = {
    "base64_signer_key": "signerKey",
    "base64_salt_separator": "saltSeparator",
    "rounds": "rounds",
    "mem_cost": "memoryCost",
}
SERVICES: dict[str, Callable[[Mapping[str, Any], Settings], Row]] = {
    "csv": own_csv, "jsonl": own, "firebase": firebase, "supabase": supabase, "auth0": auth0,
}  # fmt: skip
