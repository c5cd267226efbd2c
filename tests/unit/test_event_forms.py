"""What organisers type: times on a venue's clocks, prices, impossible terms."""

from datetime import UTC, datetime

import pytest
from babel.support import NullTranslations

from usher.event.editing.forms import (
    local,
    moment_in,
    read_facts,
    read_prices,
    read_sale,
    sale_values,
)
from usher.event.editing.model import Facts, PricedCategory, read_upload
from usher.plumbing.form import Form
from usher.plumbing.language import Language
from usher.sale.model import Sale
from usher.venue.report import Report

SAY = Language("en", NullTranslations())
FACTS = Facts(
    id="evt_1",
    title="T",
    production="T",
    kind="concert",
    description="",
    venue="V",
    city="",
    timezone="UTC",
    hall="H",
    organiser_id=None,
    cancel_before_s=None,
    starts_at=datetime(2030, 1, 1, tzinfo=UTC),
    currency="EUR",
    state="draft",
    sale_state="draft",
    seats=1,
    plan_id="pln_1",
    plan_name="P",
    booked=False,
    report=Report(),
    categories=[PricedCategory(0, "A", "#ffffff", 100)],
)
SALE = Sale(event_id="evt_1", draw_key=b"")


@pytest.mark.parametrize(
    ("typed", "utc"),
    [
        ("2030-01-15T19:30", datetime(2030, 1, 15, 18, 30, tzinfo=UTC)),
        ("2030-07-15T19:30", datetime(2030, 7, 15, 17, 30, tzinfo=UTC)),
        ("2030-10-27T02:30", datetime(2030, 10, 27, 0, 30, tzinfo=UTC)),  # twice: the first
    ],
)
def test_times_are_on_the_venues_clocks(typed: str, utc: datetime) -> None:
    form = Form({"at": typed})
    assert moment_in(form, "at", "Europe/Vienna", SAY) == utc
    assert form.good
    assert local(utc, "Europe/Vienna") == typed


@pytest.mark.parametrize(
    "typed", ["2030-03-31T02:30", "soon", "9999-12-31T23:59", "0001-01-01T00:00"]
)
def test_times_that_are_none_are_faults(typed: str) -> None:
    form = Form({"at": typed})
    moment_in(form, "at", "Europe/Vienna", SAY)
    assert "at" in form.faults


@pytest.mark.parametrize(
    ("typed", "currency", "amount"),
    [
        ("45", "EUR", 4500),
        ("45,5", "EUR", 4550),
        ("1 200.00", "EUR", 120_000),
        ("0", "EUR", 0),
        ("1500", "JPY", 1500),
        ("1.250", "KWD", 1250),
    ],
)
def test_prices_are_read_as_people_write_them(typed: str, currency: str, amount: int) -> None:
    form = Form({"price-0": typed})
    facts = Facts(
        **{n: getattr(FACTS, n) for n in FACTS.__struct_fields__} | {"currency": currency}
    )
    assert read_prices(form, facts, SAY).prices == {"A": amount}
    assert form.good


@pytest.mark.parametrize("typed", ["", "-1", "1.005", "free", "1e5", "99999999999", "٣"])
def test_prices_that_are_none_are_faults(typed: str) -> None:
    form = Form({"price-0": typed})
    read_prices(form, FACTS, SAY)
    assert "price-0" in form.faults


def test_impossible_terms_are_named_where_they_are() -> None:
    given = sale_values(SALE, "UTC")
    assert read_sale(Form(given), "UTC", SAY)
    wrong = given | {
        "seats_max": "0",
        "hold_s": "300",
        "hold_cap_s": "200",
        "lobby_at": "2030-01-02T00:00",
        "opens_at": "2030-01-01T00:00",
        "closes_at": "2030-01-01T00:00",
    }
    form = Form(wrong)
    read_sale(form, "UTC", SAY)
    assert set(form.faults) == {"seats_max", "hold_cap_s", "lobby_at", "closes_at"}


def test_an_empty_form_says_all_that_is_missing() -> None:
    form = Form()
    read_facts(form, SAY)
    assert set(form.faults) == {"title", "venue", "starts_at"}


def test_a_file_is_told_by_how_it_begins() -> None:
    drawn = read_upload(
        "My hall.svg", b'\xef\xbb\xbf <svg><circle data-seat="1" data-row="A" cx="1"/></svg>'
    )
    assert (drawn.plan.name, drawn.report.source) == ("My hall", "svg")


@pytest.mark.parametrize(
    "title", ["\u0645\u06cc\u200c\u0631\u0648\u0645", "\U0001f469\u200d\U0001f3a4", "\u200fa"]
)
def test_titles_may_be_of_any_script(title: str) -> None:
    """As the API takes them: Persian joins and parts letters by signs that nobody sees."""
    form = Form({"title": title, "venue": "V", "starts_at": "2030-01-01T20:00"})
    assert (read_facts(form, SAY)["title"], form.faults) == (title, {})


@pytest.mark.parametrize("title", ["a\x07b", "a\x9bb", "a\u2028b\x00"])
def test_titles_hold_no_control_characters(title: str) -> None:
    form = Form({"title": title, "venue": "V", "starts_at": "2030-01-01T20:00"})
    read_facts(form, SAY)
    assert form.faults.keys() == {"title"}
