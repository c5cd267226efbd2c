"""`just load` from outside: a crowd by Locust, a verdict, an exit code for each way it may end."""

import asyncio
import json
import os
import sys
from pathlib import Path
from typing import Any, Final, NamedTuple

import pytest

from tests.conftest import Site
from tests.sale import put_on_sale
from usher.account.model import Role
from usher.ids import new_id
from usher.venue.generate import rows_by_columns
from usher.wiring import House

GOOD, BROKEN = 0, 1
# A few fans in a hurry, at an opening of their own.
SMALL: Final = ("stampede", "--fans", "24", "--seats", "20", "--pace", "0.3", "--minutes", "1.5")
# No server answers in a hundredth of a millisecond.
TIGHT: Final = """
[all]
answers = [200, 201, 202, 204, 304, 403, 409, 410, 429, 503]
wrong_share = 0.0
[steady.ms]
join = { p50 = 0.01 }
"""

pytestmark = [pytest.mark.anyio, pytest.mark.chaos]


class Ended(NamedTuple):
    """A load test that has ended."""

    code: int
    said: str
    run: dict[str, Any]
    out: Path


async def load(out: Path, *words: str, **environ: str) -> Ended:
    kept = {name: value for name, value in os.environ.items() if not name.startswith("USHER_")}
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "loadtests", *words, "--out", str(out)),
        env={**kept, **environ},
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
    )
    said, _ = await asyncio.wait_for(process.communicate(), 150)
    assert process.returncode is not None
    found = out / "run.json"
    run = json.loads(found.read_text()) if found.exists() else {}
    return Ended(process.returncode, said.decode(), run, out)


@pytest.fixture
async def token(house: House) -> str:
    """An organiser who may see every event."""
    email, password = f"{new_id('account')}@example.org", "a long enough password"
    await house.accounts.add(email, password, "Load engineer", Role.ADMIN)
    return (await house.accounts.login(email, password)).access_token


@pytest.fixture
async def event(house: House) -> str:
    """On sale already, with windows short enough for what is abandoned to come back."""
    windows: dict[str, Any] = {
        "claim_s": 5,
        "shop_s": 10,
        "hold_s": 5,
        "hold_cap_s": 10,
        "payment_s": 5,
    }
    return await put_on_sale(house, rows_by_columns(10, 20), **windows)


async def test_a_small_stampede_on_servers_of_its_own_is_good(tmp_path: Path) -> None:
    ended = await load(tmp_path / "out", *SMALL, "--processes", "2", "--apis", "2")
    assert ended.code == GOOD, ended.said
    run = ended.run
    assert run["ok"]
    assert run["counts"]["arrived"] == 24
    assert run["counts"]["confirmed"] > 0
    assert run["audit"]["holds"]
    assert run["audit"]["facts"]["sold"] == 20
    assert len(run["clients"]) == 2
    assert {each["name"] for each in run["checks"]} >= {"answers", "invariants", "sold", "lost"}
    assert run["statuses_by_name"]["join"] == {"202": 24}
    assert 0 < run["client_cpu_s"] < 60
    assert "GOOD" in ended.said


async def test_a_deployment_by_its_address_is_audited_over_http(
    site: Site, event: str, token: str, tmp_path: Path
) -> None:
    ended = await load(
        *(tmp_path / "out", "steady", "--host", site.url, "--event", event),
        *("--rate", "5", "--minutes", "0.1", "--pace", "0.1"),
        USHER_LOAD_TOKEN=token,
    )
    assert ended.code == GOOD, ended.said
    assert ended.run["audit"]["event_id"] == event
    assert ended.run["counts"]["confirmed"] > 0
    assert not any(token in path.read_text() for path in ended.out.glob("*.json"))


async def test_a_budget_that_is_not_kept_is_said_by_name_and_exit_code(
    site: Site, event: str, tmp_path: Path
) -> None:
    tight = tmp_path / "tight.toml"
    tight.write_text(TIGHT)
    ended = await load(
        *(tmp_path / "out", "steady", "--host", site.url, "--event", event),
        *("--rate", "5", "--minutes", "0.05", "--pace", "0.05", "--budgets", str(tight)),
    )
    assert ended.code == BROKEN, ended.said
    assert not ended.run["ok"]
    bad = [
        f"{each['name']} p{each['percentile']:g}" for each in ended.run["budgets"] if not each["ok"]
    ]
    assert bad == ["join p50"]
    assert ended.run["audit"] is None
    assert "FAIL join" in ended.said
    assert "BROKEN" in ended.said
