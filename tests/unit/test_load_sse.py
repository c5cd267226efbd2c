"""Events out of the bytes of a stream, however these are cut."""

import pytest

from loadtests.client.sse import Chunks, Event, Events, StreamError, made_ms

MESSAGES = (
    b'id: 17-0\nevent: change\ndata: {"seats":[[1,"h"]]}\n\n',
    b": beat\n\n",
    b'event: place\ndata: {"state":"waiting"}\n\n',
)
WANTED = [
    Event(b"change", b'{"seats":[[1,"h"]]}', b"17-0"),
    Event(b"place", b'{"state":"waiting"}', b""),
]


def _chunked(*bodies: bytes) -> bytes:
    return b"".join(b"%x\r\n%b\r\n" % (len(body), body) for body in bodies)


@pytest.mark.parametrize("step", [1, 2, 3, 7, 1_000])
def test_any_cut_gives_the_same_events(step: int) -> None:
    raw = _chunked(*MESSAGES) + b"0\r\n\r\n"
    chunks, events, found = Chunks(), Events(), []
    for at in range(0, len(raw), step):
        found += events.feed(chunks.feed(raw[at : at + step]))
    assert found == WANTED
    assert chunks.ended


def test_a_proxy_may_cut_chunks_anywhere() -> None:
    body = b"".join(MESSAGES)
    raw = _chunked(body[:9], body[9:40], body[40:])
    assert Events().feed(Chunks().feed(raw)) == WANTED


def test_an_event_is_told_as_soon_as_it_is_whole() -> None:
    chunks, events = Chunks(), Events()
    raw = _chunked(MESSAGES[0])
    # The chunk's own line break is still to come: nothing that an event needs.
    assert events.feed(chunks.feed(raw[:-2])) == WANTED[:1]
    assert not chunks.whole
    assert events.feed(chunks.feed(raw[-2:])) == []
    assert chunks.whole


def test_what_is_not_chunked_is_refused() -> None:
    with pytest.raises(StreamError):
        Chunks().feed(b"event: change\r\n")
    with pytest.raises(StreamError):
        Chunks().feed(b"f" * 100)


def test_when_a_message_was_made() -> None:
    assert made_ms(b"1790000000123-4") == 1790000000123
    assert made_ms(b"") == 0
