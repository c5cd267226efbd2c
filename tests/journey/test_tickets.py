"""A ticket on its page: printed, handed on, and opened by who was given it; script or none."""

import io
from urllib.parse import urlsplit

import pypdf
import pytest
import zxingcpp
from PIL import Image
from playwright.async_api import expect

from tests.journey.browser import PHONE
from tests.journey.cast import Cast
from tests.journey.conftest import Visitor
from usher.ticket.model import Grant
from usher.wiring import House

pytestmark = pytest.mark.anyio


@pytest.mark.parametrize("script", [True, False], ids=["script", "plain"])
async def test_it_is_handed_on(house: House, visitor: Visitor, script: bool) -> None:
    async with visitor(size=PHONE) as buyer:
        cast = Cast(house, buyer)
        page, booking = await cast.paid(await cast.event(mode="simple"))
        cookies = await buyer.context.cookies()
        found = await cast.ask(page, "GET", f"/api/v1/bookings/{booking}")
        ticket = found["tickets"][0]["ticket_id"]
    async with visitor(size=PHONE, script=script) as visit:
        await visit.context.add_cookies(cookies)  # type: ignore[arg-type]
        page = await visit.page(f"/bookings/{booking}")
        await page.get_by_role("link", name="Open the ticket").first.click()
        await expect(page.get_by_role("img", name="QR code")).to_be_visible()
        await page.get_by_text("Give this ticket to somebody else").click()
        await page.get_by_role("button", name="Hand the ticket on").click()
        await expect(page.get_by_role("alert")).to_contain_text("who is to have the ticket")
        await page.get_by_label("Their name").fill("Bo Baker")
        await page.get_by_label("Their email").fill("bo@example.org")
        await page.get_by_role("button", name="Hand the ticket on").click()
        await expect(page.get_by_role("status")).to_contain_text(
            "handed this ticket on to Bo Baker"
        )
        await expect(page.get_by_role("img", name="QR code")).to_have_count(0)
        await page.get_by_role("link", name="To the booking").click()
        await expect(page.get_by_text("handed on to Bo Baker")).to_be_visible()
        await expect(page.get_by_role("img", name="QR code")).to_have_count(1)
    async with visitor(size=PHONE, script=script, language="de") as heir:
        link = urlsplit(house.tickets.link(ticket, 1))
        page = await heir.page(f"{link.path}?{link.query}")
        code = page.get_by_role("img", name="QR-Code")
        await expect(code).to_be_visible()
        assert await code.evaluate("(image) => image.complete && image.naturalWidth > 0")
        (seen,) = zxingcpp.read_barcodes(Image.open(io.BytesIO(await code.screenshot())))
        shown = await house.tickets.read(ticket, Grant(ticket, 1))
        assert seen.text == shown["code"]  # as a scanner reads it off a phone
        async with page.expect_download() as started:
            await page.get_by_role("link", name="Als PDF herunterladen").click()
        paper = await (await started.value).path()
        text = pypdf.PdfReader(io.BytesIO(paper.read_bytes())).pages[0].extract_text()
        assert "Bo Baker" in text
        assert "Kategorie" in text
        await page.get_by_text("Dieses Ticket weitergeben").click()
        await page.get_by_label("Name der Person").fill("Cy")
        await page.get_by_label("E-Mail der Person").fill("cy@example.org")
        await page.get_by_role("button", name="Ticket weitergeben").click()
        await expect(page.get_by_role("status")).to_contain_text("an Cy weitergegeben")
