"""News as messages: encoded once, for all who are sent them."""

import msgspec

from usher.feed.model import Change
from usher.feed.scripts import Snapshot
from usher.plumbing.sse import BEAT, Chunk, chunk, encode


def snapshot_message(snapshot: Snapshot) -> bytes:
    """Every seat's state. Written by hand: states hold no character that JSON escapes."""
    return encode("snapshot", b'{"states":"%b"}' % snapshot.states.encode(), snapshot.feed_id)


def notice_messages(texts: list[str], at: str = "") -> bytes:
    """Notices as messages; `at` is the id of the last one."""
    ids = [""] * (len(texts) - 1) + [at]
    return b"".join(
        encode("notice", msgspec.json.encode({"text": text}), feed_id)
        for text, feed_id in zip(texts, ids, strict=False)
    )


def change_messages(change: Change, at: str) -> bytes:
    """A change as messages for who watches the seats; b"" where it is none. Only the last one
    carries the id: whoever is lost between two hears both again."""
    if not change.seats:
        return notice_messages(change.notices, at)
    seats = encode("change", msgspec.json.encode({"seats": change.seats}), at)
    return notice_messages(change.notices) + seats


def news(change: Change, at: str) -> Chunk:
    """What a stream of seats that stands at some id is sent so that it stands at `at`: a beat
    where that is nothing that it sees."""
    messages = change_messages(change, at)
    return chunk(messages) if messages else BEAT
