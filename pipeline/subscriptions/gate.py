"""What is shown and not told: what is old, what came as a backlog, what somebody silenced. Pure.

A first start, an import of feeds, a replay and a long outage bring stories that are no news to anybody. They go through
the whole pipe, and nobody is alerted: each match says why.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta

from pipeline.records import Silence, StoryEvent, Subscription
from pipeline.records.alert import HeldReason


@dataclass(frozen=True, slots=True)
class AgeGate:
    """What is too old to be told."""

    max_age: timedelta
    tell_backlog: bool = False
    """Whether articles of a feed's first poll are told too."""

    def event(self, told: StoryEvent, now: datetime) -> HeldReason | None:
        """Why nobody is told of this event."""
        if told.article is not None and told.article.backlog and not self.tell_backlog:
            return "backlog"
        return "old" if now - told.event.when > self.max_age else None

    def subscription(self, told: StoryEvent, subscription: Subscription) -> HeldReason | None:
        """Why this subscription is not told of it: it was not there, or not as it is, when the event was found.

        By when it was found, not by when it happened: an article of this morning that a feed brings now is news to
        who subscribed at noon.
        """
        changed = subscription.changed
        return "old" if changed is not None and told.event.processed < changed else None


def silenced_by(silences: Iterable[Silence], subscription: str, now: datetime) -> str:
    """The silence that holds for a subscription now, of those whose query matches the story; "" if none does.

    Of several the one that lasts longest, so that its end is the end of all.
    """
    current = [one for one in silences if one.subscription in ("", subscription) and one.since <= now < one.until]
    return max(current, key=lambda one: (one.until, one.id)).id if current else ""
