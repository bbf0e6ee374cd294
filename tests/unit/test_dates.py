"""Dates of items: what is read, what is refused, what is clamped."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from time import gmtime, struct_time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.feeds.dates import EARLIEST, FUTURE_TOLERANCE, read_date, settled

NOW = datetime(2026, 7, 1, 12, tzinfo=UTC)


def struct(*numbers: int) -> struct_time:
    """feedparser's form of a UTC time."""
    return datetime(*numbers, tzinfo=UTC).utctimetuple()  # type: ignore[arg-type,misc]  # year, month, day, hour …


def test_standard_forms_are_feedparsers() -> None:
    """RFC 822 and ISO 8601 come as feedparser read them, in UTC."""
    parsed = struct(2026, 6, 29, 7, 30)
    assert read_date(parsed, "Mon, 29 Jun 2026 09:30:00 +0200", NOW) == datetime(2026, 6, 29, 7, 30, tzinfo=UTC)
    assert read_date(parsed, "2026-06-29T09:30:00+02:00", NOW) == datetime(2026, 6, 29, 7, 30, tzinfo=UTC)


def test_a_wrong_guess_of_feedparser_is_corrected() -> None:
    """`2016/6/29` is the 29th, though feedparser makes it the first of the month."""
    assert read_date(struct(2016, 6, 1), "2016/6/29", NOW) == datetime(2016, 6, 29, tzinfo=UTC)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("June 29, 2026 09:30", datetime(2026, 6, 29, 9, 30, tzinfo=UTC)),
        ("29.06.2026 09:30", datetime(2026, 6, 29, 9, 30, tzinfo=UTC)),
        ("2026/06/29 09:30 +0300", datetime(2026, 6, 29, 6, 30, tzinfo=UTC)),
        ("20260629T093000Z", datetime(2026, 6, 29, 9, 30, tzinfo=UTC)),
        ("Mon Jun 29 09:30:00 CEST 2026", datetime(2026, 6, 29, 7, 30, tzinfo=UTC)),
    ],
)
def test_other_forms_are_read(text: str, expected: datetime) -> None:
    """What feedparser cannot read is read where it names year, month and day."""
    assert read_date(None, text, NOW) == expected


@pytest.mark.parametrize(
    "text", ["2026-01-05", "2026-01-05T00:00", "2026-01-05T01:00:00+01:00", "2026-01-05T00:00:00Z"]
)
def test_iso_dates_need_no_guess(text: str) -> None:
    """Year, month, day; also where feedparser had no part in it."""
    assert read_date(None, text, NOW) == datetime(2026, 1, 5, tzinfo=UTC)


def test_the_order_of_day_and_month_follows_the_calendar() -> None:
    """Of 3 July and 7 March the one that is not in the future, and then the newest."""
    assert read_date(None, "03/07/2026", NOW) == datetime(2026, 3, 7, tzinfo=UTC)
    assert read_date(None, "03/04/2026", NOW) == datetime(2026, 4, 3, tzinfo=UTC)


@pytest.mark.parametrize(
    "text", ["2026", "26", "June", "June 2026", "12:30", "today", "", "  ", "x" * 5000, "1 2 3 4 5 6 7 8", "0000-00-00"]
)
def test_what_names_no_day_is_no_date(text: str) -> None:
    """A bare year, a month or prose is refused, even if feedparser made a date of it."""
    assert read_date(None, text, NOW) is None
    if text == "2026":
        assert read_date(struct(2026, 1, 1), text, NOW) is None


@pytest.mark.parametrize("year", [1, 1900, 1970])
def test_zero_dates_are_refused(year: int) -> None:
    """What software writes for no date is none."""
    stamp = datetime(year, 1, 1, tzinfo=UTC)
    assert read_date(stamp.utctimetuple(), f"{year:04}-01-01T00:00:00Z", NOW) is None


def test_names_of_zones_are_known() -> None:
    """feedparser takes CET and MSK for UTC; they are hours off."""
    assert read_date(struct(2026, 6, 29, 9), "Mon, 29 Jun 2026 09:00:00 MSK", NOW) == datetime(
        2026, 6, 29, 6, tzinfo=UTC
    )
    assert read_date(struct(2026, 6, 29, 14), "Mon, 29 Jun 2026 09:00:00 EST", NOW) == datetime(
        2026, 6, 29, 14, tzinfo=UTC
    )


def test_months_in_words_of_other_languages_are_feedparsers() -> None:
    """dateutil knows English month names only."""
    assert read_date(struct(2026, 6, 29, 9), "2026년 6월 29일", NOW) == datetime(2026, 6, 29, 9, tzinfo=UTC)


@given(st.text(max_size=80), st.none() | st.integers(0, 4_000_000_000).map(gmtime))
def test_reading_never_raises(text: str, parsed: struct_time | None) -> None:
    """Any text gives an aware time after the earliest, or none."""
    found = read_date(parsed, text, NOW)
    assert found is None or (found.tzinfo is UTC and found >= EARLIEST)


def test_settling() -> None:
    """The past stays; a small step into the future is now; a large one is marked; none is the fetch time, marked."""
    past = NOW - timedelta(hours=3)
    assert settled(past, NOW) == (past, "feed")
    assert settled(NOW + FUTURE_TOLERANCE, NOW) == (NOW, "feed")
    assert settled(NOW + FUTURE_TOLERANCE + timedelta(seconds=1), NOW) == (NOW, "clamped")
    assert settled(None, NOW) == (NOW, "fetched")
