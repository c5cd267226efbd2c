"""Whether what fans were told is so: their bookings, asked for once more."""

import asyncio
from pathlib import Path
from typing import Final

import httpx
import msgspec

from loadtests.site import Site
from usher.rehearsal.answers import BookingView

# So many confirmed bookings are read again over HTTP, spread evenly over all there are.
SAMPLE: Final = 400
_AT_ONCE: Final = 8


async def lost(site: Site, out: Path) -> int:
    """Bookings that were accepted and cannot be found, and, among a sample of those that a fan was
    told are confirmed, those that are not when their fan asks again."""
    booked, confirmed = told_in(out)
    gone = set(await site.lost(sorted(booked | confirmed.keys())))
    step = max(1, len(confirmed) // SAMPLE)
    sample = list(confirmed.items())[::step]
    room = asyncio.Semaphore(_AT_ONCE)
    async with httpx.AsyncClient(base_url=site.urls[0], timeout=30, trust_env=False) as http:

        async def read(booking: str, token: str) -> None:
            async with room:
                headers = {"authorization": f"Bearer {token}"}
                answer = await http.get(f"/api/v1/bookings/{booking}", headers=headers)
            if not answer.is_success or _state(answer.content) != "confirmed":
                gone.add(booking)

        await asyncio.gather(*(read(booking, token) for booking, token in sample))
    return len(gone)


def _state(body: bytes) -> str:
    return msgspec.json.decode(body, type=BookingView).state


def told_in(out: Path) -> tuple[set[str], dict[str, str]]:
    """(bookings that were accepted, those told confirmed with their fan's token)."""
    booked: set[str] = set()
    confirmed: dict[str, str] = {}
    for path in sorted(out.glob("bookings-*.txt")):
        for line in path.read_text().splitlines():
            what, booking, token = line.split()
            if what == "confirmed":
                confirmed[booking] = token
            else:
                booked.add(booking)
    return booked, confirmed
