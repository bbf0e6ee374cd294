"""One poll of one feed up to what it brought: fetch, compare, parse. Publishing it is `pipeline.feeds.poll`'s."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from time import perf_counter
from typing import Protocol

import msgspec

from pipeline.clock import Clock
from pipeline.errors import FetchError, FetchRefusedError, ParseError
from pipeline.feeds import schedule, state
from pipeline.feeds.fetch import Fetched, Validators
from pipeline.feeds.keys import known_keys
from pipeline.feeds.pace import overlap
from pipeline.feeds.schedule import PollResult, Skip
from pipeline.feeds.state import Polled
from pipeline.metrics import Metrics
from pipeline.records import Article, FeedState, Outcome
from pipeline.settings.models import Feed


class Fetches(Protocol):
    """What is needed of `pipeline.feeds.fetch.Fetcher`."""

    async def fetch(self, url: str, validators: Validators | None = None) -> Fetched:
        """GET, conditional with validators."""


class Body(Protocol):
    """What is needed of a parsed feed."""

    @property
    def articles(self) -> Sequence[Article]:
        """Its items, but for those that were known as they are."""

    @property
    def keys(self) -> tuple[str, ...]:
        """Of all its items (`pipeline.feeds.keys`)."""

    @property
    def left_out(self) -> int:
        """Items beyond the newest that are made into articles."""

    @property
    def ttl_seconds(self) -> float | None:
        """RSS `ttl`: how long it asks to be left alone."""

    @property
    def update_period_seconds(self) -> float | None:
        """`sy:updatePeriod`: how often it says that it changes."""

    @property
    def skip_hours(self) -> tuple[int, ...]:
        """Hours in UTC at which it asks not to be asked."""

    @property
    def skip_days(self) -> tuple[int, ...]:
        """Days in UTC, 0 is Monday."""


class Parses(Protocol):
    """What is needed of `pipeline.feeds.parser_pool.ParserPool`."""

    async def parse(
        self, body: bytes, *, feed: Feed, headers: Mapping[str, str], fetched: datetime, known: tuple[str, ...] = ()
    ) -> Body:
        """Bytes to articles, within limits; ``known`` are keys of items that need not be made into articles again."""


async def visit(
    feed: Feed, known: FeedState | None, *, fetcher: Fetches, parser: Parses, metrics: Metrics, clock: Clock
) -> Polled:
    """Poll ``feed``, of which ``known`` is remembered. What was foreseen to go wrong is a result, not an exception."""
    try:
        fetched = await _fetch(feed, known, fetcher, metrics, clock)
    except FetchError as error:
        outcome: Outcome = "hard" if isinstance(error, FetchRefusedError) else "temporary"
        return Polled(PollResult(outcome, error=error.reason))
    if (unchanged := state.outcome_of(fetched, known)) is not None:
        ttl = known.ttl_seconds if known else None
        skip = schedule.skip_of(known)
        return Polled(PollResult(unchanged, fetched.status, fetched.headers, ttl, skip=skip), fetched)
    if fetched.body is None:
        outcome = schedule.status_outcome(fetched.status)
        return Polled(PollResult(outcome, fetched.status, fetched.headers, error=f"HTTP {fetched.status}"), fetched)
    return await _parse(feed, known, fetched, fetched.body, parser, metrics, clock.now())


async def _fetch(feed: Feed, known: FeedState | None, fetcher: Fetches, metrics: Metrics, clock: Clock) -> Fetched:
    sent = state.validators(known) if known is not None and schedule.conditional(known, clock.now()) else None
    began = perf_counter()
    try:
        return await fetcher.fetch((known.address if known else "") or feed.url, sent)
    finally:
        metrics.fetch_seconds.observe(perf_counter() - began)


async def _parse(
    feed: Feed,
    known: FeedState | None,
    fetched: Fetched,
    body: bytes,
    parser: Parses,
    metrics: Metrics,
    now: datetime,
) -> Polled:
    began = perf_counter()
    try:
        seen = known_keys(known)
        parsed = await parser.parse(body, feed=feed, headers=fetched.headers, fetched=now, known=seen)
    except ParseError as error:
        return Polled(PollResult("hard", fetched.status, fetched.headers, error=error.reason), fetched)
    finally:
        metrics.parse_seconds.observe(perf_counter() - began)
    first = known is None or known.last_success is None
    articles = tuple(msgspec.structs.replace(one, full_text=feed.full_text, backlog=first) for one in parsed.articles)
    wishes = [wish for wish in (parsed.ttl_seconds, parsed.update_period_seconds) if wish is not None]
    result = PollResult(
        "changed",
        fetched.status,
        fetched.headers,
        max(wishes, default=None),
        overlap=overlap(articles, known, now, recognised=len(parsed.keys) - len(articles)),
        skip=Skip(frozenset(parsed.skip_hours), frozenset(parsed.skip_days)),
    )
    return Polled(result, fetched, articles, parsed.keys, state.news(articles, known), now, parsed.left_out)
