"""What the delivering process tells Prometheus."""

from __future__ import annotations

from datetime import datetime
from typing import Final, Protocol, get_args

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram

from pipeline.records.alert import Alert, AlertOutcome, Delivery, Outcome
from pipeline.records.thread import EventKind

PREFIX: Final = "counterclaim"

CHANNEL_TYPES: Final = ("webhook", "email", "apprise", "feed", "stdout", "kafka")

TELLING: Final[tuple[EventKind, ...]] = tuple(kind for kind in get_args(EventKind) if kind != "heartbeat")

DELIVERED_BUCKETS: Final = (0.1, 0.25, 0.5, 1, 2, 5, 10, 30, 60, 120, 300, 900, 3600, 21_600, 86_400)
"""Seconds. The objective lies on a boundary: 2 (p99 at once, with nothing to wait for)."""


class Decided(Protocol):
    """What is counted of `pipeline.alerts.Outcomes`."""

    @property
    def alerts(self) -> dict[str, Alert]: ...
    @property
    def deliveries(self) -> list[Delivery]: ...


class DeliveryMetrics:
    """Alerts, deliveries, and what waits. Counted once Kafka has them."""

    def __init__(self, registry: CollectorRegistry) -> None:
        def counter(name: str, text: str, **labels: tuple[str, ...]) -> Counter:
            made = Counter(name, text, tuple(labels), namespace=PREFIX, registry=registry)
            for values in _combinations(labels):
                made.labels(**values)
            return made

        self._alerts = counter(
            "alerts", "Matches of subscriptions, by what became of them.", outcome=get_args(AlertOutcome)
        )
        self._told = counter("alerts_told", "Alerts that were told, by the event that they tell.", event=TELLING)
        self._deliveries = counter(
            "deliveries",
            "Deliveries and attempts at them, by kind of channel and how they ended.",
            channel=CHANNEL_TYPES,
            outcome=get_args(Outcome),
        )
        self._attempts = counter("delivery_attempts", "Attempts to deliver that ended.", channel=CHANNEL_TYPES)
        self.waiting = Gauge(
            "deliveries_waiting", "Deliveries that wait, or are tried.", namespace=PREFIX, registry=registry
        )
        self._oldest = Gauge(
            "deliveries_oldest_timestamp_seconds",
            "When the oldest waiting delivery was made, as a Unix time; 0: none waits.",
            namespace=PREFIX,
            registry=registry,
        )
        self.disabled_channels = Gauge(
            "disabled_channels", "Channels that are not tried any more.", namespace=PREFIX, registry=registry
        )
        self._fetched_to_delivered = Histogram(
            "fetched_to_delivered_seconds",
            "From the fetch of a feed to the delivery of an alert about an article it brought.",
            namespace=PREFIX,
            registry=registry,
            buckets=DELIVERED_BUCKETS,
        )

    def decided(self, out: Decided) -> None:
        """What came of a record."""
        for alert in out.alerts.values():
            if alert.outcome != "told":
                self._alerts.labels(outcome=alert.outcome).inc()
            elif alert.message:  # one that waits is recorded twice; it counts with its message
                self._alerts.labels(outcome="told").inc()
                self._told.labels(event=alert.event.kind).inc()
        for delivery in out.deliveries:
            if delivery.channel_type in CHANNEL_TYPES:
                self._deliveries.labels(channel=delivery.channel_type, outcome=delivery.outcome).inc()
            if delivery.outcome == "delivered":
                for item in delivery.message.items:
                    if item.fetched is not None:
                        self._fetched_to_delivered.observe((delivery.ended - item.fetched).total_seconds())

    def attempted(self, row: object, _sent: object) -> None:
        """An attempt ended; nothing is recorded of it yet."""
        channel = getattr(row, "channel_type", "")
        if channel in CHANNEL_TYPES:
            self._attempts.labels(channel=channel).inc()

    def waits_since(self, oldest: datetime | None) -> None:
        """When the oldest was made of what waits now."""
        self._oldest.set(0 if oldest is None else oldest.timestamp())


def _combinations(labels: dict[str, tuple[str, ...]]) -> list[dict[str, str]]:
    combined: list[dict[str, str]] = [{}]
    for name, values in labels.items():
        combined = [known | {name: value} for known in combined for value in values]
    return combined if labels else []
