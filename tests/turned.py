"""A clock that tests turn by hand."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime, timedelta


class TurnedClock:
    """Stands still until `turn`. Whoever sleeps until a time wakes when it was turned past it."""

    def __init__(self, now: datetime = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)) -> None:
        self._now = now
        self._sleepers: dict[asyncio.Event, datetime] = {}
        self._slept = asyncio.Event()

    def now(self) -> datetime:
        """Where the hands stand."""
        return self._now

    def turn(self, seconds: float) -> None:
        """Move on, and wake whoever slept until a time that is reached."""
        self._now += timedelta(seconds=seconds)
        for bell in [bell for bell, when in self._sleepers.items() if when <= self._now]:
            del self._sleepers[bell]
            bell.set()

    async def sleep_until(self, when: datetime) -> None:
        """Return as soon as the clock was turned to ``when`` or later."""
        if when <= self._now:
            return
        bell = asyncio.Event()
        self._sleepers[bell] = when
        self._slept.set()
        try:
            await bell.wait()
        finally:
            self._sleepers.pop(bell, None)

    @property
    def sleeps(self) -> bool:
        """Whether anybody sleeps."""
        return bool(self._sleepers)

    async def until_asleep(self) -> None:
        """Return as soon as somebody sleeps."""
        while not self._sleepers:
            self._slept.clear()
            await self._slept.wait()
