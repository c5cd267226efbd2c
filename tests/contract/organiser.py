"""An organiser of one event, and the line as everybody sees it."""

import asyncio
from typing import Any

import httpx

from tests.contract.fan import private

Json = dict[str, Any]


class Organiser:
    """Who may change the sale of one event."""

    def __init__(self, http: httpx.AsyncClient, event: str, headers: dict[str, str]) -> None:
        self._http = http
        self._path = f"/api/v1/events/{event}"
        self._headers = headers

    async def ask(self, method: str, part: str, **options: Any) -> httpx.Response:
        path = f"{self._path}/{part}"
        return await self._http.request(method, path, headers=self._headers, **options)

    async def sale(self, **change: Any) -> Json:
        return private(await self.ask("PATCH", "sale", json=change), 200)

    async def gate(self, **change: Any) -> Json:
        return private(await self.ask("PATCH", "gate", json=change), 200)


async def public(http: httpx.AsyncClient, event: str, **wanted: Any) -> Json:
    """The line as everybody sees it, once it tells what is `wanted`: it is a second old at most."""
    for _ in range(80):
        answer = await http.get(f"/api/v1/events/{event}/queue")
        assert answer.status_code == 200, answer.text
        told: Json = answer.json()
        if told | wanted == told:
            return told
        await asyncio.sleep(0.05)
    raise AssertionError(f"never {wanted}: {told}")
