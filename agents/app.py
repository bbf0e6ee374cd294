"""The worker's app: its tables, its agents wired together, and the time that it tells."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Any, Final

import faust
import structlog

from agents.alert import make_alert
from agents.copies import CopiesTable, make_copies
from agents.dedupe import make_dedupe
from agents.faust_app import FaustApp
from agents.flag import Rules, make_flag
from agents.seen import SeenTable
from agents.stage import BATCHES, Clock, utc_now, whole
from agents.thread import make_thread, tick
from agents.thread_table import ThreadTable
from pipeline.copies.source import Sources
from pipeline.dedupe.fresh import LanguageOf
from pipeline.metrics import Metrics
from pipeline.records import story_events, thread_inputs
from pipeline.settings.models import Settings
from pipeline.subscriptions.matching import Matching
from pipeline.topics import (
    ARTICLES_DEDUPED,
    ARTICLES_FRESH,
    ARTICLES_RAW,
    COPIES_TABLE,
    SEEN_TABLE,
    STORY_EVENTS,
    THREADS_IN,
    THREADS_TABLE,
)

log = structlog.get_logger(__name__)

TICK_INTERVAL: Final = 30.0
"""Seconds between two records that tell the threads the time; looks and silences are that late at the most."""


@dataclass(frozen=True, slots=True)
class Parts:
    """What the agents decide with, and where they count. The worker makes them; tests bring their own."""

    language_of: LanguageOf
    sources: Sources
    rules: Callable[[], Rules]
    matching: Matching
    metrics: Metrics
    clock: Clock = utc_now


def create_app(settings: Settings, bootstrap: Sequence[str], parts: Parts) -> faust.App:
    """The app with all agents. Nothing is started and nothing is connected yet.

    Raises:
        UnprovenFaustError: the installed Faust is not one that the recovery fix was proven on.
    """
    worker = settings.worker
    base = FaustApp(
        settings, bootstrap, parts.metrics, app_id=worker.app_id, data_dir=worker.data_dir, clock=parts.clock
    )
    _add_agents(base, parts)
    app = base.app

    @app.timer(TICK_INTERVAL)  # type: ignore[untyped-decorator]  # Faust is not followed by mypy
    async def tell_the_time() -> None:
        now = parts.clock()
        for partition in base.partitions(THREADS_IN):
            record = tick(partition, now)
            try:
                await app.producer.send(record.topic, record.key, record.value, record.partition, None, None)
            except Exception:  # the next one tells a later time, and nobody misses this one
                log.exception("a tick could not be sent", partition=partition)

    return app


def _add_agents(base: FaustApp, parts: Parts) -> None:
    settings, metrics = base.settings, parts.metrics
    worker, partitions = settings.worker, settings.kafka.partitions
    articles = base.table(SEEN_TABLE, "Claims: which articles each batch brought first.")
    likenesses = base.table(COPIES_TABLE, "Claims: what the articles of each batch are copies of.")
    rows = base.table(THREADS_TABLE, "Dispute threads, their articles, and what the last records did.")
    seen = SeenTable(articles, timedelta(days=worker.remember_days), articles.take)
    copies = CopiesTable(likenesses, take=likenesses.take)
    threads = ThreadTable(rows, partitions, rows.take, settings.threads.silence_hours)

    async def partitions_moved(_app: faust.App, _partitions: Any, **_: Any) -> None:
        for one in (seen, copies, threads):
            one.drop()
        metrics.forget_tables()

    base.app.on_partitions_revoked.connect(partitions_moved, weak=False)
    base.app.on_partitions_assigned.connect(partitions_moved, weak=False)
    base.agent(ARTICLES_RAW, "dedupe", BATCHES, make_dedupe(seen, parts.language_of, metrics))
    base.agent(ARTICLES_FRESH, "copies", BATCHES, make_copies(copies, parts.sources, metrics))
    base.agent(ARTICLES_DEDUPED, "flag", BATCHES, make_flag(parts.rules, metrics, parts.clock, partitions=partitions))
    base.agent(THREADS_IN, "thread", whole(thread_inputs), make_thread(threads, metrics, parts.clock))
    alert = make_alert(parts.matching, metrics, parts.clock, partitions=partitions)
    base.agent(STORY_EVENTS, "alert", whole(story_events), alert)
