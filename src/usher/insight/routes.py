"""The audit over HTTP, for organisers and staff."""

from litestar import get
from litestar.handlers import HTTPRouteHandler
from litestar.params import FromPath
from litestar.response.base import ASGIResponse

from usher.account.guards import require_role
from usher.insight.model import Verdict
from usher.insight.service import Auditor
from usher.plumbing.answer import answer, shaped


def audit_handlers(auditor: Auditor) -> list[HTTPRouteHandler]:
    """The routes, bound to their services."""

    @get(
        "/api/v1/events/{event:str}/audit",
        guards=[require_role("organiser", "staff", "admin")],
        responses=shaped(Verdict),
    )
    async def show_audit(event: FromPath[str]) -> ASGIResponse:
        """The invariants of an event, each with its figure."""
        return answer(await auditor.audit(event))

    return [show_audit]
