"""A site where nothing moves but what a test moves: an API process of its own, and no worker."""

from collections.abc import AsyncIterator
from contextlib import AbstractContextManager, asynccontextmanager

from tests.places import database_of_its_own
from tests.race.process import Api, api, elsewhere
from usher.embedded import Embedded
from usher.settings import Settings
from usher.wiring import House, opened


class Quiet:
    """The house behind the site; its API process may be killed and started again."""

    def __init__(self, house: House, settings: Settings) -> None:
        self.house = house
        self.url = f"http://127.0.0.1:{settings.port}"
        self._settings = settings

    def serving(self) -> AbstractContextManager[Api]:
        """An API process at `url`, while it lasts."""
        return api(self._settings)

    async def draw(self, event: str) -> None:
        """Numbers the whole lobby, as a worker would."""
        sale = await self.house.sales.find(event)
        start: int | None = 0
        while start is not None:
            start = await self.house.queue.draw_step(sale, start)

    async def call(self, event: str) -> None:
        """One turn of the gate, as a worker would."""
        await self.house.queue.release(event)


@asynccontextmanager
async def quiet_site(servers: Embedded, settings: Settings, name: str) -> AsyncIterator[Quiet]:
    """A site on the shared servers, with the database `name` of its own."""
    async with database_of_its_own(servers, name) as url:
        own = elsewhere(settings).with_(database_url=url)
        async with opened(own) as house:
            yield Quiet(house, own)
