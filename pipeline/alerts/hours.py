"""Local times of a zone, over the days on which its clock is changed. Pure.

A local time that a day skips (the clock goes forward over it) comes as long after the last hour that there was; one
that a day has twice comes the first time (PEP 495: `fold` 0).
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, date, datetime, time, timedelta
from functools import lru_cache
from typing import Final
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from pipeline.records.subscription import Quiet

MOST_SPANS: Final = 16
"""Quiet spans that are passed one after the other; more than a day of them is nonsense, and does not hold for ever."""

_DAY: Final = timedelta(days=1)
_HOUR: Final = timedelta(hours=1)


@lru_cache(maxsize=1024)
def zone_of(name: str) -> ZoneInfo:
    """The zone; UTC where this machine has none of that name, for what is known must not stop because of it."""
    try:
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        return ZoneInfo("UTC")


def local_day(when: datetime, zone: ZoneInfo) -> str:
    """The date there, as ISO 8601."""
    return when.astimezone(zone).date().isoformat()


def next_hour(when: datetime, zone: ZoneInfo) -> datetime:
    """The next full hour of the zone after ``when``, in UTC."""
    found = when.astimezone(UTC)  # sums of times of one zone are sums of its clock's hands
    for _ in range(2):  # a change by half an hour makes the first no full hour
        local = found.astimezone(zone)
        past = timedelta(minutes=local.minute, seconds=local.second, microseconds=local.microsecond)
        found = found - past + _HOUR
        if found.astimezone(zone).minute == 0:
            break
    return found


def next_daily(when: datetime, at: str, zone: ZoneInfo) -> datetime:
    """The next time after ``when`` that it is ``at`` (`HH:MM`) there, in UTC: once a date, whatever the clock does."""
    today = when.astimezone(zone).date()
    days = (today + number * _DAY for number in (-1, 0, 1, 2))
    return next(one for one in (_at(day, at, zone, 0) for day in days) if one > when)


def next_midnight(when: datetime, zone: ZoneInfo) -> datetime:
    """When the next date begins there, in UTC."""
    return _at(when.astimezone(zone).date() + _DAY, "00:00", zone, 0)


def quiet_until(when: datetime, spans: Sequence[Quiet], zone: ZoneInfo) -> datetime | None:
    """When it is not quiet any more, in UTC; None if it is not quiet at ``when``."""
    found = start = when.astimezone(UTC)
    for _ in range(MOST_SPANS):
        span = next((one for one in spans if _within(found, one, zone)), None)
        if span is None:
            break
        found = _next_either(found, span.until, zone)
    return None if found == start else found


def _within(when: datetime, span: Quiet, zone: ZoneInfo) -> bool:
    now = when.astimezone(zone).time()
    since, until = time.fromisoformat(span.since), time.fromisoformat(span.until)
    return since <= now < until if since <= until else now >= since or now < until


def _next_either(when: datetime, at: str, zone: ZoneInfo) -> datetime:
    """As `next_daily`, but a time that a date has twice counts twice: quiet hours end again."""
    today = when.astimezone(zone).date()
    times = sorted(_at(today + number * _DAY, at, zone, fold) for number in (-1, 0, 1, 2) for fold in (0, 1))
    return next(one for one in times if one > when)


def _at(day: date, at: str, zone: ZoneInfo, fold: int) -> datetime:
    return datetime.combine(day, time.fromisoformat(at), zone).replace(fold=fold).astimezone(UTC)
