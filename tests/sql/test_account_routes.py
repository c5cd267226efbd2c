"""Accounts over HTTP, with the problems of the whole app."""

from collections.abc import AsyncIterator
from http.cookies import SimpleCookie
from typing import Any, cast

import httpx
import pytest
from argon2 import PasswordHasher
from litestar import Litestar
from litestar.datastructures import State
from litestar.di import Provide

from usher import limits
from usher.account.guards import ACCESS_COOKIE
from usher.account.routes import handlers
from usher.account.service import AccountService
from usher.account.tables import Account as AccountTable
from usher.ids import new_id
from usher.plumbing.postgres import Database
from usher.plumbing.problem import HANDLERS
from usher.plumbing.signing import Signer

pytestmark = pytest.mark.anyio

PASSWORD = "correct horse battery"


@pytest.fixture
async def client(database: Database, signer: Signer) -> AsyncIterator[httpx.AsyncClient]:
    cheap = PasswordHasher(time_cost=1, memory_cost=8, parallelism=1)
    accounts = AccountService(database, signer, cheap)
    app = Litestar(
        handlers,
        dependencies={"accounts": Provide(lambda: accounts, sync_to_thread=False)},
        exception_handlers=HANDLERS,
        state=State({"signer": signer}),
    )
    transport = httpx.ASGITransport(cast(Any, app))
    async with httpx.AsyncClient(transport=transport, base_url="https://usher.test") as client:
        yield client


@pytest.fixture
def body() -> dict[str, Any]:
    return {"email": f"{new_id('account')}@example.com", "password": PASSWORD, "name": "Ada"}


def login_of(body: dict[str, Any]) -> dict[str, Any]:
    return {"email": body["email"], "password": body["password"]}


async def test_register_login_me_logout(client: httpx.AsyncClient, body: dict[str, Any]) -> None:
    answer = await client.post("/api/v1/auth/register", json=body)
    assert answer.status_code == 201, answer.text
    account = answer.json()
    assert account == {
        "account_id": account["account_id"],
        "email": body["email"],
        "name": "Ada",
        "role": "fan",
    }
    answer = await client.post("/api/v1/auth/login", json=login_of(body))
    assert answer.status_code == 200, answer.text
    logged_in = answer.json()
    assert logged_in["account"] == account
    assert logged_in["token_type"] == "Bearer"
    assert logged_in["expires_in_s"] == limits.access_token_s
    assert answer.headers["cache-control"] == "no-store"
    morsel = SimpleCookie(answer.headers["set-cookie"])[ACCESS_COOKIE]
    assert morsel.value == logged_in["access_token"]

    answer = await client.get("/api/v1/auth/me")  # by the cookie
    assert answer.json() == account
    assert answer.headers["cache-control"] == "no-store"
    answer = await client.post("/api/v1/auth/logout")
    assert (answer.status_code, answer.content) == (204, b"")
    answer = await client.get("/api/v1/auth/me")
    assert answer.status_code == 401
    assert answer.headers["content-type"] == "application/problem+json"
    assert answer.headers["www-authenticate"] == "Bearer"
    bearer = {"authorization": f"Bearer {logged_in['access_token']}"}
    assert (await client.get("/api/v1/auth/me", headers=bearer)).json() == account


async def test_a_repeated_registration_gives_the_same_answer(
    client: httpx.AsyncClient, body: dict[str, Any]
) -> None:
    key = {"idempotency-key": new_id("hold")}
    first = await client.post("/api/v1/auth/register", json=body, headers=key)
    again = await client.post("/api/v1/auth/register", json=body, headers=key)
    assert first.status_code == again.status_code == 201
    assert first.json() == again.json()
    other = await client.post("/api/v1/auth/register", json=body | {"name": "E"}, headers=key)
    assert (other.status_code, other.json()["code"]) == (422, "idempotency_mismatch")
    plain = await client.post("/api/v1/auth/register", json=body)
    assert (plain.status_code, plain.json()["code"]) == (409, "conflict")


async def test_wrong_email_and_wrong_password_answer_alike(
    client: httpx.AsyncClient, body: dict[str, Any]
) -> None:
    await client.post("/api/v1/auth/register", json=body)
    wrong = await client.post(
        "/api/v1/auth/login", json=login_of(body) | {"password": "not the password"}
    )
    unknown = await client.post(
        "/api/v1/auth/login", json=login_of(body) | {"email": "nobody@example.com"}
    )
    assert wrong.status_code == unknown.status_code == 401
    assert wrong.content == unknown.content
    assert wrong.headers == unknown.headers
    assert "set-cookie" not in wrong.headers


@pytest.mark.parametrize(
    "change",
    [
        {"email": "nobody"},
        {"email": "a\x00b@example.com"},
        {"email": "x" * (limits.email_chars_max + 1)},
        {"email": 7},
        {"email": None},
        {"password": "short"},
        {"password": "x" * (limits.password_chars_max + 1)},
        {"name": "\x00"},
        {"name": "x" * (limits.person_name_chars_max + 1)},
        {"role": "admin"},
    ],
)
async def test_a_bad_registration_is_told_why(
    client: httpx.AsyncClient, body: dict[str, Any], change: dict[str, Any]
) -> None:
    answer = await client.post("/api/v1/auth/register", json=body | change)
    assert answer.status_code in (400, 422), answer.text
    problem = answer.json()
    assert problem["code"] in ("bad_input", "malformed")
    assert problem["detail"]
    assert PASSWORD not in answer.text


@pytest.mark.parametrize("path", ["register", "login"])
@pytest.mark.parametrize(
    "content", [b"", b"{", b"[]", b"null", b"\xff", b'{"email": "\\ud800"}', b"[" * 10_000]
)
async def test_what_is_no_body_is_refused(
    client: httpx.AsyncClient, path: str, content: bytes
) -> None:
    answer = await client.post(
        f"/api/v1/auth/{path}", content=content, headers={"content-type": "application/json"}
    )
    assert answer.status_code in (400, 422), answer.text


@pytest.mark.parametrize("key", ["", "x" * (limits.idempotency_key_chars_max + 1), "a b"])
async def test_a_key_has_bounds(client: httpx.AsyncClient, body: dict[str, Any], key: str) -> None:
    headers = {"idempotency-key": key}
    answer = await client.post("/api/v1/auth/register", json=body, headers=headers)
    assert answer.status_code == 422, answer.text


async def test_lone_surrogates_do_not_get_in(
    client: httpx.AsyncClient, body: dict[str, Any]
) -> None:
    content = (
        f'{{"email": "{body["email"]}", "password": "{PASSWORD}", "name": "\\ud800"}}'.encode()
    )
    answer = await client.post(
        "/api/v1/auth/register", content=content, headers={"content-type": "application/json"}
    )
    assert answer.status_code in (400, 422), answer.text


async def test_a_token_outlives_neither_its_account_nor_its_good_standing(
    client: httpx.AsyncClient, body: dict[str, Any]
) -> None:
    account = (await client.post("/api/v1/auth/register", json=body)).json()
    await client.post("/api/v1/auth/login", json=login_of(body))
    row = AccountTable.id == account["account_id"]
    await AccountTable.update({AccountTable.state: "disabled"}).where(row)
    assert (await client.get("/api/v1/auth/me")).status_code == 403
    assert (await client.post("/api/v1/auth/login", json=login_of(body))).status_code == 403
    await AccountTable.delete().where(row)
    assert (await client.get("/api/v1/auth/me")).status_code == 401
