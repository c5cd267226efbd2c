"""The organiser's forms: what is typed becomes a change, or a fault beside its field."""

import asyncio
import re
from collections.abc import Mapping
from datetime import UTC, datetime
from decimal import Decimal, InvalidOperation
from typing import Any, Final
from zoneinfo import ZoneInfo

from babel.core import get_global
from msgspec import UNSET

from usher import limits
from usher.clock import is_timezone, wrong_time
from usher.currency import minor_digits, plain_money
from usher.errors import BadInput, BadPlan, UsherError
from usher.event.editing.model import EventChange, Facts, PlanWish, read_upload
from usher.event.model import NewEvent
from usher.plumbing.form import Form
from usher.plumbing.language import Language
from usher.sale.model import Sale, SaleChange
from usher.venue.check import CONTROL
from usher.venue.report import Found

KINDS: Final = ("concert", "theatre", "film", "sport", "other")
WINDOWS: Final[dict[str, tuple[int, int]]] = {
    "seats_max": (1, limits.fan_seats_max),
    "claim_s": (limits.window_s_min, limits.window_s_max),
    "shop_s": (limits.window_s_min, limits.window_s_max),
    "hold_s": (limits.hold_s_min, limits.hold_s_max),
    "hold_cap_s": (limits.hold_s_min, limits.hold_s_max),
    "payment_s": (limits.payment_s_min, limits.payment_s_max),
}
TIMES: Final = ("lobby_at", "opens_at", "closes_at")
_COLOUR: Final = re.compile(r"#[0-9a-fA-F]{6}")


def local(moment: datetime | None, timezone: str) -> str:
    """A moment as a field for date and time has it, on the clocks of `timezone`."""
    if moment is None:
        return ""
    return moment.astimezone(_zone(timezone)).strftime("%Y-%m-%dT%H:%M")


def _zone(name: str) -> Any:
    return ZoneInfo(name) if is_timezone(name) else UTC


def moment_in(form: Form, name: str, timezone: str, say: Language) -> datetime | None:
    """The moment typed into a field, on the clocks of `timezone`; None where it is empty."""
    if not form[name]:
        return None
    zone = _zone(timezone)
    try:
        given = datetime.fromisoformat(form[name]).replace(tzinfo=None)
        moment = given.replace(tzinfo=zone).astimezone(UTC)
    except (ValueError, OverflowError):
        form.fault(name, say.gettext("This is no date and time."))
        return None
    if wrong_time(moment):
        form.fault(name, say.gettext("This year is too far away."))
    elif moment.astimezone(zone).replace(tzinfo=None) != given:
        form.fault(name, say.gettext("Clocks are put forward then: this time does not exist."))
    return moment


def read_facts(form: Form, say: Language) -> dict[str, Any]:
    """What, where and when, by the names of NewEvent; faults are noted in the form."""
    most = limits.name_chars_max
    found: dict[str, Any] = {}
    for name in ("title", "production", "venue", "city", "hall"):
        # One line, whatever was pasted.
        text = " ".join(form[name].split())
        found[name] = text
        if len(text) > most:
            message = say.gettext("At most %(most)s characters.") % {"most": most}
            form.fault(name, message)
        elif CONTROL.search(text):  # joiners, of Persian and of emoji, are none
            form.fault(name, say.gettext("This holds characters that cannot be shown."))
    if not found["title"]:
        form.fault("title", say.gettext("An event needs a title."))
    if not found["venue"]:
        form.fault("venue", say.gettext("Where does it take place?"))
    found["hall"] = found["hall"] or "Main hall"
    found["kind"] = form["kind"] if form["kind"] in KINDS else "other"
    found["description"] = form["description"].replace("\r\n", "\n")
    if len(found["description"]) > limits.description_chars_max:
        most = limits.description_chars_max
        form.fault("description", say.gettext("At most %(most)s characters.") % {"most": most})
    found["timezone"] = form["timezone"] or "UTC"
    if not is_timezone(found["timezone"]):
        what = say.gettext("There is no such time zone. Choose one like Europe/Vienna.")
        form.fault("timezone", what)
    starts_at = moment_in(form, "starts_at", found["timezone"], say)
    if starts_at is None:
        form.fault("starts_at", say.gettext("When does it begin?"))
    found["starts_at"] = starts_at
    found["cancel_before_s"] = None
    if form["cancel_before_h"]:
        most = limits.cancel_before_s_max // 3600
        what = say.gettext("Hours from 0 to %s, please, or nothing.") % say.number(most)
        found["cancel_before_s"] = form.number("cancel_before_h", 0, most, what) * 3600
    found["currency"] = form["currency"].upper() or "EUR"
    if found["currency"] not in get_global("all_currencies"):
        form.fault("currency", say.gettext("There is no such currency. Type one like EUR."))
    return found


def fact_values(facts: Facts) -> dict[str, str]:
    """What the fields show of an event."""
    names = ("title", "production", "kind", "description", "venue", "city", "hall", "timezone")
    shown = {name: str(getattr(facts, name)) for name in names}
    shown["currency"] = facts.currency
    if facts.cancel_before_s is not None:
        shown["cancel_before_h"] = str(facts.cancel_before_s // 3600)
    shown["starts_at"] = local(facts.starts_at, facts.timezone)
    for each in facts.categories:
        shown[f"price-{each.rank}"] = plain_money(each.price, facts.currency)
        shown[f"color-{each.rank}"] = each.color if _COLOUR.fullmatch(each.color) else "#7a869a"
    return shown


def read_prices(form: Form, facts: Facts, say: Language) -> EventChange:
    """Prices and colours of the categories, as typed."""
    prices, colors = {}, {}
    digits = minor_digits(facts.currency)
    for each in facts.categories:
        price, color = f"price-{each.rank}", f"color-{each.rank}"
        if price in form:
            prices[each.name] = _price(form, price, digits, say)
        if color in form and form[color] != each.color:
            if _COLOUR.fullmatch(form[color]):
                # what the field had to show for a colour it cannot is no choice
                if _COLOUR.fullmatch(each.color) or form[color] != "#7a869a":
                    colors[each.name] = form[color]
            else:
                form.fault(color, say.gettext("This is no colour."))
    return EventChange(prices=prices, colors=colors)


def _price(form: Form, name: str, digits: int, say: Language) -> int:
    text = form[name].replace(",", ".").replace(" ", "").replace("\u00a0", "")
    most = Decimal(limits.price_max).scaleb(-digits)
    try:
        if not re.fullmatch(r"[0-9]{1,12}(\.[0-9]{1,4})?", text):
            raise InvalidOperation
        minor = Decimal(text).scaleb(digits)
        if minor == minor.to_integral_value() and minor <= limits.price_max:
            return int(minor)
    except InvalidOperation:
        pass
    if digits:
        what = say.gettext("A price is 0 to %(most)s, like 45 or 45.50.") % {
            "most": say.number(float(most))
        }
    else:
        what = say.gettext("A price is a whole number from 0 to %(most)s.") % {
            "most": say.number(float(most))
        }
    form.fault(name, what)
    return 0


def sale_values(sale: Sale, timezone: str) -> dict[str, str]:
    """What the fields show of a sale."""
    names = ("mode", *WINDOWS, "waitlist", "offer_s")
    shown = {name: str(getattr(sale, name)) for name in names}
    if has_access():
        shown["access"] = str(getattr(sale, "access", "guest"))
    return shown | {name: local(getattr(sale, name), timezone) for name in TIMES}


def has_access() -> bool:
    """Whether a sale says who may buy: anybody, or accounts only."""
    return "access" in SaleChange.__struct_fields__


def read_sale(form: Form, timezone: str, say: Language) -> SaleChange:
    """How it is sold, as typed."""
    found: dict[str, Any] = {"mode": "simple" if form["mode"] == "simple" else "queued"}
    for name, (least, most) in WINDOWS.items():
        what = say.gettext("A whole number from %(least)s to %(most)s.")
        found[name] = form.number(name, least, most, what % {"least": least, "most": most})
    if "hold_s" not in form.faults and found["hold_cap_s"] < found["hold_s"]:
        what = say.gettext("Not shorter than the hold itself.")
        form.fault("hold_cap_s", what)
    for name in TIMES:
        found[name] = moment_in(form, name, timezone, say)
    lobby, opens, closes = (found[name] for name in TIMES)
    if lobby and opens and lobby > opens:
        form.fault("lobby_at", say.gettext("The waiting room cannot open after the sale."))
    if closes and (opens or lobby) and closes <= max(each for each in (opens, lobby) if each):
        form.fault("closes_at", say.gettext("The sale cannot end before it has begun."))
    if has_access() and form["access"] in ("guest", "login"):
        found["access"] = form["access"]
    if form["waitlist"] in ("on", "off"):
        found["waitlist"] = form["waitlist"]
    if "offer_s" in form:
        least, most = limits.offer_s_min, limits.offer_s_max
        what = say.gettext("A whole number from %(least)s to %(most)s.")
        found["offer_s"] = form.number(
            "offer_s", least, most, what % {"least": least, "most": most}
        )
    return SaleChange(**found)


async def read_plan(form: Form, say: Language) -> Found | None:
    """The plan that a form asks for, by numbers or by a file; None with a fault beside it."""
    source = form["source"] or "rows"
    try:
        if source == "file":
            upload = form.files.get("plan")
            raw = await upload.read() if upload else b""
            if upload is None or not raw:
                form.fault("plan", say.gettext("Choose a file: a pretix plan (JSON) or an SVG."))
                return None
            return await asyncio.to_thread(read_upload, upload.filename, raw)
        most = limits.plan_seats_max
        what = say.gettext("A whole number from 1 to %(most)s.") % {"most": say.number(most)}
        if source == "bowl":
            wish = PlanWish(bowl=form.number("bowl", 1, most, what))
        else:
            wish = PlanWish(
                rows=form.number("rows", 1, most, what),
                columns=form.number("columns", 1, most, what),
            )
            if form.good and (wish.rows or 0) * (wish.columns or 0) > most:
                what = say.gettext("These are more than %(most)s seats, which is the most.")
                form.fault("columns", what % {"most": say.number(most)})
        return await asyncio.to_thread(wish.read) if form.good else None
    except BadPlan as refusal:
        form.fault("plan", _told(refusal, say))
    except BadInput as refusal:
        form.fault("rows" if source == "rows" else source, refusal.detail)
    return None


def _told(refusal: BadPlan, say: Language) -> str:
    """What is wrong with a plan; the places in a file are told as they are."""
    lead = say.gettext("This plan cannot be used. Nothing was stored; choose a mended file again.")
    errors: list[Mapping[str, str]] = refusal.members.get("errors", [])
    places = "; ".join(f"{each['where']}: {each['what']}" for each in errors[:5])
    return f"{lead} {places or refusal.detail}"


def note(form: Form, refusal: UsherError, otherwise: str) -> None:
    """What a service refuses, beside the fields it names."""
    named = [each for each in refusal.members.get("errors", []) if each["where"] in form]
    for each in named:
        form.fault(each["where"], each["what"])
    if not named:
        form.fault(otherwise, refusal.detail)


def as_change(found: Mapping[str, Any], before: Facts) -> EventChange:
    """What differs from the event as it is."""
    return EventChange(
        **{n: v for n, v in found.items() if v != getattr(before, n) and v is not UNSET}
    )


def as_new(found: Mapping[str, Any]) -> NewEvent:
    """A new event of what was typed; its prices are still to be set."""
    return NewEvent(prices={}, **found)
