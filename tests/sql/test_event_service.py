"""What a process keeps of the events it shows: enough, and not for good."""

import asyncio
from datetime import timedelta
from unittest.mock import Mock

import pytest

from usher.clock import utc_now
from usher.errors import Unavailable
from usher.event import service, warming
from usher.event.model import NewEvent
from usher.event.service import EventService
from usher.plumbing.postgres import Database
from usher.sale.model import Sale, SaleSettings
from usher.venue.generate import rows_by_columns
from usher.venue.layout import compile_layout
from usher.venue.price import default_prices

pytestmark = pytest.mark.anyio


async def _events(database: Database, count: int) -> list[str]:
    events, plan = EventService(database), rows_by_columns(1, 3)
    new = NewEvent(
        title="An evening", starts_at=utc_now() + timedelta(days=30), prices=default_prices(plan)
    )
    return [await events.create(new, plan, SaleSettings()) for _ in range(count)]


async def test_many_small_halls_are_compiled_once(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    events, ids = EventService(database), await _events(database, 20)
    compiled = Mock(wraps=compile_layout)
    monkeypatch.setattr(service, "compile_layout", compiled)
    monkeypatch.setattr(service, "FRESH_S", 0.0)
    for event in ids * 2:
        await events.showing(event)
    assert compiled.call_count == len(ids)


async def test_what_was_shown_is_not_kept_for_good(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Else every layout ever shown would stay, however few are to be kept."""
    events, ids = EventService(database), await _events(database, 5)
    monkeypatch.setattr(service, "KEPT_S", 0.0)
    for event in ids:
        await events.showing(event)
    assert events._showings.keys() <= {ids[-1]}


async def test_what_is_on_is_laid_out_before_anybody_asks(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    events, (opened, shut) = EventService(database), await _events(database, 2)
    compiled = Mock(wraps=compile_layout)
    monkeypatch.setattr(service, "compile_layout", compiled)
    monkeypatch.setattr(warming, "LOOK_S", 0.01)
    looks, enough = 0, asyncio.Event()

    async def sales() -> list[Sale]:
        nonlocal looks
        looks += 1
        if looks == 4:
            enough.set()
        if looks == 1:
            raise Unavailable("the database is away for a moment")
        return [
            Sale(event_id=opened, draw_key=b"", state="open"),
            Sale(event_id=shut, draw_key=b"", state="closed"),
        ]

    ahead = asyncio.create_task(warming.keep_warm(events, sales))
    await enough.wait()
    ahead.cancel()
    assert compiled.call_count == 1
    await events.showing(opened)
    assert compiled.call_count == 1
    await events.showing(shut)
    assert compiled.call_count == 2
