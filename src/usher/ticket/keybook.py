"""Which keys tickets are signed with, and which are trusted: those of the ring and all before."""

import asyncio
import time
from typing import Final

import structlog
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from msgspec.structs import replace

from usher.errors import BadInput, NotFound, Unauthenticated
from usher.plumbing.postgres import Database
from usher.ticket import queries
from usher.ticket.code import Code, read_code, write_code
from usher.ticket.signing import Keys, TicketKeys

log = structlog.get_logger("usher.ticket")

FRESH_S: Final = 30.0
AGAIN_S: Final = (
    1.0  # a code that nobody has signed has the keys read anew, no more often than this
)


class KeyBook:
    def __init__(self, database: Database, keys: TicketKeys) -> None:
        self._database = database
        self._keys = keys
        self._noted = False
        self._trusted: dict[str, Ed25519PublicKey] = {}
        self._read_at = -FRESH_S

    async def trusted(self) -> Keys:
        """kid -> what verifies codes signed with it, FRESH_S old at most. The ring's own keys are
        written down first: from then on they verify, wherever they are asked for."""
        if time.monotonic() - self._read_at >= FRESH_S:
            await self._note()
            self._trusted = {
                kid: Ed25519PublicKey.from_public_bytes(public)
                for kid, public in await queries.trusted_keys(self._database)
            }
            self._read_at = time.monotonic()
        return self._trusted

    async def write(self, code: Code) -> str:
        """The text of a code, whose `kid` is filled in."""
        await self._note()
        kid = self._keys.newest
        return write_code(replace(code, kid=kid), self._keys.private[kid])

    async def read(self, text: str) -> Code:
        """What a code says, if a key that is trusted has signed it: Malformed, Unauthenticated."""
        try:
            return read_code(text, await self.trusted())
        except Unauthenticated:
            if time.monotonic() - self._read_at < AGAIN_S:
                raise
        # The ring was rotated elsewhere a moment ago, perhaps: at a door nobody is called a forger
        # for that.
        self._read_at = -FRESH_S
        return read_code(text, await self.trusted())

    async def sign_list(self, claims: dict[str, object]) -> bytes:
        """A revocation list, signed."""
        await self._note()
        # Of a hall that was given back it has megabytes: not between two other requests.
        return await asyncio.to_thread(self._keys.sign_list, claims)

    async def retire(self, kid: str) -> None:
        """Codes signed with this key are good no more, from FRESH_S on and where the published
        keys are read again. Again is harmless; BadInput for the key that signs now."""
        if kid == self._keys.newest:
            raise BadInput("this key signs tickets now: put a new one in front of it first")
        if not await queries.retire_key(self._database, kid):
            raise NotFound("there is no such key")
        self._read_at = -FRESH_S

    async def _note(self) -> None:
        """Writes the ring's public keys down, once a process."""
        if self._noted:
            return
        public = {kid: key.public_bytes_raw() for kid, key in self._keys.public.items()}
        retired = await queries.note_keys(self._database, public)
        if self._keys.newest in retired:
            log.error("tickets are signed with a retired key", kid=self._keys.newest)
        self._noted = True
