"""Comparing our book with each provider's, and making both true.

What an order given again will mend is mended so: every order may be repeated. What is left is
written down for people, and the audit shows it until the books agree. Two books are never read at
one instant, so a difference counts only when a second look a moment later finds it still.
"""

import asyncio
from collections.abc import Mapping, Sequence
from typing import Final

import structlog

from usher.clock import now_ms
from usher.errors import Unavailable, UsherError
from usher.ids import derived_id
from usher.payment.model import Payment, Provider, Standing
from usher.payment.reconciling import queries
from usher.payment.reconciling.model import Difference, Ours, Report, compare
from usher.payment.service import PaymentService
from usher.plumbing.postgres import Database

log = structlog.get_logger("usher.reconcile")

# As far back as the comparison of each minute looks: long enough for a worker to be restarted in.
SINCE_S: Final = 900
_PAUSE_S: Final = 1.0
_LOOKED_AT_MAX: Final = 2_000  # charges asked about one by one
_AT_ONCE: Final = 16  # as many of them: a guard lets some more through


class Reconciler:
    def __init__(
        self, database: Database, payments: PaymentService, providers: Mapping[str, Provider]
    ) -> None:
        self._database = database
        self._payments = payments
        self._providers = providers

    async def reconcile(self, since_s: float = SINCE_S, pause_s: float = _PAUSE_S) -> Report:
        """Compares all that has moved in the last `since_s` seconds, and what was found before.
        Unavailable where no provider answers at all."""
        asked = await self._payments.reconcile()
        compared = 0
        mended: list[Difference] = []
        findings: list[Difference] = []
        away: list[str] = []
        for name in self._providers:
            try:
                count, good, bad = await self._one(name, now_ms() - int(since_s * 1000), pause_s)
            except UsherError as fault:
                log.warning("books not compared", provider=name, fault=fault.detail)
                away.append(name)
                continue
            compared, mended, findings = compared + count, mended + good, findings + bad
        if away and len(away) == len(self._providers):
            raise Unavailable("no payment provider answers", retry_after_s=30)
        return Report(compared=compared, asked=asked, mended=mended, findings=findings)

    async def _one(
        self, name: str, since_ms: int, pause_s: float
    ) -> tuple[int, list[Difference], list[Difference]]:
        before = await queries.open_findings(self._database, name)
        ours, theirs = await self._books(name, since_ms, before)
        suspects = [
            each for each in ours.keys() | theirs.keys() if _differ(name, ours, theirs, each)
        ]
        mended: list[Difference] = []
        findings: list[Difference] = []
        if suspects:
            await asyncio.sleep(pause_s)
            known = await queries.by_id(self._database, suspects)
            orders = await self._under_way(suspects)
            standings = await self._look(name, [e for i, e in known.items() if i not in orders])
            # Ours after theirs: what is done in between is then an order to be given again at
            # worst, and never money that went without our knowing.
            again = await queries.by_id(self._database, suspects)
            for each in suspects:
                if each in orders or (each in known and each not in standings):
                    continue
                standing = standings[each] if each in known else theirs.get(each)
                difference = compare(name, again.get(each), standing)
                if difference is None:
                    continue
                if await self._mend(difference, again.get(each), standing):
                    log.info("books mended", payment=each, what=difference.what)
                    mended.append(difference)
                else:
                    log.error("books differ", payment=each, what=difference.what)
                    findings.append(difference)
        await queries.keep_findings(self._database, findings)
        bad = {each.payment_id for each in findings}
        # What was not looked at this time - unknown here and prepared long ago, or not told of now
        # - is as it was.
        seen = ours.keys() | theirs.keys()
        good = [each for each in before if each in seen and each not in bad]
        await queries.close_findings(self._database, name, good)
        return len(seen), mended, findings

    async def _books(
        self, name: str, since_ms: int, before: list[str]
    ) -> tuple[dict[str, Ours], dict[str, Standing]]:
        """What we have and what the provider has of the same charges, by payment id."""
        provider = self._providers[name]
        recent = await provider.recent(since_ms)
        # Charges without an id of ours in them are another system's on the same account.
        theirs = {each.payment_id: each for each in recent if each.payment_id}
        ours = await queries.touched_since(self._database, name, since_ms, _LOOKED_AT_MAX)
        missing = [each for each in {*theirs, *before} if each not in ours]
        ours |= await queries.by_id(self._database, missing)
        strange = {each.event_id for i, each in theirs.items() if i not in ours}
        events = await queries.known_events(self._database, sorted(strange))
        theirs = {i: each for i, each in theirs.items() if i in ours or each.event_id in events}
        older = await self._look(name, [each for i, each in ours.items() if i not in theirs])
        ours = {i: each for i, each in ours.items() if i in theirs or i in older}
        return ours, theirs | {i: each for i, each in older.items() if each}

    async def _look(self, name: str, ours: Sequence[Ours]) -> dict[str, Standing | None]:
        """The charges of these payments as the provider has them now, by payment id, without those
        that it does not tell of. Some at a time: a cancelled event is thousands."""
        told: dict[str, Standing | None] = {}
        for first in range(0, len(ours), _AT_ONCE):
            some = [each.payment for each in ours[first : first + _AT_ONCE]]
            answers = await asyncio.gather(*(self._ask(name, each) for each in some))
            told |= {p.id: a[0] for p, a in zip(some, answers, strict=True) if a}
        if len(told) < len(ours):
            log.warning("charges not compared", provider=name, charges=len(ours) - len(told))
        return told

    async def _ask(self, name: str, payment: Payment) -> tuple[Standing | None] | None:
        try:
            return (await self._providers[name].look(payment),)
        except UsherError:
            return None

    async def _under_way(self, ids: list[str]) -> set[str]:
        """Payments about which an order is on the outbox: whoever carries it will mend them."""
        found: set[str] = set()
        for kind in ("capture", "void"):
            found |= set(await queries.undone(self._database, kind, ids))
        return found

    async def _mend(
        self, difference: Difference, ours: Ours | None, theirs: Standing | None
    ) -> bool:
        if ours is None or not difference.remedy:
            return False
        payment = ours.payment
        provider = self._providers[payment.provider]
        match difference.remedy:
            case "told":
                await self._payments.note(payment, theirs)
            case "capture":
                if payment.state == "captured":
                    return await provider.capture(payment)
                await self._payments.order_again("capture", [payment.id])
            case "void":
                await self._payments.order_again("void", [payment.id])
            case "give_back":
                if await provider.void(payment):
                    return True
                back = derived_id("refund", payment.id, "void")
                return await provider.refund(payment, back, payment.amount)
            case "refund":
                for refund, amount in await queries.done_refunds(self._database, payment.id):
                    if not await provider.refund(payment, refund, amount):
                        return False
        return True


def _differ(
    name: str, ours: Mapping[str, Ours], theirs: Mapping[str, Standing], payment: str
) -> bool:
    return compare(name, ours.get(payment), theirs.get(payment)) is not None
