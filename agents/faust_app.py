"""What every Faust app of ours is: settings measured to be safe and fast, the fixes, lag, agents with their outboxes.

app         the worker's agents
deliver_app the delivering process's
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final

import faust
import structlog

from agents.changelog import LoggedTable
from agents.outbox import Outbox
from agents.recovery import keep_messages_through_recovery
from agents.sensor import LagTracker, Sensor
from agents.stage import Clock, DeadLimit, Decode, Handler, Stage, utc_now
from agents.transport import quick_fetch
from pipeline.metrics import Metrics
from pipeline.settings.models import Settings
from pipeline.topics import DEAD_HEADER_BYTES, MAX_RECORD_BYTES

log = structlog.get_logger(__name__)

LAG_INTERVAL: Final = 5.0
"""Seconds between two measurements of the consumer lag; shorter than any usual scrape interval."""

HEARTBEAT_SHARE: Final = 5
"""Heartbeats of the consumer group in one session timeout: some may be late before a worker counts as gone."""

FETCH_MAX_WAIT_MS: Final = 50
"""How long the broker may gather data before it answers: the latency of a quiet topic against the idle worker's CPU."""

STORES: Final = {"rocksdb": "rocksdb://?driver=rocksdict", "memory": "memory://"}


class FaustApp:
    """A Faust app with our options and fixes; agents and tables are added to it. Nothing is started or connected yet.

    Args:
        app_id: name of the consumer group, and prefix of the changelogs.
        data_dir: folder of the tables' store.

    Raises:
        UnprovenFaustError: the installed Faust is not one that the recovery fix was proven on.
    """

    def __init__(
        self,
        settings: Settings,
        bootstrap: Sequence[str],
        metrics: Metrics,
        *,
        app_id: str,
        data_dir: Path,
        clock: Clock = utc_now,
    ) -> None:
        self.settings, self.metrics, self.clock = settings, metrics, clock
        self.app = faust.App(**options(settings, bootstrap, app_id=app_id, data_dir=data_dir))
        keep_messages_through_recovery(self.app)
        quick_fetch(self.app, FETCH_MAX_WAIT_MS, metrics.commit_errors.inc)
        self._lag = LagTracker(metrics)
        self.app.monitor = Sensor(metrics, self._lag)
        self.app.timer(LAG_INTERVAL)(self._measure_lag)

    def table(self, name: str, what: str) -> LoggedTable:
        """A table of bytes with a changelog; ``what`` says what it is for."""
        table: LoggedTable = self.app.Table(
            name, key_type=bytes, value_type=bytes, partitions=self.settings.kafka.partitions, help=what
        )
        return table

    def agent(self, topic: str, name: str, decode: Decode[Any], handle: Handler[Any]) -> None:
        """One agent on one topic, with an outbox of its own. Concurrency stays 1: Faust's commit needs it."""
        source = self.app.topic(topic, key_type=bytes, value_type=bytes, key_serializer="raw", value_serializer="raw")
        limit = DeadLimit(self.settings.worker.dead_limit)
        stage = Stage(name, decode, handle, self.metrics, self._lag.acknowledged, self.clock, limit)

        async def run(stream: Any) -> None:
            await stage.run(stream, Outbox(self.app.producer, crash=lambda error: self.crash(name, error)))

        self.app.agent(source, name=name, concurrency=1)(run)

    def partitions(self, topic: str) -> list[int]:
        """The partitions of a topic that this process has now."""
        return sorted(tp.partition for tp in self.app.consumer.assignment() if tp.topic == topic)

    def crash(self, agent: str, error: BaseException) -> None:
        """Stop the process: a result could not be sent, or too much became dead letters. What it was about is not
        acknowledged."""
        log.error("stopping, with what could not be done unacknowledged", agent=agent, reason=repr(error))
        task = asyncio.get_running_loop().create_task(self.app.crash(error))
        _crashes.add(task)
        task.add_done_callback(_crashes.discard)

    async def _measure_lag(self) -> None:
        consumer = self.app.consumer
        ends = [(tp.topic, tp.partition, consumer.highwater(tp)) for tp in consumer.assignment()]
        self._lag.measure(ends, self.clock().timestamp())


def options(settings: Settings, bootstrap: Sequence[str], *, app_id: str, data_dir: Path) -> dict[str, Any]:
    """Faust's settings. The reasons are measurements: ``docs/faust.md``."""
    worker = settings.worker
    return {
        "id": app_id,
        "broker": [f"kafka://{server}" for server in bootstrap],
        "store": STORES[worker.store],
        "datadir": str(data_dir.absolute()),
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
        "producer_max_request_size": MAX_RECORD_BYTES + DEAD_HEADER_BYTES,  # a dead letter may be so large
    }


_crashes: set[asyncio.Task[None]] = set()
"""The loop keeps only weak references to its tasks."""
