"""When a delivery is tried again: the schedule of Standard Webhooks 1.0, for every kind of channel. Pure."""

from __future__ import annotations

import hashlib
from datetime import datetime, timedelta
from typing import Final

SCHEDULE: Final = (0, 5, 300, 1800, 7200, 18_000, 36_000, 50_400, 72_000, 86_400)
"""Seconds before each attempt, from the end of the one before: 75 hours in all (its section "Deliverability")."""

JITTER: Final = 0.1
"""Share of a wait that it is longer or shorter, so that what failed together does not come back together."""

MOST_WAIT: Final = timedelta(days=1)
"""A longer Retry-After is cut: an endpoint that asks for a year would never be tried again."""


def next_try(delivery: str, number: int, ended: datetime, retry_after: float | None = None) -> datetime | None:
    """When attempt ``number + 1`` is due, after ``number`` (from 1) ended; None if it was the last."""
    if number >= len(SCHEDULE):
        return None
    wait = timedelta(seconds=SCHEDULE[number] * (1 + JITTER * _spread(delivery, number)))
    asked = timedelta(seconds=min(max(retry_after or 0.0, 0.0), MOST_WAIT.total_seconds()))
    return ended + max(wait, asked)


def longest_wait(number: int) -> timedelta:
    """After attempt ``number`` (0: before the first), if the endpoint asks for nothing."""
    return timedelta(seconds=SCHEDULE[min(number, len(SCHEDULE) - 1)] * (1 + JITTER))


def _spread(delivery: str, number: int) -> float:
    """From -1 to 1, the same each time."""
    digest = hashlib.blake2b(f"{delivery}|{number}".encode(), digest_size=4).digest()
    return int.from_bytes(digest) / 2**31 - 1
