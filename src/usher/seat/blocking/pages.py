"""Blocking seats on the organiser's desk: a map to point at, rows and numbers to type."""

import asyncio
import gzip
from typing import Any, Final

from litestar import Request, get, post
from litestar.handlers import HTTPRouteHandler
from litestar.params import FromPath
from litestar.response.base import ASGIResponse

from usher.account.guards import actor_of, page_for
from usher.errors import BadInput, SeatTaken
from usher.event.editing.drawing import drawing
from usher.event.editing.pages import picture
from usher.event.editing.service import Editor
from usher.event.model import Showing
from usher.plumbing.answer import answer
from usher.plumbing.form import Form, read_form
from usher.plumbing.page import Pages, see_other
from usher.seat.blocking.model import ROWS_MAX, named_seats, rows_of
from usher.seat.blocking.service import Blocking

AnyRequest = Request[Any, Any, Any]

_PATH: Final = "/organiser/events/{event:str}/seats"
_MAY: Final = [page_for("organiser", "admin")]


def blocking_pages(pages: Pages, editor: Editor, blocking: Blocking) -> list[HTTPRouteHandler]:
    """The pages, bound to what they change."""

    async def show(request: AnyRequest, event: str, form: Form, status: int = 200) -> ASGIResponse:
        actor = actor_of(request)
        facts = await editor.facts(actor, event)
        showing, states = await blocking.states(actor, event)
        zone = _zone(showing, form["zone"])
        zones = showing.layout.plan.zones
        return pages.show(
            request,
            "organiser_seats.html",
            status,
            script="organiser/seats.js",
            event=facts,
            form=form,
            zone=zone,
            zones=[(str(z), each.name) for z, each in enumerate(zones)],
            rows=rows_of(showing.layout, zone, states),
            rows_max=ROWS_MAX,
            blocked=states.count("x"),
            free=states.count("."),
            done=request.query_params.get("done", ""),
        )

    @get(_PATH, guards=_MAY)
    async def show_blocking(event: FromPath[str], request: AnyRequest) -> ASGIResponse:
        """The seats of an event, zone by zone, and which are blocked."""
        return await show(request, event, Form({"zone": request.query_params.get("zone", "0")}))

    @post(_PATH, guards=_MAY)
    async def block_row(event: FromPath[str], request: AnyRequest) -> ASGIResponse:
        """Blocks, or puts back, the seats of a row from one number to another."""
        say, actor = pages.language(request), actor_of(request)
        form = await read_form(request)
        showing, _ = await blocking.states(actor, event)
        zone = _zone(showing, form["zone"])
        seats = named_seats(showing.layout, zone, form["row"], form["from"], form["to"])
        if not seats:
            # Said of the field that is wrong: the row, or a number in it.
            row = named_seats(showing.layout, zone, form["row"], "", "")
            if row:
                form.fault("from", say.gettext("There is no such number in this row."))
            else:
                form.fault("row", say.gettext("There is no such row in this zone."))
            return await show(request, event, form, 422)
        guids = [showing.layout.guid[index] for index in seats]
        back = form["do"] == "unblock"
        try:
            await blocking.change(actor, event, [] if back else guids, guids if back else [])
        except SeatTaken as refusal:
            taken = ", ".join(
                showing.layout.number[showing.layout.index_of[guid]]
                for guid in refusal.members["taken"][:20]
            )
            what = say.gettext("Fans have these seats, so nothing was blocked: %(taken)s")
            form.fault("row", what % {"taken": taken})
            return await show(request, event, form, 409)
        except BadInput as refusal:
            form.fault("row", refusal.detail)
            return await show(request, event, form, 422)
        return see_other(
            f"/organiser/events/{event}/seats?zone={zone}&done={'un' if back else ''}blocked#rows"
        )

    @get("/organiser/events/{event:str}/seats.json", guards=_MAY)
    async def seats_to_point_at(event: FromPath[str], request: AnyRequest) -> ASGIResponse:
        """The geometry of the plan and the states of its seats, drafts included."""
        showing, states = await blocking.states(actor_of(request), event)
        body = b'{"plan":' + showing.geometry + b',"states":"' + states.encode() + b'"}'
        if "gzip" not in request.headers.get("accept-encoding", ""):
            return answer(body)
        zipped = await asyncio.to_thread(gzip.compress, body, 5)
        return answer(zipped, headers=[("content-encoding", "gzip"), ("vary", "accept-encoding")])

    @get("/organiser/events/{event:str}/seats.svg", guards=_MAY)
    async def draw_blocked(event: FromPath[str], request: AnyRequest) -> ASGIResponse:
        """The plan with its blocked seats crossed, for who has no script."""
        showing, states = await blocking.states(actor_of(request), event)
        colors = {each.name: each.color for each in showing.categories}
        blocked = {index for index, state in enumerate(states) if state == "x"}
        return picture(await asyncio.to_thread(drawing, showing.layout, colors, blocked))

    return [show_blocking, block_row, seats_to_point_at, draw_blocked]


def _zone(showing: Showing, text: str) -> int:
    """The number of a zone as a form sends it; the first one where it is none."""
    if text.isascii() and text.isdigit() and len(text) < 7:
        zone = int(text)
        if zone < len(showing.layout.plan.zones):
            return zone
    return 0
