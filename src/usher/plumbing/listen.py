"""Listening, many times over, on one address.

The event loop takes one connection from a listening socket each time round (libuv has done so since
1.45, see its pull request 3696): at turns of 20 ms, 50 a second, however many stand at the door.
Measured: 500 connections in 10 s by one socket, in 0.3 s by 64. So there are as many sockets as
connections should be taken in one turn; the kernel spreads who comes over them (SO_REUSEPORT).
"""

import errno
import socket
from typing import Any, Final

from usher.errors import SetupError

LISTENERS: Final = 64
BACKLOG: Final = 4_096
# A name has addresses of a family that this machine may not speak.
_NOT_HERE: Final = (errno.EADDRNOTAVAIL, errno.EAFNOSUPPORT)


def listening(host: str, port: int, listeners: int = LISTENERS) -> list[socket.socket]:
    """Sockets bound to every address of `host` that this machine has, and listening: who comes
    waits in the kernel until a server takes them over. Port 0 is the same free one for all.
    SetupError where somebody else listens there."""
    sockets: list[socket.socket] = []
    try:
        found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)
        absent: OSError | None = None
        for family, _, _, _, address in dict.fromkeys(found):
            try:
                made = _door(family, (address[0], port, *address[2:]), listeners)
            except OSError as fault:
                if fault.errno not in _NOT_HERE:
                    raise
                absent = fault
                continue
            sockets += made
            port = made[0].getsockname()[1]
        if absent and not sockets:
            raise absent
    except OSError as fault:
        for each in sockets:
            each.close()
        raise SetupError(f"{host}:{port} cannot be listened on: {fault.strerror}") from fault
    return sockets


def _door(family: int, address: tuple[Any, ...], listeners: int) -> list[socket.socket]:
    """The sockets of one address."""
    # Alone first: two servers on one port would share their clients, and nobody would know. Of two
    # that come at once the kernel lets one listen; only then is the port shared, with ourselves.
    first = _bound(family, address, share=False)
    sockets = [first]
    try:
        first.listen(BACKLOG)
        if hasattr(socket, "SO_REUSEPORT"):
            first.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
            for _ in range(listeners - 1):
                sockets.append(_bound(family, first.getsockname(), share=True))
                sockets[-1].listen(BACKLOG)
    except BaseException:
        for each in sockets:
            each.close()
        raise
    return sockets


def _bound(family: int, address: tuple[Any, ...], *, share: bool) -> socket.socket:
    made = socket.socket(family, socket.SOCK_STREAM)
    try:
        made.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        if share:
            made.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
        if family == socket.AF_INET6:
            made.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
        made.bind(address)
        made.setblocking(False)
    except BaseException:
        made.close()
        raise
    return made
