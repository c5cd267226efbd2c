"""A bot: no cookies, no patience, other people's tokens, and whatever else may be let through."""

import random
import time
from typing import Any, Final

import gevent
import msgspec

from loadtests.crowd.asker import Asker, decode
from loadtests.crowd.session import Session
from usher.rehearsal.answers import Admission, HoldView, Joined

_LOOT_MAX: Final = 200
# A bot waits for nothing but its own answers, and so much.
_PAUSE_S: Final = 0.05
_SET_OUT_S: Final = 2.0
_NOISE: Final = (b"{", b"[]", b"\xff\xfe", b'{"seats": "A-1"}', b"[" * 2_000, b'{"quantity": -1}')


class Loot:
    """Tokens that bots of a process have come by, in turn the oldest goes."""

    def __init__(self) -> None:
        self.places: list[str] = []
        self.admissions: list[str] = []

    def keep(self, tokens: list[str], token: str) -> None:
        """Notes one."""
        tokens.append(token)
        if len(tokens) > _LOOT_MAX:
            del tokens[0]


class Bot:
    """One connection's worth of bad manners. Names of its requests begin with "bot "."""

    def __init__(self, session: Session, number: int, dice: random.Random, loot: Loot) -> None:
        self._session = session
        self._dice = dice
        self._loot = loot
        self._address = session.address(number)
        self._asker = Asker(session, number, dice, time.monotonic())
        self._event = f"/api/v1/events/{session.plan.event}"

    def run(self) -> None:
        """Until it is stopped."""
        tricks = (
            self._join_again,
            self._replay_place,
            self._replay_claim,
            self._forge,
            self._too_many,
            self._mismatch,
            self._noise,
            self._look,
        )
        gevent.sleep(self._dice.random() * _SET_OUT_S)
        while not self._session.over:
            self._dice.choice(tricks)()
            gevent.sleep(self._dice.random() * 2 * _PAUSE_S)

    def _send(
        self, name: str, method: str, path: str, token: str = "", body: Any = None, more: str = ""
    ) -> tuple[int, bytes]:
        data = body if isinstance(body, bytes) else b""
        if body is not None and not isinstance(body, bytes):
            data = msgspec.json.encode(body)
        self._asker.due = time.monotonic()
        request = self._address.request(method, path, token, data, more)
        status, answer, _ = self._asker.once(f"bot {name}", request)
        return status, answer

    def _join_again(self) -> None:
        """A new fan each time: nothing is sent along that would tell it apart."""
        status, answer = self._send("join", "POST", f"{self._event}/queue")
        if status in (200, 202):
            joined = decode(answer, Joined)
            self._loot.keep(self._loot.places, joined.place_token)
            if joined.admission_token:
                self._loot.keep(self._loot.admissions, joined.admission_token)

    def _replay_place(self) -> None:
        """Asks without a pause, with any place that bots have."""
        token = self._some(self._loot.places)
        for _ in range(5):
            self._send("place", "GET", f"{self._event}/queue/place", token)

    def _replay_claim(self) -> None:
        token = self._some(self._loot.places)
        status, answer = self._send("claim", "POST", f"{self._event}/queue/place/claim", token)
        if status == 200:
            admission = decode(answer, Admission).admission_token
            self._loot.keep(self._loot.admissions, admission)

    def _forge(self) -> None:
        """A token with another signature, one of another purpose, none at all."""
        token = self._some(self._loot.places)
        forged = token[:-4] + ("AAAA" if not token.endswith("AAAA") else "BBBB")
        self._send("forged", "POST", f"{self._event}/queue/place/claim", forged)
        self._send("forged", "POST", f"{self._event}/holds", token, {"seats": ["A-1"]})
        self._send("forged", "POST", "/api/v1/bookings", "", {"hold_id": "hld_0", "name": "x"})

    def _too_many(self) -> None:
        """More seats than a fan may have."""
        token = self._some(self._loot.admissions)
        asked = {"category": "Normal", "quantity": 20}
        self._send("hold", "POST", f"{self._event}/holds", token, asked)

    def _mismatch(self) -> None:
        """The same key for something else. What it held it lets go: bots that sit on seats are a
        matter of who may join and how many seats they may have, and not of load."""
        token = self._some(self._loot.admissions)
        key = f"Idempotency-Key: bot-{self._dice.randrange(10**9)}\r\n"
        held = ""
        for quantity in (1, 1, 2):
            asked = {"category": "Normal", "quantity": quantity}
            status, answer = self._send("hold", "POST", f"{self._event}/holds", token, asked, key)
            held = decode(answer, HoldView).hold_id if status == 201 else held
        if held:
            self._send("let go", "DELETE", f"{self._event}/holds/{held}", token)

    def _noise(self) -> None:
        """What is no request."""
        token = self._some(self._loot.admissions)
        self._send("noise", "POST", f"{self._event}/holds", token, self._dice.choice(_NOISE))
        self._send("noise", "GET", f"{self._event}%00/queue")

    def _look(self) -> None:
        for _ in range(5):
            self._send("queue", "GET", f"{self._event}/queue")

    def _some(self, tokens: list[str]) -> str:
        return self._dice.choice(tokens) if tokens else "no.token.yet"
