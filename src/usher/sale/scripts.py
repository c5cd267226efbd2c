"""The stubs of lua/sale."""

from usher.plumbing.lua import Scripts, script
from usher.plumbing.script import Reply


class Set(Reply, frozen=True, tag="set"):
    """`lobby_n` is the size the lobby was closed at, -1 while it is not closed."""

    lobby_n: int


class Older(Reply, frozen=True, tag="older"):
    version: int


class Unbuilt(Reply, frozen=True, tag="unbuilt"):
    pass


class SaleScripts(Scripts):
    @script("sale/set")
    async def set(
        self, event: str, version: int, number_floor: int, lobby_size: int, *setting: str | int
    ) -> Set | Older | Unbuilt: ...
