"""The expression language: how it is read, written and evaluated."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bkendctl.policy.expression import Caller, Expression, Misspelt, parse

conditions = st.sampled_from(["user", "guest", "admin", "self", "public", "role:editor", "role:*"])
expressions = st.builds(
    lambda alternatives: Expression(tuple(map(tuple, alternatives))),
    st.lists(st.lists(conditions, min_size=1, max_size=4), min_size=1, max_size=4),
)
callers = st.one_of(
    st.just(Caller("guest")),
    st.just(Caller("admin", "1")),
    st.builds(
        lambda roles: Caller("user", "1", frozenset(roles)), st.lists(st.sampled_from(["editor", "clerk"]))
    ),
)


def naive(text: str, caller: Caller, *, owns: bool) -> bool:
    """The same evaluated by Python's own and and or, which bind alike."""
    facts = {
        "user": caller.group != "guest",
        "guest": True,
        "admin": caller.group == "admin",
        "self": owns,
        "public": True,
        "role:editor": "editor" in caller.roles,
        "role:*": len(caller.roles) > 0,
    }
    words = text.replace("|", " or ").replace("&", " and ").split()
    return bool(eval(" ".join(word if word in ("and", "or") else str(facts[word]) for word in words)))


@given(expressions, callers, st.booleans())
def test_and_binds_tighter_than_or(expression: Expression, caller: Caller, owns: bool) -> None:
    """guest | user & self is guest | (user & self), whatever the caller."""
    assert expression.holds(caller, owns=owns) == naive(str(expression), caller, owns=owns)


@given(expressions)
def test_what_is_written_reads_back(expression: Expression) -> None:
    """Blanks or none between the parts."""
    assert parse(str(expression)) == expression
    assert parse(str(expression).replace(" ", "")) == expression


@given(expressions, callers, st.booleans())
def test_an_alternative_never_takes_away(expression: Expression, caller: Caller, owns: bool) -> None:
    """More alternatives let no fewer in; a further condition lets no more in."""
    holds = expression.holds(caller, owns=owns)
    wider = Expression((*expression.alternatives, ("admin",)))
    narrower = Expression(tuple((*conditions, "self") for conditions in expression.alternatives))
    assert wider.holds(caller, owns=owns) >= holds
    assert narrower.holds(caller, owns=owns) <= holds


@pytest.mark.parametrize(
    ("text", "column"),
    [
        ("", 1), ("   ", 1), ("user &", 7), ("user && self", 7), ("| user", 1), ("user self", 6),
        ("users", 1), ("role:", 1), ("role: editor", 1), ("(user)", 1), ("user | User", 8),
        ("role:editör", 1),
    ],
)  # fmt: skip
def test_what_cannot_be_read_is_told_with_its_place(text: str, column: int) -> None:
    """Counted from 1, as editors do."""
    with pytest.raises(Misspelt) as caught:
        parse(text)
    assert caught.value.column == column


def test_the_reason_is_the_alternative_that_let_in() -> None:
    """The first that holds."""
    found = parse("admin | user&self | role:editor")
    assert found.reason(Caller("user", "1"), owns=True) == "user & self"
    assert found.reason(Caller("user", "1", frozenset({"editor"})), owns=False) == "role:editor"
    assert found.reason(Caller("guest"), owns=False) is None
