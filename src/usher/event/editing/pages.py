"""The organiser's desk: my events, a new one, an event with its plan, prices and sale."""

import asyncio
import hashlib
from datetime import timedelta
from typing import Any, Final

from babel.numbers import get_currency_symbol
from litestar import Request, get, post
from litestar.exceptions import HTTPException
from litestar.handlers import HTTPRouteHandler
from litestar.params import FromPath
from litestar.response.base import ASGIResponse

from usher import limits
from usher.account.guards import actor_of, page_for
from usher.clock import timezones, utc_now
from usher.errors import BadInput, Conflict
from usher.event.editing.drawing import drawing
from usher.event.editing.forms import (
    KINDS,
    as_change,
    as_new,
    fact_values,
    has_access,
    local,
    note,
    read_facts,
    read_plan,
    read_prices,
    read_sale,
    sale_values,
)
from usher.event.editing.model import Facts, plan_summary
from usher.event.editing.service import Editor
from usher.event.service import EventService
from usher.ids import new_id
from usher.plumbing.answer import Answer
from usher.plumbing.form import Form, read_form
from usher.plumbing.page import Pages, see_other
from usher.sale.service import SaleService

AnyRequest = Request[Any, Any, Any]

_MAY: Final = [page_for("organiser", "admin")]
_DESK: Final = "/organiser"
_UPLOAD_MAX: Final = limits.plan_bytes_max + limits.body_bytes_max
_CURRENCIES: Final = ("EUR", "CHF", "GBP", "USD", "CZK", "DKK", "HUF", "NOK", "PLN", "SEK", "JPY")


def editing_pages(
    pages: Pages, editor: Editor, events: EventService, sales: SaleService
) -> list[HTTPRouteHandler]:
    """The pages, bound to what they change."""

    @get(_DESK, guards=_MAY)
    async def show_my_events(request: AnyRequest) -> ASGIResponse:
        """The organiser's events, newest first."""
        mine = await editor.mine(actor_of(request))
        return pages.show(request, "organiser_events.html", events=mine)

    async def blank(request: AnyRequest, form: Form, status: int = 200) -> ASGIResponse:
        return pages.show(
            request,
            "organiser_new.html",
            status,
            script="organiser/new.js",
            form=form,
            bytes_max=limits.plan_bytes_max,
            seats_max=limits.plan_seats_max,
            **await choices(request),
        )

    async def choices(request: AnyRequest) -> dict[str, Any]:
        language = pages.language(request)
        return {
            "kinds": _kinds(language),
            "productions": await editor.productions(actor_of(request)),
            "timezones": sorted(timezones()),
            "currencies": [
                (code, get_currency_symbol(code, locale=language.locale)) for code in _CURRENCIES
            ],
        }

    @get(f"{_DESK}/events/new", guards=_MAY)
    async def new_event(request: AnyRequest) -> ASGIResponse:
        """What, where, when, and where the plan comes from."""
        start = (utc_now() + timedelta(days=30)).replace(hour=19, minute=30)
        given = {"key": new_id("event"), "kind": "concert", "currency": "EUR", "source": "rows"}
        given |= {"rows": "10", "columns": "20", "bowl": "5000", "hall": "Main hall"}
        return await blank(request, Form(given | {"starts_at": local(start, "UTC")}))

    @post(f"{_DESK}/events/new", guards=_MAY, request_max_body_size=_UPLOAD_MAX)
    async def create_event_page(request: AnyRequest) -> ASGIResponse:
        """A draft with its plan, or the form again with what is wrong."""
        say = pages.language(request)
        form = await _uploaded(request)
        if form is None:
            form = Form({"key": new_id("event"), "source": "file"})
            form.fault("plan", say.gettext("This file is too large for a plan."))
            return await blank(request, form, 413)
        found = read_facts(form, say)
        plan = await read_plan(form, say)
        if form.good and plan is not None:
            try:
                key = form["key"] or None
                event = await editor.create(actor_of(request), key, as_new(found), plan)
                return see_other(f"{_DESK}/events/{event}")
            except BadInput as refusal:
                note(form, refusal, "title")
        return await blank(request, form, 422)

    async def desk(
        request: AnyRequest, facts: Facts, form: Form | None = None, status: int = 200
    ) -> ASGIResponse:
        sale = await sales.find(facts.id)
        showing = await events.standing_on(facts.plan_id, facts.id)
        values = fact_values(facts) | sale_values(sale, facts.timezone)
        values |= {"source": "rows", "rows": "10", "columns": "20", "bowl": "5000"}
        shown = Form(values | dict(form or {}))
        if form is not None:
            shown.faults = form.faults
        return pages.show(
            request,
            "organiser_event.html",
            status,
            script="organiser/edit.js",
            event=facts,
            sale=sale,
            form=shown,
            saved=request.query_params.get("saved", "") if form is None else "",
            zones=plan_summary(showing.layout.plan)[:60],
            counts={each.rank: each.count for each in showing.categories},
            accessible=len(showing.layout.accessible),
            picture=_picture(facts),
            has_access=has_access(),
            bytes_max=limits.plan_bytes_max,
            seats_max=limits.plan_seats_max,
            **await choices(request),
        )

    @get(f"{_DESK}/events/{{event:str}}", guards=_MAY)
    async def edit_event(event: FromPath[str], request: AnyRequest) -> ASGIResponse:
        """An event with its plan as it was understood, its prices and its sale."""
        return await desk(request, await editor.facts(actor_of(request), event))

    @post(f"{_DESK}/events/{{event:str}}", guards=_MAY)
    async def save_event(event: FromPath[str], request: AnyRequest) -> ASGIResponse:
        """One part of an event saved, or the page again with what is wrong."""
        say, actor = pages.language(request), actor_of(request)
        before = await editor.facts(actor, event)
        form = await read_form(request)
        part = form["part"]
        otherwise = {"prices": "currency", "sale": "mode", "publish": "publish"}.get(part, "title")
        try:
            if part == "facts":
                found = read_facts(form, say)
                if before.prices_fixed:
                    found.pop("currency")
                if form.good:
                    await editor.change(actor, event, as_change(found, before))
            elif part == "prices":
                change = read_prices(form, before, say)
                if form.good:
                    await editor.change(actor, event, change)
            elif part == "sale":
                terms = read_sale(form, before.timezone, say)
                if form.good:
                    await sales.change(event, actor.account_id, terms)
            elif part == "publish":
                await editor.publish(actor, event)
            else:
                raise BadInput("there is no such part of an event")
        except (BadInput, Conflict) as refusal:
            note(form, refusal, otherwise)
        if form.good:
            return see_other(f"{_DESK}/events/{event}?saved={part}#{part}")
        return await desk(request, await editor.facts(actor, event), form, 422)

    @get(f"{_DESK}/events/{{event:str}}/plan", guards=_MAY)
    async def show_event_plan(event: FromPath[str]) -> ASGIResponse:
        """Where a reload leads after a plan was refused."""
        return see_other(f"{_DESK}/events/{event}#plan")

    @post(f"{_DESK}/events/{{event:str}}/plan", guards=_MAY, request_max_body_size=_UPLOAD_MAX)
    async def replace_event_plan(event: FromPath[str], request: AnyRequest) -> ASGIResponse:
        """Another plan for a draft."""
        say, actor = pages.language(request), actor_of(request)
        facts = await editor.facts(actor, event)
        form = await _uploaded(request)
        if form is None:
            form = Form({"source": "file"})
            form.fault("plan", say.gettext("This file is too large for a plan."))
        else:
            plan = await read_plan(form, say)
            if plan is not None:
                try:
                    await editor.replace_plan(actor, event, plan)
                    return see_other(f"{_DESK}/events/{event}?saved=plan#plan")
                except (BadInput, Conflict) as refusal:
                    note(form, refusal, "plan")
        return await desk(request, facts, form, 422)

    @get(f"{_DESK}/events/{{event:str}}/plan.svg", guards=_MAY)
    async def draw_event_plan(event: FromPath[str], request: AnyRequest) -> ASGIResponse:
        """The plan to look at."""
        facts = await editor.facts(actor_of(request), event)
        showing = await events.standing_on(facts.plan_id, event)
        colors = {each.name: each.color for each in facts.categories}
        return picture(await asyncio.to_thread(drawing, showing.layout, colors))

    return [
        show_my_events,
        new_event,
        create_event_page,
        edit_event,
        save_event,
        show_event_plan,
        replace_event_plan,
        draw_event_plan,
    ]


def picture(svg: str) -> ASGIResponse:
    """An SVG that may draw, and nothing else."""
    body = svg.encode()
    head = [
        (b"content-type", b"image/svg+xml"),
        (b"content-length", b"%d" % len(body)),
        (b"content-security-policy", b"default-src 'none'; sandbox"),
        (b"x-content-type-options", b"nosniff"),
        (b"cache-control", b"private, max-age=600"),
    ]
    return Answer(body, 200, head)


def _picture(facts: Facts) -> str:
    """The address of the drawing, another one when it changes."""
    told = facts.plan_id + "".join(each.color for each in facts.categories)
    version = hashlib.blake2b(told.encode(), digest_size=6).hexdigest()
    return f"{_DESK}/events/{facts.id}/plan.svg?v={version}"


def _kinds(say: Any) -> list[tuple[str, str]]:
    words = {
        "concert": say.gettext("Concert"),
        "theatre": say.gettext("Theatre"),
        "film": say.gettext("Film"),
        "sport": say.gettext("Sport"),
        "other": say.gettext("Something else"),
    }
    return [(kind, words[kind]) for kind in KINDS]


async def _uploaded(request: AnyRequest) -> Form | None:
    """The form with its file, None where the file is larger than any plan."""
    try:
        return await read_form(request)
    except HTTPException as refusal:
        if refusal.status_code == 413:
            return None
        raise
