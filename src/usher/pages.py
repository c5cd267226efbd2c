"""Everything a browser is shown: the pages of all rooms, and what they have in common."""

from collections.abc import Callable
from typing import Any, Final

from litestar import Request, Response, Router, post
from litestar.exceptions import HTTPException
from litestar.handlers import HTTPRouteHandler
from litestar.response.base import ASGIResponse
from litestar.types import ExceptionHandlersMap

from usher.account.guards import cookie, visitor_of
from usher.errors import BadInput, Malformed, NotFound, Unauthenticated, UsherError
from usher.event.editing.pages import editing_pages
from usher.event.pages import event_pages
from usher.plumbing.asset import Assets
from usher.plumbing.form import from_this_site, read_form
from usher.plumbing.language import LANGUAGE_COOKIE, Languages
from usher.plumbing.page import Pages, safe_next, see_other, wants_page
from usher.plumbing.problem import HANDLERS
from usher.plumbing.shipped import shipped
from usher.seat.blocking.pages import blocking_pages
from usher.wiring import House

AnyRequest = Request[Any, Any, Any]

_YEAR_S: Final = 365 * 24 * 3600


class Fault(UsherError):
    """A fault of ours, as a page shows it."""

    code, status = "fault", 500


def make_pages(house: House) -> Pages:
    """What renders pages for this house."""
    front = shipped("front")

    def greet(request: AnyRequest) -> dict[str, Any]:
        return {"actor": visitor_of(request, house.signer)}

    return Pages(Assets(front / "static"), Languages(front / "locale"), greet)


def page_router(house: House, pages: Pages) -> Router:
    """The pages of every room; forms among them are taken from this site only."""

    async def left(event: str) -> int | None:
        known = await house.curves.of(event)
        return known.curve.free if known else None

    return Router(
        path="/",
        include_in_schema=False,
        guards=[from_this_site],
        route_handlers=[
            pages.assets.handler,
            _choose_language(pages),
            *event_pages(pages, house.events, left),
            *editing_pages(pages, house.editor, house.events, house.sales),
            *blocking_pages(pages, house.editor, house.blocking),
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
            here = request.url.path if request.method == "GET" else "/"
            return see_other(f"/login?next={here}")
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
