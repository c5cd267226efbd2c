"""The secrets of hooks, and what they sign: Standard Webhooks (standardwebhooks.com).

No secret is kept: one is made of a key of the ring, the hook's id and its salt whenever it is
needed. Who has read all of the database can still sign nothing. A key may leave the ring once no
hook names it any more.
"""

import base64
import hashlib
import hmac
from datetime import datetime
from typing import Final

from standardwebhooks import Webhook

from usher.plumbing.signing import KeyRing

_PREFIX: Final = "whsec_"


class Signatures:
    def __init__(self, ring: KeyRing) -> None:
        self._keys = ring.derive("hook")
        self.newest = ring.newest

    def secret(self, hook_id: str, kid: str, salt: str) -> str | None:
        """The secret as receivers have it; None where its key has left the ring."""
        key = self._keys.get(kid)
        if key is None:
            return None
        raw = hmac.digest(key, f"{hook_id} {salt}".encode(), hashlib.sha256)
        return _PREFIX + base64.b64encode(raw).decode()

    def headers(self, delivery_id: str, body: str, now: datetime, *secrets: str) -> dict[str, str]:
        """The headers of one attempt, signed with every one of `secrets`."""
        signed = [Webhook(secret).sign(delivery_id, now, body) for secret in secrets]
        return {
            "webhook-id": delivery_id,
            "webhook-timestamp": str(int(now.timestamp())),
            "webhook-signature": " ".join(signed),
        }
