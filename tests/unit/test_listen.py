"""Listening many times over on one address, which nobody else has as well."""

import socket
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from itertools import chain

import pytest

from usher.errors import SetupError
from usher.plumbing.listen import listening


@pytest.fixture
def doors() -> Iterator[list[socket.socket]]:
    made = listening("127.0.0.1", 0, listeners=4)
    yield made
    for each in made:
        each.close()


def test_all_have_the_same_port_and_take_who_comes(doors: list[socket.socket]) -> None:
    where = doors[0].getsockname()
    assert [each.getsockname() for each in doors] == [where] * 4
    callers = [socket.create_connection(where) for _ in range(64)]
    taken = []
    for door in doors:
        count = 0
        while True:
            try:
                door.accept()[0].close()
            except BlockingIOError:
                break
            count += 1
        taken.append(count)
    assert sum(taken) == 64
    assert sum(count > 0 for count in taken) > 1, "the kernel spreads them"
    for caller in callers:
        caller.close()


def test_a_second_server_is_told_before_the_first_has_started(doors: list[socket.socket]) -> None:
    """Start-up takes seconds, in which no server takes these sockets over."""
    with pytest.raises(SetupError, match="cannot be listened on"):
        listening("127.0.0.1", doors[0].getsockname()[1])


def test_of_several_at_once_one_has_the_port() -> None:
    (free,) = listening("127.0.0.1", 0, listeners=1)
    port = free.getsockname()[1]
    free.close()
    together = threading.Barrier(4)

    def take() -> list[socket.socket]:
        together.wait()
        try:
            return listening("127.0.0.1", port, listeners=4)
        except SetupError:
            return []

    with ThreadPoolExecutor(4) as pool:
        for _ in range(50):
            got = [each.result() for each in [pool.submit(take) for _ in range(4)]]
            assert sum(bool(doors) for doors in got) == 1
            for door in chain.from_iterable(got):
                door.close()


def test_a_name_with_addresses_of_two_families_has_one_port(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """As `localhost` has on most machines; what this machine does not have is passed over."""
    asked = socket.getaddrinfo

    def both(host: str, port: int, **given: int) -> list[object]:
        names = ("127.0.0.1", "192.0.2.1", "127.0.0.2") if host == "localhost" else (host,)
        return [found for name in names for found in asked(name, port, **given)]

    monkeypatch.setattr(socket, "getaddrinfo", both)
    doors = listening("localhost", 0, listeners=2)
    assert {each.getsockname()[0] for each in doors} == {"127.0.0.1", "127.0.0.2"}
    assert len({each.getsockname()[1] for each in doors}) == 1
    for each in doors:
        each.close()
    monkeypatch.setattr(socket, "getaddrinfo", lambda *_, **given: asked("192.0.2.1", 0, **given))
    with pytest.raises(SetupError, match="cannot be listened on"):
        listening("nowhere", 0)
