"""A webhook's receiver on 127.0.0.1, as a subscriber would write it: `standardwebhooks` verifies each signature."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Mapping
from types import TracebackType
from typing import Any, Final, Self

from aiohttp import web
from standardwebhooks import Webhook

from pipeline.demo.alerts import Arrival
from pipeline.demo.server import HOST

REFUSED: Final = 401
"""The answer to what is not signed as it should be; it is sent again later, which changes nothing."""


class Receiver:
    """Takes POSTs to `/<subscription>`; an asynchronous context manager that gives itself.

    Args:
        secrets: of each subscription (`whsec_…`).
    """

    def __init__(self, secrets: Mapping[str, str]) -> None:
        self._secrets = secrets
        self._runner: web.AppRunner | None = None
        self.base = ""
        """Its address, without a slash at its end."""

        self.arrivals: asyncio.Queue[Arrival] = asyncio.Queue()

    async def __aenter__(self) -> Self:
        app = web.Application()
        app.router.add_post("/{subscription}", self._take)
        self._runner = web.AppRunner(app, access_log=None)
        await self._runner.setup()
        await web.TCPSite(self._runner, HOST, 0).start()
        self.base = f"http://{HOST}:{self._runner.addresses[0][1]}"
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._runner is not None:
            await self._runner.cleanup()

    async def _take(self, request: web.Request) -> web.Response:
        arrival = self._judged(request.match_info["subscription"], await request.read(), request.headers)
        self.arrivals.put_nowait(arrival)
        return web.Response(status=REFUSED if arrival.problem else 204)

    def _judged(self, subscription: str, body: bytes, headers: Mapping[str, str]) -> Arrival:
        name = headers.get("webhook-id", "")
        try:
            told: dict[str, Any] = Webhook(self._secrets[subscription]).verify(body, dict(headers))
        except KeyError:
            return Arrival(subscription, name, problem="there is no such subscription")
        except (Exception, json.JSONDecodeError) as error:  # the library's own has no base but Exception
            return Arrival(subscription, name, problem=f"{type(error).__name__}: {error}")
        return Arrival(subscription, name, body=told)
