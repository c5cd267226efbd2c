"""Where a load test runs: servers and processes of its own, or a deployment that is up already."""

import asyncio
import tempfile
import time
from collections.abc import AsyncIterator, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from datetime import timedelta
from pathlib import Path
from typing import Any, Final, Protocol

import httpx
import msgspec

from loadtests.inside import inside
from loadtests.options import Kind, Options, sale_of
from loadtests.sampler import Probe, line, metrics, pulse
from usher.clock import utc_now
from usher.embedded import delete_data
from usher.errors import SetupError, UsherError
from usher.event.model import NewEvent
from usher.insight.model import Verdict as Audit
from usher.plumbing.child import Child
from usher.plumbing.presence import raise_open_files
from usher.sale.model import SaleChange
from usher.settings import environ_of, read_settings
from usher.up import READY_S, Up, free_port, ready, up
from usher.venue.bowl import bowl
from usher.venue.generate import rows_by_columns
from usher.venue.model import Plan as Hall
from usher.venue.price import default_prices

ACTOR: Final = "just load"
_BOWL_FROM: Final = 5_000
_ROW_MIN, _ROW_MAX = 10, 40


class Site(Protocol):
    """A deployment under load, with one event on it."""

    @property
    def urls(self) -> list[str]: ...
    @property
    def event(self) -> str: ...
    async def open_sale(self) -> bool:
        """Opens the sale; False where that is not ours to do."""
        ...

    async def another(self, kind: Kind) -> str:
        """Another event like the one under load, for finding out what is carried."""
        ...

    async def close_sale(self, event: str) -> None:
        """Ends the sale of an event that was made by `another`."""
        ...

    async def audit(self) -> Audit | None:
        """The invariants as they are now; None where they may not be seen."""
        ...

    async def lost(self, bookings: list[str]) -> list[str]:
        """Those bookings that cannot be found; none where only their fans may look."""
        ...

    def probes(self) -> list[Probe]:
        """What is sampled once a second."""
        ...

    def server_pids(self) -> Mapping[str, list[int]]:
        """Processes of this machine that serve, by what they are."""
        ...


def hall_of(seats: int) -> Hall:
    """A hall of so many seats in rows of 10 to 40; where they make no such rows a few more, and an
    arena has about so many."""
    if seats >= _BOWL_FROM:
        return bowl(seats)
    if seats < _ROW_MIN:
        return rows_by_columns(1, seats)
    made = {columns: -(-seats // columns) * columns for columns in range(_ROW_MIN, _ROW_MAX + 1)}
    columns = min(made, key=lambda columns: (made[columns], -columns))
    return rows_by_columns(made[columns] // columns, columns)


class Own:
    """Servers, API processes and a worker of this machine's, up for this run alone."""

    def __init__(self, site: Up, urls: list[str], event: str, apis: list[Child]) -> None:
        self.urls = urls
        self.event = event
        self._site = site
        self._house = site.house
        self._apis = apis

    async def open_sale(self) -> bool:
        await self._house.sales.change(self.event, ACTOR, SaleChange(state="open"))
        return True

    async def another(self, kind: Kind) -> str:
        return await _put_on_sale(self._site, kind)

    async def close_sale(self, event: str) -> None:
        await self._house.sales.change(event, ACTOR, SaleChange(state="closed"))

    async def audit(self) -> Audit | None:
        return await self._house.auditor.audit(self.event)

    async def lost(self, bookings: list[str]) -> list[str]:
        return await self._house.auditor.lost(bookings)

    def probes(self) -> list[Probe]:
        return [inside(self._house, self.event)]

    def server_pids(self) -> Mapping[str, list[int]]:
        pids: dict[str, list[int]] = {
            "api": [child.pid for child in self._apis if child.pid],
            "worker": [
                child.pid for child in self._site.children if child.pid and child not in self._apis
            ],
        }
        if self._site.servers is not None:
            pids |= self._site.servers.pids()
        return pids


@asynccontextmanager
async def own_site(options: Options, kind: Kind) -> AsyncIterator[Own]:
    """Everything brought up, and an event published on it; all gone on leaving."""
    raise_open_files()
    with tempfile.TemporaryDirectory(prefix="usher-load-") as folder:
        data_dir = Path(folder) / "data"
        settings = read_settings({}).with_(
            data_dir=data_dir, port=options.port, log_level="error", payments="sandbox"
        )
        try:
            async with AsyncExitStack() as stack:
                site = await stack.enter_async_context(up(settings))
                urls, apis = [site.url], [site.child("api")]
                for number in range(2, kind.apis + 1):
                    port = free_port(settings.host, 0)
                    environ = environ_of(site.settings.with_(port=port))
                    child = Child(f"api-{number}", ["serve"], environ)
                    stack.push_async_callback(child.stop)
                    await child.start()
                    urls.append(f"http://{settings.host}:{port}")
                    apis.append(child)
                runner = site.house.runner
                await asyncio.gather(
                    *(ready(url, api, runner) for url, api in zip(urls, apis, strict=True))
                )
                yield Own(site, urls, await _put_on_sale(site, kind), apis)
        finally:
            delete_data(data_dir)


async def _put_on_sale(site: Up, kind: Kind) -> str:
    hall = hall_of(kind.seats)
    new = NewEvent(
        title="Load test",
        starts_at=utc_now() + timedelta(days=30),
        prices=default_prices(hall),
    )
    event = await site.house.events.create(new, hall, sale_of(kind))
    await site.house.events.publish(event)
    begun = SaleChange(state="open") if kind.opens == "before" else SaleChange(state="lobby")
    await site.house.sales.change(event, ACTOR, begun)
    late = time.monotonic() + READY_S
    while time.monotonic() < late:  # the worker lays it out
        try:
            await site.house.auditor.audit(event)
            return event
        except UsherError:
            await asyncio.sleep(0.1)
    raise SetupError(f"the seats of {event} were not laid out within {READY_S:.0f} s")


class Elsewhere:
    """A deployment by its address; `token` is an organiser's, for opening and auditing."""

    def __init__(self, options: Options, http: httpx.AsyncClient) -> None:
        self.urls = list(options.host)
        self.event = options.event
        self._token = options.token
        self._http = http
        self._path = f"/api/v1/events/{options.event}"

    async def open_sale(self) -> bool:
        if not self._token:
            return False
        found = await self._http.get(self._path)
        if found.is_success and found.json()["sale"]["state"] not in ("draft", "lobby"):
            return True
        answer = await self._http.patch(
            f"{self._path}/sale", json={"state": "open"}, headers=self._headers
        )
        return answer.is_success

    async def another(self, kind: Kind) -> str:
        raise SetupError("a deployment is told by --rate what it carries")

    async def close_sale(self, event: str) -> None:
        raise SetupError(f"{event} is not ours to close")

    async def audit(self) -> Audit | None:
        if not self._token:
            return None
        answer = await self._http.get(f"{self._path}/audit", headers=self._headers, timeout=60)
        if not answer.is_success:
            raise SetupError(f"the audit answered {answer.status_code}: {answer.text[:200]}")
        return msgspec.json.decode(answer.content, type=Audit)

    async def lost(self, bookings: list[str]) -> list[str]:
        return []

    def probes(self) -> list[Probe]:
        found = [line(self._http, self.event), metrics(self._http)]
        return [*found, pulse(self._http, self.event, self._token)] if self._token else found

    def server_pids(self) -> Mapping[str, list[int]]:
        return {}

    @property
    def _headers(self) -> dict[str, Any]:
        return {"authorization": f"Bearer {self._token}"}


@asynccontextmanager
async def elsewhere(options: Options) -> AsyncIterator[Elsewhere]:
    """The deployment at `options.host`; SetupError where its event is not to be seen."""
    raise_open_files()
    async with httpx.AsyncClient(
        base_url=options.host[0], timeout=10, trust_env=False, follow_redirects=False
    ) as http:
        try:
            found = await http.get(f"/api/v1/events/{options.event}")
        except httpx.HTTPError as fault:
            raise SetupError(f"{options.host[0]} does not answer: {fault}") from fault
        if not found.is_success:
            raise SetupError(
                f"{options.host[0]} answered {found.status_code} for the event {options.event}"
            )
        yield Elsewhere(options, http)
