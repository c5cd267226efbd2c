"""Mail as it is written: headers that nothing can end, bodies, the same bytes each time."""

from datetime import UTC, datetime
from email import message_from_bytes
from email.header import decode_header, make_header
from email.message import EmailMessage
from email.policy import default
from pathlib import Path
from types import SimpleNamespace
from typing import Any, Final

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from usher.errors import SetupError
from usher.notice.address import Unmailable, display, mailbox, one_line
from usher.notice.model import KINDS
from usher.notice.writing import Attachment, Words, Writer, make_mail
from usher.plumbing.language import Languages
from usher.plumbing.shipped import shipped
from usher.settings import read_settings

LANGUAGES: Final = Languages(shipped("front") / "locale").known
TEMPLATES: Final = sorted(
    path.stem
    for path in (shipped("front") / "templates" / "mail").glob("*.html")
    if path.stem not in ("letter", "parts")
)
TOLD: Final[dict[str, Any]] = {
    "event": SimpleNamespace(
        title="Night <of> strings & more",
        starts_at=datetime(2026, 12, 7, 18, 30, tzinfo=UTC),
        timezone="Europe/Vienna",
    ),
    "place": "Demo Arena, Hamburg",
    "name": "Ann <b>Archer</b>",
    "site": "https://example.org",
    "choices": "https://example.org/messages/token",
    "optional": False,
    "papers": True,
    "booking": SimpleNamespace(id="bkg_1", total=9000),
    "lines": [("Stalls · row A · seat 1", "€45.00"), ("Stalls · row A · seat 2", "€45.00")],
    "total": "€90.00",
    "ticket_links": [("row A", "https://example.org/t")],
    "url": "https://example.org/bookings/bkg_1",
    "short_url": "https://example.org/t",
    "leave_url": "https://example.org/leave",
    "event_url": "https://example.org/events/evt_1",
    "by_fan": False,
    "unpaid": False,
    "money": "€45.00",
    "reason": "ill",
    "left": 2,
    "other": "Bob",
    "due": "tomorrow",
}


def mail(**changes: Any) -> bytes:
    told: dict[str, Any] = {
        "message": "msg_00000000000000000001",
        "made_at": datetime(2026, 12, 7, 18, 30, tzinfo=UTC),
        "sender": "Concert hall <tickets@example.org>",
        "to": "ann@example.org",
        "name": "Ann",
        "site": "https://tickets.example.org/",
        "language": LANGUAGES["en"],
        "words": Words("Your tickets", "Here they are.\n", "<p>Here they are.</p>", ""),
        "attachments": [Attachment("a.pdf", "application/pdf", b"%PDF")],
    }
    return make_mail(**(told | changes))


def read(raw: bytes) -> EmailMessage:
    found = message_from_bytes(raw, policy=default)
    assert isinstance(found, EmailMessage)
    return found


def to_of(raw: bytes) -> tuple[str, str]:
    """The name and the address a mail goes to. Not by the library's newer parser: in Python 3.11 it
    leaves a blank between two encoded words, which RFC 2047 has it drop."""
    told = str(make_header(decode_header(message_from_bytes(raw)["To"])))
    name, _, address = told.rpartition("<")
    return name.strip(), address.rstrip(">")


HEADERS: Final = (
    *("From", "To", "Subject", "Date", "Message-ID", "Auto-Submitted", "MIME-Version"),
    *("Content-Type", "Content-Language"),
)


@settings(deadline=None, max_examples=50)
@given(st.text(max_size=150), st.text(max_size=150))
def test_no_name_and_no_title_ends_a_header(name: str, title: str) -> None:
    raw = mail(name=name, words=Words(one_line(title), "text\n", "<p>", ""))
    head, _, _ = raw.partition(b"\r\n\r\n")
    assert raw.isascii()
    assert all(len(line) <= 998 for line in raw.split(b"\r\n"))
    found = read(raw)
    assert sorted(found.keys()) == sorted(HEADERS), head
    assert len(found["to"].addresses) == 1
    assert to_of(raw) == (display(name), "ann@example.org")
    assert found["subject"] == one_line(title)


@pytest.mark.parametrize(
    ("name", "shown"),
    [
        ("Zoë Ann", "Zoë Ann"),
        ("محمد علي", "محمد علي"),
        ("山田 太郎", "山田 太郎"),
        ('Ann "the" Archer', "Ann the Archer"),
        ("eve@example.org, Ann", "eve example org Ann"),
        ("Ann\r\nBcc: eve@example.org", "Ann Bcc eve example org"),
        ("Ann\u2028Bcc: x", "Ann Bcc x"),
        ("Ann\u202egro.elpmaxe", "Anngro elpmaxe"),
        ("é" * 120, "é" * 120),
        ("O'Brien-Ñandú (née Q.)", "O'Brien-Ñandú née Q"),
    ],
    ids=[
        "latin",
        "arabic",
        "japanese",
        "quotes",
        "address",
        "lines",
        "unicode-lines",
        "turned",
        "long",
        "all",
    ],
)
def test_names_of_any_script_stand_before_the_address(name: str, shown: str) -> None:
    assert to_of(mail(name=name)) == (shown, "ann@example.org")


@pytest.mark.parametrize(
    ("sender", "name"),
    [
        ("tickets@example.org", ""),
        ("Konzerthaus, große Halle <tickets@example.org>", "Konzerthaus große Halle"),
        ('"The hall" <tickets@example.org>', "The hall"),
    ],
    ids=["bare", "comma", "quotes"],
)
def test_who_sends_has_a_name_or_none(sender: str, name: str) -> None:
    (told,) = read(mail(sender=sender))["from"].addresses
    assert (told.display_name, told.addr_spec) == (name, "tickets@example.org")


def test_the_same_message_is_the_same_bytes() -> None:
    assert mail() == mail()
    assert read(mail())["message-id"] == "<00000000000000000001@tickets.example.org>"
    other = read(mail(message="msg_00000000000000000002"))
    assert other["message-id"] == "<00000000000000000002@tickets.example.org>"


@pytest.mark.parametrize(
    ("site", "right"),
    [
        ("http://127.0.0.1:8000", "127.0.0.1"),
        ("http://[::1]:8000", "[::1]"),
        ("https://bücher.example", "xn--bcher-kva.example"),
        (f"https://{'a' * 60}.{'b' * 60}.example", f"{'a' * 60}.{'b' * 60}.example"),
    ],
    ids=["address", "ipv6", "idna", "long"],
)
def test_a_message_id_ends_with_where_the_site_stands(site: str, right: str) -> None:
    raw = mail(site=site)
    assert f"\r\nMessage-ID: <00000000000000000001@{right}>\r\n".encode() in raw


def test_a_long_address_to_unsubscribe_at_stays_whole() -> None:
    """Folded as text, the library would write it as an encoded word, which no program follows."""
    where = "https://example.org/messages/" + "x" * 300
    raw = mail(unsubscribe=where)
    assert f"\r\nList-Unsubscribe: <{where}>\r\n".encode() in raw
    assert b"\r\nList-Unsubscribe-Post: List-Unsubscribe=One-Click\r\n" in raw


def test_text_and_html_are_alternatives_and_files_are_beside_them() -> None:
    found = read(mail())
    assert [part.get_content_type() for part in found.walk()] == [
        "multipart/mixed",
        "multipart/alternative",
        "text/plain",
        "text/html",
        "application/pdf",
    ]


def test_an_address_of_another_script_is_written_as_it_is() -> None:
    raw = mail(to="كتاب@bücher.example")
    assert "To: كتاب@xn--bcher-kva.example\r\n".encode() in raw


@pytest.mark.parametrize(
    "address", ["ann", "a b@c.org", "a@b\n.org", "a@-b.org", "<a@b.org>", "a@"]
)
def test_what_is_no_address_is_refused(address: str) -> None:
    with pytest.raises(Unmailable):
        mailbox(address)


# --- the templates


@pytest.mark.parametrize("code", LANGUAGES)
@pytest.mark.parametrize("template", TEMPLATES)
def test_every_mail_can_be_told_in_every_language(template: str, code: str) -> None:
    words = Writer().write(template, LANGUAGES[code], TOLD)
    assert words.subject
    assert "\n" not in words.subject
    assert f'<html lang="{code}" dir="{LANGUAGES[code].dir}">' in words.html
    assert "Ann <b>Archer</b>" in words.text
    assert "Ann &lt;b&gt;Archer&lt;/b&gt;" in words.html
    assert "Night &lt;of&gt; strings &amp; more" in words.html
    assert "<b>" not in words.html
    assert "Night <of> strings & more" in words.text
    assert "&amp;" not in words.text
    assert "\n\n\n" not in words.text
    for line in words.text.splitlines():
        assert line == line.strip() or line == "-- "


def test_there_is_a_template_for_each_fact() -> None:
    assert {kind.template for kind in KINDS.values()} | {"ticket_given", "ticket_cancelled"} == set(
        TEMPLATES
    )
    for fact, kind in KINDS.items():
        assert bool(Writer().write(kind.template, LANGUAGES["en"], TOLD).sms) == kind.sms, fact


# --- where mail goes

GOOD: Final = {"USHER_MAIL_FROM": "Concert hall <tickets@example.org>"}


@pytest.mark.parametrize(
    "given",
    [
        {},
        GOOD | {"USHER_MAIL_URL": "smtp://mail.example.org"},
        GOOD | {"USHER_MAIL_URL": "smtps://ann:pass%2Fword@mail.example.org:465"},
        {"USHER_MAIL_URL": "maildir:///var/mail/usher"},
        {"USHER_MAIL_URL": "smtp://[::1]:25", "USHER_MAIL_FROM": "tickets@example.org"},
        {"USHER_SMS_URL": "https://sms.example.org/send", "USHER_SMS_TOKEN": "t"},
    ],
    ids=["nothing", "smtp", "smtps", "maildir", "ipv6", "sms"],
)
def test_what_may_be_set(given: dict[str, str], tmp_path: Path) -> None:
    read_settings(given | {"USHER_DATA_DIR": str(tmp_path)})


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({"USHER_MAIL_URL": "http://mail.example.org"}, "USHER_MAIL_URL must start with smtp://"),
        ({"USHER_MAIL_URL": "smtp://mail.example.org"}, "USHER_MAIL_FROM must be set"),
        (GOOD | {"USHER_MAIL_URL": "smtp://"}, "must be like smtp://"),
        (GOOD | {"USHER_MAIL_URL": "smtp://a:secret@h:99999"}, "the port must be 1 to 65535"),
        (GOOD | {"USHER_MAIL_URL": "smtp://a:secret@h:0"}, "the port must be 1 to 65535"),
        (GOOD | {"USHER_MAIL_URL": "smtp://ann@h"}, "a user and a password, or neither"),
        (GOOD | {"USHER_MAIL_URL": "smtp://a:secret@h/path"}, "must be like smtp://"),
        ({"USHER_MAIL_URL": "maildir://var/mail"}, "must name a folder"),
        ({"USHER_MAIL_URL": "maildir:///"}, "must name a folder"),
        ({"USHER_MAIL_FROM": "Concert hall"}, "USHER_MAIL_FROM must be an address"),
        ({"USHER_MAIL_FROM": "a@b.org\nBcc: c@d.org"}, "USHER_MAIL_FROM must be an address"),
        ({"USHER_MAIL_FROM": "a@b.org, c@d.org"}, "USHER_MAIL_FROM must be an address"),
        ({"USHER_SMS_URL": "ftp://sms.example.org"}, "USHER_SMS_URL must start with http://"),
        ({"USHER_SMS_URL": "https:///send"}, "USHER_SMS_URL names no host"),
        ({"USHER_SMS_TOKEN": "secret"}, "USHER_SMS_URL is not"),
        ({"USHER_SMS_URL": "https://h/", "USHER_SMS_TOKEN": "a\nb"}, "no header can carry"),
    ],
    ids=lambda each: each if isinstance(each, str) else "",
)
def test_what_cannot_be_is_said_without_the_password(given: dict[str, str], said: str) -> None:
    with pytest.raises(SetupError, match=said) as refusal:
        read_settings(given)
    assert "secret" not in refusal.value.detail
