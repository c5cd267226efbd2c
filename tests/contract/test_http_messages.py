"""Messages over HTTP: who may read the log, tickets sent again, what people want to be written."""

import asyncio
import json
import re
from email import message_from_bytes
from email.message import EmailMessage
from email.policy import default
from pathlib import Path
from typing import Any, cast
from urllib.parse import urlsplit

import httpx
import pytest
from click.testing import CliRunner

from tests.conftest import Site
from tests.contract.fan import Fan, bearer, private, refused
from tests.contract.waiter import SoldOut
from tests.sale import put_on_sale
from usher.account.model import Role
from usher.booking.queries import find_many
from usher.cli import main
from usher.ids import new_id
from usher.outbox import queries as outbox
from usher.settings import environ_of
from usher.venue.generate import rows_by_columns
from usher.web import build_app
from usher.wiring import House, opened

pytestmark = pytest.mark.anyio

PAGE = {"accept": "text/html"}


class Story:
    """A fan with tickets that were sent, and what the organiser sees of that."""

    def __init__(
        self, house: House, http: httpx.AsyncClient, fan: Fan, tokens: dict[Role, str]
    ) -> None:
        self.house = house
        self.http = http
        self.fan = fan
        self.staff = tokens[Role.STAFF]
        self.organiser = tokens[Role.ORGANISER]
        self.booking = ""

    @property
    def path(self) -> str:
        return f"/api/v1/bookings/{self.booking}/messages"

    async def log(self) -> list[dict[str, Any]]:
        answer = await self.http.get(self.path, headers=bearer(self.staff))
        found: list[dict[str, Any]] = private(answer, 200)["messages"]
        return found

    async def until_sent(self, times: int) -> list[dict[str, Any]]:
        """The log, once so many messages are sent."""
        for _ in range(300):
            found = await self.log()
            if [each["state"] for each in found] == ["sent"] * times:
                return found
            await asyncio.sleep(0.05)
        raise AssertionError(f"never sent: {found}")

    async def tell(self, fact: Any) -> None:
        async with self.house.database.transaction() as connection:
            await outbox.tell(connection, fact, [self.booking])

    async def earlier(self) -> None:
        """As if a minute had gone by."""
        async with self.house.database.connection() as connection:
            await connection.execute(
                "UPDATE message SET created_at = created_at - interval '61 s'"
                " WHERE booking_id = $1",
                self.booking,
            )

    def mail(self, message: dict[str, Any]) -> EmailMessage:
        return mail_of(self.house, message["message_id"])

    async def page(self) -> str:
        head = PAGE | bearer(self.fan.admission)
        return (await self.http.get(f"/bookings/{self.booking}", headers=head)).text

    async def ask_again(self, fan: Fan) -> httpx.Response:
        """Presses the button that sends the tickets again."""
        path = f"/bookings/{self.booking}/messages"
        return await self.http.post(path, headers=bearer(fan.admission))


@pytest.fixture
async def story(
    house: House, http: httpx.AsyncClient, fan: Fan, row: list[str], tokens: dict[Role, str]
) -> Story:
    story = Story(house, http, fan, tokens)
    story.booking = await fan.booked(row[0], row[1])
    await fan.pay(story.booking)
    await fan.booking_until(story.booking, "confirmed")
    return story


async def test_the_log_says_what_was_sent_to_whom(story: Story) -> None:
    (message,) = await story.until_sent(1)
    assert message["fact"] == "booking.confirmed"
    assert (message["channel"], message["recipient"]) == ("email", "ann@example.org")
    assert (message["booking_id"], message["attempts"]) == (story.booking, 1)
    assert message["answer"].endswith(f"{message['message_id']}.eml")
    mail = story.mail(message)
    assert mail["subject"] == "Your tickets for A test evening"
    pdf, calendar = mail.iter_attachments()
    assert pdf.get_content().startswith(b"%PDF-")
    assert f"{story.booking}@usher" in calendar.get_content()
    text = plain(mail)
    site = story.house.settings.public_url
    assert f"{site}/bookings/{story.booking}" in text
    links = re.findall(rf"{site}/tickets/\S+", text)
    assert len(links) == 2
    for link in links:  # in whatever browser it is opened
        page = await story.http.get(link, headers=PAGE, follow_redirects=True)
        assert page.status_code == 200
        assert "A test evening" in page.text


async def test_money_that_goes_back_and_tickets_that_change_hands_are_told(story: Story) -> None:
    await story.until_sent(1)
    tickets = [f"tkt_{story.booking[4:]}_{each['index']}" for each in await seats_of(story)]
    path = f"/api/v1/tickets/{tickets[0]}/transfer"
    body = {"name": "Bob", "email": "bob@example.org"}
    answer = await story.fan.ask("POST", path, json=body)
    assert answer.status_code == 200, answer.text
    found = await story.until_sent(3)
    by = {each["recipient"]: each for each in found if each["fact"] == "ticket.transferred"}
    assert by.keys() == {"ann@example.org", "bob@example.org"}
    mail = story.mail(by["bob@example.org"])
    (pdf,) = mail.iter_attachments()
    assert pdf.get_content().startswith(b"%PDF-")
    link = re.search(rf"{story.house.settings.public_url}/tickets/\S+", plain(mail))
    assert link is not None
    page = await story.http.get(link[0], headers=PAGE, follow_redirects=True)
    assert page.status_code == 200
    answer = await story.http.post(
        f"/api/v1/bookings/{story.booking}/cancellation",
        headers=bearer(story.organiser),
        json={"tickets": [tickets[1]], "reason": "The seat is broken"},
    )
    assert answer.status_code == 200, answer.text
    refund = (await story.until_sent(4))[-1]
    assert (refund["fact"], refund["recipient"]) == ("booking.refunded", "ann@example.org")
    assert "The seat is broken" in plain(story.mail(refund))


async def test_an_offer_of_the_waiting_list_is_mailed(
    house: House, http: httpx.AsyncClient
) -> None:
    hall = await SoldOut.set_up(house, http)
    ann = await hall.waiter("ann", 2, name="Ann", language="de")
    await hall.give_back(0, 1)
    await ann.until("offered")
    for _ in range(300):
        found = await house.messages.search(event=hall.event, most=5)
        if [each.state for each in found] == ["sent"]:
            break
        await asyncio.sleep(0.05)
    (message,) = found
    assert (message.fact, message.booking_id) == ("offer.made", None)
    mail = mail_of(house, message.id)
    assert mail["subject"] == "Plätze für A test evening sind für Sie frei"
    links = re.findall(rf"{house.settings.public_url}/(\w+)/\S+", plain(mail))
    assert sorted(set(links)) == ["messages", "offers", "waitlist"]
    for link in re.findall(r"http\S+", body_lines(mail)):
        page = await http.get(link, headers=PAGE, follow_redirects=True)
        assert page.status_code == 200, link


def body_lines(mail: EmailMessage) -> str:
    """The text of a mail above its foot."""
    return plain(mail).replace("\r", "").partition("\n-- \n")[0]


def mail_of(house: House, message: str) -> EmailMessage:
    folder = Path(urlsplit(house.settings.mail_url).path)
    found = message_from_bytes((folder / "new" / f"{message}.eml").read_bytes(), policy=default)
    assert isinstance(found, EmailMessage)
    return found


async def seats_of(story: Story) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = (await story.fan.booking(story.booking))["seats"]
    return found


def plain(mail: EmailMessage) -> str:
    body = mail.get_body(("plain",))
    assert body is not None
    content = body.get_content()
    assert isinstance(content, str)
    return content


async def test_who_may_read_the_log(
    story: Story, other: Fan, tokens: dict[Role, str], house: House
) -> None:
    http = story.http
    for role in (Role.STAFF, Role.ORGANISER, Role.ADMIN):
        private(await http.get(story.path, headers=bearer(tokens[role])), 200)
    refused(await http.get(story.path), 401, "unauthenticated")
    for token in (story.fan.admission, story.fan.identity):
        refused(await http.get(story.path, headers=bearer(token)), 401, "unauthenticated")
    refused(await http.get(story.path, headers=bearer(tokens[Role.FAN])), 403, "forbidden")
    for unknown in (new_id("booking"), "bkg_1", "%00"):
        path = f"/api/v1/bookings/{unknown}/messages"
        refused(await http.get(path, headers=bearer(story.staff)), 404, "not_found")
    event = await put_on_sale(house, rows_by_columns(1, 4), mode="simple")
    email = f"{new_id('account')}@example.org"
    otto = await house.accounts.add(email, "correct horse battery", "Otto", Role.ORGANISER)
    async with house.database.connection() as connection:
        await connection.execute(
            "UPDATE event SET organiser_id = $2 WHERE id = $1", event, otto.account_id
        )
    booking = await (await Fan(http, event).come_in()).booked("A-1")
    path = f"/api/v1/bookings/{booking}/messages"
    answer = await http.get(path, headers=bearer(tokens[Role.ORGANISER]))
    refused(answer, 403, "forbidden")
    private(await http.get(path, headers=bearer(story.staff)), 200)


async def test_a_booking_says_that_its_tickets_were_sent_and_sends_them_again(
    story: Story, other: Fan
) -> None:
    await story.until_sent(1)
    page = await story.page()
    assert "We have sent your tickets to ann@example.org" in page
    again = f"/bookings/{story.booking}/messages"
    assert f'action="{again}"' in page
    assert "Send them again" not in page
    for _ in range(2):  # too soon
        answer = await story.ask_again(story.fan)
        assert (answer.status_code, answer.headers["location"]) == (303, again[: -len("/messages")])
    assert len(await story.log()) == 1
    await story.earlier()
    assert "Send them again" in await story.page()
    answer = await story.ask_again(other)
    assert answer.status_code == 403
    for _ in range(3):
        await story.ask_again(story.fan)
    first, second = await story.until_sent(2)
    assert first["message_id"] != second["message_id"]
    assert story.mail(first)["message-id"] != story.mail(second)["message-id"]
    assert story.mail(first)["subject"] == story.mail(second)["subject"]


async def test_the_link_in_a_mail_declines_reminders_by_one_click(story: Story) -> None:
    await story.tell("event.reminder")
    reminder = next(each for each in await story.until_sent(2) if each["fact"] == "event.reminder")
    mail = story.mail(reminder)
    link = mail["list-unsubscribe"].strip("<>")
    http = story.http
    try:
        for _ in range(2):  # programs look at links
            page = await http.get(link, headers=PAGE)
            assert page.status_code == 200
            assert "We remind you the day before your event" in page.text
            assert "a···@example.org" in page.text
            assert "ann@example.org" not in page.text
        form = dict([mail["list-unsubscribe-post"].split("=")])
        elsewhere = await http.post(link, data=form, headers={"sec-fetch-site": "cross-site"})
        assert elsewhere.status_code == 403
        for _ in range(2):
            answer = await http.post(link, data=form)
            assert (answer.status_code, answer.text) == (200, "done")
            assert "set-cookie" not in answer.headers
        assert "You get no reminders" in (await http.get(link, headers=PAGE)).text
        answer = await http.post(link, data={"reminders": "on"})
        assert (answer.status_code, answer.headers["location"]) == (303, urlsplit(link).path)
        assert "We remind you" in (await http.get(link, headers=PAGE)).text
        answer = await http.post(link, data={"reminders": "off"})
        assert "You get no reminders" in (await http.get(link, headers=PAGE)).text
    finally:
        await http.post(link, data={"reminders": "on"})


async def test_links_that_are_none_say_so(story: Story) -> None:
    path = urlsplit(re.sub(r"\s", "", (await _any_link(story)))).path
    wrong = [f"{path[:-2]}xx", "/messages/x", "/messages/%00", f"/messages/{story.fan.admission}"]
    forgotten = story.house.signer.sign("opt_out", {"sub": "msg_1"}, expires_s=2**40)
    for where, status in [*((each, 401) for each in wrong), (f"/messages/{forgotten}", 404)]:
        page = await story.http.get(where, headers=PAGE)
        assert page.status_code == status, where
        assert "This link is not good any more" in page.text
        answer = await story.http.post(where, data={"List-Unsubscribe": "One-Click"})
        assert answer.status_code == status
        assert (await story.http.post(where, data={"reminders": "off"})).status_code == status


async def _any_link(story: Story) -> str:
    (message,) = await story.until_sent(1)
    found = re.search(r"http\S+/messages/\S+", plain(story.mail(message)))
    assert found is not None
    return found[0]


async def test_messages_on_the_command_line(story: Story) -> None:
    await story.until_sent(1)
    environ = environ_of(story.house.settings)

    def usher(*words: str) -> Any:
        return CliRunner().invoke(main, words, env=environ)

    def listed(*words: str) -> list[dict[str, Any]]:
        told = usher("messages", "list", "--json", *words)
        assert told.exit_code == 0, told.output
        found: list[dict[str, Any]] = json.loads(told.stdout)
        return found

    loop = asyncio.get_running_loop()
    (message,) = await loop.run_in_executor(None, listed, "--booking", story.booking)
    assert message["state"] == "sent"
    none = await loop.run_in_executor(None, listed, "--booking", story.booking, "--state", "failed")
    assert none == []
    told = await loop.run_in_executor(None, usher, "messages", "resend", story.booking)
    assert told.exit_code == 0, told.output
    assert len(await story.until_sent(2)) == 2
    told = await loop.run_in_executor(None, usher, "messages", "list", "--booking", story.booking)
    assert told.stdout.count("booking.confirmed") == 2
    told = await loop.run_in_executor(None, usher, "messages", "resend", new_id("booking"))
    assert (told.exit_code, "no such booking" in told.stderr) == (1, True)


async def test_no_number_is_asked_for_where_no_short_messages_are_sent(
    fan: Fan, row: list[str]
) -> None:
    hold = (await fan.held(row[2]))["hold_id"]
    path = f"/events/{fan.event}/checkout/{hold}"
    page = (await fan.http.get(path, headers=PAGE | bearer(fan.admission))).text
    assert 'name="email"' in page
    assert 'name="phone"' not in page


async def test_a_number_is_asked_for_where_short_messages_are_sent(
    site: Site, fan: Fan, row: list[str]
) -> None:
    settings = site.settings.with_(sms_url="http://127.0.0.1:1/", port=0)
    hold = (await fan.held(row[3]))["hold_id"]
    path, head = f"/events/{fan.event}/checkout/{hold}", PAGE | bearer(fan.admission)
    async with (
        opened(settings) as house,
        httpx.AsyncClient(
            transport=httpx.ASGITransport(app=cast(Any, build_app(house))), base_url=site.url
        ) as http,
    ):
        assert 'name="phone"' in (await http.get(path, headers=head)).text
        form = {"name": "Ann", "email": "ann@example.org", "phone": "0660 12 34"}
        answer = await http.post(path, data=form, headers=head)
        assert answer.status_code == 422
        assert 'value="0660 12 34"' in answer.text
        answer = await http.post(path, data=form | {"phone": "+43 660 / 12-34-567"}, headers=head)
        assert answer.status_code == 303, answer.text
        booking = answer.headers["location"].rpartition("/")[2]
        await fan.booking_until(booking, "awaiting_payment")
        (row_,) = (await find_many(house.database, [booking])).values()
    assert row_.phone == "+436601234567"
