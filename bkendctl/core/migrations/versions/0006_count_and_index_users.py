"""Count users as they change, index what is searched and every order of the list."""

import sqlalchemy as sa
from alembic import op

from bkendctl.core.migrations import user_triggers

revision = "0006"
down_revision = "0005"


def _text(length: int) -> sa.types.TypeEngine[str]:
    """Text in the order of its code points on every database, whatever a server's locale (ADR 0009)."""
    return sa.String(length).with_variant(sa.String(length, collation="C"), "postgresql")


_ORDERS = {
    "ix_users_created": ("created_at", "id"),
    "ix_users_updated": ("updated_at", "id"),
    "ix_users_name": ("name", "id"),
    "ix_users_email": ("email", "id"),
    "ix_users_role": ("role", "id"),
    "ix_users_role_created": ("role", "created_at", "id"),
}


def upgrade() -> None:
    """Go on from the revision before."""
    op.drop_index("ix_users_created", "users")
    op.drop_index("ix_users_role", "users")
    for name, order in _ORDERS.items():
        op.create_index(name, "users", ["environment_id", *order, "deleted_at"])
    expiring = sa.text("banned_until IS NOT NULL AND deleted_at IS NULL")
    op.create_index(
        "ix_users_expiring",
        "users",
        ["environment_id", "banned_until"],
        sqlite_where=expiring,
        postgresql_where=expiring,
    )
    op.create_table(
        "user_counts",
        sa.Column("environment_id", _text(36), nullable=False),
        sa.Column("role", _text(8), nullable=False),
        sa.Column("state", _text(8), nullable=False),
        sa.Column("shard", sa.Integer(), nullable=False),
        sa.Column("number", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("environment_id", "role", "state", "shard"),
    )
    connection = op.get_bind()
    if connection.dialect.name == "postgresql":
        collation = user_triggers.lower_collation(connection.dialect.server_version_info or (0,))
        connection.exec_driver_sql(user_triggers.FOLDED.format(collation=collation))
    on_postgresql = connection.dialect.name == "postgresql"
    for statement in user_triggers.POSTGRESQL if on_postgresql else user_triggers.SQLITE:
        connection.exec_driver_sql(statement)
