"""A command for test_prompt.py to run in a terminal: asks a question, prints the answer as JSON."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable
from typing import Any

from bkendctl.cli.errors import report
from bkendctl.cli.prompt import Prompter, code_or_stdin, read_secret_stdin
from bkendctl.contract.errors import Failure


def only_digits(answer: str) -> str:
    if not answer.isdigit():
        raise Failure("auth/invalid-mfa-code", "Six digits, please.")
    return answer


PROMPTER = Prompter(no_input="--no-input" in sys.argv, yes="--yes" in sys.argv)
QUESTIONS: dict[str, Callable[[], Any]] = {
    "email": lambda: PROMPTER.ask("E-mail", option="EMAIL"),
    "name": lambda: PROMPTER.ask("Name", option="--name", default="Ali\x1bce"),
    "password": lambda: PROMPTER.ask("Password", option="--password-stdin", secret=True),
    "new": lambda: PROMPTER.ask("Password", option="--password-stdin", secret=True, confirm_twice=True),
    "code": lambda: PROMPTER.ask("Code", option="--mfa-code", validate=only_digits),
    "delete": lambda: PROMPTER.confirm("Delete everything?"),
    "stdin": read_secret_stdin,
    "dash": lambda: code_or_stdin("-"),
}

try:
    sys.stdout.write(json.dumps({"answer": QUESTIONS[sys.argv[1]]()}))
except Failure as failure:
    report(failure, "table")
    sys.exit(failure.exit_status)
