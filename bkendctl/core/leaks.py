"""Whether a password leaked: asks Have I Been Pwned's range API, or a mirror of it (docs/adr/0021).

Five of the forty hex digits of its SHA-1 leave this machine, and the answer is padded, so that neither who
answers nor who listens learns the password. A service that does not answer refuses nobody.
"""

from __future__ import annotations

import hashlib
import re
import time
import warnings
from collections.abc import Callable

from bkendctl.core.egress import Deadline, Egress, Unusable

SECONDS = 2.0
REST_SECONDS = 30.0
"""After a fault nobody asks for so long: people who sign up do not wait for a dead service one by one."""
DIGITS = 5
_LINE = re.compile(rb"([0-9A-Fa-f]{35}):([0-9]{1,18})")


class Leaks:
    """The range API at a base URL.

    tell(outcome, why): of each password one of leaked, unknown, fault (and why), unasked.

    now: seconds of a clock that never goes back.
    """

    def __init__(
        self, base: str, *, seconds: float = SECONDS, now: Callable[[], float] = time.monotonic
    ) -> None:
        self.base = base.rstrip("/")
        self.tell: Callable[[str, str], object] = _warn
        self._seconds = seconds
        self._egress = Egress()  # of its own: providers that hang take no room from it
        self._now = now
        self._rests_until = 0.0

    def hold(self, password: str) -> bool:
        """Whether a password is among those that leaked. False where nobody could tell."""
        if self._now() < self._rests_until:
            self.tell("unasked", "")
            return False
        try:
            found = self.look_up(password)
        except Unusable as fault:
            self._rests_until = self._now() + REST_SECONDS
            self.tell("fault", str(fault))
            return False
        self.tell("leaked" if found else "unknown", "")
        return found

    def look_up(self, password: str) -> bool:
        """As hold, but Unusable where the service does not answer as it should."""
        digest = hashlib.sha1(password.encode(), usedforsecurity=False).hexdigest().upper()
        headers = {"add-padding": "true", "accept": "text/plain"}
        answer = self._egress.ask(Deadline(self._seconds), f"{self.base}/{digest[:DIGITS]}", headers=headers)
        if answer.status != 200:
            raise Unusable(f"{answer.host} answers {answer.status}")
        lines = [match for line in answer.body.split() if (match := _LINE.fullmatch(line))]
        if not lines:  # each of the ranges has hundreds; this is the page of a proxy, or of nobody
            raise Unusable(f"{answer.host} answers without a range")
        rest = digest[DIGITS:].encode()
        return any(match[1].upper() == rest and int(match[2]) for match in lines)  # padding counts 0


def _warn(_outcome: str, why: str) -> None:
    if why:
        warnings.warn(f"leaked passwords are not looked up: {why}", RuntimeWarning, stacklevel=2)
