"""The Faust app: settings measured to be safe and fast, topics, the table, and the agents wired together."""

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
from agents.dedupe import make_dedupe
from agents.flag import Rules, make_flag
from agents.outbox import Outbox
from agents.recovery import keep_messages_through_recovery
from agents.seen import SeenTable
from agents.sensor import LagTracker, Sensor
from agents.stage import BATCHES, Clock, Stage, utc_now
from agents.transport import quick_fetch
from pipeline.dedupe.fresh import LanguageOf
from pipeline.metrics import Metrics
from pipeline.settings.models import Settings
from pipeline.topics import ARTICLES_FRESH, ARTICLES_RAW, MAX_RECORD_BYTES

log = structlog.get_logger(__name__)

LAG_INTERVAL: Final = 5.0
"""Seconds between two measurements of the consumer lag; shorter than any usual scrape interval."""

HEARTBEAT_SHARE: Final = 5
"""Heartbeats of the consumer group in one session timeout: some may be late before a worker counts as gone."""

FETCH_MAX_WAIT_MS: Final = 50
"""How long the broker may gather data before it answers: the latency of a quiet topic against the idle worker's CPU."""

STORES: Final = {"rocksdb": "rocksdb://?driver=rocksdict", "memory": "memory://"}


@dataclass(frozen=True, slots=True)
class Parts:
    """What the agents decide with, and where they count. The worker makes them; tests bring their own."""

    language_of: LanguageOf
    rules: Callable[[], Rules]
    metrics: Metrics
    clock: Clock = utc_now


def create_app(settings: Settings, bootstrap: Sequence[str], parts: Parts) -> faust.App:
    """The app with both agents. Nothing is started and nothing is connected yet.

    Raises:
        UnprovenFaustError: the installed Faust is not one that the recovery fix was proven on.
    """
    app = faust.App(**options(settings, bootstrap))
    keep_messages_through_recovery(app)
    quick_fetch(app, FETCH_MAX_WAIT_MS, parts.metrics.commit_errors.inc)
    lag = LagTracker(parts.metrics)
    app.monitor = Sensor(parts.metrics, lag)
    seen = _seen_table(app, settings)
    dedupe = make_dedupe(seen, parts.language_of, parts.metrics)
    flag = make_flag(parts.rules, parts.metrics, parts.clock, partitions=settings.kafka.partitions)
    add_agent(app, ARTICLES_RAW, Stage("dedupe", BATCHES, dedupe, parts.metrics, lag.acknowledged, parts.clock))
    add_agent(app, ARTICLES_FRESH, Stage("flag", BATCHES, flag, parts.metrics, lag.acknowledged, parts.clock))

    @app.timer(LAG_INTERVAL)  # type: ignore[untyped-decorator]  # Faust is not followed by mypy
    async def measure_lag() -> None:
        ends = [(tp.topic, tp.partition, app.consumer.highwater(tp)) for tp in app.consumer.assignment()]
        lag.measure(ends, parts.clock().timestamp())

    return app


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


def _seen_table(app: faust.App, settings: Settings) -> SeenTable:
    table = app.Table(
        "seen",
        key_type=bytes,
        value_type=bytes,
        partitions=settings.kafka.partitions,
        help="Claims: which articles each batch brought first.",
    )
    seen = SeenTable(table, timedelta(days=settings.worker.remember_days), table.take)

    async def partitions_moved(_app: faust.App, _partitions: Any, **_: Any) -> None:
        seen.drop()

    app.on_partitions_revoked.connect(partitions_moved, weak=False)
    app.on_partitions_assigned.connect(partitions_moved, weak=False)
    return seen


_crashes: set[asyncio.Task[None]] = set()
"""The loop keeps only weak references to its tasks."""


def _crash(app: faust.App, agent: str, error: BaseException) -> None:
    log.error("a result could not be sent; stopping, nothing was acknowledged", agent=agent, reason=repr(error))
    task = asyncio.get_running_loop().create_task(app.crash(error))
    _crashes.add(task)
    task.add_done_callback(_crashes.discard)
