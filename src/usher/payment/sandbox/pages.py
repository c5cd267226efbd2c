"""The sandbox bank's page: where a fan who pays is sent, and comes back from."""

from typing import Any, Final

import msgspec
from litestar import Request, get, post
from litestar.handlers import HTTPRouteHandler
from litestar.params import FromPath
from litestar.response.base import ASGIResponse

from usher.errors import BadInput, NotFound
from usher.event.service import EventService
from usher.ids import is_id
from usher.payment.sandbox.model import Charge, Decision
from usher.payment.sandbox.service import Bank
from usher.plumbing.form import Form, read_form
from usher.plumbing.page import Pages, see_other

AnyRequest = Request[Any, Any, Any]

_PATH: Final = "/pay/sandbox/{payment:str}"
# Long enough to see what the shop says meanwhile.
_SLOW_S: Final = 10
_SLOW_S_MAX: Final = 3_600


def bank_pages(pages: Pages, bank: Bank, events: EventService) -> list[HTTPRouteHandler]:
    """The pages, bound to what they show."""

    async def find(payment: str) -> Charge:
        charge = await bank.find(payment)
        if charge is None:
            raise NotFound("the bank has no such charge")
        return charge

    async def show(request: AnyRequest, charge: Charge, form: Form, status: int = 200) -> Any:
        showing = await events.showing(charge.metadata.get("event", ""))
        return pages.show(
            request,
            "bank.html",
            status,
            charge=charge,
            event=showing.event,
            back=_back(charge),
            form=form,
        )

    @get(_PATH)
    async def show_bank(payment: FromPath[str], request: AnyRequest) -> ASGIResponse:
        """What is to be paid, and the ways a bank can answer."""
        answer: ASGIResponse = await show(
            request, await find(payment), Form({"delay_s": str(_SLOW_S)})
        )
        return answer

    @post(_PATH)
    async def tell_bank(payment: FromPath[str], request: AnyRequest) -> ASGIResponse:
        """The bank decides as it is told, once; then back to the shop."""
        charge = await find(payment)
        form = await read_form(request)
        wish: dict[str, Any] = {"outcome": form["outcome"]}
        if form["outcome"] == "delay":
            say = pages.language(request)
            wish["delay_s"] = form.number(
                "delay_s", 0, _SLOW_S_MAX, say.gettext("Seconds from 0 to 3600, please.")
            )
            if not form.good:
                answer: ASGIResponse = await show(request, charge, form, 422)
                return answer
        try:
            decision = msgspec.convert(wish, Decision)
        except msgspec.ValidationError:
            raise BadInput("this bank does not know that answer") from None
        await bank.decide(payment, decision)
        return see_other(_back(charge))

    return [show_bank, tell_bank]


def _back(charge: Charge) -> str:
    """Where the shop goes on: the charge knows what it is for."""
    booking = charge.metadata.get("booking", "")
    return f"/bookings/{booking}" if is_id("booking", booking) else "/bookings"
