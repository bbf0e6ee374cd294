"""One article page up to its text: ask the host's robots.txt, fetch, extract. Publishing it is somebody else's."""

from __future__ import annotations

import asyncio
from collections import OrderedDict
from dataclasses import dataclass
from datetime import datetime
from typing import Final, Protocol
from weakref import WeakValueDictionary

from pipeline.clock import Clock
from pipeline.errors import FetchError, FetchRefusedError, PageError
from pipeline.feeds.fetch import Fetched, May, Validators
from pipeline.feeds.freshness import hints
from pipeline.pages import robots
from pipeline.pages.extract import PageText
from pipeline.pages.robots import Permit, Robots

ACCEPT: Final = "text/html, application/xhtml+xml, */*;q=0.1"
ACCEPT_ROBOTS: Final = "text/plain, */*;q=0.1"

MAX_HOSTS: Final = 4_000
MAX_RULES_BYTES: Final = 64 << 20
"""Hosts whose robots.txt is kept, and of all their files together; the one that was used longest ago goes first."""


@dataclass(frozen=True, slots=True)
class Page:
    """What a server gave; ``url`` is where it came from, after redirects."""

    url: str
    body: bytes
    content_type: str


class Fetches(Protocol):
    """What is needed of `pipeline.feeds.fetch.Fetcher`."""

    async def fetch(
        self, url: str, validators: Validators | None = None, *, accept: str = ..., may: May | None = None
    ) -> Fetched:
        """GET."""


class Reads(Protocol):
    """What is needed of `pipeline.pages.page_pool.PagePool`."""

    async def extract(self, body: bytes, *, url: str, content_type: str, now: datetime) -> PageText:
        """HTML to text, within limits."""

    async def permit(self, rules: bytes, url: str) -> Permit:
        """Whether rules allow a URL."""


class RobotsCache:
    """The robots.txt of many hosts, each fetched once until it expires, however many ask at once."""

    def __init__(self, fetcher: Fetches, reader: Reads, clock: Clock) -> None:
        self._fetcher, self._reader, self._clock = fetcher, reader, clock
        self._known: OrderedDict[str, Robots] = OrderedDict()
        self._bytes = 0
        self._locks: WeakValueDictionary[str, asyncio.Lock] = WeakValueDictionary()

    def __len__(self) -> int:
        """Hosts that are known."""
        return len(self._known)

    async def permit(self, url: str) -> Permit:
        """Whether ``url`` may be fetched now, and how far apart requests to its host are to be."""
        known = await self._robots(robots.address(url))
        if known.access == "rules":
            return await self._reader.permit(known.rules, url)
        return Permit(allowed=known.access == "all", reason=known.reason, temporary=known.access == "none")

    async def _robots(self, address: str) -> Robots:
        # Held here, so that it lives as long as somebody waits for it.
        lock = self._locks.setdefault(address, asyncio.Lock())
        async with lock:
            known = self._known.get(address)
            if known is None or known.until <= self._clock.now():
                known = await self._fetch(address, known)
                self._keep(address, known)
            self._known.move_to_end(address)
            return known

    async def _fetch(self, address: str, before: Robots | None) -> Robots:
        try:
            fetched = await self._fetcher.fetch(address, accept=ACCEPT_ROBOTS)
        except FetchError as error:
            return robots.unreachable(error.reason, now=self._clock.now(), before=before)
        return robots.answered(fetched.status, fetched.headers, fetched.body, now=self._clock.now(), before=before)

    def _keep(self, address: str, found: Robots) -> None:
        if (old := self._known.pop(address, None)) is not None:
            self._bytes -= len(old.rules)
        self._known[address] = found
        self._bytes += len(found.rules)
        while len(self._known) > MAX_HOSTS or (self._bytes > MAX_RULES_BYTES and len(self._known) > 1):
            _, gone = self._known.popitem(last=False)
            self._bytes -= len(gone.rules)


class PageVisits:
    """Visits article pages, each host's robots.txt obeyed, at redirects too: `permit`, `fetch`, then `read`."""

    def __init__(self, fetcher: Fetches, reader: Reads, clock: Clock) -> None:
        self._fetcher, self._reader, self._clock = fetcher, reader, clock
        self._robots = RobotsCache(fetcher, reader, clock)

    async def permit(self, url: str) -> Permit:
        """Whether ``url`` may be fetched now, and how far apart requests to its host are to be."""
        return await self._robots.permit(url)

    async def fetch(self, url: str) -> Page:
        """What is at ``url``, which `permit` allows; a redirect is followed if its target is allowed, too.

        Raises:
            PageError: it cannot be had.
        """
        try:
            fetched = await self._fetcher.fetch(url, accept=ACCEPT, may=self._refusal)
        except FetchError as error:
            raise PageError(url, error.reason, temporary=not isinstance(error, FetchRefusedError)) from error
        if fetched.body is None:
            temporary = fetched.status == 429 or fetched.status >= 500
            asked = hints(fetched.status, fetched.headers, self._clock.now())
            wait = max((hint.seconds for hint in asked), default=0.0)
            raise PageError(url, f"HTTP {fetched.status}", temporary=temporary, wait_seconds=wait)
        return Page(fetched.final_url, fetched.body, fetched.headers.get("content-type", ""))

    async def read(self, page: Page) -> PageText:
        """The text of a page.

        Raises:
            PageError: there is none in it.
        """
        now = self._clock.now()
        return await self._reader.extract(page.body, url=page.url, content_type=page.content_type, now=now)

    async def _refusal(self, url: str) -> str:
        permit = await self._robots.permit(url)
        return "" if permit.allowed else permit.reason
