"""Everybody is let in at once, and all want the same seats."""

from typing import Any, Final

from loadtests.crowd.users import OpeningCrowd, UntilOver
from loadtests.crowd.visit import Visit
from usher.rehearsal.answers import HoldView, Refusal

__all__ = ["Snipers", "UntilOver"]

# So many tries at the seats that all want, before whatever else there is will do.
_TRIES: Final = 5


class SniperVisit(Visit):
    """Wants the first neighbours in the best row, as the map showed them before the opening."""

    def first_choice(self, token: str) -> HoldView | Refusal | None:
        guids, wanted = self.public.hall.guid, self.persona.quantity
        for turn in range(_TRIES):
            # The very same seats first; then one further along, as somebody clicks who was late.
            first = min(turn * wanted, max(0, len(guids) - wanted))
            asked: dict[str, Any] = {"seats": guids[first : first + wanted]}
            held = self.ask_for(token, asked)
            if isinstance(held, HoldView) or held.code != "seat_taken":
                return held
            self.asker.think(0.1, 0.4)
        return self.grab(token)


class Snipers(OpeningCrowd):
    """A crowd that is after the same few seats."""

    visit = SniperVisit
