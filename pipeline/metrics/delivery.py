"""What the delivering process tells Prometheus."""

from __future__ import annotations

from datetime import datetime
from typing import Final, Protocol, get_args

from prometheus_client import CollectorRegistry

from pipeline.metrics.making import counter, gauge, histogram
from pipeline.records.alert import Alert, AlertOutcome, Delivery, Outcome
from pipeline.records.thread import EventKind

CHANNEL_TYPES: Final = ("webhook", "email", "apprise", "feed", "stdout", "kafka")

TEMPLATES: Final = (
    "terminal.j2", "email_subject.j2", "email.txt.j2", "email.html.j2", "chat_title.j2", "chat.j2", "feed_title.j2",
    "feed.html.j2",
)  # fmt: skip
"""Those of `channels.templates.TemplateName`."""

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
        self._alerts = counter(
            registry, "alerts", "Matches of subscriptions, by what became of them.", outcome=get_args(AlertOutcome)
        )
        self._told = counter(
            registry, "alerts_told", "Alerts that were told, by the event that they tell.", event=TELLING
        )
        self._deliveries = counter(
            registry,
            "deliveries",
            "Deliveries and attempts at them, by kind of channel and how they ended.",
            channel=CHANNEL_TYPES,
            outcome=get_args(Outcome),
        )
        self._attempts = counter(
            registry, "delivery_attempts", "Attempts to deliver that ended.", channel=CHANNEL_TYPES
        )
        self.waiting = gauge(registry, "deliveries_waiting", "Deliveries that wait, or are tried.")
        self._oldest = gauge(
            registry,
            "deliveries_oldest_timestamp_seconds",
            "When the oldest waiting delivery was made, as a Unix time; 0: none waits.",
        )
        self.disabled_channels = gauge(registry, "disabled_channels", "Channels that are not tried any more.")
        self._template_errors = counter(
            registry,
            "template_errors",
            "Texts that an operator's template could not make, and the shipped one made.",
            template=TEMPLATES,
        )
        self.fetched_to_delivered_seconds = histogram(
            registry,
            "fetched_to_delivered_seconds",
            "From the fetch of a feed to the delivery of an alert about an article it brought.",
            DELIVERED_BUCKETS,
        )
        self.made_to_delivered_seconds = histogram(
            registry,
            "made_to_delivered_seconds",
            "From the making of a message to its delivery, of what was delivered at the first attempt.",
            DELIVERED_BUCKETS,
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
                if delivery.attempt == 1:  # a later one tells of the receiver
                    self.made_to_delivered_seconds.observe((delivery.ended - delivery.message.made).total_seconds())
                for item in delivery.message.items:
                    if item.fetched is not None:
                        self.fetched_to_delivered_seconds.observe((delivery.ended - item.fetched).total_seconds())

    def attempted(self, row: object, _sent: object) -> None:
        """An attempt ended; nothing is recorded of it yet."""
        channel = getattr(row, "channel_type", "")
        if channel in CHANNEL_TYPES:
            self._attempts.labels(channel=channel).inc()

    def template_broken(self, template: str) -> None:
        """An operator's template failed, and the shipped one was used."""
        self._template_errors.labels(template=template).inc()

    def waits_since(self, oldest: datetime | None) -> None:
        """When the oldest was made of what waits now."""
        self._oldest.set(0 if oldest is None else oldest.timestamp())
