"""Everything that is asked of a person or read from standard input. Prompts go to stderr, never to stdout."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import NamedTuple, NoReturn

from bkendctl.cli.errors import report
from bkendctl.cli.terminal import showable
from bkendctl.cli.text import visible
from bkendctl.contract.errors import Failure

Validate = Callable[[str], str]

TRIES = 3  # answers to one question before it is given up, as sudo does
LONGEST_SECRET = 65_536  # bytes; a mistaken file on --password-stdin ends here


class Prompter(NamedTuple):
    """Asks on the terminal, or refuses to where nobody can answer (--no-input, stdin no terminal)."""

    no_input: bool = False
    yes: bool = False

    @property
    def can_ask(self) -> bool:
        """Tell whether somebody can answer."""
        return not self.no_input and _stdin_is_terminal()

    def ask(
        self,
        label: str,
        *,
        option: str,
        default: str | None = None,
        secret: bool = False,
        confirm_twice: bool = False,
        validate: Validate | None = None,
    ) -> str:
        """Ask for a value, up to three times while it is empty or validate raises Failure.

        option: what to type instead, for the message where nobody can answer (--email, EMAIL,
        --password-stdin). secret: read without echo, kept as typed; other answers are stripped.
        validate: gives the value back, as it is to be used. Raises cli/usage (missing), cli/interrupted,
        and what validate raised last.
        """
        if not self.can_ask:
            raise Failure("cli/usage", f"{label} is missing: {option}", hint=f"add {option}")
        failure = Failure("cli/usage", f"{label} is missing: {option}", hint=f"add {option}")
        for _ in range(TRIES):
            try:
                answer = _answer(label, default=default, secret=secret)
                if not answer:
                    raise Failure("cli/usage", f"{label} must not be empty.", hint="")
                if validate is not None:
                    answer = validate(answer)
                if confirm_twice and _answer(f"{label} again", default=None, secret=secret) != answer:
                    raise Failure("cli/usage", "The two entries differ.", hint="")
            except Failure as refused:
                if refused.code == "cli/interrupted":
                    raise
                failure = refused
                report(refused, "table")
            else:
                return answer
        raise failure

    def confirm(self, question: str, *, yes: bool = False) -> bool:
        """Ask before something destructive, [y/N]; True without asking with --yes.

        Raises cli/usage naming --yes where nobody can answer, cli/interrupted.
        """
        if self.yes or yes:
            return True
        if not self.can_ask:
            raise Failure("cli/usage", f"{question} Confirmation is missing: --yes", hint="add --yes")
        return _read_line(f"{visible(question)} [y/N] ").strip().lower() in ("y", "yes")


def read_secret_stdin(option: str = "--password-stdin") -> str:
    """Read a secret from all of standard input, less one newline at its end. Raises cli/usage.

    From a terminal it is refused: the secret would be echoed.
    """
    if _stdin_is_terminal():
        raise Failure(
            "cli/usage",
            f"{option} reads from a pipe or a file, not from the terminal.",
            hint=f"leave {option} away to be asked",
        )
    with _interruptible():
        raw = b"" if sys.stdin is None else sys.stdin.buffer.read(LONGEST_SECRET + 1)
    if len(raw) > LONGEST_SECRET:
        raise Failure("cli/usage", f"{option} got more than {LONGEST_SECRET} bytes.", hint="")
    try:
        secret = raw.decode()
    except UnicodeDecodeError:
        raise Failure("cli/usage", f"{option} got text that is not UTF-8.", hint="") from None
    secret = secret.removesuffix("\r\n") if secret.endswith("\r\n") else secret.removesuffix("\n")
    if not secret:
        raise Failure("cli/usage", f"{option} got nothing.", hint=f"printf %s SECRET | … {option}")
    return secret


def code_or_stdin(value: str, *, option: str = "CODE") -> str:
    """Give a single-use code back as typed, or with "-" one line of standard input. Raises cli/usage."""
    if value != "-":
        return value
    if _stdin_is_terminal():
        code = _read_line(f"{option}: ").strip()
    else:
        with _interruptible():
            code = "" if sys.stdin is None else _encodable(sys.stdin.readline()).strip()
    if not code:
        raise Failure("cli/usage", f"{option} is missing: standard input was empty.", hint=f"add {option}")
    return code


def _answer(label: str, *, default: str | None, secret: bool) -> str:
    if secret:
        return _read_secret(f"{visible(label)}: ")
    suggestion = f" [{visible(default)}]" if default else ""
    return _read_line(f"{visible(label)}{suggestion}: ").strip() or default or ""


def _read_line(prompt: str) -> str:
    """Read a line with echo; the prompt goes to stderr, where input() would take stdout."""
    sys.stderr.write(showable(sys.stderr, prompt))
    sys.stderr.flush()
    with _interruptible():
        line = _encodable(sys.stdin.readline())
    if not line:
        _interrupt()
    return line.rstrip("\r\n")


def _read_secret(prompt: str) -> str:
    """Read a line without echo from the terminal; the echo is back whatever happens."""
    import warnings
    from getpass import GetPassWarning, getpass

    with _interruptible(), warnings.catch_warnings():
        # Where the terminal cannot be controlled getpass warns and reads on with echo, the secret on screen.
        warnings.simplefilter("error", GetPassWarning)
        try:
            return _encodable(getpass(prompt, sys.stderr))
        except GetPassWarning:
            raise Failure(
                "cli/usage",
                "The terminal cannot hide what is typed.",
                hint="use --password-stdin or its like",
            ) from None


@contextmanager
def _interruptible() -> Iterator[None]:
    """Turn Ctrl-C and end of input into cli/interrupted, bytes that are no text into cli/usage."""
    try:
        yield
    except (KeyboardInterrupt, EOFError):
        _interrupt()
    except UnicodeError:
        raise Failure("cli/usage", "What was typed is not valid text.", hint="") from None


def _encodable(text: str) -> str:
    """Refuse the lone surrogates that a lenient stdin makes of bytes that are no text."""
    text.encode()
    return text


def _interrupt() -> NoReturn:
    sys.stderr.write("\n")  # the error starts on a line of its own, not behind the prompt
    raise Failure("cli/interrupted") from None


def _stdin_is_terminal() -> bool:
    try:
        return sys.stdin is not None and sys.stdin.isatty()
    except ValueError:  # closed
        return False
