"""The filter language of bulk changes: comparisons with and, or, not and parentheses, held against users.

role=guest and (lastSignInAt<2026-01-01 or not emailVerified=true) and email~@example.com
"""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import datetime
from typing import Any, NamedTuple, NoReturn

from bkendctl.contract.accounts import User
from bkendctl.contract.errors import Failure

TEXTS = ("id", "email", "name", "nickname", "role", "status")
TIMES = ("createdAt", "updatedAt", "lastSignInAt", "bannedUntil")
FLAGS = ("mfaEnabled", "emailVerified")
FIELDS = (*TEXTS, *TIMES, *FLAGS)
CHOICES = {"role": ("admin", "user", "guest"), "status": ("active", "banned")}
DEEPEST = 50
"""Parentheses and nots within each other."""

_TOKEN = re.compile(r"\s*(?:(?P<mark><=|>=|!=|[=<>~()])|\"(?P<quoted>[^\"]*)\"|(?P<word>[^\s=<>!~()\"]+))")
Instant = Callable[[str], datetime]
Test = Callable[[User], bool]


class _Token(NamedTuple):
    kind: str
    text: str
    column: int


class Filter(NamedTuple):
    """What was typed, made ready. role, status: what the whole filter demands, to be asked of the API."""

    text: str
    holds: Test
    role: str | None
    status: str | None


def parse(text: str, instant: Instant) -> Filter:
    """Read a filter. instant: reads an ISO-8601 instant, or a duration as so long ago.

    cli/usage points at the column, counted from 1.
    """
    parser = _Parser(_tokens(text), instant)
    holds = parser.alternatives(0)
    if parser.next.kind != "end":
        _misspelt(f"{parser.next.text} is not expected here", parser.next.column)
    return Filter(text, holds, parser.demanded.get("role"), parser.demanded.get("status"))


def _tokens(text: str) -> list[_Token]:
    found, place = [], 0
    while text[place:].strip():
        match = _TOKEN.match(text, place)
        if match is None:
            column = place + len(text[place:]) - len(text[place:].lstrip()) + 1
            _misspelt(f"{text[column - 1]} is not expected here", column)
        kind = str(match.lastgroup)
        found.append(_Token(kind, match[kind], match.start(kind) + 1))
        place = match.end()
    return [*found, _Token("end", "the end", len(text) + 1)]


def _misspelt(message: str, column: int) -> NoReturn:
    hint = "bkendctl users ban --where 'role=guest and lastSignInAt<2026-01-01'"
    raise Failure("cli/usage", f"--where: {message} (column {column}).", hint=hint)


class _Parser:
    """Recursive descent: or, and, not, comparison."""

    def __init__(self, tokens: list[_Token], instant: Instant) -> None:
        self._tokens = tokens
        self._instant = instant
        self._place = 0
        self.demanded: dict[str, str] = {}

    @property
    def next(self) -> _Token:
        """The token that is not taken yet."""
        return self._tokens[self._place]

    def _take(self) -> _Token:
        token = self.next
        self._place += 1
        return token

    def _is(self, word: str) -> bool:
        return self.next.kind == "word" and self.next.text.lower() == word

    def alternatives(self, depth: int) -> Test:
        """A or B …"""
        found = [self._together(depth)]
        while self._is("or"):
            self._take()
            self.demanded = {}  # neither side is demanded of everybody
            found.append(self._together(depth))
            self.demanded = {}
        return found[0] if len(found) == 1 else lambda user: any(test(user) for test in found)

    def _together(self, depth: int) -> Test:
        found = [self._one(depth)]
        while self._is("and"):
            self._take()
            found.append(self._one(depth))
        return found[0] if len(found) == 1 else lambda user: all(test(user) for test in found)

    def _one(self, depth: int) -> Test:
        if depth > DEEPEST:
            _misspelt("this is nested too deeply", self.next.column)
        if self._is("not"):
            self._take()
            return self._negated(depth)
        if self.next.text == "(" and self.next.kind == "mark":
            return self._group(depth)
        return self._comparison()

    def _negated(self, depth: int) -> Test:
        before = dict(self.demanded)
        test = self._one(depth + 1)
        self.demanded = before
        return lambda user: not test(user)

    def _group(self, depth: int) -> Test:
        self._take()
        before, self.demanded = self.demanded, {}
        test = self.alternatives(depth + 1)
        self.demanded = before  # what is in parentheses is held against users, not asked of the API
        if self.next.text != ")" or self.next.kind != "mark":
            _misspelt(") is missing", self.next.column)
        self._take()
        return test

    def _comparison(self) -> Test:
        field = self._take()
        if field.kind != "word" or field.text not in FIELDS:
            _misspelt(f"{field.text} is no field; there are {', '.join(FIELDS)}", field.column)
        mark = self._take()
        if mark.kind != "mark" or mark.text in "()":
            _misspelt(f"a comparison is missing after {field.text}: = != < <= > >= ~", mark.column)
        value = self._take()
        if value.kind not in ("word", "quoted"):
            _misspelt(f"a value is missing after {mark.text}", value.column)
        if field.text in TIMES:
            return self._at_time(field, mark, value)
        if mark.text not in ("=", "!=", "~") or (mark.text == "~" and field.text in FLAGS):
            _misspelt(f"{field.text} cannot be compared by {mark.text}", mark.column)
        return self._by_flag(field, mark, value) if field.text in FLAGS else self._by_text(field, mark, value)

    def _at_time(self, field: _Token, mark: _Token, value: _Token) -> Test:
        if mark.text == "~":
            _misspelt(f"{field.text} cannot be compared by ~", mark.column)
        name = _attribute(field.text)
        if value.text.lower() in ("null", "never"):
            if mark.text not in ("=", "!="):
                _misspelt(f"{value.text} is compared by = or != alone", mark.column)
            wants_none = mark.text == "="
            return lambda user: (getattr(user, name) in (None, _unset())) == wants_none
        try:
            bound = self._instant(value.text)
        except Failure:
            _misspelt(f"{value.text} is no instant and no duration", value.column)
        compare = _COMPARISONS[mark.text]

        def holds(user: User) -> bool:
            found = getattr(user, name)
            if found in (None, _unset()):
                # Never counts as before, as in the filters of the list.
                return name == "last_sign_in_at" and mark.text in ("<", "<=", "!=")
            return compare(datetime.fromisoformat(found), bound)

        return holds

    def _by_flag(self, field: _Token, mark: _Token, value: _Token) -> Test:
        if value.text.lower() not in ("true", "false"):
            _misspelt(f"{field.text} is true or false", value.column)
        wanted = (value.text.lower() == "true") == (mark.text == "=")
        if field.text == "mfaEnabled":
            return lambda user: user.mfa_enabled == wanted
        return lambda user: (user.email_verified is not None) == wanted

    def _by_text(self, field: _Token, mark: _Token, value: _Token) -> Test:
        choices = CHOICES.get(field.text, ())
        if choices and value.text not in choices:
            _misspelt(f"{field.text} is one of {', '.join(choices)}", value.column)
        if choices and mark.text == "=":
            self.demanded.setdefault(field.text, value.text)
        name, wanted = _attribute(field.text), value.text.lower()

        def holds(user: User) -> bool:
            found = str(getattr(user, name) or "").lower()
            return wanted in found if mark.text == "~" else (found == wanted) == (mark.text == "=")

        return holds


_COMPARISONS: dict[str, Callable[[datetime, datetime], bool]] = {
    "=": lambda a, b: a == b,
    "!=": lambda a, b: a != b,
    "<": lambda a, b: a < b,
    "<=": lambda a, b: a <= b,
    ">": lambda a, b: a > b,
    ">=": lambda a, b: a >= b,
}


def _unset() -> Any:
    from msgspec import UNSET

    return UNSET


def _attribute(field: str) -> str:
    return re.sub(r"([A-Z])", lambda found: "_" + found[1].lower(), field)
