"""bkendctl providers: how people may sign in. Each kind of provider has a module of its own."""

from __future__ import annotations

from bkendctl.cli import providers_email, providers_oauth
from bkendctl.cli.options import Noun

noun = Noun("How people may sign in.")
noun.add_typer(providers_email.noun, name="email")
noun.add_typer(providers_oauth.noun, name="oauth")
