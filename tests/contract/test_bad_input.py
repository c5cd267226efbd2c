"""Bad input on every route: a 4xx problem that says what is wrong, and nothing is changed."""

import base64
from typing import Any

import httpx
import pytest

from tests.contract.fan import PERSON, refused
from tests.contract.scene import Scene
from usher import limits
from usher.ids import new_id

pytestmark = [pytest.mark.anyio, pytest.mark.usefixtures("unchanged")]


async def send(scene: Scene, method: str, path: str, **options: Any) -> httpx.Response:
    return await scene.http.request(method, path, **options)


UNREADABLE = {
    "empty": b"",
    "cut short": b'{"seats": ["A-1"',
    "not JSON": b"seats=A-1",
    "not UTF-8": b'{"name": "\xff\xfe"}',
    "UTF-16": '{"name": "Ann"}'.encode("utf-16"),
    "half a surrogate": b'{"name": "\\ud800"}',
    "a mark in front": b"\xef\xbb\xbf{}",
    "NaN": b'{"quantity": NaN}',
    "infinity": b'{"quantity": -Infinity}',
    "deep": b'{"seats":' + b"[" * 20_000 + b"]" * 20_000 + b"}",
    "deep and open": b"[" * 60_000,
    "deep objects": b'{"a":' * 10_000,
    "two values": b"{} {}",
    "a comment": b"{} // all of them",
}


@pytest.mark.parametrize("name", UNREADABLE)
async def test_a_body_that_cannot_be_read(scene: Scene, name: str) -> None:
    for method, path, operation in scene.with_bodies:
        headers = scene.headers(operation) | {"content-type": "application/json"}
        answer = await send(
            scene, method, scene.filled(path), headers=headers, content=UNREADABLE[name]
        )
        if answer.status_code == 422:  # the fault came before what cannot be read
            refused(answer, 422, "bad_input")
        else:
            assert "body" in refused(answer, 400, "malformed")["detail"], path


@pytest.mark.parametrize("body", ["null", "[]", '"text"', "5", "true", '{"nobody": "asked"}'])
async def test_a_body_of_another_shape(scene: Scene, body: str) -> None:
    for method, path, operation in scene.with_bodies:
        headers = scene.headers(operation) | {"content-type": "application/json"}
        answer = await send(scene, method, scene.filled(path), headers=headers, content=body)
        problem = refused(answer, 422, "bad_input")
        assert problem["errors"][0]["what"], path


async def test_every_field_of_a_wrong_type(scene: Scene) -> None:
    """Also where it could be understood: "3" is no number, 1 is not yes, 1900000000 is no time."""
    description = (await scene.http.get("/api/schema/openapi.json")).json()["components"]["schemas"]
    wrong: tuple[Any, ...] = ("3", "yes", 1, 0, -1, 1.5, 1_900_000_000, True, [], {}, [None], "")
    asked = 0
    for method, path, operation in scene.with_bodies:
        reference = operation["requestBody"]["content"]["application/json"]["schema"]["$ref"]
        schema = description[reference.rpartition("/")[2]]
        for name, field in schema["properties"].items():
            kinds = {each.get("type") for each in field.get("oneOf", [field])}
            for value in wrong:
                if _is_of(value, kinds):
                    continue
                asked += 1
                answer = await send(
                    scene,
                    method,
                    scene.filled(path),
                    headers=scene.headers(operation),
                    json={name: value},
                )
                problem = refused(answer, 422, "bad_input")
                assert problem["errors"], (path, name, value)
    assert asked > 200


def _is_of(value: Any, kinds: set[str | None]) -> bool:
    match value:
        case bool():
            return "boolean" in kinds
        case int():
            return bool(kinds & {"integer", "number"})
        case float():
            return "number" in kinds
        case str():
            return "string" in kinds
        case list():
            return "array" in kinds
        case dict():
            return "object" in kinds
    return False


async def test_a_body_that_is_too_large(scene: Scene) -> None:
    huge = b" " * limits.body_bytes_max + b"{}"
    nested = b"[" * 100_000
    for method, path, operation in scene.with_bodies:
        if path.endswith(("/events", "/events/{event}/seats", "/checkins/batch")):
            continue  # plans, the seats of a whole hall, an evening's scans are larger
        for body in (huge, nested):
            answer = await send(
                scene, method, scene.filled(path), headers=scene.headers(operation), content=body
            )
            refused(answer, 413, "too_large")
    webhook = scene.filled("/api/v1/payments/webhooks/{provider}")
    refused(await scene.http.post(webhook, content=huge), 413, "too_large")


@pytest.mark.parametrize(
    "media",
    [
        "text/plain",
        "text/json",
        "application/xml",
        "application/x-www-form-urlencoded",
        "application/x-msgpack",
        "multipart/form-data; boundary=x",
        "multipart/form-data",
        "multipart/form-data; boundary=x; charset=klingon",
        "nonsense",
    ],
)
async def test_a_body_of_another_kind(scene: Scene, media: str) -> None:
    for method, path, operation in scene.with_bodies:
        headers = scene.headers(operation) | {"content-type": media}
        answer = await send(scene, method, scene.filled(path), headers=headers, content=b"{}")
        problem = refused(answer, 415, "unsupported_media")
        assert "application/json" in problem["detail"]


async def test_a_charset_nobody_knows_is_no_matter(scene: Scene) -> None:
    """JSON is UTF-8 whatever the header adds (RFC 8259)."""
    headers = {"content-type": "Application/JSON; charset=klingon"}
    answer = await scene.fan.ask(
        "POST", "/holds", headers=headers, content=b'{"category": "Nope", "quantity": 1}'
    )
    assert "Nope" in refused(answer, 422, "bad_input")["detail"]


IDS = {
    "zero byte": "%00",
    "zero byte inside": "evt_%00",
    "line break": f"{new_id('event')}%0A",
    "closing brace": "%7D",
    "braces": "%7B%7D",
    "not UTF-8": "%ff",
    "half a surrogate": "%ED%A0%80",
    "emoji": "%F0%9F%8E%B8",
    "quote": "'%20OR%20'1'='1",
    "space": "%20",
    "star": "*",
    "over-long": "evt_" + "a" * 5_000,
    "another noun": new_id("ticket"),
    "capitals": new_id("event").upper(),
    "unknown": "{}_" + "0" * 20,
}


@pytest.mark.parametrize("name", IDS)
async def test_an_id_nobody_gave(scene: Scene, name: str) -> None:
    asked = 0
    nouns = {"event": "evt", "hold": "hld", "booking": "bkg", "payment": "pay", "ticket": "tkt"}
    for operation in scene.operations:
        for parameter in operation[2].get("parameters", ()):
            if parameter["in"] != "path":
                continue
            asked += 1
            noun = parameter["name"]
            instead = {noun: IDS[name].replace("{}", nouns.get(noun, "x"))}
            answer = await scene.ask(operation, scene.headers(operation[2]), **instead)
            assert answer.status_code in (401, 404, 410), (operation[:2], noun, answer.text)
            refused(answer, answer.status_code, answer.json()["code"])
    assert asked > 25


QUERIES = [
    "limit=0",
    "limit=-1",
    "limit=201",
    "limit=NaN",
    "limit=1e400",
    "limit=" + "9" * 400,
    "limit=",
    "limit=ten",
    "cursor=!",
    "cursor=%00",
    "cursor=" + "a" * 201,
    "cursor=%3D%3D%3D",
    *(
        "cursor=" + base64.urlsafe_b64encode(text.encode()).decode()
        for text in (
            "now evt_1",
            "2031-01-01T00:00:00 " + "evt_" + "0" * 20,
            "2031-01-01T00:00:00+00:00 evt_\x00",
            "2031-01-01T00:00:00+00:00 " + "tkt_" + "0" * 20,
            "9999-12-31T23:59:59-12:00 " + "evt_" + "0" * 20,
            "0001-01-01T00:00:00+12:00 " + "evt_" + "0" * 20,
        )
    ),
]
SEARCHES = [
    "city=%00",
    "city=a%0Ab",
    "city=a%0A",
    "production=%1f",
    "q=%7f",
    "q=" + "a" * 201,
    "date=tomorrow",
    "date=2031-02-30",
    "date=2031-01-01T00:00:00Z",
    "date=" + "9" * 100,
]


@pytest.mark.parametrize("query", QUERIES, ids=lambda query: query[:40])
async def test_a_page_nobody_can_turn_to(scene: Scene, query: str) -> None:
    for path in ("/api/v1/events", "/api/v1/bookings"):
        problem = refused(await scene.fan.ask("GET", f"{path}?{query}"), 422, "bad_input")
        assert query.partition("=")[0] in problem["detail"]


@pytest.mark.parametrize("query", SEARCHES, ids=lambda query: query[:40])
async def test_what_nobody_can_look_for(scene: Scene, query: str) -> None:
    problem = refused(await scene.http.get(f"/api/v1/events?{query}"), 422, "bad_input")
    assert problem["errors"][0]["where"] == query.partition("=")[0]


@pytest.mark.parametrize("key", [b"", b"a b", b"x" * 129, b"\xc3\xa9", b"a\tb"], ids=ascii)
async def test_a_key_that_is_none(scene: Scene, key: bytes) -> None:
    asked = 0
    for method, path, operation in scene.operations:
        names = {parameter["name"] for parameter in operation.get("parameters", ())}
        if "Idempotency-Key" not in names:
            continue
        asked += 1
        held = [(name.encode(), text.encode()) for name, text in scene.headers(operation).items()]
        body = {"email": f"{new_id('account')}@example.org", "password": "correct horse"}
        answer = await send(
            scene,
            method,
            scene.filled(path),
            headers=[*held, (b"idempotency-key", key)],
            json=body if "register" in path else scene.body(path),
        )
        problem = refused(answer, 422, "bad_input")
        assert problem["errors"][0]["where"] == "Idempotency-Key"
    assert asked >= 3


async def test_wrong_methods(scene: Scene) -> None:
    methods: dict[str, set[str]] = {}
    for method, path, _ in scene.operations:
        methods.setdefault(path, set()).add(method)
    for path, known in methods.items():
        for method in {"GET", "POST", "PUT", "PATCH", "DELETE"} - known:
            answer = await send(scene, method, scene.filled(path))
            refused(answer, 405, "method_not_allowed")
            assert known <= set(answer.headers["allow"].split(", ")), path


@pytest.mark.parametrize(
    "path",
    ["/nothing", "/api/x", "/api/v1", "/api/v2/events", "/api/v1/events/a/b/c", "/..%2f", "/%00"],
)
async def test_an_address_that_is_none(scene: Scene, path: str) -> None:
    for method in ("GET", "POST", "DELETE"):
        refused(await send(scene, method, path), 404, "not_found")


async def test_control_characters_in_names(scene: Scene) -> None:
    """Characters that PostgreSQL cannot hold, or that would split a header or a line of a log."""
    for evil in ("\x00", "a\x00b", "a\nb", "a\r", "\x1b[31m", "\x7f", "a\n"):
        booking = {"hold_id": scene.hold, **PERSON, "name": evil}
        refused(await scene.fan.ask("POST", "/api/v1/bookings", json=booking), 422, "bad_input")
        account = {"email": f"{new_id('account')}@example.org", "password": "correct horse"}
        for field in ("email", "name"):
            body = account | {field: f"x{evil}@example.org"}
            if field == "name" and evil in ("a\nb", "a\r", "a\n"):
                continue  # white space in a name is tidied up, not refused
            answer = await scene.http.post("/api/v1/auth/register", json=body)
            refused(answer, 422, "bad_input")
        seats = {"seats": [f"A-2{evil}"]}
        refused(await scene.fan.ask("POST", "/holds", json=seats), 422, "bad_input")
        best = {"category": f"VIP{evil}", "quantity": 1}
        refused(await scene.fan.ask("POST", "/holds", json=best), 422, "bad_input")
