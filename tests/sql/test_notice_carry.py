"""Letters carried to a real mail server: what arrives, what is written down, and that nothing
arrives twice that need not."""

import asyncio
import re
import signal
import sys
from collections.abc import AsyncIterator, Awaitable, Callable
from datetime import datetime, timedelta
from email.message import EmailMessage
from pathlib import Path
from typing import Any, Final, NamedTuple

import icalendar
import msgspec
import pytest

from tests.post import Gateway, Office, gateway, office
from tests.sql.book import Book, opened_book
from usher import limits
from usher.booking.model import Booking
from usher.clock import utc_now
from usher.errors import Unavailable
from usher.event.service import EventService
from usher.ids import new_id
from usher.notice import queries
from usher.notice.compose import Composer
from usher.notice.drafting import Drafter
from usher.notice.jobs import DECLINED, NO_CHANNEL, Messenger
from usher.notice.model import Message, Sources
from usher.notice.service import MessageService
from usher.outbox import queries as outbox
from usher.outbox.service import Carrier, Outbox
from usher.plumbing.language import Languages
from usher.plumbing.metric import Metrics
from usher.plumbing.postgres import Database
from usher.plumbing.shipped import shipped
from usher.plumbing.signing import KeyRing, Signer
from usher.settings import read_settings
from usher.ticket.queries import hand_on
from usher.wiring import channels_of, sender_of

pytestmark = pytest.mark.anyio

SITE: Final = "https://tickets.example.org"
PDF: Final = b"%PDF-1.7 of "
LANGUAGES: Final = Languages(shipped("front") / "locale")


Papers = Callable[[str], Awaitable[bytes]]


async def pdf(of: str) -> bytes:
    return PDF + of.encode()


async def pdf_of(of: str, serial: int) -> bytes:
    return await pdf(f"{of}.{serial}")


class AnOffer(NamedTuple):
    """As the room of waiting lists tells it."""

    event_id: str
    seats: list[int]
    due: datetime
    name: str
    email: str
    language: str
    link: str
    leave_link: str


class Desk:
    """A book of an event, and a messenger that carries letters about it."""

    def __init__(
        self, book: Book, signer: Signer, keeper: Office | None, sms: Gateway | None = None
    ) -> None:
        self.book = book
        self.database = book.database
        self.keeper = keeper
        self.signer = signer
        self.offers: dict[str, AnOffer] = {}
        given = {"USHER_MAIL_FROM": "Concert hall <tickets@example.org>"}
        if keeper:
            given["USHER_MAIL_URL"] = keeper.url
        if sms:
            given["USHER_SMS_URL"] = sms.url
        self.settings = read_settings(given)
        self.channels = channels_of(self.settings)
        self.messenger = self.made()
        self.service = MessageService(self.database, signer, self.channels)

    def made(self, papers: Papers = pdf) -> Messenger:
        """A messenger; `papers` makes the PDFs."""

        async def offer(of: str) -> AnOffer | None:
            return self.offers.get(of)

        def link(ticket: str, serial: int) -> str:
            return f"{SITE}/t/{ticket}/{serial}"

        sources = Sources(papers=papers, paper=pdf_of, link=link, offer=offer)
        composer = Composer(
            self.database,
            EventService(self.database),
            self.signer,
            LANGUAGES,
            sources,
            site=SITE,
            sender=sender_of(self.settings),
        )
        drafter = Drafter(self.database, sources)
        return Messenger(self.database, drafter, composer, self.channels, Metrics())

    async def booked(self, *seats: int, state: str = "confirmed", **fields: Any) -> Booking:
        """A booking in that state."""
        booking = msgspec.structs.replace(self.book.claim(*seats), **fields)
        await self.book.commit([booking])
        reason = fields.get("reason", "")
        async with self.database.transaction() as connection:
            await connection.execute(
                "UPDATE booking SET state = $2, reason = $3, confirmed_at = now() WHERE id = $1",
                booking.id,
                state,
                reason,
            )
        return booking

    async def log(self, booking: Booking) -> list[Message]:
        return await queries.of_booking(self.database, booking.id, 50)

    async def states(self, booking: Booking) -> list[tuple[str, str, int]]:
        return [(each.channel, each.state, each.attempts) for each in await self.log(booking)]

    @property
    def mails(self) -> list[EmailMessage]:
        assert self.keeper is not None
        return self.keeper.mails


def told(fact: str, of: Booking | str) -> str:
    return f"{fact} {of if isinstance(of, str) else of.id}"


def body(mail: EmailMessage, kind: str) -> str:
    part = mail.get_body((kind,))
    assert part is not None
    content = part.get_content()
    assert isinstance(content, str)
    return content


@pytest.fixture
async def keeper() -> AsyncIterator[Office]:
    async with office() as keeper:
        yield keeper


@pytest.fixture
async def desk(database: Database, signer: Signer, keeper: Office) -> AsyncIterator[Desk]:
    async with opened_book(database) as book:
        yield Desk(book, signer, keeper)


# --- what arrives


async def test_the_mail_of_a_confirmed_booking(desk: Desk) -> None:
    booking = await desk.booked(0, 1, name="Zoë Ann & Co")
    assert await desk.messenger.carry([told("booking.confirmed", booking)]) == {}
    (mail,) = desk.mails
    assert desk.keeper is not None
    assert desk.keeper.recipients == ["ann@example.org"]
    assert desk.keeper.senders == {"tickets@example.org"}
    assert mail["from"] == "Concert hall <tickets@example.org>"
    assert mail["to"].addresses[0].display_name == "Zoë Ann & Co"
    assert mail["to"].addresses[0].addr_spec == "ann@example.org"
    assert mail["subject"] == "Your tickets for An evening"
    assert re.fullmatch(r"<[0-9a-f]{20}@tickets\.example\.org>", mail["message-id"])
    assert abs(mail["date"].datetime - utc_now()) < timedelta(minutes=5)
    assert mail["auto-submitted"] == "auto-generated"
    assert mail["content-language"] == "en"
    assert mail["list-unsubscribe"] is None  # it is necessary
    assert mail.get_content_type() == "multipart/mixed"
    for kind in ("plain", "html"):
        text = body(mail, kind)
        assert "An evening" in text
        assert f"{SITE}/bookings/{booking.id}" in text
        assert f"{SITE}/t/tkt_{booking.id[4:]}_1/0" in text
        assert "€90.00" in text
    assert "Zoë Ann & Co" in body(mail, "plain")
    assert "Zoë Ann &amp; Co" in body(mail, "html")
    pdf, calendar = mail.iter_attachments()
    assert pdf.get_filename() == f"{booking.id}.pdf"
    assert pdf.get_content() == PDF + booking.id.encode()
    assert calendar.get_content_type() == "text/calendar"
    (event,) = icalendar.Calendar.from_ical(calendar.get_content()).walk("VEVENT")
    assert str(event["summary"]) == "An evening"
    (message,) = await desk.log(booking)
    assert (message.state, message.attempts, message.answer) == ("sent", 1, "taken")
    assert message.recipient == "ann@example.org"
    assert message.sent_at is not None


async def test_nothing_of_a_mail_is_loaded_from_anywhere(desk: Desk) -> None:
    booking = await desk.booked(0)
    await desk.messenger.carry([told("booking.confirmed", booking)])
    page = body(desk.mails[0], "html")
    assert not re.search(r"<(img|link|script|style|iframe|object)\b|url\(|@import", page)


@pytest.mark.parametrize(
    ("language", "subject", "direction"),
    [
        ("de-AT,de;q=0.9", "Ihre Tickets für An evening", "ltr"),
        ("ar", "تذاكرك لـ An evening", "rtl"),
        ("fr", "Your tickets for An evening", "ltr"),
        ("", "Your tickets for An evening", "ltr"),
    ],
    ids=["de", "ar", "unknown", "none"],
)
async def test_mail_speaks_the_language_of_the_booking(
    desk: Desk, language: str, subject: str, direction: str
) -> None:
    booking = await desk.booked(0, language=language, name="Ann كتاب")
    await desk.messenger.carry([told("booking.confirmed", booking)])
    (mail,) = desk.mails
    assert mail["subject"] == subject
    assert f'dir="{direction}"' in body(mail, "html")
    assert "Ann كتاب" in body(mail, "plain")


@pytest.mark.parametrize(
    ("fact", "state", "reason", "words"),
    [
        ("booking.cancelled", "cancelled", "by the fan", "You have cancelled it"),
        (
            "booking.cancelled",
            "cancelled",
            "the payment could not be collected",
            "The payment did not come about",
        ),
        ("booking.cancelled", "cancelled", "by the organiser", "Its organiser has cancelled it"),
        ("booking.cancelled", "cancelled", "The singer is ill", "Why: The singer is ill"),
        ("booking.cancelled", "cancelled", "the event is cancelled", "The event is cancelled."),
        ("booking.expired", "expired", "not paid in time", "was not paid in time"),
    ],
    ids=["fan", "bank", "organiser", "reason", "event", "expired"],
)
async def test_mails_of_bookings_that_came_to_nothing(
    desk: Desk, fact: str, state: str, reason: str, words: str
) -> None:
    booking = await desk.booked(3, state=state, reason=reason)
    await desk.messenger.carry([told(fact, booking)])
    (mail,) = desk.mails
    assert words in body(mail, "plain")
    assert words in re.sub("</?bdi>", "", body(mail, "html"))
    assert list(mail.iter_attachments()) == []


async def refunded(desk: Desk, booking: Booking, *seats: int, **fields: Any) -> str:
    """A refund of these seats; its id."""
    refund = new_id("refund")
    told = {"amount": 0, "reason": "", "actor": "organiser", **fields}
    async with desk.database.transaction() as connection:
        await connection.execute(
            "INSERT INTO payment (id, booking_id, event_id, provider, amount, currency, state,"
            " attempt) VALUES ($1, $2, $3, 'sandbox', 9000, 'EUR', 'captured', 1)",
            f"pay_{refund[4:]}",
            booking.id,
            booking.event_id,
        )
        await connection.execute(
            "INSERT INTO refund (id, booking_id, event_id, payment_id, seats, amount, currency,"
            " reason, actor) VALUES ($1, $2, $3, $4, $5, $6, 'EUR', $7, $8)",
            refund,
            booking.id,
            booking.event_id,
            f"pay_{refund[4:]}",
            list(seats),
            told["amount"],
            told["reason"],
            told["actor"],
        )
        await connection.execute(
            "UPDATE ticket SET state = 'cancelled' WHERE booking_id = $1 AND seat = ANY($2)",
            booking.id,
            list(seats),
        )
    return refund


async def test_a_refund_says_which_seats_how_much_and_why(desk: Desk) -> None:
    booking = await desk.booked(4, 5)
    refund = await refunded(desk, booking, 5, amount=4500, reason="The <singer> is ill")
    await desk.messenger.carry([told("booking.refunded", refund)])
    (mail,) = desk.mails
    text = body(mail, "plain")
    assert "Why: The <singer> is ill" in text
    assert "Goes back to you: €45.00" in text
    assert "seat 6" in text
    assert "seat 5" not in text
    assert "You keep 1 other ticket" in text
    assert "The &lt;singer&gt; is ill" in body(mail, "html")


async def test_a_fan_is_not_told_their_own_reason(desk: Desk) -> None:
    booking = await desk.booked(4, 5, state="refunded")
    refund = await refunded(desk, booking, 4, 5, reason="changed my mind", actor="fan")
    await desk.messenger.carry([told("booking.refunded", refund)])
    (mail,) = desk.mails
    assert mail["subject"] == "Your tickets for An evening are cancelled"
    assert "You have given this back" in body(mail, "plain")
    assert "mind" not in body(mail, "plain")
    assert "goes back" not in body(mail, "plain").lower()


async def test_who_was_handed_a_ticket_is_told_that_it_is_cancelled(desk: Desk) -> None:
    booking = await desk.booked(4, 5, state="refunded")
    async with desk.database.connection() as connection:
        await connection.execute(
            "UPDATE ticket SET serial = 1, holder = 'Bob', holder_email = 'bob@example.org'"
            " WHERE booking_id = $1 AND seat = 5",
            booking.id,
        )
    refund = await refunded(desk, booking, 4, 5, amount=9000, reason="the event is cancelled")
    for _ in range(2):
        assert await desk.messenger.carry([told("booking.refunded", refund)]) == {}
    by = {mail["to"].addresses[0].addr_spec: body(mail, "plain") for mail in desk.mails}
    assert by.keys() == {"ann@example.org", "bob@example.org"}
    assert len(desk.mails) == 2
    assert "€90.00" in by["ann@example.org"]
    assert "The event is cancelled." in by["bob@example.org"]
    assert "€" not in by["bob@example.org"]
    assert "seat 6" in by["bob@example.org"]
    assert "seat 5" not in by["bob@example.org"]


async def test_a_handover_is_told_to_both(desk: Desk) -> None:
    booking = await desk.booked(6, language="de")
    ticket = f"tkt_{booking.id[4:]}_6"
    hands = [("Bob", "bob@example.org"), ("Cid", "cid@example.org")]
    async with desk.database.connection() as connection:
        await connection.execute(
            "UPDATE event SET state = 'published' WHERE id = $1", booking.event_id
        )
        await hand_on(connection, booking.id, 6, 0, *hands[0])
    await desk.messenger.carry([told("ticket.transferred", f"{ticket}.1")])
    by = {mail["to"].addresses[0].addr_spec: mail for mail in desk.mails}
    assert by.keys() == {"ann@example.org", "bob@example.org"}
    now, former = by["bob@example.org"], by["ann@example.org"]
    assert f"{SITE}/t/{ticket}/1" in body(now, "plain")
    assert "Ann" in body(now, "html")
    assert now["content-language"] == "de"
    (pdf,) = now.iter_attachments()
    assert pdf.get_content() == PDF + f"{ticket}.1".encode()
    assert "Es gehört jetzt Bob" in body(former, "plain")
    assert f"{SITE}/t/" not in former.as_string()
    assert list(former.iter_attachments()) == []
    assert now["message-id"] != former["message-id"]
    async with desk.database.connection() as connection:
        await hand_on(connection, booking.id, 6, 1, *hands[1])
    await desk.messenger.carry([told("ticket.transferred", f"{ticket}.2")])
    assert desk.keeper is not None
    assert sorted(desk.keeper.recipients[2:]) == ["bob@example.org", "cid@example.org"]
    faults = await desk.messenger.carry([told("ticket.transferred", f"{ticket}.3")])
    assert list(faults.values()) == ["this ticket was not handed on so often"]


async def test_a_ticket_that_went_on_meanwhile_is_not_promised_to_who_had_it(desk: Desk) -> None:
    booking = await desk.booked(6)
    ticket = f"tkt_{booking.id[4:]}_6"
    async with desk.database.connection() as connection:
        await connection.execute(
            "UPDATE event SET state = 'published' WHERE id = $1", booking.event_id
        )
        await hand_on(connection, booking.id, 6, 0, "Bob", "bob@example.org")
        await hand_on(connection, booking.id, 6, 1, "Cid", "cid@example.org")
    await desk.messenger.carry([told("ticket.transferred", f"{ticket}.1")])
    assert desk.keeper is not None
    assert desk.keeper.recipients == ["ann@example.org"]


async def test_an_offer_says_until_when_and_where(desk: Desk) -> None:
    entry = f"{new_id('entry')}.1"
    desk.offers[entry] = AnOffer(
        event_id=desk.book.event,
        seats=[7, 8],
        due=utc_now() + timedelta(hours=1),
        name="Ann",
        email="ann@example.org",
        language="en",
        link=f"{SITE}/offers/token",
        leave_link=f"{SITE}/waitlist/token",
    )
    await desk.messenger.carry([told("offer.made", entry)])
    (mail,) = desk.mails
    for where in ("offers", "waitlist"):
        assert f"{SITE}/{where}/token" in body(mail, "plain")
    del desk.offers[entry]  # and an offer that is over is none to tell of
    assert await desk.messenger.carry([told("offer.made", entry)]) == {}
    assert len(desk.mails) == 1
    assert "2 seats are free for you" in body(mail, "html")


# --- what is not sent


async def test_where_no_channel_is_set_up_nothing_is_sent_and_the_log_says_so(
    database: Database, signer: Signer
) -> None:
    async with opened_book(database) as book:
        desk = Desk(book, signer, None)
        booking = await desk.booked(0, phone="+436601234567")
        assert await desk.messenger.carry([told("booking.confirmed", booking)]) == {}
        log = await desk.log(booking)
    assert {(each.channel, each.state, each.answer) for each in log} == {
        ("email", "skipped", NO_CHANNEL),
        ("sms", "skipped", NO_CHANNEL),
    }


async def test_a_letter_that_has_become_untrue_is_not_sent(desk: Desk) -> None:
    booking = await desk.booked(0, state="refunded")
    assert await desk.messenger.carry([told("booking.confirmed", booking)]) == {}
    (message,) = await desk.log(booking)
    assert (message.state, message.answer) == ("skipped", "the booking is refunded by now")
    assert desk.mails == []


async def test_what_was_tried_before_and_has_become_untrue_is_not_sent_either(desk: Desk) -> None:
    """The mail server was away; the booking was given back meanwhile. And a ticket went on: to who
    had it nothing goes of what is somebody else's by now."""
    assert desk.keeper is not None
    back, went_on = await desk.booked(0), await desk.booked(6, email="zoe@example.org")
    ticket = f"tkt_{went_on.id[4:]}_6"
    async with desk.database.connection() as connection:
        await connection.execute(
            "UPDATE event SET state = 'published' WHERE id = $1", went_on.event_id
        )
        await hand_on(connection, went_on.id, 6, 0, "Bob", "bob@example.org")
    letters = [told("booking.confirmed", back), told("ticket.transferred", f"{ticket}.1")]
    desk.keeper.answers |= {"ann@example.org": ["451 later"], "bob@example.org": ["451 later"]}
    assert (await desk.messenger.carry(letters)).keys() == set(letters)
    async with desk.database.connection() as connection:
        await connection.execute("UPDATE booking SET state = 'refunded' WHERE id = $1", back.id)
        await hand_on(connection, went_on.id, 6, 1, "Cid", "cid@example.org")
    assert await desk.messenger.carry(letters) == {}
    assert desk.keeper.recipients == ["zoe@example.org"]
    assert await desk.states(back) == [("email", "skipped", 1)]
    log = {each.recipient: (each.state, each.answer) for each in await desk.log(went_on)}
    assert log["bob@example.org"] == ("skipped", "it is not theirs any more")


async def test_letters_that_cannot_be_told_of_are_kept(desk: Desk) -> None:
    subjects = [told("booking.confirmed", new_id("booking")), "moon.full 1", "booking.refunded"]
    faults = await desk.messenger.carry([*subjects, told("ticket.transferred", "tkt_1.1")])
    assert faults.keys() == {*subjects, "ticket.transferred tkt_1.1"}


# --- once


async def test_a_letter_that_comes_again_is_not_sent_again(desk: Desk) -> None:
    booking = await desk.booked(0)
    for _ in range(3):
        assert await desk.messenger.carry([told("booking.confirmed", booking)]) == {}
    await asyncio.gather(
        *(desk.messenger.carry([told("booking.confirmed", booking)]) for _ in range(3))
    )
    assert len(desk.mails) == 1
    assert await desk.states(booking) == [("email", "sent", 1)]


async def test_what_the_server_did_not_take_for_sure_comes_again_as_the_same(desk: Desk) -> None:
    """The connection breaks after DATA: the second mail is the first, to the byte."""
    assert desk.keeper is not None
    booking = await desk.booked(0)
    letter = told("booking.confirmed", booking)
    desk.keeper.at_data = ["drop"]
    assert (await desk.messenger.carry([letter])).keys() == {letter}
    assert await desk.states(booking) == [("email", "sending", 1)]
    assert await desk.messenger.carry([letter]) == {}
    first, second = desk.keeper.taken
    assert first == second
    assert await desk.states(booking) == [("email", "sent", 2)]


async def test_a_server_may_answer_in_any_encoding(desk: Desk) -> None:
    """What cannot be written down would be sent again, and again."""
    assert desk.keeper is not None
    desk.keeper.at_data = ["250 geh\udcf6rt", "451 sp\udce4ter", "550 Empf\udce4nger"]
    bookings = [await desk.booked(seat) for seat in (0, 1, 2)]
    letters = [told("booking.confirmed", each) for each in bookings]
    faults: dict[str, str] = {}
    for letter in letters:
        faults |= await desk.messenger.carry([letter])
    assert faults == {letters[1]: "451 sp?ter"}
    log = [message for each in bookings for message in await desk.log(each)]
    assert [(each.state, each.answer) for each in log] == [
        ("sent", "geh?rt"),
        ("sending", "451 sp?ter"),
        ("failed", "550 Empf?nger"),
    ]


CARRY: Final = """
import asyncio, sys
from tests.sql.test_notice_carry import Desk
from tests.post import Office
from tests.sql.book import Book
from usher.plumbing.postgres import Database
from usher.plumbing.signing import KeyRing, Signer
from usher.settings import read_settings
from usher.ticket.queries import hand_on
from usher.wiring import channels_of, sender_of

async def main():
    url, ring, port, event, letter = sys.argv[1:]
    database = Database(url, connections=2)
    await database.open()
    keeper = Office()
    keeper.port = int(port)
    desk = Desk(Book(database, event), Signer(KeyRing(ring)), keeper)
    print(await desk.messenger.carry([letter]))

asyncio.run(main())
"""


async def test_killed_between_the_250_and_the_commit(empty_url: str, keeper: Office) -> None:
    """kill -9 the moment the server has the mail: the letter comes again, and with it the same
    mail. That much SMTP leaves open."""
    ring = f"k1:{'ab' * 32}"
    database = Database(empty_url, connections=2)
    await database.open()
    await database.migrate()
    async with opened_book(database) as book:
        desk = Desk(book, Signer(KeyRing(ring)), keeper)
        booking = await desk.booked(0)
        letter = told("booking.confirmed", booking)
        child = await asyncio.create_subprocess_exec(
            *(sys.executable, "-c", CARRY, empty_url, ring, str(keeper.port), book.event, letter),
            cwd=Path(__file__).parents[2],
        )
        keeper.on_taken = child.kill
        assert await child.wait() == -signal.SIGKILL
        keeper.on_taken = lambda: None
        assert await desk.states(booking) == [("email", "sending", 1)]
        assert await desk.messenger.carry([letter]) == {}
        assert await desk.states(booking) == [("email", "sent", 2)]
    await database.close()
    first, second = keeper.taken
    assert first == second
    assert keeper.mails[0]["message-id"] == keeper.mails[1]["message-id"]


async def test_a_database_that_is_away_for_a_moment_has_nothing_sent_again(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole, tries = queries.end, []

    async def end(*words: Any) -> None:
        tries.append(words)
        if len(tries) == 1:
            raise Unavailable("away")
        await whole(*words)

    monkeypatch.setattr(queries, "end", end)
    booking = await desk.booked(0)
    assert await desk.messenger.carry([told("booking.confirmed", booking)]) == {}
    assert await desk.states(booking) == [("email", "sent", 1)]


async def test_a_relay_that_is_stopped_lets_arrive_what_is_on_its_way(desk: Desk) -> None:
    assert desk.keeper is not None
    booking = await desk.booked(0)
    task: list[asyncio.Task[Any]] = []

    def stop() -> None:
        task[0].cancel()

    desk.keeper.on_taken = stop
    task.append(asyncio.create_task(desk.messenger.carry([told("booking.confirmed", booking)])))
    with pytest.raises(asyncio.CancelledError):
        await task[0]
    for _ in range(200):
        if await desk.states(booking) == [("email", "sent", 1)]:
            break
        await asyncio.sleep(0.02)
    assert await desk.states(booking) == [("email", "sent", 1)]


# --- servers that misbehave


async def test_one_bad_address_in_a_batch_fails_for_good_and_alone(desk: Desk) -> None:
    assert desk.keeper is not None
    desk.keeper.answers["bob@example.org"] = ["550 no such user"] * 9
    bob = await desk.booked(0, email="bob@example.org")
    odd = await desk.booked(1, email="a,b@exa_mple.org")
    ann = await desk.booked(2)
    letters = [told("booking.confirmed", each) for each in (bob, odd, ann)]
    assert await desk.messenger.carry(letters) == {}
    assert await desk.messenger.carry(letters) == {}
    assert await desk.states(bob) == [("email", "failed", 1)]
    assert "550 no such user" in (await desk.log(bob))[0].answer
    assert (await desk.states(odd))[0][1] == "failed"
    assert await desk.states(ann) == [("email", "sent", 1)]
    assert desk.keeper.recipients == ["ann@example.org"]


async def test_a_greylisted_mail_is_sent_by_the_next_relay(desk: Desk) -> None:
    """By the outbox: the letter waits its pause out, and is done once the mail is taken."""
    assert desk.keeper is not None
    desk.keeper.answers["gray@example.org"] = ["451 greylisted"]
    booking = await desk.booked(0, email="gray@example.org")
    box = Outbox(desk.database, {"notice": Carrier(desk.messenger.carry, 10)}, Metrics())
    async with desk.database.transaction() as connection:
        await outbox.tell(connection, "booking.confirmed", [booking.id])
    for _ in range(200):
        await box.relay()  # which may carry what an earlier test has left as well
        if await desk.states(booking) == [("email", "sent", 2)]:
            break
        await asyncio.sleep(0.05)
    assert await desk.states(booking) == [("email", "sent", 2)]
    (row,) = await _letters(desk, booking)
    assert (row["state"], row["attempts"], row["fault"]) == ("done", 2, "")


async def _letters(desk: Desk, booking: Booking) -> list[Any]:
    async with desk.database.connection() as connection:
        return list(
            await connection.fetch(
                "SELECT * FROM outbox WHERE kind = 'notice' AND subject LIKE '%' || $1 || '%'"
                " ORDER BY id",
                booking.id,
            )
        )


async def test_a_server_that_hangs_fails_the_batch_and_not_message_by_message(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert desk.keeper is not None
    bookings = [await desk.booked(seat, email=f"fan{seat}@example.org") for seat in range(12)]
    for each in bookings:
        desk.keeper.answers[each.email] = ["hang"]
    letters = [told("booking.confirmed", each) for each in bookings]
    with monkeypatch.context() as patched:
        patched.setattr(limits, "message_s", 1)
        faults = await desk.messenger.carry(letters)
    assert faults.keys() == set(letters)
    tried = [state for each in bookings for state in await desk.states(each) if state[2]]
    assert 0 < len(tried) < len(bookings)
    desk.keeper.answers.clear()
    assert await desk.messenger.carry(letters) == {}
    assert len(desk.mails) == 12
    assert len({mail["message-id"] for mail in desk.mails}) == 12


async def test_a_mail_that_cannot_be_written_keeps_no_other_waiting(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    bad, good = await desk.booked(0), await desk.booked(1)

    async def papers(of: str) -> bytes:
        if of == bad.id:
            raise ValueError("no ink")
        return PDF

    messenger = desk.made(papers)
    letters = [told("booking.confirmed", each) for each in (bad, good)]
    faults = await messenger.carry(letters)
    assert faults == {letters[0]: "ValueError: no ink"}
    assert await desk.states(good) == [("email", "sent", 1)]


# --- short messages


async def test_who_left_a_number_gets_a_short_message_too(
    database: Database, signer: Signer, keeper: Office
) -> None:
    async with opened_book(database) as book, gateway() as sms:
        desk = Desk(book, signer, keeper, sms)
        booking = await desk.booked(0, phone="+436601234567", language="de")
        letter = told("booking.confirmed", booking)
        sms.answers = [503]
        assert (await desk.messenger.carry([letter])).keys() == {letter}
        assert await desk.messenger.carry([letter]) == {}
        states = await desk.states(booking)
    assert sorted(states) == [("email", "sent", 1), ("sms", "sent", 2)]
    assert len(keeper.taken) == 1
    first, second = sms.asked
    assert first == second
    assert first["to"] == "+436601234567"
    assert first["text"].startswith("Ihre Tickets für An evening, ")
    assert first["text"].endswith(f"{SITE}/t/tkt_{booking.id[4:]}_0/0")  # it is but one ticket


# --- who wants less


async def link_of(mail: EmailMessage) -> str:
    found = re.search(rf"{SITE}/messages/(\S+)", body(mail, "plain"))
    assert found is not None
    return found[1]


async def test_who_declines_gets_what_is_necessary_only(desk: Desk) -> None:
    booking = await desk.booked(0, email="Ann.Quiet@example.org")
    await desk.messenger.carry([told("event.reminder", booking)])
    (reminder,) = desk.mails
    token = await link_of(reminder)
    assert reminder["list-unsubscribe"] == f"<{SITE}/messages/{token}>"
    assert reminder["list-unsubscribe-post"] == "List-Unsubscribe=One-Click"
    choice = await desk.service.choice(token)
    assert (choice.recipient, choice.declined) == ("A···@example.org", False)
    for _ in range(2):
        await desk.service.choose(token, declined=True)
    again = await desk.booked(1, email="ann.quiet@EXAMPLE.org")
    letters = [told("event.reminder", again), told("booking.confirmed", again)]
    assert await desk.messenger.carry(letters) == {}
    assert {(each.fact, each.state, each.answer) for each in await desk.log(again)} == {
        ("event.reminder", "skipped", DECLINED),
        ("booking.confirmed", "sent", "taken"),
    }
    await desk.service.choose(token, declined=False)
    assert not (await desk.service.choice(token)).declined
    last = await desk.booked(2, email="ann.quiet@example.org")
    await desk.messenger.carry([told("event.reminder", last)])
    assert await desk.states(last) == [("email", "sent", 1)]


# --- reminders


async def test_fans_are_reminded_once_the_day_before(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def move(hours: float, event_state: str = "published") -> None:
        async with desk.database.connection() as connection:
            await connection.execute(
                "UPDATE event SET starts_at = now() + make_interval(secs => $2), state = $3"
                " WHERE id = $1",
                desk.book.event,
                hours * 3600.0,
                event_state,
            )

    async def reminded() -> dict[str, int]:
        await desk.messenger.remind()
        found = {}
        for name, booking in bookings.items():
            letters = await _letters(desk, booking)
            found[name] = len([row for row in letters if row["subject"][:14] == "event.reminder"])
        return found

    bookings = {
        "early": await desk.booked(0),
        "late": await desk.booked(1),
        "unpaid": await desk.booked(2, state="awaiting_payment"),
        "refunded": await desk.booked(3, state="refunded"),
        "handed on": await desk.booked(4),
    }
    async with desk.database.connection() as connection:
        await connection.execute(
            "UPDATE ticket SET serial = 1, holder = 'Bob', holder_email = 'bob@example.org'"
            " WHERE booking_id = $1",
            bookings["handed on"].id,
        )
        await connection.execute(
            "UPDATE booking SET confirmed_at = now() - interval '3 days'"
            " WHERE event_id = $1 AND id <> $2",
            desk.book.event,
            bookings["late"].id,
        )
    nobody = dict.fromkeys(bookings, 0)
    for hours, state in [(25, "published"), (-1, "published"), (23, "draft"), (23, "cancelled")]:
        await move(hours, state)
        assert await reminded() == nobody
    await move(23)
    monkeypatch.setattr(limits, "reminder_batch_max", 1)
    for _ in range(2):
        assert await reminded() == nobody | {"early": 1}
    await asyncio.gather(*(desk.messenger.remind() for _ in range(3)))
    assert await reminded() == nobody | {"early": 1}
