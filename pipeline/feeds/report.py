"""How each feed fares, for people: from the list and what the pollers remember. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final, Literal

from pipeline.feeds.listing import revived
from pipeline.records import FeedRecord, FeedState

Health = Literal["new", "ok", "quiet", "failing", "gone", "paused"]

QUIET_AFTER: Final = timedelta(days=7)
"""A feed that answers but has brought no item for so long: it may have been left behind by its publisher."""

OVERDUE_AFTER: Final = timedelta(minutes=15)
"""Behind its time for so long, a feed is not polled by anybody."""

WORST_FIRST: Final[Mapping[Health, int]] = {"gone": 0, "failing": 1, "quiet": 2, "new": 3, "ok": 4, "paused": 5}


@dataclass(frozen=True, slots=True)
class FeedReport:
    """One feed. Times are None where there was none yet."""

    url: str
    outlet: str
    health: Health
    last_success: datetime | None = None
    last_item: datetime | None = None
    next_poll: datetime | None = None
    interval_seconds: float | None = None
    """From the last poll to the next one."""

    reason: str = "never polled"
    considered: tuple[str, ...] = ()
    failures: int = 0
    seen_share: float | None = None
    gaps: int = 0
    gap_seconds: float = 0.0
    last_gap: datetime | None = None
    fetched_from: str = ""
    """Where, if not from `url`: it moved for good."""

    items: int = 0
    left_out: int = 0
    """Items of the last body, and those of it that were left out: it is too long."""

    overdue: bool = False


def report(feed: FeedRecord, state: FeedState | None, now: datetime) -> FeedReport:
    """How ``feed`` fares at ``now``."""
    state = revived(state, feed, now)
    if state is None:
        return FeedReport(feed.url, feed.outlet, "paused" if feed.paused else "new")
    asleep = feed.paused or state.stopped
    return FeedReport(
        url=feed.url,
        outlet=feed.outlet,
        health="paused" if feed.paused else health(state, now),
        last_success=state.last_success,
        last_item=state.newest_item,
        next_poll=None if asleep else state.next_poll,
        interval_seconds=None if asleep else (state.next_poll - state.last_poll).total_seconds(),
        reason="paused at run time" if feed.paused else state.reason,
        considered=state.considered,
        failures=state.failures,
        seen_share=state.seen_share,
        gaps=state.gaps,
        gap_seconds=state.gap_seconds,
        last_gap=state.last_gap,
        fetched_from=state.address,
        items=state.items,
        left_out=state.left_out,
        overdue=not asleep and now - state.next_poll > OVERDUE_AFTER,
    )


def reports(feeds: Iterable[FeedRecord], states: Mapping[str, FeedState], now: datetime) -> list[FeedReport]:
    """All feeds but those that were removed; those that need somebody first."""
    made = [report(feed, states.get(feed.url), now) for feed in feeds if not feed.removed]
    return sorted(made, key=lambda one: (WORST_FIRST[one.health], -one.failures, -one.gaps, one.url))


def health(state: FeedState, now: datetime) -> Health:
    """What to think of a feed that was polled."""
    if state.stopped:
        return "gone"
    if state.failures:
        return "failing"
    if state.newest_item is not None and now - state.newest_item > QUIET_AFTER:
        return "quiet"
    return "ok"


def span(seconds: float) -> str:
    """A length of time as people say it: `45 s`, `12 min`, `3 h`, `9 d`."""
    for size, unit in ((86_400, "d"), (3_600, "h"), (60, "min")):
        if seconds >= 2 * size or (seconds >= size and unit != "min"):
            return f"{seconds / size:.0f} {unit}"
    return f"{seconds:.0f} s"
