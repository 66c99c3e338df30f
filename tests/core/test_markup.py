"""HTML of mails: values are put in once and escaped, addresses are safe, the text says the same."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bkendctl.core import mail_texts, markup
from bkendctl.core.mail_texts import Design, Template, Values

LINKS = frozenset({"magicLink"})
DESIGN = Design("Demo", None, "#2457d6")


def put_in(html: str, **values: str) -> str:
    """HTML with values put in; only magicLink within tags."""
    return markup.put_in(html, values, in_tags=LINKS)[0]


def test_values_are_put_in_once_and_escaped() -> None:
    """T096, T097: markup in a value is text, and a name in a value stays as it is."""
    assert put_in("<p>{{ userName }}</p>", userName="<img src=x onerror=a>") == (
        "<p>&lt;img src=x onerror=a&gt;</p>"
    )
    for evil in ("{{magicLink}}", "{{7*7}}", "{% x %}", "${y}"):
        assert put_in("{{userName}}", userName=evil, magicLink="https://x") == evil
    assert put_in("{{7*7}} {{no}} {{userName.x}}", userName="A") == "{{7*7}}  {{userName.x}}"


@pytest.mark.parametrize(
    "html",
    [
        '<a href="{{userName}}">x</a>',
        "<a href='{{userName}}'>x</a>",
        "<a title='>' href={{userName}}>x</a>",
        "<div {{userName}}>x</div>",
        "<style>{{userName}}</style>",
        "<script>{{userName}}</script>",
        "<!-- {{userName}} -->",
        "<p {{userName}}",
    ],
)
def test_no_value_becomes_an_address_a_handler_or_a_style(html: str) -> None:
    """T096: in tags only links are put in, in styles and comments nothing; the name counts as empty."""
    result, empty = markup.put_in(html, {"userName": "javascript:alert(1)"}, in_tags=LINKS)
    assert "javascript" not in result
    assert empty == ["userName"]


def test_a_link_is_put_in_where_it_belongs() -> None:
    """In href and as text, escaped."""
    html = '<a href="{{magicLink}}">{{magicLink}}</a>'
    assert put_in(html, magicLink="https://x/?a=1&b=2") == (
        '<a href="https://x/?a=1&amp;b=2">https://x/?a=1&amp;b=2</a>'
    )
    values = Values(user_name="A", link="javascript:alert(1)")
    shown = mail_texts.render(Template("s", html), "magic_link", "a@example.com", values, DESIGN, own=True)
    assert "javascript" not in shown.html
    assert shown.empty == ["magicLink"]


@given(st.text(alphabet=st.sampled_from("<>/\"'=a- !{}script"), max_size=60))
def test_pieces_are_the_whole_text(html: str) -> None:
    """Whatever it is, cutting it up loses nothing, and no function falls over it."""
    assert "".join(piece.text for piece in markup.pieces(html)) == html
    markup.text_of(html)
    markup.faults(html)
    assert put_in(html) == markup.VARIABLE.sub("", html)


@pytest.mark.parametrize("part", ["<", "<a ", '<"', "<!--", "<style>", "{{", "<a href=", " on", "<p>"])
def test_bad_shapes_are_read_in_linear_steps(part: str) -> None:
    """T125: the pieces of a long text are in proportion to it."""
    html = part * (100_000 // len(part))
    assert sum(len(piece.text) for piece in markup.pieces(html)) == len(html)
    markup.faults(html)
    put_in(html, userName="x")


def test_what_has_no_place_in_a_mail_is_named() -> None:
    """Scripts, forms, handlers, and addresses that are not http, https or mailto, whatever their spelling."""
    for html in (
        "<script>a</script>",
        "<form>",
        "<a href='javascript:a'>",
        '<a href="java&#115;cript:a">',
        "<a href=data:text/html,x>",
        '<img src="//evil.example/x">',
        "<b onclick=a>",
        '<meta http-equiv="refresh" content="0">',
        '<a href="{{userName}}">',
    ):
        assert markup.faults(html), html
    fine = (
        '<a href="https://x">a</a><a href="mailto:a@b">b</a><a href="{{magicLink}}">c</a><meta charset=utf-8>'
    )
    assert markup.faults(fine + "<p onward>only</p>") == []


def test_the_text_says_what_the_html_says() -> None:
    """Paragraphs, line breaks, lists, entities; a link's address stands behind its words."""
    html = (
        "<head><title>no</title><style>p{}</style></head><h1>A &amp; B</h1><p>one<br>two   three</p><ul>"
        '<li>x</li><li>y</li></ul><p><a href="https://x/?a&amp;b">Go</a></p><p>see <a href="https://h">help</a>.</p>'
        '<img alt="logo"><a href="https://same">https://same</a>'
    )
    assert markup.text_of(html) == (
        "A & B\n\none\ntwo three\n\n- x\n\n- y\n\nGo:\nhttps://x/?a&b\n\nsee help (https://h).\n\nlogohttps://same\n"
    )


@pytest.mark.parametrize("language", mail_texts.LANGUAGES)
def test_every_language_says_the_same(language: str) -> None:
    """Every category and change in every language; all variables used are known, and each link is there."""
    english = mail_texts.words("en")
    said = mail_texts.words(language)
    assert said.keys() == english.keys()
    assert said["changes"].keys() == english["changes"].keys()
    for category in mail_texts.CATEGORIES:
        values = Values("<Alice>", "A & B", "https://x/?t=1", "tok", "Bob", "R", locale=f"{language}-XX")
        if category == "mfa_changed":
            values = values._replace(change="mfa_on")
        template = mail_texts.built_in(category, language, values.change, token=category in mail_texts.LINKS)
        shown = mail_texts.render(template, category, "a@example.com", values, DESIGN, own=False)
        assert shown.empty == []
        assert ("https://x/?t=1" in shown.text) is (category in mail_texts.LINKS)
        assert "<Alice>" in shown.text
        assert "<Alice>" not in shown.html
        assert f'lang="{language}"' in shown.html
        edited = mail_texts.to_be_edited(category, language, "A {{userName}}")
        used = set(markup.VARIABLE.findall(edited.body + edited.subject))
        assert used <= set(mail_texts.names_in(category))
        again = mail_texts.render(Template(*edited), category, "a@example.com", values, DESIGN, own=True)
        assert "A {{userName}}" in again.text or "A " not in edited.body


@pytest.mark.parametrize(
    ("color", "on_it"), [("#2457d6", "#ffffff"), ("#ffd400", "#111111"), ("#000000", "#ffffff")]
)
def test_a_button_can_be_read(color: str, on_it: str) -> None:
    """Its words are black or white, whichever differs more from the brand's colour."""
    template = mail_texts.built_in("magic_link", "en")
    design = Design("D", "https://logo.example/a.png?x=1&y=2", color)
    shown = mail_texts.render(
        template, "magic_link", "a@b.example", Values(link="https://x"), design, own=False
    )
    assert f"background: {color}; color: {on_it};" in shown.html
    assert '<img src="https://logo.example/a.png?x=1&amp;y=2" alt="D"' in shown.html
