"""Pages of webhooks, as `scenes`."""

from playwright.async_api import Page

from tests.journey.cast import Cast, scene
from usher.ids import new_id


@scene
async def organiser_hooks(cast: Cast) -> Page:
    """One that hears of everything, one that fails."""
    page = await cast.organiser()
    await cast.ask(page, "POST", "/api/v1/hooks", {"url": "http://example.com/usher"})
    wish = {"url": f"http://example.org/{'long-' * 20}", "kinds": ["booking.confirmed"]}
    hook = (await cast.ask(page, "POST", "/api/v1/hooks", wish))["hook_id"]
    async with cast.house.database.connection() as connection:
        await connection.execute("UPDATE hook SET failing_since = now() WHERE id = $1", hook)
    return await cast.go(page, "/organiser/hooks")


@scene
async def organiser_hooks_refused(cast: Cast) -> Page:
    page = await cast.go(await cast.organiser(), "/organiser/hooks")
    await page.locator("#f-url").fill("https://me:secret@example.org/")
    await page.locator("input[value='ticket.used']").check()
    await page.locator("#new button").click()
    await page.locator("[role=alert]").wait_for()
    return page


@scene
async def organiser_hook_new(cast: Cast) -> Page:
    """Its secret is shown, this once."""
    page = await cast.go(await cast.organiser(), "/organiser/hooks")
    await page.locator("#f-url").fill("http://example.org/usher")
    await page.locator("#new button").click()
    await page.locator("#secret").wait_for()
    return page


async def _fared(cast: Cast) -> tuple[Page, str]:
    """A hook that was switched off, with deliveries in every state."""
    page = await cast.organiser()
    made = await cast.ask(page, "POST", "/api/v1/hooks", {"url": "http://example.org/usher"})
    hook = str(made["hook_id"])
    async with cast.house.database.connection() as connection:
        await connection.execute(
            "UPDATE hook SET state = 'broken', reason = 'failing',"
            " failing_since = now() - interval '3 days' WHERE id = $1",
            hook,
        )
        for state, fact, status, fault in (
            ("done", "booking.confirmed", 200, ""),
            ("dead", "booking.refunded", 500, "answered 500"),
            ("pending", "ticket.used", None, "no answer within 10 s"),
            ("pending", "event.cancelled", None, ""),
        ):
            await connection.execute(
                "INSERT INTO hook_delivery (id, hook_id, fact, subject, body, state, attempts,"
                " status, answer, fault, until, tried_at)"
                " VALUES ($1, $2, $3, '', $4, $5, 3, $6, $7, $8, now() + interval '1 day', now())",
                new_id("delivery"),
                hook,
                fact,
                '{"type":"' + fact + '","data":{"booking_id":"' + "0" * 200 + '"}}',
                state,
                status,
                "<h1>Server error</h1>" if status == 500 else "",
                fault,
            )
    return page, hook


@scene
async def organiser_hook(cast: Cast) -> Page:
    page, hook = await _fared(cast)
    return await cast.go(page, f"/organiser/hooks/{hook}")


@scene
async def organiser_hook_delivery(cast: Cast) -> Page:
    page, hook = await _fared(cast)
    await cast.go(page, f"/organiser/hooks/{hook}?state=dead")
    await page.locator("#deliveries td a").click()
    await page.locator("pre").first.wait_for()
    return page
