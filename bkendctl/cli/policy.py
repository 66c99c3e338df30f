"""bkendctl policy: table permissions, evaluated and looked over without a server."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal, get_args

import typer

from bkendctl.cli.context import Context
from bkendctl.cli.options import Noun, one_of
from bkendctl.cli.tables import KEEP, Column, View
from bkendctl.contract.errors import Failure

if TYPE_CHECKING:
    from bkendctl.policy.table import Table

noun = Noun("Table permissions, checked offline.")

Operation = Literal["create", "read", "update", "delete", "list"]

DECISION = View(
    columns=(
        Column("Decision", lambda decision: "allowed" if decision["allowed"] else "denied"),
        Column("Operation", "operation"),
        Column("Table", "table"),
        Column("As", "as"),
        Column("Rule", "rule"),
        Column("Code", "code"),
        Column("Filter", "filter"),
        Column("Hidden columns", "hidden"),
    ),
    quiet="code",
)
FINDINGS = View(
    columns=(
        Column("Severity", "severity", KEEP),
        Column("Path", "path", KEEP),
        Column("Finding", "message", 2, "text"),
        Column("Instead", "mend", 1, "text"),
    ),
    noun="findings",
    quiet="path",
    empty="nothing to find fault with",
)

File = Annotated[Path, typer.Argument(help="The table's definition, or several below tables:, YAML or JSON.")]
TableName = Annotated[
    str | None, typer.Option("--table", help="Which one, where the file has several.", metavar="NAME")
]


@noun.verb("check")
def check(
    ctx: Context,
    file: File,
    operation: Annotated[str, typer.Option(help="What is done.", metavar=one_of(Operation))],
    as_: Annotated[str, typer.Option("--as", help="Who does it.", metavar="guest|admin|user:ID")],
    role: Annotated[
        list[str] | None, typer.Option(help="A custom role of the user; may be repeated.", metavar="NAME")
    ] = None,
    row: Annotated[
        list[str] | None,
        typer.Option(
            help="A value of the row, such as createdBy=ID; may be repeated.", metavar="COLUMN=VALUE"
        ),
    ] = None,
    column: Annotated[
        list[str] | None, typer.Option(help="A column that is written; may be repeated.", metavar="COLUMN")
    ] = None,
    scope: Annotated[
        list[str] | None, typer.Option(help="A scope of the key; may be repeated.", metavar="TABLE:OPERATION")
    ] = None,
    table: TableName = None,
) -> None:
    """Say whether a caller may do an operation, and which rule decides. Exit status 4 when not.

    Of a list the answer says which rows: the caller's own, those of row filters, or all.

    Example: bkendctl policy check posts.yaml --operation update --as user:42 --row createdBy=42
    """
    from bkendctl.policy.decision import decide

    if operation not in get_args(Operation):
        ctx.refuse(f"--operation is {one_of(Operation)}, not {operation}.")
    definition = _sound(file, table)
    decision = decide(
        definition,
        operation,
        _caller(ctx, as_, role or []),
        row=dict(_pair(ctx, text) for text in row or []),
        scopes=scope or [],
        written=column or [],
    )
    body: dict[str, Any] = {"operation": operation, "table": definition.name, "as": as_} | decision._asdict()
    ctx.output.show(body | {"hidden": list(decision.hidden)}, DECISION)
    if not decision.allowed:
        raise typer.Exit(4)


@noun.verb("lint")
def lint_file(
    ctx: Context,
    file: File,
    strict: Annotated[bool, typer.Option("--strict", help="Take warnings for errors.")] = False,
) -> None:
    """Look a definition over, and say what is wrong with it.

    That is: what cannot be read, what never decides, what is open to everybody.
    Exit status 10 when there is an error.

    Example: bkendctl policy lint posts.yaml
    """
    from bkendctl.policy.lint import lint

    tables = _tables(file)
    found = [
        finding._asdict() | {"path": f"{name}.{finding.path}".rstrip(".")}
        for name, definition in tables.items()
        for finding in lint(name, definition)
    ]
    ctx.output.show(found, FINDINGS)
    if any(strict or finding["severity"] == "error" for finding in found):
        raise typer.Exit(10)


def _tables(file: Path) -> dict[str, Any]:
    """The definitions of a file by table name; a single one is named by its name, else by the file."""
    read = _read(file)
    if isinstance(read, dict) and isinstance(read.get("tables"), dict):
        return {str(name): definition for name, definition in read["tables"].items()}
    name = read.get("name") if isinstance(read, dict) else None
    return {str(name or file.stem): read}


def _read(file: Path) -> Any:
    import yaml

    try:
        return yaml.safe_load(file.read_text(encoding="utf-8"))  # JSON is YAML
    except UnicodeDecodeError:
        raise _unusable(f"{file} is no UTF-8 text.", "") from None
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        where = f" in line {mark.line + 1}" if mark is not None else ""
        raise _unusable(f"{file} is no YAML{where}: {getattr(error, 'problem', error)}.", "") from None


def _sound(file: Path, wanted: str | None) -> Table:
    """A definition without errors: what cannot be read decides nothing. common/invalid-parameters."""
    from bkendctl.policy.lint import lint
    from bkendctl.policy.table import table_of

    name, definition = _one(file, wanted)
    wrong = next((finding for finding in lint(name, definition) if finding.severity == "error"), None)
    if wrong is not None:
        where = f"{name}.{wrong.path}".rstrip(".")
        raise _unusable(f"{file}: {where}: {wrong.message}.", f"bkendctl policy lint {file}")
    return table_of(name, definition)


def _one(file: Path, wanted: str | None) -> tuple[str, Any]:
    tables = _tables(file)
    if wanted is None and len(tables) == 1:
        return next(iter(tables.items()))
    if wanted not in tables:
        names = ", ".join(tables)
        what = "Which table? --table is missing." if wanted is None else f"There is no table {wanted}."
        raise Failure("cli/usage", what, hint=f"--table, one of: {names}")
    return wanted, tables[wanted]


def _caller(ctx: Context, text: str, roles: list[str]) -> Any:
    from bkendctl.policy.expression import Caller

    group, _, id_ = text.partition(":")
    if text in ("guest", "admin"):
        return Caller(group=text, roles=frozenset(roles))
    if group != "user" or not id_:
        ctx.refuse(f"--as is guest, admin or user:ID, not {text}.")
    return Caller(group="user", id=id_, roles=frozenset(roles))


def _pair(ctx: Context, text: str) -> tuple[str, str]:
    name, equals, value = text.partition("=")
    if not name or not equals:
        ctx.refuse(f"--row is COLUMN=VALUE, not {text}.")
    return name, value


def _unusable(message: str, hint: str) -> Failure:
    return Failure("common/invalid-parameters", message, hint=hint)
