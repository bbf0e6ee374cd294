"""How often a feed is worth asking, learnt from how much of each body was known already; and what was missed. Pure.

The rule is that of Media Cloud's rss-fetcher: few known items mean that the feed moves faster than we ask, nearly all
known that it moves slower. A body without one known item means more: what came and went since the last poll is lost,
and nobody else counts that.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from pipeline.feeds.keys import item_part, known_keys, seen_key
from pipeline.records import Article, FeedState

FEW_KNOWN: Final = 1 / 3
MANY_KNOWN: Final = 2 / 3
"""Shares of known items in a body below which we ask sooner, above which later."""

STEP: Final = 1.5
"""How much sooner or later: five quiet polls make 10 minutes an hour, two busy ones bring it back to half of that."""

MIN_WINDOW: Final = 3
"""Items from which on a body without a known one is a gap: a feed of one or two turns over by itself."""


@dataclass(frozen=True, slots=True)
class Overlap:
    """How a body compares with the last one."""

    items: int
    known: int
    """Items whose page was in the last bodies, in this text or another."""

    gap: timedelta | None = None
    """Set when nothing is known: how long the hole is at most, from the last poll to the oldest item of this body."""

    @property
    def share(self) -> float:
        """Known items of all; an empty body brings nothing new."""
        return self.known / self.items if self.items else 1.0


def overlap(
    articles: Sequence[Article], state: FeedState | None, now: datetime, *, recognised: int = 0
) -> Overlap | None:
    """Compare a body with what was remembered; None for a feed of which nothing is. ``recognised`` is the number of its
    items that are not among ``articles``, because they were known as they are.
    """
    if state is None or not state.seen:
        return None
    before = set(map(item_part, known_keys(state)))
    known = recognised + sum(item_part(seen_key(article)) in before for article in articles)
    items = recognised + len(articles)
    if known or items < MIN_WINDOW:
        return Overlap(items, known)
    oldest = min(article.published for article in articles)
    return Overlap(items, 0, max(min(oldest, now) - state.last_poll, timedelta(0)))


def next_pace(pace: float, share: float, *, fastest: float, slowest: float) -> float:
    """The interval, in seconds, after a poll of whose items this share was known."""
    if share < FEW_KNOWN:
        pace /= STEP
    elif share > MANY_KNOWN:
        pace *= STEP
    return min(max(pace, fastest), max(fastest, slowest))
