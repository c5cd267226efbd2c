"""Everything a browser is shown: the pages of all rooms, and what they have in common."""

from collections.abc import Callable
from importlib.resources import files
from pathlib import Path
from typing import Any, Final
from urllib.parse import quote, urlsplit

from litestar import Request, Response, Router, get, post
from litestar.exceptions import HTTPException
from litestar.handlers import HTTPRouteHandler
from litestar.response.base import ASGIResponse
from litestar.types import ASGIApp, ExceptionHandlersMap

from usher.account.guards import access_left_s, cookie, visitor_of
from usher.account.pages import account_pages
from usher.account.silent import SilentRefresh
from usher.booking.checkout import checkout_pages
from usher.booking.pages import booking_pages
from usher.booking.refunding.pages import refunding_pages
from usher.booking.refunding.routes import Desk
from usher.checkin.pages import door_pages
from usher.errors import BadInput, Malformed, NotFound, Unauthenticated, UsherError
from usher.event.editing.pages import editing_pages
from usher.event.pages import event_pages
from usher.feed.scripts import Lost
from usher.hook.pages import hook_pages
from usher.insight.pages import console_pages
from usher.insight.sales import sales_pages
from usher.notice.pages import message_pages
from usher.payment.sandbox.pages import bank_pages
from usher.plumbing.asset import Assets
from usher.plumbing.form import read_form
from usher.plumbing.language import LANGUAGE_COOKIE
from usher.plumbing.page import Pages, safe_next, see_other, wants_page
from usher.plumbing.problem import HANDLERS
from usher.plumbing.shipped import shipped
from usher.queue.pages import queue_pages
from usher.seat.blocking.pages import blocking_pages
from usher.seat.pages import seat_pages
from usher.ticket.pages import ticket_pages
from usher.waitlist.pages import waitlist_pages
from usher.wiring import House

AnyRequest = Request[Any, Any, Any]

# Swagger UI, from an installed package: the API's page asks no other host for anything.
_SWAGGER: Final = ("swagger-ui.css", "swagger-ui-bundle.js")
_YEAR_S: Final = 365 * 24 * 3600


class Fault(UsherError):
    """A fault of ours, as a page shows it."""

    code, status = "fault", 500


def make_pages(house: House) -> Pages:
    """What renders pages for this house."""
    front = shipped("front")
    swagger = Path(str(files("swagger_ui"))) / "static"
    more = {f"swagger/{name}": swagger / name for name in _SWAGGER}

    def greet(request: AnyRequest) -> dict[str, Any]:
        return {
            "actor": visitor_of(request, house.signer),
            "access_left_s": access_left_s(request, house.signer),
        }

    assets = Assets(front / "static", more)
    return Pages(assets, house.languages, greet, house.settings.payment_pages)


def page_router(house: House, pages: Pages) -> Router:
    """The pages of every room."""

    async def left(event: str) -> int | None:
        known = await house.curves.of(event)
        return known.curve.free if known else None

    def refreshing(app: ASGIApp) -> ASGIApp:  # Litestar copies what it is given, but no function
        return SilentRefresh(app, house.accounts)

    async def states(event: str) -> str | None:
        snapshot = await house.feed_scripts.snapshot(event)
        return None if isinstance(snapshot, Lost) else snapshot.states

    async def buyer(request: AnyRequest) -> tuple[str, str]:
        actor = visitor_of(request, house.signer)
        if actor is None:
            return "", ""
        try:
            account = await house.accounts.find(actor.account_id)
        except NotFound:  # its token outlives it for some minutes
            return actor.name, ""
        return account.name, account.email

    return Router(
        path="/",
        include_in_schema=False,
        middleware=[refreshing],
        route_handlers=[
            pages.assets.handler,
            _choose_language(pages),
            *account_pages(pages, house.accounts),
            _api_page(pages),
            *event_pages(pages, house.events, left),
            *queue_pages(pages, house.queue, house.accounts, house.events),
            *seat_pages(pages, house.seats, house.events, house.queue, states),
            *checkout_pages(
                pages,
                house.seats,
                house.queue,
                house.bookings,
                house.events,
                house.accounts,
                buyer,
                short_messages=bool(house.settings.sms_url),
            ),
            *booking_pages(
                pages,
                house.bookings,
                house.accounts,
                house.seats,
                house.events,
                house.settings.public_url,
                house.messages.tickets_sent,
            ),
            *refunding_pages(
                pages,
                house.refunds,
                house.bookings,
                house.events,
                Desk(house.signer, house.accounts, house.seats, house.owner_of),
            ),
            *(bank_pages(pages, house.bank, house.events) if house.sandboxed else []),
            *ticket_pages(pages, house.tickets, house.accounts, house.seats, house.events),
            *waitlist_pages(pages, house.waitlist, house.events, house.accounts),
            *door_pages(pages, house.door, house.counts, house.events),
            *message_pages(pages, house.messages, house.bookings, house.accounts, house.seats),
            *console_pages(
                pages,
                house.database,
                house.events,
                house.sales,
                house.feed_scripts,
                house.pulses,
            ),
            *sales_pages(pages, house.database, house.events, house.waitlist, house.messages),
            *editing_pages(pages, house.editor, house.events, house.sales),
            *blocking_pages(pages, house.editor, house.blocking),
            *hook_pages(pages, house.hooks),
        ],
    )


def _choose_language(pages: Pages) -> HTTPRouteHandler:
    @post("/language")
    async def choose_language(request: AnyRequest) -> ASGIResponse:
        """Remembers a language; the page it was chosen on is shown again."""
        form = await read_form(request)
        if form["language"] not in pages.languages.known:
            raise BadInput("this language is not spoken here")
        chosen = cookie(LANGUAGE_COOKIE, form["language"], _YEAR_S)
        return see_other(safe_next(form["next"]), cookies=[chosen])

    return choose_language


def _where(request: AnyRequest) -> str:
    """The page somebody was on who is asked to log in: this one, or the one whose form this was."""
    url = urlsplit(str(request.url))
    if request.method not in ("GET", "HEAD"):
        try:
            url = urlsplit(request.headers.get("referer", ""))
        except ValueError:  # it may hold anything
            return "/"
        if url.netloc != request.headers.get("host"):
            return "/"
    return safe_next(url.path + (f"?{url.query}" if url.query else ""))


def _api_page(pages: Pages) -> HTTPRouteHandler:
    @get("/api")
    async def show_api(request: AnyRequest) -> ASGIResponse:
        """The API's description, to read and to try."""
        return pages.show(request, "api.html")

    return show_api


def page_errors(pages: Pages) -> ExceptionHandlersMap:
    """Refusals as pages for browsers that ask for pages, as problems for all others."""

    def either(handler: Any, show: Callable[[AnyRequest, Any], ASGIResponse]) -> Any:
        def choose(request: AnyRequest, error: Any) -> Response[Any] | ASGIResponse:
            told: Response[Any] = handler(request, error)
            if not wants_page(request):
                return told
            return show(request, error)

        return choose

    def refusal(request: AnyRequest, error: UsherError) -> ASGIResponse:
        if isinstance(error, Unauthenticated) and error.members.get("login"):
            return see_other(f"/login?next={quote(_where(request), safe='/')}")
        return pages.error(request, error)

    def http(request: AnyRequest, error: HTTPException) -> ASGIResponse:
        if error.status_code in (404, 405):
            return pages.error(request, NotFound("there is nothing at this address"))
        return pages.error(request, Malformed("the request could not be read"))

    def unreadable(request: AnyRequest, _: Exception) -> ASGIResponse:
        return pages.error(request, Malformed("the request could not be read"))

    def fault(request: AnyRequest, _: Exception) -> ASGIResponse:
        return pages.error(request, Fault("it has been logged"))

    shows: dict[Any, Any] = {UsherError: refusal, HTTPException: http, Exception: fault}
    return {
        kind: either(handler, shows.get(kind, unreadable)) for kind, handler in HANDLERS.items()
    }
