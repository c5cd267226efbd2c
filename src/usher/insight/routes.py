"""The audit over HTTP, for organisers and staff."""

from typing import Any

import msgspec
from litestar import get
from litestar.handlers import HTTPRouteHandler
from litestar.params import FromPath

from usher.account.guards import require_role
from usher.insight.service import Auditor


def audit_handlers(auditor: Auditor) -> list[HTTPRouteHandler]:
    """The routes, bound to their services."""

    @get("/api/v1/events/{event:str}/audit", guards=[require_role("organiser", "staff", "admin")])
    async def show_audit(event: FromPath[str]) -> dict[str, Any]:
        """The invariants of an event, each with its figure."""
        verdict: dict[str, Any] = msgspec.to_builtins(await auditor.audit(event))
        return verdict

    return [show_audit]
