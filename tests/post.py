"""Places that messages arrive at: a mail server that can be made to misbehave, and an SMS gateway.

Both are real servers on real sockets.
"""

import asyncio
import json
import ssl
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from email import message_from_bytes
from email.message import EmailMessage
from email.policy import default
from typing import Any

from aiosmtpd.smtp import SMTP, AuthResult, Envelope, LoginPassword, Session


class Office:
    """A mail server. `answers` holds, per recipient, what is said to the next attempts: an SMTP
    reply, "hang" or "drop" on RCPT; the same for DATA in `at_data`, where "drop" comes after the
    message was taken. Whoever has none left is taken in."""

    def __init__(self) -> None:
        self.port = 0
        self.taken: list[bytes] = []
        self.recipients: list[str] = []
        self.senders: set[str] = set()
        self.sessions = 0
        self.logins: list[tuple[bytes, bytes, bool]] = []
        self.answers: dict[str, list[str]] = {}
        self.at_data: list[str] = []
        self.hanging = asyncio.Event()
        self.on_taken: Callable[[], None] = lambda: None
        self.open: set[asyncio.BaseTransport] = set()

    @property
    def url(self) -> str:
        return f"smtp://127.0.0.1:{self.port}"

    @property
    def mails(self) -> list[EmailMessage]:
        """What has arrived, read back."""
        found = [message_from_bytes(each, policy=default) for each in self.taken]
        return [each for each in found if isinstance(each, EmailMessage)]

    def hang_up(self) -> None:
        """Closes every connection, as a server does that is tired of waiting."""
        for transport in self.open:
            transport.close()

    async def _do(self, word: str, server: SMTP) -> str:
        if word == "hang":
            self.hanging.set()
            await asyncio.sleep(60)
        if word == "drop":
            assert isinstance(server.transport, asyncio.WriteTransport)
            server.transport.abort()
            await asyncio.sleep(60)
        return word

    # --- as aiosmtpd calls it

    async def handle_RCPT(  # noqa: N802
        self, server: SMTP, session: Session, envelope: Envelope, address: str, options: list[str]
    ) -> str:
        if self.answers.get(address):
            return await self._do(self.answers[address].pop(0), server)
        envelope.rcpt_tos.append(address)
        return "250 OK"

    async def handle_DATA(  # noqa: N802
        self, server: SMTP, session: Session, envelope: Envelope
    ) -> str:
        word = self.at_data.pop(0) if self.at_data else "250 taken"
        if word == "drop" or word.startswith("250"):
            assert isinstance(envelope.content, bytes)
            self.taken.append(envelope.content)
            self.recipients += envelope.rcpt_tos
            self.senders.add(str(envelope.mail_from))
            self.on_taken()
        return await self._do(word, server)

    def login(self, server: SMTP, session: Session, envelope: Envelope, how: str, data: Any) -> Any:
        assert isinstance(data, LoginPassword)
        self.logins.append((data.login, data.password, session.ssl is not None))
        return AuthResult(success=data.password == b"right/word", handled=False)


class _Server(SMTP):
    """Counts its sessions, and says any bytes: those that are no text stand as surrogates."""

    async def push(self, status: Any) -> None:
        told = status.encode("utf-8", "surrogateescape") if isinstance(status, str) else status
        await super().push(told)

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        if self.session is None:
            self.event_handler.sessions += 1
        self.event_handler.open.add(transport)
        super().connection_made(transport)

    def connection_lost(self, error: Exception | None) -> None:
        if self.transport is not None:
            self.event_handler.open.discard(self.transport)
        super().connection_lost(error)


@asynccontextmanager
async def office(
    *,
    host: str = "127.0.0.1",
    starttls: ssl.SSLContext | None = None,
    tls: ssl.SSLContext | None = None,
    utf8: bool = True,
    size_max: int = 2**25,
) -> AsyncIterator[Office]:
    """A mail server, open for as long as the block lasts; it takes mails of `size_max` bytes."""
    keeper = Office()
    loop = asyncio.get_running_loop()

    def make() -> SMTP:
        return _Server(
            keeper,
            hostname="mail.example.org",
            enable_SMTPUTF8=utf8,
            data_size_limit=size_max,
            tls_context=starttls,
            authenticator=keeper.login,
            auth_require_tls=starttls is not None,
            loop=loop,
        )

    server = await loop.create_server(make, host, 0, ssl=tls)
    keeper.port = server.sockets[0].getsockname()[1]
    try:
        yield keeper
    finally:
        server.close()
        for transport in list(keeper.open):
            transport.abort()  # type: ignore[attr-defined]
        await asyncio.sleep(0)


class Gateway:
    """An SMS gateway: `answers` are the statuses of the next requests, or "hang"; then 202."""

    def __init__(self) -> None:
        self.url = ""
        self.heads: list[dict[str, str]] = []
        self.asked: list[dict[str, Any]] = []
        self.answers: list[int | str] = []

    async def _talk(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while True:
                raw = await reader.readuntil(b"\r\n\r\n")
                lines = raw.decode().split("\r\n")
                head = dict(line.lower().split(": ", 1) for line in lines[1:] if line)
                body = await reader.readexactly(int(head.get("content-length", "0")))
                self.heads.append(head)
                self.asked.append(json.loads(body))
                status = self.answers.pop(0) if self.answers else 202
                if status == "hang":
                    await asyncio.sleep(60)
                said = b'{"state": "told"}'
                writer.write(
                    b"HTTP/1.1 %s X\r\ncontent-length: %d\r\n\r\n"
                    % (str(status).encode(), len(said))
                    + said
                )
                await writer.drain()
        except (asyncio.IncompleteReadError, ConnectionError):
            pass
        finally:
            writer.close()


@asynccontextmanager
async def gateway() -> AsyncIterator[Gateway]:
    """An SMS gateway, open for as long as the block lasts."""
    keeper = Gateway()
    tasks: set[asyncio.Task[None]] = set()

    def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.create_task(keeper._talk(reader, writer))
        tasks.add(task)
        task.add_done_callback(tasks.discard)

    server = await asyncio.start_server(talk, "127.0.0.1", 0)
    keeper.url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/send"
    try:
        yield keeper
    finally:
        server.close()
        for task in list(tasks):
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
