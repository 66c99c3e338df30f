"""Templates of mails: own texts in place of the built-in ones, tried before they go out."""

from __future__ import annotations

from email import message_from_bytes
from email.header import decode_header, make_header

import pytest

from bkendctl.contract import mail, preferences, template_settings, templates, users
from bkendctl.contract.errors import Failure
from bkendctl.contract.templates import PreviewTemplate, SetTemplate, TemplateOf
from bkendctl.core.mail_texts import CATEGORIES
from bkendctl.core.smtp import relay_at
from tests.conftest import World
from tests.mail_server import running

ALICE = "alice@example.com"
OWN = SetTemplate(
    category="signup_confirmation",
    subject="Hi {{userName}}, {{nobody}}",
    body='<p>Own text for {{userName}} <a href="{{verifyLink}}">go</a> {{nobody}}</p>',
)


def use_own(world: World, **settings: object) -> None:
    """Let own texts go out."""
    request = template_settings.SetTemplateSettings(override_defaults=True, **settings)
    world.call(template_settings.SET, request, key="sk")


def test_there_are_nine_with_a_built_in_text_each(world: World) -> None:
    """None is an own one; each names its variables, and its text is a start for an own one."""
    items = world.call(templates.LIST, key="sk").items
    assert [item.category for item in items] == list(CATEGORIES)
    for item in items:
        assert (item.is_custom, item.updated_at) == (False, None)
        assert item == world.call(templates.GET, TemplateOf(category=item.category), key="sk")
        links = [name for name in item.variables if name.endswith("Link")]
        assert all(f"{{{{{name}}}}}" in item.body for name in links)
        request = SetTemplate(category=item.category, subject=item.subject, body=item.body)
        world.call(templates.SET, request, key="sk")
        tried = world.call(templates.PREVIEW, PreviewTemplate(category=item.category), key="sk")
        assert tried.unknown_variables == []
    assert (
        world.refused(templates.GET, TemplateOf(category="nothing"), key="sk").code
        == "auth/template-not-found"
    )


def test_an_own_text_goes_out_once_it_is_switched_on(world: World) -> None:
    """Stored first, in use with overrideDefaults, gone after reset; unknown names are empty."""
    stored = world.call(templates.SET, OWN, key="sk")
    assert (stored.subject, stored.body, stored.is_custom) == (OWN.subject, OWN.body, False)
    assert stored.updated_at is not None
    world.sign_up("a1@example.com")
    assert "Confirm your address" in world.mails(to="a1@example.com")[0].subject
    use_own(world, sender_name="Acme, Inc.", sender_email="hello@acme.example")
    assert world.call(templates.GET, TemplateOf(category=OWN.category), key="sk").is_custom is True
    world.sign_up("a2@example.com", name="<b>{{verifyLink}}</b>")
    (found,) = world.mails(to="a2@example.com")
    assert found.subject == "Hi <b>{{verifyLink}}</b>, "
    assert "Own text for &lt;b&gt;{{verifyLink}}&lt;/b&gt;" in found.html
    assert f"go ({found.links[0]})" in found.text
    assert found.from_ == '"Acme, Inc." <hello@acme.example>'
    back = world.call(templates.RESET, TemplateOf(category=OWN.category), key="sk")
    assert (back.is_custom, back.updated_at) == (False, None)
    world.sign_up("a3@example.com")
    assert "Confirm your address" in world.mails(to="a3@example.com")[0].subject


def test_unsafe_texts_are_refused(world: World) -> None:
    """Nothing of them is stored or rendered, and each reason is told."""
    for body in ("<script>x</script>", '<a href="javascript:x">y</a>', "<p onclick=x>y</p>"):
        request = SetTemplate(category="invitation", subject="s", body=body)
        refusal = world.refused(templates.SET, request, key="sk")
        assert (refusal.code, list(refusal.details or {})) == ("common/invalid-parameters", ["body"])
        tried = PreviewTemplate(category="invitation", body=body)
        assert world.refused(templates.PREVIEW, tried, key="sk").code == "common/invalid-parameters"
    for subject in ("", "x" * 201):
        request = SetTemplate(category="invitation", subject=subject, body="x")
        assert "subject" in (world.refused(templates.SET, request, key="sk").details or {})
    assert world.call(templates.GET, TemplateOf(category="invitation"), key="sk").updated_at is None


def test_a_preview_sends_nothing(world: World) -> None:
    """Sample values, unsaved texts, languages; what would render empty is listed."""
    shown = world.call(
        templates.PREVIEW,
        PreviewTemplate(
            category="invitation",
            subject="{{resourceName}} {{magicLink}}",
            body="<p>{{inviterName}} {{wrong}} {{invitationLink}}</p>",
            variables={"inviterName": "<Bob>", "resourceName": "Acme", "odd": "x"},
        ),
        key="sk",
    )
    assert shown.subject == "Acme "
    assert "&lt;Bob&gt;" in shown.html
    assert "<Bob>" in shown.text
    assert shown.unknown_variables == ["magicLink", "wrong", "odd"]
    korean = world.call(templates.PREVIEW, PreviewTemplate(category="magic_link", locale="ko"), key="sk")
    assert "안녕하세요" in korean.text
    assert world.mails() == []


def test_a_mail_is_in_the_language_of_its_reader(world: World) -> None:
    """ja-JP is Japanese; a language without texts is English."""
    pair = world.sign_up(ALICE)
    me = world.me(pair).id
    for locale, word in (("ja-JP", "2段階認証"), ("fr", "Two-step sign-in"), ("ko", "2단계 인증")):
        request = preferences.SetPreferences(user_id=me, locale=locale)
        world.call(preferences.SET, request, token=pair)
        world.enrol(pair)
        world.call(users.RESET_MFA, users.UserId(user_id=me), key="sk")
        assert word in world.mails("mfa_changed")[0].subject
        pair = world.sign_in(ALICE)


def test_settings_are_changed_and_kept(world: World) -> None:
    """What is not named stays; null takes the logo away; values that no mail could carry are refused."""
    first = world.call(template_settings.GET, key="sk")
    assert (first.sender_name, first.logo_url, first.override_defaults) == ("Demo", None, False)
    use_own(world, logo_url="https://acme.example/logo.png", brand_color="#FFD400")
    request = template_settings.SetTemplateSettings(logo_url=None)
    after = world.call(template_settings.SET, request, key="sk")
    assert (after.logo_url, after.brand_color, after.override_defaults) == (None, "#FFD400", True)
    for wrong in (
        {"logo_url": "javascript:x"},
        {"brand_color": "red"},
        {"sender_email": "a@b, c@d"},
        {"sender_email": "other@bkendctl.invalid"},
        {"sender_name": "x\x00"},
        {"sender_name": "A\r\nBcc: x@y"},
        {"sender_name": "A\u2028B"},
        {},
    ):
        bad = template_settings.SetTemplateSettings(**wrong)
        assert world.refused(template_settings.SET, bad, key="sk").status == 400


def test_the_sender_is_set_back(world: World) -> None:
    """The built-in address, which leads nowhere, may be named as it is shown; mails then come from it."""
    first = world.call(template_settings.GET, key="sk").sender_email
    for address in ("hello@acme.example", first):
        use_own(world, sender_email=address)
        assert world.call(template_settings.GET, key="sk").sender_email == address
    world.sign_up()
    assert world.mails()[0].from_ == f"Demo <{first}>"


@pytest.mark.parametrize(
    ("name", "written"),
    [("홍" * 100, "홍" * 100), ('"' * 100, "'" * 100)],
    ids=["hangul", "quotes"],
)
def test_the_longest_name_of_a_sender_fits(world: World, name: str, written: str) -> None:
    """100 characters that a header encodes or quotes, with the longest address: stored, sent, read there."""
    address = f"{'a' * 64}@{'b' * 61}.{'c' * 61}.{'d' * 57}.example"
    use_own(world, sender_name=name, sender_email=address)
    world.sign_up()
    assert world.mails()[0].from_.endswith(f" <{address}>")
    with running() as server:
        world.core.relay = relay_at(f"smtp://127.0.0.1:{server.port}")
        assert world.call(mail.DELIVER, key="sk").sent == 1
    sent = message_from_bytes(server.envelopes[0].original_content or b"")["From"]  # RFC 2047, to the letter
    assert str(make_header(decode_header(sent))).split() == [written, f"<{address}>"]


def test_every_link_of_an_own_text_is_listed(world: World) -> None:
    """In order and once, as the contract says; the token stands in the text by itself."""
    body = '<a href="https://shop.example/?token=ours">shop</a> <a href="{{verifyLink}}">go</a>'
    body += ' <a href="mailto:help@shop.example">help</a> <A HREF=https://shop.example/?token=ours>shop</A>'
    world.call(templates.SET, SetTemplate(category=OWN.category, subject="Hi", body=body), key="sk")
    use_own(world)
    world.sign_up()
    (found,) = world.mails()
    shop, action = found.links
    assert shop == "https://shop.example/?token=ours"
    assert action.rpartition("token=")[2].partition("&")[0] in found.text.split()


def test_only_admins_see_them(world: World) -> None:
    """A signed-in user without the role is refused."""
    pair = world.sign_up()
    with pytest.raises(Failure, match="auth/forbidden"):
        world.call(templates.LIST, token=pair)


def test_another_environment_has_its_own(world: World) -> None:
    """Texts and settings beside are neither seen nor changed from here."""
    beside = world.beside("other")
    world.call(templates.SET, OWN, key="sk")
    use_own(world, brand_color="#111111")
    assert not any(item.updated_at for item in beside.call(templates.LIST, key="sk").items)
    assert beside.call(template_settings.GET, key="sk").override_defaults is False
    assert (
        beside.call(templates.PREVIEW, PreviewTemplate(category=OWN.category), key="sk").subject
        != OWN.subject
    )
    beside.call(templates.RESET, TemplateOf(category=OWN.category), key="sk")
    beside.call(template_settings.SET, template_settings.SetTemplateSettings(brand_color="#222222"), key="sk")
    assert world.call(templates.GET, TemplateOf(category=OWN.category), key="sk").is_custom is True
    assert world.call(template_settings.GET, key="sk").brand_color == "#111111"
