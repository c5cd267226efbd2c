"""Refresh tokens on a real database: rotation, reuse, grace, races, ends, sweeping; fans tied."""

import asyncio
from datetime import timedelta

import pytest
from argon2 import PasswordHasher

from usher import limits
from usher.account.model import Fan, Login, Reader, own_fan
from usher.account.service import AccountService
from usher.account.tables import Account as AccountTable
from usher.errors import BadInput, Unauthenticated
from usher.ids import new_id
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


@pytest.fixture
async def login(accounts: AccountService, email: str) -> Login:
    await accounts.register(email, PASSWORD)
    return await accounts.login(email, PASSWORD)


async def later(database: Database, seconds: float) -> None:
    """As if so many seconds had passed for every family."""
    async with database.connection() as connection:
        await connection.execute(
            "UPDATE refresh_family SET rotated_at = rotated_at - $1::interval,"
            " due = due - $1::interval",
            timedelta(seconds=seconds),
        )


async def state_of(database: Database, account_id: str) -> list[tuple[int, str]]:
    """(serial, why it ended) of every family of an account, oldest first."""
    async with database.connection() as connection:
        rows = await connection.fetch(
            "SELECT serial, ended_by FROM refresh_family WHERE account_id = $1 ORDER BY created_at",
            account_id,
        )
    return [(row["serial"], row["ended_by"]) for row in rows]


async def refused(accounts: AccountService, *tokens: str) -> None:
    for token in tokens:
        with pytest.raises(Unauthenticated):
            await accounts.refresh(token)


async def test_each_token_gives_the_next(
    accounts: AccountService, database: Database, signer: Signer, login: Login
) -> None:
    seen = [login.refresh_token]
    for _ in range(5):
        await later(database, limits.refresh_grace_s + 1)
        after = await accounts.refresh(seen[-1])
        assert after.account == login.account
        assert signer.verify("access", after.access_token)["sub"] == login.account.account_id
        assert after.refresh_token not in seen
        assert 0 < after.refresh_expires_in_s <= limits.refresh_token_s
        seen.append(after.refresh_token)
    assert await state_of(database, login.account.account_id) == [(6, "")]


async def test_a_token_used_again_ends_the_family_and_no_other(
    accounts: AccountService, database: Database, email: str, login: Login
) -> None:
    other = await accounts.login(email, PASSWORD)
    after = await accounts.refresh(login.refresh_token)
    await later(database, limits.refresh_grace_s + 1)
    await refused(accounts, login.refresh_token, after.refresh_token, login.refresh_token)
    assert await state_of(database, login.account.account_id) == [(2, "reuse"), (1, "")]
    await accounts.refresh(other.refresh_token)


async def test_the_token_before_the_last_is_not_forgiven_however_fresh(
    accounts: AccountService, login: Login
) -> None:
    second = await accounts.refresh(login.refresh_token)
    third = await accounts.refresh(second.refresh_token)
    await refused(accounts, login.refresh_token, third.refresh_token)


async def test_a_lost_answer_is_had_again(accounts: AccountService, login: Login) -> None:
    first = await accounts.refresh(login.refresh_token)
    again = await accounts.refresh(login.refresh_token)
    assert again.refresh_token == first.refresh_token  # the same successor, byte for byte
    await accounts.refresh(again.refresh_token)


async def test_many_at_once_get_one_successor(
    accounts: AccountService, database: Database, login: Login
) -> None:
    crowd = await asyncio.gather(*(accounts.refresh(login.refresh_token) for _ in range(20)))
    assert len({each.refresh_token for each in crowd}) == 1
    assert await state_of(database, login.account.account_id) == [(2, "")]


async def test_the_grace_hides_no_thief(
    accounts: AccountService, database: Database, login: Login
) -> None:
    """Thief and owner within the grace hold one token: the second of them to use it, later than
    the grace, ends what both have."""
    owner = await accounts.refresh(login.refresh_token)
    thief = await accounts.refresh(login.refresh_token)
    await later(database, limits.access_token_s)
    stolen = await accounts.refresh(thief.refresh_token)
    await later(database, limits.refresh_grace_s + 1)
    await refused(accounts, owner.refresh_token, stolen.refresh_token)


async def test_a_token_lasts_as_long_as_its_family_is_used(
    accounts: AccountService, database: Database, login: Login
) -> None:
    await later(database, limits.refresh_token_s - 60)
    after = await accounts.refresh(login.refresh_token)
    await later(database, limits.refresh_token_s + 1)
    await refused(accounts, after.refresh_token)
    assert await accounts.logins(login.account.account_id) == 0


async def test_logging_out_ends_one_login(
    accounts: AccountService, database: Database, email: str, login: Login
) -> None:
    other = await accounts.login(email, PASSWORD)
    await accounts.logout(login.refresh_token)
    await accounts.logout(login.refresh_token)
    await accounts.logout("no token")
    await refused(accounts, login.refresh_token)
    assert await state_of(database, login.account.account_id) == [(1, "logout"), (1, "")]
    assert await accounts.logins(login.account.account_id) == 1
    await accounts.refresh(other.refresh_token)


async def test_logging_out_everywhere_ends_all_of_one_account(
    accounts: AccountService, email: str, login: Login
) -> None:
    others = [await accounts.login(email, PASSWORD) for _ in range(3)]
    await accounts.register(f"other.{email}", PASSWORD)
    bystander = await accounts.login(f"other.{email}", PASSWORD)
    await accounts.logout_everywhere(login.account.account_id)
    await refused(accounts, login.refresh_token, *(each.refresh_token for each in others))
    assert await accounts.logins(login.account.account_id) == 0
    await accounts.refresh(bystander.refresh_token)


async def test_a_new_password_ends_every_login_but_the_one_it_begins(
    accounts: AccountService, email: str, login: Login
) -> None:
    account_id = login.account.account_id
    with pytest.raises(Unauthenticated):
        await accounts.change_password(account_id, "not the password", "a better password")
    with pytest.raises(Unauthenticated):
        await accounts.change_password(account_id, "short", "a better password")
    with pytest.raises(BadInput):
        await accounts.change_password(account_id, PASSWORD, "short")
    held = await accounts.refresh(login.refresh_token)  # nothing has ended it
    begun = await accounts.change_password(account_id, PASSWORD, "a better password")
    await refused(accounts, held.refresh_token)
    await accounts.refresh(begun.refresh_token)
    with pytest.raises(Unauthenticated):
        await accounts.login(email, PASSWORD)
    await accounts.set_password(account_id, "the best password")
    assert await accounts.logins(account_id) == 0


async def test_no_login_by_an_old_password_outlives_a_new_one(
    accounts: AccountService, email: str, login: Login
) -> None:
    """Logins race a change of the password: whichever came first, none of them is good after."""
    account_id = login.account.account_id
    racing = [asyncio.ensure_future(accounts.login(email, PASSWORD)) for _ in range(8)]
    await accounts.set_password(account_id, "a better password")
    told = await asyncio.gather(*racing, return_exceptions=True)
    assert await accounts.logins(account_id) == 0
    for each in told:
        if isinstance(each, Login):
            await refused(accounts, each.refresh_token)
        else:
            assert isinstance(each, Unauthenticated)


async def test_a_disabled_account_refreshes_nothing(
    accounts: AccountService, database: Database, login: Login
) -> None:
    row = AccountTable.id == login.account.account_id
    await AccountTable.update({AccountTable.state: "disabled"}).where(row)
    await refused(accounts, login.refresh_token)
    await AccountTable.update({AccountTable.state: "active"}).where(row)
    await accounts.refresh(login.refresh_token)
    await AccountTable.delete().where(row)
    await refused(accounts, login.refresh_token)
    assert await state_of(database, login.account.account_id) == []


@pytest.mark.parametrize(
    "claims",
    [
        {},
        {"sub": "fam_x", "n": 1},
        {"sub": 7, "n": 1},
        {"sub": new_id("family"), "n": 1},
        {"sub": new_id("family"), "n": "1"},
        {"sub": new_id("family"), "n": 0},
        {"sub": new_id("family"), "n": True},
        {"sub": new_id("family"), "n": 2**63},
    ],
)
async def test_a_token_that_names_no_family_opens_nothing(
    accounts: AccountService, signer: Signer, claims: dict[str, object]
) -> None:
    await refused(accounts, signer.sign("refresh", claims, expires_s=2**40))


async def test_what_is_expired_is_swept_a_bounded_number_at_a_time(
    accounts: AccountService,
    database: Database,
    email: str,
    login: Login,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    for _ in range(4):
        await accounts.login(email, PASSWORD)
    monkeypatch.setattr(limits, "refresh_sweep_max", 3)
    await later(database, limits.refresh_token_s + 1)
    assert await accounts.sweep() == 3
    while await accounts.sweep():
        pass
    assert await state_of(database, login.account.account_id) == []


async def test_an_account_keeps_its_newest_logins(
    accounts: AccountService, email: str, login: Login, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(limits, "account_families_max", 3)
    kept = [await accounts.login(email, PASSWORD) for _ in range(3)]
    assert await accounts.logins(login.account.account_id) == 3
    await refused(accounts, login.refresh_token)
    for each in kept:
        await accounts.refresh(each.refresh_token)


# --- fans


async def test_a_guest_becomes_the_account(accounts: AccountService, login: Login) -> None:
    account_id = login.account.account_id
    guest, token = accounts.new_fan()
    for _ in range(2):
        tied = accounts.fan_of(await accounts.tie(account_id, token))
        assert tied == Fan(guest, account_id)
    assert await accounts.fans_of(account_id) == [own_fan(account_id), guest]
    assert await accounts.may_read(Reader(account_id=account_id), guest)
    assert await accounts.may_read(Reader(guest), guest)
    # A fan is itself, and no more than that without the account's own token.
    assert not await accounts.may_read(Reader(guest), own_fan(account_id))


@pytest.mark.parametrize("told", [True, False])
async def test_a_fan_of_one_account_is_claimed_by_no_other(
    accounts: AccountService, login: Login, told: bool
) -> None:
    guest, token = accounts.new_fan()
    tied = await accounts.tie(login.account.account_id, token)
    other = f"{new_id('account')}@example.com"
    thief = (await accounts.register(other, PASSWORD)).account_id
    got = accounts.fan_of(await accounts.tie(thief, tied if told else token))
    assert got == Fan(own_fan(thief), thief)
    assert await accounts.fans_of(thief) == [own_fan(thief)]
    assert guest in await accounts.fans_of(login.account.account_id)


async def test_two_accounts_claim_one_guest_at_once(accounts: AccountService) -> None:
    guest, token = accounts.new_fan()
    ids = [
        (await accounts.register(f"{new_id('account')}@example.com", PASSWORD)).account_id
        for _ in range(4)
    ]
    got = await asyncio.gather(*(accounts.tie(each, token) for each in ids))
    assert [accounts.fan_of(each).fan_id for each in got].count(guest) == 1


@pytest.mark.parametrize("token", [None, "x"])
async def test_who_was_nobody_before_is_the_accounts_own_fan(
    accounts: AccountService, login: Login, token: str | None
) -> None:
    account_id = login.account.account_id
    own = await accounts.tie(account_id, token)
    assert accounts.fan_of(own) == Fan(own_fan(account_id), account_id)
    assert accounts.fan_of(await accounts.tie(account_id, own)).fan_id == own_fan(account_id)
    assert await accounts.fans_of(account_id) == [own_fan(account_id)]


async def test_an_account_ties_a_bounded_number_of_fans(
    accounts: AccountService, login: Login, monkeypatch: pytest.MonkeyPatch
) -> None:
    account_id = login.account.account_id
    monkeypatch.setattr(limits, "account_fans_max", 1)
    first = await accounts.tie(account_id, accounts.new_fan()[1])
    assert accounts.fan_of(await accounts.tie(account_id, first)) == accounts.fan_of(first)
    more = await accounts.tie(account_id, accounts.new_fan()[1])
    assert accounts.fan_of(more).fan_id == own_fan(account_id)
