"""The clock that long-running loops are given, so that tests can turn it."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime
from typing import Final, Protocol

LONGEST_SLEEP_SECONDS: Final = 30.0
"""A sleep looks at the clock again after this: a suspended laptop or a corrected clock must not hold a feed back."""


class Clock(Protocol):
    """Tells the time, and waits for a time."""

    def now(self) -> datetime:
        """The time, aware, in UTC."""

    async def sleep_until(self, when: datetime) -> None:
        """Return as soon as `now` is ``when`` or later."""


class SystemClock:
    """The machine's own clock."""

    def now(self) -> datetime:
        """The time, aware, in UTC."""
        return datetime.now(UTC)

    async def sleep_until(self, when: datetime) -> None:
        """Return as soon as `now` is ``when`` or later."""
        while (left := (when - self.now()).total_seconds()) > 0:
            await asyncio.sleep(min(left, LONGEST_SLEEP_SECONDS))
