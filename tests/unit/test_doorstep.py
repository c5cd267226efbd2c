"""What may be answered unparsed: a whole plain request, and nothing that only looks like one."""

import pytest

from usher.plumbing.doorstep import request_of

JOIN = b"POST /api/v1/events/evt_1/queue HTTP/1.1\r\nhost: x\r\n"


@pytest.mark.parametrize(
    ("data", "method", "path"),
    [
        (JOIN + b"\r\n", "POST", "/api/v1/events/evt_1/queue"),
        (JOIN + b"Content-Length: 2\r\n\r\n{}", "POST", "/api/v1/events/evt_1/queue"),
        (JOIN + b"connection: keep-alive\r\n\r\n", "POST", "/api/v1/events/evt_1/queue"),
        (b"GET /events/e?x=1 HTTP/1.1\r\n\r\n", "GET", "/events/e"),
        (b"GET / HTTP/1.1\r\nUpgrade-Insecure-Requests: 1\r\n\r\n", "GET", "/"),
    ],
)
def test_whole_plain_requests(data: bytes, method: str, path: str) -> None:
    found = request_of(data)
    assert found is not None
    assert (found.method, found.path) == (method, path)


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"\x16\x03\x01\x02\x00",
        JOIN,  # the head is still coming
        JOIN + b"content-length: 3\r\n\r\n{}",  # the body is
        JOIN + b"content-length: 2\r\n\r\n{}GET",  # and here the next one is
        JOIN + b"\r\n" + JOIN + b"\r\n",
        JOIN + b"content-length: 2\r\ncontent-length: 2\r\n\r\n{}",
        JOIN + b"content-length: 2\r\nContent-Length : 0\r\n\r\n{}",
        JOIN + b"content-length: -2\r\n\r\n",
        JOIN + b"content-length: +2\r\n\r\n{}",
        JOIN + b"content-length: 2, 2\r\n\r\n{}",
        JOIN + b"content-length: 9999999999\r\n\r\n",
        JOIN + b"Transfer-Encoding: chunked\r\n\r\n",
        JOIN + b"expect: 100-continue\r\n\r\n",
        JOIN + b"connection: close\r\n\r\n",
        JOIN + b"connection: keep-alive, upgrade\r\n\r\n",
        JOIN + b"connection : close\r\n\r\n",
        JOIN + b"Connection: Upgrade\r\nupgrade: websocket\r\n\r\n",
        JOIN.replace(b"1.1", b"1.0") + b"\r\n",
        b"GET http://x/api/ HTTP/1.1\r\n\r\n",
        b"GET /api/\xff HTTP/1.1\r\n\r\n",
        b"get /api/ HTTP/1.1\r\n\r\n",
        b"HEAD /api/ HTTP/1.1\r\n\r\n",
        JOIN + b"x: " + b"y" * 20_000 + b"\r\n\r\n",
    ],
)
def test_all_else_goes_the_usual_way(data: bytes) -> None:
    assert request_of(data) is None


def test_a_page_is_chosen_by_what_its_reader_asks_for() -> None:
    found = request_of(b"GET / HTTP/1.1\r\nAccept: text/html,*/*\r\nAccept-Language: de\r\n\r\n")
    assert found is not None
    assert dict(found.headers) == {b"accept": b"text/html,*/*", b"accept-language": b"de"}
