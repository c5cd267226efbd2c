"""Webhooks of providers."""

from typing import Any

from litestar import Request, post
from litestar.handlers import HTTPRouteHandler
from litestar.params import FromPath
from litestar.response.base import ASGIResponse

from usher.payment.model import TakenWords
from usher.payment.service import PaymentService
from usher.plumbing.answer import answer, shaped


def payment_handlers(payments: PaymentService) -> list[HTTPRouteHandler]:
    """The routes, bound to their services."""

    @post(
        "/api/v1/payments/webhooks/{provider:str}",
        status_code=200,
        responses=shaped(TakenWords),
    )
    async def take_webhook(
        provider: FromPath[str],
        request: Request[Any, Any, Any],
    ) -> ASGIResponse:
        """A payment provider's word, signed. Duplicates and any order are fine."""
        body = await request.body()
        headers = {name.lower(): value for name, value in request.headers.items()}
        return answer({"taken": await payments.take_webhook(provider, body, headers)})

    return [take_webhook]
