"""Putting an event on sale, as tests need it."""

import asyncio
from datetime import timedelta
from typing import Any

import httpx

from usher.clock import utc_now
from usher.event.model import NewEvent
from usher.sale.model import SaleChange, SaleSettings
from usher.venue.generate import rows_by_columns
from usher.venue.model import Plan
from usher.venue.price import default_prices
from usher.wiring import House

QUICK: dict[str, Any] = {"rate_per_min": 60_000, "capacity": 10_000}


async def put_on_sale(
    house: House,
    plan: Plan | None = None,
    *,
    state: Any = "open",
    prices: dict[str, int] | None = None,
    title: str = "A test evening",
    city: str = "",
    cancel_before_s: int | None = None,
    **settings: Any,
) -> str:
    """The id of a published event whose seats are laid out; its gate is wide open."""
    plan = plan or rows_by_columns(5, 10)
    new = NewEvent(
        title=title,
        city=city,
        starts_at=utc_now() + timedelta(days=30),
        prices=default_prices(plan, prices),
        cancel_before_s=cancel_before_s,
    )
    event = await house.events.create(new, plan, SaleSettings(**{**QUICK, **settings}))
    await house.events.publish(event)
    await house.inventory.build(event)
    if state != "draft":
        await house.sales.change(event, "test", SaleChange(state=state))
    return event


async def admitted(http: httpx.AsyncClient, event: str) -> dict[str, str]:
    """A new fan who has come through the line: headers with the admission token."""
    answer = await http.post(f"/api/v1/events/{event}/queue", headers={"cookie": ""})
    assert answer.status_code in (200, 202), answer.text
    body = answer.json()
    if "admission_token" not in body:
        bearer = {"authorization": f"Bearer {body['place_token']}"}
        path = f"/api/v1/events/{event}/queue/place"
        for _ in range(200):
            answer = await http.post(f"{path}/claim", headers=bearer)
            if answer.status_code == 200:
                body = answer.json()
                break
            await asyncio.sleep(0.1)
        else:
            raise AssertionError(f"never called: {answer.text}")
    return {"authorization": f"Bearer {body['admission_token']}"}
