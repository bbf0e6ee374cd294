"""Local times over the days on which a zone's clock is changed: never lost, never twice."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.alerts.hours import local_day, next_daily, next_hour, next_midnight, quiet_until, zone_of
from pipeline.records.subscription import Quiet

ZONES = (
    "UTC", "Europe/Berlin", "America/New_York", "Australia/Lord_Howe", "Asia/Kolkata", "Asia/Kathmandu",
    "America/Santiago", "Asia/Beirut", "Pacific/Apia", "Africa/Casablanca", "America/Havana",
)  # fmt: skip
"""With changes by an hour and by half of one, at night and at midnight, and one that skipped a whole day."""

zones = st.sampled_from(ZONES).map(zone_of)
times = st.integers(0, 25 * 365 * 86_400).map(lambda one: datetime(2010, 1, 1, tzinfo=UTC) + timedelta(seconds=one))
clocks = st.builds(lambda hour, minute: f"{hour:02d}:{minute:02d}", st.integers(0, 23), st.integers(0, 59))


@given(times, clocks, zones)
def test_a_daily_time_comes_once_a_date(when: datetime, at: str, zone: object) -> None:
    """The next one is later, within a day and what the clock is changed by, and on another date than the one before."""
    days = [when]
    for _ in range(4):
        days.append(next_daily(days[-1], at, zone))  # type: ignore[arg-type]
    dates = [local_day(one, zone) for one in days[1:]]  # type: ignore[arg-type]
    assert days == sorted(set(days))
    assert len(set(dates)) == len(dates)
    assert all(later - earlier <= timedelta(hours=49) for earlier, later in pairwise(days))


@pytest.mark.parametrize(
    ("when", "at", "expected"),
    [
        ("2026-03-28T12:00", "02:30", "2026-03-29T01:30"),  # 02:30 is skipped: 03:30 of summer time
        ("2026-03-29T12:00", "02:30", "2026-03-30T00:30"),
        ("2026-10-24T12:00", "02:30", "2026-10-25T00:30"),  # twice: the first
        ("2026-10-25T00:30", "02:30", "2026-10-26T01:30"),
    ],
)
def test_a_daily_time_in_berlin(when: str, at: str, expected: str) -> None:
    """In the hour that is skipped, and in the one that is there twice."""
    found = next_daily(datetime.fromisoformat(when).replace(tzinfo=UTC), at, zone_of("Europe/Berlin"))
    assert found == datetime.fromisoformat(expected).replace(tzinfo=UTC)


@given(times, zones)
def test_the_next_hour_is_full_and_near(when: datetime, zone: object) -> None:
    """Of the zone, whatever its offset."""
    found = next_hour(when, zone)  # type: ignore[arg-type]
    local = found.astimezone(zone)  # type: ignore[arg-type]
    assert (local.minute, local.second, local.microsecond) == (0, 0, 0)
    assert timedelta(0) < found - when <= timedelta(hours=2)


@given(times, zones)
def test_midnight_begins_a_new_date(when: datetime, zone: object) -> None:
    """Also where a clock is changed at midnight."""
    found = next_midnight(when, zone)  # type: ignore[arg-type]
    assert found > when
    assert local_day(found, zone) > local_day(when, zone)  # type: ignore[arg-type]
    assert local_day(found - timedelta(seconds=1), zone) != local_day(found, zone)  # type: ignore[arg-type]


@given(times, st.lists(st.builds(Quiet, since=clocks, until=clocks), max_size=2), zones)
def test_quiet_hours_end(when: datetime, spans: list[Quiet], zone: object) -> None:
    """At a later time that is not quiet, unless the spans leave no time between them."""
    end = quiet_until(when, spans, zone)  # type: ignore[arg-type]
    if end is None:
        return
    assert end > when
    if len(spans) == 1:
        assert quiet_until(end, spans, zone) is None  # type: ignore[arg-type]
        assert end - when <= timedelta(hours=49)


@pytest.mark.parametrize(
    ("when", "expected"),
    [
        ("2026-11-22T20:59", None),
        ("2026-11-22T21:00", "2026-11-23T05:30"),
        ("2026-11-23T05:29", "2026-11-23T05:30"),
        ("2026-11-23T05:30", None),
        ("2026-03-28T23:30", "2026-03-29T04:30"),  # the night is an hour shorter
        ("2026-10-24T23:30", "2026-10-25T05:30"),  # and an hour longer
    ],
)
def test_quiet_hours_in_berlin(when: str, expected: str | None) -> None:
    """From ten to half past six."""
    found = quiet_until(
        datetime.fromisoformat(when).replace(tzinfo=UTC),
        [Quiet(since="22:00", until="06:30")],
        zone_of("Europe/Berlin"),
    )
    assert found == (None if expected is None else datetime.fromisoformat(expected).replace(tzinfo=UTC))


def test_quiet_hours_that_end_in_the_hour_that_is_there_twice() -> None:
    """They begin again with it, and end again."""
    spans, zone = [Quiet(since="22:00", until="02:30")], zone_of("Europe/Berlin")
    first, second = (datetime(2026, 10, 25, hour, 30, tzinfo=UTC) for hour in (0, 1))
    assert quiet_until(first - timedelta(minutes=1), spans, zone) == first
    assert quiet_until(second - timedelta(minutes=20), spans, zone) == second


def test_an_unknown_zone_is_utc() -> None:
    """A record of another version must not stop the rest."""
    assert zone_of("Nowhere/At_All").key == "UTC"
