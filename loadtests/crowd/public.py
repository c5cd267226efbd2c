"""What everybody may see of an event, fetched once for a process as a CDN would for its readers:
the plan, the seats by the feed, the state of the line once a second."""

import random
import time
from typing import Any, Final

import gevent

from loadtests.client.http import NoAnswer
from loadtests.client.sse import made_ms
from loadtests.crowd.asker import Asker, GaveUp, decode
from loadtests.crowd.names import FEED_DELAY
from loadtests.crowd.session import Session
from usher.rehearsal.answers import ChangeView, LineView, Refusal, SeatsView
from usher.rehearsal.hall import Board, Hall, PlanView

OVER: Final = ("closed", "sold_out")
_LOOK_S: Final = 1.0


class Public:
    """The event's public side, kept up to date by greenlets of its own until `close`."""

    def __init__(self, session: Session) -> None:
        self._session = session
        self._path = f"/api/v1/events/{session.plan.event}"
        self._asker = Asker(session, session.part, random.Random(session.part), time.monotonic())
        self._last_id = ""
        self.board = Board()
        self.line = LineView(state="", waiting=0, shopping=0, left=0)
        self.opened_at = 0.0  # monotonic; 0 until the sale has been seen open
        self._greenlets: list[Any] = []

    def open(self) -> "Public":
        """Fetches what there is and begins to keep it; GaveUp where the event is not to be had."""
        plan = self._get("plan", "/plan", PlanView)
        self.hall = Hall(plan)
        self.board.reset(self._get("seats", "/seats", SeatsView).states)
        self._look()
        self._greenlets = [gevent.spawn(self._keep_line), gevent.spawn(self._keep_board)]
        return self

    def close(self) -> None:
        gevent.killall(self._greenlets)

    @property
    def over(self) -> bool:
        """Nothing more is to be had, at least for now."""
        return self.line.state in OVER

    def _get(self, name: str, path: str, kind: Any) -> Any:
        self._asker.due = time.monotonic()
        found = self._asker.ask(name, "GET", self._path + path, kind)
        if isinstance(found, Refusal):
            raise GaveUp(f"GET {self._path}{path} answered {found.status}: {found.detail}")
        return found

    def _look(self) -> None:
        self.line = self._get("queue", "/queue", LineView)
        if not self.opened_at and self.line.state in ("open", *OVER):
            self.opened_at = time.monotonic()

    def _keep_line(self) -> None:
        while True:
            gevent.sleep(_LOOK_S)
            try:
                self._look()
            except GaveUp:
                if self._session.over:
                    return

    def _keep_board(self) -> None:
        """By the feed, as the seat map does; taken up again where it ended."""
        while True:
            self._follow()
            gevent.sleep(0.3)

    def _follow(self) -> None:
        asker = Asker(
            self._session, self._session.part, random.Random(self._session.part), time.monotonic()
        )
        stream = asker.open("feed", f"{self._path}/feed", last_id=self._last_id)
        if isinstance(stream, Refusal):
            gevent.sleep(stream.retry_after_s)
            return
        with stream:
            try:
                for event in stream.events():
                    if event.name == b"snapshot":
                        self.board.reset(decode(event.data, SeatsView).states)
                    elif event.name == b"change":
                        self.board.change(decode(event.data, ChangeView).seats)
                        late_s = time.time() - made_ms(event.event_id) / 1000
                        self._session.mark(FEED_DELAY, late_s)
                    if event.event_id:
                        self._last_id = event.event_id.decode()
            except NoAnswer:
                return
