"""One after the other: first polls, and polls that are late, would otherwise all be due at once. Pure."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Final

PER_SECOND: Final = 20.0
"""Of such polls. A list of 200 has been asked once after ten seconds, one of 10,000 after some eight minutes; each may
be a whole body to parse, and twenty of them a second leave most of a core to the others."""

CROWD_SECONDS: Final = 10.0
"""Polls that take longer than this, one after the other, are a crowd's."""


class Trickle:
    """Hands out times, one a call."""

    def __init__(self) -> None:
        self._first = self._last = datetime.min.replace(tzinfo=UTC)

    @property
    def crowded(self) -> bool:
        """Whether those that got their times one after the other are many."""
        return self._last - self._first > timedelta(seconds=CROWD_SECONDS)

    def next(self, now: datetime, feeds: int, interval_seconds: float) -> datetime:
        """The next free time, `PER_SECOND` of them a second, or more where so many ``feeds`` with this interval keep
        the poller busier than that anyway; so nobody waits longer than the interval.
        """
        step = timedelta(seconds=1 / max(PER_SECOND, feeds / interval_seconds))
        if not now <= self._last <= now + timedelta(seconds=interval_seconds):
            self._first = self._last = now  # long ago, or too far ahead because of feeds that have gone again
        self._last += step
        return self._last
