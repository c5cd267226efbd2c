from datetime import datetime, timedelta
from typing import NamedTuple

import pytest

from usher.clock import utc_now
from usher.event.warming import AHEAD, soon

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
