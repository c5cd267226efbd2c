"""Organisers' webhooks over HTTP, end to end: made here, posted by the site's worker."""

from collections.abc import AsyncIterator
from typing import Any

import httpx
import pytest

from tests.contract.fan import bearer, private, refused
from tests.race import buyers
from tests.receiver import Receiver, receiving, says
from tests.sale import put_on_sale
from usher import limits
from usher.account.model import Role
from usher.ids import new_id
from usher.venue.generate import rows_by_columns
from usher.wiring import House

pytestmark = pytest.mark.anyio

PASSWORD = "correct horse battery"
HOOKS = "/api/v1/hooks"


class Desk:
    """Somebody with an access token."""

    def __init__(self, http: httpx.AsyncClient, account_id: str, token: str) -> None:
        self.http = http
        self.account_id = account_id
        self.headers = bearer(token) | {"cookie": ""}
        self.made: list[str] = []

    async def ask(
        self, method: str, path: str = "", body: Any = None, **headers: str
    ) -> httpx.Response:
        more = {name.replace("_", "-"): value for name, value in headers.items()}
        return await self.http.request(method, HOOKS + path, json=body, headers=self.headers | more)

    async def hook(self, url: str, *kinds: str) -> dict[str, Any]:
        told = private(await self.ask("POST", "", {"url": url, "kinds": list(kinds)}), 201)
        self.made.append(told["hook_id"])
        return told

    async def until(self, path: str, **wanted: Any) -> dict[str, Any]:
        for _ in range(600):
            told = private(await self.ask("GET", path), 200)
            if told | wanted == told:
                return told
        raise AssertionError(f"never {wanted}: {told}")


@pytest.fixture
async def hire(house: House, http: httpx.AsyncClient) -> AsyncIterator[Any]:
    """Makes somebody of a role; their hooks are gone afterwards."""
    desks = []

    async def make(role: Role = Role.ORGANISER) -> Desk:
        email = f"{new_id('account')}@example.org"
        account = await house.accounts.add(email, PASSWORD, "Olga", role)
        login = await house.accounts.login(email, PASSWORD)
        desks.append(Desk(http, account.account_id, login.access_token))
        return desks[-1]

    yield make
    for desk in desks:
        for hook in desk.made:
            await desk.ask("DELETE", f"/{hook}")


@pytest.fixture
async def receiver() -> AsyncIterator[Receiver]:
    async with receiving() as receiver:
        yield receiver


async def test_from_a_purchase_to_the_receiver(hire: Any, house: House, receiver: Receiver) -> None:
    """The whole way: a free booking is confirmed, its organiser's program hears of it, loses it,
    and has it sent again."""
    desk = await hire()
    made = await desk.hook(receiver.url, "event.cancelled")
    plan = rows_by_columns(1, 5)
    free = {category.name: 0 for category in plan.categories}
    event = await put_on_sale(house, plan, mode="simple", prices=free)
    async with house.database.connection() as connection:
        await connection.execute(
            "UPDATE event SET organiser_id = $2 WHERE id = $1", event, desk.account_id
        )
    changed = private(
        await desk.ask("PATCH", f"/{made['hook_id']}", {"kinds": ["booking.confirmed"]}), 200
    )
    assert changed["kinds"] == ["booking.confirmed"]
    booking = (await buyers.book(house, event, 0)).booking_id
    (post,) = await receiver.until(1)
    message = post.read(made["secret"])
    assert (message["type"], message["data"]["booking_id"]) == ("booking.confirmed", booking)
    log = f"/{made['hook_id']}/deliveries"
    delivery = await desk.until(f"{log}/{post.id}", state="done", status=200, answer="thanks")
    assert delivery["body"] == post.body.decode()
    (listed,) = private(await desk.ask("GET", log), 200)["deliveries"]
    assert listed.items() <= delivery.items()
    assert (await desk.ask("POST", f"{log}/{post.id}/replay")).status_code == 202
    first, second = await receiver.until(2)
    assert (first.id, first.body) == (second.id, second.body)


async def test_a_test_is_posted(hire: Any, receiver: Receiver) -> None:
    receiver.answers = [says(400, "who are you?")]
    desk = await hire()
    made = await desk.hook(receiver.url)
    path = f"/{made['hook_id']}"
    told = await desk.ask("POST", f"{path}/test", idempotency_key="try")
    again = await desk.ask("POST", f"{path}/test", idempotency_key="try")
    delivery = private(told, 202)
    assert private(again, 202)["delivery_id"] == delivery["delivery_id"]
    assert told.headers["location"].endswith(f"{path}/deliveries/{delivery['delivery_id']}")
    (post,) = await receiver.until(1)
    assert post.read(made["secret"])["type"] == "hook.ping"
    failed = await desk.until(
        f"{path}/deliveries/{delivery['delivery_id']}", status=400, answer="who are you?"
    )
    assert (failed["state"], failed["fault"]) == ("pending", "answered 400")
    assert private(await desk.ask("GET", path), 200)["failing_since"]


async def test_the_secret_is_told_once_and_again_to_who_missed_it(hire: Any) -> None:
    desk = await hire()
    asked = {"url": "http://example.org/a", "kinds": ["ticket.used", "ticket.used"]}
    first = private(await desk.ask("POST", "", asked, idempotency_key="one"), 201)
    desk.made.append(first["hook_id"])
    assert private(await desk.ask("POST", "", asked, idempotency_key="one"), 201) == first
    assert first["secret"].startswith("whsec_")
    other = await desk.ask("POST", "", asked | {"kinds": []}, idempotency_key="one")
    refused(other, 422, "idempotency_mismatch")
    path = f"/{first['hook_id']}"
    assert "secret" not in private(await desk.ask("GET", path), 200)
    turned = private(await desk.ask("POST", f"{path}/secret", idempotency_key="two"), 200)
    same = private(await desk.ask("POST", f"{path}/secret", idempotency_key="two"), 200)
    assert turned["secret"] == same["secret"] != first["secret"]
    assert turned["old_secret_until"]


async def test_a_page_of_hooks(hire: Any) -> None:
    desk = await hire()
    made = [(await desk.hook(f"http://example.org/{n}"))["hook_id"] for n in range(3)]
    first = private(await desk.ask("GET", "?limit=2"), 200)
    second = private(await desk.ask("GET", f"?limit=2&cursor={first['cursor']}"), 200)
    seen = [hook["hook_id"] for page in (first, second) for hook in page["hooks"]]
    assert seen == made[::-1]
    assert second["cursor"] is None


async def test_a_paused_hook_posts_nothing(hire: Any) -> None:
    desk = await hire()
    path = f"/{(await desk.hook('http://example.org/'))['hook_id']}"
    assert private(await desk.ask("PATCH", path, {"state": "paused"}), 200)["state"] == "paused"
    assert refused(await desk.ask("POST", f"{path}/test"), 409, "conflict")["state"] == "paused"


async def test_there_is_an_end_to_how_many(hire: Any) -> None:
    desk = await hire()
    for number in range(limits.hooks_max):
        await desk.hook(f"http://example.org/{number}")
    one_more = await desk.ask("POST", "", {"url": "http://example.org/more"})
    refused(one_more, 409, "conflict")


async def test_whose_hooks_they_are(hire: Any) -> None:
    owner, other = await hire(), await hire()
    admin, staff, fan = await hire(Role.ADMIN), await hire(Role.STAFF), await hire(Role.FAN)
    made = await owner.hook("http://example.org/mine")
    path = f"/{made['hook_id']}"
    calls: list[tuple[str, str, Any]] = [
        ("GET", path, None),
        ("GET", f"{path}/deliveries", None),
        ("PATCH", path, {"kinds": []}),
        ("POST", f"{path}/test", None),
        ("POST", f"{path}/secret", None),
        ("POST", f"{path}/deliveries/{new_id('delivery')}/replay", None),
        ("DELETE", path, None),
    ]
    for method, where, body in calls:
        for nobody in (other, staff, fan):
            refused(await nobody.ask(method, where, body), 403, "forbidden")
    assert private(await other.ask("GET"), 200)["hooks"] == []
    all_of_them = private(await admin.ask("GET", "?limit=200"), 200)["hooks"]
    assert made["hook_id"] in {hook["hook_id"] for hook in all_of_them}
    for everybodys in (owner, admin):
        assert (await everybodys.ask("GET", path)).status_code == 200
    everyones = await admin.hook("http://example.org/all")
    assert (everyones["account_id"], made["account_id"]) == (None, owner.account_id)
    refused(await owner.ask("GET", f"/{everyones['hook_id']}"), 403, "forbidden")
    assert (await admin.ask("DELETE", path)).status_code == 204
    refused(await owner.ask("GET", path), 404, "not_found")


@pytest.mark.parametrize(
    "url",
    [
        "",
        "example.org",
        "ftp://example.org/",
        "javascript:alert(1)",
        "https://",
        "https:///path",
        "https://me:secret@example.org/",
        "https://me@example.org/",
        "https://example.org/#there",
        "https://exa mple.org/",
        "https://example.org:0/",
        "https://example.org:70000/",
        "https://example.org/\x00",
        "https://[::1",
        "https://example.org/" + "a" * 2_000,
    ],
    ids=range(15),
)
async def test_an_address_that_is_none(
    http: httpx.AsyncClient, organiser: dict[str, str], url: str
) -> None:
    answer = await http.post(HOOKS, json={"url": url}, headers=organiser)
    problem = refused(answer, 422, "bad_input")
    assert problem["errors"][0]["where"] == "url"


@pytest.mark.parametrize(
    "body",
    [
        {"url": "http://example.org/", "kinds": ["booking.pending"]},
        {"url": "http://example.org/", "kinds": ["offer.made"]},
        {"url": "http://example.org/", "kinds": "booking.confirmed"},
        {"url": "http://example.org/", "state": "paused"},
        {"kinds": []},
    ],
    ids=["unknown", "not-for-hooks", "no-list", "unknown-field", "no-url"],
)
async def test_a_wish_that_makes_no_sense(
    http: httpx.AsyncClient, organiser: dict[str, str], body: Any
) -> None:
    refused(await http.post(HOOKS, json=body, headers=organiser), 422, "bad_input")


async def test_nothing_at_made_up_addresses(hire: Any) -> None:
    desk = await hire()
    path = f"/{(await desk.hook('http://example.org/'))['hook_id']}"
    for hook in ("x", new_id("hook"), new_id("event")):
        refused(await desk.ask("GET", f"/{hook}"), 404, "not_found")
    for delivery in ("x", new_id("delivery")):
        refused(await desk.ask("GET", f"{path}/deliveries/{delivery}"), 404, "not_found")
    for query in ("cursor=x", "limit=0", "limit=1000", "state=lost"):
        refused(await desk.ask("GET", f"{path}/deliveries?{query}"), 422, "bad_input")


async def test_the_pages_do_the_same_without_scripts(
    hire: Any, http: httpx.AsyncClient, receiver: Receiver
) -> None:
    desk = await hire()
    access = desk.headers["authorization"].partition(" ")[2]
    head = {"cookie": f"__Host-access={access}", "accept": "text/html"}

    async def send(path: str, **fields: Any) -> httpx.Response:
        return await http.post(f"/organiser/hooks{path}", data=fields, headers=head)

    page = await http.get("/organiser/hooks", headers=head)
    key = page.text.split('name="key" value="')[1].split('"')[0]
    wish = {"key": key, "url": receiver.url, "kinds": ["ticket.used", "event.cancelled"]}
    made, again = await send("", **wish), await send("", **wish)
    secret = made.text.split('id="secret"')[1].split(">")[1].split("<")[0]
    assert secret.startswith("whsec_")
    assert secret in again.text, "loaded again it is the same one"
    (hook,) = private(await desk.ask("GET"), 200)["hooks"]
    desk.made.append(hook["hook_id"])
    assert hook["kinds"] == ["event.cancelled", "ticket.used"]
    path = f"/{hook['hook_id']}"
    for part, more, state in (
        ("paused", {}, {"state": "paused"}),
        ("active", {}, {"state": "active"}),
        ("change", {"url": receiver.url}, {"kinds": []}),
    ):
        answer = await send(path, part=part, **more)
        assert answer.status_code == 303, answer.text
        told = private(await desk.ask("GET", path), 200)
        assert told | state == told
    assert (await send(path, part="test", key="k" * 20)).status_code == 303
    (post,) = await receiver.until(1)
    assert post.read(secret)["type"] == "hook.ping"
    await desk.until(f"{path}/deliveries/{post.id}", state="done")
    shown = await http.get(f"/organiser/hooks{path}/deliveries/{post.id}", headers=head)
    assert "hook.ping" in shown.text
    assert (await send(f"{path}/deliveries/{post.id}")).status_code == 303
    await receiver.until(2)
    bad = await send(path, part="change", url="https://a:b@example.org/")
    assert bad.status_code == 422
    assert 'id="e-url"' in bad.text
    assert (await send("", key="k" * 20, url="nowhere", kinds="x")).status_code == 422
    assert (await send(path, part="nothing")).status_code == 422
    turned = await send(path, part="rotate", key="k" * 20)
    assert 'id="secret"' in turned.text
    assert secret not in turned.text
    assert (await send(path, part="remove")).status_code == 303
    assert (await http.get(f"/organiser/hooks{path}", headers=head)).status_code == 404
