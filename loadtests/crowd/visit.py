"""A fan's visit: the line, then the shop, by way of the API alone."""

import logging
import random
import time
from typing import Any, Final

import gevent

from loadtests.client.http import NoAnswer
from loadtests.crowd.asker import Asker, GaveUp, decode
from loadtests.crowd.checkout import Checkout
from loadtests.crowd.names import CLIENT_FAULTS, PLACED
from loadtests.crowd.public import OVER, Public
from loadtests.crowd.session import Session
from usher.rehearsal.answers import Admission, HoldView, Joined, Nothing, PlaceView, Refusal
from usher.rehearsal.persona import Course, Persona

log = logging.getLogger(__name__)

# A fan on the map goes for the front, as everybody does: of so many choices near it, one.
POPULAR: Final = 6
_NAMED_TRIES: Final = 4
# Pages look again for seats that came back: soon at first, then less and less often.
_LOOK_AGAIN_S: Final = (0.7, 1.0, 1.5, 2.0, 3.0)
# One in so many fans has the page open in another tab, too.
_TABS_SHARE: Final = 0.1


class Visit:
    """One fan, from the intended moment of arrival `due` to the way home."""

    def __init__(
        self, session: Session, public: Public, persona: Persona, dice: random.Random, due: float
    ) -> None:
        self._session = session
        self.public = public
        self.persona = persona
        self.dice = dice
        self.asker = Asker(session, persona.number, dice, due)
        self._event = f"/api/v1/events/{session.plan.event}"
        self._fan_token = ""
        self._place_token = ""
        self._holds = 0
        self._arrived = due
        self._leaves_at = due + dice.lognormvariate(0, 1) * session.plan.patience_s
        self._tabs = dice.random() < _TABS_SHARE
        self._tab: Any = None

    def run(self) -> None:
        """The whole visit. However it ends, the session's counts say so."""
        self._session.count("arrived")
        self._go(None)

    def run_from(self, joined: Joined) -> None:
        """The visit of a fan who has stood in line already and may have been called."""
        self._fan_token, self._place_token = joined.fan_token, joined.place_token
        self._go(PlaceView(state="called"))

    def _go(self, view: PlaceView | None) -> None:
        try:
            admitted = False
            while (admission := self._stand_in_line(view)) is not None:
                view = None
                if not admitted:
                    admitted = True
                    self._session.count("admitted")
                if self._shop(admission):
                    break
            self._session.count("went home")
        except GaveUp:
            self._session.count("gave up")
        except Exception:
            log.exception("a visit went wrong on this side")
            self._session.count(CLIENT_FAULTS)
        finally:
            if self._tab is not None:
                self._tab.kill(block=False)

    # --- the line

    def _stand_in_line(self, view: PlaceView | None) -> Admission | None:
        """The admission, or None for a fan who is through with it."""
        while True:
            if view is None:
                joined = self._join()
                if joined is None or isinstance(joined, Admission):
                    return joined
                view = joined.place
            match view.state:
                case "closed":
                    self._session.count("told over")
                    return None
                case "called" if self.persona.course is Course.NEVER_CLAIMS:
                    self._session.count("never claimed")
                    return None
                case "called" | "admitted":
                    self.asker.think(0.1, 0.8)  # until the page has been noticed
                    admission = self._claim()
                    if isinstance(admission, Admission):
                        return admission
                    if admission.state in OVER:
                        self._session.count("told over")
                        return None
                    view = None  # lapsed or left
                case "lapsed" | "left":
                    view = None
                case _:
                    if time.monotonic() > self._leaves_at:
                        self._lose_patience()
                        return None
                    view = self._wait(view)

    def _join(self) -> Joined | Admission | None:
        while True:
            joined = self.asker.ask("join", "POST", f"{self._event}/queue", Joined, self._fan_token)
            if isinstance(joined, Refusal):
                if joined.code == "not_open" and joined.state not in OVER:
                    self.asker.think(1, 2)  # before the lobby, or paused
                    continue
                self._session.count("told over")
                return None
            self._fan_token = self._fan_token or joined.fan_token
            if not self._place_token:
                self._session.count("joined")
                self._session.mark(PLACED, time.monotonic() - self._arrived)
            self._place_token = joined.place_token
            if joined.admission_token:
                return Admission(joined.admission_token, joined.expires_in_s)
            if self._tabs and self._tab is None:
                self._tab = gevent.spawn(self._second_tab)
            return joined

    def _claim(self) -> Admission | Refusal:
        path = f"{self._event}/queue/place/claim"
        return self.asker.ask("claim", "POST", path, Admission, self._place_token)

    def _lose_patience(self) -> None:
        self._session.count("lost patience")
        path = f"{self._event}/queue/place"
        self.asker.ask("leave", "DELETE", path, Nothing, self._place_token)

    def _wait(self, view: PlaceView) -> PlaceView | None:
        """The next view of the place that may matter; None for "ask by joining"."""
        asker = self.asker
        if self.persona.streams:
            told = self._listen()
            if told is not None:
                return told
            asker.pause(self.dice.uniform(0.2, 1))
        else:
            # Not `think`: pages ask when they are told to, whatever the pace of people.
            asker.pause(view.poll_after_s * self.dice.uniform(1, 1.15))
        return self._look(asker)

    def _look(self, asker: Asker) -> PlaceView | None:
        path = f"{self._event}/queue/place"
        asked = asker.ask("place", "GET", path, PlaceView, self._place_token)
        if isinstance(asked, PlaceView):
            return asked
        asker.pause(self.dice.uniform(0.5, 1))
        return None

    def _listen(self) -> PlaceView | None:
        """The first view on the place's stream that matters; None where it ended before."""
        stream = self.asker.open("place stream", f"{self._event}/queue/stream", self._place_token)
        if isinstance(stream, Refusal):
            self.asker.pause(stream.retry_after_s)
            return None
        found = None
        with stream:
            try:
                for event in stream.events():
                    if event.name == b"reconnect":
                        break
                    if event.name in (b"place", b"called"):
                        view = decode(event.data, PlaceView)
                        if view.state not in ("lobby", "waiting"):
                            found = view
                            break
                    if time.monotonic() > self._leaves_at or self._session.over:
                        break
            except NoAnswer:
                self._session.count("streams broken")
        self.asker.due = time.monotonic()  # what was waited for was the line
        return found

    def _second_tab(self) -> None:
        """The same place in another tab, which only looks."""
        asker = Asker(self._session, self.persona.number, self.dice, time.monotonic())
        try:
            asker.think(1, 5)
            view = self._look(asker)
            while view is not None and view.state in ("lobby", "waiting"):
                asker.pause(view.poll_after_s * self.dice.uniform(1, 1.15))
                view = self._look(asker)
        except GaveUp:
            return

    # --- the shop

    def _shop(self, admission: Admission) -> bool:
        """Whether the fan is through with it; False for one who has to stand in line again."""
        token = admission.admission_token
        checkout = Checkout(self._session, self.asker, self.persona, self._fan_token, token)
        self.asker.think(0.5, 2.5)  # looking around
        looks = 0
        while True:
            # Who has found nothing before is quick: whatever comes back is taken as it is.
            held = self.grab(token) if looks else self.first_choice(token)
            if isinstance(held, HoldView):
                if checkout.go(held):
                    return True
                looks = 0
                continue
            if isinstance(held, Refusal):
                if held.code == "not_admitted":
                    return False
                if held.code == "over_limit" or held.state in OVER:
                    self._session.count("told over")
                    return True
            if self.public.over:
                self._session.count("told over")
                return True
            look_s = _LOOK_AGAIN_S[min(looks, len(_LOOK_AGAIN_S) - 1)]
            self.asker.think(look_s, look_s * 1.5)
            looks += 1

    def first_choice(self, token: str) -> HoldView | Refusal | None:
        """A hold, or what refused it for good; None where nothing is free."""
        states = self.public.board.states
        if b"." not in states:
            return None
        hall, wanted = self.public.hall, self.persona.quantity
        order = [each for each in self.persona.order(hall.categories) if hall.free(states, each)]
        if self.persona.named:
            for _ in range(_NAMED_TRIES):
                seats = self.choose(order, wanted)
                if not seats:
                    break
                held = self.ask_for(token, {"seats": seats})
                if isinstance(held, HoldView) or held.code != "seat_taken":
                    return held
                self.asker.think(0.3, 1.0)
        for category in order:
            asked = {"category": category, "quantity": wanted, "adjacent": self.persona.together}
            held = self.ask_for(token, asked)
            if isinstance(held, HoldView) or held.code != "not_enough_seats":
                return held
        return self.grab(token)

    def choose(self, order: list[str], wanted: int) -> list[str]:
        """Neighbours on the map as it is shown now; none where there are none."""
        states, skip = self.public.board.states, self.dice.randrange(POPULAR)
        for category in order:
            if seats := self.public.hall.together(states, category, wanted, skip):
                return seats
        return []

    def grab(self, token: str) -> HoldView | Refusal | None:
        """A hold of whatever the map shows, single seats and those never assigned included."""
        states, wanted = self.public.board.states, self.persona.quantity
        seats = self.public.hall.anything(states, wanted, self.dice.randrange(POPULAR))
        if not seats:
            return None
        held = self.ask_for(token, {"seats": seats})
        return None if isinstance(held, Refusal) and held.code == "seat_taken" else held

    def ask_for(self, token: str, asked: dict[str, Any]) -> HoldView | Refusal:
        """A hold; a key of its own makes asking again harmless."""
        self._holds += 1
        key = f"{self._session.began:.0f}-{self.persona.number}-{self._holds}"
        return self.asker.ask(
            "hold", "POST", f"{self._event}/holds", HoldView, token, asked, key=key
        )
