"""Keep upload URLs of avatars, and files that have to go."""

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"


def _text(length: int) -> sa.types.TypeEngine[str]:
    """Text in the order of its code points on every database, whatever a server's locale (ADR 0009)."""
    return sa.String(length).with_variant(sa.String(length, collation="C"), "postgresql")


def _to(name: str, table: str) -> tuple[sa.Column[str], sa.ForeignKeyConstraint]:
    column: sa.Column[str] = sa.Column(name, _text(36), nullable=False)
    return column, sa.ForeignKeyConstraint([name], [f"{table}.id"], ondelete="CASCADE")


def upgrade() -> None:
    """Go on from the revision before."""
    op.create_table(
        "avatars",
        sa.Column("key", _text(41), nullable=False),
        *_to("environment_id", "environments"),
        *_to("user_id", "users"),
        sa.Column("expires_at", sa.BigInteger(), nullable=False),
        sa.Column("file", _text(36), nullable=True),
        sa.Column("stored_at", sa.BigInteger(), nullable=True),
        sa.Column("saved_at", sa.BigInteger(), nullable=True),
        sa.PrimaryKeyConstraint("key"),
    )
    op.create_table(
        "dropped_files",
        sa.Column("file", _text(36), nullable=False),
        *_to("environment_id", "environments"),
        sa.Column("dropped_at", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("file"),
    )
    for table, column in (
        ("avatars", "environment_id"),
        ("avatars", "user_id"),
        ("dropped_files", "environment_id"),
    ):
        op.create_index(op.f(f"ix_{table}_{column}"), table, [column], unique=False)
