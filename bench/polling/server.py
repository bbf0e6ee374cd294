"""The newspapers' server, a process of its own: ``python -m bench.polling.server``; prints its port.

Bare HTTP/1.1 on a protocol, without a framework, so that it takes a fraction of what its readers take (the report says
which). ``GET /READER/FEED`` answers 304 to the right ETag, else the feed; ``GET /turn/READER/NUMBER`` begins a reader's
next round. What a feed does wrong (`bench.polling.mischief`) is asked for by the reader's name.
"""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime
from email.utils import format_datetime
from typing import Final, cast

import uvloop

from bench.polling import mischief
from bench.polling.papers import TEMPLATES, edition, edition_number, etag

EDITIONS: Final = 3
"""Made before the first request: more than the rounds of a run reach."""

_HEAD: Final = (
    "HTTP/1.1 {status}\r\nServer: press\r\nDate: {date}\r\nContent-Type: application/rss+xml; charset=utf-8\r\n"
    "ETag: {etag}\r\nCache-Control: public, max-age=300\r\nVary: Accept-Encoding\r\nX-Frame-Options: SAMEORIGIN\r\n"
)


class Press(asyncio.Protocol):
    """One connection."""

    turns: dict[str, int] = {}  # noqa: RUF012 - one server a process
    seen: dict[str, int] = {}  # noqa: RUF012

    def __init__(self) -> None:
        self._buffer = b""
        self.transport: asyncio.Transport | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Remember where to answer."""
        self.transport = cast("asyncio.Transport", transport)  # uvloop's are of a class of their own

    def data_received(self, data: bytes) -> None:
        """Answer each whole request."""
        self._buffer += data
        while (end := self._buffer.find(b"\r\n\r\n")) >= 0:
            head, self._buffer = self._buffer[:end].decode("latin-1"), self._buffer[end + 4 :]
            self._answer(head)

    def _answer(self, head: str) -> None:
        assert self.transport is not None
        path = head.split(" ", 2)[1]
        _, reader, what = path.split("/", 2)
        if reader == "turn":
            who, _, number = what.partition("/")
            self.turns[who] = int(number)
            self.transport.write(b"HTTP/1.1 204 No Content\r\n\r\n")
            return
        feed, turn = int(what), self.turns.get(reader, 0)
        if reader == mischief.READER and mischief.answered(feed, path, self.transport, self.seen):
            return
        tag = etag(feed, turn)
        date = format_datetime(datetime.now(UTC), usegmt=True)
        if _header(head, "if-none-match") == tag:
            answer = _HEAD.format(status="304 Not Modified", date=date, etag=tag)
            self.transport.write(f"{answer}\r\n".encode())
            return
        body = edition(feed % TEMPLATES, edition_number(feed, turn)).body
        answer = _HEAD.format(status="200 OK", date=date, etag=tag)
        answer += f"Content-Encoding: gzip\r\nContent-Length: {len(body)}\r\n\r\n"
        self.transport.write(answer.encode() + body)


def _header(head: str, name: str) -> str:
    for line in head.split("\r\n"):
        if line[: len(name)].lower() == name:
            return line[len(name) + 1 :].strip()
    return ""


async def main() -> None:
    """Serve until killed."""
    for template in range(TEMPLATES):
        for number in range(EDITIONS):
            edition(template, number)
    server = await asyncio.get_running_loop().create_server(Press, "0.0.0.0", 0, backlog=4096)
    print(server.sockets[0].getsockname()[1], flush=True)
    await server.serve_forever()


if __name__ == "__main__":
    uvloop.run(main())
