"""Where fans stand, pushed to all who watch their places: once per curve, and nobody asks Redis."""

from typing import Final

import msgspec

from usher.feed.streams import GONE, PlaceStream, Room, Turns
from usher.plumbing.sse import Chunk, chunk, encode
from usher.queue.curves import KnownCurve
from usher.queue.model import place_view, push_every_s
from usher.queue.standing import Standing

# How often a place is looked at that does not move by itself (lapsed, left, in the lobby).
STILL_S: Final = 3.0
# How often the end is told to who waited: nothing but a new state of the sale will change it.
OVER_S: Final = 10.0
# When a draw is done all of a lobby is asked about: not at once, or everybody's calls would wait.
ASKED_PER_S: Final = 4_000


async def push_positions(
    room: Room, known: KnownCurve, now: float, turns: Turns
) -> list[PlaceStream]:
    """Tells whoever is due where they stand on the curve; the streams of which it does not know
    are given back, to be asked about one by one. `now` is a monotonic time in seconds."""
    curve = known.curve
    sale = (curve.state, curve.drawn)
    moved = sale != room.sale
    room.sale = sale
    # The lobby is one place for all who are in it, until its draw is done.
    lobby: Chunk | None = None
    if not curve.drawn and curve.state in ("lobby", "open", "paused"):
        view = place_view("lobby", curve=curve)
        lobby = chunk(encode("place", msgspec.json.encode(view)))
    over = chunk(encode("place", msgspec.json.encode(place_view("closed", reason=curve.state))))
    standing = Standing(known)
    unknown: list[PlaceStream] = []
    for stream in room.all_places() if moved else room.due(now):
        if stream.due == GONE:  # since the first turn
            continue
        ahead = standing.ahead_of(stream.number) if stream.state in ("waiting", "closed") else None
        full = False
        if stream.state == "lobby" and lobby is not None:
            room.wake(stream, now + STILL_S)
            full = turns.push(stream, lobby)
        elif curve.state in ("closed", "sold_out") and (
            ahead is not None or stream.state == "closed"
        ):
            # Also who came when it was over already, and of whom no number is known.
            stream.state = "closed"
            room.wake(stream, now + OVER_S)
            full = turns.push(stream, over)
        elif ahead is not None and curve.state in ("open", "paused"):
            stream.state = "waiting"
            room.wake(stream, now + push_every_s(ahead))
            place = standing.view(stream.number, ahead)
            full = turns.push(stream, chunk(b"event: place\ndata: %b\n\n" % place))
        else:
            room.wake(stream, now + 2 + len(unknown) / ASKED_PER_S)
            unknown.append(stream)
        if full:
            await turns.next()
    turns.count()
    return unknown
