"""One fan's visit: the line, then the shop, by way of the API alone."""

import asyncio
import random
from typing import Any, Final

import msgspec

from usher.rehearsal.answers import Admission, HoldView, Joined, PlaceView, Refusal
from usher.rehearsal.checkout import Checkout
from usher.rehearsal.client import Client
from usher.rehearsal.hall import Hall
from usher.rehearsal.hasty import ask
from usher.rehearsal.persona import Course, Persona
from usher.rehearsal.tally import Tally
from usher.rehearsal.wire import Unreachable

# States of a sale in which nothing more is to be had.
OVER: Final = ("closed", "sold_out")
# A fan on the map goes for the front, as everybody does: of so many choices near it, one.
_POPULAR: Final = 6
_NAMED_TRIES: Final = 4
# Pages look again for seats that came back: soon at first, then less and less often.
_LOOK_AGAIN_S: Final = (0.7, 1.0, 1.5, 2.0, 3.0)


class Crowd(msgspec.Struct, frozen=True):
    """What the fans of one crowd share. `streams` bounds their open streams."""

    client: Client
    hall: Hall
    tally: Tally
    streams: asyncio.Semaphore


class Fan:
    def __init__(self, crowd: Crowd, persona: Persona, dice: random.Random) -> None:
        self._crowd = crowd
        self._client = crowd.client
        self._tally = crowd.tally
        self._persona = persona
        self._dice = dice
        self._fan_token = ""
        self._place_token = ""
        self._joined = False
        self._admitted = False
        self._holds = 0

    async def run(self) -> None:
        """The whole visit. However it ends, the tally says so."""
        try:
            while (admission := await self._stand_in_line()) is not None:
                if not self._admitted:
                    self._admitted = True
                    self._tally.admitted += 1
                if await self._shop(admission):
                    break
                self._tally.rejoined += 1
            self._tally.went_home += 1
        except Unreachable:
            self._tally.gave_up += 1

    # --- the line

    async def _stand_in_line(self) -> Admission | None:
        """The admission, or None for a fan who is through with it."""
        view: PlaceView | None = None
        while True:
            if view is None:
                joined = await self._join()
                if joined is None or isinstance(joined, Admission):
                    return joined
                view = joined.place
            match view.state:
                case "closed":
                    self._tally.told_over += 1
                    return None
                case "called" if self._persona.course is Course.NEVER_CLAIMS:
                    self._tally.walked_away += 1
                    return None
                case "called" | "admitted":
                    admission = await self._client.claim(self._place_token)
                    if isinstance(admission, Admission):
                        return admission
                    if admission.state in OVER:  # joining would still say "called"
                        self._tally.told_over += 1
                        return None
                    view = None  # lapsed or left
                case "lapsed" | "left":
                    self._tally.lapsed += view.state == "lapsed"
                    view = None
                case _:
                    view = await self._wait(view)

    async def _join(self) -> Joined | Admission | None:
        while True:
            joined = await self._client.join(self._fan_token)
            if isinstance(joined, Refusal):
                if joined.code == "not_open" and joined.state not in OVER:
                    await self._pause(1, 2)  # before the lobby, or paused
                    continue
                self._tally.told_over += 1
                return None
            self._fan_token = self._fan_token or joined.fan_token
            self._place_token = joined.place_token
            if not self._joined:
                self._joined = True
                self._tally.joined += 1
            if joined.admission_token:
                return Admission(joined.admission_token, joined.expires_in_s)
            return joined

    async def _wait(self, view: PlaceView) -> PlaceView | None:
        """The next view of the place that may matter; None for "ask by joining"."""
        token = self._place_token
        streams = self._crowd.streams
        if self._persona.streams and not streams.locked():
            async with streams:
                told = await self._client.follow_place(
                    token, lambda place: place.state not in ("lobby", "waiting")
                )
            if told is not None:
                return told if isinstance(told, PlaceView) else None
            await self._pause(0.2, 1)  # the stream ended: ask where we stand, then listen again
        else:
            await self._pause(view.poll_after_s, view.poll_after_s * 1.15)
        asked = await self._client.place(token)
        if isinstance(asked, PlaceView):
            return asked
        await self._pause(0.5, 1)
        return None

    # --- the shop

    async def _shop(self, admission: Admission) -> bool:
        """Whether the fan is through with it; False for one who has to stand in line again."""
        token = admission.admission_token
        checkout = Checkout(
            self._client, self._tally, self._persona, self._dice, self._fan_token, token
        )
        await self._pause(0.3, 1.5)  # looking around
        looks = 0
        while True:
            # Who has found nothing before is quick: whatever comes back is taken as it is.
            held = await (self._grab(token) if looks else self._hold(token))
            if isinstance(held, HoldView):
                if await checkout.go(held):
                    return True
                looks = 0
                continue
            if isinstance(held, Refusal):
                if held.code == "not_admitted":
                    return False
                if held.code == "over_limit" or held.state in OVER:
                    self._tally.told_over += 1
                    return True
            if (await self._client.line()).state in OVER:
                self._tally.told_over += 1
                return True
            look_s = _LOOK_AGAIN_S[min(looks, len(_LOOK_AGAIN_S) - 1)]
            await self._pause(look_s, look_s * 1.5)
            looks += 1

    async def _hold(self, token: str) -> HoldView | Refusal | None:
        """A hold, or what refused it for good; None where nothing is free."""
        states = self._tally.board.states  # a page on the feed
        if b"." not in states:
            return None
        hall, wanted = self._crowd.hall, self._persona.quantity
        order = [each for each in self._persona.order(hall.categories) if hall.free(states, each)]
        if self._persona.named:
            for _ in range(_NAMED_TRIES):
                skip = self._dice.randrange(_POPULAR)
                seats = self._on_map(states, order, wanted, skip)
                if not seats:
                    break
                held = await self._ask_named(token, seats)
                if isinstance(held, HoldView) or held.code != "seat_taken":
                    return held
                await self._pause(0.1, 0.4)
        for category in order:
            best = await self._best(token, category)
            if isinstance(best, HoldView) or best.code != "not_enough_seats":
                return best
        return await self._grab(token)

    async def _grab(self, token: str) -> HoldView | Refusal | None:
        """A hold of whatever the map shows, single seats and those never assigned included."""
        states, wanted = self._tally.board.states, self._persona.quantity
        seats = self._crowd.hall.anything(states, wanted, self._dice.randrange(_POPULAR))
        if not seats:
            return None
        held = await self._ask_named(token, seats)
        return None if isinstance(held, Refusal) and held.code == "seat_taken" else held

    def _on_map(self, states: bytearray, order: list[str], quantity: int, skip: int) -> list[str]:
        for category in order:
            if seats := self._crowd.hall.together(states, category, quantity, skip):
                return seats
        return []

    async def _best(self, token: str, category: str) -> HoldView | Refusal:
        """The best available, then what this fan would rather have: fewer, or apart."""
        wanted = self._persona.quantity
        held = await self._ask_best(token, category, wanted, adjacent=True)
        if isinstance(held, HoldView) or held.code != "not_enough_seats" or not held.most:
            return held
        if self._persona.together:
            return await self._ask_best(token, category, min(wanted, held.most), adjacent=True)
        return await self._ask_best(token, category, wanted, adjacent=False)

    async def _ask_named(self, token: str, seats: list[str]) -> HoldView | Refusal:
        return await self._ask_for(token, {"seats": seats})

    async def _ask_best(
        self, token: str, category: str, quantity: int, *, adjacent: bool
    ) -> HoldView | Refusal:
        asked = {"category": category, "quantity": quantity, "adjacent": adjacent}
        return await self._ask_for(token, asked)

    async def _ask_for(self, token: str, asked: dict[str, Any]) -> HoldView | Refusal:
        self._holds += 1
        key = f"fan-{self._persona.number}-{self._holds}"
        return await ask(
            self._persona,
            self._tally,
            lambda: self._client.hold(token, asked, key),
            lambda held: held.hold_id,
        )

    async def _pause(self, least_s: float, most_s: float) -> None:
        await asyncio.sleep(self._dice.uniform(least_s, most_s))
