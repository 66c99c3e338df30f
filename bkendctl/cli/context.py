"""Context: what every command is given. It reads options, profile and credentials, calls and shows."""

from __future__ import annotations

import os
import sys
import time
from functools import cached_property
from typing import TYPE_CHECKING, Any, NoReturn

import typer

from bkendctl.cli.errors import Chatter
from bkendctl.cli.prompt import Prompter, read_secret_stdin
from bkendctl.cli.render import Output
from bkendctl.cli.tables import View
from bkendctl.cli.terminal import is_terminal
from bkendctl.client.voice import Voice
from bkendctl.contract.errors import ERRORS, Failure
from bkendctl.local.paths import Paths, paths
from bkendctl.local.profiles import Profile, Profiles

if TYPE_CHECKING:
    from datetime import datetime

    from bkendctl.client.speaker import Speaker
    from bkendctl.contract.operation import Operation
    from bkendctl.local.credentials import CredentialStore

SHORTEST_PREFIX = 8
_UUID_LENGTH = 36


class Context(typer.Context):
    """Of one command. Everything is read when it is first asked for."""

    def option(self, name: str) -> Any:
        """A global option as it was typed, None when it was not."""
        return self.meta.get(f"bkendctl.{name}_")

    @cached_property
    def output(self) -> Output:
        """How results are written."""
        from bkendctl.cli.options import output_format

        return Output(output_format(self.meta), bool(self.option("quiet")), self.option("jq"))  # type: ignore[arg-type]

    @property
    def say(self) -> Chatter:
        """What is said on stderr."""
        return self.output.chatter

    @cached_property
    def ask(self) -> Prompter:
        """Questions to a person."""
        return Prompter(no_input=bool(self.option("no_input")), yes=bool(self.option("yes")))

    @cached_property
    def paths(self) -> Paths:
        """Where local files are."""
        return paths()

    @cached_property
    def profiles(self) -> Profiles:
        """All profiles."""
        return Profiles.load(self.paths, self.say.warn)

    @cached_property
    def profile(self) -> Profile:
        """The profile this command acts on."""
        return self.profiles.resolve(self.option("profile"))

    @cached_property
    def store(self) -> CredentialStore:
        """Where credentials are kept."""
        from bkendctl.local.credentials import CredentialStore

        return CredentialStore.open(self.paths, self.say.warn)

    @cached_property
    def speaker(self) -> Speaker:
        """Who talks to the backend."""
        from bkendctl.client.agreement import Agreement
        from bkendctl.client.connect import connect
        from bkendctl.client.speaker import Speaker
        from bkendctl.local.credentials import from_environment

        log = self.say.debug if self.option("debug") else None
        backend = connect(self.profile, self.paths, timeout_seconds=self._http_timeout)
        self.call_on_close(backend.close)
        agreement = None if self.profile.ephemeral else Agreement(self.paths, self.profile)
        return Speaker(backend, self.store, self.profile, from_environment(), log, agreement)

    def call(self, operation: Operation[Any, Any], request: Any = None, *, voice: Voice = Voice.USER) -> Any:
        """Do an operation and give its response. --as and BKENDCTL_ACCESS_TOKEN choose the voice."""
        if voice is not Voice.GUEST:
            voice = self.chosen_voice(voice)
        try:
            return self.speaker.call(operation, operation.request() if request is None else request, voice)
        except Failure as failure:
            if operation.dev_only and failure.code == "common/not-found":  # a person typed no path
                failure.message = "Clock and mails are a dev environment's alone."
                failure.hint = "bkendctl profiles show"
            raise

    def chosen_voice(self, voice: Voice) -> Voice:
        """The voice that --as or BKENDCTL_ACCESS_TOKEN asks for, else the one given."""
        wanted = self.option("as")
        if wanted not in (None, "user", "key"):
            raise Failure("cli/usage", f"--as is user or key, not {wanted}.", hint="--as user")
        if wanted is None and os.environ.get("BKENDCTL_ACCESS_TOKEN"):
            wanted = "user"
        return voice if wanted is None else Voice(wanted)

    def show(self, body: Any, view: View | None = None) -> None:
        """Write a response, or builtins, to stdout."""
        import msgspec

        shown = msgspec.to_builtins(body)
        self.output.show(shown, view, now=None if view and view.real_time else self.now)
        if view is not None and view.offer is not None and self._has_person and not self.profile.ephemeral:
            from bkendctl.local import recent

            offered = [view.offer(item) for item in shown["items"]]
            recent.remember(self.paths, self.profile.name, view.noun, offered)

    def show_plain(self, text: str, body: dict[str, Any], view: View) -> None:
        """Write a bare value where a table was asked for, else the body; for $(…) in a shell."""
        if self.output.format == "table" and not self.output.jq:
            sys.stdout.write(f"{text}\n")
        else:
            self.output.show(body, view)

    def password(self, *, stdin: bool, label: str = "Password", new: bool = False) -> str:
        """A password from --password-stdin, BKENDCTL_PASSWORD or a prompt without echo, never an argument."""
        if stdin:
            return read_secret_stdin()
        given = os.environ.get("BKENDCTL_PASSWORD")
        if given:
            return given
        return self.ask.ask(label, option="--password-stdin", secret=True, confirm_twice=new)

    def confirm(self, question: str, *, local: bool = False) -> None:
        """Ask before something destructive; a no ends the command with status 1.

        Where it happens is said first. local: on this machine, in no environment.
        """
        if not (local or self.ask.yes):
            question = f"{self.place}: {question}"
        if not self.ask.confirm(question):
            self.say.note("nothing was changed")
            raise typer.Exit(1)

    def confirm_in_prod(self, question: str) -> None:
        """As confirm, in production alone: for what is everyday work elsewhere."""
        if not self.ask.yes and "prod" in (self.profile.environment_type, self.environment):
            self.confirm(question)

    @property
    def place(self) -> str:
        """Which environment the command acts on, for people."""
        where = self.profile.url if self.profile.ephemeral else f"profile {self.profile.name}"
        return f"{self.environment or 'an unknown environment'} ({where})"

    @cached_property
    def environment(self) -> str | None:
        """What the profile says; without a profile what the key does, None where that is not told."""
        if not self.profile.ephemeral:
            return self.profile.environment
        from bkendctl.contract import keys

        try:
            return str(self.speaker.call(keys.CURRENT, keys.CURRENT.request(), Voice.ADMIN).environment)
        except Failure:  # the question is not to fail for it
            return None

    def user_id(self, user: str, *, deleted: bool = False) -> str:
        """The id of a user named by id or e-mail. user/not-found, cli/ambiguous.

        Of all who ever had the address the live one is meant; deleted: the deleted one, if there is one.
        """
        if "@" not in user:
            return user
        found = self._users_of(user.strip().lower())
        gone = [each.id for each in found if each.status == "deleted"]
        live = [each.id for each in found if each.status != "deleted"]
        meant = (gone or live) if deleted else (live or gone)
        if not meant:
            raise Failure("user/not-found", f"There is no user {user}.")
        if len(meant) > 1:
            raise Failure(
                "cli/ambiguous",
                f"{len(meant)} deleted users had {user}: {', '.join(meant)}.",
                hint="name the id",
            )
        return str(meant[0])

    def _users_of(self, email: str) -> list[Any]:
        """Everybody with an address, deleted ones too. The search finds parts, so all its pages are read."""
        from bkendctl.contract import users

        request = users.ListUsers(search=email, search_type="email", limit=100, status="all")
        found: list[Any] = []
        while True:
            page = self.call(users.LIST, request, voice=Voice.ADMIN)
            found += [each for each in page.items if each.email == email]
            if page.next_cursor is None:
                return found
            request.cursor = page.next_cursor

    def every(self, listing: Operation[Any, Any], request: Any, *, voice: Voice = Voice.ADMIN) -> list[Any]:
        """What all pages of a list hold."""
        found: list[Any] = []
        while True:
            page = self.call(listing, request, voice=voice)
            found += page.items
            if request.page >= page.pagination.total_pages:
                return found
            request.page += 1

    def full_id(
        self, prefix: str, listing: Operation[Any, Any], not_found: str, *, voice: Voice, **filters: Any
    ) -> str:
        """The id that begins with a prefix of 8 or more characters. cli/ambiguous, not_found, cli/usage."""
        if len(prefix) >= _UUID_LENGTH:
            return prefix
        if len(prefix) < SHORTEST_PREFIX:
            message = f"An id may be cut to {SHORTEST_PREFIX} characters, not fewer."
            raise Failure("cli/usage", message, hint=ERRORS[not_found].hint)
        found: list[str] = []
        number, pages = 1, 1
        while number <= pages:
            page = self.call(listing, listing.request(page=number, limit=100, **filters), voice=voice)
            found += [item.id for item in page.items if item.id.startswith(prefix.lower())]
            number, pages = number + 1, page.pagination.total_pages
        if len(found) > 1:
            raise Failure("cli/ambiguous", f"{prefix} fits {len(found)} ids: {', '.join(found[:4])}.")
        if not found:
            raise Failure(not_found, hint=None)
        return found[0]

    def now(self) -> datetime:
        """The time it is in the environment."""
        from datetime import UTC, datetime

        return datetime.fromtimestamp(time.time() + self._clock_offset, UTC)

    @cached_property
    def _clock_offset(self) -> int:
        """Seconds the environment's clock is ahead. 0 where that cannot be known."""
        from bkendctl.contract import dev_clock

        if self.profile.environment_type not in ("dev", None) or not self.speaker.credentials.secret_key:
            return 0
        try:
            shown = self.speaker.call(dev_clock.SHOW, dev_clock.SHOW.request(), Voice.KEY)
        except Failure:  # the answer to what was asked must not fail for it
            return 0
        return int(shown.offset_seconds)

    def clock_offset(self) -> int:
        """Seconds the environment's clock is ahead; said on stderr when it is."""
        offset = self._clock_offset
        if offset:
            from bkendctl.cli.text import format_duration

            way = "ahead of" if offset > 0 else "behind"
            distance = format_duration(abs(offset))
            self.say.note(f"the environment's clock is {distance} {way} real time: bkendctl clock reset")
        return offset

    def refuse(self, message: str, hint: str = "") -> NoReturn:
        """End with a usage error."""
        raise Failure("cli/usage", message, hint=hint or f"{self.command_path} --help")

    def local_instant(self, text: str, *, past: bool = False) -> str:
        """An instant as the API takes it, from ISO-8601 or a duration from the environment's now, or ago."""
        from bkendctl.cli.text import parse_instant

        return parse_instant(text, self.now(), past=past).isoformat()

    @property
    def _http_timeout(self) -> float | None:
        """What --http-timeout says, in seconds."""
        from bkendctl.cli.text import parse_duration

        text = self.option("http_timeout")
        return None if text is None else parse_duration(text)

    @property
    def _has_person(self) -> bool:
        """Whether somebody may press TAB: a script's lists are nobody's to complete."""
        return any(is_terminal(stream) for stream in (sys.stdin, sys.stdout, sys.stderr))

    @property
    def is_terminal(self) -> bool:
        """Whether a person sees stdout."""
        return sys.stdout.isatty()
