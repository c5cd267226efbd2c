"""PATCH of a sale and of its gate, for organisers."""

from typing import Any

import msgspec
from litestar import Request, get, patch
from litestar.handlers import HTTPRouteHandler
from litestar.params import FromPath, JSONBody
from litestar.response.base import ASGIResponse

from usher.account.guards import actor_of, own_event, require_role
from usher.plumbing.answer import answer, shaped
from usher.sale.model import GateChange, Sale, SaleChange, SaleView, SettingChanges
from usher.sale.service import SaleService

_EVENT = "/api/v1/events/{event:str}"
_MAY = [require_role("organiser", "admin"), own_event]
_PRIVATE = frozenset({"draw_key", "number_high"})


def public_sale(sale: Sale) -> dict[str, Any]:
    """A sale on the wire: all but what would let somebody foresee the draw."""
    return {
        name: value
        for name, value in msgspec.to_builtins(sale, builtin_types=()).items()
        if name not in _PRIVATE
    }


def sale_handlers(sales: SaleService) -> list[HTTPRouteHandler]:
    """The routes, bound to their services."""

    @patch(_EVENT + "/sale", guards=_MAY, responses=shaped(SaleView))
    async def change_sale(
        event: FromPath[str],
        data: JSONBody[SaleChange],
        request: Request[Any, Any, Any],
    ) -> ASGIResponse:
        """Change how an event is sold, while it is on sale or before."""
        return answer(public_sale(await sales.change(event, actor_of(request).account_id, data)))

    @patch(_EVENT + "/gate", guards=_MAY, responses=shaped(SaleView))
    async def change_gate(
        event: FromPath[str],
        data: JSONBody[GateChange],
        request: Request[Any, Any, Any],
    ) -> ASGIResponse:
        """Turn the gate: calls per minute, fans shopping at once, open or paused."""
        return answer(public_sale(await sales.change(event, actor_of(request).account_id, data)))

    @get(_EVENT + "/sale/changes", guards=_MAY, responses=shaped(SettingChanges))
    async def list_changes(event: FromPath[str]) -> ASGIResponse:
        """Who changed what of the sale, newest first."""
        return answer({"changes": await sales.changes(event)})

    return [change_sale, change_gate, list_changes]
