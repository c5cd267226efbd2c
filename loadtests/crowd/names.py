"""Names under which processes of a crowd write down what is no request: marks, in a folder of
their own, and counts that must stay zero."""

from typing import Final

MARKS: Final = "marks"  # the folder
# How late a process was with what it should have sent; above a few milliseconds the figures are
# the client's.
LAG: Final = "client lag"
# From a change of the feed, by the server's clock, to a page that is told of it.
FEED_DELAY: Final = "feed delay"
# From the bank's word to the page that says "confirmed".
CONFIRMED: Final = "paid to confirmed"
# From a fan's arrival to their place in line, with all the times that they were told to come again.
PLACED: Final = "arrival to place"

# 503 must say when to come again.
BARE_503: Final = "503 without Retry-After"
# Pages whose seats, by snapshot and changes, were not those of a fresh snapshot.
BOARDS_WRONG: Final = "seat maps wrong"
# Visits that ended by a fault of the client.
CLIENT_FAULTS: Final = "faults of the client"
ZERO: Final = (BARE_503, BOARDS_WRONG, CLIENT_FAULTS)
