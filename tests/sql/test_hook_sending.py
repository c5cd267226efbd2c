"""The courier before real receivers: good ones, slow ones, broken ones, malicious ones."""

import asyncio
import signal
import ssl
import sys
from collections.abc import AsyncIterator
from datetime import timedelta
from pathlib import Path
from typing import Final

import pytest
from aiohttp import web
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from tests.places import database_of_its_own
from tests.receiver import Receiver, babbles, hangs, receiving, says
from tests.sql.hooked import Office
from usher.account.model import Actor
from usher.clock import utc_now
from usher.embedded import Embedded
from usher.hook.model import HookChange, Told
from usher.hook.sending import client, queries
from usher.plumbing.postgres import Database

pytestmark = pytest.mark.anyio


@pytest.fixture(scope="module")
async def url(servers: Embedded, anyio_backend: str) -> AsyncIterator[str]:
    async with database_of_its_own(servers, "sent_hooks") as url:
        yield url


@pytest.fixture(scope="module")
async def own_database(url: str) -> AsyncIterator[Database]:
    database = Database(url, connections=8)
    await database.open()
    yield database
    await database.close()


@pytest.fixture
async def office(own_database: Database) -> AsyncIterator[Office]:
    office = Office(own_database)
    yield office
    await office.run("DELETE FROM hook")


@pytest.fixture
async def actor(office: Office) -> Actor:
    return await office.organiser()


@pytest.fixture
async def receiver() -> AsyncIterator[Receiver]:
    async with receiving() as receiver:
        yield receiver


async def test_a_delivery_is_signed_as_receivers_verify(
    office: Office, actor: Actor, receiver: Receiver
) -> None:
    hook, secret = await office.hook(actor, f"{receiver.url}?a=1")
    delivery = await office.ping(actor, hook)
    async with office.couriers():
        await office.until(delivery, state="done", status=200, answer="thanks", attempts=1)
    (post,) = receiver.got
    told = post.read(secret)
    assert (post.path, post.id, told["id"]) == ("/hook?a=1", delivery, delivery)
    assert (told["type"], told["data"]) == ("hook.ping", {"hook_id": hook.id})
    assert post.headers["content-type"] == "application/json"
    assert post.headers["user-agent"].startswith("usher")
    assert post.headers["host"] == receiver.url.split("/")[2]


async def test_after_a_rotation_both_secrets_verify_for_a_while(
    office: Office, actor: Actor, receiver: Receiver
) -> None:
    hook, old = await office.hook(actor, receiver.url)
    _, new = await office.service.rotate(actor, hook.id, "turn")
    assert (await office.service.rotate(actor, hook.id, "turn"))[1] == new
    first = await office.ping(actor, hook)
    async with office.couriers():
        await office.until(first, state="done")
        await office.run("UPDATE hook SET old_until = now() WHERE id = $1", hook.id)
        await office.until(await office.ping(actor, hook), state="done")
    both, later = receiver.got
    assert old != new
    assert both.read(old) == both.read(new)
    later.read(new)
    with pytest.raises(Exception, match="No matching signature"):
        later.read(old)


async def test_what_fails_is_tried_again_under_the_same_id(
    office: Office, actor: Actor, receiver: Receiver
) -> None:
    receiver.answers = [says(500, "out of order"), says(503, retry_after="1000"), says(204)]
    hook, secret = await office.hook(actor, receiver.url)
    delivery = await office.ping(actor, hook)
    async with office.couriers():
        row = await office.until(delivery, status=500, answer="out of order", fault="answered 500")
        assert (row["state"], row["due"] > row["tried_at"]) == ("pending", True)
        assert (await office.now(hook)).failing_since is not None
        await office.haste(delivery)
        row = await office.until(delivery, status=503)
        assert (row["due"] - row["tried_at"]).total_seconds() > 900, "as it asked for"
        await office.haste(delivery)
        await office.until(delivery, state="done", status=204, fault="", attempts=3)
    assert {post.id for post in receiver.got} == {delivery}
    assert len({post.read(secret)["timestamp"] for post in receiver.got}) == 1
    assert (await office.now(hook)).failing_since is None


@pytest.mark.parametrize("status", [301, 302, 307, 308])
async def test_no_redirect_is_followed(
    office: Office, actor: Actor, receiver: Receiver, status: int
) -> None:
    receiver.otherwise = says(status, location=receiver.url)
    hook, _ = await office.hook(actor, receiver.url)
    delivery = await office.ping(actor, hook)
    async with office.couriers():
        row = await office.until(delivery, status=status)
    assert "redirect" in row["fault"]
    assert len(receiver.got) == 1


async def test_of_a_huge_answer_little_is_read(
    office: Office, actor: Actor, receiver: Receiver
) -> None:
    receiver.otherwise = babbles
    hook, _ = await office.hook(actor, receiver.url)
    delivery = await office.ping(actor, hook)
    async with office.couriers():
        row = await office.until(delivery, state="done", status=200)
    assert row["answer"].startswith("<script>")
    assert len(row["answer"]) <= 1_024
    assert "\x00" not in row["answer"]


async def test_a_hook_that_hangs_holds_no_other_up(
    office: Office, actor: Actor, receiver: Receiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(client, "SENDING_S", 60.0)  # it hangs for longer than this test runs
    async with receiving() as slow:
        slow.otherwise = hangs
        bad, _ = await office.hook(actor, slow.url)
        good, _ = await office.hook(actor, receiver.url)
        for _ in range(100):
            await office.ping(actor, bad)
        mine = [await office.ping(actor, good) for _ in range(20)]
        async with office.couriers():
            for delivery in mine:
                await office.until(delivery, state="done")
        assert len(slow.got) == 4
        assert {post.id for post in receiver.got} == set(mine)
        assert receiver.most_open <= 4


async def test_who_hangs_is_given_up_for_now(
    office: Office, actor: Actor, receiver: Receiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(client, "SENDING_S", 0.3)
    receiver.otherwise = hangs
    hook, _ = await office.hook(actor, receiver.url)
    made = [await office.ping(actor, hook) for _ in range(10)]
    async with office.couriers():
        for delivery in made[:4]:
            await office.until(delivery, fault="no answer within 0 s")
    assert len(receiver.got) == 4, "all of the hook waits"
    assert (await office.now(hook)).failures == 4
    assert [row["attempts"] for row in await office.of(hook)].count(0) == 6


@pytest.mark.parametrize(
    ("failures", "pause_s"), [(0, 0), (2, 0), (3, 2), (4, 4), (9, 128), (20, 300), (10_000, 300)]
)
async def test_the_longer_it_fails_the_longer_it_waits(
    office: Office, actor: Actor, failures: int, pause_s: int
) -> None:
    hook, _ = await office.hook(actor, "http://127.0.0.1:9/")
    await office.ping(actor, hook)
    (taken,) = await queries.take(office.database, {}, 4, 9)
    await office.run("UPDATE hook SET failures = $2 WHERE id = $1", hook.id, failures)
    await queries.report(office.database, taken, Told(500, fault="answered 500"))
    (row,) = await office.rows(
        "SELECT h.probe_at - (d.due - interval '10 s') AS pause FROM hook AS h"
        " JOIN hook_delivery AS d ON d.hook_id = h.id WHERE h.id = $1",
        hook.id,
    )
    assert row["pause"].total_seconds() == pause_s


async def test_410_is_good_bye(office: Office, actor: Actor, receiver: Receiver) -> None:
    receiver.otherwise = says(410)
    hook, _ = await office.hook(actor, receiver.url)
    delivery = await office.ping(actor, hook)
    async with office.couriers():
        await office.until(delivery, state="dead", status=410)
    now = await office.now(hook)
    assert (now.state, now.reason) == ("broken", "gone")
    again = await office.service.change(actor, hook.id, HookChange(state="active"))
    assert (again.state, again.reason, again.failures) == ("active", "", 0)


async def test_after_three_days_it_is_dead_and_the_hook_broken(
    office: Office, actor: Actor, receiver: Receiver
) -> None:
    receiver.otherwise = says(500)
    hook, _ = await office.hook(actor, receiver.url)
    delivery, waits = await office.ping(actor, hook), await office.ping(actor, hook)
    await office.run(
        "UPDATE hook SET failing_since = now() - interval '3 days', failures = 90 WHERE id = $1",
        hook.id,
    )
    await office.run("UPDATE hook_delivery SET until = now() WHERE id = $1", delivery)
    async with office.couriers():
        await office.until(delivery, state="dead")
    now = await office.now(hook)
    assert (now.state, now.reason) == ("broken", "failing")
    assert len(receiver.got) == 1, "a broken hook is left alone"
    await office.run("UPDATE hook_delivery SET until = now() - interval '1 s' WHERE id = $1", waits)
    assert await queries.bury(office.database) == 1
    assert (await office.until(waits, state="dead"))["fault"] == "not tried in time"


COURIER: Final = """
import asyncio, sys
from usher.hook.sending.client import Resolver, Sender
from usher.hook.sending.jobs import Courier
from usher.hook.signature import Signatures
from usher.plumbing.metric import Metrics
from usher.plumbing.postgres import Database
from usher.plumbing.signing import KeyRing

async def main(url, ring):
    database = Database(url, connections=2)
    await database.open()
    sender = Sender(Resolver(private=True), "usher")
    await Courier(database, sender, Signatures(KeyRing(ring)), Metrics()).run()

asyncio.run(main(*sys.argv[1:]))
"""


@pytest.mark.parametrize("answered", [False, True], ids=["before", "after"])
async def test_killed_before_it_could_write_the_answer_down_it_comes_again(
    office: Office, actor: Actor, receiver: Receiver, url: str, answered: bool
) -> None:
    """kill -9 while the receiver has the post: it may have done the work, and knows by the id."""
    killed = asyncio.Event()

    async def answer(request: web.Request) -> web.StreamResponse:
        if answered:  # the answer is on its way when there is nobody to write it down any more
            process.send_signal(signal.SIGSTOP)
        else:
            killed.set()
            await hangs(request)
        killed.set()
        return web.Response()

    receiver.answers = [answer]
    hook, secret = await office.hook(actor, receiver.url)
    delivery = await office.ping(actor, hook)
    process = await asyncio.create_subprocess_exec(sys.executable, "-c", COURIER, url, office.ring)
    try:
        await killed.wait()
    finally:
        process.kill()
        await process.wait()
    row = await office.until(delivery, state="pending", attempts=1)
    assert row["due"] > row["tried_at"], "leased"
    await office.haste(delivery)
    async with office.couriers():
        await office.until(delivery, state="done", attempts=2)
    first, second = receiver.got
    assert first.id == second.id == delivery
    assert first.body == second.body
    second.read(secret)


async def test_of_two_couriers_one_makes_each(
    office: Office, actor: Actor, receiver: Receiver
) -> None:
    hook, _ = await office.hook(actor, receiver.url)
    wanted = {await office.ping(actor, hook) for _ in range(40)}
    async with office.couriers(2):
        for delivery in wanted:
            await office.until(delivery, state="done", attempts=1)
    assert len(receiver.got) == 40
    assert {post.id for post in receiver.got} == wanted


async def test_a_late_fault_does_not_undo_a_colleagues_success(
    office: Office, actor: Actor, receiver: Receiver
) -> None:
    hook, _ = await office.hook(actor, receiver.url)
    delivery = await office.ping(actor, hook)
    (first,) = await queries.take(office.database, {}, 4, 9, lease_s=0)
    (second,) = await queries.take(office.database, {}, 4, 9, lease_s=0)
    assert first.id == second.id == delivery
    await queries.report(office.database, second, Told(200))
    await queries.report(office.database, first, Told(500, fault="answered 500"))
    await office.until(delivery, state="done", status=200)


async def test_a_paused_hook_waits(office: Office, actor: Actor, receiver: Receiver) -> None:
    hook, _ = await office.hook(actor, receiver.url)
    other, _ = await office.hook(actor, f"{receiver.url}/other")
    delivery = await office.ping(actor, hook)
    await office.service.change(actor, hook.id, HookChange(state="paused"))
    async with office.couriers():
        await office.until(await office.ping(actor, other), state="done")
        assert len(receiver.got) == 1
        await office.service.change(actor, hook.id, HookChange(state="active"))
        await office.until(delivery, state="done")


async def test_who_is_no_organiser_any_more_hears_nothing(
    office: Office, actor: Actor, receiver: Receiver
) -> None:
    hook, _ = await office.hook(actor, receiver.url)
    await office.ping(actor, hook)
    await office.run("UPDATE account SET state = 'disabled' WHERE id = $1", actor.account_id)
    assert await queries.take(office.database, {}, 4, 9) == []


async def test_a_fault_of_ours_stops_no_courier(
    office: Office, actor: Actor, receiver: Receiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    good, _ = await office.hook(actor, receiver.url)
    bad, _ = await office.hook(actor, "http://bad.example/")

    def look_up(host: str, _: int) -> list[str]:
        return {"127.0.0.1": [host]}[host]

    monkeypatch.setattr(client, "_look_up", look_up)
    first, second = await office.ping(actor, bad), await office.ping(actor, good)
    async with office.couriers():
        await office.until(first, fault="a fault of ours: KeyError", state="pending")
        await office.until(second, state="done")


async def test_a_secret_whose_key_has_left_the_ring_signs_nothing(
    office: Office, actor: Actor, receiver: Receiver
) -> None:
    hook, _ = await office.hook(actor, receiver.url)
    delivery = await office.ping(actor, hook)
    await office.run("UPDATE hook SET kid = 'k_gone' WHERE id = $1", hook.id)
    async with office.couriers():
        row = await office.until(delivery, attempts=1)
        while not row["fault"]:
            row = await office.until(delivery, attempts=1)
    assert "rotate" in row["fault"]
    assert receiver.got == []


async def test_what_was_over_long_ago_is_forgotten(
    office: Office, actor: Actor, receiver: Receiver
) -> None:
    hook, _ = await office.hook(actor, receiver.url)
    old, new = await office.ping(actor, hook), await office.ping(actor, hook)
    async with office.couriers():
        for delivery in (old, new):
            await office.until(delivery, state="done")
    await office.run(
        "UPDATE hook_delivery SET done_at = now() - interval '31 days' WHERE id = $1", old
    )
    assert await queries.sweep(office.database) == 1
    assert [row["id"] for row in await office.of(hook)] == [new]


# --- addresses that are not for us


@pytest.mark.parametrize(
    "host",
    [
        "127.0.0.1",
        "localhost",
        "127.1",
        "2130706433",
        "0x7f000001",
        "0.0.0.0",
        "[::1]",
        "[::ffff:127.0.0.1]",
        "[::]",
    ],
)
async def test_no_private_address_is_connected_to(
    office: Office, actor: Actor, receiver: Receiver, host: str
) -> None:
    """The hook was made where it could be; what counts is the address when it is used."""
    port = receiver.url.split(":")[2].split("/")[0]
    hook, _ = await office.hook(actor, f"http://{host}:{port}/hook")
    delivery = await office.ping(actor, hook)
    async with office.couriers(private=False):
        row = await office.until(delivery, status=None, fault="the address is not a public one")
    assert row["state"] == "pending"
    assert receiver.got == []


async def test_control_a_private_address_is_reached_where_it_may_be(
    office: Office, actor: Actor, receiver: Receiver
) -> None:
    port = receiver.url.split(":")[2].split("/")[0]
    hook, _ = await office.hook(actor, f"http://127.1:{port}/hook")
    async with office.couriers():
        await office.until(await office.ping(actor, hook), state="done")
    assert receiver.got[0].headers["host"] == f"127.1:{port}"


async def test_a_name_that_changes_its_mind_is_believed_once(
    office: Office, actor: Actor, receiver: Receiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Looked up once per post: what was found good is what is connected to."""
    looks: list[str] = []

    def look_up(host: str, _: int) -> list[str]:
        looks.append(host)
        return ["192.0.2.1"] if len(looks) > 1 else ["127.0.0.1"]

    hook, _ = await office.hook(actor, receiver.url.replace("127.0.0.1", "rebound.example"))
    monkeypatch.setattr(client, "_look_up", look_up)
    async with office.couriers():
        await office.until(await office.ping(actor, hook), state="done")
    assert looks == ["rebound.example"]
    assert receiver.got[0].headers["host"].startswith("rebound.example:")


@pytest.mark.parametrize(
    "found", [["8.8.8.8", "127.0.0.1"], ["::ffff:10.0.0.1"]], ids=["one-of-two", "mapped"]
)
async def test_one_private_address_of_a_name_is_enough_to_refuse_it(
    office: Office,
    actor: Actor,
    receiver: Receiver,
    monkeypatch: pytest.MonkeyPatch,
    found: list[str],
) -> None:
    hook, _ = await office.hook(actor, receiver.url)
    monkeypatch.setattr(client, "_look_up", lambda *_: found)
    async with office.couriers(private=False):
        await office.until(await office.ping(actor, hook), fault="the address is not a public one")
    assert receiver.got == []


# --- TLS


def certificate(folder: Path, name: str) -> tuple[ssl.SSLContext, ssl.SSLContext]:
    """What a server needs to be `name`, and what a client needs to believe it."""
    key = ec.generate_private_key(ec.SECP256R1())
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
    now = utc_now()
    made = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(subject)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName(name)]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    pem = made.public_bytes(serialization.Encoding.PEM)
    secret = key.private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        serialization.NoEncryption(),
    )
    file = folder / "server.pem"
    file.write_bytes(secret + pem)
    server = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    server.load_cert_chain(file)
    return server, ssl.create_default_context(cadata=pem.decode())


@pytest.mark.parametrize("name", ["hook.example", "other.example"])
async def test_tls_goes_by_the_name_and_not_by_the_address(
    office: Office, actor: Actor, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    """Whoever answers at the address that was looked up must be whom the hook names."""
    server, client_side = certificate(tmp_path, name)
    async with receiving(server) as receiver:
        url = receiver.url.replace("127.0.0.1", "hook.example")
        hook, secret = await office.hook(actor, url)
        monkeypatch.setattr(client, "_look_up", lambda *_: ["127.0.0.1"])
        delivery = await office.ping(actor, hook)
        async with office.couriers(verify=client_side):
            if name == "hook.example":
                await office.until(delivery, state="done")
                receiver.got[0].read(secret)
            else:
                await office.until(delivery, fault="not reached: ConnectError")
                assert receiver.got == []
