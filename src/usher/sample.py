"""What `usher up` puts on a new data directory: events to look at, and an organiser to log in."""

import secrets
from datetime import timedelta
from pathlib import Path
from typing import Final, NamedTuple

from usher.account.model import Role
from usher.clock import utc_now
from usher.errors import Conflict, Forbidden, Unauthenticated
from usher.event.model import NewEvent
from usher.sale.model import SaleChange, SaleSettings
from usher.venue.bowl import bowl
from usher.venue.generate import rows_by_columns
from usher.venue.model import Plan
from usher.venue.price import default_prices
from usher.wiring import House

ORGANISER: Final = "organiser@example.org"
_PASSWORD_FILE: Final = "organiser-password"  # noqa: S105 - a name, not a password


class _Sample(NamedTuple):
    new: NewEvent
    plan: Plan
    sale: SaleSettings
    opens: bool


def _samples() -> list[_Sample]:
    now = utc_now()
    evening = now.replace(hour=19, minute=30, second=0, microsecond=0)
    hall = rows_by_columns(20, 30, name="Great hall")
    stage = rows_by_columns(8, 16, name="Small stage")
    arena = bowl(8_000)
    return [
        _Sample(
            NewEvent(
                title="Night of strings",
                kind="concert",
                description="Forty musicians, one evening, works for strings alone.",
                venue="Harbour Hall",
                city="Hamburg",
                timezone="Europe/Berlin",
                hall="Great hall",
                starts_at=evening + timedelta(days=30),
                cancel_before_s=24 * 3_600,
                prices=default_prices(hall),
            ),
            hall,
            SaleSettings(mode="queued", rate_per_min=120, capacity=50),
            opens=True,
        ),
        _Sample(
            NewEvent(
                title="The winter play",
                kind="play",
                description="A play in two acts. Choose your seats at once: there is no line.",
                venue="Little Theatre",
                city="Graz",
                timezone="Europe/Vienna",
                hall="Small stage",
                starts_at=evening + timedelta(days=12),
                cancel_before_s=24 * 3_600,
                prices=default_prices(stage, {"VVIP": 6_000, "VIP": 4_500, "Normal": 2_800}),
            ),
            stage,
            SaleSettings(mode="simple"),
            opens=True,
        ),
        _Sample(
            NewEvent(
                title="Arena of lights",
                kind="concert",
                description="The lobby is open: whoever comes before the opening is drawn by lot.",
                venue="Lakeside Arena",
                city="Zürich",
                timezone="Europe/Zurich",
                hall="Bowl",
                currency="CHF",
                starts_at=evening + timedelta(days=60),
                prices=default_prices(arena),
            ),
            arena,
            SaleSettings(
                mode="queued",
                lobby_at=now - timedelta(minutes=1),
                opens_at=now + timedelta(minutes=15),
            ),
            opens=False,
        ),
    ]


async def put_samples_on_sale(house: House, organiser_id: str) -> int:
    """Makes and publishes the sample events; how many they are."""
    samples = _samples()
    for new, plan, sale, opens in samples:
        owned = NewEvent(
            **{name: getattr(new, name) for name in new.__struct_fields__}
            | {"organiser_id": organiser_id}
        )
        event = await house.events.create(owned, plan, sale)
        await house.events.publish(event)
        if opens:
            await house.sales.change(event, "usher up", SaleChange(state="open"))
    return len(samples)


async def sample_organiser(house: House, data_dir: Path) -> tuple[str, str]:
    """The id and the password of the organiser made for this data directory; the password is ""
    where it is not the one that was made here. It is kept in a file that only the owner reads,
    written first: killed in between, the next start makes the account."""
    password = _password(data_dir)
    try:
        account = await house.accounts.add(ORGANISER, password, "Sample organiser", Role.ORGANISER)
    except Conflict:
        account = await house.accounts.find_email(ORGANISER)
        try:
            await house.accounts.login(ORGANISER, password)
        except (Unauthenticated, Forbidden):
            password = ""
    return account.account_id, password


def _password(data_dir: Path) -> str:
    kept = data_dir / _PASSWORD_FILE
    if not kept.exists():
        kept.touch(mode=0o600)
        kept.write_text(secrets.token_urlsafe(9) + "\n")
    return kept.read_text().strip()
