"""Tickets: read, shown as a code, printed, handed on."""

import asyncio
from collections.abc import Sequence
from typing import Any, Final, NamedTuple

from usher import limits
from usher.account.model import Reader
from usher.account.service import AccountService
from usher.booking.model import read_ticket_id
from usher.clock import iso, now_ms
from usher.errors import Conflict, Forbidden, Gone, NotFound, Transferred
from usher.event.model import Showing
from usher.event.service import EventService
from usher.ids import is_id
from usher.outbox import queries as outbox
from usher.plumbing.language import Language, Languages
from usher.plumbing.postgres import Database
from usher.plumbing.signing import Signer
from usher.seat.model import seat_view
from usher.ticket import queries
from usher.ticket.code import Code, label_of
from usher.ticket.keybook import KeyBook
from usher.ticket.model import REFUSALS, Grant, Holding, Standing, Transfer, TransferRequest
from usher.ticket.paper import picture, print_tickets, sheet

Asker = Reader | Grant  # the booking's fan or their account; or whoever has a link

_NONE: Final = "there is no such ticket"


class _Found(NamedTuple):
    """A ticket, and what it is to who asks: theirs is, or was, the one with `serial`."""

    holding: Holding
    standing: Standing
    serial: int
    transfers: Sequence[Transfer]

    @property
    def holder(self) -> str:
        """Who has it, as far as who asks may know: they themselves."""
        had = [each.holder for each in self.transfers if each.serial <= self.serial]
        return had[-1] if had else self.holding.name

    @property
    def next(self) -> Transfer | None:
        """Whom they handed it on to; where it went from there is no business of theirs."""
        return next((each for each in self.transfers if each.serial > self.serial), None)


class TicketService:
    def __init__(
        self,
        database: Database,
        events: EventService,
        accounts: AccountService,
        keys: KeyBook,
        signer: Signer,
        languages: Languages,
        public_url: str,
    ) -> None:
        self._database = database
        self._events = events
        self._accounts = accounts
        self._keys = keys
        self._signer = signer
        self._languages = languages
        self._site = public_url.rstrip("/")

    # --- links

    def link(self, ticket_id: str, serial: int) -> str:
        """The address where the holder of the ticket with this serial finds it, from anywhere.
        Whoever has it has the ticket."""
        claims = {"ticket": ticket_id, "serial": serial}
        until = now_ms() // 1000 + limits.ticket_link_s
        token = self._signer.sign("ticket", claims, expires_s=until)
        return f"{self._site}/tickets/{ticket_id}?t={token}"

    def grant_of(self, token: str) -> Grant:
        """What a link's token says; Unauthenticated where it cannot be trusted."""
        claims = self._signer.verify("ticket", token)
        return Grant(str(claims["ticket"]), int(claims["serial"]))

    # --- reading

    async def read(self, ticket_id: str, asker: Asker) -> dict[str, Any]:
        """A ticket as it stands to who asks, with its code while it is good and theirs. NotFound
        before its booking is confirmed, Forbidden for somebody else's."""
        found = await self._find(ticket_id, asker)
        holding = found.holding
        showing = await self._events.showing(holding.event_id)
        view: dict[str, Any] = {
            "ticket_id": ticket_id,
            "booking_id": holding.booking_id,
            "event_id": holding.event_id,
            "event": showing.event.title,
            "venue": showing.event.venue,
            "starts_at": iso(showing.event.starts_at),
            "holder": found.holder,
            "state": found.standing,
            **seat_view(showing, holding.seat),
            "price": {"amount": holding.price, "currency": holding.currency},
            "transferable": found.standing == "live" and holding.obstacle is None,
        }
        if found.standing == "live":
            view |= {"serial": holding.serial, "code": await self._code(holding, showing)}
        elif found.next is not None:
            view["transferred_to"] = found.next.holder
        return view

    async def _find(self, ticket_id: str, asker: Asker) -> _Found:
        named = read_ticket_id(ticket_id)
        holding = await queries.find(self._database, *named) if named else None
        if holding is None:
            raise NotFound(_NONE)
        grant = asker if isinstance(asker, Grant) else None
        standing = holding.standing(grant)
        if isinstance(asker, Reader) and not await self._accounts.may_read(asker, holding.fan_id):
            raise Forbidden("this ticket is somebody else's")
        handed = holding.serial > 0
        at = (holding.booking_id, holding.seat)
        transfers = await queries.transfers(self._database, *at) if handed else []
        return _Found(holding, standing, grant.serial if grant else 0, transfers)

    async def _live(self, ticket_id: str, asker: Asker) -> Holding:
        """The ticket, while it is good and theirs: Transferred, Gone."""
        found = await self._find(ticket_id, asker)
        if found.standing == "transferred":
            raise _transferred(found)
        if found.standing == "cancelled":
            raise Gone("this ticket was cancelled")
        return found.holding

    async def _code(self, holding: Holding, showing: Showing) -> str:
        seat = showing.layout.seat(holding.seat)
        label = label_of(seat.zone, seat.row, seat.number)
        return await self._keys.write(
            Code(
                event_id=holding.event_id,
                booking_id=holding.booking_id,
                seat=holding.seat,
                serial=holding.serial,
                label=label,
                kid="",
            )
        )

    # --- as a picture, on paper

    async def picture(self, ticket_id: str, asker: Asker) -> bytes:
        """The ticket's QR code as SVG, black on white whatever it stands on: Transferred, Gone."""
        holding = await self._live(ticket_id, asker)
        return picture(await self._code(holding, await self._events.showing(holding.event_id)))

    async def printed(self, ticket_id: str, asker: Asker, say: Language) -> bytes:
        """The ticket as PDF, in the words of `say`: Transferred, Gone."""
        return await self._print([await self._live(ticket_id, asker)], say)

    async def printed_all(self, booking_id: str, reader: Reader, say: Language) -> bytes:
        """The tickets of a booking of `reader`, but for those handed on; NotFound where there is
        none."""
        holdings = await self._of_booking(booking_id)
        if holdings and not await self._accounts.may_read(reader, holdings[0].fan_id):
            raise Forbidden("this booking is somebody else's")
        return await self._print(_at_hand(holdings), say)

    async def paper(self, ticket_id: str, serial: int) -> bytes:
        """A ticket as PDF for who holds it as it was issued with `serial`, in the language of its
        booking. Whoever asks must see to who gets it. NotFound where it is not good, or was issued
        anew since."""
        named = read_ticket_id(ticket_id)
        holding = await queries.find(self._database, *named) if named else None
        theirs = holding is not None and holding.good and holding.serial == serial
        return await self._print([holding] if holding and theirs else [])

    async def papers(self, booking_id: str) -> bytes:
        """All tickets of a booking as PDF that are with whoever booked them, as `paper`."""
        return await self._print(_at_hand(await self._of_booking(booking_id)))

    async def _of_booking(self, booking_id: str) -> list[Holding]:
        known = is_id("booking", booking_id)
        return await queries.of_booking(self._database, booking_id) if known else []

    async def _print(self, holdings: Sequence[Holding], say: Language | None = None) -> bytes:
        if not holdings:
            raise NotFound("there are no tickets to be printed")
        showing = await self._events.showing(holdings[0].event_id)
        say = say or self._languages.choose(None, holdings[0].language)
        sheets = [sheet(each, showing, say, await self._code(each, showing)) for each in holdings]
        # The typesetter lets go of the interpreter while it works: a thread is enough to keep the
        # loop free, and the ledger's consumer in it.
        return await asyncio.to_thread(print_tickets, sheets, say, holdings[0].created_at)

    # --- handing on

    async def transfer(self, ticket_id: str, asker: Asker, to: TransferRequest) -> dict[str, Any]:
        """Gives a ticket to somebody else: its code is good no more, a new one is theirs. The same
        again is the same answer (invariant 5); Transferred where somebody else has it, Gone and
        Conflict where it cannot be handed on."""
        found = await self._find(ticket_id, asker)
        holding, wish = found.holding, (to.name.strip(), to.email)
        if found.standing == "live":
            if obstacle := holding.obstacle:
                raise Conflict(f"{REFUSALS[obstacle]}: it cannot be handed on", obstacle=obstacle)
            at = (holding.booking_id, holding.seat, holding.serial)
            async with self._database.transaction() as connection:
                done = await queries.hand_on(connection, *at, *wish)
                if done:
                    subject = f"{ticket_id}.{done.serial}"
                    await outbox.tell(connection, "ticket.transferred", [subject])
            found = await self._find(ticket_id, asker)
        given = found.next
        if given and (given.holder, given.holder_email) == wish:
            return await self.read(ticket_id, asker)
        if found.standing == "transferred":
            raise _transferred(found)
        if found.standing == "cancelled":
            raise Gone("this ticket was cancelled")
        raise Conflict("the ticket cannot be handed on now")  # as of this very moment


def _transferred(found: _Found) -> Transferred:
    to = found.next.holder if found.next else "somebody else"
    return Transferred(f"this ticket was transferred to {to}")


def _at_hand(holdings: Sequence[Holding]) -> list[Holding]:
    """Those that are good and with whoever booked them."""
    return [each for each in holdings if each.good and not each.holder]
