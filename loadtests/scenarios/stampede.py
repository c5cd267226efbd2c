"""Everybody at the opening: the lobby, the draw, the line, the shop to a paid ticket."""

from loadtests.crowd.users import OpeningCrowd, UntilOver

__all__ = ["Stampede", "UntilOver"]


class Stampede(OpeningCrowd):
    """The crowd of an opening."""
