"""When an item was published: feedparser's reading of its date where that can be trusted, else our own."""

from __future__ import annotations

import re
from calendar import timegm
from datetime import UTC, datetime, timedelta
from time import struct_time
from typing import Final

from dateutil import parser as dateutil_parser

from pipeline.records import PublishedSource

MAX_DATE_CHARS: Final = 64
"""Longer is prose, not a date; dateutil's lexer is not meant for it."""

FUTURE_TOLERANCE: Final = timedelta(minutes=5)
"""Clocks of publishers are off by a few minutes, which is no reason to mark the date as wrong."""

EARLIEST: Final = datetime(1971, 1, 1, tzinfo=UTC)
"""0001-01-01, 1900-01-01 and 1970-01-01 are what software writes for no date at all."""

_ISO: Final = re.compile(r"\d{4}-\d{2}-\d{2}(?:[T ]\d{1,2}:\d{2}.*)?")
_RFC822: Final = re.compile(r"(?:[a-z]{3,9},?\s+)?\d{1,2}\s+[a-z]{3,9}\s+\d{2,4}(?:\s+\d{1,2}:\d{2}.*)?", re.IGNORECASE)
_ZONE_NAME: Final = re.compile(r"\s([A-Z]{3,4})\s*$")
_FIRST: Final = datetime(2000, 1, 1)  # noqa: DTZ001  # a default for dateutil to fill in, never a time of ours
_SECOND: Final = datetime(2003, 12, 28)  # noqa: DTZ001  # differs from it in year, month and day

ZONES: Final = {
    "GMT": 0, "UTC": 0, "WET": 0, "WEST": 1, "BST": 1, "CET": 1, "CEST": 2, "SAST": 2, "EET": 2, "EEST": 3, "MSK": 3,
    "TRT": 3, "PKT": 5, "IST": 5.5, "WIB": 7, "HKT": 8, "SGT": 8, "JST": 9, "KST": 9, "AEST": 10, "AEDT": 11,
    "NZST": 12, "NZDT": 13, "EST": -5, "EDT": -4, "CST": -6, "CDT": -5, "MST": -7, "MDT": -6, "PST": -8, "PDT": -7,
}  # fmt: skip
"""Hours east of Greenwich of zone names seen in feeds. feedparser takes a name that it does not know for UTC."""

_KNOWN_TO_FEEDPARSER: Final = frozenset({"GMT", "EST", "EDT", "CST", "CDT", "MST", "MDT", "PST", "PDT"})


def read_date(parsed: struct_time | None, text: str, fetched: datetime) -> datetime | None:
    """The date of an item, UTC; None where there is none that could be read.

    ``parsed`` is feedparser's (UTC), ``text`` what the feed wrote. The two standard forms are feedparser's; anything
    else it reads by guesses, of which some are wrong (`2016/6/29` becomes the first of June), so there dateutil comes
    first, and must find year, month and day in the text. ``fetched`` decides between 3/4 and 4/3: the newest of the two
    that is not in the future.
    """
    text = text.strip()
    found = _from_struct(parsed) or _iso(text)
    if not text or _ISO.fullmatch(text) or _RFC822.fullmatch(text):
        return _plausible(_with_zone(found, text)) if found else _plausible(_guessed(text, fetched))
    guessed = _plausible(_guessed(text, fetched))
    if guessed is None and any(char.isalpha() for char in text):
        return _plausible(found)  # month names of a language that feedparser knows and dateutil does not
    return guessed


def settled(published: datetime | None, fetched: datetime) -> tuple[datetime, PublishedSource]:
    """The date to store, and where it comes from: never later than ``fetched``, which stands in where there is none."""
    if published is None:
        return fetched, "fetched"
    if published > fetched + FUTURE_TOLERANCE:
        return fetched, "clamped"
    return min(published.astimezone(UTC), fetched), "feed"


def _from_struct(parsed: struct_time | None) -> datetime | None:
    if parsed is None:
        return None
    try:
        return datetime.fromtimestamp(timegm(parsed), UTC)
    except (ValueError, OverflowError, OSError):
        return None


def _iso(text: str) -> datetime | None:
    """ISO 8601, of which nothing needs to be guessed: year, month, day. Without a zone it is UTC."""
    if not _ISO.fullmatch(text):
        return None
    try:
        found = datetime.fromisoformat(text)
    except ValueError:
        return None
    return found.astimezone(UTC) if found.tzinfo else found.replace(tzinfo=UTC)


def _with_zone(found: datetime, text: str) -> datetime:
    zone = _ZONE_NAME.search(text)
    if zone is None or zone[1] in _KNOWN_TO_FEEDPARSER:
        return found
    return found - timedelta(hours=ZONES.get(zone[1], 0))


def _plausible(found: datetime | None) -> datetime | None:
    return found if found is not None and found >= EARLIEST else None


def _guessed(text: str, fetched: datetime) -> datetime | None:
    """dateutil's reading of a bounded text that names a year, a month and a day."""
    if not 6 <= len(text) <= MAX_DATE_CHARS:
        return None
    readings = [found for found in (_dateutil(text, dayfirst=False), _dateutil(text, dayfirst=True)) if found]
    past = [found for found in readings if found <= fetched + FUTURE_TOLERANCE]
    return max(past) if past else min(readings, default=None)


def _dateutil(text: str, *, dayfirst: bool) -> datetime | None:
    offsets = {name: int(hours * 3600) for name, hours in ZONES.items()}
    try:
        first, second = (
            dateutil_parser.parse(text, default=default, dayfirst=dayfirst, tzinfos=offsets)
            for default in (_FIRST, _SECOND)
        )
    except (ValueError, OverflowError, TypeError, AttributeError):  # what dateutil raises on text that is no date
        return None
    if first != second:
        return None  # year, month or day came from the default: not a date
    return first.astimezone(UTC) if first.tzinfo else first.replace(tzinfo=UTC)
