"""Serves requests for article pages: one host's one after the other, with a pause; each article's page once.

A page's text is published as a revision of its article, acknowledged, and only then is the result kept: whatever breaks
between, the next start does it again, and dedupe drops the repeat. Requests are not committed anywhere: a start reads
all that the topic still holds, and leaves out those that have a result.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime, timedelta
from time import perf_counter
from typing import Any, Final, Protocol

import structlog

from pipeline import logs
from pipeline.clock import Clock
from pipeline.errors import PageError, PublishError, RecordError
from pipeline.feeds.article import with_page
from pipeline.feeds.publish import Sends, publish
from pipeline.feeds.queue import DueQueue
from pipeline.kafka.follow import Message, read_table
from pipeline.metrics import Metrics
from pipeline.pages.extract import PageText
from pipeline.pages.robots import Permit
from pipeline.records import PageOutcome, PageRequest, PageResult, encode, page_requests, page_results
from pipeline.topics import PAGES_REQUESTS_RETENTION, PAGES_RESULTS, PAGES_RESULTS_RETENTION

SPACING: Final = timedelta(seconds=2)
"""Between the end of one visit to a host and the next; a longer Crawl-delay counts instead."""

CONCURRENCY: Final = 16
"""Pages that are visited at once, of as many hosts."""

MAX_TRIES: Final = 3
RETRY: Final = timedelta(minutes=15)
"""Before the second try, and twice as long before the third."""

MAX_SPACED_HOSTS: Final = 10_000
"""Hosts whose last visit is remembered before those that are long past are forgotten."""


class Visits(Protocol):
    """What is needed of `pipeline.pages.visit.PageVisits`."""

    async def permit(self, url: str) -> Permit:
        """Whether a URL may be fetched, and how far apart requests to its host are to be."""

    async def read(self, url: str) -> PageText:
        """The text of a page; raises PageError."""


@dataclass(frozen=True, slots=True)
class _Wish:
    request: PageRequest
    tries: int = 0


def finished(bootstrap: Sequence[str]) -> dict[str, datetime]:
    """When the pages of articles were done with, by article id. Blocks; raises KafkaError."""
    return decode_results(read_table(bootstrap, PAGES_RESULTS))


def decode_results(table: Mapping[bytes, bytes]) -> dict[str, datetime]:
    """The same from the topic's records; what cannot be read costs a second visit."""
    found: dict[str, datetime] = {}
    for value in table.values():
        with suppress(RecordError):
            result = page_results.decode(value)
            found[result.id] = result.finished
    return found


class PageService:
    """Serves requests until it is stopped. ``done`` is what `finished` gives."""

    def __init__(
        self, visits: Visits, publisher: Sends, metrics: Metrics, clock: Clock, done: Mapping[str, datetime]
    ) -> None:
        self._visits, self._publisher, self._metrics, self._clock = visits, publisher, metrics, clock
        self._done = dict(done)
        self._queue = DueQueue(per_host=1)
        self._wishes: dict[str, _Wish] = {}
        self._free: dict[str, datetime] = {}
        self._running: set[asyncio.Task[None]] = set()
        self._wake = asyncio.Event()
        self._log = structlog.get_logger(__name__)

    def __len__(self) -> int:
        """Pages that are waited for."""
        return len(self._wishes)

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
            tasks = [stopping, intake, *self._running]
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)

    async def _take_in(self, requests: AsyncIterable[Message]) -> None:
        async for message in requests:
            if message.value is None:
                continue
            try:
                self._add(page_requests.decode(message.value))
            except RecordError as error:
                self._log.error("not a request for a page", offset=message.offset, reason=str(error))
        await asyncio.Event().wait()  # the end of the requests is the end of nothing

    def _add(self, request: PageRequest) -> None:
        now = self._clock.now()
        known = self._done.get(request.article.id)
        is_done = known is not None and now - known < PAGES_RESULTS_RETENTION
        if is_done or request.url in self._wishes or now - request.asked > PAGES_REQUESTS_RETENTION:
            return
        self._wishes[request.url] = _Wish(request)
        self._queue.add(request.url, now)
        self._wake.set()

    def _start_due(self) -> None:
        while len(self._running) < CONCURRENCY:
            url = self._queue.take(now := self._clock.now())
            if url is None:
                return
            wish = self._wishes[url]
            free = self._free.get(wish.request.host)
            if free is not None and free > now:
                self._queue.done(url)
                self._queue.add(url, free)
                continue
            task = asyncio.create_task(self._serve(wish))
            self._running.add(task)
            task.add_done_callback(self._ended)

    def _ended(self, task: asyncio.Task[None]) -> None:
        self._running.discard(task)
        self._wake.set()

    async def _wait(self, stopping: asyncio.Task[Any], intake: asyncio.Task[None]) -> None:
        woken = asyncio.create_task(self._wake.wait())
        waits: set[asyncio.Task[Any]] = {stopping, intake, woken}
        due = self._queue.next_due()
        if due is not None and len(self._running) < CONCURRENCY:
            waits.add(asyncio.create_task(self._clock.sleep_until(due)))
        await asyncio.wait(waits, return_when=asyncio.FIRST_COMPLETED)
        for task in waits - {stopping, intake}:
            task.cancel()
        self._wake.clear()

    async def _serve(self, wish: _Wish) -> None:
        """One visit with all that surrounds it. Nothing that goes wrong in it reaches another page."""
        url, began = wish.request.url, perf_counter()
        again: datetime | None = None
        try:
            again = await self._visit(wish, began)
        except PublishError as error:
            again = self._clock.now() + RETRY
            self._say(wish, "unpublished", str(error), began)
        except Exception as error:
            self._log.exception("a bug", page=url)
            again = self._again(wish)
            if again is None:
                self._say(wish, "failed", f"internal error, {type(error).__name__}: {error}", began)
        finally:
            self._queue.done(url)
            if again is not None:
                self._queue.add(url, again)
            else:
                self._wishes.pop(url, None)

    async def _visit(self, wish: _Wish, began: float) -> datetime | None:
        """Read, publish, remember; when to try again, None when it is done with."""
        request = wish.request
        outcome: PageOutcome = "refused"
        reason = ""
        try:
            page = await self._read(request)
        except PageError as error:
            reason = error.reason
            if error.temporary and (again := self._again(wish)) is not None:
                self._say(wish, "again", reason, began)
                return again
            outcome = "failed" if error.temporary else "refused"
        else:
            outcome = await self._publish(request, page)
        await self._finish(request, outcome, reason)
        self._say(wish, outcome, reason, began)
        return None

    async def _read(self, request: PageRequest) -> PageText:
        permit = await self._visits.permit(request.url)
        try:
            return await self._visits.read(request.url)
        finally:
            pause = max(SPACING, timedelta(seconds=permit.delay_seconds))
            self._keep_free(request.host, self._clock.now() + pause)

    async def _publish(self, request: PageRequest, page: PageText) -> PageOutcome:
        now = self._clock.now()
        article = with_page(
            request.article,
            text=page.text,
            title=page.title,
            authors=page.authors,
            published=page.published,
            fetched=now,
        )
        if article is None:
            return "no_more"
        await publish(self._publisher, [article], fetched=now)
        return "published"

    async def _finish(self, request: PageRequest, outcome: PageOutcome, reason: str) -> None:
        article, now = request.article.id, self._clock.now()
        result = PageResult(id=article, url=request.url, outcome=outcome, reason=reason, finished=now)
        await self._publisher.send(PAGES_RESULTS, encode(result), key=article.encode())
        self._done[article] = now
        self._metrics.pages.labels(outcome=outcome).inc()

    def _again(self, wish: _Wish) -> datetime | None:
        tries = wish.tries + 1
        if tries >= MAX_TRIES:
            return None
        self._wishes[wish.request.url] = _Wish(wish.request, tries)
        return self._clock.now() + tries * RETRY

    def _keep_free(self, host: str, until: datetime) -> None:
        if len(self._free) >= MAX_SPACED_HOSTS:
            now = self._clock.now()
            self._free = {one: when for one, when in self._free.items() if when > now}
        self._free[host] = until

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
