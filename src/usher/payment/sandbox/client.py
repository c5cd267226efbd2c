"""The bank's postman: posts signed webhooks over HTTP until they are taken."""

import asyncio
from typing import Final

import httpx
import msgspec
import structlog

from usher.clock import now_ms
from usher.errors import Unavailable
from usher.payment.sandbox import queries
from usher.payment.sandbox.model import Envelope
from usher.payment.sandbox.service import SANDBOX, SIGNATURE
from usher.plumbing.postgres import Database
from usher.plumbing.signing import Signer

log = structlog.get_logger("usher.sandbox")

BATCH_MAX: Final = 200
IDLE_S: Final = 0.1
TIMEOUT_S: Final = 5.0


class Postman:
    """At least once: a delivery is marked as sent only after the shop has answered 2xx. Each bank
    has its own, which looks for more `idle_s` after it has found nothing."""

    def __init__(
        self,
        database: Database,
        signer: Signer,
        url: str,
        bank: str = SANDBOX,
        idle_s: float = IDLE_S,
    ) -> None:
        self._database = database
        self._signer = signer
        self._url = f"{url.rstrip('/')}/api/v1/payments/webhooks/{bank}"
        self._bank = bank
        self._idle_s = idle_s

    async def run(self) -> None:
        """Delivers until cancelled."""
        async with httpx.AsyncClient(timeout=TIMEOUT_S) as http:
            while True:
                try:
                    if not await self._round(http):
                        await asyncio.sleep(self._idle_s)
                except (Unavailable, httpx.HTTPError) as fault:
                    log.warning("webhooks not delivered", fault=str(fault))
                    await asyncio.sleep(1)

    async def _round(self, http: httpx.AsyncClient) -> int:
        due = await queries.due_webhooks(self._database, BATCH_MAX, self._bank)
        if not due:
            return 0
        body = msgspec.json.encode(Envelope(now_ms() // 1000, due))
        answer = await http.post(
            self._url,
            content=body,
            headers={"content-type": "application/json", SIGNATURE: self._signer.mac(body)},
        )
        if answer.is_success:
            await queries.sent(self._database, [each.id for each in due])
        else:
            log.warning("webhooks refused", status=answer.status_code)
            await asyncio.sleep(1)
        return len(due)
