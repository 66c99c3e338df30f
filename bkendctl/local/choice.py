"""Which vault keeps the credentials.

Law: never a silent demotion. What was chosen is remembered in store.json, so a keyring that is gone is an
error and not an empty store, and only the first command on a machine asks whether there is one.
"""

from __future__ import annotations

import json
import os
from typing import NamedTuple

from bkendctl.contract.errors import Failure
from bkendctl.local.files import Warn, read_private, write_private
from bkendctl.local.locks import exclusive
from bkendctl.local.paths import Paths
from bkendctl.local.vaults import FileVault, MemoryVault, Vault

_KINDS = ("keyring", "file", "memory")


class _Choice(NamedTuple):
    """store: keyring or file. home_id: keeps this folder's entries apart. backend: the keyring that proved
    to work, "" while none has."""

    store: str
    home_id: str
    backend: str


def choose(paths: Paths, warn: Warn) -> Vault:
    """Return the vault: BKENDCTL_STORE, else the remembered one, else a keyring that works, else the file.

    Asks a keyring at most once, for up to 3 s. Raises cli/usage for another BKENDCTL_STORE,
    cli/store-unavailable for a keyring asked for by name that does not work, cli/store-damaged.
    """
    wish = os.environ.get("BKENDCTL_STORE", "").strip().lower()
    if wish and wish not in _KINDS:
        raise Failure("cli/usage", f"BKENDCTL_STORE is one of {', '.join(_KINDS)}.", hint="")
    if wish == "memory":
        return MemoryVault(paths)
    if wish == "file":
        return FileVault(paths, warn)
    must = wish == "keyring"
    choice = _remembered(paths, warn)
    if not must and (choice.store == "file" if choice else _has_file(paths)):
        return FileVault(paths, warn)
    if choice is None or not choice.backend:
        choice = _first_choice(paths, warn, must=must)
    if choice is None or not (must or choice.store == "keyring"):
        return FileVault(paths, warn)
    from bkendctl.local.keyring_vault import KeyringVault

    return KeyringVault(paths, choice.home_id, choice.backend)


def _first_choice(paths: Paths, warn: Warn, *, must: bool) -> _Choice | None:
    """Probe the keyring and remember the outcome; of many processes at once one does it for all.

    None when that cannot be written down: the file is taken, and warn hears of it.
    """
    try:
        with exclusive(paths.credentials_lock):
            found = _remembered(paths, warn)
            if found and (found.backend or not must):
                return found
            choice = _probed(paths, found or _Choice("", os.urandom(16).hex(), ""), warn, must=must)
            content = {"version": 1, "store": choice.store, "id": choice.home_id, "backend": choice.backend}
            write_private(paths.store_file, json.dumps(content).encode(), warn)
            return choice
    except Failure as failure:
        if failure.code == "cli/file" and not must:
            where = f"credentials go to {paths.credentials_file}"
            warn(f"{failure.message} Which store to use cannot be remembered; {where}")
            return None
        raise


def _probed(paths: Paths, choice: _Choice, warn: Warn, *, must: bool) -> _Choice:
    from bkendctl.local.keyring_vault import NoAnswer, probe

    try:
        backend = probe(paths, choice.home_id)
    except NoAnswer as error:
        if must:
            why = f"BKENDCTL_STORE=keyring, but it cannot be used: {error.reason}."
            raise Failure("cli/store-unavailable", why) from None
        where = f"credentials are kept in {paths.credentials_file} (mode 0600)"
        warn(f"the system's keyring cannot be used: {error.reason}; {where}")
        return choice._replace(store="file")
    # Next to a credentials file a keyring is used only when asked for: it would hide what is in the file.
    store = choice.store or ("file" if _has_file(paths) else "keyring")
    return choice._replace(store=store, backend=backend)


def _has_file(paths: Paths) -> bool:
    """Tell whether credentials were written with BKENDCTL_STORE=file before anything was remembered."""
    return os.path.lexists(paths.credentials_file)


def _remembered(paths: Paths, warn: Warn) -> _Choice | None:
    data = read_private(paths.store_file, warn)
    if data is None:
        return None
    try:
        content = json.loads(data)
        choice = _Choice(content["store"], content["id"], content["backend"])
    except (ValueError, TypeError, KeyError, RecursionError):
        choice = _Choice("", "", "")
    if (
        not all(isinstance(part, str) for part in choice)
        or choice.store not in {"keyring", "file"}
        or not choice.home_id
        or (choice.store == "keyring" and not choice.backend)
    ):
        # Guessing here would be the silent demotion.
        raise Failure(
            "cli/store-damaged",
            f"{paths.store_file} does not say where credentials are kept; it was left as it is.",
            hint="remove it, then: bkendctl login",
        )
    return choice
