"""Short messages through an HTTP gateway: `{"to", "text", "id"}` as JSON, one POST each."""

from typing import Final

import httpx

from usher import limits
from usher.notice.model import Away, Delayed, Outgoing, Refused

AT_ONCE: Final = 8
_ANSWER_BYTES_MAX: Final = 2_000
# It is not the message that is wrong: a token, an address, too many at once.
_AWAY: Final = (401, 402, 403, 404, 405, 429)
_LATER: Final = (408, 409, 425)


class SmsChannel:
    """Posts to `url` with `token` as bearer. The message's id is the Idempotency-Key: a gateway
    that knows it sends nothing twice."""

    def __init__(self, url: str, token: str) -> None:
        self.at_once = AT_ONCE
        self._url = url
        self._head = {"authorization": f"Bearer {token}"} if token else {}
        self._http: httpx.AsyncClient | None = None

    async def send(self, outgoing: Outgoing) -> str:
        """As `Channel.send`."""
        if self._http is None:
            self._http = httpx.AsyncClient(timeout=limits.message_s * 2 / 3)
        body = {"to": outgoing.to, "text": outgoing.body.decode(), "id": outgoing.id}
        head = self._head | {"idempotency-key": outgoing.id}
        told = b""
        try:
            async with self._http.stream("POST", self._url, json=body, headers=head) as answer:
                async for piece in answer.aiter_bytes():
                    told += piece
                    if len(told) > _ANSWER_BYTES_MAX:
                        break
        except httpx.ConnectError as fault:
            raise Away(f"the gateway cannot be reached: {fault}") from fault
        except httpx.HTTPError as fault:
            raise Delayed(f"{type(fault).__name__}: {fault}") from fault
        status = answer.status_code
        said = f"{status} {told[:_ANSWER_BYTES_MAX].decode('utf-8', 'replace')}".strip()
        if answer.is_success:
            return said
        if status in _AWAY:
            raise Away(said)
        if status >= 500 or status < 400 or status in _LATER:
            raise Delayed(said)
        raise Refused(said)

    async def rest(self) -> None:
        """Closes what is open."""
        http, self._http = self._http, None
        if http is not None:
            await http.aclose()
