"""Where fans stand, pushed to all who watch their places: once per curve, and nobody asks Redis."""

from typing import Final

import msgspec

from usher.feed.streams import PlaceStream, Room, Turns
from usher.plumbing.sse import Chunk, chunk, encode
from usher.queue.curves import KnownCurve
from usher.queue.model import place_view, push_every_s
from usher.queue.standing import Standing

# How often a place is looked at that does not move by itself (lapsed, left, in the lobby).
STILL_S: Final = 3.0
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
    for stream in [stream for streams in room.places.values() for stream in streams]:
        if not moved and now < stream.next_push:
            continue
        ahead = standing.ahead_of(stream.number) if stream.state in ("waiting", "closed") else None
        if stream.state == "lobby" and lobby is not None:
            stream.next_push = now + STILL_S
            turns.push(stream, lobby)
        elif ahead is not None and curve.state in ("closed", "sold_out"):
            stream.state, stream.next_push = "closed", now + STILL_S
            turns.push(stream, over)
        elif ahead is not None and curve.state in ("open", "paused"):
            stream.state, stream.next_push = "waiting", now + push_every_s(ahead)
            turns.push(stream, chunk(encode("place", standing.view(stream.number, ahead))))
        else:
            stream.next_push = now + 2 + len(unknown) / ASKED_PER_S
            unknown.append(stream)
        await turns.turn()
    turns.count()
    return unknown
