"""Choosing seats as a page: the map, the list beside it, the best available. All of it works by
plain forms too; scripts make it live."""

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import suppress
from functools import partial
from typing import Any, Final

from litestar import Request, get, post
from litestar.handlers import HTTPRouteHandler
from litestar.params import FromPath
from litestar.response.base import ASGIResponse

from usher import limits
from usher.account.guards import admission_cookie, place_cookie, token_from
from usher.errors import (
    BadInput,
    HoldLapsed,
    NotAdmitted,
    NotEnoughSeats,
    NotOpen,
    OverLimit,
    SeatTaken,
    Unauthenticated,
)
from usher.event.model import Showing
from usher.event.pages import event_context
from usher.event.service import EventService
from usher.ids import new_id
from usher.plumbing.form import Form, read_form
from usher.plumbing.page import Pages, see_other
from usher.queue.service import Place, QueueService
from usher.seat.guards import holds_kept, keep_hold
from usher.seat.model import HoldRequest, free_in_area, section_view
from usher.seat.service import Admission, SeatService

AnyRequest = Request[Any, Any, Any]
# Every seat's state as one string, None where Redis has lost it. The feed's room knows.
States = Callable[[str], Awaitable[str | None]]

_PATH: Final = "/events/{event:str}/seats"
# Boxes to tick above which a page is made in a thread: some 20 ms.
_MANY: Final = 1_000


def seat_pages(
    pages: Pages, seats: SeatService, events: EventService, queue: QueueService, states: States
) -> list[HTTPRouteHandler]:
    """The pages, bound to what they show."""

    def admission_in(request: AnyRequest, event: str) -> Admission:
        return seats.admission_of(event, token_from(request, admission_cookie(event)))

    async def time_left(request: AnyRequest, admission: Admission) -> int:
        """Seconds left of an admission; NotAdmitted where none are."""
        event, place_id, fan_id = admission
        place = Place(event, place_id, fan_id, -1, -1)
        try:  # its token also knows where the place stood, should Redis have lost it
            kept = queue.place_of(event, token_from(request, place_cookie(event)))
            place = kept if kept.place_id == place_id else place
        except Unauthenticated:
            pass
        view = await queue.place(place)
        if view["state"] != "admitted":
            raise NotAdmitted("your time to shop is over", state=view["state"])
        return int(view["expires_in_s"])

    async def own_holds(request: AnyRequest, admission: Admission) -> list[dict[str, Any]]:
        found = []
        for hold_id in holds_kept(request, admission.event):
            try:
                found.append(await seats.read(admission, hold_id))
            except HoldLapsed:
                continue
        return found

    async def page(
        request: AnyRequest, showing: Showing, admission: Admission, form: Form
    ) -> ASGIResponse:
        event = showing.event.id
        left_s = await time_left(request, admission)
        holds = await own_holds(request, admission)
        held = [seat["index"] for hold in holds for seat in hold["seats"]]
        asked = str(request.query_params.get("section", "") or form["section"])
        zones = showing.layout.plan.zones
        section = None
        if asked.isascii() and asked.isdigit() and len(asked) < 6 and int(asked) < len(zones):
            section = section_view(showing, await states(event) or "", int(asked))
        room = max(0, showing.event.seats_max - len(held))
        prices = [each.price for each in showing.categories]
        line = await queue.curves.of(event)
        show = partial(
            pages.show,
            request,
            "seats.html",
            422 if form.faults else 200,
            script="seats.js",
            form=form,
            key=new_id("hold"),
            left_s=left_s,
            holds=holds,
            most=min(limits.hold_seats_max, room),
            zones=[zone.name for zone in zones],
            section=section,
            notice=(line.curve.notice or "") if line else "",
            boot={
                "event": event,
                "most": showing.event.seats_max,
                "together": limits.hold_seats_max,
                "held": held,
                "currency": showing.event.currency,
                "prices": prices,
                "state": showing.event.sale_state,
            },
            **event_context(showing),
        )
        # A hall may be one section of 80,000 boxes to tick: a second and more, while others wait.
        many = section is not None and sum(len(row["seats"]) for row in section["rows"]) > _MANY
        return await asyncio.to_thread(show) if many else show()

    def shut(request: AnyRequest, showing: Showing, been_in: bool) -> ASGIResponse:
        return pages.show(
            request, "seats_shut.html", 403, been_in=been_in, **event_context(showing)
        )

    @get(_PATH, include_in_schema=False)
    async def show_map(event: FromPath[str], request: AnyRequest) -> ASGIResponse:
        """The map and the list, for a fan who has come in; for others the way in."""
        showing = await events.shown(event)
        try:
            return await page(request, showing, admission_in(request, event), Form())
        except (Unauthenticated, NotAdmitted, NotOpen) as refusal:
            return shut(request, showing, isinstance(refusal, NotAdmitted))

    @post(_PATH, include_in_schema=False)
    async def choose_seats(event: FromPath[str], request: AnyRequest) -> ASGIResponse:
        """Holds what the form asks for, or lets a hold go."""
        showing = await events.shown(event)
        form = await read_form(request)
        say = pages.language(request)
        try:
            admission = admission_in(request, event)
            if form["release"]:
                await _release(seats, admission, form["release"])
                return see_other(f"/events/{event}/seats")
            asked = await _asked(showing, form, states, say)
            if asked is None:
                return await page(request, showing, admission, form)
            # One key a form, but other seats are another request: the key holds both.
            key = f"{form['key'][:80]}-{asked.digest()}" if form["key"] else None
            held = await seats.hold(admission, asked, key)
        except (Unauthenticated, NotAdmitted) as refusal:
            return shut(request, showing, isinstance(refusal, NotAdmitted))
        except (SeatTaken, NotEnoughSeats, OverLimit, NotOpen, HoldLapsed, BadInput) as refusal:
            form.fault(_field(form), _said(say, showing, refusal))
            return await page(request, showing, admission, form)
        return see_other(
            f"/events/{event}/checkout/{held['hold_id']}",
            cookies=[keep_hold(request, event, held["hold_id"])],
        )

    return [show_map, choose_seats]


async def _release(seats: SeatService, admission: Admission, hold_id: str) -> None:
    with suppress(HoldLapsed):  # gone already, which is what was asked
        await seats.free(admission, hold_id)


def _field(form: Form) -> str:
    """Which field a refusal stands beside."""
    return "seat" if form["by"] == "seats" else "quantity"


async def _asked(showing: Showing, form: Form, states: States, say: Any) -> HoldRequest | None:
    """What a form asks to be held; None where it is at fault, which is noted on it."""
    if form["by"] != "seats":
        names = [each.name for each in showing.categories]
        if form["category"] not in names:
            form.fault("category", say.gettext("Choose a category."))
        most = min(limits.hold_seats_max, showing.event.seats_max)
        text = say.gettext("Choose a number from 1 to %(num)s.") % {"num": say.number(most)}
        quantity = form.number("quantity", 1, most, text)
        if not form.good:
            return None
        return HoldRequest(
            category=form["category"], quantity=quantity, adjacent=form["apart"] != "yes"
        )
    guids = list(form.lists.get("seat", []))[: limits.fan_seats_max + 1]
    now: str | None = None
    for name in form:
        if name.startswith("area-") and form[name] not in ("", "0"):
            text = say.gettext("Choose a number from 1 to %(num)s.") % {
                "num": say.number(limits.hold_seats_max)
            }
            count = form.number(name, 1, limits.hold_seats_max, text)
            now = now if now is not None else await states(showing.event.id) or ""
            guids += free_in_area(showing, now, name.removeprefix("area-"), count)
    if not guids and form.good:
        form.fault("seat", say.gettext("Tick the seats you would like."))
    if len(guids) > limits.hold_seats_max:
        text = say.gettext("At most %(num)s seats can be held at once.")
        form.fault("seat", text % {"num": say.number(limits.hold_seats_max)})
    return HoldRequest(seats=guids) if form.good else None


def _said(say: Any, showing: Showing, refusal: Any) -> str:
    """A refusal in the reader's words."""
    match refusal:
        case SeatTaken():
            layout = showing.layout
            taken = [layout.seat(layout.index_of[guid]) for guid in refusal.members["taken"]]
            names = ", ".join(f"{each.zone} {each.row}-{each.number}" for each in taken)
            text = say.gettext(
                "Somebody was faster: %(seats)s. None of your seats is held; choose again."
            )
            return str(text % {"seats": names})
        case NotEnoughSeats():
            most = refusal.members.get("most", 0)
            if not most:
                return str(say.gettext("No seats are free in this category just now."))
            text = say.ngettext(
                "Only %(num)s such seat is free together.",
                "Only %(num)s such seats are free together.",
                most,
            )
            return str(text % {"num": say.number(most)})
        case OverLimit():
            most = refusal.members["most"]
            text = say.ngettext(
                "Each fan may have %(num)s seat, with those held already.",
                "Each fan may have %(num)s seats, with those held already.",
                most,
            )
            return str(text % {"num": say.number(most)})
        case NotOpen():
            return str(say.gettext("Nothing is sold just now. Try again in a moment."))
        case HoldLapsed():
            return str(say.gettext("These seats were given back. Press once more to hold some."))
        case _:
            return str(say.gettext("These seats cannot be had. Choose others."))
