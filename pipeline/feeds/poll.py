"""The poller's loop: which feed, when; publish what it brought, and only then remember that it was there.

The order is the guarantee. Validators and seen items are kept only after Kafka acknowledged every article of the poll,
so whatever breaks between, the next poll fetches and publishes again: at least once, and dedupe drops the repeats.

Feeds come and go while the loop runs (`add`, `drop`): pollers share them, and people change the list. A feed's state is
written only while it is certain that the feed is ours (`pipeline.feeds.tenure`).
"""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from functools import partial
from time import perf_counter
from typing import Any, Final

import msgspec
import structlog

from pipeline import logs
from pipeline.clock import Clock, SystemClock
from pipeline.errors import LapsedError, PublishError
from pipeline.feeds import schedule, state
from pipeline.feeds.publish import Sends, publish, request_pages
from pipeline.feeds.queue import DueQueue, HostSlots
from pipeline.feeds.schedule import PollResult
from pipeline.feeds.state import Polled
from pipeline.feeds.tenure import LAPSED_SECONDS, Alone, Tenure
from pipeline.feeds.trickle import Trickle
from pipeline.feeds.visit import Fetches, Parses, visit
from pipeline.metrics import Metrics
from pipeline.records import FeedState, encode
from pipeline.settings.models import Feed, PollSettings
from pipeline.topics import FEED_STATE

STOP_GRACE_SECONDS: Final = 5.0
"""What polls in flight get to end at a stop; then they are cancelled, and the next start does them again."""

STARTS_AT_ONCE: Final = 4
"""Polls that begin in one turn of the event loop. Those that begin together are answered together, and the loop stands
still for as long as it takes to see to all of them."""

STAGE: Final = "poll"

UNPUBLISHED: Final = "unpublished"
"""Outcome, beside those of `FeedState`, of a poll whose articles or state Kafka did not acknowledge, or whose state was
not ours to write any more."""


@dataclass(frozen=True, slots=True)
class Summary:
    """What a run did."""

    outcomes: dict[str, int]
    """Polls by outcome, `unpublished` among them."""

    items: int
    """Items in the bodies that were parsed."""

    new: int
    """Of these, published."""

    not_due: int
    """Feeds that were not polled because their time had not come."""

    pages: Mapping[str, int] = field(default_factory=dict)
    """Article pages that were visited, by what became of them."""

    pages_left: int = 0
    """Pages that were not: their host is to be left alone for a while, or time was up."""

    @property
    def polls(self) -> int:
        """Polls altogether."""
        return sum(self.outcomes.values())


class _Series:
    """The metrics of every poll, looked up once."""

    def __init__(self, metrics: Metrics) -> None:
        self.in_progress = metrics.stage_in_progress.labels(stage=STAGE)
        self.articles_in = metrics.articles_in.labels(stage=STAGE)
        self.articles_out = metrics.articles_out.labels(stage=STAGE)


class Poller:
    """Polls a list of feeds. ``states`` is what the topic `feed-state` says; feeds that left the list are ignored.

    What is remembered goes to ``states_publisher``, which may take its time over it; None: where the articles go.
    """

    def __init__(
        self,
        settings: PollSettings,
        feeds: Sequence[Feed],
        states: dict[str, FeedState],
        *,
        fetcher: Fetches,
        parser: Parses,
        publisher: Sends,
        metrics: Metrics,
        states_publisher: Sends | None = None,
        tenure: Tenure | None = None,
        slots: HostSlots | None = None,
        clock: Clock | None = None,
        stop_grace_seconds: float = STOP_GRACE_SECONDS,
    ) -> None:
        self._settings = settings
        self._feeds = {feed.url: feed for feed in feeds}
        self._states = {url: known for url, known in states.items() if url in self._feeds}
        self._fetcher, self._parser, self._publisher = fetcher, parser, publisher
        self._states_publisher = states_publisher or publisher
        self._metrics, self._series = metrics, _Series(metrics)
        metrics.polls.labels(outcome=UNPUBLISHED)  # from now on zero, so that the first one is an increase
        self._tenure: Tenure = Alone() if tenure is None else tenure
        self._clock = clock or SystemClock()
        self._grace = stop_grace_seconds
        self._running: dict[str, asyncio.Task[None]] = {}
        self._wake = asyncio.Event()
        self._sleeper: asyncio.Task[None] | None = None
        self._slept_until: datetime | None = None
        self._queue = DueQueue(slots or HostSlots(settings.per_host), self._wake.set)
        self._crowd, self._asked = Trickle(), Trickle()
        self._late: dict[str, Trickle] = {}
        self._again = True
        self._tally: Counter[str] = Counter()
        self._items = self._new = self._not_due = 0
        self._log = structlog.get_logger(__name__)

    async def run(self, stop: asyncio.Event) -> Summary:
        """Poll until ``stop``; polls in flight then get `stop_grace_seconds` to end."""
        for url in self._feeds:
            self._enqueue(url, self._crowd)
        return await self._loop(stop)

    def add(self, feed: Feed, known: FeedState | None, *, asked: bool = False) -> None:
        """Poll another feed from now on, by what is known of it; one that was dropped before must have been let go.
        What somebody ``asked`` for does not wait behind a crowd of feeds that are late.
        """
        self._feeds[feed.url] = feed
        if known is not None:
            self._states[feed.url] = known
        self._metrics.feeds.labels(state=_health(known)).inc()
        self._enqueue(feed.url, self._asked if asked else self._crowd)
        self._wake.set()

    async def drop(self, urls: Iterable[str]) -> dict[str, FeedState]:
        """Stop polling these feeds; what was known of them. Polls in flight are cancelled, and nothing of them is kept:
        what they published already is known to dedupe when it comes again.
        """
        left: dict[str, FeedState] = {}
        tasks = []
        for url in urls:
            if self._feeds.pop(url, None) is None:
                continue
            self._queue.discard(url)
            self._late.pop(url, None)
            if task := self._running.get(url):
                task.cancel()
                tasks.append(task)
            if (known := self._states.pop(url, None)) is not None:
                left[url] = known
            self._metrics.feeds.labels(state=_health(known)).dec()
        if tasks:
            await asyncio.wait(tasks)
        return left

    def _enqueue(self, url: str, late: Trickle) -> None:
        now = self._clock.now()
        when = schedule.due(self._states.get(url), now=now, settings=self._settings)
        if when is None:
            return
        if when <= now:
            when = late.next(now, len(self._feeds), self._settings.interval_seconds)
            self._late[url] = late
        self._queue.add(url, when)

    async def run_once(self, stop: asyncio.Event) -> Summary:
        """Poll each feed that is due, or was never polled, once; ends early on ``stop``."""
        self._again = False
        now = self._clock.now()
        for url in self._feeds:
            known = self._states.get(url)
            if known is None or (known.next_poll <= now and not known.stopped):
                self._queue.add(url, now)
            else:
                self._not_due += 1
        return await self._loop(stop)

    async def _loop(self, stop: asyncio.Event) -> Summary:
        self._count_feeds()
        stopping = asyncio.create_task(stop.wait())
        stopping.add_done_callback(self._came)
        try:
            while not stop.is_set() and (self._again or self._queue or self._running):
                while self._start_due() and not stop.is_set():
                    await asyncio.sleep(0)
                self._sleep()
                await self._wake.wait()
                self._wake.clear()
        finally:
            stopping.cancel()
            self._sleep_until(None)
            await self._finish()
        return Summary(dict(self._tally), self._items, self._new, self._not_due)

    def _start_due(self) -> bool:
        """Begin some polls that are due; whether there may be more to begin."""
        for _ in range(STARTS_AT_ONCE):
            if len(self._running) >= self._settings.concurrency or not self._tenure.holds():
                return False
            url = self._queue.take(now := self._clock.now())
            if url is None:
                return False
            if (later := schedule.unskipped(schedule.skip_of(self._states.get(url)), now, url)) > now:
                # It came due in time, but had to wait for others until its feed asks not to be asked.
                self._queue.done(url)
                self._queue.add(url, later)
                continue
            task = asyncio.create_task(self._poll(self._feeds[url]))
            self._running[url] = task
            task.add_done_callback(partial(self._ended, url))
        return True

    def _ended(self, url: str, _task: asyncio.Task[None]) -> None:
        # Here and not at the end of the poll, which has none if it is cancelled before it began.
        self._running.pop(url, None)
        self._queue.done(url)
        self._wake.set()

    def _sleep(self) -> None:
        """Be woken when a feed comes due while there is room for it. The end of a poll, and the stop, wake us too."""
        due = self._queue.next_due()
        if not self._tenure.holds():
            due = self._clock.now() + timedelta(seconds=LAPSED_SECONDS)
        self._sleep_until(due if len(self._running) < self._settings.concurrency else None)

    def _sleep_until(self, due: datetime | None) -> None:
        if self._sleeper is not None:
            if due == self._slept_until and not self._sleeper.done():
                return  # most polls end while the same feed is the next
            self._sleeper.cancel()
            self._sleeper = None
        if due is not None:
            self._sleeper, self._slept_until = asyncio.create_task(self._clock.sleep_until(due)), due
            self._sleeper.add_done_callback(self._came)

    def _came(self, task: asyncio.Task[Any]) -> None:
        if not task.cancelled():
            self._wake.set()

    async def _finish(self) -> None:
        if self._running:
            await asyncio.wait(self._running.values(), timeout=self._grace)
        left = list(self._running.values())
        for task in left:
            task.cancel()
        await asyncio.gather(*left, return_exceptions=True)

    async def _poll(self, feed: Feed) -> None:
        """One poll with all that surrounds it. Nothing that goes wrong in it reaches another feed."""
        began = perf_counter()
        due: datetime | None = None
        self._series.in_progress.inc()
        try:
            due = await self._poll_and_remember(feed, began)
        except (PublishError, LapsedError) as error:
            due = self._forget(feed, error, began)
        except Exception as error:
            # A bug, in our handling of what this feed sent; it must cost the others nothing.
            self._log.exception("a bug", feed=feed.url)
            due = self._forget(feed, error, began)
        finally:
            self._series.in_progress.dec()
            if due is not None and self._again and feed.url in self._feeds:
                self._queue.add(feed.url, due)

    async def _poll_and_remember(self, feed: Feed, began: float) -> datetime | None:
        known = self._states.get(feed.url)
        polled = await self._visit(feed, known)
        now = self._clock.now()
        crowd = feed.url in self._late and self._late[feed.url].crowded
        decision = schedule.after(known, polled.result, now=now, feed=feed, settings=self._settings, crowded=crowd)
        after = state.following(feed.url, known, polled, decision, now=now)
        if polled.new:
            await publish(self._publisher, polled.new, fetched=polled.arrived or now)
        if feed.full_text == "always":
            await request_pages(self._publisher, polled.new, "always", now=now, place=self._tenure.partition)
        after = self._signed(after, known)
        partition = self._tenure.partition(feed.url)
        await self._states_publisher.send(FEED_STATE, encode(after), key=feed.url.encode(), partition=partition)
        self._remember(feed, known, after)
        self._count(polled)
        self._say(feed, polled, after, began)
        return None if after.stopped else after.next_poll

    def _signed(self, after: FeedState, known: FeedState | None) -> FeedState:
        """The state as it may be written: this is the last look whether the feed is ours."""
        generation = self._tenure.generation(after.url)
        if generation is None:
            raise LapsedError(after.url)
        return msgspec.structs.replace(after, generation=max(generation, known.generation if known else 0))

    async def _visit(self, feed: Feed, known: FeedState | None) -> Polled:
        try:
            return await visit(
                feed, known, fetcher=self._fetcher, parser=self._parser, metrics=self._metrics, clock=self._clock
            )
        except Exception as error:
            # A bug, as nothing foreseen raises here; as a failure of the feed it gets a back-off that lasts.
            self._log.exception("a bug", feed=feed.url)
            return Polled(PollResult("soft", error=f"internal error, {type(error).__name__}: {error}"))

    def _forget(self, feed: Feed, error: Exception, began: float) -> datetime:
        """Nothing was remembered, so the feed is fetched whole again, an interval from now whatever its server hinted:
        asking early once is better than losing what scrolls out of the feed meanwhile."""
        interval = max(feed.interval_seconds or self._settings.interval_seconds, self._settings.floor_seconds)
        due = self._clock.now() + timedelta(seconds=interval)
        self._tally[UNPUBLISHED] += 1
        self._metrics.polls.labels(outcome=UNPUBLISHED).inc()
        reason = f"not acknowledged, so it is done again: {error}"
        fields = {"feed": feed.url, "status": None, "items": 0, "new": 0, "next_poll": due.isoformat()}
        seconds = perf_counter() - began
        logs.outcome(self._log, "poll", UNPUBLISHED, seconds=seconds, level="error", **fields, reason=reason)
        return due

    def _remember(self, feed: Feed, known: FeedState | None, after: FeedState) -> None:
        self._states[feed.url] = after
        self._late.pop(feed.url, None)
        if (was := _health(known)) != (is_now := _health(after)):
            self._metrics.feeds.labels(state=was).dec()
            self._metrics.feeds.labels(state=is_now).inc()

    def _count_feeds(self) -> None:
        healths = Counter(_health(self._states.get(url)) for url in self._feeds)
        for health in ("new", "ok", "failing", "gone"):
            self._metrics.feeds.labels(state=health).set(healths[health])

    def _count(self, polled: Polled) -> None:
        items, new = len(polled.keys), len(polled.new)
        self._tally[polled.result.outcome] += 1
        self._items += items
        self._new += new
        self._metrics.polls.labels(outcome=polled.result.outcome).inc()
        if items:
            self._series.articles_in.inc(items)
            self._series.articles_out.inc(new)
        if polled.result.overlap is not None:
            self._metrics.feed_seen_ratio.observe(polled.result.overlap.share)
            self._metrics.feed_gaps.inc(polled.result.overlap.gap is not None)
        self._metrics.stage_last_timestamp_seconds.labels(stage=STAGE).set(self._clock.now().timestamp())

    def _say(self, feed: Feed, polled: Polled, after: FeedState, began: float) -> None:
        logs.outcome(
            self._log,
            "poll",
            after.outcome,
            seconds=perf_counter() - began,
            level="warning" if after.failures else "info",
            feed=feed.url,
            status=polled.result.status,
            items=len(polled.keys),
            new=len(polled.new),
            next_poll=after.next_poll.isoformat(),
            reason=after.reason,
        )


def _health(known: FeedState | None) -> str:
    """The value of the label `state` of the gauge of feeds."""
    if known is None:
        return "new"
    if known.stopped:
        return "gone"
    return "failing" if known.failures else "ok"
