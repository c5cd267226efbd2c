"""Stripe over HTTP: form-encoded bodies, keys, expanded objects, lists, the page, signed webhooks;
and what goes wrong on the way, on demand.

    with stripe_standin() as stripe:
        Api("sk_test_123", stripe.address)
"""

import asyncio
import hashlib
import hmac
import json
import re
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, Literal, NamedTuple
from urllib.parse import parse_qsl

import httpx
import uvicorn

from tests.standin.stripe_account import Account, Json, StripeFault

KEY = "sk_test_standin0123456789"
SECRET = "whsec_standin0123456789"
HANG_S = 20.0

# "500 saved" is given again under the same key; "drop" has done its work, "lost" has not.
FaultKind = Literal["500", "500 saved", "429", "401", "hang", "drop", "lost"]
Manner = Literal["in order", "twice", "reversed"]


class _Saved(NamedTuple):
    asked: tuple[str, str]
    status: int
    body: bytes


class _Dropped(Exception):
    """The connection ends without an answer."""


class StripeStandin:
    """The account is in `account`; faults are ordered with `fail`; events are in `webhooks()`, and
    are posted to `webhooks_to` as they happen where that is set."""

    def __init__(self) -> None:
        self.address = ""
        self.reset()

    def reset(self) -> None:
        """An account in which nothing has happened."""
        self.account = Account(self.address)
        self.webhooks_to = ""
        self.manner: Manner = "in order"
        self.requests: list[str] = []
        self.slow_s = 0.0
        self.most_at_once = 0
        self._at_once = 0
        self._faults: list[tuple[re.Pattern[str], FaultKind]] = []
        self._saved: dict[str, _Saved] = {}
        self._running: set[str] = set()
        self._told = 0
        self._posting: set[asyncio.Task[None]] = set()

    # --- for tests, from any thread

    def fail(self, request: str, kind: FaultKind, times: int = 1) -> None:
        """The next requests that match `request` ("POST /v1/refunds") go wrong."""
        self._faults += [(re.compile(request), kind)] * times

    def forget_keys(self) -> None:
        """A day passes: every key is forgotten."""
        self._saved.clear()

    def webhooks(self) -> list[tuple[bytes, dict[str, str]]]:
        """Every event so far as a webhook call: body and headers."""
        bodies = [json.dumps(event).encode() for event in self.account.events]
        return [(body, {"stripe-signature": sign(body)}) for body in bodies]

    # --- HTTP

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        body = b""
        while True:
            message = await receive()
            body += message.get("body", b"")
            if not message.get("more_body"):
                break
        headers = {name.decode(): value.decode() for name, value in scope["headers"]}
        text = scope["query_string"].decode() if scope["method"] == "GET" else body.decode()
        form = _nested(text)
        path = scope["path"]
        try:
            if path.startswith("/c/pay/"):
                status, told, more = self._page(scope["method"], path[7:], form)
            else:
                status, told, more = await self._api(f"{scope['method']} {path}", form, headers)
        except _Dropped:
            # A head without its body, and the connection is closed.
            await send(
                {
                    "type": "http.response.start",
                    "status": 200,
                    "headers": [(b"content-length", b"999")],
                }
            )
            return
        self._post_news()
        await send(
            {
                "type": "http.response.start",
                "status": status,
                "headers": [
                    (name.encode(), value.encode())
                    for name, value in {
                        "content-length": str(len(told)),
                        "request-id": "req_test",
                        **more,
                    }.items()
                ],
            }
        )
        await send({"type": "http.response.body", "body": told})

    def _page(self, method: str, session: str, form: Json) -> tuple[int, bytes, dict[str, str]]:
        """The page a customer pays on: approve or decline."""
        found = self.account.session(session)
        if method == "POST":
            {"approve": self.account.approve, "decline": self.account.decline}[form["outcome"]](
                session
            )
            if found["status"] == "complete":
                return 303, b"", {"location": found["success_url"]}
        buttons = "".join(
            f'<button name="outcome" value="{each}">{each}</button>'
            for each in ("approve", "decline")
        )
        form_head = f'<form method="post" action="/c/pay/{session}">'
        page = f"<!doctype html><title>Pay</title>{form_head}{buttons}</form>"
        return 200, page.encode(), {"content-type": "text/html"}

    async def _api(
        self, request: str, form: Json, headers: dict[str, str]
    ) -> tuple[int, bytes, dict[str, str]]:
        self.requests.append(request)
        kind = self._fault_of(request)
        key = headers.get("idempotency-key", "")
        try:
            if headers.get("authorization") != f"Bearer {KEY}" or kind == "401":
                raise StripeFault(401, f"Invalid API Key provided: {KEY}")
            if kind == "429":
                raise StripeFault(429, "Too many requests", "rate_limit")
            if kind == "500":
                raise StripeFault(500, "An unknown error occurred", type="api_error")
            if kind == "lost":
                raise _Dropped
            if kind == "hang":
                await asyncio.sleep(HANG_S)
            self._at_once += 1
            self.most_at_once = max(self.most_at_once, self._at_once)
            await asyncio.sleep(self.slow_s)
            self._at_once -= 1
            status, told, more = self._once(request, form, key, kind)
        except StripeFault as fault:
            status, told, more = fault.status, json.dumps(fault.body).encode(), {}
        if kind == "drop":
            self._post_news()
            raise _Dropped
        return status, told, more

    def _fault_of(self, request: str) -> FaultKind | None:
        for index, (pattern, kind) in enumerate(self._faults):
            if pattern.search(request):
                del self._faults[index]
                return kind
        return None

    def _once(
        self, request: str, form: Json, key: str, kind: FaultKind | None
    ) -> tuple[int, bytes, dict[str, str]]:
        """A request under a key is made once: then its answer is given again, faults included.
        What is refused before any work is not saved."""
        asked = (request, json.dumps(form, sort_keys=True))
        if key and key in self._saved:
            saved = self._saved[key]
            if saved.asked != asked:
                raise StripeFault(
                    400, "Keys can only be used with the same parameters", type="idempotency_error"
                )
            return saved.status, saved.body, {"idempotent-replayed": "true"}
        if kind == "500 saved":
            status, told = 500, {"error": {"type": "api_error", "message": "unknown"}}
        else:
            try:
                status, told = 200, self._do(request, form)
            except StripeFault as fault:
                if fault.body["error"].get("param"):
                    raise
                status, told = fault.status, fault.body
        body = json.dumps(told).encode()
        if key:
            self._saved[key] = _Saved(asked, status, body)
        return status, body, {}

    def _do(self, request: str, form: Json) -> Json:
        account = self.account
        expand = set(form.pop("expand", {}).values())
        parts = request.split("/")[2:]
        match [request.partition(" ")[0], *parts]:
            case ["POST", "checkout", "sessions"]:
                return self._session(account.create_session(form), expand)
            case ["GET", "checkout", "sessions"]:
                url = "/v1/checkout/sessions"
                return self._list(form, account.sessions, expand) | {"url": url}
            case ["GET", "checkout", "sessions", name]:
                return self._session(account.session(name), expand)
            case ["POST", "checkout", "sessions", name, "expire"]:
                return self._session(account.expire_session(name), expand)
            case ["GET", "payment_intents", "search"]:
                (wanted,) = re.findall(r"metadata\['payment'\]:'(\w+)'", form["query"])
                found = [
                    self._intent(each, {path.removeprefix("data.") for path in expand})
                    for each in reversed(account.intents.values())
                    if each["metadata"].get("payment") == wanted
                ]
                return {"object": "search_result", "data": found, "has_more": False}
            case ["GET", "payment_intents", name]:
                return self._intent(account.intent(name), expand)
            case ["POST", "payment_intents", name, "capture"]:
                return self._intent(account.capture(name), expand)
            case ["POST", "payment_intents", name, "cancel"]:
                return self._intent(account.cancel(name), expand)
            case ["POST", "refunds"]:
                return account.repay(form)
            case ["GET", "refunds"]:
                return self._list(form, account.refunds, expand) | {"url": "/v1/refunds"}
        raise StripeFault(404, f"Unrecognized request URL ({request})")

    def _list(self, form: Json, things: dict[str, Json], expand: set[str]) -> Json:
        limit = min(int(form.pop("limit", 10)), 100)
        after = form.pop("starting_after", None)
        created = form.pop("created", {})
        found = [
            each
            for each in reversed(things.values())
            if int(each.get("created", 0)) >= int(created.get("gte", 0))
            and all(each[name] == value for name, value in form.items())
        ]
        names = [each["id"] for each in found]
        start = names.index(after) + 1 if after else 0
        paths = {path.removeprefix("data.") for path in expand}
        page = [self._session(each, paths) for each in found[start : start + limit]]
        return {"object": "list", "data": page, "has_more": len(found) > start + limit}

    def _session(self, session: Json, expand: set[str]) -> Json:
        """An object as it is shown; only what is asked for is expanded."""
        shown = {name: value for name, value in session.items() if not name.startswith("_")}
        deeper = {path.partition(".")[2] for path in expand if path.startswith("payment_intent")}
        if deeper and shown.get("payment_intent"):
            shown["payment_intent"] = self._intent(
                self.account.intent(shown["payment_intent"]), deeper
            )
        return shown

    def _intent(self, intent: Json, expand: set[str]) -> Json:
        shown = dict(intent)
        if "latest_charge" in expand and intent["latest_charge"]:
            shown["latest_charge"] = self.account.charges[intent["latest_charge"]]
        return shown

    # --- webhooks

    def _post_news(self) -> None:
        news = self.webhooks()[self._told :]
        self._told += len(news)
        if news and self.webhooks_to:
            if self.manner == "twice":
                news = [each for each in news for _ in range(2)]
            elif self.manner == "reversed":
                news.reverse()
            task = asyncio.ensure_future(self._deliver(news))
            self._posting.add(task)
            task.add_done_callback(self._posting.discard)

    async def _deliver(self, news: list[tuple[bytes, dict[str, str]]]) -> None:
        async with httpx.AsyncClient(trust_env=False, timeout=5) as http:
            for body, headers in news:
                for _ in range(20):
                    try:
                        headers = {**headers, "content-type": "application/json"}
                        if (
                            await http.post(self.webhooks_to, content=body, headers=headers)
                        ).is_success:
                            break
                    except httpx.HTTPError:
                        pass
                    await asyncio.sleep(0.2)


def sign(body: bytes, at_s: int | None = None, secret: str = SECRET) -> str:
    """The header that says who sent a webhook, and when."""
    at = int(time.time()) if at_s is None else at_s
    digest = hmac.new(secret.encode(), b"%d." % at + body, hashlib.sha256).hexdigest()
    return f"t={at},v1={digest}"


def _nested(text: str) -> Json:
    """`a[b][0]=c` as {"a": {"b": {"0": "c"}}}."""
    form: Json = {}
    for name, value in parse_qsl(text, keep_blank_values=True):
        at = form
        *path, last = re.findall(r"[^\[\]]+", name)
        for step in path:
            at = at.setdefault(step, {})
        at[last] = value
    return form


@contextmanager
def stripe_standin() -> Iterator[StripeStandin]:
    """A stand-in that answers, in a thread of its own."""
    standin = StripeStandin()
    config = uvicorn.Config(
        standin,
        host="127.0.0.1",
        port=0,
        lifespan="off",
        log_config=None,
        log_level=60,
        timeout_graceful_shutdown=1,
    )
    server = uvicorn.Server(config)
    thread = threading.Thread(target=server.run, daemon=True)
    thread.start()
    for _ in range(500):
        if server.started:
            break
        time.sleep(0.01)
    port = server.servers[0].sockets[0].getsockname()[1]
    standin.address = f"http://127.0.0.1:{port}"
    standin.reset()
    yield standin
    server.should_exit = server.force_exit = True
    thread.join(10)
