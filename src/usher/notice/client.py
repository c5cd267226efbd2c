"""Mail by SMTP (RFC 5321): a few connections, kept for as long as a batch lasts."""

import contextlib
import ssl
from typing import Final
from urllib.parse import unquote, urlsplit

import aiosmtplib

from usher import limits
from usher.notice.address import mailbox, named
from usher.notice.model import Away, Delayed, Outgoing, Refused

# One of these instead of a code for the recipient: it is we who are not let in.
_NOT_THE_RECIPIENT: Final = (530, 535)
_TOO_LARGE: Final = 552  # RFC 1870: said of the sender, and meant of this one message
_GOODBYE_S: Final = 2.0


class SmtpChannel:
    """`smtp://user:password@host:port`, or `smtps://` for TLS from the first byte.

    By `smtp://` a password is only ever sent after STARTTLS, without one TLS is used where the
    server offers it; the server on this machine is spoken to plainly. Certificates are checked
    against those that this machine trusts, or by `trust`. `sender` is an address, or a name and an
    address; it is the latter that mail which cannot be delivered comes back to.
    """

    def __init__(self, url: str, sender: str, trust: ssl.SSLContext | None = None) -> None:
        parts = urlsplit(url)
        self.at_once = limits.messages_at_once
        self._sender = mailbox(named(sender)[1])
        self._host = parts.hostname or ""
        self._port = parts.port
        self._secure = parts.scheme == "smtps"
        self._user = unquote(parts.username or "") or None
        self._password = unquote(parts.password or "") or None
        self._trust = trust
        self._idle: list[aiosmtplib.SMTP] = []

    async def send(self, outgoing: Outgoing) -> str:
        """As `Channel.send`. A server that refuses the recipient or the message with 5xx has
        refused for good; whatever else goes wrong may go better later."""
        to = mailbox(outgoing.to)
        link = await self._link()
        good = False
        try:
            _, said = await link.sendmail(
                self._sender,
                [to],
                outgoing.body,
                mail_options=[] if to.isascii() else ["SMTPUTF8"],
            )
            good = True
            return said
        except aiosmtplib.SMTPRecipientsRefused as refusal:
            good = True
            raise _judged(refusal.recipients[0]) from refusal
        except aiosmtplib.SMTPDataError as refusal:
            good = True
            raise _judged(refusal) from refusal
        except aiosmtplib.SMTPNotSupported as refusal:
            good = True
            raise Refused(refusal.message) from refusal
        except (aiosmtplib.SMTPSenderRefused, TimeoutError) as fault:
            if isinstance(fault, aiosmtplib.SMTPSenderRefused) and fault.code == _TOO_LARGE:
                good = True
                raise Refused(_told(fault)) from fault
            raise Away(_told(fault)) from fault
        except (aiosmtplib.SMTPException, OSError) as fault:
            raise Delayed(_told(fault)) from fault
        finally:  # cancelled, too: in the middle of a dialogue there is no next message
            if good and link.is_connected:
                self._idle.append(link)
            else:
                link.close()

    async def greet(self) -> None:
        """Says hello, logs in where there is a login, and goodbye; Away where that cannot be."""
        self._idle.append(await self._link())
        await self.rest()

    async def _link(self) -> aiosmtplib.SMTP:
        """A connection that answers: one that is idle, or a new one."""
        while self._idle:
            link = self._idle.pop()
            try:
                await link.noop()
                return link
            except (aiosmtplib.SMTPException, OSError, TimeoutError):
                link.close()
        link = aiosmtplib.SMTP(
            hostname=self._host,
            port=self._port,
            username=self._user,
            password=self._password,
            local_hostname=self._sender.rpartition("@")[2],
            use_tls=self._secure,
            start_tls=self._start_tls(),
            tls_context=self._trust,
            timeout=limits.message_s * 2 / 3,
        )
        try:
            await link.connect()
        except (aiosmtplib.SMTPException, OSError, TimeoutError) as fault:
            raise Away(_told(fault)) from fault
        return link

    def _start_tls(self) -> bool | None:
        if self._secure or self._host in ("localhost", "127.0.0.1", "::1"):
            return bool(self._trust) and not self._secure
        return True if self._password else None

    async def rest(self) -> None:
        """Says goodbye on every connection."""
        idle, self._idle = self._idle, []
        for link in idle:
            with contextlib.suppress(aiosmtplib.SMTPException, OSError, TimeoutError):
                await link.quit(timeout=_GOODBYE_S)
            link.close()


def _judged(refusal: aiosmtplib.SMTPResponseException) -> Exception:
    told = f"{refusal.code} {refusal.message}"
    if refusal.code in _NOT_THE_RECIPIENT:
        return Away(told)
    return Refused(told) if refusal.code >= 500 else Delayed(told)


def _told(fault: BaseException) -> str:
    if isinstance(fault, aiosmtplib.SMTPResponseException):
        return f"{fault.code} {fault.message}"
    return str(fault) or type(fault).__name__
