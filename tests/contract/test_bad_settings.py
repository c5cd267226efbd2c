"""Settings of a sale that cannot be: each refused by name, and nothing changed."""

from typing import Any

import httpx
import pytest

from tests.contract.fan import refused
from tests.contract.organiser import Organiser
from tests.sale import put_on_sale
from usher.venue.generate import rows_by_columns
from usher.wiring import House

pytestmark = pytest.mark.anyio

Json = dict[str, Any]


IMPOSSIBLE: list[tuple[str, Json, str]] = [
    ("gate", {"capacity": 0}, "capacity"),
    ("gate", {"capacity": -1}, "capacity"),
    ("gate", {"capacity": 10**30}, "capacity"),
    ("gate", {"rate_per_min": -1}, "rate_per_min"),
    ("gate", {"rate_per_min": 0}, "rate_per_min"),
    ("gate", {"rate_per_min": 2**31}, "rate_per_min"),
    ("gate", {"rate_per_min": 1.5}, "rate_per_min"),
    ("gate", {"rate_per_min": "600"}, "rate_per_min"),
    ("gate", {"rate_per_min": None}, "rate_per_min"),
    ("gate", {"state": "closed"}, "state"),
    ("gate", {"rate": 5}, "body"),
    ("sale", {"mode": "auto-magic"}, "mode"),
    ("sale", {"mode": None}, "mode"),
    ("sale", {"state": "sold"}, "state"),
    ("sale", {"claim_s": 4}, "claim_s"),
    ("sale", {"claim_s": 7_201}, "claim_s"),
    ("sale", {"shop_s": 0}, "shop_s"),
    ("sale", {"hold_s": -5}, "hold_s"),
    ("sale", {"hold_s": 700, "hold_cap_s": 600}, "hold_cap_s"),
    ("sale", {"payment_s": 1}, "payment_s"),
    ("sale", {"seats_max": 0}, "seats_max"),
    ("sale", {"seats_max": 51}, "seats_max"),
    ("sale", {"capacity": 5}, "body"),
    ("sale", {"opens_at": "tomorrow"}, "opens_at"),
    ("sale", {"opens_at": 1_900_000_000}, "opens_at"),
    ("sale", {"opens_at": "2031-05-01T19:00:00"}, "opens_at"),
    ("sale", {"opens_at": "2031-02-30T19:00:00Z"}, "opens_at"),
    ("sale", {"opens_at": "0001-01-01T00:00:00+12:00"}, "opens_at"),
    ("sale", {"closes_at": "9999-12-31T23:59:59-12:00"}, "closes_at"),
    (
        "sale",
        {"opens_at": "2031-05-02T00:00:00Z", "closes_at": "2031-05-01T00:00:00Z"},
        "closes_at",
    ),
    (
        "sale",
        {"opens_at": "2031-05-01T00:00:00Z", "closes_at": "2031-05-01T00:00:00Z"},
        "closes_at",
    ),
    ("sale", {"lobby_at": "2031-05-02T00:00:00Z", "opens_at": "2031-05-01T00:00:00Z"}, "lobby_at"),
]


async def test_what_is_impossible_changes_nothing(
    house: House, http: httpx.AsyncClient, organiser: dict[str, str]
) -> None:
    event = await put_on_sale(house, rows_by_columns(1, 6), state="draft")
    boss = Organiser(http, event, organiser)
    before = await boss.sale()
    for part, change, where in IMPOSSIBLE:
        problem = refused(await boss.ask("PATCH", part, json=change), 422, "bad_input")
        assert where in [fault["where"] for fault in problem["errors"]], (change, problem)
        # One impossible setting takes the possible ones with it.
        possible = {"shop_s": 99} if part == "sale" else {"capacity": 99}
        if possible.keys().isdisjoint(change):
            answer = await boss.ask("PATCH", part, json=change | possible)
            refused(answer, 422, "bad_input")
    assert await boss.sale() == before
