"""Where Locust and the crowd meet: one `Conductor` per process, which lets the fans of its part of
the schedule loose whatever becomes of the earlier ones, and a shape that ends the test when all
processes are through.

Locust's own users are a closed loop: as many of them as there are wait for as many answers. So a
scenario's fans are greenlets beside Locust, on Locust's statistics, and the number of "users" that
its page shows is that of the processes.
"""

import logging
import random
import time
from collections.abc import Callable, Iterator
from typing import Any, ClassVar, Final

import gevent
from gevent.pool import Group
from locust import LoadTestShape, User, constant, events, task
from locust.argument_parser import LocustArgumentParser
from locust.env import Environment
from locust.exception import StopUser

from loadtests.crowd import arrivals
from loadtests.crowd.plan import Plan, read_plan
from loadtests.crowd.public import Public
from loadtests.crowd.session import Session
from loadtests.crowd.visit import Visit

log = logging.getLogger(__name__)

DONE: Final = "part over"
# Processes that are through with their part say so; after the deadline nobody is waited for.
_GRACE_S: Final = 15.0
_BREATH: Final = 16


@events.init_command_line_parser.add_listener
def _add_arguments(parser: LocustArgumentParser) -> None:
    parser.add_argument("--plan", default="", include_in_web_ui=False, help="The run, as JSON.")


@events.init.add_listener
def _on_init(environment: Environment, **_: Any) -> None:
    """The master (or the only process) counts the parts that are over."""
    runner = environment.runner
    assert runner is not None
    environment.parts_over = 0  # type: ignore[attr-defined]

    def over(environment: Environment, **_: Any) -> None:
        environment.parts_over += 1  # type: ignore[attr-defined]

    runner.register_message(DONE, over)


@events.test_start.add_listener
def _on_start(environment: Environment, **_: Any) -> None:
    environment.parts_over = 0  # type: ignore[attr-defined]


def plan_of(environment: Environment) -> Plan:
    """What this run was told."""
    assert environment.parsed_options is not None
    return read_plan(environment.parsed_options.plan)


def part_of(environment: Environment) -> int:
    """Which process this is: a worker knows by the master's greeting; alone it is 0."""
    return max(0, getattr(environment.runner, "worker_index", 0))


class UntilOver(LoadTestShape):
    """One conductor per process until all have reported, or time is up."""

    def tick(self) -> tuple[int, float] | None:
        runner = self.runner
        assert runner is not None
        plan = plan_of(runner.environment)
        if runner.environment.parts_over >= plan.processes:  # type: ignore[attr-defined]
            return None
        if self.get_run_time() > plan.deadline_s + _GRACE_S:
            return None
        return plan.processes, plan.processes


class Conductor(User):
    """Plays one process's part of a scenario; subclasses say what that is."""

    abstract = True
    wait_time = constant(0)

    @task
    def conduct(self) -> None:
        """Plays the part, reports, and stops."""
        runner: Any = self.environment.runner
        part = part_of(self.environment)
        plan = plan_of(self.environment)
        session = Session(plan, part, self.environment.events.request.fire)
        session.start()
        group = Group()
        try:
            self.play(session, group)
        except Exception as fault:
            log.exception("this part could not be played")
            session.fault = f"{type(fault).__name__}: {fault}"
        finally:
            group.kill(block=True, timeout=2)
            session.close()
            runner.send_message(DONE, {"part": part})
        raise StopUser

    def play(self, session: Session, group: Group) -> None:
        """Lets the fans loose; returns when the last has gone home, or time is up."""
        raise NotImplementedError


def let_loose(
    group: Group,
    began: float,
    moments: Iterator[tuple[int, float]],
    begin: Callable[[int, float], Callable[[], None]],
) -> None:
    """Starts what `begin(number, due)` gives at each moment after `began` (monotonic)."""
    for number, moment in moments:
        due = began + moment
        ahead_s = due - time.monotonic()
        # Who is late lets the others of this process go on, too.
        if ahead_s > 0 or number % _BREATH == 0:
            gevent.sleep(max(0.0, ahead_s))
        group.spawn(begin(number, due))


class OpeningCrowd(Conductor):
    """Everybody at the opening: some in the lobby before it, the rest in a rush after it."""

    abstract = True
    visit: ClassVar[type[Visit]] = Visit

    def play(self, session: Session, group: Group) -> None:
        plan = session.plan
        public = Public(session).open()
        try:
            early = round(plan.fans * plan.lobby_share)
            lobby = arrivals.crowd(early, plan.lobby_s, random.Random(plan.seed))
            rush = arrivals.crowd(plan.fans - early, plan.rush_s, random.Random(-plan.seed - 1))

            def begin(number: int, due: float) -> Callable[[], None]:
                who, throws = session.person(number)
                return self.visit(session, public, who, throws, due).run

            own = arrivals.share_of(lobby, session.part, plan.processes)
            let_loose(group, time.monotonic(), own, begin)
            while not public.opened_at and not session.over:
                gevent.sleep(0.05)
            late = (
                (early + n, at) for n, at in arrivals.share_of(rush, session.part, plan.processes)
            )
            let_loose(group, public.opened_at, late, begin)
            group.join(timeout=max(0.0, plan.deadline_s - session.played_s))
        finally:
            public.close()


class RateCrowd(Conductor):
    """Fans who arrive at a rate, as the plan's phases say, until the last phase is over; whoever is
    there by then goes on to the end of their visit, or until time is up."""

    abstract = True
    visit: ClassVar[type[Visit]] = Visit

    def play(self, session: Session, group: Group) -> None:
        plan = session.plan
        public = Public(session).open()
        try:

            def begin(number: int, due: float) -> Callable[[], None]:
                who, throws = session.person(number)
                return self.visit(session, public, who, throws, due).run

            moments = arrivals.poisson(plan.phases, random.Random(plan.seed))
            session.begin_phases()
            own = arrivals.share_of(moments, session.part, plan.processes)
            let_loose(group, time.monotonic(), own, begin)
            group.join(timeout=max(0.0, plan.deadline_s - session.played_s))
        finally:
            public.close()
