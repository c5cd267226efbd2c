"""`usher ticket` at a door without a network: files, and words that say what is wrong."""

import json
from pathlib import Path
from typing import Any

import httpx
import pytest
from click.testing import CliRunner, Result

from tests.conftest import Site
from tests.contract.fan import Fan
from tests.contract.test_http_tickets import KEYS, cancelled, paid, revoked
from tests.sale import put_on_sale
from usher.cli import main
from usher.ids import new_id
from usher.plumbing.signing import KeyRing, new_secret
from usher.settings import environ_of
from usher.ticket.code import Code, read_code, write_code
from usher.ticket.signing import TicketKeys, read_jwks
from usher.venue.generate import rows_by_columns
from usher.wiring import opened

pytestmark = pytest.mark.anyio

# No servers: whoever would open a house fails.
NOWHERE = {f"USHER_{name}": "" for name in ("REDIS_URL", "DATABASE_URL", "SECRETS")} | {
    "USHER_DATA_DIR": "/nonexistent"
}


def usher(*words: str, given: str | bytes = "", **environ: str) -> Result:
    return CliRunner().invoke(main, ["ticket", *words], env=NOWHERE | environ, input=given)


@pytest.fixture(scope="module")
async def door(
    site: Site, anyio_backend: str, tmp_path_factory: pytest.TempPathFactory
) -> dict[str, Any]:
    """What a door has with it: files of the keys and of what is revoked, and codes to try."""
    folder: Path = tmp_path_factory.mktemp("door")
    async with (
        opened(site.settings) as house,
        httpx.AsyncClient(base_url=site.url, trust_env=False, timeout=30) as http,
    ):
        event = await put_on_sale(house, rows_by_columns(1, 2), mode="simple")
        tickets = await paid(await Fan(http, event).come_in(), "A-1", "A-2")
        await cancelled(house, tickets[1])
        (folder / "keys.json").write_bytes((await http.get(KEYS)).content)
        answer = await http.get(f"/api/v1/events/{event}/tickets/revoked")
        (folder / "revoked.jws").write_bytes(answer.content)
        assert (await revoked(http, event)).bookings
    return {
        "event": event,
        "good": tickets[0]["code"],
        "revoked": tickets[1]["code"],
        "keys": ("--keys", str(folder / "keys.json")),
        "list": ("--revoked", str(folder / "revoked.jws")),
        "folder": folder,
    }


def refused(told: Result, word: str) -> None:
    assert told.exit_code == 1, told.output
    assert word in told.stderr
    assert "good" not in told.stdout
    assert "Traceback" not in told.output


def test_a_good_code_is_good(door: dict[str, Any]) -> None:
    told = usher("verify", door["good"], *door["keys"], *door["list"], "--event", door["event"])
    assert told.exit_code == 0, told.output
    assert told.stdout.startswith("good: Stalls/A/1  tkt_")
    piped = usher("verify", "-", *door["keys"], given=door["good"] + "\r\n")
    assert piped.exit_code == 0, piped.output
    file = door["folder"] / "code.txt"
    file.write_text(door["good"] + "\n")
    for words in (("--file", str(file)), ("--file", "-")):
        told = usher("verify", *words, *door["keys"], "--json", given=door["good"])
        assert told.exit_code == 0, told.output
        assert json.loads(told.stdout)["verdict"] == "good"
        assert json.loads(told.stdout)["event_id"] == door["event"]


def test_a_revoked_code_is_not(door: dict[str, Any]) -> None:
    refused(usher("verify", door["revoked"], *door["keys"], *door["list"]), "revoked: ")
    assert usher("verify", door["revoked"], *door["keys"]).exit_code == 0  # who could know


def test_a_code_of_another_event_is_not(door: dict[str, Any]) -> None:
    told = usher("verify", door["good"], *door["keys"], "--event", new_id("event"))
    refused(told, f"other event: the ticket is for {door['event']}")
    told = usher("verify", door["good"], *door["keys"], "--event", new_id("event"), "--json")
    assert (told.exit_code, json.loads(told.stdout)["verdict"]) == (1, "other event")


def test_a_forged_code_is_not(door: dict[str, Any]) -> None:
    keys = TicketKeys(KeyRing(new_secret()))
    real = read_code(door["good"], read_jwks(Path(door["keys"][1]).read_bytes()))
    ours = {name: getattr(real, name) for name in Code.__struct_fields__}
    for kid in (keys.newest, real.kid):
        forged = write_code(Code(**ours | {"kid": kid}), keys.private[keys.newest])
        refused(usher("verify", forged, *door["keys"]), "forged: ")
    for wrong in ("", "hello", door["good"][:-1], "\x00"):
        refused(usher("verify", wrong, *door["keys"]), "no code: ")
    refused(usher("verify", "-", *door["keys"], given=b"\xff\xfe"), "no code: ")


def test_what_is_wrong_with_the_files_is_said(door: dict[str, Any]) -> None:
    (door["folder"] / "broken").write_bytes(b"\xff{")
    broken, none = str(door["folder"] / "broken"), str(door["folder"] / "none")
    refused(usher("verify", door["good"], "--keys", broken), "no set of Ed25519 keys")
    refused(usher("verify", door["good"], "--keys", none), "cannot be read")
    told = usher("verify", door["good"], *door["keys"], "--revoked", broken)
    refused(told, "no revocation list")
    refused(usher("verify", *door["keys"]), "give the code itself")
    away = usher("verify", door["good"], "--keys", "http://127.0.0.1:1/keys.json")
    assert away.exit_code == 3


def test_a_house_knows_its_own_keys(door: dict[str, Any], site: Site) -> None:
    environ = environ_of(site.settings)
    told = usher("keys", **environ)
    assert told.exit_code == 0, told.output
    assert json.loads(told.stdout)["keys"]
    assert usher("verify", door["good"], **environ).exit_code == 0
    url = site.url + KEYS
    assert usher("verify", door["good"], "--keys", url).exit_code == 0
    (key,) = [each["kid"] for each in json.loads(told.stdout)["keys"]]
    refused(usher("retire", key, **environ), "this key signs tickets now")
    refused(usher("retire", "00000000", **environ), "no such key")
