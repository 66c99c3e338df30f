"""Keep where the audit begins once old events were removed."""

import sqlalchemy as sa
from alembic import op

revision = "0007"
down_revision = "0006"


def _text(length: int) -> sa.types.TypeEngine[str]:
    """Text in the order of its code points on every database, whatever a server's locale (ADR 0009)."""
    return sa.String(length).with_variant(sa.String(length, collation="C"), "postgresql")


def upgrade() -> None:
    """Go on from the revision before."""
    op.create_table(
        "audit_checkpoints",
        sa.Column("environment_id", _text(36), nullable=False),
        sa.Column("sequence", sa.BigInteger(), nullable=False),
        sa.Column("hash", _text(64), nullable=False),
        sa.Column("removed", sa.BigInteger(), nullable=False),
        sa.Column("seal", _text(64), nullable=False),
        sa.ForeignKeyConstraint(["environment_id"], ["environments.id"], ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("environment_id"),
    )
