"""The Faust app: settings measured to be safe and fast, topics, tables, and the agents wired together."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any, Final

import faust
import structlog

from agents.changelog import LoggedTable
from agents.copies import CopiesTable, make_copies
from agents.dedupe import make_dedupe
from agents.flag import Rules, make_flag
from agents.outbox import Outbox
from agents.recovery import keep_messages_through_recovery
from agents.seen import SeenTable
from agents.sensor import LagTracker, Sensor
from agents.stage import BATCHES, Clock, Decode, Handler, Stage, utc_now, whole
from agents.thread import make_thread, tick
from agents.thread_table import ThreadTable
from agents.transport import quick_fetch
from pipeline.copies.source import Sources
from pipeline.dedupe.fresh import LanguageOf
from pipeline.metrics import Metrics
from pipeline.records import thread_inputs
from pipeline.settings.models import Settings
from pipeline.topics import (
    ARTICLES_DEDUPED,
    ARTICLES_FRESH,
    ARTICLES_RAW,
    COPIES_TABLE,
    MAX_RECORD_BYTES,
    SEEN_TABLE,
    THREADS_IN,
    THREADS_TABLE,
)

log = structlog.get_logger(__name__)

LAG_INTERVAL: Final = 5.0
"""Seconds between two measurements of the consumer lag; shorter than any usual scrape interval."""

TICK_INTERVAL: Final = 30.0
"""Seconds between two records that tell the threads the time; looks and silences are that late at the most."""

HEARTBEAT_SHARE: Final = 5
"""Heartbeats of the consumer group in one session timeout: some may be late before a worker counts as gone."""

FETCH_MAX_WAIT_MS: Final = 50
"""How long the broker may gather data before it answers: the latency of a quiet topic against the idle worker's CPU."""

STORES: Final = {"rocksdb": "rocksdb://?driver=rocksdict", "memory": "memory://"}


@dataclass(frozen=True, slots=True)
class Parts:
    """What the agents decide with, and where they count. The worker makes them; tests bring their own."""

    language_of: LanguageOf
    sources: Sources
    rules: Callable[[], Rules]
    metrics: Metrics
    clock: Clock = utc_now


def create_app(settings: Settings, bootstrap: Sequence[str], parts: Parts) -> faust.App:
    """The app with all agents. Nothing is started and nothing is connected yet.

    Raises:
        UnprovenFaustError: the installed Faust is not one that the recovery fix was proven on.
    """
    app = faust.App(**options(settings, bootstrap))
    keep_messages_through_recovery(app)
    quick_fetch(app, FETCH_MAX_WAIT_MS, parts.metrics.commit_errors.inc)
    lag = LagTracker(parts.metrics)
    app.monitor = Sensor(parts.metrics, lag)
    for source, name, decode, handle in _agents(app, settings, parts):
        add_agent(app, source, Stage(name, decode, handle, parts.metrics, lag.acknowledged, parts.clock))

    @app.timer(LAG_INTERVAL)  # type: ignore[untyped-decorator]  # Faust is not followed by mypy
    async def measure_lag() -> None:
        ends = [(tp.topic, tp.partition, app.consumer.highwater(tp)) for tp in app.consumer.assignment()]
        lag.measure(ends, parts.clock().timestamp())

    @app.timer(TICK_INTERVAL)  # type: ignore[untyped-decorator]
    async def tell_the_time() -> None:
        now = parts.clock()
        for partition in sorted(tp.partition for tp in app.consumer.assignment() if tp.topic == THREADS_IN):
            record = tick(partition, now)
            try:
                await app.producer.send(record.topic, record.key, record.value, record.partition, None, None)
            except Exception:  # the next one tells a later time, and nobody misses this one
                log.exception("a tick could not be sent", partition=partition)

    return app


def _agents(app: faust.App, settings: Settings, parts: Parts) -> tuple[tuple[str, str, Decode[Any], Handler[Any]], ...]:
    """Each agent's topic, name, and how it reads and handles a record."""
    worker, partitions, metrics = settings.worker, settings.kafka.partitions, parts.metrics
    articles = _table(app, SEEN_TABLE, partitions, "Claims: which articles each batch brought first.")
    likenesses = _table(app, COPIES_TABLE, partitions, "Claims: what the articles of each batch are copies of.")
    rows = _table(app, THREADS_TABLE, partitions, "Dispute threads, their articles, and what the last records did.")
    seen = SeenTable(articles, timedelta(days=worker.remember_days), articles.take)
    copies = CopiesTable(likenesses, take=likenesses.take)
    threads = ThreadTable(rows, partitions, rows.take, settings.threads.silence_hours)

    async def partitions_moved(_app: faust.App, _partitions: Any, **_: Any) -> None:
        for one in (seen, copies, threads):
            one.drop()
        metrics.forget_tables()

    app.on_partitions_revoked.connect(partitions_moved, weak=False)
    app.on_partitions_assigned.connect(partitions_moved, weak=False)
    return (
        (ARTICLES_RAW, "dedupe", BATCHES, make_dedupe(seen, parts.language_of, metrics)),
        (ARTICLES_FRESH, "copies", BATCHES, make_copies(copies, parts.sources, metrics)),
        (ARTICLES_DEDUPED, "flag", BATCHES, make_flag(parts.rules, metrics, parts.clock, partitions=partitions)),
        (THREADS_IN, "thread", whole(thread_inputs), make_thread(threads, metrics, parts.clock)),
    )


def options(settings: Settings, bootstrap: Sequence[str]) -> dict[str, Any]:
    """Faust's settings. The reasons are measurements: ``docs/faust.md``."""
    worker = settings.worker
    return {
        "id": worker.app_id,
        "broker": [f"kafka://{server}" for server in bootstrap],
        "store": STORES[worker.store],
        "datadir": str(Path(worker.data_dir).absolute()),
        "autodiscover": False,
        "Table": LoggedTable,
        "web_enabled": False,  # two workers on one host would want one port
        "topic_allow_declare": False,  # `counterclaim topics apply` makes the topics
        "topic_disable_leader": True,
        "topic_partitions": settings.kafka.partitions,
        "consumer_auto_offset_reset": "earliest",
        "consumer_max_fetch_size": 4 * 1024 * 1024,
        "broker_session_timeout": worker.session_timeout_seconds,
        "broker_heartbeat_interval": worker.session_timeout_seconds / HEARTBEAT_SHARE,
        "broker_rebalance_timeout": 60.0,
        "broker_request_timeout": 90.0,
        "broker_commit_interval": 1.0,  # a rebalance delivers again what was not committed
        "broker_max_poll_records": 500,
        "stream_buffer_maxsize": 1000,
        "stream_wait_empty": True,
        "stream_recovery_delay": 0.0,
        "producer_acks": -1,
        "producer_linger": 0.02,
        "producer_max_batch_size": 131_072,
        "producer_max_request_size": MAX_RECORD_BYTES,
    }


def add_agent(app: faust.App, topic: str, stage: Stage[Any]) -> None:
    """One agent on one topic, with an outbox of its own. Concurrency stays 1: Faust's commit needs it."""
    source = app.topic(topic, key_type=bytes, value_type=bytes, key_serializer="raw", value_serializer="raw")

    async def run(stream: Any) -> None:
        await stage.run(stream, Outbox(app.producer, crash=lambda error: _crash(app, stage.name, error)))

    app.agent(source, name=stage.name, concurrency=1)(run)


def _table(app: faust.App, name: str, partitions: int, what: str) -> LoggedTable:
    table: LoggedTable = app.Table(name, key_type=bytes, value_type=bytes, partitions=partitions, help=what)
    return table


_crashes: set[asyncio.Task[None]] = set()
"""The loop keeps only weak references to its tasks."""


def _crash(app: faust.App, agent: str, error: BaseException) -> None:
    log.error("a result could not be sent; stopping, nothing was acknowledged", agent=agent, reason=repr(error))
    task = asyncio.get_running_loop().create_task(app.crash(error))
    _crashes.add(task)
    task.add_done_callback(_crashes.discard)
