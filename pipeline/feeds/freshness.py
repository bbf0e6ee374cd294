"""How long a server asks not to be asked again, read from the headers of a response. Pure.

Sources: RFC 9111 §4.2 (freshness: max-age, Expires − Date, Age), RFC 9110 §10.2.3 (Retry-After).
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Final

RETRY_AFTER_STATUSES: Final = frozenset({429, 503})
"""Too Many Requests (RFC 6585 §4) and Service Unavailable (RFC 9110 §15.6.4)."""

_MAX_DIGITS: Final = 9
"""Longer numbers of seconds are over 30 years: nonsense, and no timedelta holds them all."""

_MAX_AGE: Final = re.compile(rf'(?:^|[\s,])max-age\s*=\s*"?(\d{{1,{_MAX_DIGITS}}})(?!\d)', re.IGNORECASE | re.ASCII)
_SECONDS: Final = re.compile(rf"\d{{1,{_MAX_DIGITS}}}", re.ASCII)


@dataclass(frozen=True, slots=True)
class Hint:
    """The server asks to be left alone for ``seconds``; ``source`` names what says so."""

    seconds: float
    source: str


def hints(status: int, headers: Mapping[str, str], now: datetime) -> tuple[Hint, ...]:
    """What a response asks for; ``headers`` has lower-case names, ``now`` is when it arrived.

    Freshness counts on a success and on a 304 alike; Retry-After on 429 and 503.
    """
    found = _waiting(headers, now) if status in RETRY_AFTER_STATUSES else ()
    if 200 <= status < 300 or status == 304:
        found = _lifetimes(headers)
    return tuple(hint for hint in found if hint.seconds > 0)


def _lifetimes(headers: Mapping[str, str]) -> Iterator[Hint]:
    age = _seconds(headers.get("age", "")) or 0.0
    if stated := _MAX_AGE.search(headers.get("cache-control", "")):
        yield Hint(float(stated[1]) - age, "Cache-Control max-age")
    expires = http_date(headers["expires"]) if "expires" in headers else None
    if expires is not None and (date := http_date(headers.get("date", ""))) is not None:
        yield Hint((expires - date).total_seconds() - age, "Expires")


def _waiting(headers: Mapping[str, str], now: datetime) -> Iterator[Hint]:
    seconds = retry_after(headers, now)
    if seconds is not None:
        yield Hint(seconds, "Retry-After")


def retry_after(headers: Mapping[str, str], now: datetime) -> float | None:
    """Seconds that an answer asks to wait, given as such or as a date; None where it asks nothing that can be read.

    Args:
        headers: with lower-case names.
    """
    value = headers.get("retry-after", "")
    seconds = _seconds(value)
    if seconds is None and (until := http_date(value)) is not None:
        # Measured on the server's clock when it tells its time: ours may differ by hours.
        seconds = (until - (http_date(headers.get("date", "")) or now)).total_seconds()
    return seconds


def _seconds(value: str) -> float | None:
    return float(value.strip()) if _SECONDS.fullmatch(value.strip()) else None


def http_date(value: str) -> datetime | None:
    """An HTTP date (RFC 9110 §5.6.7), aware; None when it is not one (servers send "0" and "-1")."""
    try:
        parsed = parsedate_to_datetime(value)
    except (ValueError, OverflowError):
        return None
    return parsed if parsed.tzinfo else parsed.replace(tzinfo=UTC)
