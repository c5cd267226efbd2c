"""Where the sandbox is told how to play the bank."""

from typing import Any

from litestar import get, post
from litestar.handlers import HTTPRouteHandler
from litestar.params import FromPath, JSONBody
from litestar.response.base import ASGIResponse

from usher.errors import NotFound
from usher.payment.sandbox.model import Charge, ChargeView, Decision
from usher.payment.sandbox.service import SANDBOX, Bank
from usher.plumbing.answer import answer, shaped


def _view(charge: Charge) -> dict[str, Any]:
    return {
        "payment_id": charge.id,
        "state": charge.state,
        "amount": {"amount": charge.amount, "currency": charge.currency},
    }


def sandbox_handlers(bank: Bank) -> list[HTTPRouteHandler]:
    """The routes of a bank. Only the sandbox's are in the API's description."""
    path = f"/api/v1/payments/{bank.name}/{{payment:str}}"
    shown = bank.name == SANDBOX

    @post(path, status_code=200, responses=shaped(ChargeView), include_in_schema=shown)
    async def decide(payment: FromPath[str], data: JSONBody[Decision]) -> ASGIResponse:
        """Decide on a charge: approve, decline, delay, duplicate, late; the first time counts."""
        return answer(_view(await bank.decide(payment, data)))

    @get(path, responses=shaped(ChargeView), include_in_schema=shown)
    async def show_charge(payment: FromPath[str]) -> ASGIResponse:
        """A charge in the bank's book."""
        charge = await bank.find(payment)
        if charge is None:
            raise NotFound("the bank has no such charge")
        return answer(_view(charge))

    return [decide, show_charge]
