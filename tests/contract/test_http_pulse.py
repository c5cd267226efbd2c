"""The pulse of a sale: who may feel it, and that it is what the audit counts."""

import asyncio
import csv
import io
from typing import Any

import httpx
import pytest

from tests.contract.fan import Fan, bearer, private, refused
from tests.contract.organiser import Organiser
from tests.sale import put_on_sale
from usher.account.model import Role
from usher.venue.generate import rows_by_columns
from usher.wiring import House

pytestmark = pytest.mark.anyio


@pytest.fixture
async def event(house: House) -> str:
    """A small event of this test's own, its line moving."""
    return await put_on_sale(house, rows_by_columns(2, 6))


@pytest.fixture
def boss(http: httpx.AsyncClient, event: str, organiser: dict[str, str]) -> Organiser:
    return Organiser(http, event, organiser)


async def beats(boss: Organiser, **wanted: Any) -> dict[str, Any]:
    """The pulse, once it tells what is `wanted`: it is some seconds old at most."""
    for _ in range(160):
        told = private(await boss.ask("GET", "pulse"), 200)
        if told | wanted == told:
            return told
        await asyncio.sleep(0.1)
    raise AssertionError(f"never {wanted}: {told}")


async def test_it_is_what_the_audit_counts(
    boss: Organiser, event: str, http: httpx.AsyncClient
) -> None:
    fan = await Fan(http, event).come_in()
    paid = await fan.booked("A-1", "A-2")
    await fan.pay(paid)
    await fan.booking_until(paid, "confirmed")
    fans = [await Fan(http, event).come_in() for _ in range(3)]
    unpaid = await fans[0].booked("A-3")
    await fans[1].held("A-4")
    await boss.gate(state="paused")
    await Fan(http, event).join()
    told = await beats(boss, bookings=1, bookings_awaiting=1, held=1, waiting=1)
    facts = private(await boss.ask("GET", "audit"), 200)["facts"]
    for name in ("seats", "free", "held", "claimed", "sold", "waiting", "joined", "called"):
        assert told[name] == facts[name], name
    assert told["admitted"] == facts["admitted"] == 4
    assert told["bookings"] == facts["bookings_confirmed"]
    assert told["bookings_awaiting"] == facts["bookings_awaiting"]
    assert told["revenue"] == {"amount": facts["revenue"], "currency": "EUR"}
    assert told["conversion"] == 0.25
    assert (told["state"], told["mode"], told["gate_state"]) == ("open", "queued", "paused")
    assert sum(each["bookings"] for each in told["minutes"]) == 1
    assert sum(each["revenue"] for each in told["minutes"]) == told["revenue"]["amount"]
    latest = told["latest"]
    assert [(each["booking_id"], each["state"]) for each in latest] == [
        (unpaid, "awaiting_payment"),
        (paid, "confirmed"),
    ]
    assert latest[1]["name"] == "Ann Lee"
    assert told["at"].endswith("Z")


async def test_it_follows_every_turn(boss: Organiser) -> None:
    await boss.gate(rate_per_min=120, capacity=7, state="paused")
    await beats(boss, rate_per_min=120, capacity=7, gate_state="paused")
    await boss.sale(state="paused", mode="simple")
    await beats(boss, state="paused", mode="simple")
    await boss.ask("POST", "notice", json={"text": "Soon!"})
    assert (await beats(boss, notice="Soon!"))["built"] is True


async def test_the_trail_goes_on_where_it_was_left(boss: Organiser) -> None:
    told = await beats(boss)
    for _ in range(80):
        if told["trail"]:
            break
        told = await beats(boss)
    newest = told["trail"][-1][0]
    later = private(await boss.ask("GET", f"pulse?after={newest}"), 200)
    assert all(sample[0] > newest for sample in later["trail"])
    assert private(await boss.ask("GET", f"pulse?after={2**44}"), 200)["trail"] == []


async def test_a_draft_has_a_pulse_too(
    house: House, http: httpx.AsyncClient, organiser: dict[str, str]
) -> None:
    event = await put_on_sale(house, rows_by_columns(1, 2), state="draft")
    told = private(await Organiser(http, event, organiser).ask("GET", "pulse"), 200)
    assert (told["state"], told["bookings"], told["latest"]) == ("draft", 0, [])
    assert told["conversion"] is None


@pytest.mark.parametrize("after", ["-1", "x", "1.5", str(2**60), "%00"])
async def test_an_impossible_moment_is_refused(boss: Organiser, after: str) -> None:
    answer = await boss.ask("GET", f"pulse?after={after}")
    assert 400 <= answer.status_code < 500
    assert answer.headers["content-type"] == "application/problem+json"


async def test_who_may_look(event: str, tokens: dict[Role, str], http: httpx.AsyncClient) -> None:
    for role, status in (
        (Role.FAN, 403),
        (Role.STAFF, 200),
        (Role.ORGANISER, 200),
        (Role.ADMIN, 200),
    ):
        headers = bearer(tokens[role])
        answer = await http.get(f"/api/v1/events/{event}/pulse", headers=headers)
        assert answer.status_code == status
    refused(await http.get(f"/api/v1/events/{event}/pulse"), 401, "unauthenticated")
    strange = "/api/v1/events/evt_00000000000000000000/pulse"
    headers = bearer(tokens[Role.ORGANISER])
    refused(await http.get(strange, headers=headers), 404, "not_found")


@pytest.mark.parametrize(
    ("page", "staff"),
    [("console", 403), ("sales", 200), ("sales.csv", 403), ("changes", 200)],
)
async def test_who_may_see_the_pages(
    event: str, tokens: dict[Role, str], http: httpx.AsyncClient, page: str, staff: int
) -> None:
    path = f"/organiser/events/{event}/{page}"
    browser = {"accept": "text/html"}
    answer = await http.get(path, headers=browser)
    assert (answer.status_code, answer.headers["location"]) == (303, f"/login?next={path}")
    for role, status in ((Role.FAN, 403), (Role.STAFF, staff), (Role.ORGANISER, 200)):
        answer = await http.get(path, headers=browser | bearer(tokens[role]))
        assert answer.status_code == status, role
        assert answer.headers["cache-control"] == "no-store"
    strange = f"/organiser/events/x/{page}"
    answer = await http.get(strange, headers=browser | bearer(tokens[Role.ORGANISER]))
    assert answer.status_code == 404


@pytest.mark.parametrize("part", ["sale", "gate", "notice"])
async def test_forms_are_for_organisers_of_this_site(
    boss: Organiser, event: str, tokens: dict[Role, str], http: httpx.AsyncClient, part: str
) -> None:
    before = await boss.sale()
    path = f"/organiser/events/{event}/console/{part}"
    form = {"state": "paused", "notice": "no"}
    console = f"/organiser/events/{event}/console"
    browser = {"accept": "text/html", "referer": f"{http.base_url}".rstrip("/") + console}
    answer = await http.post(path, data=form, headers=browser)
    assert answer.status_code == 303
    assert answer.headers["location"] == f"/login?next={console}"
    hostile = "/organiser/events/a%0d%0ax:%20y/console/" + part
    answer = await http.post(hostile, data=form, headers=browser)
    assert (answer.status_code, "x" in answer.headers) == (303, False)
    for role in (Role.FAN, Role.STAFF):
        assert (await http.post(path, data=form, headers=bearer(tokens[role]))).status_code == 403
    cookie = f"__Host-access={tokens[Role.ORGANISER]}"
    evil = {"cookie": cookie, "sec-fetch-site": "cross-site"}
    assert (await http.post(path, data=form, headers=evil)).status_code == 403
    assert await boss.sale() == before
    assert (await boss.ask("GET", "pulse")).json()["notice"] is None


async def test_an_impossible_form_changes_nothing(
    boss: Organiser, event: str, organiser: dict[str, str], http: httpx.AsyncClient
) -> None:
    before = await boss.sale()
    path = f"/organiser/events/{event}/console"
    for part, form, status in (
        ("gate", {"rate_per_min": "0", "capacity": "5"}, 422),
        ("gate", {"rate_per_min": "5", "capacity": "many"}, 422),
        ("gate", {}, 422),
        ("sale", {"state": "sold_out"}, 422),
        ("sale", {"mode": "<b>"}, 422),
        ("sale", {"state": "lobby"}, 409),
        ("notice", {"notice": "x" * 501}, 422),
    ):
        answer = await http.post(f"{path}/{part}", data=form, headers=organiser)
        assert answer.status_code == status, (part, form)
    assert await boss.sale() == before


async def test_the_export_is_streamed_whole_and_runs_nothing(
    boss: Organiser, event: str, organiser: dict[str, str], http: httpx.AsyncClient
) -> None:
    fan = await Fan(http, event).come_in()
    hold = await fan.held("A-1", "A-2")
    name = '=HYPERLINK("http://evil.example"), "Ann"'
    booking = private(await fan.book(hold["hold_id"], name=name), 202)["booking_id"]
    await fan.pay(booking)
    await fan.booking_until(booking, "confirmed")
    path = f"/organiser/events/{event}/sales.csv"
    answer = await http.get(path, headers=organiser)
    assert answer.headers["content-type"] == "text/csv; charset=utf-8"
    assert answer.headers["content-disposition"].startswith("attachment;")
    assert answer.content.startswith("\ufeff".encode())
    text = answer.content.decode("utf-8-sig")
    assert text.count("\r\n") == 2
    (row,) = csv.DictReader(io.StringIO(text, newline=""))
    assert row["booking"] == booking
    assert row["name"] == f"'{name}"
    assert (row["state"], row["seats"], row["currency"]) == ("confirmed", "2", "EUR")
    assert row["total"] == f"{hold['total']['amount'] / 100:.2f}"
    assert len(row["where"].split("; ")) == 2
    for query, rows in ((f"?q={booking[-6:]}", 1), ("?q=nobody", 0), ("?state=expired", 0)):
        answer = await http.get(path + query, headers=organiser)
        assert answer.text.count("\r\n") == 1 + rows, query
