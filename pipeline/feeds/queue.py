"""Which feed is polled next: by when it is due, with a limit for each host. Pure.

A due feed whose host is busy is parked with its host and takes no place from the others: five hundred feeds of one
host that come due together delay nobody else's.
"""

from __future__ import annotations

import heapq
from collections import Counter, defaultdict, deque
from datetime import datetime
from urllib.parse import urlsplit


class DueQueue:
    """Feeds wait here between polls. A feed is waiting, parked or running, never two of these."""

    def __init__(self, per_host: int) -> None:
        self._per_host = per_host
        self._waiting: list[tuple[datetime, str]] = []
        self._parked: defaultdict[str, deque[str]] = defaultdict(deque)
        self._released: deque[str] = deque()
        self._running: Counter[str] = Counter()

    def add(self, url: str, due: datetime) -> None:
        """Let a feed wait until ``due``."""
        heapq.heappush(self._waiting, (due, url))

    def take(self, now: datetime) -> str | None:
        """A feed that may be polled now; it counts as running until `done`. None when there is none."""
        while (url := self._next(now)) is not None:
            host = _host(url)
            if self._running[host] < self._per_host:
                self._running[host] += 1
                return url
            self._parked[host].append(url)
        return None

    def done(self, url: str) -> None:
        """A running feed's poll has ended; whoever was parked longest at its host may go."""
        host = _host(url)
        self._running[host] -= 1
        if not self._running[host]:
            del self._running[host]
        if parked := self._parked.get(host):
            self._released.append(parked.popleft())
            if not parked:
                del self._parked[host]

    def next_due(self) -> datetime | None:
        """When the next feed comes due; what is parked comes back by `done`. None when no feed is waiting."""
        return self._waiting[0][0] if self._waiting else None

    def __len__(self) -> int:
        """Feeds that are not running."""
        return len(self._waiting) + len(self._released) + sum(map(len, self._parked.values()))

    def _next(self, now: datetime) -> str | None:
        if self._released:
            return self._released.popleft()
        if self._waiting and self._waiting[0][0] <= now:
            return heapq.heappop(self._waiting)[1]
        return None


def _host(url: str) -> str:
    return urlsplit(url).hostname or ""
