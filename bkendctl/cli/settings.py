"""bkendctl settings: what holds for the environment as a whole. Each section has a module of its own."""

from __future__ import annotations

from bkendctl.cli import settings_sessions
from bkendctl.cli.options import Noun

noun = Noun("Lifetimes of tokens, and rate limits.")
noun.add_typer(settings_sessions.noun, name="sessions")
