"""The command tree: a static table of nouns, each loaded when it is typed."""

from __future__ import annotations

from importlib import import_module
from typing import Any, NamedTuple

import typer
from typer.core import TyperGroup, TyperOption

from bkendctl import __version__
from bkendctl.cli.options import Group
from bkendctl.cli.topics import EXIT_STATUSES
from bkendctl.contract.errors import Failure


class _Entry(NamedTuple):
    module: str
    section: str
    summary: str


_SETUP, _ACCOUNT, _ADMIN, _LOCAL = "Start here", "Your account", "Administration", "This machine"

COMMANDS: dict[str, _Entry] = {
    "init": _Entry("setup", _SETUP, "Make the embedded core and its first keys."),
    "demo": _Entry("demo", _SETUP, "The whole tour in a throw-away core."),
    "help": _Entry("help", _SETUP, "Explain a topic, such as exit-codes."),
    "signup": _Entry("accounts", _ACCOUNT, "Create an account and sign in."),
    "login": _Entry("accounts", _ACCOUNT, "Sign in."),
    "logout": _Entry("accounts", _ACCOUNT, "End the session and forget it here."),
    "whoami": _Entry("accounts", _ACCOUNT, "Show the signed-in user."),
    "token": _Entry("token", _ACCOUNT, "Print, read or renew the access token."),
    "password": _Entry("password", _ACCOUNT, "Change or reset the password."),
    "email": _Entry("email", _ACCOUNT, "Prove or change the e-mail address."),
    "mfa": _Entry("mfa", _ACCOUNT, "Two-step sign-in: enrol, confirm, codes."),
    "sessions": _Entry("sessions", _ACCOUNT, "See and end sessions."),
    "profile": _Entry("profile", _ACCOUNT, "The public profile; connections are `profiles`."),
    "preferences": _Entry("preferences", _ACCOUNT, "Language, time zone and theme."),
    "notifications": _Entry("notifications", _ACCOUNT, "What to be told, and where."),
    "onboarding": _Entry("onboarding", _ACCOUNT, "Progress in the first run of an app."),
    "public-settings": _Entry("public_settings", _ACCOUNT, "Whether others see the profile."),
    "account": _Entry("account", _ACCOUNT, "Ways of signing in; delete the account."),
    "users": _Entry("users", _ADMIN, "Users of the environment: list, roles, bans."),
    "orgs": _Entry("orgs", _ADMIN, "Organizations and their members."),
    "projects": _Entry("projects", _ADMIN, "Projects: make, set up, delete."),
    "environments": _Entry("environments", _ADMIN, "Environments of a project."),
    "invitations": _Entry("invitations", _ADMIN, "Invite to organizations and projects."),
    "keys": _Entry("keys", _ADMIN, "API keys: create, list, rotate, revoke, verify."),
    "providers": _Entry("providers", _ADMIN, "How people may sign in: e-mail, Google, GitHub."),
    "settings": _Entry("settings", _ADMIN, "Lifetimes of tokens, and rate limits."),
    "config": _Entry("config", _ADMIN, "Settings as one YAML file: export, compare, apply."),
    "signing-keys": _Entry("signing_keys", _ADMIN, "Keys that sign access tokens."),
    "templates": _Entry("templates", _ADMIN, "What mails say: own texts, sender, logo, colour."),
    "mail": _Entry("mail", _ADMIN, "Mails of the dev environment."),
    "audit": _Entry("audit", _ADMIN, "What happened: list, verify, export."),
    "clock": _Entry("clock", _ADMIN, "Move the dev environment's clock."),
    "api": _Entry("api", _LOCAL, "Any endpoint, with the profile's credentials."),
    "doctor": _Entry("doctor", _LOCAL, "Find what is wrong, and what mends it."),
    "serve": _Entry("serve", _LOCAL, "The embedded core as bkend's REST API."),
    "fake-provider": _Entry("fake_provider", _LOCAL, "A fake Google and GitHub for development."),
    "policy": _Entry("policy", _LOCAL, "Table permissions, checked offline."),
    "profiles": _Entry("profiles", _LOCAL, "Where commands go."),
    "db": _Entry("db", _LOCAL, "The database: check, back up, restore, purge, rekey."),
    "completion": _Entry("completion", _LOCAL, "Completion in bash, zsh, fish and PowerShell."),
}


def _show_version(ctx: Any, _param: Any, wanted: bool) -> None:
    """Reached where more than --version was typed; alone it is answered without loading any of this."""
    if wanted and not ctx.resilient_parsing:
        typer.echo(f"bkendctl {__version__}")
        raise typer.Exit


class Root(Group):
    """bkendctl itself; its help is drawn from the table without loading any noun."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.params.append(
            TyperOption(
                param_decls=["-V", "--version"],
                help="Show the version and exit.",
                is_flag=True,
                is_eager=True,
                expose_value=False,
                callback=_show_version,
            )
        )

    def list_commands(self, ctx: Any) -> list[str]:  # noqa: ARG002 - Typer's own signature
        """Every noun, in the order of the table."""
        return list(COMMANDS)

    def get_command(self, ctx: Any, cmd_name: str) -> Any:  # noqa: ARG002 - Typer's own signature
        """Load the module of one noun and give its command."""
        entry = COMMANDS.get(cmd_name)
        if entry is None:
            return None
        module = import_module(f"bkendctl.cli.{entry.module}")
        command = typer.main.get_command(module.noun)
        if isinstance(command, TyperGroup) and cmd_name in command.commands:
            command = command.commands[cmd_name]  # an everyday verb that stands alone
        command.name = cmd_name
        return command

    def resolve_command(self, ctx: Any, args: list[str]) -> Any:
        """Find the noun; for a mistyped one say what looks like it."""
        if args[0] not in COMMANDS and not args[0].startswith("-"):
            from difflib import get_close_matches

            near = get_close_matches(args[0], COMMANDS, n=3, cutoff=0.7)
            meant = f" Did you mean {' or '.join(near)}?" if near else ""
            raise Failure(
                "cli/usage",
                f"There is no command '{args[0]}'.{meant}",
                hint=f"bkendctl {near[0]} --help" if near else "bkendctl --help",
            )
        return super().resolve_command(ctx, args)

    def format_commands(self, ctx: Any, formatter: Any) -> None:  # noqa: ARG002 - Typer's own signature
        """List the nouns in sections."""
        width = max(map(len, COMMANDS))
        for section in dict.fromkeys(entry.section for entry in COMMANDS.values()):
            with formatter.section(section):
                rows = [
                    (f"{name:<{width}}", entry.summary)
                    for name, entry in COMMANDS.items()
                    if entry.section == section
                ]
                formatter.write_dl(rows)


EPILOG = (
    "Exit status: " + ", ".join(f"{status} {short}" for status, (short, _) in EXIT_STATUSES.items()) + "."
)


def root() -> Root:
    """Make the command tree."""
    return Root(
        name="bkendctl",
        help="Authentication from a terminal: bkend's auth system as a command line with a core of its own.",
        epilog=EPILOG,
        no_args_is_help=True,
        invoke_without_command=False,
        rich_markup_mode=None,
        context_settings={"help_option_names": ["-h", "--help"]},
    )
