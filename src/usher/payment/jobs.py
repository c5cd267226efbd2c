"""The worker's side of payments: orders to providers, carried from the outbox.

Each order may be given twice - a carrier died, an answer was lost - and is one order all the same:
a provider takes the payment's or the refund's id as its key. Where a provider does not answer, the
order stays on the outbox and is tried again with growing pauses.
"""

import asyncio
from collections import defaultdict
from collections.abc import Awaitable, Callable, Mapping, Sequence

import structlog

from usher.errors import Conflict, NotFound, UsherError
from usher.ids import derived_id
from usher.outbox import queries as outbox
from usher.payment import queries
from usher.payment.model import Payment, Provider, Refund, RefundState
from usher.plumbing.postgres import Connection, Database

log = structlog.get_logger("usher.payment")

# Undoes what stands on payments whose money will never come, in the transaction that says so.
Undo = Callable[[Connection, Sequence[str]], Awaitable[None]]


class Cashier:
    """Carriers of "capture", "void" and "refund": given ids, they say which failed, and why."""

    def __init__(self, database: Database, providers: Mapping[str, Provider], undo: Undo) -> None:
        self._database = database
        self._providers = providers
        self._undo = undo

    async def capture(self, ids: Sequence[str]) -> dict[str, str]:
        """Takes the money of confirmed bookings. Where there is none to take, and never will be,
        the booking is undone."""
        payments = await queries.find_many(self._database, ids)
        waiting = [each for each in payments.values() if each.state == "authorised"]
        told = await asyncio.gather(*(self._capture(each) for each in waiting))
        faults = {payment.id: fault for payment, (_, fault) in zip(waiting, told, strict=True)}
        taken = [p.id for p, (done, _) in zip(waiting, told, strict=True) if done is True]
        never = [p.id for p, (done, _) in zip(waiting, told, strict=True) if done is False]
        async with self._database.transaction() as connection:
            await queries.move(connection, taken, ["authorised"], "captured")
            reason = "the provider has nothing to be captured"
            if failed := await queries.move(connection, never, ["authorised"], "failed", reason):
                await self._undo(connection, failed)
        odd = {
            each.id: f"the payment is {each.state}, not authorised"
            for each in payments.values()
            if each.state not in ("authorised", "captured", "failed")
        }
        return _faults(faults) | odd | _missing(ids, payments, "payment")

    async def _capture(self, payment: Payment) -> tuple[bool | None, str]:
        try:
            return await self._providers[payment.provider].capture(payment), ""
        except UsherError as error:
            return None, error.detail

    async def void(self, ids: Sequence[str]) -> dict[str, str]:
        """Gives authorisations back; what was captured all the same, by whomever, is refunded."""
        payments = await queries.find_many(self._database, ids)
        waiting = [each for each in payments.values() if each.state == "voiding"]
        told = await asyncio.gather(*(self._void(each) for each in waiting))
        faults = {payment.id: fault for payment, fault in zip(waiting, told, strict=True)}
        async with self._database.transaction() as connection:
            done = [each for each, fault in faults.items() if not fault]
            await queries.move(connection, done, ["voiding"], "voided")
        odd = {
            each.id: f"the payment is {each.state}, not voiding"
            for each in payments.values()
            if each.state not in ("voiding", "voided")
        }
        return _faults(faults) | odd | _missing(ids, payments, "payment")

    async def _void(self, payment: Payment) -> str:
        provider = self._providers[payment.provider]
        try:
            if await provider.void(payment):
                return ""
            back = derived_id("refund", payment.id, "void")
            if await provider.refund(payment, back, payment.amount):
                log.warning("captured money given back", payment=payment.id)
                return ""
        except UsherError as error:
            return error.detail
        return "the provider has nothing to be given back"

    async def refund(self, ids: Sequence[str]) -> dict[str, str]:
        """Gives back the money of tickets that were given back, once it has been captured."""
        refunds = await queries.refunds(self._database, ids)
        pending = [each for each in refunds.values() if each.state == "pending"]
        payments = await queries.find_many(
            self._database, [each.payment_id for each in pending if each.payment_id]
        )
        told = await asyncio.gather(
            *(self._refund(each, payments[each.payment_id or ""]) for each in pending)
        )
        by_state: dict[str, list[str]] = defaultdict(list)
        for refund, (state, _) in zip(pending, told, strict=True):
            by_state[state].append(refund.id)
        async with self._database.transaction() as connection:
            await queries.move_refunds(connection, by_state["done"], "pending", "done")
            await queries.move_refunds(connection, by_state["failed"], "pending", "failed")
        faults = {refund.id: fault for refund, (_, fault) in zip(pending, told, strict=True)}
        return _faults(faults) | _missing(ids, refunds, "refund")

    async def _refund(self, refund: Refund, payment: Payment) -> tuple[str, str]:
        """The state that a refund goes to, "" while it stays; and why."""
        if payment.state == "authorised":
            return "", "the payment is to be captured first"
        if payment.state != "captured":
            return "", f"the payment is {payment.state}"
        try:
            done = await self._providers[payment.provider].refund(payment, refund.id, refund.amount)
        except UsherError as error:
            return "", error.detail
        if done:
            return "done", ""
        log.error("refund refused", refund=refund.id, payment=payment.id)
        return "failed", ""

    async def refund_again(self, refund_id: str, *, by_hand: bool) -> Refund:
        """For people, about a refund that its provider has refused: it is ordered again, or it was
        given back `by_hand` by another way. NotFound; Conflict where it was not refused."""
        found = await queries.refunds(self._database, [refund_id])
        if refund_id not in found:
            raise NotFound("there is no such refund")
        after: RefundState = "done" if by_hand else "pending"
        if found[refund_id].state != after:
            async with self._database.transaction() as connection:
                if not await queries.move_refunds(connection, [refund_id], "failed", after):
                    raise Conflict(f"the refund is {found[refund_id].state}, not failed")
                if not by_hand:
                    await outbox.revive(connection, "refund", [refund_id])
            log.warning("refund by people", refund=refund_id, state=after)
        return (await queries.refunds(self._database, [refund_id]))[refund_id]


def _faults(told: Mapping[str, str]) -> dict[str, str]:
    return {each: fault for each, fault in told.items() if fault}


def _missing(ids: Sequence[str], found: Mapping[str, object], noun: str) -> dict[str, str]:
    return {each: f"there is no such {noun}" for each in ids if each not in found}
