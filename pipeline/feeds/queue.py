"""Which feed is polled next: by when it is due, with a limit for each host. Pure.

A due feed whose host is busy is parked with its host and takes no place from the others: five hundred feeds of one
host that come due together delay nobody else's.
"""

from __future__ import annotations

import heapq
from collections import Counter, defaultdict, deque
from datetime import datetime
from itertools import count

from pipeline.feeds.listing import host_of

Entry = tuple[int, str]
"""A feed that waits or is parked, and the number of that stay: what was discarded meanwhile is passed over."""


class DueQueue:
    """Feeds wait here between polls. A feed is waiting, parked or running, never two of these."""

    def __init__(self, per_host: int) -> None:
        self._per_host = per_host
        self._numbers = count()
        self._present: dict[str, int] = {}
        self._waiting: list[tuple[datetime, int, str]] = []
        self._parked: defaultdict[str, deque[Entry]] = defaultdict(deque)
        self._released: deque[Entry] = deque()
        self._running: Counter[str] = Counter()

    def add(self, url: str, due: datetime) -> None:
        """Let a feed wait until ``due``; if it was waiting already, it waits until then instead."""
        number = self._present[url] = next(self._numbers)
        heapq.heappush(self._waiting, (due, number, url))

    def discard(self, url: str) -> None:
        """Forget a feed that waits or is parked; one that is running, or unknown, is left alone."""
        self._present.pop(url, None)

    def take(self, now: datetime) -> str | None:
        """A feed that may be polled now; it counts as running until `done`. None when there is none."""
        while (entry := self._next(now)) is not None:
            number, url = entry
            host = host_of(url)
            if self._present.get(url) != number:
                self._release(host)  # it may have been the one that was let go in place of others
            elif self._running[host] < self._per_host:
                self._running[host] += 1
                del self._present[url]
                return url
            else:
                self._parked[host].append(entry)
        return None

    def done(self, url: str) -> None:
        """A running feed's poll has ended; whoever was parked longest at its host may go."""
        host = host_of(url)
        self._running[host] -= 1
        if not self._running[host]:
            del self._running[host]
        self._release(host)

    def next_due(self) -> datetime | None:
        """When the next feed comes due; what is parked comes back by `done`. None when no feed is waiting."""
        while self._waiting and self._present.get(self._waiting[0][2]) != self._waiting[0][1]:
            heapq.heappop(self._waiting)
        return self._waiting[0][0] if self._waiting else None

    def __len__(self) -> int:
        """Feeds that are not running."""
        return len(self._present)

    def _release(self, host: str) -> None:
        if parked := self._parked.get(host):
            self._released.append(parked.popleft())
            if not parked:
                del self._parked[host]

    def _next(self, now: datetime) -> Entry | None:
        if self._released:
            return self._released.popleft()
        if self._waiting and self._waiting[0][0] <= now:
            _, number, url = heapq.heappop(self._waiting)
            return number, url
        return None
