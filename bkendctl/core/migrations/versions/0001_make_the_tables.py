"""Make the tables."""

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None


def _text(length: int | None = None) -> sa.types.TypeEngine[str]:
    """Text in the order of its code points on every database, whatever a server's locale (ADR 0009)."""
    kind = sa.Text if length is None else sa.String
    return kind(length).with_variant(kind(length, collation="C"), "postgresql")


def _make_folded() -> None:
    """folded(text): lower case of every letter, as SQLite's connections bring it along.

    A collation that knows letters beyond ASCII and is the same on every machine: from 17 on a builtin one.
    """
    version = op.get_bind().dialect.server_version_info or (0,)
    collation = "pg_unicode_fast" if version >= (18,) else "pg_c_utf8" if version >= (17,) else "und-x-icu"
    op.execute(
        "CREATE FUNCTION folded(text) RETURNS text LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE "
        f'RETURN lower($1 COLLATE pg_catalog."{collation}")'
    )


def upgrade() -> None:
    """Go on from the revision before."""
    if op.get_context().dialect.name == "postgresql":
        _make_folded()
    op.create_table(
        "installation",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("data_key", sa.LargeBinary(), nullable=False),
        sa.Column("master_key_check", _text(64), nullable=False),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_table(
        "projects",
        sa.Column("id", _text(36), nullable=False),
        sa.Column("organization_id", _text(36), nullable=False),
        sa.Column("name", _text(100), nullable=False),
        sa.Column("slug", _text(50), nullable=False),
        sa.Column("description", _text(500), nullable=True),
        sa.Column("issuer", _text(255), nullable=True),
        sa.Column("former_issuers", sa.JSON(none_as_null=True), nullable=False),
        sa.Column("cors_origins", sa.JSON(none_as_null=True), nullable=False),
        sa.Column("public_url", _text(2048), nullable=True),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.Column("updated_at", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("id"),
        sa.UniqueConstraint("organization_id", "slug", name="uq_projects_slug"),
    )
    op.create_index(op.f("ix_projects_organization_id"), "projects", ["organization_id"], unique=False)
    op.create_table(
        "environments",
        sa.Column("id", _text(36), nullable=False),
        sa.Column("project_id", _text(36), nullable=False),
        sa.Column("name", _text(32), nullable=False),
        sa.Column("type", _text(16), nullable=False),
        sa.Column("clock_offset_ms", sa.BigInteger(), nullable=False),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(["project_id"], ["projects.id"], ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("id"),
        sa.UniqueConstraint("project_id", "name", name="uq_environments_name"),
    )
    op.create_table(
        "api_keys",
        sa.Column("id", _text(36), nullable=False),
        sa.Column("environment_id", _text(36), nullable=False),
        sa.Column("type", _text(16), nullable=False),
        sa.Column("name", _text(100), nullable=False),
        sa.Column("key_hash", _text(64), nullable=False),
        sa.Column("masked_key", _text(16), nullable=False),
        sa.Column("scopes", sa.JSON(none_as_null=True), nullable=False),
        sa.Column("expires_at", sa.BigInteger(), nullable=True),
        sa.Column("revoked_at", sa.BigInteger(), nullable=True),
        sa.Column("last_used_at", sa.BigInteger(), nullable=True),
        sa.Column("created_by", _text(36), nullable=True),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(["environment_id"], ["environments.id"], ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("id"),
        sa.UniqueConstraint("key_hash"),
    )
    op.create_index(op.f("ix_api_keys_environment_id"), "api_keys", ["environment_id"], unique=False)
    op.create_table(
        "audit_events",
        sa.Column("sequence", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("id", _text(36), nullable=False),
        sa.Column("environment_id", _text(36), nullable=False),
        sa.Column("hash", _text(64), nullable=True),
        sa.Column("previous_hash", _text(64), nullable=True),
        sa.Column("occurred_at", sa.BigInteger(), nullable=False),
        sa.Column("action", _text(64), nullable=False),
        sa.Column("outcome", _text(8), nullable=False),
        sa.Column("error_code", _text(64), nullable=True),
        sa.Column("actor_type", _text(16), nullable=False),
        sa.Column("actor_id", _text(36), nullable=True),
        sa.Column("actor_label", _text(254), nullable=True),
        sa.Column("target_type", _text(32), nullable=True),
        sa.Column("target_id", _text(64), nullable=True),
        sa.Column("organization_id", _text(36), nullable=True),
        sa.Column("ip_address", _text(45), nullable=True),
        sa.Column("user_agent", _text(512), nullable=True),
        sa.Column("request_id", _text(64), nullable=True),
        sa.Column("details", sa.JSON(none_as_null=True), nullable=False),
        sa.ForeignKeyConstraint(["environment_id"], ["environments.id"], ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("sequence"),
        sa.UniqueConstraint("id"),
        sqlite_autoincrement=True,
    )
    op.create_index("ix_audit_environment", "audit_events", ["environment_id", "sequence"], unique=False)
    op.create_table(
        "invitations",
        sa.Column("id", _text(36), nullable=False),
        sa.Column("environment_id", _text(36), nullable=False),
        sa.Column("resource_type", _text(16), nullable=False),
        sa.Column("resource_id", _text(36), nullable=False),
        sa.Column("resource_name", _text(100), nullable=False),
        sa.Column("resource_role", _text(16), nullable=False),
        sa.Column("email", _text(254), nullable=False),
        sa.Column("name", _text(100), nullable=True),
        sa.Column("inviter_name", _text(100), nullable=True),
        sa.Column("invited_by", _text(36), nullable=True),
        sa.Column("callback_url", _text(2048), nullable=True),
        sa.Column("token_hash", _text(64), nullable=False),
        sa.Column("token_mailed", sa.Boolean(), nullable=False),
        sa.Column("status", _text(16), nullable=False),
        sa.Column("membership_pending", sa.Boolean(), nullable=False),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.Column("expires_at", sa.BigInteger(), nullable=False),
        sa.Column("responded_at", sa.BigInteger(), nullable=True),
        sa.ForeignKeyConstraint(["environment_id"], ["environments.id"], ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("id"),
        sa.UniqueConstraint("token_hash"),
    )
    op.create_index("ix_invitations_email", "invitations", ["environment_id", "email"], unique=False)
    op.create_table(
        "organizations",
        sa.Column("id", _text(36), nullable=False),
        sa.Column("environment_id", _text(36), nullable=True),
        sa.Column("name", _text(100), nullable=False),
        sa.Column("slug", _text(50), nullable=False),
        sa.Column("display_name", _text(100), nullable=True),
        sa.Column("description", _text(500), nullable=True),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.Column("updated_at", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(["environment_id"], ["environments.id"], ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_index(
        op.f("ix_organizations_environment_id"), "organizations", ["environment_id"], unique=False
    )
    op.create_table(
        "outbox",
        sa.Column("id", _text(36), nullable=False),
        sa.Column("environment_id", _text(36), nullable=False),
        sa.Column("category", _text(32), nullable=False),
        sa.Column("recipient", _text(254), nullable=False),
        sa.Column("sender", _text(400), nullable=False),
        sa.Column("subject", _text(400), nullable=False),
        sa.Column("body", sa.LargeBinary(), nullable=True),
        sa.Column("status", _text(8), nullable=False),
        sa.Column("attempts", sa.Integer(), nullable=False),
        sa.Column("next_attempt_at", sa.BigInteger(), nullable=True),
        sa.Column("last_error", _text(500), nullable=True),
        sa.Column("sent_at", sa.BigInteger(), nullable=True),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(["environment_id"], ["environments.id"], ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_index("ix_outbox_created", "outbox", ["environment_id", "created_at", "id"], unique=False)
    op.create_index("ix_outbox_due", "outbox", ["status", "next_attempt_at"], unique=False)
    op.create_table(
        "audit_heads",
        sa.Column("environment_id", _text(36), nullable=False),
        sa.Column("sequence", sa.BigInteger(), nullable=False),
        sa.Column("hash", _text(64), nullable=False),
        sa.ForeignKeyConstraint(["environment_id"], ["environments.id"], ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("environment_id"),
    )
    op.create_table(
        "settings",
        sa.Column("environment_id", _text(36), nullable=False),
        sa.Column("section", _text(32), nullable=False),
        sa.Column("stored", sa.JSON(none_as_null=True), nullable=False),
        sa.Column("updated_at", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(["environment_id"], ["environments.id"], ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("environment_id", "section"),
    )
    op.create_table(
        "signing_keys",
        sa.Column("kid", _text(64), nullable=False),
        sa.Column("environment_id", _text(36), nullable=False),
        sa.Column("algorithm", _text(8), nullable=False),
        sa.Column("private_key", sa.LargeBinary(), nullable=False),
        sa.Column("public_key", _text(), nullable=True),
        sa.Column("status", _text(16), nullable=False),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.Column("retired_at", sa.BigInteger(), nullable=True),
        sa.ForeignKeyConstraint(["environment_id"], ["environments.id"], ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("kid"),
    )
    op.create_index(op.f("ix_signing_keys_environment_id"), "signing_keys", ["environment_id"], unique=False)
    op.create_table(
        "throttles",
        sa.Column("environment_id", _text(36), nullable=False),
        sa.Column("kind", _text(16), nullable=False),
        sa.Column("key", _text(64), nullable=False),
        sa.Column("attempts", sa.JSON(none_as_null=True), nullable=False),
        sa.Column("requests", sa.Integer(), nullable=False),
        sa.Column("locked_until", sa.BigInteger(), nullable=True),
        sa.Column("expires_at", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(["environment_id"], ["environments.id"], ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("environment_id", "kind", "key"),
    )
    op.create_index("ix_throttles_expiry", "throttles", ["expires_at"], unique=False)
    op.create_table(
        "users",
        sa.Column("id", _text(36), nullable=False),
        sa.Column("environment_id", _text(36), nullable=False),
        sa.Column("email", _text(254), nullable=False),
        sa.Column("email_verified_at", sa.BigInteger(), nullable=True),
        sa.Column("name", _text(100), nullable=False),
        sa.Column("nickname", _text(50), nullable=True),
        sa.Column("mobile", _text(20), nullable=True),
        sa.Column("gender", _text(8), nullable=True),
        sa.Column("bio", _text(500), nullable=True),
        sa.Column("social_links", sa.JSON(none_as_null=True), nullable=True),
        sa.Column("image", _text(2048), nullable=True),
        sa.Column("slug", _text(50), nullable=True),
        sa.Column("is_public", sa.Boolean(), nullable=False),
        sa.Column("locale", _text(35), nullable=True),
        sa.Column("timezone", _text(64), nullable=True),
        sa.Column("theme", _text(8), nullable=True),
        sa.Column("notifications", sa.JSON(none_as_null=True), nullable=True),
        sa.Column("onboarding", sa.JSON(none_as_null=True), nullable=True),
        sa.Column("role", _text(8), nullable=False),
        sa.Column("banned_at", sa.BigInteger(), nullable=True),
        sa.Column("banned_until", sa.BigInteger(), nullable=True),
        sa.Column("ban_reason", _text(500), nullable=True),
        sa.Column("deleted_at", sa.BigInteger(), nullable=True),
        sa.Column("last_sign_in_at", sa.BigInteger(), nullable=True),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.Column("updated_at", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(["environment_id"], ["environments.id"], ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_index("ix_users_created", "users", ["environment_id", "created_at", "id"], unique=False)
    op.create_index("ix_users_role", "users", ["environment_id", "role"], unique=False)
    op.create_index(
        "uq_users_email",
        "users",
        ["environment_id", "email"],
        unique=True,
        postgresql_where=sa.text("deleted_at IS NULL"),
        sqlite_where=sa.text("deleted_at IS NULL"),
    )
    op.create_index(
        "uq_users_slug",
        "users",
        ["environment_id", "slug"],
        unique=True,
        postgresql_where=sa.text("deleted_at IS NULL"),
        sqlite_where=sa.text("deleted_at IS NULL"),
    )
    op.create_table(
        "backup_codes",
        sa.Column("user_id", _text(36), nullable=False),
        sa.Column("code_hash", _text(64), nullable=False),
        sa.Column("environment_id", _text(36), nullable=False),
        sa.Column("used_at", sa.BigInteger(), nullable=True),
        sa.ForeignKeyConstraint(["environment_id"], ["environments.id"], ondelete="CASCADE"),
        sa.ForeignKeyConstraint(["user_id"], ["users.id"], ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("user_id", "code_hash"),
    )
    op.create_index(op.f("ix_backup_codes_environment_id"), "backup_codes", ["environment_id"], unique=False)
    op.create_table(
        "known_sources",
        sa.Column("user_id", _text(36), nullable=False),
        sa.Column("source_hash", _text(64), nullable=False),
        sa.Column("environment_id", _text(36), nullable=False),
        sa.Column("last_sign_in_at", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(["environment_id"], ["environments.id"], ondelete="CASCADE"),
        sa.ForeignKeyConstraint(["user_id"], ["users.id"], ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("user_id", "source_hash"),
    )
    op.create_index(
        op.f("ix_known_sources_environment_id"), "known_sources", ["environment_id"], unique=False
    )
    op.create_table(
        "linked_accounts",
        sa.Column("id", _text(36), nullable=False),
        sa.Column("environment_id", _text(36), nullable=False),
        sa.Column("user_id", _text(36), nullable=False),
        sa.Column("provider", _text(16), nullable=False),
        sa.Column("provider_account_id", _text(254), nullable=False),
        sa.Column("email", _text(254), nullable=True),
        sa.Column("connected_at", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(["environment_id"], ["environments.id"], ondelete="CASCADE"),
        sa.ForeignKeyConstraint(["user_id"], ["users.id"], ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("id"),
        sa.UniqueConstraint("environment_id", "provider", "provider_account_id", name="uq_linked_identity"),
        sa.UniqueConstraint("user_id", "provider", name="uq_linked_user"),
    )
    op.create_table(
        "mail_tokens",
        sa.Column("token_hash", _text(64), nullable=False),
        sa.Column("environment_id", _text(36), nullable=False),
        sa.Column("kind", _text(32), nullable=False),
        sa.Column("email", _text(254), nullable=False),
        sa.Column("user_id", _text(36), nullable=True),
        sa.Column("callback_url", _text(2048), nullable=True),
        sa.Column("tries", sa.Integer(), nullable=False),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.Column("expires_at", sa.BigInteger(), nullable=False),
        sa.Column("used_at", sa.BigInteger(), nullable=True),
        sa.ForeignKeyConstraint(["environment_id"], ["environments.id"], ondelete="CASCADE"),
        sa.ForeignKeyConstraint(["user_id"], ["users.id"], ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("token_hash"),
    )
    op.create_index("ix_mail_tokens_email", "mail_tokens", ["environment_id", "kind", "email"], unique=False)
    op.create_index(op.f("ix_mail_tokens_user_id"), "mail_tokens", ["user_id"], unique=False)
    op.create_table(
        "memberships",
        sa.Column("resource_type", _text(16), nullable=False),
        sa.Column("resource_id", _text(36), nullable=False),
        sa.Column("user_id", _text(36), nullable=False),
        sa.Column("environment_id", _text(36), nullable=False),
        sa.Column("role", _text(16), nullable=False),
        sa.Column("joined_at", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(["environment_id"], ["environments.id"], ondelete="CASCADE"),
        sa.ForeignKeyConstraint(["user_id"], ["users.id"], ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("resource_type", "resource_id", "user_id"),
    )
    op.create_index(op.f("ix_memberships_environment_id"), "memberships", ["environment_id"], unique=False)
    op.create_table(
        "mfa_enrolments",
        sa.Column("user_id", _text(36), nullable=False),
        sa.Column("environment_id", _text(36), nullable=False),
        sa.Column("secret", sa.LargeBinary(), nullable=False),
        sa.Column("pending_codes", sa.LargeBinary(), nullable=True),
        sa.Column("begun_at", sa.BigInteger(), nullable=False),
        sa.Column("confirmed_at", sa.BigInteger(), nullable=True),
        sa.Column("last_step", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(["environment_id"], ["environments.id"], ondelete="CASCADE"),
        sa.ForeignKeyConstraint(["user_id"], ["users.id"], ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("user_id"),
    )
    op.create_index(
        op.f("ix_mfa_enrolments_environment_id"), "mfa_enrolments", ["environment_id"], unique=False
    )
    op.create_table(
        "passwords",
        sa.Column("user_id", _text(36), nullable=False),
        sa.Column("environment_id", _text(36), nullable=False),
        sa.Column("hash", _text(1024), nullable=False),
        sa.Column("changed_at", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(["environment_id"], ["environments.id"], ondelete="CASCADE"),
        sa.ForeignKeyConstraint(["user_id"], ["users.id"], ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("user_id"),
    )
    op.create_index(op.f("ix_passwords_environment_id"), "passwords", ["environment_id"], unique=False)
    op.create_table(
        "sessions",
        sa.Column("id", _text(36), nullable=False),
        sa.Column("environment_id", _text(36), nullable=False),
        sa.Column("user_id", _text(36), nullable=False),
        sa.Column("organization_id", _text(36), nullable=True),
        sa.Column("amr", sa.JSON(none_as_null=True), nullable=False),
        sa.Column("second_factor_at", sa.BigInteger(), nullable=True),
        sa.Column("user_agent", _text(512), nullable=True),
        sa.Column("ip_address", _text(45), nullable=True),
        sa.Column("device_info", _text(200), nullable=True),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.Column("last_activity_at", sa.BigInteger(), nullable=False),
        sa.Column("expires_at", sa.BigInteger(), nullable=False),
        sa.Column("ended_at", sa.BigInteger(), nullable=True),
        sa.Column("end_reason", _text(32), nullable=True),
        sa.ForeignKeyConstraint(["environment_id"], ["environments.id"], ondelete="CASCADE"),
        sa.ForeignKeyConstraint(["user_id"], ["users.id"], ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_index(op.f("ix_sessions_environment_id"), "sessions", ["environment_id"], unique=False)
    op.create_index("ix_sessions_user", "sessions", ["user_id", "ended_at"], unique=False)
    op.create_table(
        "refresh_tokens",
        sa.Column("token_hash", _text(64), nullable=False),
        sa.Column("environment_id", _text(36), nullable=False),
        sa.Column("session_id", _text(36), nullable=False),
        sa.Column("generation", sa.Integer(), nullable=False),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.Column("spent_at", sa.BigInteger(), nullable=True),
        sa.Column("idempotency_hash", _text(64), nullable=True),
        sa.Column("successor_hash", _text(64), nullable=True),
        sa.ForeignKeyConstraint(["environment_id"], ["environments.id"], ondelete="CASCADE"),
        sa.ForeignKeyConstraint(["session_id"], ["sessions.id"], ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("token_hash"),
    )
    op.create_index(
        op.f("ix_refresh_tokens_environment_id"), "refresh_tokens", ["environment_id"], unique=False
    )
    op.create_index(op.f("ix_refresh_tokens_session_id"), "refresh_tokens", ["session_id"], unique=False)
