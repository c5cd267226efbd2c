"""Hooks of a database where only those couriers work that a test starts."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from ssl import SSLContext
from typing import Any

from tests.sql.book import Book
from usher.account.model import Account, Actor, Role
from usher.account.queries import AccountQueries
from usher.event.service import EventService
from usher.hook import queries
from usher.hook.facts import Facts
from usher.hook.jobs import Announcer
from usher.hook.model import Hook, HookRequest
from usher.hook.sending.client import Resolver, Sender
from usher.hook.sending.jobs import Courier
from usher.hook.service import HookService
from usher.hook.signature import Signatures
from usher.ids import new_id
from usher.outbox import queries as outbox
from usher.outbox.model import Fact
from usher.plumbing.metric import Metrics
from usher.plumbing.postgres import Database
from usher.plumbing.signing import KeyRing, new_secret


class Office:
    """The hook room over a database, and couriers to order."""

    def __init__(self, database: Database) -> None:
        self.database = database
        self.ring = new_secret()
        self.signatures = Signatures(KeyRing(self.ring))
        self.service = HookService(database, self.signatures, Resolver(private=True), http=True)
        self.announcer = Announcer(database, Facts(database, EventService(database)))

    async def organiser(self, role: Role = Role.ORGANISER) -> Actor:
        account_id = new_id("account")
        account = Account(
            account_id=account_id, email=f"{account_id}@example.org", name="Olga", role=role
        )
        await AccountQueries(self.database).add(account, "hash")
        return Actor(account_id, role)

    async def own(self, book: Book, actor: Actor) -> None:
        """The event of `book` is `actor`'s."""
        await self.run(
            "UPDATE event SET organiser_id = $2 WHERE id = $1", book.event, actor.account_id
        )

    async def hook(self, actor: Actor, url: str, *kinds: Any) -> tuple[Hook, str]:
        return await self.service.add(actor, None, HookRequest(url=url, kinds=list(kinds)))

    async def ping(self, actor: Actor, hook: Hook) -> str:
        return (await self.service.test(actor, hook.id, None)).id

    async def tell(self, fact: Fact, *subjects: str) -> list[str]:
        """Tells a fact and carries what letters came of it; their subjects."""
        async with self.database.transaction() as connection:
            await outbox.tell(connection, fact, subjects)
        wanted = [f"{fact} {subject}" for subject in subjects]
        rows = await self.rows(
            "SELECT subject FROM outbox WHERE kind = 'hook' AND subject = ANY($1::text[])", wanted
        )
        letters = [row["subject"] for row in rows]
        assert await self.announcer.carry(letters) == {}
        return letters

    @asynccontextmanager
    async def couriers(
        self,
        number: int = 1,
        *,
        private: bool = True,
        lease_s: float = 30,
        verify: SSLContext | bool = True,
    ) -> AsyncIterator[list[asyncio.Task[None]]]:
        """So many couriers at work, as workers have them; stopped afterwards."""
        tasks = [
            asyncio.create_task(
                Courier(
                    self.database,
                    Sender(Resolver(private=private), "usher", verify),
                    self.signatures,
                    Metrics(),
                    lease_s,
                ).run()
            )
            for _ in range(number)
        ]
        try:
            yield tasks
        finally:
            for task in tasks:
                task.cancel()
            for fault in await asyncio.gather(*tasks, return_exceptions=True):
                assert isinstance(fault, asyncio.CancelledError), fault

    async def until(self, delivery_id: str, **wanted: Any) -> dict[str, Any]:
        """The delivery, as soon as it is as `wanted`."""
        found: dict[str, Any] = {}
        for _ in range(1_500):
            (row,) = await self.rows("SELECT * FROM hook_delivery WHERE id = $1", delivery_id)
            found = dict(row)
            if found | wanted == found:
                return found
            await asyncio.sleep(0.02)
        raise AssertionError(f"never {wanted}: {found}")

    async def of(self, hook: Hook) -> list[dict[str, Any]]:
        rows = await self.rows(
            "SELECT * FROM hook_delivery WHERE hook_id = $1 ORDER BY created_at, id", hook.id
        )
        return [dict(row) for row in rows]

    async def now(self, hook: Hook) -> Hook:
        found = await queries.find(self.database, hook.id)
        assert found is not None
        return found

    async def haste(self, *deliveries: str) -> None:
        """These are due now, and nobody has them."""
        await self.run(
            "UPDATE hook_delivery SET due = now() WHERE id = ANY($1::text[])", list(deliveries)
        )
        await self.run("UPDATE hook SET probe_at = now()")

    async def rows(self, query: str, *arguments: Any) -> Sequence[Any]:
        async with self.database.connection() as connection:
            return await connection.fetch(query, *arguments)

    async def run(self, statement: str, *arguments: Any) -> None:
        async with self.database.connection() as connection:
            await connection.execute(statement, *arguments)
