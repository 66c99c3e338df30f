"""The tables, declared as SQLModel classes: the one description that schema.py and migrations are held to.

Not imported while commands run: SQLModel costs about 400 ms at start (docs/adr/0003). Instants are
milliseconds since 1970 in UTC, ids are UUID texts, every row below a project names its environment. That
text sorts by code points on PostgreSQL too is said in the migrations alone (docs/adr/0009).
"""

from __future__ import annotations

from typing import Any, ClassVar

from sqlalchemy import JSON, BigInteger, Index, Integer, LargeBinary, Text, UniqueConstraint, text
from sqlmodel import Field, SQLModel

_SEQUENCE = BigInteger().with_variant(Integer(), "sqlite")
_LIVE = text("deleted_at IS NULL")
_EXPIRING = text("banned_until IS NOT NULL AND deleted_at IS NULL")


def _id() -> Any:
    return Field(primary_key=True, max_length=36)


def _to(column: str, *, key: bool = False, index: bool = True, null: bool = False) -> Any:
    """A reference that disappears with what it points to."""
    extra: dict[str, Any] = {"default": None} if null else {}
    indexed = index and not key
    return Field(
        foreign_key=column, ondelete="CASCADE", max_length=36, primary_key=key, index=indexed, **extra
    )


def _when(*, null: bool = False) -> Any:
    extra: dict[str, Any] = {"default": None, "nullable": True} if null else {}
    return Field(sa_type=BigInteger, **extra)


def _text(length: int | None = None, *, null: bool = False) -> Any:
    extra: dict[str, Any] = {"default": None, "nullable": True} if null else {}
    return Field(max_length=length, **extra) if length else Field(sa_type=Text, **extra)


def _json(*, null: bool = False) -> Any:
    return Field(sa_type=JSON(none_as_null=True), nullable=null)


class Installation(SQLModel, table=True):
    """One row: the key of all secrets and keyed hashes, itself encrypted under the master key."""

    __tablename__: ClassVar[str] = "installation"
    id: int = Field(primary_key=True)
    data_key: bytes = Field(sa_type=LargeBinary)
    master_key_check: str = _text(64)
    created_at: int = _when()


class Organization(SQLModel, table=True):
    """A group of members; environment_id is null for the organizations that own projects from set-up on."""

    __tablename__: ClassVar[str] = "organizations"
    id: str = _id()
    environment_id: str | None = _to("environments.id", null=True)
    name: str = _text(100)
    slug: str = _text(50)
    display_name: str | None = _text(100, null=True)
    description: str | None = _text(500, null=True)
    created_at: int = _when()
    updated_at: int = _when()


class Project(SQLModel, table=True):
    """A service; issuer null means urn:uuid: plus the id. former_issuers: [{issuer, until}]."""

    __tablename__: ClassVar[str] = "projects"
    __table_args__ = (UniqueConstraint("organization_id", "slug", name="uq_projects_slug"),)
    id: str = _id()
    organization_id: str = Field(max_length=36, index=True)
    name: str = _text(100)
    slug: str = _text(50)
    description: str | None = _text(500, null=True)
    issuer: str | None = _text(255, null=True)
    former_issuers: list[dict[str, Any]] = _json()
    cors_origins: list[str] = _json()
    public_url: str | None = _text(2048, null=True)
    created_at: int = _when()
    updated_at: int = _when()


class Environment(SQLModel, table=True):
    """dev, staging, prod … of a project; clock_offset_ms moves its clock, in dev alone."""

    __tablename__: ClassVar[str] = "environments"
    __table_args__ = (UniqueConstraint("project_id", "name", name="uq_environments_name"),)
    id: str = _id()
    project_id: str = _to("projects.id", index=False)
    name: str = _text(32)
    type: str = _text(16)
    clock_offset_ms: int = Field(default=0, sa_type=BigInteger)
    created_at: int = _when()


class User(SQLModel, table=True):
    """A user; soft-deleted rows free their address at once."""

    __tablename__: ClassVar[str] = "users"
    __table_args__ = (
        Index(
            "uq_users_email",
            "environment_id",
            "email",
            unique=True,
            sqlite_where=_LIVE,
            postgresql_where=_LIVE,
        ),
        Index(
            "uq_users_slug", "environment_id", "slug", unique=True, sqlite_where=_LIVE, postgresql_where=_LIVE
        ),
        # Every order of the list; deleted_at is in them so that no row is read to be left out.
        Index("ix_users_created", "environment_id", "created_at", "id", "deleted_at"),
        Index("ix_users_updated", "environment_id", "updated_at", "id", "deleted_at"),
        Index("ix_users_name", "environment_id", "name", "id", "deleted_at"),
        Index("ix_users_email", "environment_id", "email", "id", "deleted_at"),
        Index("ix_users_role", "environment_id", "role", "id", "deleted_at"),
        Index("ix_users_role_created", "environment_id", "role", "created_at", "id", "deleted_at"),
        Index(
            "ix_users_expiring",
            "environment_id",
            "banned_until",
            sqlite_where=_EXPIRING,
            postgresql_where=_EXPIRING,
        ),
    )
    id: str = _id()
    environment_id: str = _to("environments.id", index=False)
    email: str = _text(254)
    email_verified_at: int | None = _when(null=True)
    name: str = _text(100)
    nickname: str | None = _text(50, null=True)
    mobile: str | None = _text(20, null=True)
    gender: str | None = _text(8, null=True)
    bio: str | None = _text(500, null=True)
    social_links: dict[str, Any] | None = _json(null=True)
    image: str | None = _text(2048, null=True)
    slug: str | None = _text(50, null=True)
    is_public: bool = False
    locale: str | None = _text(35, null=True)
    timezone: str | None = _text(64, null=True)
    theme: str | None = _text(8, null=True)
    notifications: dict[str, Any] | None = _json(null=True)
    onboarding: dict[str, Any] | None = _json(null=True)
    role: str = _text(8)
    banned_at: int | None = _when(null=True)
    banned_until: int | None = _when(null=True)
    ban_reason: str | None = _text(500, null=True)
    deleted_at: int | None = _when(null=True)
    last_sign_in_at: int | None = _when(null=True)
    created_at: int = _when()
    updated_at: int = _when()


class UserCount(SQLModel, table=True):
    """How many users are in a state, kept by triggers; the sum over shards counts (docs/adr/0018).

    No foreign key: who deletes an environment deletes its users after it, and they are still counted down.
    """

    __tablename__: ClassVar[str] = "user_counts"
    environment_id: str = Field(max_length=36, primary_key=True)
    role: str = Field(max_length=8, primary_key=True)
    state: str = Field(max_length=8, primary_key=True)
    shard: int = Field(primary_key=True)
    number: int = Field(sa_type=BigInteger)


class Password(SQLModel, table=True):
    """The password of a user, as an Argon2id PHC string; with a kind it is another service's (decoys.py)."""

    __tablename__: ClassVar[str] = "passwords"
    __table_args__ = (Index("ix_passwords_kind", "environment_id", "kind"),)
    user_id: str = _to("users.id", key=True)
    environment_id: str = _to("environments.id", index=False)
    hash: str = _text(1024)
    kind: str | None = _text(64, null=True)
    changed_at: int = _when()


class LinkedAccount(SQLModel, table=True):
    """A provider's identity that signs a user in."""

    __tablename__: ClassVar[str] = "linked_accounts"
    __table_args__ = (
        UniqueConstraint("environment_id", "provider", "provider_account_id", name="uq_linked_identity"),
        UniqueConstraint("user_id", "provider", name="uq_linked_user"),
    )
    id: str = _id()
    environment_id: str = _to("environments.id", index=False)
    user_id: str = _to("users.id", index=False)
    provider: str = _text(16)
    provider_account_id: str = _text(254)
    email: str | None = _text(254, null=True)
    connected_at: int = _when()


class Session(SQLModel, table=True):
    """One signed-in device. generation counts its refresh tokens, amr the methods proven in it."""

    __tablename__: ClassVar[str] = "sessions"
    __table_args__ = (Index("ix_sessions_user", "user_id", "ended_at"),)
    id: str = _id()
    environment_id: str = _to("environments.id")
    user_id: str = _to("users.id", index=False)
    organization_id: str | None = _text(36, null=True)
    amr: list[str] = _json()
    second_factor_at: int | None = _when(null=True)
    user_agent: str | None = _text(512, null=True)
    ip_address: str | None = _text(45, null=True)
    device_info: str | None = _text(200, null=True)
    created_at: int = _when()
    last_activity_at: int = _when()
    expires_at: int = _when()
    ended_at: int | None = _when(null=True)
    end_reason: str | None = _text(32, null=True)


class RefreshToken(SQLModel, table=True):
    """One generation of a session's refresh tokens, by SHA-256. successor: what it was traded for."""

    __tablename__: ClassVar[str] = "refresh_tokens"
    token_hash: str = Field(primary_key=True, max_length=64)
    environment_id: str = _to("environments.id")
    session_id: str = _to("sessions.id")
    generation: int
    created_at: int = _when()
    spent_at: int | None = _when(null=True)
    idempotency_hash: str | None = _text(64, null=True)
    successor_hash: str | None = _text(64, null=True)


class MfaEnrolment(SQLModel, table=True):
    """TOTP of a user, begun or confirmed. secret and pending_codes are encrypted; last_step: newest used."""

    __tablename__: ClassVar[str] = "mfa_enrolments"
    user_id: str = _to("users.id", key=True)
    environment_id: str = _to("environments.id")
    secret: bytes = Field(sa_type=LargeBinary)
    pending_codes: bytes | None = Field(default=None, sa_type=LargeBinary)
    begun_at: int = _when()
    confirmed_at: int | None = _when(null=True)
    last_step: int = Field(default=0, sa_type=BigInteger)


class BackupCode(SQLModel, table=True):
    """A backup code as a keyed hash."""

    __tablename__: ClassVar[str] = "backup_codes"
    user_id: str = _to("users.id", key=True)
    code_hash: str = Field(primary_key=True, max_length=64)
    environment_id: str = _to("environments.id")
    used_at: int | None = _when(null=True)


class ApiKey(SQLModel, table=True):
    """An API key by SHA-256; revoked_at may lie ahead while a rotated key is still valid."""

    __tablename__: ClassVar[str] = "api_keys"
    id: str = _id()
    environment_id: str = _to("environments.id")
    type: str = _text(16)
    name: str = _text(100)
    key_hash: str = Field(max_length=64, unique=True)
    masked_key: str = _text(16)
    scopes: list[str] = _json()
    expires_at: int | None = _when(null=True)
    revoked_at: int | None = _when(null=True)
    last_used_at: int | None = _when(null=True)
    created_by: str | None = _text(36, null=True)
    created_at: int = _when()


class Invitation(SQLModel, table=True):
    """An invitation; token_mailed tells whether its token proves the mailbox."""

    __tablename__: ClassVar[str] = "invitations"
    __table_args__ = (Index("ix_invitations_email", "environment_id", "email"),)
    id: str = _id()
    environment_id: str = _to("environments.id", index=False)
    resource_type: str = _text(16)
    resource_id: str = _text(36)
    resource_name: str = _text(100)
    resource_role: str = _text(16)
    email: str = _text(254)
    name: str | None = _text(100, null=True)
    inviter_name: str | None = _text(100, null=True)
    invited_by: str | None = _text(36, null=True)
    callback_url: str | None = _text(2048, null=True)
    token_hash: str = Field(max_length=64, unique=True)
    token_mailed: bool
    status: str = _text(16)
    membership_pending: bool = False
    created_at: int = _when()
    expires_at: int = _when()
    responded_at: int | None = _when(null=True)


class Membership(SQLModel, table=True):
    """A user's role in an organization or project."""

    __tablename__: ClassVar[str] = "memberships"
    resource_type: str = Field(primary_key=True, max_length=16)
    resource_id: str = Field(primary_key=True, max_length=36)
    user_id: str = _to("users.id", key=True)
    environment_id: str = _to("environments.id")
    role: str = _text(16)
    joined_at: int = _when()


class SigningKey(SQLModel, table=True):
    """A key for access tokens; private_key is encrypted, public_key a PEM (null for HS256)."""

    __tablename__: ClassVar[str] = "signing_keys"
    kid: str = Field(primary_key=True, max_length=64)
    environment_id: str = _to("environments.id")
    algorithm: str = _text(8)
    private_key: bytes = Field(sa_type=LargeBinary)
    public_key: str | None = _text(null=True)
    status: str = _text(16)
    created_at: int = _when()
    retired_at: int | None = _when(null=True)


class HostedCode(SQLModel, table=True):
    """What the hosted page sent to an app: whoever has the verifier trades it for the tokens of a session."""

    __tablename__: ClassVar[str] = "hosted_codes"
    code_hash: str = Field(primary_key=True, max_length=64)
    environment_id: str = _to("environments.id")
    session_id: str = _to("sessions.id")
    redirect_uri: str = _text(2048)
    code_challenge: str = _text(43)
    created_at: int = _when()
    expires_at: int = _when()


class OAuthConfig(SQLModel, table=True):
    """Our client at a provider; client_secret is encrypted. A null address is the provider's public one."""

    __tablename__: ClassVar[str] = "oauth_configs"
    environment_id: str = _to("environments.id", key=True)
    provider: str = Field(primary_key=True, max_length=16)
    client_id: str = _text(255)
    client_secret: bytes = Field(sa_type=LargeBinary)
    redirect_uri: str = _text(2048)
    scopes: list[str] = _json()
    enabled: bool
    issuer: str | None = _text(2048, null=True)
    authorization_url: str | None = _text(2048, null=True)
    token_url: str | None = _text(2048, null=True)
    user_info_url: str | None = _text(2048, null=True)
    jwks_url: str | None = _text(2048, null=True)
    updated_at: int = _when()


class SpentState(SQLModel, table=True):
    """A state that was used, by SHA-256, until it would have expired anyway (oauth_states.py)."""

    __tablename__: ClassVar[str] = "spent_states"
    state_hash: str = Field(primary_key=True, max_length=64)
    environment_id: str = _to("environments.id")
    expires_at: int = _when()


class KeptIdentity(SQLModel, table=True):
    """Whom a provider named, while the second factor is still asked for; by SHA-256 of its code or ID token.

    bound_hash: of what came along with that, and has to come again.
    """

    __tablename__: ClassVar[str] = "kept_identities"
    proof_hash: str = Field(primary_key=True, max_length=64)
    environment_id: str = _to("environments.id")
    bound_hash: str = _text(64)
    identity: dict[str, Any] = _json()
    tries: int = 0
    expires_at: int = _when()


class MailToken(SQLModel, table=True):
    """A token that went out by mail, by SHA-256; a newer one of its kind replaces it."""

    __tablename__: ClassVar[str] = "mail_tokens"
    __table_args__ = (Index("ix_mail_tokens_email", "environment_id", "kind", "email"),)
    token_hash: str = Field(primary_key=True, max_length=64)
    environment_id: str = _to("environments.id", index=False)
    kind: str = _text(32)
    email: str = _text(254)
    user_id: str | None = _to("users.id", null=True)
    callback_url: str | None = _text(2048, null=True)
    tries: int = 0
    created_at: int = _when()
    expires_at: int = _when()
    used_at: int | None = _when(null=True)


class OutboxMail(SQLModel, table=True):
    """A mail, written with what it is about; body is the encrypted text, HTML and links."""

    __tablename__: ClassVar[str] = "outbox"
    __table_args__ = (
        Index("ix_outbox_created", "environment_id", "created_at", "id"),
        Index("ix_outbox_due", "status", "next_attempt_at"),
    )
    id: str = _id()
    environment_id: str = _to("environments.id", index=False)
    category: str = _text(32)
    recipient: str = _text(254)
    sender: str = _text(600)
    subject: str = _text(400)
    body: bytes | None = Field(default=None, sa_type=LargeBinary)
    status: str = _text(8)
    attempts: int = 0
    next_attempt_at: int | None = _when(null=True)
    last_error: str | None = _text(500, null=True)
    sent_at: int | None = _when(null=True)
    created_at: int = _when()


class AuditEvent(SQLModel, table=True):
    """What happened, in the order of sequence; the hashes are filled in when the chain is sealed."""

    __tablename__: ClassVar[str] = "audit_events"
    __table_args__ = (
        Index("ix_audit_environment", "environment_id", "sequence"),
        {"sqlite_autoincrement": True},  # a removed row's number is never given again
    )
    sequence: int | None = Field(default=None, primary_key=True, sa_type=_SEQUENCE)
    id: str = Field(max_length=36, unique=True)
    environment_id: str = _to("environments.id", index=False)
    hash: str | None = _text(64, null=True)
    previous_hash: str | None = _text(64, null=True)
    occurred_at: int = _when()
    action: str = _text(64)
    outcome: str = _text(8)
    error_code: str | None = _text(64, null=True)
    actor_type: str = _text(16)
    actor_id: str | None = _text(36, null=True)
    actor_label: str | None = _text(254, null=True)
    target_type: str | None = _text(32, null=True)
    target_id: str | None = _text(64, null=True)
    organization_id: str | None = _text(36, null=True)
    ip_address: str | None = _text(45, null=True)
    user_agent: str | None = _text(512, null=True)
    request_id: str | None = _text(64, null=True)
    details: dict[str, Any] = _json()


class AuditHead(SQLModel, table=True):
    """Where the sealed chain of an environment ends, so that a cut-off tail is noticed."""

    __tablename__: ClassVar[str] = "audit_heads"
    environment_id: str = _to("environments.id", key=True)
    sequence: int = Field(sa_type=BigInteger)
    hash: str = _text(64)


class AuditCheckpoint(SQLModel, table=True):
    """The last event that was removed by age, and how many were in all; seal: a keyed hash over the rest."""

    __tablename__: ClassVar[str] = "audit_checkpoints"
    environment_id: str = _to("environments.id", key=True)
    sequence: int = Field(sa_type=BigInteger)
    hash: str = _text(64)
    removed: int = Field(sa_type=BigInteger)
    seal: str = _text(64)


class Setting(SQLModel, table=True):
    """What was changed from the defaults, one row a section."""

    __tablename__: ClassVar[str] = "settings"
    environment_id: str = _to("environments.id", key=True)
    section: str = Field(primary_key=True, max_length=32)
    stored: dict[str, Any] = _json()
    updated_at: int = _when()


class Throttle(SQLModel, table=True):
    """Attempts in a window, and the lock they led to; key is a hash, so no address is kept.

    attempts: instants, where a window ends now; requests: their number, where it began with the first.
    """

    __tablename__: ClassVar[str] = "throttles"
    __table_args__ = (Index("ix_throttles_expiry", "expires_at"),)
    environment_id: str = _to("environments.id", key=True)
    kind: str = Field(primary_key=True, max_length=16)
    key: str = Field(primary_key=True, max_length=64)
    attempts: list[int] = _json()
    requests: int = 0
    locked_until: int | None = _when(null=True)
    expires_at: int = _when()


class KnownSource(SQLModel, table=True):
    """An address that signed in to an account; attacks by others do not shut it out."""

    __tablename__: ClassVar[str] = "known_sources"
    user_id: str = _to("users.id", key=True)
    source_hash: str = Field(primary_key=True, max_length=64)
    environment_id: str = _to("environments.id")
    last_sign_in_at: int = _when()


class Avatar(SQLModel, table=True):
    """An upload URL that was given out, and the file that was sent to it; in use where users.image names it.

    file: the name of the stored file, another for each sending. stored_at null: nothing was sent, or it is
    being read. saved_at: nothing more can be sent.
    """

    __tablename__: ClassVar[str] = "avatars"
    key: str = Field(primary_key=True, max_length=41)
    environment_id: str = _to("environments.id")
    user_id: str = _to("users.id")
    expires_at: int = _when()
    file: str | None = _text(36, null=True)
    stored_at: int | None = _when(null=True)
    saved_at: int | None = _when(null=True)


class DroppedFile(SQLModel, table=True):
    """A stored file that nobody needs: removed at once where that works, else when purging."""

    __tablename__: ClassVar[str] = "dropped_files"
    file: str = _id()
    environment_id: str = _to("environments.id")
    dropped_at: int = _when()
