"""Hooks: what organisers may ask for, what a delivery becomes, which addresses are none."""

import hashlib
import re
import unicodedata
from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from ipaddress import IPv4Address, IPv6Address, IPv6Network, ip_address
from typing import Annotated, Any, Final, Literal

import httpx
import msgspec
from msgspec import UNSET, Meta, UnsetType

from usher import limits
from usher.errors import BadInput

# The facts of outbox.model that hooks hear of.
Kind = Literal[
    "booking.confirmed",
    "booking.cancelled",
    "booking.expired",
    "booking.refunded",
    "ticket.transferred",
    "ticket.used",
    "event.cancelled",
]
PING: Final = "hook.ping"  # what a test is called: about nothing
State = Literal["active", "paused", "broken"]
DeliveryState = Literal["pending", "done", "dead"]

SENDING_S: Final = 10.0  # from looking the name up to the answer's first bytes
LEASE_S: Final = 30.0  # who has taken a delivery and said nothing so long has died
OVERLAP: Final = timedelta(hours=24)  # an old secret signs beside the new one
TRIED: Final = timedelta(days=3)  # a delivery; and a hook of which nothing was taken so long
SOUND_FAILURES: Final = 3  # in a row; after more of them all of a hook waits,
PROBE_S_MAX: Final = 300.0  # twice as long each time, up to this: its receiver is away
_PAUSE_S_MAX: Final = 3_600.0

assert LEASE_S > 2 * SENDING_S

Url = Annotated[str, Meta(min_length=1, max_length=limits.hook_url_chars_max)]
Kinds = Annotated[list[Kind], Meta(max_length=20)]


class Hook(msgspec.Struct, frozen=True, kw_only=True):
    """An address that facts are posted to, as PostgreSQL has it."""

    id: str
    account_id: str | None
    url: str
    kinds: list[str]
    state: State
    reason: str
    digest: str
    kid: str
    salt: str
    old_kid: str
    old_salt: str
    old_until: datetime | None
    failures: int
    failing_since: datetime | None
    probe_at: datetime
    created_at: datetime


class Delivery(msgspec.Struct, frozen=True, kw_only=True):
    """One fact for one hook, as PostgreSQL has it."""

    id: str
    hook_id: str
    fact: str
    subject: str
    event_id: str | None
    body: str
    state: DeliveryState
    attempts: int
    status: int | None
    answer: str
    fault: str
    due: datetime
    until: datetime
    created_at: datetime
    tried_at: datetime | None
    done_at: datetime | None


class Taken(msgspec.Struct, frozen=True, kw_only=True):
    """A delivery to be made now, with what it takes to make it; `attempts` counts this one."""

    id: str
    hook_id: str
    fact: str
    body: str
    attempts: int
    url: str
    kid: str
    salt: str
    old_kid: str
    old_salt: str


class Told(msgspec.Struct, frozen=True):
    """What became of one attempt: the receiver's status (None where there was none) and the first
    of its answer; a `fault` in words, "" where it was taken; how long it asked us to wait."""

    status: int | None
    answer: str = ""
    fault: str = ""
    wait_s: float = 0.0


class HookRequest(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The body of POST of a hook. No `kinds` are all of them."""

    url: Url
    kinds: Kinds = []

    def digest(self) -> str:
        """A fingerprint: the same key must ask for the same."""
        said = msgspec.json.encode((self.url, sorted(set(self.kinds))))
        return hashlib.blake2b(said, digest_size=8).hexdigest()


class HookChange(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The body of PATCH of a hook: only what is given changes. A broken one is made `active` when
    its receiver is well again."""

    url: Url | UnsetType = UNSET
    kinds: Kinds | UnsetType = UNSET
    state: Literal["active", "paused"] | UnsetType = UNSET


class HookView(msgspec.Struct, kw_only=True):
    """A hook on the wire. `reason` says why it is broken: gone, failing."""

    hook_id: str
    account_id: str | None
    url: str
    kinds: list[Kind]
    state: State
    created_at: datetime
    reason: str | UnsetType = UNSET
    failing_since: datetime | UnsetType = UNSET


class SecretView(HookView, kw_only=True):
    """A hook and its secret, which is told this once; `old_secret_until` is for how long the one
    before signs as well."""

    secret: str
    old_secret_until: datetime | UnsetType = UNSET


class HookPage(msgspec.Struct):
    """The hooks of an organiser, of everybody for an administrator; `cursor` is null at the
    end."""

    hooks: list[HookView]
    cursor: str | None


class DeliveryView(msgspec.Struct, kw_only=True):
    """A delivery on the wire: its id is the webhook-id. `answer` is the first of what the receiver
    said to the last attempt; `due` when it is tried next."""

    delivery_id: str
    hook_id: str
    type: str
    event_id: str | None
    state: DeliveryState
    attempts: int
    status: int | None
    answer: str
    fault: str
    created_at: datetime
    tried_at: datetime | None
    done_at: datetime | None
    due: datetime | UnsetType = UNSET
    body: str | UnsetType = UNSET


class DeliveryPage(msgspec.Struct):
    """Deliveries of a hook, newest first; `cursor` is null at the end."""

    deliveries: list[DeliveryView]
    cursor: str | None


def hook_view(hook: Hook) -> dict[str, Any]:
    """A hook on the wire."""
    view: dict[str, Any] = {
        "hook_id": hook.id,
        "account_id": hook.account_id,
        "url": hook.url,
        "kinds": hook.kinds,
        "state": hook.state,
        "created_at": hook.created_at,
    }
    if hook.reason:
        view["reason"] = hook.reason
    if hook.failing_since:
        view["failing_since"] = hook.failing_since
    return view


def delivery_view(delivery: Delivery, *, whole: bool = False) -> dict[str, Any]:
    """A delivery on the wire; its body too where it is asked for `whole`."""
    names = ("hook_id", "event_id", "state", "attempts", "status", "answer", "fault")
    view: dict[str, Any] = {name: getattr(delivery, name) for name in names}
    view |= {"delivery_id": delivery.id, "type": delivery.fact}
    view |= {name: getattr(delivery, name) for name in ("created_at", "tried_at", "done_at")}
    if delivery.state == "pending":
        view["due"] = delivery.due
    if whole:
        view["body"] = delivery.body
    return view


def message(delivery_id: str, kind: str, at: str, data: Mapping[str, Any]) -> str:
    """The body of a delivery (Standard Webhooks: type, timestamp, data)."""
    told = {"type": kind, "id": delivery_id, "timestamp": at, "data": data}
    return msgspec.json.encode(told).decode()


def pause_s(attempts: int) -> float:
    """How long a delivery waits after it has failed: ten seconds, doubling to an hour."""
    return min(_PAUSE_S_MAX, 5.0 * float(2 ** min(attempts, 20)))


_NAT64: Final = IPv6Network("64:ff9b::/96")
_HOST: Final = re.compile(rb"[a-z0-9_.:-]+")


def is_public(address: str) -> bool:
    """Whether an IP address is somewhere on the public internet, also where it stands for another
    one (mapped, 6to4, Teredo, NAT64)."""
    found: IPv4Address | IPv6Address
    try:
        found = ip_address(address.partition("%")[0])
    except ValueError:
        return False
    if isinstance(found, IPv6Address):
        if found.ipv4_mapped is not None:
            return is_public(str(found.ipv4_mapped))
        if found in _NAT64:
            return is_public(str(IPv4Address(found.packed[-4:])))
        if found.is_site_local:
            return False
        inner = [each for each in (found.sixtofour, *(found.teredo or ())) if each is not None]
        if not all(is_public(str(each)) for each in inner):
            return False
    return found.is_global and not found.is_multicast and not found.is_reserved


def clean_url(text: str, *, http: bool) -> str:
    """The address that will be posted to, as it is kept; BadInput where it is none. Where its name
    leads is looked at each time it is used."""
    try:
        url = httpx.URL(unicodedata.normalize("NFC", text.strip()))
        port = url.port
    except (httpx.InvalidURL, ValueError, UnicodeError):
        raise _no_url("is no address") from None
    schemes = ("https", "http") if http else ("https",)
    if url.scheme not in schemes:
        raise _no_url(f"must begin with {' or '.join(f'{each}://' for each in schemes)}")
    if url.userinfo:
        raise _no_url("must not hold a name or a password")
    if url.fragment:
        raise _no_url("must not hold a fragment")
    if not _HOST.fullmatch(url.raw_host):
        raise _no_url("names no host")
    if port is not None and not 0 < port < 65_536:
        raise _no_url("names no port")
    told = str(url)
    if len(told) > limits.hook_url_chars_max or not told.isprintable():
        raise _no_url(f"has at most {limits.hook_url_chars_max} printable characters")
    return told


def _no_url(what: str) -> BadInput:
    return BadInput(f"url {what}", errors=[{"where": "url", "what": what}])


def refuse_private() -> BadInput:
    """The refusal of an address that is not on the public internet."""
    return _no_url("must lead to a public address")


def clean_kinds(kinds: Sequence[str]) -> list[str]:
    """Each once, in a fixed order."""
    return sorted(set(kinds))
