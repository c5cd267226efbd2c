"""All SQL of accounts."""

from datetime import datetime
from typing import Any, Final

from usher.account.model import Account, Role
from usher.errors import BadInput, Conflict
from usher.plumbing.postgres import Database, told

_CONSTRAINTS: Final = {
    "account_email_once": lambda: Conflict("this email has an account already"),
    # PostgreSQL may know newer capital letters than Python does.
    "account_email_folded": lambda: BadInput("this email cannot be used"),
}
_COLUMNS: Final = "id, email, name, role, state, created_at"


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

    async def set_password(self, account_id: str, new: str, old: str | None = None) -> bool:
        """Replaces the hash; given `old`, only while it is still that one."""
        async with self._database.connection() as connection:
            done = await connection.fetchval(
                "UPDATE account SET password_hash = $2"
                " WHERE id = $1 AND ($3::text IS NULL OR password_hash = $3) RETURNING true",
                account_id,
                new,
                old,
            )
        return bool(done)


def _account(row: Any) -> Account:
    return Account(
        account_id=row["id"],
        email=row["email"],
        name=row["name"],
        role=Role(row["role"]),
        state=row["state"],
        created_at=row["created_at"],
    )
