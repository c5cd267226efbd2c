"""What is sampled: what probes find, what is left out, whose CPU is whose."""

import asyncio
import os
import subprocess
import sys
import threading
from collections.abc import Awaitable, Callable, Iterator, Mapping
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import httpx
import msgspec
import pytest

from loadtests.processes import cpu_by_group
from loadtests.sampler import Found, Probe, cpu, line, metrics, pulse, sampling, take
from loadtests.series import read_series

SPIN = """
import subprocess, sys, time
def spin(seconds):
    until = time.process_time() + seconds
    while time.process_time() < until: pass
if len(sys.argv) > 1:
    child = subprocess.Popen([sys.executable, __file__], stdout=subprocess.PIPE)
    child.stdout.readline()
    print(child.pid, flush=True)
else:
    spin(0.3)
    print("spun", flush=True)
time.sleep(60)
"""


@contextmanager
def served(answers: dict[str, tuple[int, str]]) -> Iterator[str]:
    """A server that gives `answers` {path: (status, body)}, 404 to all else."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            status, body = answers.get(self.path.partition("?")[0], (404, ""))
            self.send_response(status)
            self.end_headers()
            self.wfile.write(body.encode())

        def log_message(self, *args: object) -> None:
            """Quiet."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, args=[0.01], daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


def asked(
    answers: dict[str, tuple[int, str]], probe: Callable[[httpx.AsyncClient], Probe]
) -> Found:
    async def ask() -> Found:
        async with httpx.AsyncClient(base_url=url, trust_env=False) as http:
            return await take([probe(http)])

    with served(answers) as url:
        found = dict(asyncio.run(ask()))
    del found["t"]
    return found


LINE = {"waiting": 7, "shopping": 3, "left": 90, "admitted_per_minute": None, "curve": [[1, 0]]}
PULSE: dict[str, object] = dict.fromkeys(
    ["waiting", "shopping", "joined", "called", "admitted", "free"], 5
)
PULSE |= dict.fromkeys(["held", "claimed", "sold", "rate_per_min", "capacity", "bookings"], 6)
PULSE["at"] = "2026-11-26T08:00:00.500Z"


def body(found: Mapping[str, object]) -> tuple[int, str]:
    return 200, msgspec.json.encode(found).decode()


def test_the_public_line() -> None:
    path = "/api/v1/events/evt_1/queue"
    found = asked({path: body(LINE)}, lambda http: line(http, "evt_1"))
    assert found == {"waiting": 7, "shopping": 3, "free": 90}
    found = asked(
        {path: body(LINE | {"admitted_per_minute": 60})}, lambda http: line(http, "evt_1")
    )
    assert found["called_per_min"] == 60


def test_the_organisers_pulse() -> None:
    path = "/api/v1/events/evt_1/pulse"
    found = asked({path: body(PULSE | {"built": True})}, lambda http: pulse(http, "evt_1", "t"))
    assert found["joined"] == 5
    assert found["confirmed"] == 6
    assert found["at"] == 1_795_680_000.5
    found = asked({path: body(PULSE | {"built": False})}, lambda http: pulse(http, "evt_1", "t"))
    assert found == {"at": 1_795_680_000.5, "confirmed": 6}


def test_the_lag_is_told_by_who_commits_only() -> None:
    text = "usher_ledger_lag_seconds {}\nusher_ledger_commit_seconds_count {}\n"
    assert asked({"/metrics": (200, text.format(0.25, 4))}, metrics) == {"ledger_lag_s": 0.25}
    assert asked({"/metrics": (200, text.format(0, 0))}, metrics) == {}


@pytest.mark.parametrize(
    "answer", [(503, ""), (200, "{}"), (200, "no JSON"), (200, "[]"), (404, "")]
)
def test_what_cannot_be_had_is_left_out(answer: tuple[int, str]) -> None:
    path = "/api/v1/events/evt_1/queue"
    assert asked({path: answer}, lambda http: line(http, "evt_1")) == {}


def test_samples_stand_in_the_file_in_order(tmp_path: Path) -> None:
    asks = 0

    async def count() -> Found:
        nonlocal asks
        asks += 1
        return {"waiting": asks}

    async def fail() -> Found:
        raise httpx.ConnectError("away")

    async def go() -> None:
        async with sampling(tmp_path, [count, fail]):
            await asyncio.sleep(0.05)

    asyncio.run(go())
    found = read_series(tmp_path)
    assert [sample.waiting for sample in found] == [1, 2]
    assert found[0].t <= found[1].t
    assert found[0].sold is None


def test_cpu_is_of_who_is_named_and_of_what_they_started(tmp_path: Path) -> None:
    script = tmp_path / "spin.py"
    script.write_text(SPIN)
    with subprocess.Popen([sys.executable, script, "parent"], stdout=subprocess.PIPE) as parent:
        assert parent.stdout
        child = int(parent.stdout.readline())
        try:
            assert cpu_by_group({"api": [parent.pid]})["api"] >= 0.3
            # A branch that is named itself is counted there and only there.
            apart = cpu_by_group({"api": [parent.pid], "worker": [child]})
            assert apart["worker"] >= 0.3
            assert apart["api"] < cpu_by_group({"api": [parent.pid]})["api"]
            mine = cpu_by_group({"client": [os.getpid()], "api": [parent.pid]})
            assert mine["api"] >= 0.3
        finally:
            os.kill(child, 9)
            parent.kill()


def test_cpu_of_nobody_is_left_out() -> None:
    def found(groups: dict[str, list[int]]) -> Found:
        asking: Awaitable[Found] = cpu(lambda: groups)()
        return asyncio.run(_await(asking))

    assert found({"api": [2**22 + 1]}) == {}
    assert found({}) == {}
    assert set(found({"client": [os.getpid()], "api": []})) == {"client_cpu_s"}


async def _await(asking: Awaitable[Found]) -> Found:
    return await asking
