"""Registering and logging in, on a real database with cheap hashes."""

import asyncio
import threading

import pytest
from argon2 import PasswordHasher

from usher import limits
from usher.account import service as account_service
from usher.account.model import Account, Fan, Role
from usher.account.service import WRONG, AccountService, Passwords
from usher.account.tables import Account as AccountTable
from usher.errors import (
    BadInput,
    Conflict,
    Forbidden,
    IdempotencyMismatch,
    NotFound,
    TooMany,
    Unauthenticated,
)
from usher.ids import is_id, new_id
from usher.plumbing.postgres import Database
from usher.plumbing.signing import Signer

pytestmark = pytest.mark.anyio

CHEAP = PasswordHasher(time_cost=1, memory_cost=8, parallelism=1)
PASSWORD = "correct horse battery"


@pytest.fixture
def accounts(database: Database, signer: Signer) -> AccountService:
    return AccountService(database, signer, CHEAP)


@pytest.fixture
def email() -> str:
    return f"{new_id('account')}@example.com"


async def kept_hash(account_id: str) -> str:
    column = AccountTable.password_hash
    row = await AccountTable.select(column).where(AccountTable.id == account_id).first()
    assert row is not None
    return str(row["password_hash"])


async def disable(account_id: str) -> None:
    await AccountTable.update({AccountTable.state: "disabled"}).where(AccountTable.id == account_id)


async def test_who_registers_can_log_in(
    accounts: AccountService, signer: Signer, email: str
) -> None:
    registered = await accounts.register(f" {email.upper()} ", PASSWORD, "Ada")
    assert is_id("account", registered.account_id)
    assert (registered.email, registered.name, registered.role) == (email, "Ada", Role.FAN)
    login = await accounts.login(email.title(), PASSWORD)
    account = login.account
    assert account == registered == await accounts.find(account.account_id)
    assert login.expires_in_s == limits.access_token_s
    claims = signer.verify("access", login.access_token)
    assert (claims["sub"], claims["role"], claims["name"]) == (account.account_id, "fan", "Ada")


async def test_a_password_is_never_kept_as_it_is(accounts: AccountService, email: str) -> None:
    account = await accounts.register(email, PASSWORD)
    assert (await kept_hash(account.account_id)).startswith("$argon2id$")
    assert not hasattr(account, "password_hash")


async def test_an_email_is_one_login(accounts: AccountService, email: str) -> None:
    await accounts.register(email, PASSWORD)
    with pytest.raises(Conflict, match="has an account"):
        await accounts.register(email.upper(), "another password")
    with pytest.raises(Conflict, match="has an account"):
        await accounts.add(email, PASSWORD, "", Role.ADMIN)


async def test_a_key_registers_once(accounts: AccountService, email: str) -> None:
    key = new_id("hold")
    first, again = await asyncio.gather(
        *(accounts.register(email, PASSWORD, "Ada", key=key) for _ in range(2))
    )
    assert first == again == await accounts.register(email, PASSWORD, "Ada", key=key)


@pytest.mark.parametrize(
    "other", [{"email": "x@example.com"}, {"password": "another password"}, {"name": "Eve"}]
)
async def test_a_key_is_for_one_body(
    accounts: AccountService, email: str, other: dict[str, str]
) -> None:
    body = {"email": email, "password": PASSWORD, "name": "Ada"}
    key = new_id("hold")
    first = await accounts.register(**body, key=key)
    with pytest.raises(IdempotencyMismatch):
        await accounts.register(**(body | other), key=key)
    assert await accounts.find(first.account_id) == first


async def test_wrong_email_and_wrong_password_are_told_alike(
    accounts: AccountService, email: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    await accounts.register(email, PASSWORD)
    checked: list[bool] = []
    verify = Passwords.verify

    async def counted(self: Passwords, password: str, kept: str | None) -> bool:
        checked.append(kept is None)
        return await verify(self, password, kept)

    monkeypatch.setattr(Passwords, "verify", counted)
    told = []
    for who, what in [
        (email, "not the password"),
        (new_id("account") + "@example.com", PASSWORD),
        ("no email at all", PASSWORD),
        (email, "short"),
        (email, "x" * (limits.password_chars_max + 1)),
        (email, "\ud800" * 12),
        ("a\x00@example.com", PASSWORD),
    ]:
        with pytest.raises(Unauthenticated) as refusal:
            await accounts.login(who, what)
        told.append((refusal.value.detail, refusal.value.members))
    assert told == [(WRONG, {})] * 7
    assert checked == [False] + [True] * 6  # each of them cost a hash


async def test_the_decoy_costs_what_a_real_hash_costs() -> None:
    decoy = account_service._decoy(CHEAP)
    real = CHEAP.hash(PASSWORD)
    assert [len(part) for part in decoy.split("$")] == [len(part) for part in real.split("$")]
    assert decoy.split("$")[:4] == real.split("$")[:4]
    assert not CHEAP.check_needs_rehash(decoy)


async def test_a_disabled_account_is_told_only_to_who_knows_the_password(
    accounts: AccountService, email: str
) -> None:
    account = await accounts.register(email, PASSWORD)
    await disable(account.account_id)
    with pytest.raises(Unauthenticated, match=WRONG):
        await accounts.login(email, "not the password")
    with pytest.raises(Forbidden, match="disabled"):
        await accounts.login(email, PASSWORD)


async def test_a_hash_of_old_parameters_is_made_anew(
    accounts: AccountService, database: Database, signer: Signer, email: str
) -> None:
    account = await accounts.register(email, PASSWORD)
    before = await kept_hash(account.account_id)
    await accounts.login(email, PASSWORD)
    assert await kept_hash(account.account_id) == before
    dearer = PasswordHasher(time_cost=2, memory_cost=8, parallelism=1)
    await AccountService(database, signer, dearer).login(email, PASSWORD)
    after = await kept_hash(account.account_id)
    assert after != before
    assert not dearer.check_needs_rehash(after)
    await accounts.login(email, PASSWORD)


async def test_a_new_password_ends_the_old_one(accounts: AccountService, email: str) -> None:
    account = await accounts.register(email, PASSWORD)
    await accounts.set_password(account.account_id, "a better password")
    await accounts.login(email, "a better password")
    with pytest.raises(Unauthenticated):
        await accounts.login(email, PASSWORD)
    with pytest.raises(BadInput):
        await accounts.set_password(account.account_id, "short")
    with pytest.raises(NotFound):
        await accounts.set_password(new_id("account"), "a better password")


async def test_accounts_are_listed_page_by_page(accounts: AccountService) -> None:
    stem = new_id("account")
    made = [
        await accounts.add(f"{stem}.{n}@example.com", PASSWORD, "", role)
        for n, role in enumerate([Role.STAFF, Role.FAN, Role.STAFF])
    ]
    first = await accounts.page(stem, 2)
    assert first == made[:2]
    assert (await accounts.page(first[-1].email, 1)) == made[2:]
    assert (await accounts.page(stem, 2, Role.STAFF)) == [made[0], made[2]]
    assert await accounts.find_email(made[0].email) == made[0]
    with pytest.raises(NotFound):
        await accounts.find_email(f"{stem}@example.com")


async def test_the_longest_name_still_makes_a_good_token(
    accounts: AccountService, signer: Signer, email: str
) -> None:
    name = "\U0001f39f" * limits.person_name_chars_max
    await accounts.register(email, PASSWORD, name)
    login = await accounts.login(email, PASSWORD)
    assert login.account.name == name
    assert signer.verify("access", login.access_token)["sub"] == login.account.account_id


async def test_a_fan_is_who_holds_the_token(accounts: AccountService, signer: Signer) -> None:
    fan_id, token = accounts.new_fan()
    assert is_id("fan", fan_id)
    assert accounts.fan_of(token) == Fan(fan_id)
    known = Fan(fan_id, "acc_1")
    assert accounts.fan_of(accounts.fan_token(known)) == known
    with pytest.raises(Unauthenticated):
        accounts.fan_of(signer.sign("place", {"sub": fan_id}, expires_s=2**40))


class Slow(PasswordHasher):
    """Hashes when it is told to, and knows how many it does at once."""

    def __init__(self) -> None:
        super().__init__(time_cost=1, memory_cost=8, parallelism=1)
        self.go = threading.Event()
        self.lock = threading.Lock()
        self.now = self.most = 0

    def hash(self, password: str | bytes, *, salt: bytes | None = None) -> str:
        with self.lock:
            self.now += 1
            self.most = max(self.most, self.now)
        self.go.wait()
        with self.lock:
            self.now -= 1
        return "hashed"


async def test_a_storm_gets_a_few_threads_and_the_rest_is_sent_away() -> None:
    slow = Slow()
    passwords = Passwords(slow)
    storm = [asyncio.ensure_future(passwords.hash(PASSWORD)) for _ in range(200)]
    await asyncio.sleep(0)
    with pytest.raises(TooMany) as refusal:
        await passwords.hash(PASSWORD)
    assert refusal.value.members["retry_after_s"] > 0
    storm[0].cancel()  # its thread works on: a cancelled caller must not make room for one more
    await asyncio.sleep(0)
    slow.go.set()
    answers = await asyncio.gather(*storm, return_exceptions=True)
    assert answers.count("hashed") == account_service.HASHES_WAITING_MAX - 1
    assert slow.most <= account_service.HASH_THREADS
    assert await passwords.hash(PASSWORD) == "hashed"


async def test_an_account_that_is_not_there_is_not_found(accounts: AccountService) -> None:
    with pytest.raises(NotFound):
        await accounts.find(new_id("account"))


async def test_rows_are_accounts_to_piccolo_too(accounts: AccountService, email: str) -> None:
    account: Account = await accounts.register(email, PASSWORD, "Ada")
    row = await AccountTable.objects().get(AccountTable.email == email)
    assert row is not None
    assert (row.id, row.name, row.role, row.created_at) == (
        account.account_id,
        "Ada",
        "fan",
        account.created_at,
    )
