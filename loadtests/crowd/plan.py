"""What every process of a crowd is told: the same for all, so that all draw the same schedule."""

import msgspec


class Phase(msgspec.Struct, frozen=True):
    """Arrivals per second, moving evenly from `from_per_s` to `to_per_s` within `seconds`."""

    name: str
    seconds: float
    from_per_s: float
    to_per_s: float


class Plan(msgspec.Struct, frozen=True, kw_only=True):
    """One run. `urls` are the API's addresses, in turn; `fans` the crowd's size, or the number of
    streams; `phases` the arrivals where they are a rate and not a crowd.

    `lobby_s` and `rush_s` are how long those who come before and after the opening take to come.
    """

    scenario: str
    event: str
    urls: list[str]
    fans: int
    seed: int = 1
    processes: int = 1
    lobby_share: float = 0.0
    lobby_s: float = 0.0
    rush_s: float = 2.0
    stream_share: float = 0.5
    pace: float = 1.0  # think times are multiplied by this
    patience_s: float = 900.0  # half of the fans would wait so long
    bots: int = 0
    churn_share: float = 0.0  # of the streams, cut and taken up again each second
    place_share: float = 0.0  # of the streams that watch a place in line; the others watch seats
    deadline_s: float = 300.0  # nobody plays on after this
    phases: list[Phase] = []
    out: str = ""

    def to_json(self) -> str:
        """As an argument."""
        return msgspec.json.encode(self).decode()


def read_plan(text: str) -> Plan:
    """The reverse of `to_json`."""
    return msgspec.json.decode(text, type=Plan)
