"""Agent `flag`: articles.deduped → flags, threads.in. Each article that a rule matches goes on as a record of its own.

A revision goes to the threads also where no rule matches any more: it may have dropped what it said. Where its feed is
set to it, the page is asked for: its text comes back as a revision, and is flagged anew.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import datetime
from typing import Protocol

import msgspec
import structlog

from agents.outbox import Outgoing
from agents.stage import Clock, Handled, Handler, Message, bury, utc_now
from pipeline.feeds.listing import partition_of
from pipeline.metrics import Metrics, language_label
from pipeline.records import (
    Article,
    ArticleBatch,
    Flag,
    Flagged,
    FlaggedArticle,
    ThreadInput,
    encode,
    page_request,
)
from pipeline.topics import FLAGS, PAGES_REQUESTS, THREADS_IN

log = structlog.get_logger(__name__)


class Rules(Protocol):
    """What the agent needs of a rule set."""

    hash: str

    def flags(self, article: Article) -> tuple[Flag, ...]:
        """The flags that the rules of the article's language raise."""


def make_flag(
    rules: Callable[[], Rules], metrics: Metrics, clock: Clock = utc_now, *, partitions: int
) -> Handler[ArticleBatch]:
    """The handler. ``rules`` gives the rule set of the moment, so that a reload needs no restart; ``partitions`` is how
    many `pages.requests` has.
    """

    async def flag(batch: ArticleBatch, message: Message) -> Handled:
        ruleset, now = rules(), clock()
        read, dead = _match(batch, ruleset, message, now)
        beat = batch.heartbeat
        flagged = [one for one in read if one.flags or beat is not None]
        results = [Outgoing(FLAGS, encode(one), message.key, beat) for one in flagged] + dead
        results += [Outgoing(THREADS_IN, encode(_input(one)), message.key, beat) for one in read]
        results += _wishes(flagged, now, partitions)

        def count() -> None:
            arrived = clock()
            if dead:
                metrics.dead_letters.labels(topic=message.topic).inc(len(dead))
            if beat is None:
                _count_flags(metrics, flagged, arrived)

        passed = 0 if beat is not None else len(flagged)
        return Handled(tuple(results), 0 if beat is not None else len(batch.articles), passed, count)

    return flag


def _match(
    batch: ArticleBatch, rules: Rules, message: Message, now: datetime
) -> tuple[list[FlaggedArticle], list[Outgoing]]:
    """What is to go on, and dead letters for the articles that the rules could not handle."""
    read: list[FlaggedArticle] = []
    dead: list[Outgoing] = []
    for article in batch.articles:
        try:
            flags = rules.flags(article)
        except Exception as error:  # a rule that breaks on one article costs that article, never the stream
            log.exception("rules failed", article=article.id, url=article.url)
            dead.append(bury(message, msgspec.json.encode(article), error))
            continue
        if flags or article.revision_of or batch.heartbeat is not None:
            one = FlaggedArticle(
                article=article, flags=flags, ruleset=rules.hash, flagged=now, heartbeat=batch.heartbeat
            )
            read.append(one)
    return read, dead


def _input(one: FlaggedArticle) -> ThreadInput:
    """As the threads take it: without the worker's clock."""
    return ThreadInput(what=Flagged(article=one.article, flags=one.flags, ruleset=one.ruleset, heartbeat=one.heartbeat))


def _wishes(flagged: Sequence[FlaggedArticle], now: datetime, partitions: int) -> list[Outgoing]:
    """Requests for the pages of flagged articles whose feed wants them, each for the poller that has its host."""
    wanted = (one.article for one in flagged if one.flags and one.article.full_text == "flagged")
    requests = (page_request(article, "flagged", now) for article in wanted)
    return [
        Outgoing(PAGES_REQUESTS, encode(one), one.host.encode(), partition_of(one.url, partitions))
        for one in requests
        if one is not None
    ]


def _count_flags(metrics: Metrics, flagged: Sequence[FlaggedArticle], now: datetime) -> None:
    for one in flagged:
        metrics.fetched_to_flagged_seconds.observe((now - one.article.fetched).total_seconds())
        for flag in one.flags:
            metrics.flags.labels(kind=flag.kind, language=language_label(one.article.language)).inc()
        log.info(
            "flagged",
            outlet=one.article.outlet,
            kinds=sorted({flag.kind for flag in one.flags}),
            title=one.article.title,
            url=one.article.url,
        )
