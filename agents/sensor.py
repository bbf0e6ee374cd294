"""What Faust's internals tell the metrics: rebalances, failed commits, consumer lag."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from time import monotonic
from typing import Any

import faust

from agents.stage import Message
from pipeline.metrics import Metrics


@dataclass(slots=True)
class Progress:
    """How far one partition is: ``handled`` is the offset after the last acknowledged record, ``timestamp`` its age."""

    handled: int
    timestamp: float


@dataclass(slots=True)
class LagTracker:
    """Consumer lag in messages and in seconds, from what was acknowledged and from the fetcher's high watermark."""

    metrics: Metrics
    progress: dict[tuple[str, int], Progress] = field(default_factory=dict)

    def acknowledged(self, message: Message) -> None:
        """A record was handled for good."""
        self.progress[message.topic, message.partition] = Progress(message.offset + 1, message.timestamp)

    def lost(self) -> None:
        """Partitions moved: what this worker knew of them is another worker's to tell now."""
        for topic, partition in self.progress:
            self.metrics.lag_messages.remove(topic, str(partition))
        for topic in {topic for topic, _ in self.progress}:
            self.metrics.lag_seconds.remove(topic)
        self.progress.clear()

    def measure(self, ends: Iterable[tuple[str, int, int | None]], now: float) -> None:
        """Set the gauges. ``ends``: topic, partition and high watermark (None: not fetched yet); ``now``: Unix time.

        The age of the oldest waiting record is not known without reading it; the age of the last handled one bounds it
        from above, and is taken only while something waits.
        """
        oldest: dict[str, float] = {}
        for topic, partition, end in ends:
            done = self.progress.get((topic, partition))
            if done is None or end is None:
                continue
            lag = max(0, end - done.handled)
            self.metrics.lag_messages.labels(topic=topic, partition=partition).set(lag)
            oldest[topic] = max(oldest.get(topic, 0.0), now - done.timestamp if lag else 0.0)
        for topic, age in oldest.items():
            self.metrics.lag_seconds.labels(topic=topic).set(max(0.0, age))


class Sensor(faust.Monitor):  # type: ignore[misc]  # Faust is not followed by mypy
    """Takes the place of Faust's monitor, which keeps a dozen statistics of each event that nobody reads here.

    Faust's own Prometheus monitor has no prefix, misspells a name and crashes on a missing end offset.
    """

    def __init__(self, metrics: Metrics, lag: LagTracker, **options: Any) -> None:
        super().__init__(**options)
        self._metrics = metrics
        self._lag = lag

    def on_rebalance_start(self, app: Any) -> dict[str, Any]:
        """Partitions are about to move."""
        self._lag.lost()
        self._metrics.rebalances.inc()
        started: dict[str, Any] = super().on_rebalance_start(app)
        return started

    def on_stream_event_in(self, tp: Any, offset: int, stream: Any, event: Any) -> None:
        """All that Faust itself reads: its own warning about streams that stand still."""
        self.stream_inbound_time[tp] = monotonic()

    def on_message_in(self, tp: Any, offset: int, message: Any) -> None:
        """Nothing."""

    def on_stream_event_out(self, tp: Any, offset: int, stream: Any, event: Any, state: Any = None) -> None:
        """Nothing."""

    def on_message_out(self, tp: Any, offset: int, message: Any) -> None:
        """Nothing."""

    def on_table_get(self, table: Any, key: Any) -> None:
        """Nothing."""

    def on_table_set(self, table: Any, key: Any, value: Any) -> None:
        """Nothing."""

    def on_table_del(self, table: Any, key: Any) -> None:
        """Nothing."""

    def on_send_initiated(self, producer: Any, topic: str, message: Any, keysize: int, valsize: int) -> None:
        """Nothing."""

    def on_send_completed(self, producer: Any, state: Any, metadata: Any) -> None:
        """Nothing."""
