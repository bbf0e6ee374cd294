"""What ours is held against: (a) the loop that people write, and (b) what no poller can do without.

naive   requests and feedparser in a pool of threads, a session each, ETags remembered
bound   aiohttp and lxml in one loop: no guard, no times, no state, no cleaning, nothing published
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from threading import local
from typing import Final

import aiohttp
import feedparser
import requests
from lxml import etree

from bench.polling.papers import etag, url

READERS: Final = 64
"""At the same time: as many as ours by default."""

THREADS: Final = 16

Story = tuple[str, str, str]
"""Title, link, summary."""


class Naive:
    """(a)"""

    def __init__(self, feeds: Sequence[int], port: int) -> None:
        self._etags = {url(feed, port, "naive"): etag(feed, 0) for feed in feeds}
        self._local = local()
        self._threads = ThreadPoolExecutor(THREADS)

    async def turn(self) -> int:
        """Every feed once; how many had changed."""
        return await asyncio.to_thread(lambda: sum(self._threads.map(self._poll, list(self._etags))))

    def _poll(self, address: str) -> bool:
        if not hasattr(self._local, "session"):
            self._local.session = requests.Session()
        answer = self._local.session.get(address, headers={"If-None-Match": self._etags[address]}, timeout=30)
        if answer.status_code == 304:
            return False
        answer.raise_for_status()
        parsed = feedparser.parse(answer.content)
        stories: list[Story] = [(one.title, one.link, one.summary) for one in parsed.entries]
        self._etags[address] = answer.headers["ETag"]
        return bool(stories)


class Bound:
    """(b)"""

    def __init__(self, feeds: Sequence[int], port: int) -> None:
        self._etags = {url(feed, port, "bound"): etag(feed, 0) for feed in feeds}
        self._session: aiohttp.ClientSession | None = None

    async def turn(self) -> int:
        """Every feed once; how many had changed."""
        if self._session is None:
            self._session = aiohttp.ClientSession(connector=aiohttp.TCPConnector(limit=READERS))
        waiting = iter(list(self._etags))
        return sum(await asyncio.gather(*(self._read(waiting, self._session) for _ in range(READERS))))

    async def _read(self, waiting: Sequence[str], session: aiohttp.ClientSession) -> int:
        changed = 0
        for address in waiting:
            async with session.get(address, headers={"If-None-Match": self._etags[address]}) as answer:
                if answer.status == 304:
                    continue
                root = etree.fromstring(await answer.read())
                stories = [
                    (one.findtext("title"), one.findtext("link"), one.findtext("description"))
                    for one in root.iter("item")
                ]
                self._etags[address] = answer.headers["ETag"]
                changed += bool(stories)
        return changed
