"""Pages as answers: what their heads forbid, forms from elsewhere, refusals for people and for
programs, files that are cached for ever."""

import asyncio
import re
from urllib.parse import urlsplit

import httpx
import pytest

from tests.conftest import Site
from tests.sale import put_on_sale
from usher.wiring import House

pytestmark = pytest.mark.anyio

PAGE = {"accept": "text/html,application/xhtml+xml"}


@pytest.fixture
async def front(http: httpx.AsyncClient) -> str:
    """The first page's text."""
    return (await http.get("/", headers=PAGE)).text


@pytest.mark.parametrize("path", ["/", "/nowhere", "/events/evt_00000000000000000000"])
async def test_nothing_may_be_loaded_from_elsewhere_or_framed(
    http: httpx.AsyncClient, path: str
) -> None:
    answer = await http.get(path, headers=PAGE)
    rules = dict(
        rule.strip().partition(" ")[::2]
        for rule in answer.headers["content-security-policy"].split(";")
    )
    assert rules["default-src"] == "'none'"
    assert rules["script-src"] == rules["style-src"] == rules["connect-src"] == "'self'"
    assert rules["frame-ancestors"] == rules["base-uri"] == "'none'"
    assert answer.headers["x-content-type-options"] == "nosniff"
    assert answer.headers["cache-control"] == "no-store"


async def test_no_script_and_no_style_stands_in_a_page(front: str) -> None:
    assert not re.search(r"<style|\sstyle=|\son[a-z]+=|javascript:", front)
    for tag in re.findall(r"<script[^>]*>", front):
        assert "src=" in tag or 'type="application/json"' in tag


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({"sec-fetch-site": "cross-site"}, 403),
        ({"sec-fetch-site": "same-site"}, 403),
        ({"origin": "https://elsewhere.example"}, 403),
        ({"origin": "null"}, 403),
        ({"origin": "http://["}, 403),
        ({"sec-fetch-site": "same-origin"}, 303),
        ({"sec-fetch-site": "none"}, 303),
        ({}, 303),
    ],
)
async def test_forms_are_taken_from_this_site_only(
    http: httpx.AsyncClient, headers: dict[str, str], status: int
) -> None:
    form = {"language": "en", "next": "/?q=x"}
    answer = await http.post("/language", headers=headers, data=form)
    assert answer.status_code == status
    assert ("set-cookie" in answer.headers) == (status == 303)


@pytest.mark.parametrize(
    "path",
    ["events/{event}/queue", "auth/logout", "events/{event}/holds", "auth/login"],
)
async def test_another_site_changes_nothing_by_the_api_either(
    house: House, http: httpx.AsyncClient, path: str
) -> None:
    """Its form would come without our cookies, and take them away by those of the answer."""
    told = "this was sent by another site"
    where = "/api/v1/" + path.format(event=await put_on_sale(house))
    for elsewhere in (
        {"sec-fetch-site": "cross-site"},
        {"sec-fetch-site": "same-site"},
        {"origin": "https://elsewhere.example"},
        {"sec-fetch-site": "cross-site", "authorization": "Basic YTpi"},
    ):
        answer = await http.post(where, headers=elsewhere)
        assert (answer.status_code, answer.json()["detail"]) == (403, told)
        assert "set-cookie" not in answer.headers
    for ours in ({"sec-fetch-site": "same-origin"}, {}):
        assert told not in (await http.post(where, headers=ours)).text


@pytest.mark.parametrize(
    "where",
    [
        *("https://elsewhere.example/", "//elsewhere.example", "/\\elsewhere.example"),
        *("javascript:alert(1)", "", "/\r\nset-cookie: a=b", "/ü"),
    ],
)
async def test_a_form_leads_nowhere_else(http: httpx.AsyncClient, where: str) -> None:
    answer = await http.post("/language", data={"language": "en", "next": where})
    assert answer.status_code == 303
    assert answer.headers["location"] == "/"


@pytest.mark.parametrize("referer", ["http://[", "//[x", "https://elsewhere.example/x"])
async def test_a_login_after_a_form_from_nowhere_leads_to_the_first_page(
    http: httpx.AsyncClient, referer: str
) -> None:
    answer = await http.post("/logout/everywhere", headers=PAGE | {"referer": referer})
    assert (answer.status_code, answer.headers["location"]) == (303, "/login?next=/")


async def test_an_address_of_two_slashes_is_no_link_to_another_site(site: Site) -> None:
    where = urlsplit(site.url)
    reader, writer = await asyncio.open_connection(where.hostname, where.port)
    writer.write(
        b"GET //elsewhere.example/x HTTP/1.1\r\nhost: %s\r\naccept: text/html\r\n"
        b"connection: close\r\n\r\n" % where.netloc.encode()
    )
    page = (await reader.read()).decode()
    writer.close()
    assert " 404 " in page.partition("\r\n")[0]
    assert 'href="/elsewhere.example/x"' in page
    assert '="//' not in page


async def test_a_form_that_cannot_be_read_is_refused(http: httpx.AsyncClient) -> None:
    for kind, body in [
        ("multipart/form-data", b"x"),
        ("multipart/form-data; boundary=x", b"rubbish"),
        ("multipart/form-data; boundary=x; charset=none-such", b"--x--"),
        ("application/x-www-form-urlencoded", b"language=%00&a=%ff%fe"),
        ("application/x-www-form-urlencoded", b"&".join(b"a%d=1" % n for n in range(2_000))),
    ]:
        answer = await http.post("/language", content=body, headers={"content-type": kind, **PAGE})
        assert 400 <= answer.status_code < 500, (kind, answer.status_code)
        assert answer.headers["content-type"].startswith("text/html")


async def test_a_refusal_is_a_page_for_people_and_a_problem_for_programs(
    http: httpx.AsyncClient,
) -> None:
    page = await http.get("/events/evt_00000000000000000000", headers=PAGE)
    assert (page.status_code, "There is nothing here" in page.text) == (404, True)
    program = await http.get("/events/evt_00000000000000000000")
    assert program.json()["code"] == "not_found"
    api = await http.get("/api/v1/events/evt_00000000000000000000", headers=PAGE)
    assert api.headers["content-type"] == "application/problem+json"


async def test_text_of_organisers_is_text(house: House, http: httpx.AsyncClient) -> None:
    hostile = "<script>alert(1)</script>'\"><img src=x onerror=alert(1)>"
    event = await put_on_sale(house, title=hostile, city="</select><b>")
    for path in ("/?q=onerror", f"/events/{event}"):  # the first page may be full of others
        text = (await http.get(path, headers=PAGE)).text
        assert "<script>alert" not in text
        assert "<img src=x" not in text
        assert "&lt;script&gt;alert(1)" in text


async def test_files_are_kept_for_ever_and_compressed(http: httpx.AsyncClient, front: str) -> None:
    found = re.search(r'href="(/static/[0-9a-f]+/app\.css)"', front)
    assert found is not None
    answer = await http.get(found[1])
    assert answer.headers["cache-control"] == "public, max-age=31536000, immutable"
    assert answer.headers["content-encoding"] == "gzip"
    plain = await http.get(found[1], headers={"accept-encoding": "identity"})
    assert plain.text == answer.text
    old = await http.get(re.sub(r"/static/\w+/", "/static/0000/", found[1]))
    assert old.headers["cache-control"] == "public, max-age=60"


@pytest.mark.parametrize(
    "path", ["/static/x/none.css", "/static/x/../base.html", "/static/x/%2e%2e/templates/base.html"]
)
async def test_nothing_else_is_a_file(http: httpx.AsyncClient, path: str) -> None:
    assert (await http.get(path)).status_code == 404
