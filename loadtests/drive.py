"""Locust as a process (or several) that plays a plan, and the opening of the sale meanwhile."""

import asyncio
import contextlib
import os
import resource
import sys
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Final

import httpx

from loadtests.crowd.plan import Plan
from loadtests.options import Kind, Options
from loadtests.site import Site
from usher.errors import SetupError
from usher.up import free_port

Say = Callable[[str], None]

SCENARIOS: Final = Path(__file__).parent / "scenarios"
_STOP_S: Final = 20.0
_MORE_S: Final = 60.0  # Locust's own start and end
_LOBBY_PATIENCE_S: Final = 15.0


async def play(
    options: Options, kind: Kind, plan: Plan, site: Site, crowd: list[int], say: Say
) -> float:
    """The crowd, from the first to the last; the sale is opened when it is time. CPU seconds of
    all its processes. `crowd` is given the pid of the first of them."""
    out = Path(plan.out)
    command = _command(options, kind, plan, out)
    before_s = _children_cpu_s()
    with (out / "locust.txt").open("wb") as said:
        process = await asyncio.create_subprocess_exec(
            *command, env=_environ(), stdout=said, stderr=asyncio.subprocess.STDOUT
        )
    crowd.append(process.pid)
    opening = asyncio.create_task(_open(kind, site, out, say), name="opening")
    try:
        async with asyncio.timeout(plan.deadline_s + _MORE_S):
            code = await process.wait()
        if code not in (0, 1):  # 1: some request failed, which is the verdict's to weigh
            raise SetupError(f"locust ended with {code}; see {out / 'locust.log'}")
    except TimeoutError:
        raise SetupError("locust did not come to its end in time") from None
    finally:
        opening.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await opening
        await _stop(process)
    # All that this process has waited for meanwhile; servers that ended would be among them.
    return _children_cpu_s() - before_s


def _children_cpu_s() -> float:
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


async def _stop(process: asyncio.subprocess.Process) -> None:
    if process.returncode is not None:
        return
    with contextlib.suppress(ProcessLookupError):
        process.terminate()
    try:
        await asyncio.wait_for(process.wait(), _STOP_S)
    except TimeoutError:
        process.kill()
        await process.wait()


def _command(options: Options, kind: Kind, plan: Plan, out: Path) -> list[str]:
    command = [sys.executable, "-m", "locust", "-f", str(SCENARIOS / f"{plan.scenario}.py")]
    command += [
        "--host",
        plan.urls[0],
        "--plan",
        plan.to_json(),
        "--logfile",
        str(out / "locust.log"),
    ]
    command += ["--only-summary", "--csv", str(out / "locust")]
    if options.web:
        command += ["--web-host", "127.0.0.1", "--web-port", str(options.web_port)]
        command += ["--autostart", "--autoquit", "3"]
    else:
        command += ["--headless"]
    if kind.processes > 1:
        port = str(free_port("127.0.0.1", 0))
        command += ["--processes", str(kind.processes), "--master-port", port]
        command += ["--master-bind-host", "127.0.0.1", "--master-bind-port", port]
        command += ["--stop-timeout", "5"]
    return command


def _environ() -> Mapping[str, str]:
    """This environment, by which the scenarios find this package, and nothing usher is set to."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith("USHER_")}
    root = str(Path(__file__).parent.parent)
    path = os.pathsep.join(each for each in (root, kept.get("PYTHONPATH", "")) if each)
    return {**kept, "PYTHONPATH": path}


async def _open(kind: Kind, site: Site, out: Path, say: Say) -> None:
    """Opens the sale once the lobby has all that are to come to it, or they are late."""
    if kind.opens == "before":
        return
    wanted = round(kind.fans * kind.lobby_share)
    patience_s = wanted / kind.lobby_per_s + _LOBBY_PATIENCE_S
    first_at = 0.0
    async with httpx.AsyncClient(base_url=site.urls[0], timeout=5, trust_env=False) as http:
        while True:
            await asyncio.sleep(0.25)
            if not first_at and not _begun(out):  # Locust takes its seconds to start
                continue
            first_at = first_at or time.monotonic()
            waiting = 0
            with contextlib.suppress(httpx.HTTPError):
                told = await http.get(f"/api/v1/events/{site.event}/queue")
                if told.is_success:
                    waiting = int(told.json()["waiting"])
            if waiting >= wanted or time.monotonic() - first_at > patience_s:
                break
    if await site.open_sale():
        say(f"{waiting:,} in the lobby: the sale opens")
    else:
        say("the sale is not ours to open: the crowd waits for it")


def _begun(out: Path) -> bool:
    """Whether some process of the crowd has written down that it is there."""
    return any(out.glob("client-*.json"))
