"""Errors to HTTP, in one place: application/problem+json (RFC 9457) with a stable `code`."""

from typing import Any, Final

import msgspec
import structlog
from litestar import Request, Response
from litestar.exceptions import HTTPException, ValidationException
from litestar.types import ExceptionHandlersMap

from usher.errors import Malformed, UsherError

log = structlog.get_logger("usher.http")

MEDIA_TYPE: Final = "application/problem+json"
# Litestar's own refusals, by status.
_CODES: Final = {
    400: "malformed",
    401: "unauthenticated",
    403: "forbidden",
    404: "not_found",
    405: "method_not_allowed",
    413: "too_large",
    415: "unsupported_media_type",
    422: "bad_input",
    429: "too_many",
    503: "unavailable",
}
# Faults of the body that Litestar lets through as 500: bytes that are not UTF-8, JSON nested
# deeper than the parser's stack, an unknown multipart charset.
_UNREADABLE: Final = (UnicodeDecodeError, RecursionError, LookupError, msgspec.DecodeError)


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


def on_http_exception(_: Request[Any, Any, Any], error: HTTPException) -> Response[bytes]:
    members: dict[str, Any] = {}
    status, detail = error.status_code, error.detail
    # A body that is no JSON at all reaches us as a ValidationException without a list of faults.
    if isinstance(error, ValidationException) and isinstance(error.extra, list):
        status = 422
        members["errors"] = [
            {"where": str(fault.get("key", "")), "what": str(fault.get("message", ""))}
            for fault in error.extra
            if isinstance(fault, dict)
        ]
        detail = "; ".join(f"{e['where']}: {e['what']}".strip(": ") for e in members["errors"])
    body, headers = problem(
        status, _CODES.get(status, "error"), detail[:200] or "refused", detail[:500], **members
    )
    headers |= {k: v for k, v in (error.headers or {}).items() if k.lower() == "allow"}
    return _respond(status, body, headers)


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
