"""What organisers do with their hooks. Whose they are: an organiser's own; an administrator's are
of all events, and administrators see everybody's."""

import asyncio
import hashlib
from datetime import datetime
from typing import Final
from uuid import uuid4

import httpx
import structlog

from usher.account.model import Actor, Role
from usher.clock import iso, utc_now
from usher.errors import Conflict, Forbidden, IdempotencyMismatch, NotFound
from usher.hook import queries
from usher.hook.model import (
    PING,
    Delivery,
    Hook,
    HookChange,
    HookRequest,
    clean_kinds,
    clean_url,
    message,
    refuse_private,
)
from usher.hook.queries import NewDelivery
from usher.hook.sending.client import Resolver, Unwelcome
from usher.hook.signature import Signatures
from usher.ids import derived_id, is_id, new_id
from usher.plumbing.postgres import Database

log = structlog.get_logger("usher.hook")

_LOOK_S: Final = 2.0  # a name that is looked up for longer is looked up again when it is used


class HookService:
    def __init__(
        self, database: Database, signatures: Signatures, resolver: Resolver, *, http: bool
    ) -> None:
        self._database = database
        self._signatures = signatures
        self._resolver = resolver
        self._http = http

    async def mine(self, actor: Actor, after: tuple[datetime, str] | None, most: int) -> list[Hook]:
        """The hooks that this organiser may change, newest first."""
        return await queries.of_account(self._database, _owner(actor), after, most)

    async def find(self, actor: Actor, hook_id: str) -> Hook:
        """A hook; NotFound, and Forbidden where it is another organiser's."""
        hook = await queries.find(self._database, hook_id) if is_id("hook", hook_id) else None
        if hook is None:
            raise NotFound("there is no such hook")
        if _owner(actor) not in (None, hook.account_id):
            raise Forbidden("this hook is another organiser's")
        return hook

    async def add(
        self, actor: Actor, key: str | None, asked: HookRequest, owner: str | None = None
    ) -> tuple[Hook, str]:
        """A new hook and its secret; the same organiser's same key again is the same hook.
        BadInput; Conflict where there are too many. `owner` is whose it is to be where an
        administrator makes it for somebody."""
        url = await self._clean(asked.url)
        key = key or str(uuid4())
        hook_id = derived_id("hook", actor.account_id, key)
        now = utc_now()
        wanted = Hook(
            id=hook_id,
            account_id=owner or _owner(actor),
            url=url,
            kinds=clean_kinds(asked.kinds),
            state="active",
            reason="",
            digest=asked.digest(),
            kid=self._signatures.newest,
            salt=_salt(hook_id, key),
            old_kid="",
            old_salt="",
            old_until=None,
            failures=0,
            failing_since=None,
            probe_at=now,
            created_at=now,
        )
        hook = await queries.insert(self._database, wanted)
        if hook is None:
            raise Conflict("there are as many hooks as an organiser may have")
        if hook.digest != wanted.digest:
            raise IdempotencyMismatch("this Idempotency-Key made another hook")
        log.info("hook added", hook=hook.id, actor=actor.account_id)
        return hook, self._secret(hook)

    async def change(self, actor: Actor, hook_id: str, change: HookChange) -> Hook:
        """Changes what is given; BadInput."""
        await self.find(actor, hook_id)
        url = await self._clean(change.url) if isinstance(change.url, str) else None
        kinds = clean_kinds(change.kinds) if isinstance(change.kinds, list) else None
        state = change.state if isinstance(change.state, str) else None
        hook = await queries.change(self._database, hook_id, url, kinds, state)
        if hook is None:
            raise NotFound("there is no such hook")
        return hook

    async def remove(self, actor: Actor, hook_id: str) -> None:
        """Forgets a hook, its log with it. Again is NotFound."""
        await self.find(actor, hook_id)
        await queries.remove(self._database, hook_id)
        log.info("hook removed", hook=hook_id, actor=actor.account_id)

    async def rotate(self, actor: Actor, hook_id: str, key: str | None) -> tuple[Hook, str]:
        """A new secret; the one before signs as well for a while. With a key, the same again is
        the same secret."""
        await self.find(actor, hook_id)
        salt = _salt(hook_id, key or str(uuid4()))
        hook = await queries.rotate(self._database, hook_id, self._signatures.newest, salt)
        if hook is None:
            raise NotFound("there is no such hook")
        log.info("hook's secret rotated", hook=hook_id, actor=actor.account_id)
        return hook, self._secret(hook)

    async def deliveries(
        self,
        actor: Actor,
        hook_id: str,
        state: str,
        after: tuple[datetime, str] | None,
        most: int,
    ) -> list[Delivery]:
        """The log of a hook, newest first."""
        await self.find(actor, hook_id)
        return await queries.deliveries(self._database, hook_id, state, after, most)

    async def delivery(self, actor: Actor, hook_id: str, delivery_id: str) -> Delivery:
        """One delivery; NotFound."""
        await self.find(actor, hook_id)
        known = is_id("delivery", delivery_id)
        found = await queries.delivery(self._database, hook_id, delivery_id) if known else None
        if found is None:
            raise NotFound("there is no such delivery")
        return found

    async def replay(self, actor: Actor, hook_id: str, delivery_id: str) -> Delivery:
        """Has a delivery made again, as it was, under the same webhook-id. Conflict while the hook
        is not active; one that is under way stays so."""
        await self.delivery(actor, hook_id, delivery_id)
        await self._active(actor, hook_id)
        await queries.replay(self._database, hook_id, [delivery_id])
        return await self.delivery(actor, hook_id, delivery_id)

    async def replay_dead(self, actor: Actor, hook_id: str) -> int:
        """Has all deliveries made again that were given up; how many."""
        await self._active(actor, hook_id)
        return len(await queries.replay(self._database, hook_id, None))

    async def test(self, actor: Actor, hook_id: str, key: str | None) -> Delivery:
        """Has something posted that is about nothing. Conflict while the hook is not active."""
        await self._active(actor, hook_id)
        test_id = derived_id("delivery", hook_id, "test", key) if key else new_id("delivery")
        body = message(test_id, PING, iso(utc_now()), {"hook_id": hook_id})
        async with self._database.transaction() as connection:
            await queries.post(
                connection, [NewDelivery(test_id, hook_id, PING, hook_id, None, body)]
            )
        return await self.delivery(actor, hook_id, test_id)

    async def _active(self, actor: Actor, hook_id: str) -> None:
        hook = await self.find(actor, hook_id)
        if hook.state != "active":
            raise Conflict(f"the hook is {hook.state}: make it active first", state=hook.state)

    async def _clean(self, text: str) -> str:
        """The address as it is kept. Where it leads is looked at now, so that its organiser hears
        of a mistake; what counts is the look when it is used."""
        url = clean_url(text, http=self._http)
        parts = httpx.URL(url)
        try:
            async with asyncio.timeout(_LOOK_S):
                await self._resolver.addresses(parts.raw_host.decode("ascii"), parts.port or 443)
        except TimeoutError:
            pass
        except Unwelcome as fault:
            if not fault.nowhere:
                raise refuse_private() from None
        return url

    def _secret(self, hook: Hook) -> str:
        secret = self._signatures.secret(hook.id, hook.kid, hook.salt)
        if secret is None:  # asked for again after its key has left the ring
            raise Conflict("the key of this secret has left the ring: rotate the secret")
        return secret


def _owner(actor: Actor) -> str | None:
    """Whose hooks an actor has; None: everybody's."""
    return None if actor.role.covers(Role.ADMIN) else actor.account_id


def _salt(hook_id: str, key: str) -> str:
    """Of a random key it is random; of the same key the same."""
    return hashlib.blake2b(f"{hook_id} {key}".encode(), digest_size=16).hexdigest()


def by_hand() -> Actor:
    """Who works on the command line."""
    return Actor("", Role.ADMIN)
