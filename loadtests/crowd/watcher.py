"""Watchers: streams that are opened, read, cut now and then and taken up where they ended."""

import random
import time
from typing import Final

import gevent
import msgspec

from loadtests.client.sse import Event, made_ms
from loadtests.client.streams import Streams, Watch, late_s
from loadtests.crowd.asker import Asker, GaveUp, decode
from loadtests.crowd.names import BARE_503, BOARDS_WRONG, FEED_DELAY
from loadtests.crowd.public import Public
from loadtests.crowd.session import Session
from loadtests.crowd.visit import Visit
from usher.rehearsal.answers import ChangeView, Joined, Refusal, SeatsView
from usher.rehearsal.hall import Board

# One stream in so many keeps the seats, to be compared with a fresh snapshot at the end.
_BOARD_EACH: Final = 100
_AGAIN_S: Final = (0.5, 2.0)
_COMPARISONS: Final = 20


class Watchers:
    """All streams of one process."""

    def __init__(self, session: Session, public: Public) -> None:
        self.session = session
        self.public = public
        self.event = f"/api/v1/events/{session.plan.event}"
        # A source address each on loopback: a process may have more streams than one has ports.
        local = f"127.0.0.{2 + session.part % 250}"
        self._pools = [
            Streams(each, local if each.host in ("127.0.0.1", "localhost") else "")
            for each in session.addresses
        ]
        self.dice = random.Random(f"{session.plan.seed} watchers {session.part}")
        self.boards: list[FeedWatch] = []
        self.closing = False

    @property
    def open(self) -> list[Watch]:
        """All that are open now."""
        return [watch for pool in self._pools for watch in pool.open]

    def pool(self, number: int) -> Streams:
        return self._pools[number % len(self._pools)]

    def watch_seats(self, number: int, due: float) -> None:
        """Opens one stream of the seats."""
        FeedWatch(self, number, due, Board() if number % _BOARD_EACH == 0 else None).begin()

    def watch_place(self, number: int, due: float) -> None:
        """Joins the line, and opens a stream of the place."""
        asker = Asker(self.session, number, self.dice, due)
        try:
            joined = asker.ask("join", "POST", f"{self.event}/queue", Joined)
        except GaveUp:
            return
        if isinstance(joined, Refusal):
            self.session.count("told over")
            return
        PlaceWatch(self, number, time.monotonic(), joined).begin()

    def churn(self) -> None:
        """Cuts a share of the streams each second, as phones in pockets and trains do."""
        while True:
            gevent.sleep(1)
            streams = self.open
            cut = round(len(streams) * self.session.plan.churn_share)
            for watch in self.dice.sample(streams, min(cut, len(streams))):
                watch.cut()
            self.session.count("cut", cut)

    def again_s(self) -> float:
        """When a stream that ended is taken up again, as an EventSource would."""
        return self.dice.uniform(*_AGAIN_S)

    def compare(self) -> None:
        """Snapshot and changes must come to the same as a fresh snapshot, however often a stream
        was cut; a feed may be a moment behind, so it is given some."""
        asker = Asker(self.session, self.session.part, self.dice, time.monotonic())
        wrong: list[FeedWatch] = []
        for _ in range(_COMPARISONS):
            asker.due = time.monotonic()
            told = asker.ask("seats", "GET", f"{self.event}/seats", SeatsView)
            if isinstance(told, SeatsView):
                live = [each for each in self.boards if each.following]
                wrong = [each for each in live if each.board and each.board.differs(told.states)]
                if not wrong:
                    break
            gevent.sleep(0.5)
        self.session.count("boards compared", len([e for e in self.boards if e.following]))
        self.session.count(BOARDS_WRONG, len(wrong))

    def close(self) -> None:
        """Cuts all, for good."""
        self.closing = True
        for pool in self._pools:
            pool.close()


class FeedWatch(Watch):
    """A page with the seat map."""

    __slots__ = ("_all", "_fresh", "_heard", "_number", "board", "name")

    def __init__(self, all_: Watchers, number: int, due: float, board: Board | None) -> None:
        super().__init__()
        self._all = all_
        self._number = number
        self.board = board
        self._set_up(due, "")

    def _set_up(self, due: float, last_id: str) -> None:
        self._fresh = not last_id
        self._heard = False
        self.name = "feed" if self._fresh else "feed again"
        more = f"Last-Event-ID: {last_id}\r\n" if last_id else ""
        pool = self._all.pool(self._number)
        self.prepare(pool, pool.address.request("GET", f"{self._all.event}/feed", more=more), due)

    def begin(self) -> None:
        """Connects; what goes wrong is told by `ended`."""
        if self.board is not None and self._fresh:
            self._all.boards.append(self)
        self.connect()

    @property
    def following(self) -> bool:
        """Whether it is open, and so has to know all that there is to know."""
        return self.status == 200 and self.open

    def began(self) -> None:
        self._all.session.note(self.name, self.status, time.monotonic() - self.due)
        self._all.session.count(BARE_503, self.status == 503 and not self.says_when)

    def told(self, events: list[Event]) -> None:
        session = self._all.session
        missed = not self._heard and not self._fresh  # while it was cut: no delay of the server's
        self._heard = True
        if missed:
            by = "snapshot" if events[0].name == b"snapshot" else "changes"
            session.count(f"resumed by {by}")
        for event in events:
            if event.name == b"change" and not missed:
                session.mark(FEED_DELAY, late_s(made_ms(event.event_id)))
            if self.board is not None:
                if event.name == b"snapshot":
                    self.board.reset(decode(event.data, SeatsView).states)
                elif event.name == b"change":
                    self.board.change(decode(event.data, ChangeView).seats)

    def ended(self, why: str) -> None:
        everything = self._all
        if why:
            everything.session.count("streams broken")
            if not self.status:
                everything.session.note(self.name, 0, time.monotonic() - self.due, why)
        if everything.closing:
            return
        gevent.spawn_later(everything.again_s(), self._again)

    def _again(self) -> None:
        if not self._all.closing:
            self._set_up(time.monotonic(), self.last_id.decode())
            self.connect()


class PlaceWatch(Watch):
    """A page of the waiting room; who is called goes shopping."""

    __slots__ = ("_all", "_joined", "_number", "_shopping")

    def __init__(self, all_: Watchers, number: int, due: float, joined: Joined) -> None:
        super().__init__()
        self._all = all_
        self._number = number
        self._joined = joined
        self._shopping = False
        self._set_up(due)

    def _set_up(self, due: float) -> None:
        pool = self._all.pool(self._number)
        path = f"{self._all.event}/queue/stream"
        self.prepare(pool, pool.address.request("GET", path, self._joined.place_token), due)

    def begin(self) -> None:
        """As of FeedWatch."""
        self.connect()

    def began(self) -> None:
        self._all.session.note("place stream", self.status, time.monotonic() - self.due)
        self._all.session.count(BARE_503, self.status == 503 and not self.says_when)

    def told(self, events: list[Event]) -> None:
        self._all.session.count("positions told", len(events))
        if any(event.name == b"called" for event in events) and not self._shopping:
            self._shopping = True
            self._all.session.count("called")
            gevent.spawn(self._shop)

    def _shop(self) -> None:
        who, throws = self._all.session.person(self._number)
        who = msgspec.structs.replace(who, streams=False)
        Visit(self._all.session, self._all.public, who, throws, time.monotonic()).run_from(
            self._joined
        )

    def ended(self, why: str) -> None:
        everything = self._all
        if why:
            everything.session.count("streams broken")
            if not self.status:
                everything.session.note("place stream", 0, time.monotonic() - self.due, why)
        if not everything.closing and not self._shopping:
            gevent.spawn_later(everything.again_s(), self._again)

    def _again(self) -> None:
        if not self._all.closing:
            self._set_up(time.monotonic())
            self.connect()
