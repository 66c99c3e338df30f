"""Who may import whom, and what may load at start."""

from __future__ import annotations

import ast
import sys
from typing import NamedTuple

from tests.house.source import MODULES, Import, Module, imports_of


class Law(NamedTuple):
    """rooms: what a room may import of ours; inside: beyond those, within functions; others: the packages
    of others it may import, None for any but forbidden."""

    rooms: frozenset[str]
    inside: frozenset[str] = frozenset()
    others: frozenset[str] | None = None
    forbidden: frozenset[str] = frozenset()


def law(*rooms: str, inside: str = "", others: str | None = None, forbidden: str = "") -> Law:
    """A row of LAWS, with names separated by spaces."""
    return Law(
        frozenset(rooms),
        frozenset(inside.split()),
        None if others is None else frozenset(others.split()),
        frozenset(forbidden.split()),
    )


FACES = "httpx typer click rich"
DATABASE = "sqlalchemy sqlmodel alembic argon2 pysqlite3 sqlite3"
LAWS = {
    "contract": law("contract", others="msgspec"),
    "core": law("contract", "core", "policy", forbidden="typer click rich"),
    "policy": law("policy", others=""),
    "server": law("contract", "core", "policy", "server", forbidden="typer rich"),
    "fake_provider": law("fake_provider", others="starlette msgspec jwt cryptography"),
    "client": law(
        "contract", "client", "local", inside="core fake_provider", forbidden=f"typer rich {DATABASE}"
    ),
    "local": law("contract", "local", forbidden=f"{FACES} {DATABASE}"),
    "cli": law(
        "contract", "client", "local", "cli", "policy", inside="core server fake_provider", forbidden=DATABASE
    ),
}
# The commands that need this machine's database (cli.md), and doctor; no other module of cli/ sees core/.
CLOSE_TO_THE_CORE = {
    "db",
    "delivering",
    "demo",
    "doctor",
    "fake_provider",
    "own_server",
    "serve",
    "setup",
}
BEHIND = ("core", "server", "fake_provider")
# What costs more at start than a command may take before it knows that it needs it.
HEAVY = {
    "PIL",
    "alembic",
    "argon2",
    "cryptography",
    "httpx",
    "jq",
    "jwt",
    "keyring",
    "pydantic",
    "pyotp",
    "qrcode",
    "rich",
    "sqlalchemy",
    "sqlmodel",
    "yaml",
    "zxcvbn",
}
SLOWEST = ("sqlmodel.", "alembic.", "bkendctl.core.tables.")

EVERY = [(module, found) for module in MODULES for found in imports_of(module.tree)]


def ours(found: Import) -> str | None:
    """The room an import leads to, empty for the top of the package, None for packages of others."""
    parts = found.name.split(".")
    if parts[0] != "bkendctl":
        return None
    return parts[1] if len(parts) > 1 and (parts[1] in LAWS) else ""


def is_lawful(module: Module, found: Import) -> bool:
    """Whether the law of a module's room allows an import."""
    if not module.room:
        return True
    mine, room, package = LAWS[module.room], ours(found), found.name.partition(".")[0]
    if room is not None:
        return not room or room in mine.rooms or (found.inside and room in mine.inside)
    if package in mine.forbidden:
        return False
    return mine.others is None or package in mine.others or package in sys.stdlib_module_names


def told(breaches: list[tuple[Module, Import]]) -> list[str]:
    """Where each breach is."""
    return [f"{module.name}:{found.line} imports {found.name}" for module, found in breaches]


def test_the_core_calls_out_in_one_place() -> None:
    """Providers are asked through egress.py alone, within its bounds of time and size."""
    speaking = [row for row in EVERY if row[0].room == "core" and row[1].name.partition(".")[0] == "httpx"]
    assert {module.name for module, _ in speaking} == {"bkendctl.core.egress"}
    assert all(found.inside for _, found in speaking)


def test_every_room_has_its_law() -> None:
    """A new folder is placed in LAWS before anything is in it."""
    assert {module.room for module in MODULES} - {""} <= LAWS.keys()


def test_imports_are_written_out() -> None:
    """Relative imports hide whom a module imports."""
    assert told([(module, found) for module, found in EVERY if found.name.startswith(".")]) == []


def test_a_module_imports_whom_its_room_may() -> None:
    """contract knows nobody, core only the contract; client and cli see the core within functions."""
    assert told([(module, found) for module, found in EVERY if not is_lawful(module, found)]) == []


def test_what_stays_on_this_machine_knows_no_operation() -> None:
    """local/ speaks to no backend: of the contract it needs the words for what is wrong alone."""
    of_local = [row for row in EVERY if row[0].room == "local" and ours(row[1]) == "contract"]
    words = ("bkendctl.contract.errors.", "bkendctl.contract.findings.")
    assert told([row for row in of_local if not row[1].name.startswith(words)]) == []


def test_only_commands_that_need_the_database_see_the_core() -> None:
    """All others speak to a backend, wherever it is."""
    far = [row for row in EVERY if row[0].room == "cli" and row[0].file.stem not in CLOSE_TO_THE_CORE]
    assert told([(module, found) for module, found in far if ours(found) in BEHIND]) == []


def test_nothing_heavy_loads_before_it_is_needed() -> None:
    """Outside core/ and server/ heavy packages are imported where they are used (start-up law)."""
    at_top = [row for row in EVERY if row[0].room not in ("core", "server") and not row[1].inside]
    assert told([(module, found) for module, found in at_top if found.name.split(".")[0] in HEAVY]) == []


def test_sqlmodel_and_alembic_stay_with_the_migrations() -> None:
    """At its top nothing but the table classes and the migrations loads them: 400 and 150 ms."""
    at_home = ("bkendctl.core.tables", "bkendctl.core.migrations")
    at_top = [row for row in EVERY if not row[1].inside and not row[0].name.startswith(at_home)]
    assert told([(module, found) for module, found in at_top if f"{found.name}.".startswith(SLOWEST)]) == []


def test_the_package_itself_imports_nothing() -> None:
    """`import bkendctl` gives the version and costs nothing."""
    assert told([(module, found) for module, found in EVERY if module.name == "bkendctl"]) == []


def test_a_breach_would_be_seen() -> None:
    """The walk finds imports of every form, tells those within functions apart, and the laws judge them."""
    source = (
        "import a.b\nfrom c import d\nif TYPE_CHECKING:\n    import e\nelse:\n    import f\n"
        "class G:\n    import h\n    def i(self):\n        from j.k import l\n"
        "try:\n    import m\nexcept N: pass\n"
    )
    assert [(found.name, found.inside) for found in imports_of(ast.parse(source))] == [
        ("a.b", False),
        ("c.d", False),
        ("f", False),
        ("h", False),
        ("j.k.l", True),
        ("m", False),
    ]
    client = next(module for module in MODULES if module.room == "client")
    judged = {
        Import("bkendctl.core.dispatch.execute", inside=True, line=1): True,
        Import("bkendctl.core.dispatch.execute", inside=False, line=1): False,
        Import("bkendctl.cli.app", inside=True, line=1): False,
        Import("rich.console", inside=True, line=1): False,
        Import("httpx", inside=True, line=1): True,
        Import("json", inside=False, line=1): True,
    }
    assert {found: is_lawful(client, found) for found in judged} == judged
