"""What feeds do wrong in the soak: hang, reset, drip, answer 500, 429 and 404, move away. By the feed's number."""

from __future__ import annotations

import asyncio
import socket
import struct
from collections.abc import Callable
from typing import Final

READER: Final = "soak"
SORTS: Final = 20
"""Of twenty feeds, seven misbehave."""

DRIP_SECONDS: Final = 0.5


def answered(feed: int, path: str, transport: asyncio.Transport, seen: dict[str, int]) -> bool:
    """Whether this feed misbehaved; else it is to be answered as any other. ``seen`` counts the requests of a path."""
    act = _ACTS.get(feed % SORTS)
    if act is None:
        return False
    seen[path] = seen.get(path, 0) + 1
    return act(feed, transport, seen[path])


def _hang(_feed: int, _transport: asyncio.Transport, _count: int) -> bool:
    return True


def _reset(_feed: int, transport: asyncio.Transport, _count: int) -> bool:
    plug: socket.socket = transport.get_extra_info("socket")
    plug.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    transport.abort()
    return True


def _drip(_feed: int, transport: asyncio.Transport, _count: int) -> bool:
    """A body that comes a byte at a time, for longer than anybody waits."""
    transport.write(b"HTTP/1.1 200 OK\r\nContent-Type: application/rss+xml\r\nContent-Length: 100000\r\n\r\n")
    loop = asyncio.get_running_loop()

    def drop() -> None:
        if not transport.is_closing():
            transport.write(b" ")
            loop.call_later(DRIP_SECONDS, drop)

    drop()
    return True


def _status(line: str) -> Callable[[int, asyncio.Transport, int], bool]:
    def answer(_feed: int, transport: asyncio.Transport, count: int) -> bool:
        if not count % 3:
            return False  # it works again for once
        transport.write(f"HTTP/1.1 {line}\r\nContent-Length: 0\r\n\r\n".encode())
        return True

    return answer


def _move(feed: int, transport: asyncio.Transport, count: int) -> bool:
    """Another address every few times, each of them new; the new one answers."""
    where = f"/plain/{feed + SORTS * (count // 4)}"
    transport.write(f"HTTP/1.1 301 Moved\r\nLocation: {where}\r\nContent-Length: 0\r\n\r\n".encode())
    return True


_ACTS: Final[dict[int, Callable[[int, asyncio.Transport, int], bool]]] = {
    1: _hang,
    3: _reset,
    5: _drip,
    7: _status("500 Internal Server Error"),
    9: _status("429 Too Many Requests"),
    11: _status("404 Not Found"),
    13: _move,
}
