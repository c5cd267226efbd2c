"""An organiser turns the sales of their own events, and of nobody else's."""

from datetime import timedelta
from typing import Any

import httpx
import pytest

from usher.account.model import Role
from usher.clock import utc_now
from usher.event.model import NewEvent
from usher.ids import new_id
from usher.sale.model import SaleSettings
from usher.venue.generate import rows_by_columns
from usher.venue.price import default_prices
from usher.wiring import House

pytestmark = pytest.mark.anyio

PASSWORD = "correct horse battery"
PAGE = {"accept": "text/html"}
CALLS: list[tuple[str, str, Any]] = [
    ("PATCH", "/api/v1/events/{}/sale", {"seats_max": 3}),
    ("PATCH", "/api/v1/events/{}/gate", {"capacity": 5}),
    ("POST", "/api/v1/events/{}/notice", {"text": "Hello"}),
    ("GET", "/api/v1/events/{}/sale/changes", None),
    ("GET", "/api/v1/events/{}/pulse", None),
    ("GET", "/api/v1/events/{}/audit", None),
    ("PATCH", "/api/v1/events/{}", {"title": "Another title"}),
    ("PATCH", "/api/v1/events/{}/seats", {"block": ["A-1"]}),
    ("GET", "/organiser/events/{}", None),
    ("GET", "/organiser/events/{}/console", None),
    ("GET", "/organiser/events/{}/sales", None),
    ("GET", "/organiser/events/{}/sales.csv", None),
    ("GET", "/organiser/events/{}/changes", None),
]


async def someone(house: House, http: httpx.AsyncClient, role: Role) -> tuple[str, dict[str, str]]:
    """A new account and the head that says who it is."""
    email = f"{new_id('account')}@example.org"
    account = await house.accounts.add(email, PASSWORD, "Somebody", role)
    answer = await http.post(
        "/api/v1/auth/login", json={"email": email, "password": PASSWORD}, headers={"cookie": ""}
    )
    return account.account_id, {"authorization": f"Bearer {answer.json()['access_token']}"}


async def test_nobody_elses_event_is_turned(house: House, http: httpx.AsyncClient) -> None:
    owner, own = await someone(house, http, Role.ORGANISER)
    _, other = await someone(house, http, Role.ORGANISER)
    _, admin = await someone(house, http, Role.ADMIN)
    plan = rows_by_columns(2, 5)
    new = NewEvent(
        title="An evening",
        starts_at=utc_now() + timedelta(days=30),
        prices=default_prices(plan),
        organiser_id=owner,
    )
    event = await house.events.create(new, plan, SaleSettings())
    await house.events.publish(event)
    await house.inventory.build(event)
    for method, path, body in CALLS:
        told = {
            name: (
                await http.request(
                    method, path.format(event), json=body, headers={"cookie": "", **PAGE, **head}
                )
            ).status_code
            for name, head in (("other", other), ("own", own), ("admin", admin))
        }
        assert told == {"other": 403, "own": 200, "admin": 200}, (method, path)
