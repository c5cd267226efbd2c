"""A Stripe account as far as usher sees one: its objects, what may follow what, its events.

It knows nothing of HTTP; tests/standin/stripe.py speaks for it.
"""

import itertools
import time
from typing import Any

Json = dict[str, Any]

_PARAMETERS = {
    "mode",
    "client_reference_id",
    "metadata",
    "payment_intent_data",
    "line_items",
    "adaptive_pricing",
    "success_url",
    "cancel_url",
    "expires_at",
    "expand",
}
_CANCELABLE = ("requires_payment_method", "requires_action", "processing", "requires_capture")


class StripeFault(Exception):
    """An answer that is an error."""

    def __init__(self, status: int, message: str, code: str = "", **more: Any) -> None:
        super().__init__(message)
        self.status = status
        self.body = {"error": {"type": "invalid_request_error", "message": message, **more}}
        if code:
            self.body["error"]["code"] = code


class Account:
    """Every method is what one request does, or what a customer does on a page."""

    def __init__(self, address: str) -> None:
        self.address = address
        self.sessions: dict[str, Json] = {}
        self.intents: dict[str, Json] = {}
        self.charges: dict[str, Json] = {}
        self.refunds: dict[str, Json] = {}
        self.events: list[Json] = []
        self._number = itertools.count(1)

    def _name(self, prefix: str) -> str:
        return f"{prefix}_test_{next(self._number):024d}"

    def _tell(self, kind: str, thing: Json) -> None:
        self.events.append(
            {
                "id": self._name("evt"),
                "object": "event",
                "created": int(time.time()),
                "type": kind,
                "livemode": False,
                "data": {"object": dict(thing)},
            }
        )

    # --- sessions

    def create_session(self, form: Json) -> Json:
        if unknown := form.keys() - _PARAMETERS:
            raise StripeFault(400, f"Received unknown parameter: {unknown}", "parameter_unknown")
        now = int(time.time())
        expires_at = int(form.get("expires_at", now + 24 * 3600))
        if not now + 1_800 <= expires_at <= now + 24 * 3600:
            raise StripeFault(400, "The expires_at timestamp must be within", param="expires_at")
        for url in ("success_url", "cancel_url"):
            if not form[url].startswith("http"):
                raise StripeFault(400, "Not a valid URL", "url_invalid", param=url)
        (item,) = form["line_items"].values()
        price = item["price_data"]
        if not price["product_data"]["name"]:
            raise StripeFault(400, "empty name", "parameter_invalid_empty")
        amount = int(price["unit_amount"]) * int(item["quantity"])
        if amount < 50:
            raise StripeFault(400, "The amount is too small", "amount_too_small")
        assert price["currency"] == price["currency"].lower()
        assert form["mode"] == "payment"
        name = self._name("cs")
        session = {
            "id": name,
            "object": "checkout.session",
            "created": now,
            "status": "open",
            "payment_status": "unpaid",
            "url": f"{self.address}/c/pay/{name}#fidkdWxOYHwnPyd1blpx%2F",
            "expires_at": expires_at,
            "amount_total": amount,
            "currency": price["currency"],
            "client_reference_id": form.get("client_reference_id"),
            "metadata": form.get("metadata", {}),
            "payment_intent": None,
            "success_url": form["success_url"],
            "cancel_url": form["cancel_url"],
            "_intent": form["payment_intent_data"],
        }
        self.sessions[name] = session
        return session

    def session(self, name: str) -> Json:
        if name not in self.sessions:
            raise StripeFault(404, f"No such checkout.session: {name}", "resource_missing")
        session = self.sessions[name]
        if session["status"] == "open" and session["expires_at"] <= time.time():
            self._close(session)
        return session

    def expire_session(self, name: str) -> Json:
        session = self.session(name)
        if session["status"] != "open":
            raise StripeFault(
                400, 'Only Checkout Sessions with a status in ["open"] can be expired'
            )
        self._close(session)
        return session

    def _close(self, session: Json) -> None:
        session |= {"status": "expired", "url": None}
        self._tell("checkout.session.expired", session)

    # --- what a customer does on the page

    def approve(self, name: str) -> None:
        """A card is accepted; on a page that is closed nothing happens."""
        session = self.session(name)
        if session["status"] != "open":
            return
        intent = self._attempted(session)
        manual = intent["capture_method"] == "manual"
        amount = intent["amount"]
        charge = {
            "id": self._name("ch"),
            "object": "charge",
            "captured": not manual,
            "amount": amount,
            "amount_refunded": 0,
        }
        self.charges[charge["id"]] = charge
        intent |= {
            "status": "requires_capture" if manual else "succeeded",
            "amount_capturable": amount if manual else 0,
            "amount_received": 0 if manual else amount,
            "last_payment_error": None,
            "latest_charge": charge["id"],
        }
        session |= {"status": "complete", "url": None}
        self._tell("payment_intent.amount_capturable_updated", intent)
        self._tell("charge.succeeded", charge)
        self._tell("checkout.session.completed", session)

    def decline(self, name: str) -> None:
        """A card is declined; the page stays open for another one."""
        session = self.session(name)
        if session["status"] == "open":
            intent = self._attempted(session)
            intent["last_payment_error"] = {"type": "card_error", "code": "card_declined"}
            self._tell("payment_intent.payment_failed", intent)

    def _attempted(self, session: Json) -> Json:
        if session["payment_intent"] is None:
            wanted = session["_intent"]
            intent = {
                "id": self._name("pi"),
                "object": "payment_intent",
                "created": int(time.time()),
                "status": "requires_payment_method",
                "amount": session["amount_total"],
                "currency": session["currency"],
                "capture_method": wanted.get("capture_method", "automatic"),
                "amount_capturable": 0,
                "amount_received": 0,
                "metadata": wanted.get("metadata", {}),
                "last_payment_error": None,
                "latest_charge": None,
            }
            self.intents[intent["id"]] = intent
            session["payment_intent"] = intent["id"]
        return self.intents[session["payment_intent"]]

    # --- intents

    def intent(self, name: str) -> Json:
        if name not in self.intents:
            raise StripeFault(404, f"No such payment_intent: {name}", "resource_missing")
        return self.intents[name]

    def capture(self, name: str) -> Json:
        intent = self.intent(name)
        if intent["status"] != "requires_capture":
            raise StripeFault(
                400, f"has a status of {intent['status']}", "payment_intent_unexpected_state"
            )
        intent |= {
            "status": "succeeded",
            "amount_received": intent["amount_capturable"],
            "amount_capturable": 0,
        }
        self.charges[intent["latest_charge"]]["captured"] = True
        self._tell("charge.captured", self.charges[intent["latest_charge"]])
        self._tell("payment_intent.succeeded", intent)
        return intent

    def cancel(self, name: str) -> Json:
        intent = self.intent(name)
        if intent["status"] not in _CANCELABLE:
            raise StripeFault(
                400, f"has a status of {intent['status']}", "payment_intent_unexpected_state"
            )
        intent |= {"status": "canceled", "amount_capturable": 0}
        self._tell("payment_intent.canceled", intent)
        return intent

    # --- refunds

    def repay(self, form: Json) -> Json:
        intent = self.intent(form["payment_intent"])
        charge = self.charges.get(intent["latest_charge"] or "")
        if charge is None or not charge["captured"]:
            raise StripeFault(400, "has no successful charge to refund", "charge_not_captured")
        left = charge["amount"] - charge["amount_refunded"]
        amount = int(form["amount"])
        if not left:
            raise StripeFault(400, "has already been refunded", "charge_already_refunded")
        if not 0 < amount <= left:
            raise StripeFault(400, "is greater than unrefunded amount", param="amount")
        charge["amount_refunded"] += amount
        refund = {
            "id": self._name("re"),
            "object": "refund",
            "status": "succeeded",
            "amount": amount,
            "payment_intent": intent["id"],
            "metadata": form.get("metadata", {}),
        }
        self.refunds[refund["id"]] = refund
        self._tell("charge.refunded", charge)
        return refund

    def fail_refund(self, name: str) -> None:
        """The customer's bank sends it back."""
        refund = self.refunds[name]
        refund["status"] = "failed"
        intent = self.intents[refund["payment_intent"]]
        self.charges[intent["latest_charge"]]["amount_refunded"] -= refund["amount"]
        self._tell("refund.failed", refund)
