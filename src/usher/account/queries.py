"""All SQL of accounts: people, the families of their refresh tokens, the fans they have been."""

from datetime import datetime
from typing import Any, Final, NamedTuple

from usher.account.model import Account, Role
from usher.errors import BadInput, Conflict
from usher.plumbing.postgres import Database, told

_CONSTRAINTS: Final = {
    "account_email_once": lambda: Conflict("this email has an account already"),
    # PostgreSQL may know newer capital letters than Python does.
    "account_email_folded": lambda: BadInput("this email cannot be used"),
}
_COLUMNS: Final = "id, email, name, role, state, created_at"

# Neither the token whose turn it is nor, for a moment, the one before it.
_STOLEN: Final = (
    "(f.serial <> $2 AND (f.serial <> $2 + 1 OR f.rotated_at <= now() - make_interval(secs => $4)))"
)
_ROTATE: Final = (
    "UPDATE refresh_family AS f SET"
    " serial = CASE WHEN f.serial = $2 THEN f.serial + 1 ELSE f.serial END,"
    " rotated_at = CASE WHEN f.serial = $2 THEN now() ELSE f.rotated_at END,"
    " due = CASE WHEN f.serial = $2 THEN now() + make_interval(secs => $3) ELSE f.due END,"
    f" ended_at = CASE WHEN {_STOLEN} THEN now() END,"
    f" ended_by = CASE WHEN {_STOLEN} THEN 'reuse' ELSE '' END"
    " FROM account AS a WHERE f.id = $1 AND a.id = f.account_id AND a.state = 'active'"
    " AND f.ended_at IS NULL AND f.due > now()"
    " RETURNING f.serial, f.due, f.ended_at IS NOT NULL AS stolen,"
    " a.id, a.email, a.name, a.role, a.state, a.created_at"
)


class Rotated(NamedTuple):
    """What became of a family whose token was used: its next serial, good until `due`; or it was
    `stolen`, and there is none."""

    account: Account
    serial: int
    due: datetime
    stolen: bool


class AccountQueries:
    """Accounts in PostgreSQL."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def add(self, account: Account, password_hash: str) -> datetime | None:
        """Stores an account and says since when; None where its id is taken.

        Conflict where its email is.
        """
        async with self._database.connection() as connection:
            with told(_CONSTRAINTS):
                created_at: datetime | None = await connection.fetchval(
                    "INSERT INTO account (id, email, name, password_hash, role)"
                    " VALUES ($1, $2, $3, $4, $5)"
                    " ON CONFLICT (id) DO NOTHING RETURNING created_at",
                    account.account_id,
                    account.email,
                    account.name,
                    password_hash,
                    str(account.role),
                )
        return created_at

    async def find(self, account_id: str) -> tuple[Account, str] | None:
        """An account and the hash of its password."""
        return await self._one("id", account_id)

    async def find_email(self, email: str) -> tuple[Account, str] | None:
        """The account of an email and the hash of its password."""
        return await self._one("email", email)

    async def _one(self, column: str, value: str) -> tuple[Account, str] | None:
        async with self._database.connection() as connection:
            row = await connection.fetchrow(
                f"SELECT {_COLUMNS}, password_hash FROM account WHERE {column} = $1",
                value,
            )
        return (_account(row), row["password_hash"]) if row else None

    async def page(self, after: str, rows: int, role: Role | None) -> list[Account]:
        """Accounts in the order of their emails, from the first one past `after`."""
        async with self._database.connection() as connection:
            found = await connection.fetch(
                f"SELECT {_COLUMNS} FROM account"
                " WHERE email > $1 AND ($3::text IS NULL OR role = $3) ORDER BY email LIMIT $2",
                after,
                rows,
                str(role) if role else None,
            )
        return [_account(row) for row in found]

    async def improve_hash(self, account_id: str, new: str, old: str) -> None:
        """Replaces the hash of a password that stays the same, while it is still `old`."""
        async with self._database.connection() as connection:
            await connection.execute(
                "UPDATE account SET password_hash = $2 WHERE id = $1 AND password_hash = $3",
                account_id,
                new,
                old,
            )

    async def set_password(self, account_id: str, new: str, old: str | None = None) -> bool:
        """Replaces the hash (given `old`, only while it is still that one) and ends all logins.

        One after the other in one transaction: a login by the old password that is under way is
        either waited for by the first statement and ended by the second, or comes too late.
        """
        async with self._database.transaction() as connection:
            done = await connection.fetchval(
                "UPDATE account SET password_hash = $2"
                " WHERE id = $1 AND ($3::text IS NULL OR password_hash = $3) RETURNING true",
                account_id,
                new,
                old,
            )
            if done:
                await connection.execute(
                    "UPDATE refresh_family SET ended_at = now(), ended_by = 'password'"
                    " WHERE account_id = $1 AND ended_at IS NULL",
                    account_id,
                )
        return bool(done)

    # --- families of refresh tokens

    async def begin_family(
        self, family_id: str, account_id: str, password_hash: str, *, lasts_s: int, most: int
    ) -> datetime | None:
        """A new family, and until when its first token is good; None where the account is not
        active any more, or its password is another one than was checked.

        The account is left with its `most` newest families and no expired one.
        """
        async with self._database.connection() as connection:
            due: datetime | None = await connection.fetchval(
                "INSERT INTO refresh_family (id, account_id, due)"
                " SELECT $1, id, now() + make_interval(secs => $4) FROM account"
                " WHERE id = $2 AND password_hash = $3 AND state = 'active' FOR SHARE"
                " RETURNING due",
                family_id,
                account_id,
                password_hash,
                lasts_s,
            )
            if due is not None:
                await connection.execute(
                    "DELETE FROM refresh_family WHERE account_id = $1 AND (due < now() OR id IN"
                    " (SELECT id FROM refresh_family WHERE account_id = $1"
                    "  ORDER BY rotated_at DESC, id OFFSET $2))",
                    account_id,
                    most,
                )
        return due

    async def rotate(
        self, family_id: str, serial: int, *, lasts_s: int, grace_s: int
    ) -> Rotated | None:
        """Uses a refresh token: one UPDATE that moves the family on, leaves it as it is (the token
        was used a moment ago), or ends it (it was used before that). None where the family has
        ended already, has expired or is unknown, or where the account is not active.

        Of two at once the second waits for the first's row, and is judged by what that has left.
        """
        async with self._database.connection() as connection:
            row = await connection.fetchrow(_ROTATE, family_id, serial, lasts_s, grace_s)
        if row is None:
            return None
        return Rotated(_account(row), row["serial"], row["due"], row["stolen"])

    async def end_family(self, family_id: str) -> None:
        """Logs one login out; again is harmless."""
        async with self._database.connection() as connection:
            await connection.execute(
                "UPDATE refresh_family SET ended_at = now(), ended_by = 'logout'"
                " WHERE id = $1 AND ended_at IS NULL",
                family_id,
            )

    async def end_families(self, account_id: str) -> None:
        """Logs an account out everywhere; again is harmless."""
        async with self._database.connection() as connection:
            await connection.execute(
                "UPDATE refresh_family SET ended_at = now(), ended_by = 'everywhere'"
                " WHERE account_id = $1 AND ended_at IS NULL",
                account_id,
            )

    async def families(self, account_id: str) -> int:
        """In how many places an account is logged in."""
        async with self._database.connection() as connection:
            return int(
                await connection.fetchval(
                    "SELECT count(*) FROM refresh_family"
                    " WHERE account_id = $1 AND ended_at IS NULL AND due > now()",
                    account_id,
                )
            )

    async def sweep_families(self, most: int) -> int:
        """Forgets families whose last token has expired, the oldest first; how many."""
        async with self._database.connection() as connection:
            rows = await connection.fetch(
                "DELETE FROM refresh_family WHERE id IN (SELECT id FROM refresh_family"
                " WHERE due < now() ORDER BY due LIMIT $1 FOR UPDATE SKIP LOCKED) RETURNING id",
                most,
            )
        return len(rows)

    # --- fans

    async def tie(self, account_id: str, fan_id: str, most: int) -> bool:
        """Whether the fan is the account's, now or already; an account ties at most `most`."""
        async with self._database.connection() as connection:
            await connection.execute(
                "INSERT INTO account_fan (fan_id, account_id) SELECT $2, $1"
                " WHERE (SELECT count(*) FROM account_fan WHERE account_id = $1) < $3"
                " ON CONFLICT ON CONSTRAINT account_fan_once DO NOTHING",
                account_id,
                fan_id,
                most,
            )
            owner = await connection.fetchval(
                "SELECT account_id FROM account_fan WHERE fan_id = $1", fan_id
            )
        return bool(owner == account_id)

    async def fans(self, account_id: str) -> list[str]:
        """The fans tied to an account, the newest first."""
        async with self._database.connection() as connection:
            rows = await connection.fetch(
                "SELECT fan_id FROM account_fan WHERE account_id = $1"
                " ORDER BY tied_at DESC, fan_id",
                account_id,
            )
        return [row["fan_id"] for row in rows]


def _account(row: Any) -> Account:
    return Account(
        account_id=row["id"],
        email=row["email"],
        name=row["name"],
        role=Role(row["role"]),
        state=row["state"],
        created_at=row["created_at"],
    )
