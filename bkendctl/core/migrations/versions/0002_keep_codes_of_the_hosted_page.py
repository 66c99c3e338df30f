"""Keep the codes of the hosted sign-in page."""

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"


def _text(length: int) -> sa.types.TypeEngine[str]:
    """Text in the order of its code points on every database, whatever a server's locale (ADR 0009)."""
    return sa.String(length).with_variant(sa.String(length, collation="C"), "postgresql")


def upgrade() -> None:
    """Go on from the revision before."""
    op.create_table(
        "hosted_codes",
        sa.Column("code_hash", _text(64), nullable=False),
        sa.Column("environment_id", _text(36), nullable=False),
        sa.Column("session_id", _text(36), nullable=False),
        sa.Column("redirect_uri", _text(2048), nullable=False),
        sa.Column("code_challenge", _text(43), nullable=False),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.Column("expires_at", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(["environment_id"], ["environments.id"], ondelete="CASCADE"),
        sa.ForeignKeyConstraint(["session_id"], ["sessions.id"], ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("code_hash"),
    )
    op.create_index(op.f("ix_hosted_codes_environment_id"), "hosted_codes", ["environment_id"], unique=False)
    op.create_index(op.f("ix_hosted_codes_session_id"), "hosted_codes", ["session_id"], unique=False)
