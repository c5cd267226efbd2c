"""The audit and the pulse of a sale over HTTP, for organisers and staff."""

from typing import Annotated

from litestar import get
from litestar.handlers import HTTPRouteHandler
from litestar.params import FromPath, QueryParameter
from litestar.response.base import ASGIResponse

from usher.account.guards import own_event, require_role
from usher.insight.model import Verdict
from usher.insight.pulse import Pulse, Pulses
from usher.insight.service import Auditor
from usher.plumbing.answer import answer, shaped

_EVENT = "/api/v1/events/{event:str}"
_MAY = [require_role("organiser", "staff", "admin"), own_event]
_MS_MAX = 2**45  # the year 3084


def audit_handlers(auditor: Auditor) -> list[HTTPRouteHandler]:
    """The routes, bound to their services."""

    @get(_EVENT + "/audit", guards=_MAY, responses=shaped(Verdict))
    async def show_audit(event: FromPath[str]) -> ASGIResponse:
        """The invariants of an event, each with its figure."""
        return answer(await auditor.audit(event))

    return [show_audit]


def pulse_handlers(pulses: Pulses) -> list[HTTPRouteHandler]:
    """The routes, bound to their services."""

    @get(_EVENT + "/pulse", guards=_MAY, responses=shaped(Pulse))
    async def show_pulse(
        event: FromPath[str],
        after: Annotated[
            int,
            QueryParameter(
                ge=0, le=_MS_MAX, description="Only samples of the trail after this at_ms."
            ),
        ] = 0,
    ) -> ASGIResponse:
        """A sale as it is now: the line, the seats, bookings and revenue; ask every 2 seconds."""
        return answer(await pulses.of(event, after))

    return [show_pulse]
