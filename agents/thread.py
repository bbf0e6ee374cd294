"""Agent `thread`: threads.in → threads, thread-events. Flagged articles about one claim become one dispute thread.

Articles that are to be looked at again are asked for on `pages.requests`. Time passes for threads by ticks on their own
topic alone, so that a replay tells the same.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from datetime import datetime

import structlog

from agents.outbox import Outgoing
from agents.stage import Clock, Handled, Handler, Message, bury, utc_now
from agents.thread_table import Done, ThreadTable
from pipeline.metrics import Metrics
from pipeline.records import Flagged, StoryEvent, ThreadInput, Tick, encode
from pipeline.threads import background
from pipeline.threads.events import by_article, heartbeat
from pipeline.topics import STORY_EVENTS, THREAD_EVENTS, THREADS_IN

log = structlog.get_logger(__name__)


def make_thread(table: ThreadTable, metrics: Metrics, clock: Clock = utc_now) -> Handler[ThreadInput]:
    """The handler, over what it remembers with."""

    async def thread(record: ThreadInput, message: Message) -> Handled:
        what, now = record.what, clock()
        if isinstance(what, Flagged) and what.heartbeat is not None:
            event = heartbeat(what.heartbeat, by_article(what.article, message.offset, now))
            beat = StoryEvent(event=event, article=what.article, heartbeat=what.heartbeat)
            results = (
                Outgoing(THREAD_EVENTS, encode(event), message.key, what.heartbeat),
                Outgoing(STORY_EVENTS, encode(beat), message.key, what.heartbeat),
            )
            return Handled(results)
        if isinstance(what, Flagged) and not background.at_hand(what.article.language):
            await asyncio.to_thread(background.prepare, what.article.language)
        failed = metrics.dead_letters.labels(topic=message.topic)

        def dead(error: Exception) -> Outgoing:
            log.exception("threads failed", partition=message.partition, offset=message.offset)
            failed.inc()
            return bury(message, message.value, error)

        done = await table.take(record, message.partition, message.offset, now, dead)
        return Handled(done.results, int(isinstance(what, Flagged)), int(done.joined), _counting(metrics, table, done))

    return thread


def tick(partition: int, now: datetime) -> Outgoing:
    """The record that tells a partition of `threads.in` the time."""
    return Outgoing(THREADS_IN, encode(ThreadInput(what=Tick(partition=partition, time=now))), b"tick", partition)


def _counting(metrics: Metrics, table: ThreadTable, done: Done) -> Callable[[], None]:
    def count() -> None:
        for verdict in done.verdicts:
            if verdict.joined is not None:
                metrics.join_score_ratio.observe(verdict.joined.score)
            for veto in verdict.vetoes:
                metrics.join_vetoes.labels(kind=veto.kind).inc()
        for lag in done.lags:
            metrics.thread_lag_seconds.observe(lag)
        metrics.index_size.labels(index="threads").set(len(table))
        for state, number in table.states().items():
            metrics.threads.labels(state=state).set(number)

    return count
