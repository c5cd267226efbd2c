"""Fans at an opening, and bots among them: those are to be refused, and fans to notice nothing."""

import random
from collections.abc import Callable

from gevent.pool import Group

from loadtests.crowd.bot import Bot, Loot
from loadtests.crowd.session import Session
from loadtests.crowd.users import OpeningCrowd, UntilOver

__all__ = ["Bots", "UntilOver"]


class Bots(OpeningCrowd):
    """An opening's crowd with bots, who hammer until the last fan has gone home."""

    def play(self, session: Session, group: Group) -> None:
        plan, loot = session.plan, Loot()
        bots = Group()

        def one(number: int) -> Callable[[], None]:
            return Bot(session, number, random.Random(f"{plan.seed} bot {number}"), loot).run

        for number in range(session.part, plan.bots, plan.processes):
            bots.spawn(one(number))
        try:
            super().play(session, group)
        finally:
            bots.kill(block=True, timeout=2)
            session.count("bots", len(range(session.part, plan.bots, plan.processes)))
