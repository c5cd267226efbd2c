"""Tens of thousands who watch: streams of the seats and of places in line, cut and taken up again
all the time, while the line moves and those who are called buy."""

import time
from collections.abc import Callable

import gevent
from gevent.pool import Group

from loadtests.crowd import arrivals
from loadtests.crowd.public import Public
from loadtests.crowd.session import Session
from loadtests.crowd.users import Conductor, UntilOver, let_loose
from loadtests.crowd.watcher import Watchers
from loadtests.options import COMPARE_S

__all__ = ["UntilOver", "Watching"]


class Watching(Conductor):
    """So many streams, opened at an even pace, then held."""

    def play(self, session: Session, group: Group) -> None:
        plan = session.plan
        public = Public(session).open()
        watchers = Watchers(session, public)

        def begin(number: int, due: float) -> Callable[[], None]:
            place = (number * 7919) % 1_000 < plan.place_share * 1_000

            def open_one() -> None:
                (watchers.watch_place if place else watchers.watch_seats)(number, due)

            return open_one

        try:
            moments = [n * plan.lobby_s / plan.fans for n in range(plan.fans)]
            own = arrivals.share_of(moments, session.part, plan.processes)
            let_loose(group, time.monotonic(), own, begin)
            group.join(timeout=30)
            session.count("streams at once", len(watchers.open))
            churning = gevent.spawn(watchers.churn)
            gevent.sleep(max(0.0, plan.deadline_s - session.played_s - COMPARE_S))
            churning.kill()
            gevent.sleep(3)  # until those that were cut last are back
            session.count("streams at the end", len(watchers.open))
            watchers.compare()
        finally:
            watchers.close()
            public.close()
