"""Errors to HTTP, in one place: application/problem+json (RFC 9457) with a stable `code`."""

from typing import Any, Final

import msgspec
import structlog
from litestar import Request, Response
from litestar.exceptions import HTTPException, ValidationException
from litestar.types import ExceptionHandlersMap

from usher import limits
from usher.errors import BadInput, Malformed, NotFound, UsherError

log = structlog.get_logger("usher.http")

MEDIA_TYPE: Final = "application/problem+json"
# Litestar's own refusals: code and title by status. A title never tells of one occurrence.
_KNOWN: Final = {
    404: (NotFound.code, NotFound.title),
    405: ("method_not_allowed", "This method is not for this address"),
    413: ("too_large", "The request is too large"),
    422: (BadInput.code, BadInput.title),
}


def problem(
    status: int, code: str, title: str, detail: str, **members: Any
) -> tuple[dict[str, Any], dict[str, str]]:
    """The body and the headers of a problem answer."""
    body = {"type": "about:blank", "title": title, "status": status, "code": code}
    body |= {"detail": detail, **members}
    headers = {"cache-control": "no-store"}
    if "retry_after_s" in members:
        headers["retry-after"] = str(members["retry_after_s"])
    elif status in (429, 503):
        headers["retry-after"] = "1"
    if status == 401:
        headers["www-authenticate"] = "Bearer"
    return body, headers


def of_error(error: UsherError) -> tuple[int, dict[str, Any], dict[str, str]]:
    """Status, body and headers of a domain error."""
    body, headers = problem(error.status, error.code, error.title, error.detail, **error.members)
    return error.status, body, headers


def _respond(status: int, body: dict[str, Any], headers: dict[str, str]) -> Response[bytes]:
    return Response(
        content=msgspec.json.encode(body),
        status_code=status,
        headers=headers,
        media_type=MEDIA_TYPE,
    )


def on_usher_error(_: Request[Any, Any, Any], error: UsherError) -> Response[bytes]:
    return _respond(*of_error(error))


def on_http_exception(request: Request[Any, Any, Any], error: HTTPException) -> Response[bytes]:
    members: dict[str, Any] = {}
    status, detail = error.status_code, error.detail
    if status >= 500:
        return on_fault(request, error)
    # A body that is no JSON at all reaches us as a ValidationException without a list of faults.
    if isinstance(error, ValidationException) and isinstance(error.extra, list):
        status = 422
        members["errors"] = [
            {
                "where": _on_the_wire(request, str(fault.get("key", ""))),
                "what": str(fault.get("message", "")),
            }
            for fault in error.extra
            if isinstance(fault, dict)
        ]
        detail = "; ".join(f"{e['where']}: {e['what']}".strip(": ") for e in members["errors"])
    elif status == 404:
        detail = "there is nothing at this address"
    elif status == 405:
        detail = f"{request.method} is not for this address"
    elif status == 413:
        most = request.route_handler.resolve_request_max_body_size()
        detail = f"a request's body has at most {most or limits.body_bytes_max} bytes"
    known = _KNOWN.get(status, (Malformed.code, Malformed.title))
    body, headers = problem(status, *known, detail[:500], **members)
    headers |= {k: v for k, v in (error.headers or {}).items() if k.lower() == "allow"}
    return _respond(status, body, headers)


def _on_the_wire(request: Request[Any, Any, Any], key: str) -> str:
    """What a client calls the parameter that its handler calls `key`."""
    field = request.route_handler.parsed_fn_signature.parameters.get(key)
    return getattr(field and field.kwarg_definition, "name", None) or key


def on_unreadable(_: Request[Any, Any, Any], error: Exception) -> Response[bytes]:
    return _respond(*of_error(Malformed(f"the request could not be read: {type(error).__name__}")))


def on_fault(request: Request[Any, Any, Any], error: Exception) -> Response[bytes]:
    """A fault of ours: logged whole, told without its insides."""
    log.error("fault", path=request.url.path, method=request.method, exc_info=error)
    body, headers = problem(500, "fault", "Something went wrong here", "it has been logged")
    return _respond(500, body, headers)


HANDLERS: Final[ExceptionHandlersMap] = {
    UsherError: on_usher_error,
    HTTPException: on_http_exception,
    UnicodeDecodeError: on_unreadable,
    RecursionError: on_unreadable,
    msgspec.DecodeError: on_unreadable,
    Exception: on_fault,
}
