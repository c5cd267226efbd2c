"""Tokens that open nothing: expired, forged, of another purpose, another event, cut short."""

import base64
import json
import time
from typing import Any

import jwt
import pytest

from tests.contract.fan import Fan, bearer, refused
from tests.contract.scene import Scene
from usher.errors import Unauthenticated
from usher.plumbing.signing import KeyRing, Signer, new_secret

pytestmark = [pytest.mark.anyio, pytest.mark.usefixtures("unchanged")]

Json = dict[str, Any]


def parts(token: str) -> tuple[Json, Json, str]:
    """Head, claims and signature of a token, unverified."""
    head, claims, mac = token.split(".")
    return json.loads(_plain(head)), json.loads(_plain(claims)), mac


def _plain(text: str) -> bytes:
    return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))


def _part(value: Json | bytes) -> str:
    raw = value if isinstance(value, bytes) else json.dumps(value).encode()
    return base64.urlsafe_b64encode(raw).decode().rstrip("=")


def forgeries(secrets: str, token: str) -> dict[str, str]:
    """What somebody might try who has a good token, or none; with our own keys, too, for what
    we never sign."""
    head, claims, mac = parts(token)
    signed, payload = token.rpartition(".")[0], token.split(".")[1]
    kid = {"kid": str(head["kid"])}
    purpose, _, newest = kid["kid"].partition(".")
    key = KeyRing(secrets).derive(purpose)[newest]
    bare = {name: value for name, value in claims.items() if name not in ("aud", "exp")}
    past, future = int(time.time()) - 1, int(time.time()) + 600
    unsigned = _part(head | {"alg": "none"})
    return {
        "expired": jwt.encode(claims | {"exp": past}, key, headers=kid),
        "another house's key": jwt.encode(claims, b"k" * 32, headers=kid),
        "no algorithm": f"{unsigned}.{payload}.",
        "no algorithm, old signature": f"{unsigned}.{payload}.{mac}",
        "another algorithm": jwt.encode(claims, key * 2, algorithm="HS512", headers=kid),
        "no key id": jwt.encode(claims, key),
        "key id of nobody": jwt.encode(claims, key, headers={"kid": "x.y"}),
        "no audience": jwt.encode({**bare, "exp": future}, key, headers=kid),
        "no end": jwt.encode({**bare, "aud": claims["aud"]}, key, headers=kid),
        "claims changed": f"{_part(head)}.{_part(claims | {'sub': 'x'})}.{mac}",
        "signature changed": f"{signed}.{'A' if mac[0] != 'A' else 'B'}{mac[1:]}",
        "signature cut short": token[:-4],
        "signature cut off": signed + ".",
        "two parts": signed,
        "four parts": token + ".x",
        "sign added": token + "!",
        "sign inside": f"{signed}.{mac[:5]}*{mac[5:]}",
        "claims are no object": f"{_part(head)}.{_part(b'[1]')}.{mac}",
        "claims are not JSON": f"{_part(head)}.{_part(b'{')}.{mac}",
        "head is deep": f"{_part(b'[' * 1_000)}.{payload}.{mac}",
        "not base64": "ü.ö.ä",
        "too long": token + "A" * 5_000,
        "words": "let me in",
        "dots": "..",
        "null": "null",
    }


@pytest.mark.parametrize("which", ["fan", "place", "admission", "access"])
async def test_a_forged_token_opens_nothing(scene: Scene, which: str) -> None:
    good = {
        "fan": scene.fan.identity,
        "place": scene.fan.place,
        "admission": scene.fan.admission,
        "access": scene.access,
    }[which]
    for name, token in forgeries(scene.house.settings.secrets, good).items():
        headers = [(b"authorization", b"Bearer " + token.encode())]
        for operation, _ in scene.guarded:
            answer = await scene.ask(operation, headers)
            problem = refused(answer, 401, "unauthenticated")
            assert answer.headers["www-authenticate"] == "Bearer", (name, operation[:2])
            assert "token" in problem["detail"], (name, problem)


async def test_no_token_opens_nothing(scene: Scene) -> None:
    for authorization in ("", "Basic dXNoZXI6dXNoZXI=", "Bearer"):
        headers = {"authorization": authorization} if authorization else {}
        for operation, _ in scene.guarded:
            refused(await scene.ask(operation, headers), 401, "unauthenticated")


async def test_a_token_opens_its_own_doors_only(scene: Scene) -> None:
    """A good token of each purpose, on every route that asks for another."""
    tokens = {
        "fan": scene.fan.identity,
        "place": scene.fan.place,
        "admission": scene.fan.admission,
        "access": scene.access,
        "refresh": scene.house.signer.sign("refresh", {"sub": "x"}, expires_s=2**31),
        "webhook": scene.house.signer.sign("webhook", {"sub": "x"}, expires_s=2**31),
    }
    asked = 0
    for operation, wanted in scene.guarded:
        for purpose in tokens.keys() - wanted:
            asked += 1
            refused(await scene.ask(operation, bearer(tokens[purpose])), 401, "unauthenticated")
    assert asked > 60


async def test_a_token_is_for_one_event(scene: Scene, simple_event: str) -> None:
    """And another event's token is no way into this one, by header or by cookie."""
    elsewhere = await Fan(scene.http, simple_event).come_in()
    for operation, wanted in scene.guarded:
        if not wanted & {"place", "admission"} or "{event}" not in operation[1]:
            continue
        token = elsewhere.place if "place" in wanted else elsewhere.admission
        cookie = f"__Host-{wanted.pop()}-{scene.fan.event}={token}"
        for headers in (bearer(token), {"cookie": cookie}):
            answer = await scene.ask(operation, headers)
            assert "another event" in refused(answer, 401, "unauthenticated")["detail"]


async def test_another_fans_token_reads_nothing_of_this_one(
    scene: Scene, simple_event: str
) -> None:
    stranger = await Fan(scene.http, simple_event).come_in()
    for token in (stranger.admission, stranger.identity):
        for method, part in (("GET", ""), ("GET", "/stream"), ("POST", "/payment")):
            path = f"/api/v1/bookings/{scene.booking}{part}"
            answer = await scene.http.request(method, path, headers=bearer(token))
            refused(answer, 403, "forbidden")


async def test_rotation_keeps_old_tokens_good(scene: Scene) -> None:
    """A new key in front signs; the old one behind it still verifies, until it is dropped."""
    old, new = new_secret(), new_secret()
    token = Signer(KeyRing(old)).sign("fan", {"sub": "fan_x"}, expires_s=2**31)
    assert Signer(KeyRing(f"{new},{old}")).verify("fan", token)["sub"] == "fan_x"
    with pytest.raises(Unauthenticated, match="fan token"):
        Signer(KeyRing(new)).verify("fan", token)
