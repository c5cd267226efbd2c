"""People: accounts with a role, anonymous fans, and what an email and a password may be."""

import re
import unicodedata
from datetime import datetime
from enum import StrEnum
from typing import Any, Final

import msgspec

from usher import limits
from usher.errors import BadInput, Unauthenticated
from usher.ids import derived_id


class Role(StrEnum):
    """What an account may do. Each role may do all that the ones above it in this list may."""

    FAN = "fan"  # buy
    STAFF = "staff"  # look at sales, check tickets in
    ORGANISER = "organiser"  # manage events, sales and gates
    ADMIN = "admin"  # everything, accounts included

    def covers(self, other: "Role") -> bool:
        """Whether who has this role may do what `other` may."""
        return _ORDER.index(self) >= _ORDER.index(other)


_ORDER: Final = tuple(Role)


class Account(msgspec.Struct, frozen=True, kw_only=True):
    """A person with a login; the hash of the password never leaves the queries."""

    account_id: str
    email: str
    name: str
    role: Role
    state: str = "active"  # or disabled
    created_at: datetime | None = None


class Actor(msgspec.Struct, frozen=True):
    """Who an access token says is asking."""

    account_id: str
    role: Role
    name: str = ""


def actor_in(claims: dict[str, Any]) -> Actor:
    """Whom the claims of an access token name; Unauthenticated where they name nobody."""
    try:
        return Actor(claims["sub"], Role(claims["role"]), claims.get("name", ""))
    except (KeyError, ValueError):  # signed by another version of usher
        raise Unauthenticated("the access token is not of this version: log in again") from None


class Login(msgspec.Struct, frozen=True, kw_only=True):
    """What somebody has who is logged in: both tokens, and for how many seconds each is good."""

    account: Account
    access_token: str
    expires_in_s: int
    refresh_token: str
    refresh_expires_in_s: int


class Fan(msgspec.Struct, frozen=True):
    """An anonymous identity: whoever holds its token. The account, where one was logged in."""

    fan_id: str
    account_id: str | None = None


def own_fan(account_id: str) -> str:
    """The fan an account is wherever it is logged in without having been a guest before: the same
    in every browser, so that an account has one place in a line for who is logged in."""
    return derived_id("fan", "account", account_id)


class Reader(msgspec.Struct, frozen=True):
    """Who asks about bookings: a fan, an account with all its fans, or both; "" is nobody."""

    fan_id: str = ""
    account_id: str = ""

    @property
    def fans(self) -> tuple[str, ...]:
        """The fans it is known to be without asking PostgreSQL."""
        own = (own_fan(self.account_id),) if self.account_id else ()
        return (self.fan_id, *own) if self.fan_id else own


# An address that can be written into a header as it is: no quoted local parts, no comments,
# nothing that separates one address from the next.
_EMAIL: Final = re.compile(
    r"""[^\s@<>()\[\]\\,;:"]{1,64}@(?:[^\W_](?:[\w-]{0,61}[^\W_])?\.)+[^\W\d_][\w-]{0,61}[^\W_]"""
)


def clean_email(text: str) -> str:
    """The one spelling under which an address is kept and found; BadInput if it is none."""
    email = unicodedata.normalize("NFC", text.strip()).lower()
    if (
        len(email) > limits.email_chars_max
        or not email.isprintable()  # control characters, lone surrogates
        or not _EMAIL.fullmatch(email)
    ):
        raise BadInput("this is no email address", errors=[_fault("email", "name@example.com")])
    return email


def clean_name(text: str) -> str:
    """A person's name on one line without control characters; BadInput if it cannot be."""
    name = " ".join(unicodedata.normalize("NFC", text).split())
    if len(name) > limits.person_name_chars_max or not name.isprintable():
        what = f"at most {limits.person_name_chars_max} printable characters"
        raise BadInput("this name cannot be kept", errors=[_fault("name", what)])
    return name


def clean_password(text: str) -> str:
    """The form in which a password is hashed: the same on every keyboard; BadInput if unfit."""
    if not limits.password_chars_min <= len(text) <= limits.password_chars_max:
        what = f"{limits.password_chars_min} to {limits.password_chars_max} characters"
        raise BadInput(f"a password has {what}", errors=[_fault("password", what)])
    try:
        password = unicodedata.normalize("NFKC", text)
        password.encode()
    except UnicodeEncodeError:  # lone surrogates have no bytes to hash
        what = "characters only"
        raise BadInput("this password cannot be used", errors=[_fault("password", what)]) from None
    return password


def _fault(where: str, what: str) -> dict[str, str]:
    return {"where": where, "what": what}
