"""The API's description: what Litestar cannot read off the handlers is added here.

Refusals are problems on every route, tokens are of four purposes, streams are no JSON.
"""

import re
from typing import Any, Final

from litestar.handlers import HTTPRouteHandler
from litestar.openapi.spec import (
    Components,
    OpenAPI,
    OpenAPIHeader,
    OpenAPIMediaType,
    OpenAPIResponse,
    OpenAPIType,
    Operation,
    Reference,
    Schema,
    SecurityScheme,
    Tag,
)
from litestar.types import Method

from usher.plumbing.problem import MEDIA_TYPE

_TOKENS: Final = {
    "fan": "Who a fan is; given on joining. Browsers have it as the cookie __Host-fan.",
    "place": "A place in line; given on joining. Cookie: __Host-place-{event}.",
    "admission": "The right to shop; given on coming in. Cookie: __Host-admission-{event}.",
    "access": "An account; given on logging in. Cookie: __Host-access.",
    "entry": "An entry on a waiting list; given on joining it.",
}
# The first that fits a method and a path ("get /api/v1/...") says its tag and the tokens that
# open it, one of which will do.
_ROUTES: Final[tuple[tuple[str, str, tuple[str, ...]], ...]] = (
    (r"/auth/(me|logout/everywhere)$", "accounts", ("access",)),
    (r"/auth/", "accounts", ()),
    (r"/hooks", "webhooks", ("access",)),
    (r"/(sale|gate|notice|audit|pulse|draft|publication)(/|$)", "organisers", ("access",)),
    (r"/checkins", "door", ("access",)),
    (r"^(post|patch) \S*/events(/\{event\}(/seats)?)?$", "organisers", ("access",)),
    (r"/waitlist/entries$", "organisers", ("access",)),
    (r"^post \S*/waitlist$", "waiting list", ()),
    (r"/waitlist$", "waiting list", ("fan", "entry")),
    (r"/offers/", "waiting list", ()),
    (r"/messages$", "organisers", ("access",)),
    (r"/queue/(place|stream)", "line", ("place",)),
    (r"/queue$", "line", ()),
    (r"/holds", "seats", ("admission",)),
    (r"/payments/", "payments", ()),
    (r"/(tickets/revoked|usher-ticket-keys\.json)$", "door", ()),
    (r"/(bookings|tickets)", "bookings", ("admission", "fan", "access")),
    (r"", "events", ()),
)
_PROBLEM: Final = Schema(
    title="Problem",
    description="RFC 9457. `code` is stable; `detail` is a sentence for people.",
    type=OpenAPIType.OBJECT,
    required=["type", "title", "status", "code", "detail"],
    properties={
        "type": Schema(type=OpenAPIType.STRING),
        "title": Schema(type=OpenAPIType.STRING),
        "status": Schema(type=OpenAPIType.INTEGER, minimum=400, maximum=599),
        "code": Schema(type=OpenAPIType.STRING, examples=["seat_taken", "hold_lapsed"]),
        "detail": Schema(type=OpenAPIType.STRING),
        "retry_after_s": Schema(type=OpenAPIType.NUMBER),
        "taken": Schema(type=OpenAPIType.ARRAY, items=Schema(type=OpenAPIType.STRING)),
        "errors": Schema(
            type=OpenAPIType.ARRAY,
            items=Schema(
                type=OpenAPIType.OBJECT,
                required=["where", "what"],
                properties={
                    "where": Schema(type=OpenAPIType.STRING),
                    "what": Schema(type=OpenAPIType.STRING),
                },
            ),
        ),
    },
)
_REFUSED: Final = OpenAPIResponse(
    description="Refused: `code` says why.",
    headers={
        "Retry-After": OpenAPIHeader(
            description="Seconds, where coming back may help.",
            schema=Schema(type=OpenAPIType.INTEGER),
        )
    },
    content={MEDIA_TYPE: OpenAPIMediaType(Reference("#/components/schemas/Problem"))},
)


def operation_id(handler: HTTPRouteHandler, _: Method, __: Any) -> str:
    """Handlers' names are unique and read well: hold_seats."""
    return handler.handler_name.rpartition(".")[2]


def components() -> Components:
    """The tokens, by purpose."""
    schemes: dict[str, SecurityScheme | Reference] = {
        name: SecurityScheme(type="http", scheme="bearer", bearer_format="JWT", description=text)
        for name, text in _TOKENS.items()
    }
    return Components(security_schemes=schemes)


def tags() -> list[Tag]:
    return [Tag(name) for name in dict.fromkeys(tag for _, tag, _ in _ROUTES)]


def describe(description: OpenAPI) -> None:
    """Adds to every operation its tag, its tokens and its refusals."""
    description.components.schemas["Problem"] = _PROBLEM
    for path, item in (description.paths or {}).items():
        for method in ("get", "post", "patch", "delete"):
            operation: Operation | None = getattr(item, method)
            if operation is not None:
                _, tag, tokens = next(
                    each for each in _ROUTES if re.search(each[0], f"{method} {path}")
                )
                operation.tags = [tag]
                operation.security = [{token: []} for token in tokens]
                _refuse(operation)
    for media in ("image/svg+xml", "application/pdf"):
        _also(description, "/api/v1/tickets/{ticket}", media)


def _also(description: OpenAPI, path: str, media: str) -> None:
    """A route that also answers with a file: Litestar knows one media type for a status."""
    operation = (description.paths or {})[path].get
    good = operation and operation.responses and operation.responses["200"]
    assert isinstance(good, OpenAPIResponse)
    assert good.content is not None
    good.content[media] = OpenAPIMediaType(Schema(type=OpenAPIType.STRING))


def _refuse(operation: Operation) -> None:
    responses = operation.responses or {}
    responses.pop("400", None)  # Litestar's own words, which nobody here speaks
    nothing = responses.get("204")
    if isinstance(nothing, OpenAPIResponse):
        nothing.content = None
    responses["4XX"] = _REFUSED
    responses["503"] = _REFUSED
    operation.responses = responses
