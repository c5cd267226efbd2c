"""What a crowd writes down of those who were not served: left out, a server that serves a few looks
as good as one that serves all."""

import itertools
import random
import time
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import msgspec
import pytest

from loadtests.crowd import asker, checkout, visit
from loadtests.crowd import session as sessions
from loadtests.crowd.asker import Asker
from loadtests.crowd.bot import Bot, Loot
from loadtests.crowd.checkout import Checkout
from loadtests.crowd.names import BOTS_SERVED, CONFIRMED, MARKS, PLACED
from loadtests.crowd.plan import Plan
from loadtests.crowd.session import Session
from loadtests.crowd.visit import Visit
from loadtests.outcome import clients_in, missed
from loadtests.record import Records, read_records
from loadtests.verdict import judge, read_budgets
from usher.rehearsal.answers import HoldView
from usher.rehearsal.persona import Course

FANS = 40


@pytest.fixture
def ahead(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """The time, as the fans have it: pauses take none, and count."""
    ahead = [0.0]
    clock = SimpleNamespace(monotonic=lambda: ahead[0], time=time.time)
    for each in (visit, checkout, asker, sessions):
        monkeypatch.setattr(each, "time", clock)

    def pause(fan: Asker, seconds: float) -> None:
        ahead[0] += seconds
        fan.due = ahead[0]

    monkeypatch.setattr(Asker, "pause", pause)
    return ahead


@pytest.fixture
def session(tmp_path: Path, ahead: list[float]) -> Session:
    plan = Plan(
        scenario="steady",
        event="evt_1",
        urls=["http://127.0.0.1:9"],
        fans=FANS,
        pace=0.0,
        out=str(tmp_path),
    )
    return Session(plan, 0, lambda **_: None)


@pytest.fixture
def answers(session: Session, monkeypatch: pytest.MonkeyPatch) -> dict[str, Iterator[Any]]:
    """What is answered, by the end of the path."""
    said: dict[str, Iterator[Any]] = {}

    def ask(request: bytes) -> tuple[int, bytes, float | None]:
        path = request.split(b" ", 2)[1].decode().rpartition("/")[2]
        status, body, wait_s = next(said[path])
        return status, msgspec.json.encode(body), wait_s

    monkeypatch.setattr(session.addresses[0], "ask", ask)
    return said


def test_a_crowd_of_which_a_process_died_is_no_crowd(session: Session, tmp_path: Path) -> None:
    assert "begun" in missed(clients_in(tmp_path), 1)
    session._write()  # as it does each second
    assert "died" in missed(clients_in(tmp_path), 1)
    session.close()
    assert missed(clients_in(tmp_path), 1) == ""
    assert "only 1 of 2" in missed(clients_in(tmp_path), 2)
    session.fault = "no plan"
    session.close()
    assert "no plan" in missed(clients_in(tmp_path), 1)


def test_a_bot_that_is_not_refused_is_counted(
    session: Session, monkeypatch: pytest.MonkeyPatch
) -> None:
    for status, served in ((401, 0), (0, 0), (201, 3)):
        monkeypatch.setattr(session.addresses[0], "ask", lambda _, s=status: (s, b"{}", 1.0))
        Bot(session, 0, random.Random(1), Loot())._forge()
        assert session.counts.get(BOTS_SERVED, 0) == served
    verdict = judge(read_budgets("bots"), Records(), None, counts=session.counts)
    assert not {each.name: each.ok for each in verdict.checks}[BOTS_SERVED]


def test_a_server_that_serves_one_in_ten_keeps_no_budget_of_steady(
    session: Session, answers: dict[str, Iterator[Any]], ahead: list[float], tmp_path: Path
) -> None:
    place = {"fan_token": "f", "place_token": "p", "place": {"state": "closed"}}
    joined = (202, place, None)
    refused = (503, {"code": "busy"}, 1.0)
    chance = random.Random(1)
    answers["queue"] = (joined if chance.random() < 0.1 else refused for _ in itertools.count())
    public: Any = None  # nobody comes as far as the shop
    for number in range(FANS):
        who, throws = session.person(number)
        Visit(session, public, who, throws, ahead[0]).run()
    session.close()
    verdict = judge(
        read_budgets("steady"), read_records(tmp_path), None, marks=read_records(tmp_path / MARKS)
    )
    bad = {line.name for line in verdict.budgets if line.seen_ms is not None and not line.ok}
    assert bad == {PLACED}
    assert session.counts["gave up"] > 0
    seen = read_records(tmp_path / MARKS).total(PLACED)
    assert seen.count == FANS


def test_a_booking_that_is_never_confirmed_counts_with_the_time_it_was_waited_for(
    session: Session, answers: dict[str, Iterator[Any]], ahead: list[float], tmp_path: Path
) -> None:
    booking = {"booking_id": "b", "state": "awaiting_payment", "expires_in_s": 20}
    answers["bookings"] = itertools.repeat((202, booking, None))
    answers["b"] = itertools.repeat((200, booking, None))
    answers["payment"] = itertools.repeat((201, {"payment_id": "pay_1"}, None))
    answers["pay_1"] = itertools.repeat((200, {"state": "authorised"}, None))
    who, throws = session.person(1)
    who = msgspec.structs.replace(who, course=Course.BUYS, streams=False)
    fan = Asker(session, 1, throws, ahead[0])
    held = HoldView(hold_id="h", seats=[], expires_in_s=20)
    assert Checkout(session, fan, who, "f", "a").go(held)
    session.close()
    waited = read_records(tmp_path / MARKS).total(CONFIRMED)
    assert waited.count == 1
    assert (waited.latency.percentile_ms(100) or 0) > 20_000
