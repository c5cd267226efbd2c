"""The keys that sign tickets: Ed25519, derived from the key ring, so that rotating the ring rotates
them; and the same as JSON Web Keys, for whoever verifies elsewhere."""

from collections.abc import Mapping
from typing import Any, Final

import jwt
import msgspec
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from cryptography.hazmat.primitives.hashes import SHA256, Hash
from cryptography.hazmat.primitives.kdf.hkdf import HKDF
from jwt.algorithms import OKPAlgorithm

from usher.errors import Malformed, Unauthenticated
from usher.plumbing.signing import KeyRing

_PURPOSE: Final = "ticket-code"
_KID_BYTES: Final = 4  # as many as a code has room for
_LIST_TYPE: Final = "usher-revoked+jwt"
_OKP: Final = OKPAlgorithm()

Keys = Mapping[str, Ed25519PublicKey]


class TicketKeys:
    """The private keys of a ring, newest first. A key's id is made of the key itself (the head of
    its RFC 7638 thumbprint): a name that is used again for other bytes in a ring names another key
    here, and no ticket that was signed before is lost."""

    def __init__(self, ring: KeyRing) -> None:
        private = [_private(secret) for secret in ring.derive(_PURPOSE).values()]
        self.private: Final = {thumbprint(key.public_key()): key for key in private}
        self.newest: Final = next(iter(self.private))

    @property
    def public(self) -> Keys:
        """kid -> what verifies it."""
        return {kid: key.public_key() for kid, key in self.private.items()}

    def sign_list(self, claims: dict[str, Any]) -> bytes:
        """A revocation list as a compact JWS (EdDSA)."""
        head = {"kid": self.newest, "typ": _LIST_TYPE}
        key = self.private[self.newest]
        return jwt.encode(claims, key, algorithm="EdDSA", headers=head).encode()


def _private(secret: bytes) -> Ed25519PrivateKey:
    derived = HKDF(SHA256(), 32, salt=None, info=b"usher ticket code, Ed25519").derive(secret)
    return Ed25519PrivateKey.from_private_bytes(derived)


def thumbprint(key: Ed25519PublicKey) -> str:
    """The id of a key."""
    told = _jwk(key)
    digest = Hash(SHA256())
    digest.update(msgspec.json.encode({name: told[name] for name in ("crv", "kty", "x")}))
    return digest.finalize()[:_KID_BYTES].hex()


def _jwk(key: Ed25519PublicKey) -> dict[str, Any]:
    told: dict[str, Any] = _OKP.to_jwk(key, as_dict=True)
    return told


def jwks(keys: Keys) -> dict[str, Any]:
    """Public keys as a JWK Set (RFC 7517, RFC 8037)."""
    return {
        "keys": [
            {**_jwk(key), "kid": kid, "use": "sig", "alg": "EdDSA"} for kid, key in keys.items()
        ]
    }


def read_jwks(body: bytes) -> dict[str, Ed25519PublicKey]:
    """The Ed25519 keys of a JWK Set; Malformed where it is none or holds none."""
    try:
        told = msgspec.json.decode(body)
        found = {
            str(each["kid"]): key
            for each in told["keys"]
            if isinstance(key := _OKP.from_jwk(each), Ed25519PublicKey)
        }
    except (msgspec.DecodeError, jwt.InvalidKeyError, ValueError, KeyError, TypeError):
        raise Malformed("this is no set of Ed25519 keys (a JWK Set)") from None
    if not found:
        raise Malformed("there is no Ed25519 key in this set")
    return found


def read_list(text: str, keys: Keys) -> dict[str, Any]:
    """The claims of a revocation list; Malformed where it is none, Unauthenticated where none of
    `keys` has signed it."""
    try:
        head = jwt.get_unverified_header(text)
    except (jwt.InvalidTokenError, ValueError, RecursionError):
        raise Malformed("this is no revocation list (a compact JWS)") from None
    key = keys.get(str(head.get("kid")))
    if key is None or head.get("typ") != _LIST_TYPE:
        raise Unauthenticated("the revocation list is signed with a key that is not known here")
    try:
        claims: dict[str, Any] = jwt.decode(text, key, algorithms=["EdDSA"])
    except (jwt.InvalidTokenError, ValueError, RecursionError):
        raise Unauthenticated("the revocation list cannot be trusted") from None
    return claims
