"""Serves requests for article pages: one host's one after the other, with a pause; each article's page once.

A page's text is published as a revision of its article, acknowledged, and only then is the result kept: whatever breaks
between, the next start does it again, and dedupe drops the repeat. Requests are not committed anywhere: whoever is
given a partition of them reads all that it still holds, and leaves out those that have a result there.
"""

from __future__ import annotations

import asyncio
import heapq
from collections import Counter
from collections.abc import AsyncIterable, Collection
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from functools import partial
from time import perf_counter
from typing import Any, Final, Protocol

import structlog

from pipeline import logs
from pipeline.clock import Clock
from pipeline.errors import PageError, PublishError, RecordError
from pipeline.feeds.article import with_page
from pipeline.feeds.publish import Sends, publish
from pipeline.feeds.queue import DueQueue, HostSlots
from pipeline.feeds.tenure import LAPSED_SECONDS, Tenure
from pipeline.kafka.follow import Message
from pipeline.metrics import Metrics
from pipeline.pages.extract import PageText
from pipeline.pages.robots import MAX_DELAY_SECONDS, Permit
from pipeline.pages.visit import Page
from pipeline.records import PageOutcome, PageRequest, PageResult, encode, page_requests
from pipeline.topics import PAGES_REQUESTS_RETENTION, PAGES_RESULTS, PAGES_RESULTS_RETENTION

SPACING: Final = timedelta(seconds=2)
"""Between the end of one visit to a host and the next; a longer Crawl-delay counts instead."""

CONCURRENCY: Final = 16
"""Pages that are visited at once, of as many hosts."""

MAX_TRIES: Final = 3
RETRY: Final = timedelta(minutes=15)
"""Before the second try, and twice as long before the third."""

LONGEST_REST: Final = PAGES_REQUESTS_RETENTION
"""A host that asks to be left alone for longer is left alone for so long: until then its requests are out of date."""


class Visits(Protocol):
    """What is needed of `pipeline.pages.visit.PageVisits`."""

    async def permit(self, url: str) -> Permit:
        """Whether a URL may be fetched, and how far apart requests to its host are to be."""

    async def fetch(self, url: str) -> Page:
        """What is there; raises PageError."""

    async def read(self, page: Page) -> PageText:
        """Its text; raises PageError."""


@dataclass(frozen=True, slots=True)
class Past:
    """What the results of one partition say."""

    done: dict[str, datetime] = field(default_factory=dict)
    """When a visit was done with, by its key; the oldest first."""

    visited: dict[str, datetime] = field(default_factory=dict)
    """When a host was visited for the last time."""

    def note(self, result: PageResult) -> None:
        """One more result."""
        self.done[result.key] = self.visited[result.host] = result.finished


@dataclass(frozen=True, slots=True)
class _Wish:
    request: PageRequest
    partition: int
    tries: int = 0

    @property
    def name(self) -> str:
        """Tells visits that wait apart; a URL, so that the queue knows its host. Two requests for one page are one."""
        return f"{self.request.url}#{self.request.look}"


class PageService:
    """Visits the pages of the partitions that it has (`begin`, `end`) until it is stopped."""

    def __init__(
        self,
        visits: Visits,
        publisher: Sends,
        metrics: Metrics,
        clock: Clock,
        *,
        tenure: Tenure,
        slots: HostSlots,
    ) -> None:
        self._visits, self._publisher, self._metrics, self._clock = visits, publisher, metrics, clock
        self._tenure, self._slots = tenure, slots
        self._done: dict[int, dict[str, datetime]] = {}
        self._before: dict[str, datetime] = {}
        self._wake = asyncio.Event()
        # One page of a host at a time; it keeps the place while the host rests after it, so no other is let go there.
        self._queue = DueQueue(HostSlots(1), self._wake.set)
        self._wishes: dict[str, _Wish] = {}
        self._resting: list[tuple[datetime, str]] = []
        self._running: dict[str, asyncio.Task[datetime | None]] = {}
        self._rests: dict[str, datetime] = {}
        self._until: datetime | None = None
        self._tally: Counter[str] = Counter()
        self._log = structlog.get_logger(__name__)
        metrics.pages_waiting.set_function(self.__len__)

    def __len__(self) -> int:
        """Pages that are waited for."""
        return len(self._wishes)

    @property
    def outcomes(self) -> dict[str, int]:
        """Pages that are done with, by what became of them."""
        return dict(self._tally)

    def begin(self, partition: int, past: Past) -> None:
        """The requests of this partition are ours."""
        self._done[partition] = past.done
        recent = self._clock.now() - timedelta(seconds=MAX_DELAY_SECONDS)
        self._before |= {host: when for host, when in past.visited.items() if when > recent}

    async def end(self, partitions: Collection[int]) -> None:
        """The requests of these partitions are not ours any more: waiting pages are forgotten, visits given up."""
        tasks = []
        for name, wish in list(self._wishes.items()):
            if wish.partition not in partitions:
                continue
            del self._wishes[name]
            self._queue.discard(name)
            if task := self._running.get(name):
                task.cancel()
                tasks.append(task)
        for partition in partitions:
            self._done.pop(partition, None)
        if tasks:
            await asyncio.wait(tasks)

    def ask(self, message: Message) -> None:
        """Take in what came on the topic of requests; what is not ours, done with, out of date or unreadable is not."""
        done = self._done.get(message.partition)
        if message.value is None or done is None:
            return
        try:
            request = page_requests.decode(message.value)
        except RecordError as error:
            self._log.error("not a request for a page", offset=message.offset, reason=str(error))
            return
        wish = _Wish(request, message.partition)
        known = done.get(request.key)
        is_done = known is not None and self._clock.now() - known < PAGES_RESULTS_RETENTION
        if is_done or wish.name in self._wishes or self._is_old(request):
            return
        self._wishes[wish.name] = wish
        self._queue.add(wish.name, self._clock.now())
        self._wake.set()

    async def run(self, requests: AsyncIterable[Message], stop: asyncio.Event) -> None:
        """Serve until ``stop``; visits in flight are given up, and done by the next start.

        Raises:
            KafkaError: the requests could not be read on.
        """
        stopping = asyncio.create_task(stop.wait())
        intake = asyncio.create_task(self._take_in(requests))
        try:
            while not stop.is_set():
                self._start_due()
                await self._wait(stopping, intake)
                if intake.done():
                    intake.result()
        finally:
            await self._finish(stopping, intake)

    async def run_once(self, stop: asyncio.Event, until: datetime) -> None:
        """Serve what is waiting, as far as it can be begun before ``until``; visits in flight are ended."""
        self._until = until
        stopping = asyncio.create_task(stop.wait())
        try:
            while not stop.is_set():
                self._start_due()
                if not self._running and self._next() is None:
                    break
                await self._wait(stopping)
        finally:
            await self._finish(stopping)

    async def _take_in(self, requests: AsyncIterable[Message]) -> None:
        async for message in requests:
            self.ask(message)
        await asyncio.Event().wait()  # the end of the requests is the end of nothing

    async def _finish(self, *others: asyncio.Task[Any]) -> None:
        tasks = [*others, *self._running.values()]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    def _is_old(self, request: PageRequest) -> bool:
        return self._clock.now() - request.asked > PAGES_REQUESTS_RETENTION

    def _start_due(self) -> None:
        now = self._clock.now()
        while self._resting and self._resting[0][0] <= now:
            self._queue.done(heapq.heappop(self._resting)[1])
        if self._is_over(now):
            return
        while len(self._running) < CONCURRENCY and self._tenure.holds():
            name = self._queue.take(now)
            if name is None:
                return
            wish = self._wishes[name]
            if self._is_old(wish.request):
                del self._wishes[name]
                self._queue.done(name)
                continue
            task = asyncio.create_task(self._serve(wish))
            self._running[name] = task
            task.add_done_callback(partial(self._ended, name))

    def _ended(self, name: str, task: asyncio.Task[datetime | None]) -> None:
        # Here and not at the end of the visit, which has none if it is cancelled before it began.
        del self._running[name]
        again = None if task.cancelled() else task.result()
        if again is not None and name in self._wishes:
            self._queue.add(name, again)
        else:
            self._wishes.pop(name, None)
        if (until := self._rests.pop(name, None)) is None:
            self._queue.done(name)
        else:
            heapq.heappush(self._resting, (until, name))
        self._wake.set()

    def _next(self) -> datetime | None:
        """When there may be something to begin; None when nothing is waiting, or it would be too late for it."""
        now = self._clock.now()
        times = [self._queue.next_due(), self._resting[0][0] if self._resting else None]
        later = min((max(now, one) for one in times if one is not None), default=None)
        return None if later is None or self._is_over(later) else later

    def _is_over(self, when: datetime) -> bool:
        return self._until is not None and when > self._until

    async def _wait(self, *tasks: asyncio.Task[Any]) -> None:
        woken = asyncio.create_task(self._wake.wait())
        waits: set[asyncio.Task[Any]] = {*tasks, woken}
        due = self._next()
        if not self._tenure.holds():
            due = self._clock.now() + timedelta(seconds=LAPSED_SECONDS)
        if due is not None and len(self._running) < CONCURRENCY:
            waits.add(asyncio.create_task(self._clock.sleep_until(due)))
        await asyncio.wait(waits, return_when=asyncio.FIRST_COMPLETED)
        for task in waits.difference(tasks):
            task.cancel()
        self._wake.clear()

    async def _serve(self, wish: _Wish) -> datetime | None:
        """One visit with all that surrounds it; when to try again, None when it is done with. Nothing that goes wrong
        in it reaches another page.
        """
        began = perf_counter()
        try:
            return await self._visit(wish, began)
        except PublishError as error:
            self._say(wish, "unpublished", str(error), began)
            return self._clock.now() + RETRY
        except Exception as error:
            self._log.exception("a bug", page=wish.request.url)
            again = self._again(wish)
            if again is None:
                self._say(wish, "failed", f"internal error, {type(error).__name__}: {error}", began)
            return again

    async def _visit(self, wish: _Wish, began: float) -> datetime | None:
        """Fetch, read, publish, remember."""
        request = wish.request
        outcome: PageOutcome
        reason = ""
        try:
            page = await self._fetch(wish)
            if isinstance(page, datetime):
                return page
            text = await self._visits.read(page)
        except PageError as error:
            reason = error.reason
            if error.temporary and (again := self._again(wish)) is not None:
                self._say(wish, "again", reason, began)
                return again
            outcome = "failed" if error.temporary else "refused"
        else:
            outcome = await self._publish(request, text)
        await self._keep(wish, outcome, reason)
        self._say(wish, outcome, reason, began)
        return None

    async def _fetch(self, wish: _Wish) -> Page | datetime:
        """The page; or when to come for it, if its host was visited too shortly before the partition was ours."""
        url, host = wish.request.url, wish.request.host
        async with self._slots.place(host):
            permit = await self._visits.permit(url)
            if not permit.allowed:
                raise PageError(url, permit.reason, temporary=permit.temporary)
            pause = max(SPACING, timedelta(seconds=permit.delay_seconds))
            before = self._before.pop(host, None)
            if before is not None and before + pause > self._clock.now():
                self._rests[wish.name] = before + pause
                return before + pause
            try:
                return await self._visits.fetch(url)
            except PageError as error:
                pause = max(pause, timedelta(seconds=min(error.wait_seconds, LONGEST_REST.total_seconds())))
                raise
            finally:
                self._rests[wish.name] = self._clock.now() + pause

    async def _publish(self, request: PageRequest, page: PageText) -> PageOutcome:
        now = self._clock.now()
        article = with_page(
            request.article,
            text=page.text,
            title=page.title,
            authors=page.authors,
            published=page.published,
            fetched=now,
            # Where its feed wants pages, the baseline was its first page, with the lead: later ones must be like it.
            alone=request.why == "look" and request.article.full_text == "never",
        )
        if article is None:
            return "no_more"
        await publish(self._publisher, [article], fetched=now)
        return "published"

    async def _keep(self, wish: _Wish, outcome: PageOutcome, reason: str) -> None:
        request, now = wish.request, self._clock.now()
        result = PageResult(
            id=request.article.id, url=request.url, look=request.look, outcome=outcome, reason=reason, finished=now
        )
        await self._publisher.send(PAGES_RESULTS, encode(result), key=result.key.encode(), partition=wish.partition)
        self._note(self._done.get(wish.partition, {}), result.key, now)
        self._tally[outcome] += 1
        self._metrics.pages.labels(outcome=outcome).inc()

    def _note(self, done: dict[str, datetime], key: str, now: datetime) -> None:
        """Remember it, and forget what its topic has forgotten: the oldest stand first."""
        while done and now - (oldest := next(iter(done.items())))[1] >= PAGES_RESULTS_RETENTION:
            del done[oldest[0]]
        done[key] = now

    def _again(self, wish: _Wish) -> datetime | None:
        tries = wish.tries + 1
        if tries >= MAX_TRIES:
            return None
        if wish.name in self._wishes:
            self._wishes[wish.name] = _Wish(wish.request, wish.partition, tries)
        return self._clock.now() + tries * RETRY

    def _say(self, wish: _Wish, outcome: str, reason: str, began: float) -> None:
        logs.outcome(
            self._log,
            "page",
            outcome,
            seconds=perf_counter() - began,
            level="info" if outcome in ("published", "no_more") else "warning",
            page=wish.request.url,
            why=wish.request.why,
            reason=reason,
        )
