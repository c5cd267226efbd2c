"""An ordinary sale: fans arrive by chance, at a rate, whatever becomes of those before them."""

from loadtests.crowd.users import RateCrowd, UntilOver

__all__ = ["Steady", "UntilOver"]


class Steady(RateCrowd):
    """Arrivals at a rate."""
