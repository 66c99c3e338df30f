"""What reaches stdout and stderr for each output form, in a pipe and on a terminal."""

from __future__ import annotations

import io
import json
import re
from datetime import UTC, datetime
from typing import Any

import pytest
import yaml
from streams import Narrow, Screen

from bkendctl.cli.render import FORMATS, Output
from bkendctl.cli.tables import KEEP, Column, View, derive_columns, title_of
from bkendctl.cli.terminal import cells

NOW = datetime(2026, 11, 23, 5, 0, tzinfo=UTC)
IDS = ["01JD8Z5M2N4P6Q8R0S2T4V6W8X", "01JD8Z5M2N4P6Q8R0S2T4V6W8Y"]


def user(id_: str, name: str, **more: Any) -> dict[str, Any]:
    return {
        "id": id_,
        "email": f"{name.lower()}@example.com",
        "name": name,
        "role": "user",
        "emailVerified": True,
        "status": "active",
        "createdAt": "2026-11-23T03:00:00.000Z",
        "lastSignInAt": "2026-11-01T03:00:00.000Z",
        **more,
    }


def page(*items: Any, **pagination: Any) -> dict[str, Any]:
    return {
        "items": list(items),
        "pagination": {"page": 1, "limit": 10, "total": len(items), "totalPages": 1} | pagination,
    }


USERS = page(user(IDS[0], "Alice"), user(IDS[1], "Bob"))
VIEW = View(
    [Column("ID", "id", KEEP), Column("E-mail", "email", 9), Column("Name", "name", 5),
     Column("Role", "role", 8), Column("Created", "createdAt", 3), Column("Last sign-in", "lastSignInAt", 4)],
    quiet="id", noun="users",
)  # fmt: skip


def shown(body: Any, view: View | None = None, output: Output | None = None) -> str:
    file = io.StringIO()
    (output or Output()).show(body, view, now=lambda: NOW, file=file)
    return file.getvalue()


def on_screen(body: Any, view: View | None = None, output: Output | None = None) -> str:
    file = Screen()
    (output or Output()).show(body, view, now=lambda: NOW, file=file)
    return file.getvalue()


def without_colour(text: str) -> str:
    return re.sub(r"\x1b\[[0-9;]*m", "", text)


def test_a_piped_table_is_plain_aligned_columns() -> None:
    """Header and rows line up with two spaces between columns, and nothing else is there."""
    assert shown(
        USERS, View([Column("Name", "name"), Column("Role", "role"), Column("Created", "createdAt")])
    ) == ("Name   Role  Created\nAlice  user  2 h ago\nBob    user  2 h ago\n")


@pytest.mark.parametrize("width", [200, 120, 80, 60, 50])
def test_columns_are_dropped_until_the_table_fits(width: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """No line is wider than COLUMNS, the columns left are those of highest priority, and no cell is cut."""
    monkeypatch.setenv("COLUMNS", str(width))
    header, *rows = shown(USERS, VIEW).splitlines()
    assert all(cells(line) <= width for line in [header, *rows])
    titles = re.split(r"  +", header)
    by_priority = [column.title for column in sorted(VIEW.columns, key=lambda column: -column.priority)]
    assert set(titles) == set(by_priority[: len(titles)])
    assert IDS[0] in rows[0]
    assert "…" not in "".join(rows)


def test_a_pipe_is_80_columns_wide() -> None:
    """Without COLUMNS a piped table fits 80 columns."""
    lines = shown(USERS, VIEW).splitlines()
    assert max(map(cells, lines)) <= 80
    assert "Name" not in lines[0] or "Created" not in lines[0]


@pytest.mark.parametrize("width", ["40", "10", "1"])
def test_ids_stay_whole_in_the_narrowest_terminal(width: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where nothing else fits the id is alone on its line, whole, on a terminal and in a pipe."""
    monkeypatch.setenv("COLUMNS", width)
    assert shown(USERS, VIEW).splitlines()[1:] == IDS
    assert without_colour(on_screen(USERS, VIEW)).split()[1:] == IDS


def test_several_kept_columns_overflow_rather_than_go(monkeypatch: pytest.MonkeyPatch) -> None:
    """Columns marked KEEP stay even where the line becomes too long."""
    monkeypatch.setenv("COLUMNS", "20")
    view = View([Column("ID", "id", KEEP), Column("E-mail", "email", KEEP), Column("Role", "role", 99)])
    assert shown(USERS, view).splitlines()[1] == f"{IDS[0]}  alice@example.com"


def test_of_equal_columns_the_rightmost_goes_first(monkeypatch: pytest.MonkeyPatch) -> None:
    """Columns of one priority are dropped from the right, and the last one is never dropped."""
    view = View([Column(title, lambda item: "12345678") for title in ("A", "B", "C")])
    for width, header in ((28, "A B C"), (27, "A B"), (18, "A B"), (17, "A"), (3, "A")):
        monkeypatch.setenv("COLUMNS", str(width))
        assert shown(page({}), view).splitlines()[0].split() == header.split()


@pytest.mark.parametrize("setting", ["0", "-5", "wide", "٨٠", ""])
def test_a_senseless_columns_variable_is_ignored(setting: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """COLUMNS that is no positive number means 80."""
    monkeypatch.setenv("COLUMNS", setting)
    assert 40 < max(map(cells, shown(USERS, VIEW).splitlines())) <= 80


def test_wide_characters_count_as_the_cells_they_take() -> None:
    """CJK and emoji take two cells, combining marks none, so that columns line up on the screen."""
    body = page(*({"name": name, "role": "user"} for name in ("김민준", "😀😀", "e\u0301a", "plain")))
    for text in (shown(body), without_colour(on_screen(body))):
        assert {cells(line[: line.index("user")]) for line in text.splitlines()[1:]} == {8}


@pytest.mark.parametrize("render", [shown, on_screen])
def test_markup_of_users_is_printed_literally(render: Any) -> None:
    """A name that looks like Rich markup or an emoji code is only text."""
    for body in (page(user(IDS[0], "[red]x[/red] :smile: [/]")), user(IDS[0], "[red]x[/red] :smile: [/]")):
        assert "[red]x[/red] :smile: [/]" in without_colour(render(body, View([Column("Name", "name")])))


@pytest.mark.parametrize("render", [shown, on_screen])
def test_commanding_characters_of_users_are_visible_in_tables(render: Any) -> None:
    """Escape, line feed and right-to-left override in a name cannot move the cursor or reorder a line."""
    name = "A\x1b[2J\n\u202etxt.exe"
    for body in (page({"name": name}), {"name": name}, {name: "x"}, {"message": name}):
        text = without_colour(render(body))
        assert "A\\x1b[2J\\n\\u202etxt.exe" in text
        assert "\u202e" not in text


@pytest.mark.parametrize("output", [*map(Output, FORMATS), Output(quiet=True), Output(jq=".items[].name")])
def test_no_form_lets_a_user_command_the_terminal(output: Output) -> None:
    """On a terminal every form shows a user's controls as escapes, csv, -q and --jq too."""
    hostile = "\x1b]0;x\x07\x9b2J\u202e\r"
    text = on_screen(page(user(hostile, hostile)), VIEW, output)
    assert not set(without_colour(text)) & set("\x1b\x07\x9b\u202e\r")
    assert "202e" in text


def test_csv_and_jq_in_a_pipe_give_the_text_as_it_is() -> None:
    """A pipe gets the data itself; only a screen has to be protected."""
    body = page({"name": "a\u202eb"})
    assert "a\u202eb" in shown(body, output=Output("csv"))
    assert shown(body, output=Output(jq=".items[].name")) == "a\u202eb\n"


@pytest.mark.parametrize("output", [*map(Output, FORMATS), Output(quiet=True), Output(jq=".")])
def test_nothing_is_decorated_in_a_pipe_or_without_colour(
    output: Output, monkeypatch: pytest.MonkeyPatch
) -> None:
    """No escape sequence and no box when piped, with NO_COLOR, or on a dumb terminal."""
    assert "\x1b" not in shown(USERS, VIEW, output)
    monkeypatch.setenv("NO_COLOR", "1")
    assert on_screen(USERS, VIEW, output) == shown(USERS, VIEW, output).replace("\r\n", "\n")
    monkeypatch.setenv("NO_COLOR", "")
    monkeypatch.setenv("TERM", "dumb")
    assert "\x1b" not in on_screen(USERS, VIEW, output)


def test_a_terminal_gets_the_same_words_with_restrained_colour() -> None:
    """In colour the words are those of the pipe; no colour vanishes on dark or on light ground."""
    body = page(
        user(IDS[0], "Alice"), user(IDS[1], "Bob", status="banned"), user("3", "Cy", status="pending")
    )
    view = View([Column("ID", "id"), Column("Status", "status")])
    text = on_screen(body, view)
    assert without_colour(text) == shown(body, view)
    codes = {int(code) for run in re.findall(r"\x1b\[([0-9;]*)m", text) for code in run.split(";") if code}
    assert {1, 32, 31, 35} <= codes <= {0, 1, 2, 31, 32, 34, 35, 36}


@pytest.mark.parametrize("format_", ["json", "yaml", "csv"])
def test_data_forms_are_never_coloured(format_: Any) -> None:
    """JSON, YAML and CSV carry no escape sequence even on a terminal."""
    assert "\x1b" not in on_screen(USERS, VIEW, Output(format_))


@pytest.mark.parametrize(
    "body", [USERS, user(IDS[0], "Zoë"), {"message": "Done."}, [], None, [1, "a"], "text", True]
)
def test_json_is_exactly_the_body(body: Any) -> None:
    """One document, indented by two, with a newline at its end, in a pipe and on a terminal alike."""
    text = shown(body, output=Output("json"))
    assert json.loads(text) == body
    assert text == json.dumps(body, indent=2, ensure_ascii=False) + "\n"
    assert on_screen(body, output=Output("json")) == text


@pytest.mark.parametrize("body", [USERS, {"message": "Done."}, [], None, [1, "a"], "text", True])
def test_every_body_can_be_shown_in_every_form(body: Any) -> None:
    """Pages, objects, messages, lists and lone values: no form fails on any of them."""
    assert yaml.safe_load(shown(body, output=Output("yaml"))) == body
    for output in (Output(), Output("csv"), Output(quiet=True), Output(jq=".")):
        shown(body, output=output)
        on_screen(body, output=output)


@pytest.mark.parametrize(
    ("key", "title"),
    [("lastActivityAt", "Last activity at"), ("user.id", "User ID"), ("ipAddress", "IP address"),
     ("qrCodeUrl", "Qr code URL"), ("totalMFA", "Total MFA"),
     ("my-site", "my-site"), ("", ""), ("한글", "한글")],
)  # fmt: skip
def test_titles_are_made_of_keys(key: str, title: str) -> None:
    """camelCase becomes words; what is no field name of the API stays as it is."""
    assert title_of(key) == title


def test_a_single_object_is_a_card() -> None:
    """Title and value per line: nested objects by dotted keys, lists joined, nothing as a dash."""
    body = {"user": {"id": IDS[0], "name": "Zoë"}, "expiresIn": 5400, "scopes": ["a", "b"], "image": None}
    assert shown(body) == (
        f"User ID     {IDS[0]}\nUser name   Zoë\nExpires in  5400\nScopes      a, b\nImage       -\n"
    )
    view = View([Column("User", "user.name"), Column("For", "expiresIn", style="duration")])
    assert shown(body, view) == "User  Zoë\nFor   1h30m\n"


def test_a_long_list_in_a_card_takes_a_line_per_entry() -> None:
    """Ten backup codes do not make one line of 120 characters."""
    codes = [f"ABCD-{number:04}" for number in range(10)]
    lines = shown({"backupCodes": codes}).splitlines()
    assert [line.split()[-1] for line in lines] == codes
    assert max(map(len, lines)) < 30


@pytest.mark.parametrize("render", [shown, on_screen])
def test_a_long_value_in_a_card_is_one_whole_line(render: Any) -> None:
    """A token longer than the terminal is written without a break, so that it can be copied."""
    secret = "sk_" + "0123456789abcdef" * 20
    assert f"{secret}\n" in without_colour(render({"key": secret}))


def test_a_message_is_a_line() -> None:
    """The body {message} prints its text alone."""
    assert shown({"message": "Signed out."}) == "Signed out.\n"


def test_numbers_stand_at_the_right() -> None:
    """Columns of numbers are right-aligned, words are not."""
    assert shown(page({"n": 5, "w": "a"}, {"n": 1234, "w": "bb"})) == "   N  W\n   5  a\n1234  bb\n"


def test_a_column_may_be_computed() -> None:
    """A function of the item makes a cell."""
    view = View([Column("Who", lambda item: f"{item['name']} <{item['email']}>")])
    assert shown(USERS, view).splitlines()[1] == "Alice <alice@example.com>"


@pytest.mark.parametrize(
    ("body", "view", "lines"),
    [
        (USERS, VIEW, IDS),
        (USERS, None, IDS),
        (USERS, View(quiet=lambda item: item["email"]), ["alice@example.com", "bob@example.com"]),
        ({"id": "k1", "key": "sk_1"}, View(quiet="key"), ["sk_1"]),
        ({"user": {"id": "u1"}}, View(quiet="user.id"), ["u1"]),
        ({"backupCodes": ["a", "b"]}, View(quiet="backupCodes"), ["a", "b"]),
        ({"message": "Done."}, None, []),
        ({"id": "k1", "key": None}, View(quiet="key"), []),
        (page({"id": "a\nb"}), None, ["a\\nb"]),
    ],
)
def test_quiet_prints_identifiers_or_the_secret_alone(body: Any, view: View | None, lines: list[str]) -> None:
    """With -q one line per identifier; a message prints nothing; an item cannot pass for two."""
    assert shown(body, view, Output("json", quiet=True)).splitlines() == lines


def test_jq_filters_the_body() -> None:
    """--jq prints each result on its line, whatever -o says."""
    assert shown(USERS, VIEW, Output("csv", jq=".items[].id")).splitlines() == IDS


@pytest.mark.parametrize(
    ("body", "said"),
    [
        (page(*USERS["items"], total=340, totalPages=170), "2 of 340 users · next: --page 2\n"),
        (
            page(*USERS["items"], total=340, totalPages=170, totalIsExact=False),
            "2 of about 340 users · next: --page 2\n",
        ),
        (page(USERS["items"][0], page=4, total=31, totalPages=4), "1 of 31 users\n"),
        (USERS, "2 users\n"),
        (page(USERS["items"][0]), "1 user\n"),
        ([{"id": "1"}, {"id": "2"}], "2 users\n"),
        (page(total=0, totalPages=0), "no users\n"),
        (page(page=9, total=31, totalPages=4), "0 of 31 users\n"),
    ],
)
def test_a_footer_on_stderr_counts_a_list(body: Any, said: str, capsys: pytest.CaptureFixture[str]) -> None:
    """How many of how many, and what to type for the next page; never on stdout."""
    view = VIEW._replace(columns=[Column("ID", "id")])
    out = shown(body, view)
    assert capsys.readouterr() == ("", said)
    assert "users" not in out


def test_the_footer_names_columns_that_were_too_wide(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """A reader learns what the width hid."""
    monkeypatch.setenv("COLUMNS", "60")
    shown(USERS, VIEW)
    assert "no room for: Created, Last sign-in" in capsys.readouterr().err


@pytest.mark.parametrize("output", [Output("json"), Output("yaml"), Output(quiet=True), Output(jq=".")])
def test_data_forms_have_no_footer(output: Output, capsys: pytest.CaptureFixture[str]) -> None:
    """What holds the whole page object, or the identifiers alone, needs no footer."""
    shown(USERS, VIEW, output)
    assert capsys.readouterr() == ("", "")


def test_derived_columns_drop_the_last_fields_first() -> None:
    """Without a view scalar fields become columns, the id stays longest, lists and objects are left out."""
    columns = derive_columns([user(IDS[0], "A", tags=["x"], profile={"bio": "b"})], nested=False)
    assert [column.title for column in columns] == [
        "ID", "Email", "Name", "Role", "Email verified", "Status", "Created at", "Last sign in at",
    ]  # fmt: skip
    assert [column.priority for column in columns] == sorted(
        (column.priority for column in columns), reverse=True
    )


@pytest.mark.parametrize("encoding", ["ascii", "latin-1"])
@pytest.mark.parametrize("output", [*map(Output, FORMATS), Output(quiet=True), Output(jq=".items[].id")])
def test_a_stream_without_the_characters_gets_escapes(encoding: str, output: Output) -> None:
    """Writing to an ASCII or latin-1 stream never fails, and JSON and YAML stay exact."""
    body = page(user("김민준😀", "Zoë"))
    file = Narrow(encoding)
    output.show(body, VIEW, now=lambda: NOW, file=file)
    if output == Output("json"):
        assert json.loads(file.text()) == body
    elif output == Output("yaml"):
        assert yaml.safe_load(file.text()) == body
    else:
        assert "\\uae40" in file.text()


def test_half_characters_do_not_break_json_on_utf_8() -> None:
    """A lone surrogate, which UTF-8 cannot carry, is an escape in the document."""
    file = Narrow("utf-8")
    Output("json").show({"name": "\ud83d"}, file=file)
    assert json.loads(file.text()) == {"name": "\ud83d"}
