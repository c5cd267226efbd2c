"""A site is up when its own API answers, and not when somebody else does on its port."""

import os

import pytest

from tests.conftest import Site
from usher.errors import SetupError
from usher.plumbing.child import Child
from usher.plumbing.presence import roll
from usher.up import ready
from usher.wiring import House


class _Process:
    """A child as it is known, of which only the pid counts here."""

    def __init__(self, pid: int) -> None:
        self.pid = pid


def _child(pid: int) -> Child:
    child = Child("api", ["serve"], {})
    child._process = _Process(pid)  # type: ignore[assignment]
    return child


async def test_its_own_api_answers(site: Site, house: House) -> None:
    (api,) = [each.pid for each in await roll(house.runner) if each.kind == "api"]
    await ready(site.url, _child(api), house.runner)


async def test_somebody_elses_answer_is_not_its_own(site: Site, house: House) -> None:
    """The child cannot have the port and dies, again and again; the other goes on answering."""
    child = _child(os.getpid())
    child.restarts = 3
    with pytest.raises(SetupError, match="does not get ready"):
        await ready(site.url, child, house.runner)
