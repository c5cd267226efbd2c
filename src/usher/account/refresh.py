"""Refresh tokens: used once, each for its successor; used again, the end of all of them.

A token is signed and says (family, serial): a family is one login, and its row in PostgreSQL says
which serial is to be used next. Nothing of a token is kept, so nothing that leaks is a token.

**The rule.** The token whose turn it is moves the family on by one. The one before it, for
limits.refresh_grace_s after that, gets the same successor again, byte for byte: two tabs that asked
at once, or an answer that was lost on its way. Every other token ends the family, and with it what
both the owner and the thief hold: whose is whose cannot be told.

**Why the grace takes nothing from that.** It makes no second successor: thief and owner hold the
same one, only one of them can be the first to use it, and the other, coming later than the grace,
ends the family. Who stays undetected must come within seconds after the owner every time, and who
can do that reads the owner's tokens anyway, against which no rotation helps. A token older than
the last one is never forgiven, however fresh the rotation.

**Killed at any moment.** The rotation is one statement: without its COMMIT nothing has happened and
the token is still good; with it, the answer that was lost is had again within the grace, from any
process. Times are PostgreSQL's own.
"""

import structlog

from usher import limits
from usher.account.model import Account
from usher.account.queries import AccountQueries
from usher.clock import utc_now
from usher.errors import Unauthenticated
from usher.ids import is_id, new_id
from usher.plumbing.signing import Signer

log = structlog.get_logger("usher.account")

_ENDED = "this refresh token is good no longer: log in again"


class Families:
    """The refresh tokens of every account."""

    def __init__(self, queries: AccountQueries, signer: Signer) -> None:
        self._queries = queries
        self._signer = signer

    async def begin(self, account_id: str, password_hash: str) -> tuple[str, int] | None:
        """The first token of a new login, and for how many seconds it is good; None where the
        account has been disabled or has another password by now."""
        family_id = new_id("family")
        due = await self._queries.begin_family(
            family_id,
            account_id,
            password_hash,
            lasts_s=limits.refresh_token_s,
            most=limits.account_families_max,
        )
        return self._token(family_id, 1, int(due.timestamp())) if due else None

    async def rotate(self, token: str) -> tuple[Account, str, int]:
        """Whose the token is, its successor, and for how many seconds that is good.

        Unauthenticated where it cannot be trusted, or has been used before: that ends the family.
        """
        family_id, serial = self._read(token)
        rotated = await self._queries.rotate(
            family_id, serial, lasts_s=limits.refresh_token_s, grace_s=limits.refresh_grace_s
        )
        if rotated is None:
            raise Unauthenticated(_ENDED)
        if rotated.stolen:
            log.warning(
                "a refresh token came twice: its login has ended",
                account=rotated.account.account_id,
                family=family_id,
                serial=serial,
            )
            raise Unauthenticated(_ENDED)
        return rotated.account, *self._token(
            family_id, rotated.serial, int(rotated.due.timestamp())
        )

    async def end(self, token: str) -> None:
        """Ends the login a token is of; one that cannot be trusted ends nothing."""
        try:
            family_id, _ = self._read(token)
        except Unauthenticated:
            return
        await self._queries.end_family(family_id)

    def _read(self, token: str) -> tuple[str, int]:
        claims = self._signer.verify("refresh", token)
        family_id, serial = claims.get("sub"), claims.get("n")
        if not isinstance(family_id, str) or not is_id("family", family_id):
            raise Unauthenticated(_ENDED)
        if type(serial) is not int or not 0 < serial < 2**62:
            raise Unauthenticated(_ENDED)
        return family_id, serial

    def _token(self, family_id: str, serial: int, due_s: int) -> tuple[str, int]:
        # Whole seconds of the row's own due: the same successor is the same text.
        token = self._signer.sign("refresh", {"sub": family_id, "n": serial}, expires_s=due_s)
        return token, max(0, due_s - int(utc_now().timestamp()))
