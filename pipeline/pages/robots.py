"""What a host's robots.txt lets us fetch, by RFC 9309. Pure; reading the file's rules is protego's.

A file of 500 KB can be written to cost a parser minutes (groups of thousands of names with thousands of rules each), so
in production `permit` runs in `pipeline.pages.page_pool`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final, Literal
from urllib.parse import urlsplit

import msgspec
from protego import Protego

from pipeline.feeds.freshness import hints

PRODUCT: Final = "counterclaim"
"""Our product token: the name that groups of rules call us by (RFC 9309 §2.2.1)."""

MAX_ROBOTS_BYTES: Final = 500 * 1024
"""What is read of a file; a crawler must read at least so much (§2.5)."""

KEEP: Final = timedelta(hours=24)
"""A copy should not be used for longer (§2.4). Shorter times that the server states are not followed below KEEP_LEAST:
asking for robots.txt before each page would be the greater nuisance."""

KEEP_LEAST: Final = timedelta(hours=1)

RETRY: Final = timedelta(minutes=30)
"""Until a host is asked again whose file could not be had: long enough to recover, short against an article's life."""

UNREACHABLE_LIMIT: Final = timedelta(days=30)
"""After so long without an answer the file counts as not there (§2.3.1.4)."""

MAX_DELAY_SECONDS: Final = 3600.0
"""A longer Crawl-delay means "do not": the host's pages are refused."""

Access = Literal["rules", "all", "none"]
"""What a host's answer means: rules to be read, everything allowed, nothing allowed."""


@dataclass(frozen=True, slots=True)
class Robots:
    """What is known of a host's robots.txt, until ``until``."""

    access: Access
    until: datetime
    reason: str
    """Of the access, in words."""

    rules: bytes = b""
    unreachable_since: datetime | None = None


class Permit(msgspec.Struct, frozen=True):
    """Whether a URL may be fetched, why not, and how many seconds lie between two requests to its host."""

    allowed: bool
    reason: str = ""
    delay_seconds: float = 0.0
    temporary: bool = False
    """A refusal that may end: the rules could not be had."""


def address(url: str) -> str:
    """Where the rules for ``url`` are: they hold for one scheme, host and port (§2.3)."""
    parts = urlsplit(url)
    return f"{parts.scheme}://{parts.netloc.rpartition('@')[2]}/robots.txt"


def answered(
    status: int, headers: Mapping[str, str], body: bytes | None, *, now: datetime, before: Robots | None = None
) -> Robots:
    """What a server's answer to the request for its robots.txt means, after its redirects.

    2xx: its rules. 4xx: there is none, so everything is allowed (§2.3.1.3). 5xx, and 429, which says "not now": nothing
    is (§2.3.1.4). ``headers`` have lower-case names; ``before`` is what was known.
    """
    if body is not None:
        return Robots("rules", now + _kept(status, headers, now), f"HTTP {status}", _bounded(body))
    if status == 429 or status >= 500:
        return unreachable(f"HTTP {status}", now=now, before=before, wait=_asked(status, headers, now))
    return Robots("all", now + KEEP, f"there is no robots.txt (HTTP {status})")


def unreachable(reason: str, *, now: datetime, before: Robots | None = None, wait: timedelta = RETRY) -> Robots:
    """The file could not be had: nothing is allowed for a while, everything once that has lasted 30 days."""
    since = (before.unreachable_since if before else None) or now
    if now - since >= UNREACHABLE_LIMIT:
        return Robots("all", now + KEEP, f"robots.txt was not to be had for 30 days ({reason})", b"", since)
    return Robots("none", now + max(wait, RETRY), f"robots.txt could not be fetched ({reason})", b"", since)


def permit(rules: bytes, url: str) -> Permit:
    """Whether the rules allow ``url``. An error in a line costs that line (§2.2)."""
    text = rules.decode("utf-8-sig", "replace").replace("\0", "")
    read = Protego.parse(text)
    delay = read.crawl_delay(PRODUCT) or 0.0
    if not read.can_fetch(url, PRODUCT):
        return Permit(allowed=False, reason="robots.txt disallows it", delay_seconds=min(delay, MAX_DELAY_SECONDS))
    if delay > MAX_DELAY_SECONDS:
        return Permit(allowed=False, reason=f"robots.txt asks for {delay:g} s between two requests")
    return Permit(allowed=True, delay_seconds=delay)


def _bounded(body: bytes) -> bytes:
    """The part of a file that is read; a line that was cut is none."""
    return body if len(body) <= MAX_ROBOTS_BYTES else body[:MAX_ROBOTS_BYTES].rpartition(b"\n")[0]


def _kept(status: int, headers: Mapping[str, str], now: datetime) -> timedelta:
    stated = max((hint.seconds for hint in hints(status, headers, now)), default=KEEP.total_seconds())
    return min(KEEP, max(KEEP_LEAST, timedelta(seconds=min(stated, KEEP.total_seconds()))))


def _asked(status: int, headers: Mapping[str, str], now: datetime) -> timedelta:
    seconds = max((hint.seconds for hint in hints(status, headers, now)), default=0.0)
    return timedelta(seconds=min(seconds, KEEP.total_seconds()))
