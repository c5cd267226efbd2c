"""The stub of lua/payment."""

from usher.plumbing.lua import Scripts, script
from usher.plumbing.script import Reply


class Recorded(Reply, frozen=True, tag="recorded"):
    entry: str


class Full(Reply, frozen=True, tag="full"):
    pass


class PaymentScripts(Scripts):
    @script("payment/record")
    async def record(
        self, event: str, entries_max: int, kind: str, payload: str
    ) -> Recorded | Full: ...
