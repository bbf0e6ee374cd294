"""Which feed is polled next: by when it is due, with a limit for each host that holds for pages too. Pure.

A due feed whose host is busy stands in line there and takes no place from the others: five hundred feeds of one host
that come due together delay nobody else's.
"""

from __future__ import annotations

import asyncio
import heapq
from collections import Counter, deque
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from datetime import datetime
from functools import partial
from itertools import count

from pipeline.records import host_of

Go = Callable[[], bool]
"""Called when a place is free: it is the asker's now, unless the answer is that he does not want it any more."""


class HostSlots:
    """Places at each host, for all that asks it: feeds and pages share one of these.

    Whoever finds no place stands in line, first come, first served. Of one host's pages one is in the line at a time,
    so however many wait, a feed waits for one of them at most.
    """

    def __init__(self, per_host: int) -> None:
        self._per_host = per_host
        self._taken: Counter[str] = Counter()
        self._lines: dict[str, deque[Go]] = {}

    def take(self, host: str, go: Go) -> bool:
        """Take a place; when there is none, stand in line for it: ``go`` is called, once."""
        if self._taken[host] < self._per_host:
            self._taken[host] += 1
            return True
        self._lines.setdefault(host, deque()).append(go)
        return False

    def give_back(self, host: str) -> None:
        """A place is free; who stood in line longest and still wants it has it at once."""
        line = self._lines.get(host)
        while line:
            if line.popleft()():
                return
        self._lines.pop(host, None)
        self._taken[host] -= 1
        if not self._taken[host]:
            del self._taken[host]

    @asynccontextmanager
    async def place(self, host: str) -> AsyncIterator[None]:
        """Wait for a place, and have it while the block runs."""
        free: asyncio.Future[None] = asyncio.get_running_loop().create_future()

        def go() -> bool:
            if not free.done():
                free.set_result(None)
                return True
            return False

        if self.take(host, go):
            free.set_result(None)
        try:
            await free
            yield
        finally:
            if not free.cancelled():  # cancelled: while it stood in line
                self.give_back(host)


class DueQueue:
    """Feeds wait here between polls. A feed is waiting, in its host's line or running, never two of these.

    Args:
        slots: the places at hosts.
        ready: called when a feed that stood in line may be taken.
    """

    def __init__(self, slots: HostSlots, ready: Callable[[], None] = lambda: None) -> None:
        self._slots, self._ready = slots, ready
        self._numbers = count()
        self._present: dict[str, int] = {}
        self._waiting: list[tuple[datetime, int, str]] = []
        self._placed: deque[tuple[int, str]] = deque()

    def add(self, url: str, due: datetime) -> None:
        """Let a feed wait until ``due``; if it was waiting already, it waits until then instead."""
        number = self._present[url] = next(self._numbers)
        heapq.heappush(self._waiting, (due, number, url))

    def discard(self, url: str) -> None:
        """Forget a feed that waits or stands in line; one that is running, or unknown, is left alone."""
        self._present.pop(url, None)

    def take(self, now: datetime) -> str | None:
        """A feed that may be polled now; it counts as running until `done`. None when there is none."""
        while self._placed:
            number, url = self._placed.popleft()
            if self._is(number, url):
                del self._present[url]
                return url
            self._slots.give_back(host_of(url))
        while self._waiting and self._waiting[0][0] <= now:
            _, number, url = heapq.heappop(self._waiting)
            if self._is(number, url) and self._slots.take(host_of(url), partial(self._go, number, url)):
                del self._present[url]
                return url
        return None

    def done(self, url: str) -> None:
        """A running feed's poll has ended; whoever stood in line longest at its host may go."""
        self._slots.give_back(host_of(url))

    def next_due(self) -> datetime | None:
        """When the next feed comes due; who stands in line has `ready` called. None when no feed is waiting."""
        while self._waiting and not self._is(*self._waiting[0][1:]):
            heapq.heappop(self._waiting)
        return self._waiting[0][0] if self._waiting else None

    def __len__(self) -> int:
        """Feeds that are not running."""
        return len(self._present)

    def _is(self, number: int, url: str) -> bool:
        """Whether that stay of the feed goes on: what was discarded or added anew meanwhile is passed over."""
        return self._present.get(url) == number

    def _go(self, number: int, url: str) -> bool:
        if not self._is(number, url):
            return False
        self._placed.append((number, url))
        self._ready()
        return True
