"""Addresses that are none, pauses that grow, secrets that are made anew."""

from datetime import UTC, datetime
from pathlib import Path
from typing import Any, get_args

import pytest
from standardwebhooks import Webhook

from usher.errors import BadInput
from usher.hook.model import PING, Kind, clean_url, is_public, pause_s
from usher.hook.signature import Signatures
from usher.outbox.model import HEARD_BY
from usher.plumbing.signing import KeyRing, new_secret

PRIVATE = [
    "0.0.0.0",
    "10.1.2.3",
    "100.64.0.1",
    "127.0.0.1",
    "127.255.255.254",
    "169.254.169.254",
    "172.16.0.1",
    "192.0.2.1",
    "192.168.1.1",
    "198.18.0.1",
    "224.0.0.1",
    "239.255.255.255",
    "240.0.0.1",
    "255.255.255.255",
    "::",
    "::1",
    "::127.0.0.1",
    "::ffff:127.0.0.1",
    "::ffff:169.254.169.254",
    "64:ff9b::10.0.0.1",
    "64:ff9b:1::1",
    "2001:0:7f00:1::",
    "2001:db8::1",
    "2002:7f00:1::",
    "2002:0a00:0001::1",
    "fc00::1",
    "fd12:3456::1",
    "fe80::1",
    "fe80::1%eth0",
    "fec0::1",
    "ff02::1",
    "localhost",
    "",
]
PUBLIC = ["1.1.1.1", "93.184.216.34", "2606:4700::1111", "::ffff:8.8.8.8", "64:ff9b::8.8.8.8"]


@pytest.mark.parametrize("address", PRIVATE)
def test_not_on_the_public_internet(address: str) -> None:
    assert not is_public(address)


@pytest.mark.parametrize("address", PUBLIC)
def test_on_the_public_internet(address: str) -> None:
    assert is_public(address)


@pytest.mark.parametrize(
    ("text", "kept"),
    [
        ("https://example.org", "https://example.org"),
        (" https://Example.ORG/a?b=c ", "https://example.org/a?b=c"),
        ("https://münchen.example/ü", "https://xn--mnchen-3ya.example/%C3%BC"),
        ("https://example.org:8443/", "https://example.org:8443/"),
        ("https://[2606:4700::1111]/", "https://[2606:4700::1111]/"),
    ],
)
def test_an_address_as_it_is_kept(text: str, kept: str) -> None:
    assert clean_url(text, http=False) == kept


@pytest.mark.parametrize(
    "text", ["http://example.org/", "HTTP://example.org/", "example.org", "//example.org/"]
)
def test_only_https_unless_it_is_a_trial(text: str) -> None:
    with pytest.raises(BadInput, match="must begin with https://"):
        clean_url(text, http=False)
    if text.lower().startswith("http"):
        assert clean_url(text, http=True) == "http://example.org/"


def test_pauses_grow_and_have_an_end() -> None:
    pauses = [pause_s(attempt) for attempt in range(1, 200)]
    assert pauses == sorted(pauses)
    assert (pauses[0], pauses[-1]) == (10, 3_600)


def test_hooks_hear_of_what_the_outbox_tells_them() -> None:
    assert set(get_args(Kind)) == {fact for fact, who in HEARD_BY.items() if "hook" in who}


def test_a_secret_is_of_one_hook_one_salt_one_key() -> None:
    old, new = new_secret(), new_secret()
    first, both = Signatures(KeyRing(old)), Signatures(KeyRing(f"{new},{old}"))
    kid = first.newest
    secret = first.secret("hok_1", kid, "salt")
    assert secret is not None
    assert secret == both.secret("hok_1", kid, "salt"), "a new key in front changes no secret"
    others = {
        first.secret("hok_2", kid, "salt"),
        first.secret("hok_1", kid, "other"),
        both.secret("hok_1", both.newest, "salt"),
    }
    assert secret not in others
    assert len(others) == 3
    assert Signatures(KeyRing(new)).secret("hok_1", kid, "salt") is None
    headers = first.headers("dlv_1", '{"a":"ü"}', datetime.now(UTC), secret)
    assert Webhook(secret).verify('{"a":"ü"}'.encode(), headers) == {"a": "ü"}


def test_what_the_docs_tell_receivers_to_do_works() -> None:
    text = (Path(__file__).parents[2] / "docs" / "webhooks.md").read_text()
    code = text.split("```python\n")[1].split("```")[0]
    signatures = Signatures(KeyRing(new_secret()))
    secret = signatures.secret("hok_1", signatures.newest, "salt")
    assert secret is not None
    taken: list[Any] = []
    names: dict[str, Any] = {"SECRET": secret, "enqueue": lambda *given: taken.append(given)}
    exec(code, names)
    headers = signatures.headers("dlv_1", '{"type":"hook.ping"}', datetime.now(UTC), secret)
    assert names["receive"](headers, b'{"type":"hook.ping"}') == 204
    assert taken == [("dlv_1", {"type": "hook.ping"})]
    assert names["receive"](headers, b'{"type":"hook.pong"}') == 400
    assert len(taken) == 1


def test_the_docs_name_every_kind() -> None:
    text = (Path(__file__).parents[2] / "docs" / "webhooks.md").read_text()
    assert [kind for kind in (*get_args(Kind), PING) if f"| `{kind}` |" not in text] == []
