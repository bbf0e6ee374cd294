"""Real HTTP servers on the loopback address, for whatever fetches."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

from aiohttp import web

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]

FEED = b"<rss version='2.0'><channel><title>t</title></channel></rss>"


@dataclass
class Site:
    """A server that answers every path by a handler, and remembers what it was asked."""

    handler: Handler
    requests: list[web.BaseRequest] = field(default_factory=list)
    url: str = ""

    async def answer(self, request: web.BaseRequest) -> web.StreamResponse:
        """Remember, then answer."""
        self.requests.append(request)
        assert isinstance(request, web.Request)
        return await self.handler(request)

    def asked(self, path: str) -> list[web.BaseRequest]:
        """The requests for one path."""
        return [request for request in self.requests if request.path == path]


@asynccontextmanager
async def serving(handler: Handler, host: str = "127.0.0.1") -> AsyncIterator[Site]:
    """A site on a free port of a loopback address."""
    site = Site(handler)
    app = web.Application()
    app.router.add_route("*", "/{path:.*}", site.answer)
    runner = web.AppRunner(app, shutdown_timeout=0.1)
    await runner.setup()
    listener = web.TCPSite(runner, host, 0)
    await listener.start()
    site.url = f"http://{host}:{runner.addresses[0][1]}"
    try:
        yield site
    finally:
        await runner.cleanup()


def answering(body: bytes = FEED, status: int = 200, **headers: str) -> Handler:
    """Always the same answer; in the names of headers "_" stands for "-"."""

    async def answer(_request: web.Request) -> web.Response:
        return web.Response(body=body, status=status, headers={k.replace("_", "-"): v for k, v in headers.items()})

    return answer
