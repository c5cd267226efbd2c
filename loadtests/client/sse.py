"""Server-sent events out of the bytes of a chunked HTTP answer, as they come.

Nothing waits for a buffer to fill or for a line to end that is not needed: what has arrived is
handed on at once. (Locust's `FastHttpUser.iter_lines` reads a kilobyte at a time, so that an event
is seen seconds after it came.)
"""

from typing import NamedTuple


class Event(NamedTuple):
    """One message; `data` is its last data line. A beat or other comment is no message."""

    name: bytes
    data: bytes
    event_id: bytes


class StreamError(ValueError):
    """What came is not a chunked answer."""


class Chunks:
    """Takes a body apart that comes in chunks (RFC 9112, section 7.1)."""

    __slots__ = ("_held", "_missing", "ended")

    def __init__(self) -> None:
        self._held = b""  # a size line that has not come whole
        self._missing = 0  # of the present chunk, its line break included
        self.ended = False

    @property
    def whole(self) -> bool:
        """Nothing of a chunk is still to come."""
        return not self._held and not self._missing

    def feed(self, data: bytes) -> bytes:
        """The body's bytes in `data`; StreamError."""
        if self._held:
            data, self._held = self._held + data, b""
        found = []
        at = 0
        while at < len(data) and not self.ended:
            if self._missing:
                part = data[at : at + self._missing]
                at += len(part)
                # The last two bytes of a chunk are its line break.
                body = self._missing - 2
                if body > 0:
                    found.append(part[:body])
                self._missing -= len(part)
                continue
            line_end = data.find(b"\r\n", at)
            if line_end < 0:
                self._held = data[at:]
                if len(self._held) > 64:
                    raise StreamError("no size of a chunk where one should be")
                break
            try:
                size = int(data[at:line_end].partition(b";")[0], 16)
            except ValueError:
                raise StreamError("no size of a chunk where one should be") from None
            at = line_end + 2
            self.ended = size == 0
            self._missing = size + 2
        return b"".join(found)


class Events:
    """Messages out of a stream's text."""

    __slots__ = ("_held",)

    def __init__(self) -> None:
        self._held = b""

    @property
    def whole(self) -> bool:
        """Nothing of a message is still to come."""
        return not self._held

    def feed(self, body: bytes) -> list[Event]:
        """The messages that are whole now."""
        if self._held:
            body = self._held + body
        blocks = body.split(b"\n\n")
        self._held = blocks.pop()
        return [_event(block) for block in blocks if not block.startswith(b":")]


def _event(block: bytes) -> Event:
    name = data = event_id = b""
    for line in block.split(b"\n"):
        field, _, value = line.partition(b": ")
        if field == b"data":
            data = value
        elif field == b"event":
            name = value
        elif field == b"id":
            event_id = value
    return Event(name, data, event_id)


def made_ms(event_id: bytes) -> int:
    """When a message of the feed was made: its id begins with the server's milliseconds."""
    head = event_id.partition(b"-")[0]
    return int(head) if head.isdigit() else 0
