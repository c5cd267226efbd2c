"""Accounts and anonymous fans: registering, logging in and out, the tokens of both."""

import asyncio
import base64
import contextlib
import secrets
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Final, TypeVar

import structlog
from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError

from usher import limits
from usher.account.model import (
    Account,
    Actor,
    Fan,
    Login,
    Reader,
    Role,
    actor_in,
    clean_email,
    clean_name,
    clean_password,
    own_fan,
)
from usher.account.queries import AccountQueries
from usher.account.refresh import Families
from usher.clock import now_ms
from usher.errors import (
    BadInput,
    Conflict,
    Forbidden,
    IdempotencyMismatch,
    NotFound,
    TooMany,
    Unauthenticated,
)
from usher.ids import derived_id, new_id
from usher.plumbing.postgres import Database
from usher.plumbing.signing import Signer

log = structlog.get_logger("usher.account")
T = TypeVar("T")

# argon2id as OWASP asks for at least: 19 MiB, two passes, one lane; some 30 ms of one core.
HASHER: Final = PasswordHasher(time_cost=2, memory_cost=19 * 1024, parallelism=1)
# A storm of logins may have one core and twice that memory, not the machine.
HASH_THREADS: Final = 2
# Who would wait some seconds for a thread is told to come back instead.
HASHES_WAITING_MAX: Final = 100
# A name in a token is for greeting; the longest possible one would make the token too long.
_TOKEN_NAME_CHARS: Final = 60
WRONG: Final = "email or password is wrong"


class Passwords:
    """argon2id off the event loop, a few at a time; above a queue of them, TooMany."""

    def __init__(self, hasher: PasswordHasher) -> None:
        self._hasher = hasher
        # Not a semaphore around to_thread: that would be let go when its caller is cancelled,
        # while the thread still works.
        self._threads = ThreadPoolExecutor(HASH_THREADS, thread_name_prefix="argon2")
        self._waiting = 0
        self._decoy = _decoy(hasher)

    async def hash(self, password: str) -> str:
        """The hash to keep of a password."""
        return await self._run(lambda: self._hasher.hash(password))

    async def verify(self, password: str, kept: str | None) -> bool:
        """Whether `password` is the one that was hashed; as slow where nothing was kept."""

        def check() -> bool:
            try:
                return self._hasher.verify(kept or self._decoy, password)
            except (VerificationError, InvalidHashError):
                return False

        return await self._run(check) and kept is not None

    def outdated(self, kept: str) -> bool:
        """Whether a hash was made with other parameters than new ones are."""
        return self._hasher.check_needs_rehash(kept)

    async def _run(self, work: Callable[[], T]) -> T:
        if self._waiting >= HASHES_WAITING_MAX:
            raise TooMany("too many people are logging in at once", retry_after_s=5)
        self._waiting += 1
        try:
            return await asyncio.get_running_loop().run_in_executor(self._threads, work)
        finally:
            self._waiting -= 1


class AccountService:
    """Accounts, and anonymous fans, which are nothing but a token."""

    def __init__(self, database: Database, signer: Signer, hasher: PasswordHasher = HASHER) -> None:
        self._queries = AccountQueries(database)
        self._families = Families(self._queries, signer)
        self._signer = signer
        self._passwords = Passwords(hasher)

    async def register(
        self, email: str, password: str, name: str = "", *, key: str | None = None
    ) -> Account:
        """A new fan. The same `key` (Idempotency-Key) with the same rest gives the same account.

        Conflict where the email has an account; IdempotencyMismatch where the key was used
        for something else.
        """
        account_id = derived_id("account", "register", key) if key else new_id("account")
        return await self._make(account_id, email, password, name, Role.FAN)

    async def add(self, email: str, password: str, name: str, role: Role) -> Account:
        """A new account of any role, for those who may hand out roles."""
        return await self._make(new_id("account"), email, password, name, role)

    async def _make(
        self, account_id: str, email: str, password: str, name: str, role: Role
    ) -> Account:
        account = Account(
            account_id=account_id, email=clean_email(email), name=clean_name(name), role=role
        )
        password = clean_password(password)
        password_hash = await self._passwords.hash(password)
        if await self._queries.add(account, password_hash) is None:
            return await self._replay(account, password)
        log.info("account added", account=account_id, role=str(role))
        return await self.find(account_id)

    async def _replay(self, account: Account, password: str) -> Account:
        """The account that the first attempt under this id made, if it asked for the same."""
        found = await self._queries.find(account.account_id)
        if found is None:
            raise Conflict("this account is being taken away: try again")
        first, kept = found
        if (first.email, first.name) != (account.email, account.name) or not (
            await self._passwords.verify(password, kept)
        ):
            raise IdempotencyMismatch("this Idempotency-Key registered somebody else")
        return first

    async def login(self, email: str, password: str) -> Login:
        """Logs in: the account, and both tokens.

        Unauthenticated, in the same words and after the same work, whether the email or the
        password is wrong; Forbidden where the account is disabled and the password right.
        """
        for _ in range(2):  # while it is checked the hash may be made anew, and is another then
            account, password, kept = await self._check(email, password)
            begun = await self._families.begin(account.account_id, kept)
            if begun is not None:
                if self._passwords.outdated(kept):
                    with contextlib.suppress(TooMany):  # the next login will do
                        better = await self._passwords.hash(password)
                        await self._queries.improve_hash(account.account_id, better, old=kept)
                return self._logged_in(account, *begun)
        raise Unauthenticated(WRONG)

    async def _check(self, email: str, password: str) -> tuple[Account, str, str]:
        try:
            found = await self._queries.find_email(clean_email(email))
            password = clean_password(password)
        except BadInput:
            # Nobody can have these, and who asks learns no more than with a wrong password.
            found, password = None, "-"
        kept = found[1] if found else None
        if not await self._passwords.verify(password, kept) or found is None or kept is None:
            raise Unauthenticated(WRONG)
        if found[0].state != "active":
            raise Forbidden("this account is disabled")
        return found[0], password, kept

    def _logged_in(self, account: Account, refresh_token: str, refresh_expires_in_s: int) -> Login:
        name = account.name[:_TOKEN_NAME_CHARS]
        claims = {"sub": account.account_id, "role": str(account.role), "name": name}
        expires_s = now_ms() // 1000 + limits.access_token_s
        return Login(
            account=account,
            access_token=self._signer.sign("access", claims, expires_s=expires_s),
            expires_in_s=limits.access_token_s,
            refresh_token=refresh_token,
            refresh_expires_in_s=refresh_expires_in_s,
        )

    async def refresh(self, token: str) -> Login:
        """New tokens for a refresh token, which is used up by that; see refresh.py.

        Unauthenticated where it has ended, was used before, or its account is disabled.
        """
        return self._logged_in(*await self._families.rotate(token))

    async def logout(self, refresh_token: str) -> None:
        """Ends the login of a refresh token; harmless with one that is good no longer."""
        await self._families.end(refresh_token)

    async def logout_everywhere(self, account_id: str) -> None:
        """Ends every login of an account. Access tokens last until they expire."""
        await self._queries.end_families(account_id)

    async def logins(self, account_id: str) -> int:
        """In how many places an account is logged in."""
        return await self._queries.families(account_id)

    async def sweep(self) -> int:
        """Forgets logins that have expired, a bounded number; how many."""
        return await self._queries.sweep_families(limits.refresh_sweep_max)

    def actor(self, access_token: str) -> Actor:
        """Whom an access token names; Unauthenticated where it cannot be trusted."""
        return actor_in(self._signer.verify("access", access_token))

    async def find(self, account_id: str) -> Account:
        """The account of an id; NotFound where there is none."""
        found = await self._queries.find(account_id)
        if found is None:
            raise NotFound("there is no such account")
        return found[0]

    async def find_email(self, email: str) -> Account:
        """The account of an email; NotFound where there is none."""
        found = await self._queries.find_email(clean_email(email))
        if found is None:
            raise NotFound("there is no account of this email")
        return found[0]

    async def page(
        self, after: str = "", rows: int = limits.page_rows_max, role: Role | None = None
    ) -> list[Account]:
        """Accounts by email; pass the last one's email as `after` for the next page."""
        return await self._queries.page(after, min(rows, limits.page_rows_max), role)

    async def change_password(self, account_id: str, current: str, new: str) -> Login:
        """Gives an account that knows its password a new one: every login ends, and this one
        begins anew. Unauthenticated where `current` is wrong; BadInput where `new` is unfit."""
        found = await self._queries.find(account_id)
        if found is None:
            raise NotFound("there is no such account")
        account, kept = found
        new = clean_password(new)
        try:
            right = await self._passwords.verify(clean_password(current), kept)
        except BadInput:
            right = False
        if not right:
            raise Unauthenticated("the password is wrong")
        better = await self._passwords.hash(new)
        if not await self._queries.set_password(account_id, better, old=kept):
            raise Conflict("the password was changed a moment ago")
        begun = await self._families.begin(account_id, better)
        if begun is None:
            raise Forbidden("this account is disabled")
        log.info("password changed", account=account_id)
        return self._logged_in(account, *begun)

    async def set_password(self, account_id: str, password: str) -> None:
        """Gives an account a new password and ends all its logins; NotFound where there is none."""
        password_hash = await self._passwords.hash(clean_password(password))
        if not await self._queries.set_password(account_id, password_hash):
            raise NotFound("there is no such account")

    def new_fan(self, account_id: str | None = None) -> tuple[str, str]:
        """A fresh anonymous identity and the token that proves it."""
        fan_id = new_id("fan")
        return fan_id, self.fan_token(Fan(fan_id, account_id))

    def fan_token(self, fan: Fan) -> str:
        """A token of an identity that exists, good for limits.fan_token_s from now."""
        claims = {"sub": fan.fan_id} | ({"account": fan.account_id} if fan.account_id else {})
        return self._signer.sign("fan", claims, expires_s=now_ms() // 1000 + limits.fan_token_s)

    def fan_of(self, token: str) -> Fan:
        """Whom a fan token names; Unauthenticated where it cannot be trusted."""
        claims = self._signer.verify("fan", token)
        return Fan(claims["sub"], claims.get("account"))

    async def tie(self, account_id: str, token: str | None) -> str:
        """The fan token of who is logged in to an account: the fan they were before (`token`) is
        tied to it from now on, and what that fan has booked is the account's.

        Where there was none, or it is tied to another account, it is the account's own fan.
        """
        own = Fan(own_fan(account_id), account_id)
        if token is None:
            return self.fan_token(own)
        try:
            fan = self.fan_of(token)
        except Unauthenticated:  # from long ago
            return self.fan_token(own)
        if fan.account_id not in (None, account_id):
            return self.fan_token(own)
        if fan.fan_id != own.fan_id and not await self._queries.tie(
            account_id, fan.fan_id, limits.account_fans_max
        ):
            return self.fan_token(own)
        return self.fan_token(Fan(fan.fan_id, account_id))

    async def fans_of(self, account_id: str) -> list[str]:
        """Every fan an account is or has been, its own first: their bookings are the account's."""
        own = own_fan(account_id)
        return [own, *(each for each in await self._queries.fans(account_id) if each != own)]

    async def fans_read_by(self, reader: Reader) -> list[str]:
        """The fans whose bookings `reader` may see."""
        fans = await self.fans_of(reader.account_id) if reader.account_id else []
        return fans if not reader.fan_id or reader.fan_id in fans else [reader.fan_id, *fans]

    async def may_read(self, reader: Reader, fan_id: str) -> bool:
        """Whether a fan's bookings are `reader`'s; asks PostgreSQL only where it must."""
        if fan_id == reader.fan_id:
            return True
        return bool(reader.account_id) and fan_id in await self.fans_of(reader.account_id)


def _decoy(hasher: PasswordHasher) -> str:
    """A hash that no password has, and that takes as long to check as a real one."""

    def word(size: int) -> str:
        return base64.b64encode(secrets.token_bytes(size)).decode().rstrip("=")

    return (
        f"$argon2id$v=19$m={hasher.memory_cost},t={hasher.time_cost},p={hasher.parallelism}"
        f"${word(hasher.salt_len)}${word(hasher.hash_len)}"
    )
