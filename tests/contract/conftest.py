"""Events that several tests share, and those who may change a sale."""

from collections.abc import AsyncIterator, Iterator

import httpx
import pytest

from tests.conftest import Site
from tests.contract.fan import Fan, bearer
from tests.contract.scene import Scene
from tests.places import database_of_its_own
from tests.sale import put_on_sale
from tests.standin.stripe import StripeStandin, stripe_standin
from usher.account.model import Role
from usher.embedded import Embedded
from usher.ids import new_id
from usher.plumbing.postgres import Database
from usher.venue.generate import rows_by_columns
from usher.venue.layout import compile_layout
from usher.wiring import House, opened

SHARED_HALL = rows_by_columns(100, 10)
PASSWORD = "correct horse battery"


@pytest.fixture(scope="session")
async def simple_event(site: Site, anyio_backend: str) -> str:
    """An open event without a line, with seats for every test: take your own row."""
    async with opened(site.settings) as house:
        return await put_on_sale(house, SHARED_HALL, mode="simple")


@pytest.fixture(scope="session")
async def queued_event(site: Site, anyio_backend: str) -> str:
    """An open event whose line moves as fast as it can."""
    async with opened(site.settings) as house:
        return await put_on_sale(house, rows_by_columns(10, 10))


@pytest.fixture(scope="session")
async def paused_event(site: Site, anyio_backend: str) -> str:
    """An open event whose gate is shut: places stay where they are."""
    async with opened(site.settings) as house:
        return await put_on_sale(house, rows_by_columns(2, 5), gate_state="paused")


@pytest.fixture(scope="session")
def rows() -> Iterator[list[str]]:
    """The rows of the simple event, but for those that best-available requests of tests take."""
    layout = compile_layout(SHARED_HALL)
    rest = [guid for index, guid in enumerate(layout.guid) if layout.seat(index).category != "VVIP"]
    return (rest[start : start + 10] for start in range(0, len(rest), 10))


@pytest.fixture
def row(rows: Iterator[list[str]]) -> list[str]:
    """Ten seats side by side that no other test touches."""
    return next(rows)


@pytest.fixture
async def fan(http: httpx.AsyncClient, simple_event: str) -> Fan:
    """A fan who shops at the simple event."""
    return await Fan(http, simple_event).come_in()


@pytest.fixture
async def other(http: httpx.AsyncClient, simple_event: str) -> Fan:
    """Another fan who shops there too."""
    return await Fan(http, simple_event).come_in()


async def _token(house: House, http: httpx.AsyncClient, role: Role) -> str:
    email = f"{new_id('account')}@example.org"
    await house.accounts.add(email, PASSWORD, "Olga", role)
    answer = await http.post("/api/v1/auth/login", json={"email": email, "password": PASSWORD})
    assert answer.status_code == 200, answer.text
    token: str = answer.json()["access_token"]
    return token


@pytest.fixture(scope="module")
async def tokens(site: Site, anyio_backend: str) -> AsyncIterator[dict[Role, str]]:
    """An access token of each role."""
    async with (
        opened(site.settings) as house,
        httpx.AsyncClient(base_url=site.url, trust_env=False) as http,
    ):
        yield {role: await _token(house, http, role) for role in Role}


@pytest.fixture
def organiser(tokens: dict[Role, str]) -> dict[str, str]:
    """Headers of one who may change sales."""
    return bearer(tokens[Role.ORGANISER])


@pytest.fixture(scope="module")
async def scene(site: Site, tokens: dict[Role, str], anyio_backend: str) -> AsyncIterator[Scene]:
    """One of everything that a request can be about."""
    async with (
        opened(site.settings) as house,
        httpx.AsyncClient(base_url=site.url, trust_env=False, timeout=30) as http,
    ):
        yield await Scene.set_up(house, http, tokens[Role.ORGANISER])


@pytest.fixture(scope="session")
async def books(servers: Embedded, anyio_backend: str) -> AsyncIterator[Database]:
    """A database where nobody delivers the bank's webhooks but a test."""
    async with database_of_its_own(servers, "books") as url:
        database = Database(url, connections=4)
        await database.open()
        yield database
        await database.close()


@pytest.fixture(scope="module")
def standin() -> Iterator[StripeStandin]:
    """Stripe, played by our own: reset it where you count what is there."""
    with stripe_standin() as standin:
        yield standin


@pytest.fixture
async def unchanged(scene: Scene) -> AsyncIterator[None]:
    """Whatever the test asks, it must change nothing."""
    before = await scene.state()
    yield
    assert await scene.state() == before
