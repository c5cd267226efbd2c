"""What a benchmark stands on."""

from collections.abc import Mapping
from typing import NamedTuple

from usher.settings import Settings
from usher.wiring import House


class Ground(NamedTuple):
    """Fresh servers: a house on them, their settings, the pid of each by name ("redis", "jobs",
    "database"), and how many streams to open where streams are measured."""

    house: House
    settings: Settings
    servers: Mapping[str, int]
    streams: int
