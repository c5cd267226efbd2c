"""Every scene there is, by name."""

from tests.journey import refund_scenes
from tests.journey.scenes import SCENES, Cast, Scene

__all__ = ["SCENES", "Cast", "Scene", "refund_scenes"]
