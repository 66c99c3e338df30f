"""Speaks to a backend with a profile's credentials: as its user, its key or a guest; renews what expired.

One refresh however many processes find the token expired: the credentials' lock is taken, they are read
again under it, and a token that another process has spent is never sent.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

from bkendctl.client.agreement import Agreement
from bkendctl.client.connect import Backend
from bkendctl.client.voice import Voice
from bkendctl.contract import sessions
from bkendctl.contract.accounts import TokenPair
from bkendctl.contract.errors import Failure
from bkendctl.contract.operation import Operation, Raw, place
from bkendctl.local.credentials import Credentials, CredentialStore
from bkendctl.local.profiles import Profile

ENDED = ("auth/invalid-refresh-token", "auth/session-expired", "auth/user-not-found")


Log = Callable[[str], None]


class Speaker:
    """Sends operations for one profile. given: credentials of the environment, before stored ones.

    agreement: sees to it that no key of another environment is used.
    """

    def __init__(
        self,
        backend: Backend,
        store: CredentialStore,
        profile: Profile,
        given: Credentials,
        log: Log | None = None,
        agreement: Agreement | None = None,
    ) -> None:
        self._backend = backend
        self._store = store
        self._profile = profile
        self._given = given
        self._log = log
        self._agreement = agreement

    @property
    def credentials(self) -> Credentials:
        """What is spoken with now, read afresh."""
        stored = Credentials() if self._profile.ephemeral else self._store.load(self._profile.name)
        given = {
            name: getattr(self._given, name) for name in ("publishable_key", "secret_key", "access_token")
        }
        changes = {name: value for name, value in given.items() if value is not None}
        if "access_token" in changes:  # somebody else's session: ours must not be renewed in its place
            changes |= {"refresh_token": None, "expires_at": None}
        return stored.replace(**changes)

    def with_credentials(self, given: Credentials) -> Speaker:
        """A speaker for the same backend that uses these credentials before all others."""
        return Speaker(self._backend, self._store, self._profile, given, self._log, self._agreement)

    def call(self, operation: Operation[Any, Any], request: Any, voice: Voice) -> Any:
        """Do an operation; an expired access token is renewed once and the operation asked again.

        Failures: cli/not-signed-in, cli/usage without a key, and the operation's own.
        """
        credentials = self.credentials
        speaks = _settled(voice, credentials)
        try:
            return self._send(operation, request, credentials, speaks)
        except Failure as failure:
            if (
                speaks is not Voice.USER
                or failure.code != "auth/token-expired"
                or not credentials.refresh_token
            ):
                raise
        return self._send(operation, request, self.renew(credentials.access_token), speaks)

    def renew(self, used: str | None) -> Credentials:
        """Trade the refresh token, unless another process did so since `used` was read.

        The idempotency key is saved before it is sent, so that a lost answer can be asked for again.
        """
        import secrets

        with self._store.locked(self._profile.name) as held:
            if held.credentials.access_token != used:
                return held.credentials
            if not held.credentials.refresh_token:
                raise Failure("cli/not-signed-in")
            key = held.credentials.idempotency_key or secrets.token_urlsafe(24)
            held.save(held.credentials.replace(idempotency_key=key))
            request = sessions.Refresh(refresh_token=held.credentials.refresh_token, idempotency_key=key)
            try:
                pair = self._send(sessions.REFRESH, request, held.credentials, Voice.GUEST)
            except Failure as failure:
                if failure.code in ENDED:
                    held.save(held.credentials.signed_out())
                raise
            held.save(_with_tokens(held.credentials, pair))
            return held.credentials

    def trade(self, operation: Operation[Any, Any], request: Any) -> TokenPair:
        """Do an operation that gives the session new tokens, and store them; nobody renews meanwhile.

        Tokens that are not stored here (BKENDCTL_ACCESS_TOKEN) are only given back.
        """
        if self._profile.ephemeral or self._given.access_token:
            return self.call(operation, request, Voice.USER)  # type: ignore[no-any-return]
        for last_try in (False, True):
            with self._store.locked(self._profile.name) as held:
                credentials = held.credentials
                _settled(Voice.USER, credentials)
                try:
                    pair: TokenPair = self._send(operation, request, credentials, Voice.USER)
                except Failure as failure:
                    expired = failure.code == "auth/token-expired" and credentials.refresh_token
                    if last_try or not expired:
                        raise
                else:
                    held.save(_with_tokens(credentials, pair))
                    return pair
            self.renew(credentials.access_token)
        raise AssertionError("the second try returns or raises")

    def remember(self, pair: TokenPair) -> None:
        """Store the tokens of a sign-in; they go before a token of the environment from here on."""
        self._given = self._given.replace(access_token=pair.access_token if self._profile.ephemeral else None)
        if not self._profile.ephemeral:
            with self._store.locked(self._profile.name) as held:
                held.save(_with_tokens(held.credentials.signed_out(), pair))

    def remember_user(self, user_id: str, email: str) -> None:
        """Store whose tokens they are, so that it can be said without asking."""
        if not self._profile.ephemeral:
            self._store.update(self._profile.name, user_id=user_id, email=email)

    def forget(self) -> None:
        """Forget the user's tokens; keys stay, and so does what is stored while another token speaks."""
        if not self._profile.ephemeral and not self._given.access_token:
            with self._store.locked(self._profile.name) as held:
                held.save(held.credentials.signed_out())

    def _send(
        self, operation: Operation[Any, Any], request: Any, credentials: Credentials, voice: Voice
    ) -> Any:
        raw = request if isinstance(request, Raw) else place(operation, request)
        key = credentials.secret_key if voice is Voice.KEY else None
        key = key or credentials.publishable_key or credentials.secret_key
        if key is not None:
            if self._agreement is not None:
                self._agreement.require(self._backend, key)
            raw.headers["x-api-key"] = key
        if voice is Voice.USER:
            raw.headers["authorization"] = f"Bearer {credentials.access_token}"
        started = time.perf_counter()
        outcome: Any = operation.status
        try:
            return self._backend.execute(operation, raw)
        except Failure as failure:
            outcome = f"{failure.status} {failure.code}"
            raise
        finally:
            if self._log is not None:
                spent = (time.perf_counter() - started) * 1000
                self._log(f"{voice} {operation.method} {operation.path} {outcome} {spent:.0f} ms")


def _settled(voice: Voice, credentials: Credentials) -> Voice:
    """Decide between user and key, and refuse a voice that has no credentials."""
    if voice is Voice.ADMIN:
        voice = Voice.KEY if credentials.secret_key else Voice.USER
    if voice is Voice.KEY and not credentials.secret_key:
        raise Failure("cli/not-signed-in", "This profile has no secret key.", hint="bkendctl init --new-keys")
    if voice is Voice.USER and not credentials.access_token:
        raise Failure("cli/not-signed-in")
    return voice


def _with_tokens(credentials: Credentials, pair: TokenPair) -> Credentials:
    """expires_at counts on this machine's clock from now, so a wrong clock at the server does no harm."""
    return credentials.replace(
        access_token=pair.access_token,
        refresh_token=pair.refresh_token,
        expires_at=time.time() + pair.expires_in,
        idempotency_key=None,
    )
