"""Every scene there is, by name."""

from tests.journey import (
    door_scenes,
    hook_scenes,
    message_scenes,
    organiser_scenes,
    refund_scenes,
    scenes,
    waitlist_scenes,
)
from tests.journey.cast import SCENES, Cast

# Importing them registers their scenes.
MODULES = (
    scenes,
    refund_scenes,
    organiser_scenes,
    hook_scenes,
    door_scenes,
    waitlist_scenes,
    message_scenes,
)

__all__ = ["MODULES", "SCENES", "Cast"]
