"""Hours of the same: a population of fans who come, look, buy or leave, and come again as somebody
else. This one is a closed loop, by Locust's own users and a shape: what it looks for is what grows
or wears out, and not what a spike does."""

import itertools
import time
from typing import Any, ClassVar

from locust import LoadTestShape, User, between, events, task
from locust.env import Environment

from loadtests.crowd.asker import GaveUp
from loadtests.crowd.public import Public
from loadtests.crowd.session import Session
from loadtests.crowd.users import part_of, plan_of
from loadtests.crowd.visit import Visit


class Tide(LoadTestShape):
    """Up in a tenth of the time, twice the crowd for a tenth in the middle, and down at the end."""

    def tick(self) -> tuple[int, float] | None:
        assert self.runner is not None
        plan = plan_of(self.runner.environment)
        gone = self.get_run_time() / (plan.deadline_s * 0.95)
        if gone >= 1:
            return None
        if gone < 0.1:
            users = max(1, round(plan.fans * gone / 0.1))
        elif 0.5 <= gone < 0.6:
            users = plan.fans * 2
        elif gone >= 0.9:
            users = max(1, round(plan.fans * (1 - gone) / 0.1))
        else:
            users = plan.fans
        return users, max(1.0, plan.fans / 10)


class Shared:
    """What the users of one process share."""

    now: ClassVar["Shared | None"] = None

    def __init__(self, environment: Environment) -> None:
        plan = plan_of(environment)
        part = part_of(environment)
        self.session = Session(plan, part, environment.events.request.fire)
        self.session.start()
        self.public = Public(self.session).open()
        self.numbers = itertools.count(part, plan.processes)

    def close(self) -> None:
        self.public.close()
        self.session.close()


@events.test_stop.add_listener
def _stop(**_: Any) -> None:
    if Shared.now is not None:
        Shared.now.close()
        Shared.now = None


class Soak(User):
    """Somebody new at each turn."""

    wait_time = between(1, 10)

    @task
    def visit(self) -> None:
        """One whole visit."""
        try:
            shared = Shared.now = Shared.now or Shared(self.environment)
        except GaveUp:
            return
        number = next(shared.numbers)
        who, throws = shared.session.person(number)
        Visit(shared.session, shared.public, who, throws, time.monotonic()).run()
