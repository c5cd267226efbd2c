import asyncio
from collections.abc import Sequence
from contextlib import suppress
from datetime import datetime, timedelta
from typing import Any, NamedTuple, cast

import pytest

from usher.clock import utc_now
from usher.errors import BadInput, Unavailable
from usher.event import warming
from usher.event.warming import AHEAD, Selling, keep_warm, soon

NOW = utc_now()


class ASale(NamedTuple):
    event_id: str = "evt_1"
    state: str = "draft"
    lobby_at: datetime | None = None
    opens_at: datetime | None = None


@pytest.mark.parametrize("state", ["lobby", "open", "paused"])
def test_what_is_on_is_wanted(state: str) -> None:
    assert soon(ASale(state=state), NOW)


@pytest.mark.parametrize("state", ["draft", "closed"])
def test_what_is_not_on_waits_for_its_time(state: str) -> None:
    assert not soon(ASale(state=state), NOW)
    assert not soon(ASale(state=state, opens_at=NOW + AHEAD + timedelta(seconds=1)), NOW)
    assert soon(ASale(state=state, opens_at=NOW + AHEAD), NOW)
    assert soon(ASale(state=state, lobby_at=NOW + timedelta(seconds=1)), NOW)
    assert not soon(ASale(state=state, opens_at=NOW - timedelta(seconds=1)), NOW)


class AskedFor:
    """Events, of which one cannot be read."""

    def __init__(self) -> None:
        self.asked: list[str] = []

    async def showing(self, event: str) -> None:
        self.asked.append(event)
        if event == "evt_a":
            raise BadInput("its plan makes no sense")


@pytest.mark.anyio
async def test_each_is_read_once_and_one_that_cannot_be_keeps_no_other_cold(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(warming, "LOOK_S", 0.0)
    events, looks = AskedFor(), 0

    async def sales() -> Sequence[Selling]:
        nonlocal looks
        looks += 1
        if looks == 2:
            raise Unavailable("PostgreSQL did not answer")
        if looks == 4:
            raise asyncio.CancelledError
        return [ASale("evt_b", "open"), ASale("evt_a", "open"), ASale("evt_c", "open")]

    with suppress(asyncio.CancelledError):
        await keep_warm(cast(Any, events), sales)
    assert events.asked == ["evt_a", "evt_b", "evt_c", "evt_a"]
