"""The first door: the Litestar application."""

import asyncio
import gc
import signal
import sys
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from types import FrameType
from typing import Any, Final, cast

import structlog
import uvicorn
from litestar import Litestar, Response, get
from litestar.config.response_cache import ResponseCacheConfig
from litestar.datastructures import State
from litestar.di import Provide
from litestar.openapi.config import OpenAPIConfig
from litestar.openapi.plugins import JsonRenderPlugin
from litestar.types import ASGIApp

from usher import limits
from usher.account.routes import handlers as account_handlers
from usher.booking.refunding.routes import Desk, refunding_handlers
from usher.booking.routes import booking_handlers
from usher.checkin.routes import checkin_handlers
from usher.errors import UsherError
from usher.event.editing.routes import editing_handlers
from usher.event.routes import event_handlers
from usher.event.warming import keep_warm
from usher.feed.routes import feed_handlers, stream_handlers
from usher.hook.routes import hook_handlers
from usher.insight.routes import audit_handlers, pulse_handlers
from usher.notice.routes import message_handlers
from usher.openapi import components, describe, operation_id, tags
from usher.overload import guarded, is_stream
from usher.pages import make_pages, page_errors, page_router
from usher.payment.routes import payment_handlers
from usher.payment.sandbox.routes import sandbox_handlers
from usher.plumbing import log
from usher.plumbing.doorstep import connections_max, doorstep
from usher.plumbing.express import Express
from usher.plumbing.form import from_this_site
from usher.plumbing.head import HeadAsGet
from usher.plumbing.listen import BACKLOG, listening
from usher.plumbing.request import StrictRequest
from usher.queue.routes import queue_handlers
from usher.sale.model import Sale
from usher.sale.routes import sale_handlers
from usher.seat.blocking.routes import blocking_handlers
from usher.seat.routes import seat_handlers
from usher.settings import Settings
from usher.ticket.routes import door_handlers, ticket_handlers
from usher.waitlist.routes import waitlist_handlers
from usher.wiring import House

VERSION: Final = "0.1.0"


def build_app(house: House) -> Litestar:
    """The application over a house; opens and closes it with the server's life.

    Handlers are closures over their services: Litestar's dependency injection resolves two or more
    dependencies in a task group on every request, 27 % of a join when it was measured.
    """

    @get("/healthz", include_in_schema=False)
    async def healthz() -> dict[str, str]:
        """The process lives."""
        return {"state": "ok"}

    @get("/readyz", include_in_schema=False)
    async def readyz() -> Response[dict[str, str]]:
        """The process can serve: both servers behind it answer, and it is not going down."""
        told = {"redis": "ok", "database": "ok", "state": "ok"}
        try:
            await house.runner.command("PING")
        except UsherError as fault:
            told["redis"] = fault.detail
        try:
            async with house.database.connection() as connection:
                await connection.execute("SELECT 1")
        except UsherError as fault:
            told["database"] = fault.detail
        good = all(word == "ok" for word in told.values()) and not house.hub.draining
        if not good:
            told["state"] = "draining" if house.hub.draining else "not ready"
        if good:
            return Response(told)
        return Response(told, status_code=503, headers={"retry-after": "2"})

    @get("/metrics", include_in_schema=False)
    async def metrics() -> Response[bytes]:
        """Prometheus metrics of this process, and the letters of all."""
        await house.outbox.watch()
        text, kind = house.metrics.text()
        return Response(text, media_type=kind)

    async def on_sale() -> list[Sale]:
        return [sale for sale, _ in await house.sales.published()]

    @asynccontextmanager
    async def lifespan(_: Litestar) -> AsyncIterator[None]:
        await house.open()
        house.hub.start()
        restore = _drain_on_sigterm(house)
        here = asyncio.create_task(house.here("api").run(), name="roll")
        warming = asyncio.create_task(keep_warm(house.events, on_sale), name="warming")
        try:
            yield
        finally:
            restore()
            here.cancel()
            warming.cancel()
            await asyncio.wait({here})
            await house.close()

    def provide(service: Any) -> Provide:
        def give() -> Any:
            return service

        return Provide(give, sync_to_thread=False)

    pages = make_pages(house)
    app = Litestar(
        route_handlers=[
            page_router(house, pages),
            *account_handlers,
            *event_handlers(house.events),
            *editing_handlers(house.editor),
            *sale_handlers(house.sales),
            *queue_handlers(house.queue, house.accounts),
            *seat_handlers(house.seats),
            *blocking_handlers(house.blocking),
            *payment_handlers(house.payments),
            *(sandbox_handlers(house.bank) if house.sandboxed else []),
            *sandbox_handlers(house.rehearsal_bank),
            *booking_handlers(house.bookings, house.accounts, house.seats),
            *refunding_handlers(
                house.refunds, Desk(house.signer, house.accounts, house.seats, house.owner_of)
            ),
            *hook_handlers(house.hooks),
            *ticket_handlers(house.tickets, house.accounts, house.seats, house.languages),
            *door_handlers(house.ticket_keys, house.revocations),
            *checkin_handlers(house.door, house.counts),
            *waitlist_handlers(house.waitlist, house.accounts),
            *message_handlers(house.messages, house.owner_of),
            *feed_handlers(house.feed_scripts, house.events, house.sales),
            *audit_handlers(house.auditor),
            *pulse_handlers(house.pulses),
            *stream_handlers(
                house.hub, house.events, house.queue, house.accounts, house.seats, house.bookings
            ),
            healthz,
            readyz,
            metrics,
        ],
        before_request=from_this_site,
        dependencies={"accounts": provide(house.accounts)},
        state=State({"signer": house.signer, "owner_of": house.owner_of}),
        request_class=StrictRequest,
        exception_handlers=page_errors(pages),
        lifespan=[lifespan],
        request_max_body_size=limits.body_bytes_max,
        openapi_config=OpenAPIConfig(
            title="usher",
            version=VERSION,
            description="A waiting-room-first flash-sale engine for seated events.",
            path="/api/schema",
            render_plugins=[JsonRenderPlugin()],
            use_handler_docstrings=True,
            operation_id_creator=operation_id,
            components=components(),
            tags=tags(),
        ),
        response_cache_config=ResponseCacheConfig(),
        logging_config=None,
    )
    describe(app.openapi_schema)
    return app


def _drain_on_sigterm(house: House) -> Callable[[], None]:
    """Ends the streams as soon as the server is told to stop: uvicorn waits for them for ever.

    Chains uvicorn's own handlers, installed just before the lifespan starts.
    """
    loop = asyncio.get_running_loop()
    chained: dict[int, Any] = {}

    def on_signal(number: int, frame: FrameType | None) -> None:
        loop.call_soon_threadsafe(lambda: asyncio.ensure_future(house.hub.drain()))
        before = chained.get(number)
        if callable(before):
            before(number, frame)

    try:
        for number in (signal.SIGTERM, signal.SIGINT):
            chained[number] = signal.signal(number, on_signal)
    except ValueError:
        chained.clear()  # not in the main thread: whoever runs us there stops us otherwise

    def restore() -> None:
        for number, before in chained.items():
            signal.signal(number, before)

    return restore


def serve(settings: Settings) -> None:
    """Runs one API process until it is told to stop."""
    log.set_up(settings.log_format, settings.log_level)
    if settings.providers[0] == "sandbox" and settings.public_url.startswith("https:"):
        structlog.get_logger("usher.payment").warning(
            "new payments go to the test bank, where anybody may approve them: USHER_PAYMENTS"
        )
    house = House(settings)
    shed = guarded(HeadAsGet(Express(build_app(house)), is_stream), house)
    run_server(shed, settings.host, settings.port, doorstep(shed, connections_max()))


def run_server(
    app: ASGIApp, host: str, port: int, http: type[asyncio.Protocol] | str = "httptools"
) -> None:
    """uvicorn as usher wants it; the benchmarks serve their baseline the same way."""
    # What start-up has made stays; and a request's objects die young, by their reference counts.
    gc.collect()
    gc.freeze()
    gc.set_threshold(20_000, 20, 20)
    config = uvicorn.Config(
        app,
        log_config=None,
        access_log=False,
        server_header=False,
        date_header=False,
        proxy_headers=False,  # nothing here reads the client's address or scheme
        timeout_keep_alive=75,
        timeout_graceful_shutdown=20,
        loop="uvloop",
        http=cast(Any, http),
        ws="none",
        backlog=BACKLOG,
        lifespan="on",
    )
    server = uvicorn.Server(config)
    doors = listening(host, port)
    where = f"[{host}]" if ":" in host else host
    structlog.get_logger("usher.http").info(
        "listening", url=f"http://{where}:{doors[0].getsockname()[1]}"
    )
    with suppress(KeyboardInterrupt):
        server.run(sockets=doors)
    if not server.started:
        sys.exit(3)  # as uvicorn's own command line does
