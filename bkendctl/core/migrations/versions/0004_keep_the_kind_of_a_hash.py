"""Keep the kind of a password's hash where another service made it."""

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"


def upgrade() -> None:
    """Go on from the revision before; all hashes so far are ours."""
    text = sa.String(64).with_variant(sa.String(64, collation="C"), "postgresql")
    op.add_column("passwords", sa.Column("kind", text, nullable=True))
    op.create_index("ix_passwords_kind", "passwords", ["environment_id", "kind"], unique=False)
    op.drop_index("ix_passwords_environment_id", table_name="passwords")
