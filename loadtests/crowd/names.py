"""Names under which processes of a crowd record something else than a request."""

from typing import Final

# How late a process was with what it should have sent; above a few milliseconds the figures are
# the client's.
LAG: Final = "client lag"
# From a change of the feed, by the server's clock, to a page that is told of it.
FEED_DELAY: Final = "feed delay"
# From the bank's word to the page that says "confirmed".
CONFIRMED: Final = "paid to confirmed"
# 503 without a word on when to come again: a fault, counted once more under this name.
BARE_503: Final = "503 without Retry-After"

NOT_REQUESTS: Final = frozenset({LAG, FEED_DELAY, CONFIRMED, BARE_503})

# Counts that must stay zero.
BOARDS_WRONG: Final = "seat maps wrong"
CLIENT_FAULTS: Final = "faults of the client"
ZERO: Final = (BOARDS_WRONG, CLIENT_FAULTS)
