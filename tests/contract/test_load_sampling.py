"""What load tests sample of a real sale: from inside and over HTTP it is the same."""

import asyncio
import signal
import sys
from pathlib import Path
from typing import Any

import httpx
import pytest

from loadtests.inside import inside, ledger
from loadtests.sampler import line, metrics, pulse, take
from loadtests.series import read_series
from tests.contract.fan import Fan
from tests.sale import put_on_sale
from usher.keys import Keys
from usher.plumbing.lua import Runner
from usher.venue.generate import rows_by_columns
from usher.wiring import House

pytestmark = pytest.mark.anyio


async def test_a_sale_is_the_same_from_inside_and_over_http(
    house: House, http: httpx.AsyncClient, organiser: dict[str, str]
) -> None:
    event = await put_on_sale(house, rows_by_columns(2, 5))
    fan = await Fan(http, event).come_in()
    paid = await fan.booked("A-1", "A-2")
    await fan.pay(paid)
    await fan.booking_until(paid, "confirmed")
    await (await Fan(http, event).come_in()).held("A-4")
    token = organiser["authorization"].partition(" ")[2]
    probes = {
        "inside": inside(house, event),
        "pulse": pulse(http, event, token),
        "line": line(http, event),
    }
    wanted = {"sold": 2, "held": 1, "free": 7, "joined": 2, "admitted": 2, "confirmed": 1}
    found: dict[str, Any] = {}
    for _ in range(100):  # what is told over HTTP is a second old at most
        found = {name: await take([probe]) for name, probe in probes.items()}
        if all(found[name] | wanted == found[name] for name in ("inside", "pulse")):
            break
        await asyncio.sleep(0.1)
    assert found["inside"] | wanted == found["inside"]
    assert found["pulse"] | wanted == found["pulse"]
    for name in ("waiting", "shopping", "called", "rate_per_min", "capacity"):
        assert found["inside"][name] == found["pulse"][name], name
    assert found["line"]["free"] == 7
    assert found["line"]["shopping"] == found["inside"]["shopping"]
    assert set(found["inside"]) - set(found["pulse"]) == {"ledger_pending", "ledger_lag_s"}
    # An API process commits nothing, and so says nothing of how late commits are.
    assert set(await take([metrics(http)])) == {"t"}


async def test_an_event_that_is_not_there_is_left_out(
    house: House, http: httpx.AsyncClient, event: str, organiser: dict[str, str]
) -> None:
    token = organiser["authorization"].partition(" ")[2]
    found = await take([line(http, event), pulse(http, event, token)])
    assert set(found) == {"t"}
    assert "sold" not in await take([inside(house, event)])


async def test_the_ledger_is_as_late_as_its_oldest_entry(runner: Runner, event: str) -> None:
    assert await ledger(runner, event) == {"ledger_pending": 0, "ledger_lag_s": 0.0}
    key = Keys(event).named(("ledger",))[0]
    seconds, _ = await runner.command("TIME")
    await runner.command("XADD", key, f"{(int(seconds) - 60) * 1000}-0", "kind", "claim")
    await runner.command("XADD", key, "*", "kind", "claim")
    found = await ledger(runner, event)
    assert found["ledger_pending"] == 2
    assert found["ledger_lag_s"] >= 60
    await runner.command("DEL", key)


async def test_it_runs_as_a_process_until_it_is_told_to_stop(
    http: httpx.AsyncClient, queued_event: str, tmp_path: Path
) -> None:
    argv = [sys.executable, "-m", "loadtests.sampler", "--out", str(tmp_path)]
    argv += ["--url", str(http.base_url), "--event", queued_event]
    process = await asyncio.create_subprocess_exec(*argv)
    for _ in range(300):
        if read_series(tmp_path):
            break
        await asyncio.sleep(0.1)
    process.send_signal(signal.SIGTERM)
    assert await process.wait() == 0
    found = read_series(tmp_path)
    assert len(found) >= 2
    assert all(sample.waiting is not None for sample in found)
    assert all(sample.sold is None for sample in found)
