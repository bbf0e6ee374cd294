"""Webhooks in this process: they note when each message came, and answer at once or never."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Collection, Sequence
from datetime import UTC, datetime
from typing import Self

from aiohttp import web

from pipeline.records import Webhook
from pipeline.sealing import Seals
from tests.integration.delivering import SECRET


class Receivers:
    """Endpoints on ports of their own: ``answering`` ones, and ``hanging`` ones."""

    def __init__(self, answering: int, hanging: int = 0) -> None:
        self.arrived: dict[str, datetime] = {}
        """webhook-id → when it came first"""
        self.times: Counter[str] = Counter()
        """webhook-id → how often it came"""
        self.hung = 0
        """Requests that were never answered."""
        self.urls: list[str] = []
        self.hanging: list[str] = []
        self._numbers = answering, hanging
        self._runners: list[web.AppRunner] = []
        self._never, self._more = asyncio.Event(), asyncio.Event()

    async def __aenter__(self) -> Self:
        answering, hanging = self._numbers
        self.urls = [await self._listen(self._take) for _ in range(answering)]
        self.hanging = [await self._listen(self._hang) for _ in range(hanging)]
        return self

    async def __aexit__(self, *_: object) -> None:
        self._never.set()
        for runner in self._runners:
            await runner.cleanup()

    async def all(self, wanted: Collection[str], seconds: float) -> int:
        """Wait until all of these came, and no longer; how many did not."""
        end = asyncio.get_running_loop().time() + seconds
        while missing := sum(one not in self.arrived for one in wanted):
            self._more.clear()
            try:
                await asyncio.wait_for(self._more.wait(), max(0, end - asyncio.get_running_loop().time()))
                await asyncio.sleep(0.05)
            except TimeoutError:
                return missing
        return 0

    async def _listen(self, handler: object) -> str:
        app = web.Application()
        app.router.add_post("/hook", handler)  # type: ignore[arg-type]
        runner = web.AppRunner(app, access_log=None, shutdown_timeout=1)
        await runner.setup()
        self._runners.append(runner)
        site = web.TCPSite(runner, "127.0.0.1", 0)
        await site.start()
        return f"http://127.0.0.1:{runner.addresses[0][1]}/hook"

    async def _take(self, request: web.Request) -> web.Response:
        now, name = datetime.now(UTC), request.headers["webhook-id"]
        await request.read()
        self.arrived.setdefault(name, now)
        self.times[name] += 1
        self._more.set()
        return web.Response(status=204)

    async def _hang(self, _request: web.Request) -> web.Response:
        self.hung += 1
        await self._never.wait()
        return web.Response(status=503)


def webhooks(urls: Sequence[str], seals: Seals) -> list[Webhook]:
    """The endpoints as channels, signed."""
    return [Webhook(url=url, secrets=(seals.seal(SECRET),)) for url in urls]
