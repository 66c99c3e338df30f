"""Keep the settings of providers, states that were used, and whom a provider named."""

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"


def _text(length: int) -> sa.types.TypeEngine[str]:
    """Text in the order of its code points on every database, whatever a server's locale (ADR 0009)."""
    return sa.String(length).with_variant(sa.String(length, collation="C"), "postgresql")


def _environment() -> tuple[sa.Column[str], sa.ForeignKeyConstraint]:
    column: sa.Column[str] = sa.Column("environment_id", _text(36), nullable=False)
    return column, sa.ForeignKeyConstraint(["environment_id"], ["environments.id"], ondelete="CASCADE")


def upgrade() -> None:
    """Go on from the revision before."""
    op.create_table(
        "oauth_configs",
        *_environment(),
        sa.Column("provider", _text(16), nullable=False),
        sa.Column("client_id", _text(255), nullable=False),
        sa.Column("client_secret", sa.LargeBinary(), nullable=False),
        sa.Column("redirect_uri", _text(2048), nullable=False),
        sa.Column("scopes", sa.JSON(none_as_null=True), nullable=False),
        sa.Column("enabled", sa.Boolean(), nullable=False),
        *(
            sa.Column(name, _text(2048), nullable=True)
            for name in ("issuer", "authorization_url", "token_url", "user_info_url", "jwks_url")
        ),
        sa.Column("updated_at", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("environment_id", "provider"),
    )
    op.create_table(
        "spent_states",
        sa.Column("state_hash", _text(64), nullable=False),
        *_environment(),
        sa.Column("expires_at", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("state_hash"),
    )
    op.create_table(
        "kept_identities",
        sa.Column("proof_hash", _text(64), nullable=False),
        *_environment(),
        sa.Column("bound_hash", _text(64), nullable=False),
        sa.Column("identity", sa.JSON(none_as_null=True), nullable=False),
        sa.Column("tries", sa.Integer(), nullable=False),
        sa.Column("expires_at", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("proof_hash"),
    )
    for table in ("spent_states", "kept_identities"):
        op.create_index(op.f(f"ix_{table}_environment_id"), table, ["environment_id"], unique=False)
