"""What every parser of feeds takes and gives."""

from __future__ import annotations

from typing import Protocol
from urllib.parse import urljoin

import msgspec

from pipeline.records import Article


class Source(Protocol):
    """What is needed to know of a feed; `pipeline.settings.models.Feed` has it."""

    @property
    def url(self) -> str:
        """Where it is fetched from."""

    @property
    def outlet(self) -> str:
        """Who publishes it."""

    @property
    def language(self) -> str:
        """What it is written in, where the feed itself does not say."""


class ParsedFeed(msgspec.Struct, frozen=True, kw_only=True):
    """What a feed's body held."""

    articles: tuple[Article, ...]
    """Its items in the feed's order, without those that have no text at all."""

    skipped: int = 0
    """Items with neither title nor text."""

    title: str = ""
    ttl_seconds: float | None = None
    """RSS `ttl`: how long the feed asks to be left alone."""

    update_period_seconds: float | None = None
    """`sy:updatePeriod` divided by `sy:updateFrequency`: how often the feed says that it changes."""

    skip_hours: tuple[int, ...] = ()
    skip_days: tuple[int, ...] = ()
    """RSS `skipHours` (0 to 23) and `skipDays` (0 is Monday), in UTC: when the feed asks not to be asked."""


def absolute(base: str, link: str) -> str:
    """A link made absolute; "" where there is none, or none that is an address."""
    try:
        return urljoin(base, link) if link else ""
    except ValueError:  # a bracket or a port that is none
        return ""


def with_text(articles: list[Article]) -> tuple[Article, ...]:
    """Those that say anything."""
    return tuple(one for one in articles if one.title or one.lead or one.body)
