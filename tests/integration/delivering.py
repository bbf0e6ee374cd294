"""A webhook's receiver, a process that delivers, and what it is given."""

from __future__ import annotations

import asyncio
import json
from collections import Counter
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Self

from aiohttp import web
from msgspec.structs import replace

from pipeline.kafka import Publisher
from pipeline.records import DeliverInput, Match, Subscription, encode
from pipeline.records.subscription import Webhook
from pipeline.sealing import Seals
from pipeline.topics import DELIVER_IN, SUBSCRIPTIONS
from tests.desks import desk, match
from tests.integration.workers import PATIENCE, Worker

SECRET = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"


class Receiver:
    """A webhook on this machine. ``status`` is what it answers; 0: it hangs."""

    def __init__(self) -> None:
        self.ids: Counter[str] = Counter()
        self.refused: Counter[str] = Counter()
        self.stories: Counter[str] = Counter()
        self.status = 200
        self.port = 0
        self._more = asyncio.Event()
        self._runner: web.AppRunner | None = None
        self._never = asyncio.Event()

    @property
    def url(self) -> str:
        """Where it listens."""
        return f"http://127.0.0.1:{self.port}/hook"

    async def __aenter__(self) -> Self:
        await self.up()
        return self

    async def __aexit__(self, *_: object) -> None:
        self._never.set()
        await self.down()

    async def up(self) -> None:
        """Listen: on the port of before, if there was one."""
        app = web.Application()
        app.router.add_post("/hook", self._hook)
        self._runner = web.AppRunner(app)
        await self._runner.setup()
        site = web.TCPSite(self._runner, "127.0.0.1", self.port)
        await site.start()
        self.port = self.port or site._server.sockets[0].getsockname()[1]  # type: ignore[union-attr]

    async def down(self) -> None:
        """Refuse connections."""
        if self._runner is not None:
            await self._runner.cleanup()
            self._runner = None

    async def until(self, wanted: set[str], otherwise: str = "") -> None:
        """Wait until all these stories came."""
        end = asyncio.get_running_loop().time() + PATIENCE
        while missing := wanted - self.stories.keys():
            self._more.clear()
            left = end - asyncio.get_running_loop().time()
            try:
                await asyncio.wait_for(self._more.wait(), max(left, 0))
            except TimeoutError:
                raise AssertionError(f"{len(missing)} of {len(wanted)} stories did not come; {otherwise}") from None

    async def any(self) -> None:
        """Wait for whatever comes next."""
        self._more.clear()
        await asyncio.wait_for(self._more.wait(), PATIENCE)

    async def _hook(self, request: web.Request) -> web.Response:
        name, body = request.headers["webhook-id"], await request.read()
        if self.status == 0:
            await self._never.wait()
        if self.status == 200:
            self.ids[name] += 1
            self.stories.update(_threads(body))
        else:
            self.refused[name] += 1
        self._more.set()
        return web.Response(status=self.status or 503)


def _threads(body: bytes) -> set[str]:
    found: set[str] = set()

    def walk(value: object) -> None:
        if isinstance(value, dict):
            if isinstance(value.get("thread"), str) and value["thread"]:
                found.add(value["thread"])
            for one in value.values():
                walk(one)
        elif isinstance(value, list):
            for one in value:
                walk(one)

    walk(json.loads(body))
    return found


class Deliverer(Worker):
    """A process `counterclaim deliver`."""

    def __init__(self, bootstrap: str, directory: Path, key_file: Path, **env: str) -> None:
        settings = {
            "COUNTERCLAIM_ALERTS_KEY_FILE": str(key_file),
            "COUNTERCLAIM_ALERTS_ALLOW_PRIVATE": "true",
            "COUNTERCLAIM_ALERTS_FEEDS_DIR": str(directory / "feeds"),
            "COUNTERCLAIM_LOG_LEVEL": "info",
        }
        super().__init__(bootstrap, directory, verb="deliver", env=settings | env)


def webhook(receiver: Receiver, key_file: Path) -> Webhook:
    """The receiver as a channel, its secret sealed."""
    return Webhook(url=receiver.url, secrets=(Seals.open(key_file, create=True).seal(SECRET),))


async def subscribe(bootstrap: str, *those: Subscription) -> None:
    """Put subscriptions on their topic."""
    async with Publisher([bootstrap]) as publisher:
        for one in those:
            await publisher.send(SUBSCRIPTIONS, encode(one), key=one.id.encode())


def subscription(name: str, channel: Webhook) -> Subscription:
    """Told at once, of everything."""
    return replace(desk(channel), id=name)


def matches(numbers: Sequence[int], *names: str) -> list[Match]:
    """A story for each number, for these subscriptions in turn."""
    now = datetime.now(UTC)
    return [match(number, at=now, subscription=names[number % len(names)]) for number in numbers]


async def publish(bootstrap: str, those: Sequence[Match]) -> None:
    """Put matches on `deliver.in`."""
    async with Publisher([bootstrap]) as publisher:
        await asyncio.gather(
            *(
                publisher.send(DELIVER_IN, encode(DeliverInput(what=one)), key=one.subscription.encode())
                for one in those
            )
        )


def stories(those: Sequence[Match]) -> set[str]:
    """The threads of these matches."""
    return {one.event.thread for one in those}
