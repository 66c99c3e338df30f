"""One table of everything that can go wrong: code, HTTP status, text, advice and exit status; and Failure.

Codes of the API are domain/name as in the contract; codes that arise on this machine begin with cli/.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

Details = Mapping[str, Sequence[str]]


class ErrorCode(NamedTuple):
    """status: HTTP status of the answer, 0 for faults of this machine; message: text for people;
    hint: what to type next; exit_status: set where the status alone does not decide."""

    status: int
    message: str
    hint: str = ""
    exit_status: int | None = None


_EXIT_OF_STATUS = {
    400: 10, 401: 3, 403: 4, 404: 5, 405: 1, 408: 8, 409: 6, 410: 5, 413: 10, 415: 10, 429: 7, 431: 10,
    500: 1, 502: 8, 503: 8, 504: 8,
}  # fmt: skip

NOT_SIGNED_IN = 3
MFA_NEEDED = 9
INTERRUPTED = 130

ERRORS: dict[str, ErrorCode] = {
    "api-key/already-revoked": ErrorCode(409, "This key was revoked before.", "bkendctl keys create"),
    "api-key/not-found": ErrorCode(404, "There is no such key in this project.", "bkendctl keys list"),
    "auth/account-already-linked": ErrorCode(
        409, "That account is linked already, or you have one of this provider.", "bkendctl account accounts"
    ),
    "auth/account-banned": ErrorCode(403, "This account is banned.", "ask an admin: bkendctl users unban EMAIL", 3),
    "auth/account-exists-different-provider": ErrorCode(
        409, "A user has this address without this provider; sign in and link it.", "bkendctl login"
    ),
    "auth/account-locked": ErrorCode(429, "Too many failed attempts; sign-in from here is locked for a while."),
    "auth/account-not-found": ErrorCode(404, "There is no such account."),
    "auth/already-member": ErrorCode(409, "The invitee is a member already."),
    "auth/already-verified": ErrorCode(400, "The address is verified already."),
    "auth/email-already-exists": ErrorCode(409, "Another user has this e-mail address.", "bkendctl login"),
    "auth/email-auth-disabled": ErrorCode(400, "Sign-in by e-mail is switched off in this environment."),
    "auth/email-not-verified": ErrorCode(
        403, "The e-mail address has to be verified first.", "open the link that was mailed", 3
    ),
    "auth/forbidden": ErrorCode(403, "You may not do this.", "bkendctl whoami"),
    "auth/invalid-credentials": ErrorCode(401, "Wrong e-mail or password."),
    "auth/invalid-email": ErrorCode(400, "This is not an e-mail address."),
    "auth/invalid-mfa-code": ErrorCode(401, "The code is wrong, already used or too old.", "bkendctl mfa code --next"),
    "auth/invalid-oauth-code": ErrorCode(401, "The provider's code or ID token is not accepted.", "sign in there anew"),
    "auth/invalid-password": ErrorCode(401, "The current password is wrong."),
    "auth/invalid-password-format": ErrorCode(400, "The password breaks this environment's policy."),
    "auth/invalid-refresh-token": ErrorCode(401, "This session has ended.", "bkendctl login"),
    "auth/invalid-token": ErrorCode(401, "The key or token is not accepted.", "bkendctl login"),
    "auth/invalid-token-format": ErrorCode(401, "An API key is pk_ or sk_ and 64 hex digits."),
    "auth/invitation-already-accepted": ErrorCode(400, "The invitation was accepted before."),
    "auth/invitation-already-pending": ErrorCode(
        409, "An open invitation for this address exists.", "bkendctl invitations resend ID"
    ),
    "auth/invitation-expired": ErrorCode(410, "The invitation has expired.", "bkendctl invitations resend ID"),
    "auth/invitation-not-found": ErrorCode(404, "There is no such invitation.", "bkendctl invitations list"),
    "auth/last-auth-method": ErrorCode(400, "It is the only way left to sign in.", "bkendctl account link google"),
    "auth/magiclink-disabled": ErrorCode(400, "Magic links are switched off in this environment."),
    "auth/mfa-already-enabled": ErrorCode(409, "MFA is on already.", "bkendctl mfa status"),
    "auth/mfa-backup-codes-exhausted": ErrorCode(401, "No backup code is left.", "use the code of your app"),
    "auth/mfa-not-enabled": ErrorCode(400, "MFA is not on.", "bkendctl mfa enroll"),
    "auth/mfa-required": ErrorCode(403, "A second factor is needed.", "bkendctl login --mfa-code CODE", MFA_NEEDED),
    "auth/mfa-setup-expired": ErrorCode(400, "The set-up is older than 10 minutes.", "bkendctl mfa enroll"),
    "auth/oauth-callback-failed": ErrorCode(
        500, "The provider cannot be reached, or its answer is of no use.", "bkendctl providers oauth test PROVIDER"
    ),
    "auth/oauth-not-configured": ErrorCode(
        400, "This provider is not set up here, or switched off.", "bkendctl providers oauth list"
    ),
    "auth/password-expired": ErrorCode(
        403, "The password is too old and must be reset.", "ask for a reset", 3
    ),
    "auth/password-not-set": ErrorCode(
        400, "This user has no password.", "sign in as you did before"
    ),
    "auth/same-as-previous-password": ErrorCode(400, "The new password equals the current one."),
    "auth/session-expired": ErrorCode(401, "The session has expired.", "bkendctl login"),
    "auth/session-not-found": ErrorCode(404, "There is no such session.", "bkendctl sessions list"),
    "auth/template-not-found": ErrorCode(404, "There is no such category of mails.", "bkendctl templates list"),
    "auth/token-expired": ErrorCode(401, "The key or token has expired.", "bkendctl login"),
    "auth/token-revoked": ErrorCode(401, "This key was revoked.", "bkendctl init --new-keys"),
    "auth/too-many-code-requests": ErrorCode(429, "Too many mails were asked for."),
    "auth/too-many-login-attempts": ErrorCode(429, "Too many attempts."),
    "auth/too-many-requests": ErrorCode(429, "Too many requests."),
    "auth/unauthorized": ErrorCode(401, "Not signed in.", "bkendctl login"),
    "auth/unsupported-provider": ErrorCode(400, "A provider is google or github.", "bkendctl providers oauth list"),
    "auth/user-not-found": ErrorCode(404, "The user of this token was deleted.", "bkendctl logout"),
    "auth/verification-token-expired": ErrorCode(401, "The link has expired."),
    "auth/verification-token-not-found": ErrorCode(404, "The link is unknown, was used, or is for another address."),
    "auth/weak-password": ErrorCode(400, "This password is on the list of common passwords."),
    "common/headers-too-large": ErrorCode(431, "The request's headers are too large."),
    "common/internal-error": ErrorCode(500, "Something went wrong.", "run it again with --debug"),
    "common/invalid-parameters": ErrorCode(400, "Something in the request is missing or malformed."),
    "common/method-not-allowed": ErrorCode(405, "This path does not take that method."),
    "common/not-found": ErrorCode(404, "There is no such path."),
    "common/payload-too-large": ErrorCode(413, "The request is too large."),
    "common/request-timeout": ErrorCode(408, "The request did not arrive in time."),
    "common/unavailable": ErrorCode(503, "Busy or without its database.", "try again in a moment"),
    "common/unsupported-media-type": ErrorCode(415, "The body has to be application/json."),
    "config/weakening-refused": ErrorCode(
        409, "Some of the changes lower protection.", "bkendctl config apply FILE --allow-weaken"
    ),
    "data/environment-not-found": ErrorCode(404, "There is no such environment in this project."),
    "data/scope-insufficient": ErrorCode(403, "The key's scopes do not allow this.", "bkendctl keys list"),
    "dev/mail-not-found": ErrorCode(404, "There is no such mail.", "bkendctl mail list"),
    "organization/has-projects": ErrorCode(
        409, "The organization still holds projects.", "bkendctl projects delete PROJECT"
    ),
    "organization/last-owner": ErrorCode(
        409, "The organization would be left without an owner.", "bkendctl orgs members set-role ORG USER owner"
    ),
    "organization/member-not-found": ErrorCode(404, "There is no such member.", "bkendctl orgs members list ORG"),
    "organization/not-found": ErrorCode(404, "There is no such organization.", "bkendctl orgs list"),
    "organization/slug-already-exists": ErrorCode(409, "Another organization has this slug.", "choose another one"),
    "project/environment-already-exists": ErrorCode(
        409, "The project has that environment already.", "bkendctl environments list"
    ),
    "project/last-environment": ErrorCode(
        409, "The last environment goes with its project.", "bkendctl projects delete PROJECT"
    ),
    "project/not-found": ErrorCode(404, "There is no such project.", "bkendctl projects list"),
    "project/slug-already-exists": ErrorCode(409, "Another project has this slug.", "choose another one"),
    "signing-key/in-use": ErrorCode(409, "The key signs at present; rotate first."),
    "signing-key/not-found": ErrorCode(404, "There is no such signing key."),
    "user/avatar-not-found": ErrorCode(404, "There is no such picture, or its file was never sent."),
    "user/avatar-too-large": ErrorCode(413, "An avatar has at most 5 MiB.", "make the picture smaller"),
    "user/forbidden": ErrorCode(403, "Only the user or an admin may do this.", "bkendctl whoami"),
    "user/invalid-avatar": ErrorCode(
        400, "This is not a picture of the type it is said to be, or not a whole one.", "send JPEG, PNG, GIF or WebP"
    ),
    "user/invalid-name": ErrorCode(400, "A name has 1 to 100 characters."),
    "user/invalid-nickname": ErrorCode(400, "A nickname has 1 to 50 characters."),
    "user/invalid-role": ErrorCode(400, "A role is admin, user or guest."),
    "user/last-admin": ErrorCode(
        409, "The environment would be left without an active admin.", "bkendctl users set-role EMAIL admin"
    ),
    "user/not-found": ErrorCode(404, "There is no such user.", "bkendctl users list"),
    "user/slug-already-exists": ErrorCode(409, "Another user has this slug.", "choose another one"),
    "user/unauthorized": ErrorCode(401, "Not signed in.", "bkendctl login"),
    # Faults of this machine.
    "cli/address": ErrorCode(0, "The address cannot be used.", "bkendctl serve --port 8788", 1),
    "cli/ambiguous": ErrorCode(0, "The prefix fits more than one.", "type more of the id", 2),
    "cli/browser-refused": ErrorCode(0, "The browser came back without a sign-in.", "bkendctl login", NOT_SIGNED_IN),
    "cli/browser-silent": ErrorCode(0, "Nobody signed in within five minutes.", "bkendctl login --web", 8),
    "cli/closed-pipe": ErrorCode(0, "The output was closed before all was written.", "", 1),
    "cli/config-damaged": ErrorCode(0, "The configuration cannot be read.", "mend or remove the file", 1),
    "cli/config-file": ErrorCode(0, "The file is no configuration of an environment.", "bkendctl config export", 10),
    "cli/database-damaged": ErrorCode(0, "The database is damaged; it was left as it is.", "put a good copy in its place", 1),
    "cli/database-in-use": ErrorCode(0, "Another process has the database in use.", "end it, then try again", 1),
    "cli/database-missing": ErrorCode(0, "There is no database here.", "bkendctl init", 1),
    "cli/database-newer": ErrorCode(0, "The database is newer than this program; it was left as it is.",
                                    "install the newest bkendctl", 1),
    "cli/database-older": ErrorCode(0, "The database has an older schema.", "bkendctl db migrate", 1),
    "cli/database-unreachable": ErrorCode(
        0, "The database cannot be reached.",
        "start it, or mend BKENDCTL_DATABASE_URL, PGPASSWORD or ~/.pgpass", 8,
    ),
    "cli/database-unwritable": ErrorCode(0, "The database cannot be written.", "bkendctl db status", 1),
    "cli/demo": ErrorCode(0, "The demo failed.", "bkendctl demo --debug", 1),
    "cli/file": ErrorCode(0, "The file cannot be read or written.", "", 1),
    "cli/import-row": ErrorCode(0, "This user does not come along.", "", 10),
    "cli/interrupted": ErrorCode(0, "Interrupted.", "", INTERRUPTED),
    "cli/master-key": ErrorCode(0, "The master key is missing or wrong.", "set BKENDCTL_MASTER_KEY", 1),
    "cli/network": ErrorCode(0, "The server cannot be reached.", "bkendctl profiles show", 8),
    "cli/no-mail": ErrorCode(0, "No such mail came in time.", "bkendctl mail list", 8),
    "cli/no-profile": ErrorCode(0, "There is no profile yet.", "bkendctl init", NOT_SIGNED_IN),
    "cli/not-offered": ErrorCode(0, "This server does not offer that.", "", 1),
    "cli/not-signed-in": ErrorCode(0, "Nobody is signed in on this profile.", "bkendctl login", NOT_SIGNED_IN),
    "cli/other-environment": ErrorCode(
        0, "The key is of another environment than the profile.", "bkendctl profiles show", NOT_SIGNED_IN
    ),
    "cli/profile-exists": ErrorCode(0, "A profile of that name exists.", "bkendctl profiles list", 6),
    "cli/profile-not-found": ErrorCode(0, "There is no profile of that name.", "bkendctl profiles list", 5),
    "cli/store-damaged": ErrorCode(
        0, "The stored credentials cannot be read; the file was left as it is.",
        "move it away, then: bkendctl login", 1,
    ),
    "cli/store-unavailable": ErrorCode(0, "The credential store does not answer.", "BKENDCTL_STORE=file", 1),
    "cli/unexpected-answer": ErrorCode(0, "The server answered something that is not bkend's API.",
                                        "bkendctl profiles show", 1),
    "cli/unhealthy": ErrorCode(0, "Something is wrong with this set-up.", "", 1),
    "cli/unsafe-file": ErrorCode(0, "The file is not safe to use.", "mend it, then try again", 1),
    "cli/usage": ErrorCode(0, "This command was typed wrongly.", "bkendctl --help", 2),
}  # fmt: skip


HINTS = {
    "Only owners and admins of the organization may delete that.": "add --as user where such a one is signed in",
    "An API key is needed (X-API-Key).": "bkendctl profiles show",
    "The API key is not known.": "bkendctl init --new-keys",
    "The API key has expired.": "bkendctl keys create",
    "The invitation's token is unknown or for another address.": "",
}
"""What to type next where the text tells more than its code; hints do not travel, texts do."""


class Failure(Exception):
    """An operation or command that was refused, with a code of ERRORS.

    details: reasons per field (dotted path). retry_after: seconds, for 429 and 503. hint: what to type
    next, instead of the table's. keep: what the operation wrote is to be committed all the same
    (counted failures, sessions ended by reuse).
    """

    def __init__(
        self,
        code: str,
        message: str | None = None,
        *,
        details: Details | None = None,
        retry_after: int | None = None,
        hint: str | None = None,
        keep: bool = False,
    ) -> None:
        entry = ERRORS[code] if code in ERRORS else ErrorCode(500, code)
        self.code = code
        self.status = entry.status
        self.message = message or entry.message
        self.hint = HINTS.get(self.message, entry.hint) if hint is None else hint
        self.details = details
        self.retry_after = retry_after
        self.keep = keep
        super().__init__(f"{code}: {self.message}")

    @property
    def exit_status(self) -> int:
        """Exit status of a command that met this failure (cli.md)."""
        entry = ERRORS.get(self.code)
        if entry is not None and entry.exit_status is not None:
            return entry.exit_status
        return _EXIT_OF_STATUS.get(self.status, 1)

    def body(self) -> dict[str, Any]:
        """The API's error body: {success, error: {code, message, details?}}."""
        error: dict[str, Any] = {"code": self.code, "message": self.message}
        if self.details:
            error["details"] = {field: list(reasons) for field, reasons in self.details.items()}
        return {"success": False, "error": error}
