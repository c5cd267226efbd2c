"""The channels of messages, each against a real server: one suite for all, then what only mail
servers do to those who write to them."""

import asyncio
import ssl
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
import trustme

from tests.post import Gateway, Office, gateway, office
from usher import limits
from usher.notice.client import SmtpChannel
from usher.notice.gateway import SmsChannel
from usher.notice.maildir import MaildirChannel
from usher.notice.model import Away, Channel, Delayed, Outgoing, Refused

pytestmark = pytest.mark.anyio

SENDER = "tickets@example.org"
MAIL = b"From: tickets@example.org\r\nMessage-ID: <1@example.org>\r\n\r\nGood evening\r\n.\r\n"


def outgoing(number: int = 1, to: str = "ann@example.org", body: bytes = MAIL) -> Outgoing:
    return Outgoing(f"msg_{number:020x}", to, body)


class Place:
    """A channel, and what has arrived at its other end, by message."""

    def __init__(self, channel: Channel, arrived: Any, idempotent: bool) -> None:
        self.channel = channel
        self.arrived = arrived
        self.idempotent = idempotent


@asynccontextmanager
async def _smtp(_: Path) -> AsyncIterator[Place]:
    async with office() as keeper:
        channel = SmtpChannel(keeper.url, SENDER)
        yield Place(channel, lambda: keeper.taken, idempotent=False)
        await channel.rest()


@asynccontextmanager
async def _maildir(folder: Path) -> AsyncIterator[Place]:
    channel = MaildirChannel(f"maildir://{folder}/a%20mail")

    def arrived() -> list[bytes]:
        return [path.read_bytes() for path in sorted((folder / "a mail" / "new").iterdir())]

    yield Place(channel, arrived, idempotent=True)


@asynccontextmanager
async def _sms(_: Path) -> AsyncIterator[Place]:
    async with gateway() as keeper:
        channel = SmsChannel(keeper.url, "secret")

        def arrived() -> list[bytes]:
            by_key = {
                head["idempotency-key"]: body
                for head, body in zip(keeper.heads, keeper.asked, strict=True)
            }
            return [body["text"].encode() for body in by_key.values()]

        yield Place(channel, arrived, idempotent=True)
        await channel.rest()


@pytest.fixture(params=[_smtp, _maildir, _sms], ids=["smtp", "maildir", "sms"])
async def place(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[Place]:
    async with request.param(tmp_path) as place:
        yield place


async def test_what_is_sent_arrives_as_it_is(place: Place) -> None:
    assert await place.channel.send(outgoing())
    assert place.arrived() == [MAIL]


async def test_the_same_again_is_the_same_where_the_channel_can_tell(place: Place) -> None:
    for _ in range(2):
        await place.channel.send(outgoing())
    assert place.arrived() == [MAIL] * (1 if place.idempotent else 2)


async def test_many_at_once_and_again_after_a_rest(place: Place) -> None:
    bodies = [MAIL + b"%d\r\n" % number for number in range(9)]
    for part in (bodies[:5], bodies[5:]):
        await asyncio.gather(
            *(place.channel.send(outgoing(bodies.index(body), body=body)) for body in part)
        )
        await place.channel.rest()
    assert sorted(place.arrived()) == sorted(bodies)


# --- mail servers


@pytest.fixture
async def keeper() -> AsyncIterator[Office]:
    async with office() as keeper:
        yield keeper


@pytest.fixture
async def mail(keeper: Office) -> AsyncIterator[SmtpChannel]:
    channel = SmtpChannel(keeper.url, SENDER)
    yield channel
    await channel.rest()


async def test_a_batch_goes_over_one_connection(keeper: Office, mail: SmtpChannel) -> None:
    for number in range(5):
        await mail.send(outgoing(number))
    assert (len(keeper.taken), keeper.sessions) == (5, 1)


async def test_the_sender_may_have_a_name(keeper: Office) -> None:
    channel = SmtpChannel(keeper.url, "Hall, the big one <tickets@example.org>")
    assert await channel.send(outgoing())
    await channel.rest()
    assert keeper.recipients == ["ann@example.org"]


async def test_one_recipient_refused_for_good_keeps_no_other_waiting(
    keeper: Office, mail: SmtpChannel
) -> None:
    keeper.answers["bob@example.org"] = ["550 no such user here"]
    with pytest.raises(Refused, match="550 no such user here"):
        await mail.send(outgoing(to="bob@example.org"))
    await mail.send(outgoing(2))
    assert (keeper.recipients, keeper.sessions) == (["ann@example.org"], 1)


async def test_a_mail_that_is_too_large_keeps_no_other_waiting() -> None:
    async with office(size_max=1_000) as keeper:
        channel = SmtpChannel(keeper.url, SENDER)
        with pytest.raises(Refused, match="552"):
            await channel.send(outgoing(body=MAIL + b"x" * 2_000))
        assert await channel.send(outgoing())
        await channel.rest()
        assert keeper.taken == [MAIL]
        assert keeper.sessions == 1


async def test_a_greylisting_server_is_asked_again(keeper: Office, mail: SmtpChannel) -> None:
    keeper.answers["ann@example.org"] = ["451 4.7.1 greylisted, come back"]
    with pytest.raises(Delayed, match=r"451 4\.7\.1 greylisted") as fault:
        await mail.send(outgoing())
    assert not isinstance(fault.value, Away)
    await mail.send(outgoing())
    assert keeper.taken == [MAIL]


@pytest.mark.parametrize(
    ("word", "kind"), [("554 spam", Refused), ("452 disk full", Delayed)], ids=["554", "452"]
)
async def test_a_message_is_refused_for_good_or_for_now(
    keeper: Office, mail: SmtpChannel, word: str, kind: type[Exception]
) -> None:
    keeper.at_data = [word]
    with pytest.raises(kind, match=word):
        await mail.send(outgoing())
    assert keeper.taken == []


async def test_a_connection_that_breaks_after_data_may_have_brought_it(
    keeper: Office, mail: SmtpChannel
) -> None:
    keeper.at_data = ["drop"]
    with pytest.raises(Delayed):
        await mail.send(outgoing())
    await mail.send(outgoing())
    assert keeper.taken == [MAIL, MAIL]
    assert keeper.sessions == 2


async def test_a_server_that_hangs_is_left(
    keeper: Office, mail: SmtpChannel, monkeypatch: pytest.MonkeyPatch
) -> None:
    keeper.answers["ann@example.org"] = ["hang"]
    with monkeypatch.context() as patched:
        patched.setattr(limits, "message_s", 0.3)
        with pytest.raises(Away):
            await mail.send(outgoing())
    await mail.send(outgoing())
    assert (keeper.taken, keeper.sessions) == ([MAIL], 2)


async def test_a_connection_that_was_closed_meanwhile_is_replaced(
    keeper: Office, mail: SmtpChannel
) -> None:
    await mail.send(outgoing())
    keeper.hang_up()
    await mail.send(outgoing(2))
    assert (len(keeper.taken), keeper.sessions) == (2, 2)


async def test_a_server_that_is_away_takes_nothing(mail: SmtpChannel) -> None:
    away = SmtpChannel("smtp://127.0.0.1:1", SENDER)
    with pytest.raises(Away):
        await away.send(outgoing())


async def test_who_is_cancelled_in_the_middle_leaves_no_half_dialogue(
    keeper: Office, mail: SmtpChannel
) -> None:
    keeper.answers["ann@example.org"] = ["hang"]
    sending = asyncio.create_task(mail.send(outgoing()))
    await asyncio.wait_for(keeper.hanging.wait(), 10)
    sending.cancel()
    with pytest.raises(asyncio.CancelledError):
        await sending
    await mail.send(outgoing(2))
    assert keeper.sessions == 2


@pytest.mark.parametrize(
    "address",
    [
        pytest.param("ann", id="no-domain"),
        pytest.param("@example.org", id="no-name"),
        pytest.param("a b@example.org", id="blank"),
        pytest.param("a>b@example.org", id="bracket"),
        pytest.param("ann@", id="empty-domain"),
        pytest.param("ann@-.org", id="no-host"),
        pytest.param("ann@exa\r\nmple.org", id="line-break-in-the-domain"),
        pytest.param("ann\r\nRCPT TO:<eve@example.org>@example.org", id="a-command"),
        pytest.param("a..b@example.org", id="two-dots"),
    ],
)
async def test_what_is_no_address_is_never_said_to_a_server(
    keeper: Office, mail: SmtpChannel, address: str
) -> None:
    with pytest.raises(Refused, match=r"no (address|domain) that mail can go to"):
        await mail.send(outgoing(to=address))
    assert keeper.sessions == 0


async def test_domains_of_any_script_are_written_in_ascii(
    keeper: Office, mail: SmtpChannel
) -> None:
    await mail.send(outgoing(to="ann@bücher.example"))
    assert keeper.recipients == ["ann@xn--bcher-kva.example"]


async def test_an_address_of_any_script_goes_where_the_server_takes_it() -> None:
    async with office(utf8=True) as wide, office(utf8=False) as narrow:
        body = MAIL.replace(b"evening", "كتاب".encode())
        channels = [SmtpChannel(each.url, SENDER) for each in (wide, narrow)]
        await channels[0].send(outgoing(to="كتاب@example.org", body=body))
        with pytest.raises(Refused, match="SMTPUTF8"):
            await channels[1].send(outgoing(to="كتاب@example.org", body=body))
        for channel in channels:
            await channel.rest()
    assert (wide.recipients, wide.taken) == (["كتاب@example.org"], [body])
    assert narrow.taken == []


# --- secrets

# Another host than our own, by its address: plain words go only to the latter.
other_host = pytest.mark.skipif(
    sys.platform == "darwin", reason="127.0.0.2 is nobody's address there"
)


class Papers:
    """A certificate for 127.0.0.2 (no host of our own, by its name), and who trusts it."""

    def __init__(self) -> None:
        authority = trustme.CA()
        self.server = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
        authority.issue_cert("127.0.0.2").configure_cert(self.server)
        self.trust = ssl.create_default_context()
        authority.configure_trust(self.trust)


@pytest.fixture(scope="module")
def papers() -> Papers:
    return Papers()


def elsewhere(scheme: str, keeper: Office, login: str = "") -> str:
    return f"{scheme}://{login}127.0.0.2:{keeper.port}"


@other_host
async def test_a_password_is_sent_after_starttls(papers: Papers) -> None:
    async with office(host="127.0.0.2", starttls=papers.server) as keeper:
        url = elsewhere("smtp", keeper, "ann:right%2Fword@")
        channel = SmtpChannel(url, SENDER, papers.trust)
        await channel.send(outgoing())
        await channel.rest()
    assert keeper.logins == [(b"ann", b"right/word", True)]
    assert keeper.taken == [MAIL]


@other_host
async def test_a_password_is_never_sent_in_the_clear(papers: Papers) -> None:
    async with office(host="127.0.0.2") as keeper:
        channel = SmtpChannel(elsewhere("smtp", keeper, "ann:right%2Fword@"), SENDER)
        with pytest.raises(Away):
            await channel.send(outgoing())
    assert (keeper.logins, keeper.taken) == ([], [])


@other_host
async def test_tls_is_used_where_it_is_offered_without_a_password_too(papers: Papers) -> None:
    async with office(host="127.0.0.2", starttls=papers.server) as keeper:
        channel = SmtpChannel(elsewhere("smtp", keeper), SENDER)
        with pytest.raises(Away, match=r"(?i)certificate"):
            await channel.send(outgoing())
    assert keeper.taken == []


@other_host
async def test_tls_from_the_first_byte(papers: Papers) -> None:
    async with office(host="127.0.0.2", tls=papers.server) as keeper:
        channel = SmtpChannel(elsewhere("smtps", keeper), SENDER, papers.trust)
        await channel.send(outgoing())
        await channel.rest()
        stranger = SmtpChannel(elsewhere("smtps", keeper), SENDER)
        with pytest.raises(Away, match=r"(?i)certificate"):
            await stranger.send(outgoing())
    assert keeper.taken == [MAIL]


@other_host
async def test_a_wrong_password_refuses_no_recipient(papers: Papers) -> None:
    async with office(host="127.0.0.2", starttls=papers.server) as keeper:
        channel = SmtpChannel(elsewhere("smtp", keeper, "ann:wrong@"), SENDER, papers.trust)
        with pytest.raises(Away, match="535"):
            await channel.send(outgoing())
    assert keeper.taken == []


# --- the Maildir


def _read(folder: Path) -> list[str]:
    """As a mail program does: what is new moves to cur/, with a flag."""
    names = [path.name for path in (folder / "new").iterdir()]
    for name in names:
        (folder / "new" / name).rename(folder / "cur" / f"{name}:2,S")
    return names


async def test_a_mail_that_was_read_does_not_come_again(tmp_path: Path) -> None:
    channel = MaildirChannel(f"maildir://{tmp_path}")
    await channel.send(outgoing())
    (name,) = _read(tmp_path)
    await channel.send(outgoing())
    assert name
    assert _read(tmp_path) == []


async def test_a_folder_that_cannot_be_written_is_away(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("no folder")
    with pytest.raises(Away, match="file"):
        await MaildirChannel(f"maildir://{tmp_path}/file").send(outgoing())


# --- the SMS gateway


@pytest.fixture
async def sms() -> AsyncIterator[tuple[Gateway, SmsChannel]]:
    async with gateway() as keeper:
        channel = SmsChannel(keeper.url, "secret")
        yield keeper, channel
        await channel.rest()


async def test_what_the_gateway_is_told(sms: tuple[Gateway, SmsChannel]) -> None:
    keeper, channel = sms
    message = outgoing(to="+436601234567", body="Bis bald, كتاب".encode())
    assert await channel.send(message) == '202 {"state": "told"}'
    assert keeper.asked == [{"to": message.to, "text": "Bis bald, كتاب", "id": message.id}]
    (head,) = keeper.heads
    assert head["authorization"] == "bearer secret"
    assert head["idempotency-key"] == message.id


@pytest.mark.parametrize(
    ("status", "kind"),
    [(422, Refused), (400, Refused), (500, Delayed), (302, Delayed), (429, Away), (401, Away)],
    ids=lambda each: str(each) if isinstance(each, int) else each.__name__,
)
async def test_what_its_refusals_mean(
    sms: tuple[Gateway, SmsChannel], status: int, kind: type[Exception]
) -> None:
    keeper, channel = sms
    keeper.answers = [status]
    with pytest.raises((Refused, Delayed), match=str(status)) as fault:
        await channel.send(outgoing())
    assert type(fault.value) is kind
    await channel.send(outgoing())


async def test_a_gateway_that_hangs_or_is_away(
    sms: tuple[Gateway, SmsChannel], monkeypatch: pytest.MonkeyPatch
) -> None:
    keeper, channel = sms
    monkeypatch.setattr(limits, "message_s", 0.3)
    keeper.answers = ["hang"]
    with pytest.raises(Delayed):
        await channel.send(outgoing())
    with pytest.raises(Away):
        await SmsChannel("http://127.0.0.1:1/", "").send(outgoing())
