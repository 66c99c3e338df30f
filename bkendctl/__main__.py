"""The program: the one place where an error becomes words and an exit status."""

from __future__ import annotations

import os
import sys

TYPE_CHECKING = False  # typing's own costs 5 ms, a third of bare Python
if TYPE_CHECKING:
    from collections.abc import Sequence
    from typing import TextIO

    from bkendctl.contract.errors import Failure


def main(arguments: Sequence[str] | None = None) -> int:
    """Run a command line and give its exit status."""
    args = list(sys.argv[1:] if arguments is None else arguments)
    if args in (["--version"], ["-V"]):
        from bkendctl import __version__

        print(f"bkendctl {__version__}")  # noqa: T201
        return 0
    if args[:2] == ["completion", "values"]:
        from bkendctl.cli.candidates import answer  # at each TAB: not even the parser is loaded

        return answer(args[2:])
    return _run(args)


def _run(args: list[str]) -> int:
    from bkendctl.contract.errors import Failure

    os.umask(0o077)
    try:
        try:
            status = _dispatch(args)
            sys.stdout.flush()
        except KeyboardInterrupt:
            raise Failure("cli/interrupted") from None
        except BrokenPipeError:
            raise Failure("cli/closed-pipe") from None
        except OSError as error:  # files name themselves in it, a full disk behind stdout does not
            what = f"{error.filename or 'The output'} cannot be read or written: {error.strerror}."
            raise Failure("cli/file", what) from error
        except Failure:
            raise
        except Exception as error:  # behind this a person would see a traceback
            raise Failure(
                "common/internal-error", f"Something went wrong: {type(error).__name__}."
            ) from error
    except Failure as failure:
        return _report(failure, args)
    return status


def _dispatch(args: list[str]) -> int:
    """Parse and invoke; usage errors of the parser become failures like all others."""
    import warnings

    from typer import Abort, Exit
    from typer._click.exceptions import ClickException, NoArgsIsHelpError
    from typer._click.exceptions import UsageError as WrongUsage

    from bkendctl.cli.app import root
    from bkendctl.cli.errors import Chatter
    from bkendctl.contract.errors import Failure

    warnings.showwarning = lambda message, *_args, **_kwargs: Chatter().warn(str(message))
    command = root()
    try:
        with command.make_context("bkendctl", list(args)) as context:
            command.invoke(context)
    except Exit as end:
        return int(end.exit_code)
    except Abort:
        raise Failure("cli/interrupted") from None
    except NoArgsIsHelpError as error:
        if _error_format(args) == "json":
            raise Failure(
                "cli/usage", "A command is missing.", hint=f"{error.ctx.command_path} --help"
            ) from None
        print(error.format_message(), file=sys.stderr)  # noqa: T201
        return 2
    except WrongUsage as error:
        where = error.ctx.command_path if error.ctx is not None else "bkendctl"
        raise Failure("cli/usage", error.format_message(), hint=f"{where} --help") from None
    except ClickException as error:
        raise Failure("cli/usage", error.format_message()) from None
    return 0


def _report(failure: Failure, args: list[str]) -> int:
    from bkendctl.cli.errors import report

    if failure.code == "cli/closed-pipe" and "--debug" not in args:
        _settle(sys.stdout)
        return failure.exit_status  # `| head` has what it wanted
    _settle(sys.stdout)
    try:
        if "--debug" in args:
            import traceback

            traceback.print_exception(failure, limit=-8)
        report(failure, _error_format(args))
    except OSError:
        pass  # nobody reads stderr; the status still tells
    _settle(sys.stderr)
    return failure.exit_status


def _settle(stream: TextIO) -> None:
    """Write what is buffered, or drop it: the interpreter must not stumble over it at its end."""
    try:
        stream.flush()
    except OSError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), stream.fileno())


def _error_format(args: list[str]) -> str:
    """The output asked for, read from the bare arguments: parsing may be what failed."""
    chosen = os.environ.get("BKENDCTL_OUTPUT") or "table"
    for place, argument in enumerate(args):
        name, joined, value = argument.partition("=")
        if name.startswith("-") and not name.startswith("--"):
            cluster = argument[1:].lstrip("qy")  # -qo json
            name, joined, value = f"-{cluster[:1]}", cluster[1:], cluster[1:].removeprefix("=")
        if name in ("-o", "--output"):
            chosen = value if joined else "".join(args[place + 1 : place + 2])
    return chosen


if __name__ == "__main__":
    sys.exit(main())
