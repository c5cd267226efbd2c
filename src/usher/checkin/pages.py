"""The page at the door: a form for one code after the other; door/door.js makes a scanner of it,
which goes on without the network."""

import asyncio
import re
from collections.abc import Mapping
from datetime import datetime
from typing import Any, Final
from uuid import uuid4

import msgspec
from litestar import Request, get, post
from litestar.handlers import HTTPRouteHandler
from litestar.params import FromPath
from litestar.response.base import ASGIResponse

from usher import limits
from usher.account.guards import actor_of, own_event, page_for
from usher.checkin.counts import Counts
from usher.checkin.model import PRINTABLE, REFUSALS, CheckIn, digest_of, scan_id
from usher.checkin.service import CheckInService
from usher.errors import BadInput, UsherError
from usher.event.service import EventService
from usher.ids import is_id
from usher.plumbing.answer import Answer
from usher.plumbing.form import Form, read_form
from usher.plumbing.language import Language
from usher.plumbing.page import Pages, see_other

AnyRequest = Request[Any, Any, Any]
_PATH: Final = "/events/{event:str}/door"
_MAY: Final = [page_for("staff", "organiser", "admin"), own_event]
_LATEST: Final = 8
_CONTESTED: Final = 50
_WORKER: Final = "door/worker.js"


def door_pages(
    pages: Pages, door: CheckInService, counts: Counts, events: EventService
) -> list[HTTPRouteHandler]:
    """The pages, bound to their services."""

    async def show(request: AnyRequest, event: str, form: Form, status: int = 200) -> ASGIResponse:
        showing, figures, latest, contested = await asyncio.gather(
            events.showing(event),
            counts.of(event),
            door.scans(event, contested=False, after=None, most=_LATEST),
            door.scans(event, contested=True, after=None, most=_CONTESTED),
        )
        scan = request.query_params.get("scan", "")
        verdict = await _said(door, event, scan) if is_id("scan", scan) else None
        return pages.show(
            request,
            "door.html",
            status,
            script="door/door.js",
            event=showing.event,
            counts=figures,
            latest=latest,
            contested=contested,
            verdict=verdict,
            form=form,
            entrance=form["entrance"] or (verdict or {}).get("entrance", ""),
            nonce=uuid4().hex,
            limits=limits,
        )

    @get(_PATH, guards=_MAY)
    async def show_door(event: FromPath[str], request: AnyRequest) -> ASGIResponse:
        """The door of an event; with `?scan=`, what was said of that scan."""
        return await show(request, event, Form())

    @post(_PATH, guards=_MAY)
    async def post_scan(event: FromPath[str], request: AnyRequest) -> ASGIResponse:
        """A code, typed or read by a scanner that types."""
        await events.showing(event)
        form = await read_form(request)
        shown = _shown(form, pages.language(request))
        if shown is None:
            return await show(request, event, form, 422)
        try:
            await door.check_in(event, actor_of(request).account_id, shown)
        except UsherError as refusal:
            if refusal.code not in REFUSALS:
                raise
        return see_other(f"/events/{event}/door?scan={scan_id(event, shown.nonce)}")

    @get(_PATH + "/worker.js")
    async def door_worker(event: FromPath[str]) -> ASGIResponse:
        """The service worker by which the page can be loaded again without the network. Where it
        lies is how far it reaches: to this page and no other."""
        body = pages.assets.body(_WORKER)
        head = [
            (b"content-type", b"text/javascript; charset=utf-8"),
            (b"content-length", b"%d" % len(body)),
            (b"cache-control", b"no-cache"),
            (b"service-worker-allowed", f"/events/{_id(event)}/door".encode()),
            (b"content-security-policy", b"default-src 'none'; connect-src 'self'"),
            (b"x-content-type-options", b"nosniff"),
        ]
        return Answer(body, 200, head)

    return [show_door, post_scan, door_worker]


def _id(event: str) -> str:
    if not is_id("event", event):
        raise BadInput("this is no event's id")
    return event


async def _said(door: CheckInService, event: str, scan: str) -> Mapping[str, Any]:
    """What the page shows of a scan: `outcome`, and what is known of its ticket."""
    try:
        admitted = await door.said(event, scan)
    except UsherError as refusal:
        if refusal.code not in REFUSALS:
            return {}
        told = {"outcome": refusal.code, **msgspec.to_builtins(refusal.members)}
        if "used_at" in told:
            told["used"] = datetime.fromisoformat(told["used_at"])
        return told
    return {
        "outcome": "admitted",
        "ticket": msgspec.to_builtins(admitted.ticket),
        "entrance": admitted.used_where,
    }


def _shown(form: Form, say: Language) -> CheckIn | None:
    """The scan that a form asks for; None, with faults, where it cannot be."""
    code, entrance = form["code"], form["entrance"]
    if not code:
        form.fault("code", say.gettext("Scan a code, or type a ticket's number."))
    most = limits.entrance_chars_max
    if len(entrance) > most or not re.match(PRINTABLE, entrance):
        form.fault(
            "entrance", say.gettext("The name of an entrance has at most %s letters.") % most
        )
    if not form.good:
        return None
    # The same form sent twice is the same scan; with another code in it, it is another.
    code = code[: limits.code_chars_max]
    mark = form["nonce"] if form["nonce"].isalnum() and form["nonce"].isascii() else ""
    typed = bool(form["typed"])
    nonce = f"{mark[:32] or uuid4().hex}-{digest_of(code, typed=typed)}"
    return CheckIn(code=code, nonce=nonce, entrance=entrance, typed=typed)
