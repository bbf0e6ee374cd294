"""Serves the demo's feeds over real HTTP on 127.0.0.1: validators, 304, gzip, and a second variant after the first.

A feed `name` is `name.xml`; where there is a `name.v2.xml`, that is what every fetch after the first full one gets.
"""

from __future__ import annotations

import asyncio
import hashlib
import random
from collections import Counter
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import format_datetime, parsedate_to_datetime
from pathlib import Path
from types import TracebackType
from typing import Final, Self

from aiohttp import web

from pipeline.demo.template import media_type, render, shuffled

HOST: Final = "127.0.0.1"

TURN_SECONDS: Final = 5.0
"""How long a feed waits for its turn in a shuffled order. The first polls are spread over 3 s, so in practice each gets
its turn; the bound keeps the demo going when a poller asks for few feeds at a time."""

SECOND_VARIANT: Final = ".v2"


@dataclass(frozen=True, slots=True)
class Served:
    """One variant of a feed as bytes, and its validator."""

    body: bytes
    media_type: str
    etag: str


class FeedServer:
    """The demo's feed server; an asynchronous context manager that gives itself.

    ``shuffle_seed`` shuffles the items within each feed and the order in which the feeds become available. ``now`` is
    what the dates are counted back from.
    """

    def __init__(
        self, folder: Path, *, now: datetime, shuffle_seed: int | None = None, turn_seconds: float = TURN_SECONDS
    ) -> None:
        self._folder, self._seed, self._turn_seconds = folder, shuffle_seed, turn_seconds
        self._start = now.astimezone(UTC).replace(microsecond=0)  # HTTP dates have whole seconds
        self._variants: dict[str, list[Served]] = {}
        self._answered: dict[str, asyncio.Event] = {}
        self._full_fetches: Counter[str] = Counter()
        self._runner: web.AppRunner | None = None
        self.base = ""
        self.order: list[str] = []
        """The feeds in the order in which they become available, when it is shuffled."""

        self.answers: Counter[int] = Counter()
        """Answers given, by HTTP status."""

    @property
    def requests(self) -> int:
        """Requests answered so far."""
        return self.answers.total()

    async def start(self) -> str:
        """Listen on any free port; the address, without a slash at its end.

        Raises:
            OSError: no port, or a template cannot be read.
        """
        app = web.Application()
        app.router.add_get("/feeds/{name}.xml", self._feed)
        self._runner = web.AppRunner(app, access_log=None)
        await self._runner.setup()
        site = web.TCPSite(self._runner, HOST, 0)
        await site.start()
        self.base = f"http://{HOST}:{self._runner.addresses[0][1]}"
        self._load()
        return self.base

    async def stop(self) -> None:
        """Close the port and what is open on it."""
        if self._runner is not None:
            await self._runner.cleanup()

    async def __aenter__(self) -> Self:
        await self.start()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.stop()

    def _load(self) -> None:
        for path in sorted(self._folder.glob("*.xml")):
            if SECOND_VARIANT not in path.suffixes:
                second = path.with_name(f"{path.stem}{SECOND_VARIANT}.xml")
                self._variants[path.stem] = [self._served(one) for one in (path, second) if one.exists()]
        self._answered = {name: asyncio.Event() for name in self._variants}
        self.order = list(self._variants)
        if self._seed is not None:
            random.Random(self._seed).shuffle(self.order)  # noqa: S311 - an order that can be repeated

    def _served(self, path: Path) -> Served:
        template = path.read_text(encoding="utf-8")
        if self._seed is not None:
            template = shuffled(template, self._seed)
        body = render(template, base=self.base, start=self._start)
        return Served(body, media_type(template), f'"{hashlib.blake2b(body, digest_size=8).hexdigest()}"')

    async def _feed(self, request: web.Request) -> web.Response:
        name = request.match_info["name"]
        if name not in self._variants:
            self.answers[404] += 1
            raise web.HTTPNotFound(text=f"no feed {name}\n")
        if self._seed is not None:
            await self._turn(name)
        answer = self._answer(name, request)
        self.answers[answer.status] += 1
        self._answered[name].set()
        return answer

    async def _turn(self, name: str) -> None:
        """Wait until each feed that comes before in the shuffled order was answered once."""
        before = self.order[: self.order.index(name)]
        try:
            async with asyncio.timeout(self._turn_seconds):
                for other in before:
                    await self._answered[other].wait()
        except TimeoutError:
            return  # a poller that asks for few feeds at a time never asks for the one we wait for

    def _answer(self, name: str, request: web.Request) -> web.Response:
        variants = self._variants[name]
        second = self._full_fetches[name] > 0 and len(variants) > 1
        served = variants[1] if second else variants[0]
        headers = {"ETag": served.etag, "Last-Modified": format_datetime(self._start, usegmt=True)}
        if self._unchanged(served, request, second=second):
            return web.Response(status=304, headers=headers)
        self._full_fetches[name] += 1
        answer = web.Response(body=served.body, headers=headers | {"Content-Type": served.media_type})
        answer.enable_compression()
        return answer

    def _unchanged(self, served: Served, request: web.Request, *, second: bool) -> bool:
        """Conditional GET: If-None-Match wins over If-Modified-Since (RFC 9110 §13.2.2).

        All variants have the start as their date, so a date alone never hides the second one.
        """
        if (tags := request.headers.get("If-None-Match")) is not None:
            return served.etag in {tag.strip().removeprefix("W/") for tag in tags.split(",")}
        since = request.headers.get("If-Modified-Since")
        return not second and since is not None and _not_after(self._start, since)


def _not_after(modified: datetime, since: str) -> bool:
    try:
        return modified <= parsedate_to_datetime(since)
    except (TypeError, ValueError):  # no date, or one without a zone: to be ignored (RFC 9110 §13.1.3)
        return False
