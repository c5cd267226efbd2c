"""More than it can carry: arrivals at five times the rate, then the time in which it must recover.

Arrivals are open: those that are answered late, or with "come again", are no reason for the next
ones to wait.
"""

from loadtests.crowd.users import RateCrowd, UntilOver

__all__ = ["Overload", "UntilOver"]


class Overload(RateCrowd):
    """The spike, and what is after it."""
