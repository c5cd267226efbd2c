"""The stub of lua/payment."""

from usher.plumbing.lua import Scripts, script
from usher.plumbing.script import Reply


class Recorded(Reply, tag="recorded"):
    entry: str


class Full(Reply, tag="full"):
    pass


class PaymentScripts(Scripts):
    @script("payment/record")
    async def record(
        self, event: str, entries_max: int, kind: str, payload: str
    ) -> Recorded | Full: ...
