"""When a feed is polled next, and why. Pure: the clock is an argument, and jitter comes from the feed's URL.

After a poll that worked, the next one waits for the longest of: the feed's own interval, or else the pace that it
turned out to have (`pipeline.feeds.pace`); what the server's headers ask for (`pipeline.feeds.freshness`); and the
`ttl` in the body. After one that failed the wait grows linearly with the failures in a row, faster the less likely it
is that time alone heals it. It ends at the cap, not in oblivion: a dead feed keeps a slow poll, and comes back by
itself when it lives again. A time at which the feed asks not to be asked (skipHours, skipDays) is passed over. Only a
feed whose server says that it is gone for good is not asked again, until somebody resumes it.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Final, Protocol

from pipeline.feeds.freshness import Hint, hints
from pipeline.feeds.pace import Overlap, next_pace
from pipeline.records import FeedState, Outcome

FAILED: Final[Mapping[Outcome, float]] = {"hard": 2.0, "soft": 1.0, "temporary": 0.5}
"""Intervals of wait that each failure in a row adds, by class. A refused or broken feed needs somebody to act; a 404 or
429 often passes; a timeout mostly does (the classes are those of Media Cloud's rss-fetcher)."""

SOFT_STATUSES: Final = frozenset({404, 408, 421, 425, 429})
"""4xx answers that often pass by themselves; every 5xx does, too. A 429 is not a broken feed."""

JITTER: Final = 0.1
"""Of the wait, added at the most: feeds listed together drift apart instead of coming due together for ever. After the
polls of a crowd more is added, up to the whole wait: they follow each other closely."""

SKIP_SPREAD_SECONDS: Final = 900.0
"""Hours to skip end for all feeds on the stroke of an hour; each is asked within this time after it."""

UNVALIDATED_SECONDS: Final = 3600.0
"""Wait after a full body without ETag and Last-Modified, unless the operator set the feed's interval: such a feed can
only be fetched whole, and once an hour is what its publishers put up with (rachelbythebay.com, feed reader score)."""

FULL_FETCH_EVERY: Final = timedelta(days=1)
"""Some servers keep an ETag while the feed changes: once a day we ask without validators."""

GONE: Final = 410

MOVED_POLLS: Final = 3
MOVED_FOR: Final = timedelta(days=2)
"""A permanent redirect is believed after so many polls in a row that saw the same one, over at least that time: "for
good" is said by mistake, too, and by hotel portals."""

MAX_WORDS: Final = 300
"""Characters of an error that are kept in a reason."""


class ListedFeed(Protocol):
    """What is needed of a feed of the operator's list."""

    @property
    def url(self) -> str: ...
    @property
    def interval_seconds(self) -> float | None: ...


class Timing(Protocol):
    """What is needed of the settings' section `poll`; seconds."""

    @property
    def interval_seconds(self) -> float: ...
    @property
    def floor_seconds(self) -> float: ...
    @property
    def slowest_seconds(self) -> float: ...
    @property
    def cap_seconds(self) -> float: ...


@dataclass(frozen=True, slots=True)
class Skip:
    """When a feed asks not to be asked: `skipHours` (0 to 23) and `skipDays` (0 is Monday), in UTC (RSS 2.0)."""

    hours: frozenset[int] = frozenset()
    days: frozenset[int] = frozenset()

    def after(self, moment: datetime) -> datetime:
        """The moment, or the first full hour behind it that is not skipped; the moment, if all of them are."""
        if len(self.hours) > HOURS - 1 or len(self.days) > DAYS - 1:
            return moment
        while moment.hour in self.hours or moment.weekday() in self.days:
            moment = moment.replace(minute=0, second=0, microsecond=0) + timedelta(hours=1)
        return moment


HOURS: Final = 24
DAYS: Final = 7
NOTHING_SKIPPED: Final = Skip()


@dataclass(frozen=True, slots=True)
class PollResult:
    """How a poll ended, as far as its timing is concerned."""

    outcome: Outcome
    status: int | None = None
    """HTTP status; None when there was no answer."""

    headers: Mapping[str, str] = field(default_factory=dict)
    """Lower-case names."""

    ttl_seconds: float | None = None
    """From the body, or from the last body while it is unchanged."""

    overlap: Overlap | None = None
    """How the body compares with the last one; None without a body, or without a last one."""

    skip: Skip = NOTHING_SKIPPED
    """From the body, or from the last body while it is unchanged."""

    error: str = ""
    """What went wrong, in words."""


@dataclass(frozen=True, slots=True)
class Decision:
    """When the feed is polled next. ``failures`` is the number of failed polls in a row, this one included."""

    next_poll: datetime
    reason: str
    failures: int
    pace_seconds: float | None = None
    """How often the feed is worth asking; None for a feed whose interval the operator set."""

    considered: tuple[str, ...] = ()
    """All that was weighed, in words, the longest first."""

    stopped: bool = False
    """It is not polled again by itself."""


def after(
    state: FeedState | None,
    result: PollResult,
    *,
    now: datetime,
    feed: ListedFeed,
    settings: Timing,
    crowded: bool = False,
) -> Decision:
    """The next poll after one that ended with ``result`` at ``now``.

    Args:
        state: from before that poll.
        result: how it ended.
        now: when.
        feed: as it is listed.
        settings: the section `poll`.
        crowded: whether the poll came late, or was the first, together with many others (`pipeline.feeds.trickle`).
    """
    failures = (state.failures if state else 0) + 1 if result.outcome in FAILED else 0
    pace = _pace(state, result, feed, settings)
    asked = hints(result.status or 0, result.headers, now)
    weighed = [_ours(result, failures, feed, settings, pace), *_own(result, feed), *asked]
    weighed.sort(key=lambda hint: -hint.seconds)
    longest = weighed[0]
    wait, reason = longest.seconds * (1 + JITTER * fraction(feed.url)), _worded(longest)
    if wait < settings.floor_seconds:
        wait, reason = settings.floor_seconds, f"{reason}; raised to the floor of {_span(settings.floor_seconds)}"
    if crowded and (apart := _apart(state, wait, now, feed)) >= 1:
        wait, reason = wait + apart, f"{reason}; {_span(apart)} more, away from the many that were late together"
    if wait > settings.cap_seconds:
        wait, reason = settings.cap_seconds, f"{reason}; cut to the cap of {_span(settings.cap_seconds)}"
    next_poll = now + timedelta(seconds=wait)
    if (later := unskipped(result.skip, next_poll, feed.url)) != next_poll:
        next_poll, reason = later, f"{reason}; moved to the end of the hours or days that the feed asks to skip"
    gone = result.status == GONE and not (state and state.address)  # at a new address, the old one is asked again
    return Decision(next_poll, reason, failures, pace, tuple(map(_worded, weighed)), stopped=gone)


def _apart(state: FeedState | None, wait: float, now: datetime, feed: ListedFeed) -> float:
    """What is added to the wait after a poll in a crowd: a part of its delay, another for each feed; seconds.

    Such feeds would come due within a short time of each other at each interval from then on. The more was lost of the
    distance between them the more is put back; at most the wait is added, which spreads them over the whole of it.
    """
    late = wait if state is None else min(max((now - state.next_poll).total_seconds(), 0.0), wait)
    return late * fraction(f"{feed.url} apart")  # not the fraction of the jitter, which would add to it


def _pace(state: FeedState | None, result: PollResult, feed: ListedFeed, settings: Timing) -> float | None:
    """What the feed's own interval would be, if the operator did not set one; failures teach nothing about it."""
    if feed.interval_seconds is not None:
        return None
    pace = (state.pace_seconds if state else None) or settings.interval_seconds
    if result.outcome in FAILED or (result.outcome == "changed" and result.overlap is None):
        return pace
    share = result.overlap.share if result.overlap else 1.0
    slowest = max(settings.slowest_seconds, settings.interval_seconds)
    return next_pace(pace, share, fastest=settings.floor_seconds, slowest=slowest)


@dataclass(frozen=True, slots=True)
class Move:
    """A permanent redirect under observation; ``address`` is where to fetch from now, "" for the listed URL."""

    address: str = ""
    to: str = ""
    since: datetime | None = None
    polls: int = 0


def moved(state: FeedState | None, permanent: str, result: PollResult, failures: int, now: datetime) -> Move:
    """What to make of a poll that was sent on for good to ``permanent`` ("": it was not).

    The new address is used once it was seen often and long enough; it is given up when it is gone or fails as often in
    a row, and the listed URL is asked again.
    """
    before = Move(state.address, state.moved_to, state.moved_since, state.moved_polls) if state else Move()
    if result.outcome in FAILED:
        lost = before.address and (failures >= MOVED_POLLS or result.status == GONE)
        return Move() if lost else before
    if not permanent:
        return Move(before.address)
    since = before.since if permanent == before.to and before.since else now
    polls = before.polls + 1 if permanent == before.to else 1
    if polls >= MOVED_POLLS and now - since >= MOVED_FOR:
        return Move(permanent)
    return Move(before.address, permanent, since, polls)


def due(state: FeedState | None, *, now: datetime, settings: Timing) -> datetime | None:
    """When a feed is due after a start at ``now``: when its state says, so that a restart asks nothing early; now, if
    it was never polled.

    A wait longer than the cap (with what the feed asks to skip) counts as the cap: the clock may have been wrong when
    it was stored, or the cap lowered. None for a feed that is gone.
    """
    if state is None:
        return now
    if state.stopped:
        return None
    latest = now + timedelta(seconds=settings.cap_seconds)
    return min(state.next_poll, skip_of(state).after(latest))


def unskipped(skip: Skip, moment: datetime, url: str) -> datetime:
    """The moment, or one within `SKIP_SPREAD_SECONDS` after the hours and days to skip."""
    end = skip.after(moment)
    return moment if end == moment else end + timedelta(seconds=SKIP_SPREAD_SECONDS * fraction(url))


def skip_of(state: FeedState | None) -> Skip:
    """What the last body asked to skip."""
    return Skip(frozenset(state.skip_hours), frozenset(state.skip_days)) if state else NOTHING_SKIPPED


def fraction(text: str) -> float:
    """A number in [0, 1) that depends on the text alone: what is ordered or spread by it is mixed well."""
    return int.from_bytes(hashlib.blake2b(text.encode(), digest_size=6).digest(), "big") / 2**48


def conditional(state: FeedState | None, now: datetime) -> bool:
    """Whether to send validators: there are some, and the last full body is not a day old."""
    if state is None or not (state.etag or state.last_modified) or state.last_full_fetch is None:
        return False
    return timedelta(0) <= now - state.last_full_fetch < FULL_FETCH_EVERY


def status_outcome(status: int) -> Outcome:
    """The failure class of an HTTP status that is no success."""
    return "soft" if status in SOFT_STATUSES or 500 <= status < 600 else "hard"


def _ours(result: PollResult, failures: int, feed: ListedFeed, settings: Timing, pace: float | None) -> Hint:
    """Our own wait: the interval, or what the back-off makes of it."""
    interval, source = settings.interval_seconds, "the default interval"
    if pace is not None and pace != interval:
        interval, source = pace, f"{'slower' if pace > interval else 'faster'} than the default, by what it brings"
    if feed.interval_seconds is not None:
        interval, source = feed.interval_seconds, "the feed's own interval"
    if result.outcome not in FAILED:
        return Hint(interval, source)
    why = _bounded(result.error or f"HTTP {result.status}")
    if result.status == GONE:
        return Hint(
            settings.cap_seconds, f"not polled any more: the server says that the feed is gone for good ({why})"
        )
    return Hint(
        interval * max(1.0, FAILED[result.outcome] * failures),
        f"failed {_times(failures)} in a row, {result.outcome} ({why})",
    )


def _own(result: PollResult, feed: ListedFeed) -> list[Hint]:
    """What the body asks for, and what its lack of validators does."""
    found = [Hint(result.ttl_seconds, "the feed's ttl")] if result.ttl_seconds else []
    bodied = result.outcome in {"changed", "unchanged"}
    if bodied and feed.interval_seconds is None and not {"etag", "last-modified"} & result.headers.keys():
        found.append(Hint(UNVALIDATED_SECONDS, "a full body without validators"))
    return found


def _bounded(text: str) -> str:
    """What can go on a record: it may quote a server, whose bytes need not be UTF-8 nor short."""
    return text[:MAX_WORDS].encode(errors="replace").decode()


def _worded(hint: Hint) -> str:
    return f"{hint.source}: {_span(hint.seconds)}"


def _span(seconds: float) -> str:
    return f"{seconds:.0f} s" if seconds >= 1 else f"{seconds:.3g} s"


def _times(count: int) -> str:
    return "once" if count == 1 else f"{count} times"
