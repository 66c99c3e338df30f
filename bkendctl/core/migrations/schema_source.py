"""Writes core/schema.py from the SQLModel classes of core/tables.py (`make schema`).

schema.py is what statements are built on: plain SQLAlchemy, without SQLModel's start-up cost (ADR 0003).
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

from sqlalchemy import Column
from sqlmodel import SQLModel

from bkendctl.core import tables

HEADER = '''"""The tables as statements use them. Written by `make schema` from tables.py; do not edit.

Names and columns of the SQLModel classes in plain SQLAlchemy (docs/adr/0003). Indexes and constraints
are for the migrations: no statement needs them, and a partial index loads PostgreSQL's dialect, 40 ms.
"""

from __future__ import annotations

from sqlalchemy import (
    JSON,
    BigInteger,
    Boolean,
    Column,
    ForeignKey,
    Integer,
    LargeBinary,
    MetaData,
    String,
    Table,
    Text,
)

metadata = MetaData()
'''
SCHEMA_FILE = Path(tables.__file__).with_name("schema.py")


def _type(column: Column[Any]) -> str:
    kind = column.type
    if kind.__visit_name__ == "JSON":
        return "JSON(none_as_null=True)"
    length = getattr(kind, "length", None)
    name = "String" if length and kind.__visit_name__ != "BLOB" else type(kind).__name__
    written = f"{name}({length or ''})"
    for dialect, variant in kind._variant_mapping.items():
        written += f'.with_variant({type(variant).__name__}(), "{dialect}")'
    return written


def _column(column: Column[Any]) -> str:
    parts = [f'"{column.name}"', _type(column)]
    parts += [
        f'ForeignKey("{key.target_fullname}", ondelete="{key.ondelete}")' for key in column.foreign_keys
    ]
    if column.primary_key:
        parts.append("primary_key=True")
    elif not column.nullable:
        parts.append("nullable=False")
    return f"Column({', '.join(parts)})"


def render() -> str:
    """Give the text of schema.py, unformatted."""
    written = [HEADER]
    for table in sorted(SQLModel.metadata.tables.values(), key=lambda table: table.name):
        lines = [_column(column) for column in table.columns]
        body = ",\n    ".join(lines)
        written.append(f'{table.name} = Table(\n    "{table.name}",\n    metadata,\n    {body},\n)')
    return "\n".join(written) + "\n"


if __name__ == "__main__":
    SCHEMA_FILE.write_text(render())
