"""Widen the sender of mails: a name of 100 characters, each quoted, with the longest address."""

import sqlalchemy as sa
from alembic import op

revision = "0008"
down_revision = "0007"


def _text(length: int) -> sa.types.TypeEngine[str]:
    """Text in the order of its code points on every database, whatever a server's locale (ADR 0009)."""
    return sa.String(length).with_variant(sa.String(length, collation="C"), "postgresql")


def upgrade() -> None:
    """Go on from the revision before. SQLite changes no column in place: its rows move to a new table."""
    with op.batch_alter_table("outbox") as outbox:
        outbox.alter_column("sender", type_=_text(600), existing_type=_text(400), existing_nullable=False)
