"""Words and envelopes: a template of front/templates/mail in one language becomes the subject, the
two bodies and the short text of a message, and these an RFC 5322 message."""

import hashlib
import re
from collections.abc import Iterable, Mapping
from datetime import datetime
from email.headerregistry import Address, HeaderRegistry, UniqueUnstructuredHeader
from email.message import EmailMessage
from email.policy import SMTP
from email.utils import format_datetime
from typing import Any, Final, NamedTuple
from urllib.parse import urlsplit

from usher.notice.address import display, mailbox, named, one_line
from usher.plumbing.language import Language
from usher.plumbing.page import make_environment

_BLANK: Final = re.compile(r"[ \t]*\n(?:[ \t]*\n)+")
_SUBJECT_CHARS_MAX: Final = 200
# All bytes are ASCII: there are relays that take no others. Only an address that is not ASCII
# itself needs a server that does (SMTPUTF8).
_HEADERS: Final = HeaderRegistry()
_ASCII: Final = SMTP.clone(cte_type="7bit", header_factory=_HEADERS)
_WIDE: Final = _ASCII.clone(cte_type="8bit", utf8=True)


class _Whole(UniqueUnstructuredHeader):
    """A header that is one word: folded as text it would come out encoded, and no address any
    more. RFC 5322 lets a line have 998 characters."""

    def fold(self, *, policy: Any) -> str:
        return f"{self.name}: {self}{policy.linesep}"  # type: ignore[attr-defined]


for _name in ("message-id", "list-unsubscribe"):
    _HEADERS.map_to_type(_name, _Whole)  # type: ignore[arg-type]


class Words(NamedTuple):
    """A message in words; `sms` is "" where it is no short message."""

    subject: str
    text: str
    html: str
    sms: str


class Attachment(NamedTuple):
    """A file that comes with a mail."""

    name: str
    media_type: str
    body: bytes


class Writer:
    """Renders what is told. Each template says its words once: `layout` makes them HTML or text."""

    def __init__(self) -> None:
        self._rich = make_environment()
        self._plain = make_environment(escape=False)

    def write(self, template: str, language: Language, variables: Mapping[str, Any]) -> Words:
        """The message that a template tells of `variables`, in `language`."""

        def render(layout: str, parts: str, *, rich: bool = False) -> str:
            environment = self._rich if rich else self._plain
            return environment.get_template(f"mail/{template}.html").render(
                variables,
                language=language,
                layout=f"mail/{layout}",
                parts=f"mail/{parts}",
            )

        return Words(
            subject=one_line(render("subject.txt", "parts.txt"))[:_SUBJECT_CHARS_MAX],
            text=_BLANK.sub("\n\n", render("letter.txt", "parts.txt")).strip() + "\n",
            html=render("letter.html", "parts.html", rich=True),
            sms=one_line(render("sms.txt", "parts.txt")),
        )


def make_mail(
    *,
    message: str,
    made_at: datetime,
    sender: str,
    to: str,
    name: str,
    site: str,
    language: Language,
    words: Words,
    attachments: Iterable[Attachment] = (),
    unsubscribe: str = "",
) -> bytes:
    """The mail, byte for byte the same when it is made again. Text and HTML are alternatives;
    `unsubscribe` is the address of one click (RFC 8058)."""
    recipient = mailbox(to)
    local, _, host = recipient.rpartition("@")
    ascii_only = recipient.isascii()
    mail = EmailMessage(_ASCII if ascii_only else _WIDE)
    sender_name, sender_address = named(sender)
    mail["From"] = _address(sender_name, mailbox(sender_address))
    mail["To"] = _address(name, recipient) if ascii_only else Address("", local, host)
    mail["Subject"] = words.subject
    mail["Date"] = format_datetime(made_at)
    # Who is given a message again after a connection broke knows it by this, and drops the second.
    mail["Message-ID"] = f"<{message.partition('_')[2]}@{_domain(site)}>"
    mail["Auto-Submitted"] = "auto-generated"
    if unsubscribe:
        mail["List-Unsubscribe"] = f"<{unsubscribe}>"
        mail["List-Unsubscribe-Post"] = "List-Unsubscribe=One-Click"
    mail.set_content(words.text)
    mail.add_alternative(words.html, subtype="html")
    for each in attachments:
        kind, _, rest = each.media_type.partition(";")
        major, _, minor = kind.partition("/")
        name, _, value = rest.strip().partition("=")
        mail.add_attachment(
            each.body,
            maintype=major,
            subtype=minor,
            filename=each.name,
            params={name: value} if name else None,
        )
    mail["Content-Language"] = language.code  # what is added before moves into the first part
    for number, part in enumerate(each for each in mail.walk() if each.is_multipart()):
        part.set_boundary(_boundary(message, number))
    return mail.as_bytes()


def _address(name: str, address: str) -> Address:
    local, _, host = address.rpartition("@")
    return Address(display(name), local, host)


def _domain(site: str) -> str:
    """Where this site stands, as the right side of a Message-ID."""
    host = urlsplit(site).hostname or "localhost"
    return f"[{host}]" if ":" in host else host.encode("idna").decode("ascii")


def _boundary(message: str, number: int) -> str:
    return f"=-{hashlib.blake2b(message.encode(), digest_size=12).hexdigest()}-{number}"
