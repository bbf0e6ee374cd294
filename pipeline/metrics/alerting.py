"""What the alert stage tells Prometheus."""

from __future__ import annotations

from typing import Final, get_args

from prometheus_client import CollectorRegistry

from pipeline.metrics.making import counter, gauge, histogram
from pipeline.records.alert import HeldReason
from pipeline.records.thread import EventKind

MATCH_OUTCOMES: Final = ("open", *get_args(HeldReason), "silenced")
"""`open`: it is told, unless the subscription was told it before or wants no such follow-up."""

MATCHING_BUCKETS: Final = (0.0001, 0.00025, 0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 1)
"""Seconds; the objective, at ten thousand subscriptions, is 0.001."""


class AlertMetrics:
    """Events of stories, and the subscriptions that they are for."""

    def __init__(self, registry: CollectorRegistry) -> None:
        self.story_events = counter(
            registry,
            "story_events",
            "Events of stories that were matched with subscriptions.",
            kind=get_args(EventKind),
        )
        self.matches = counter(
            registry, "matches", "Subscriptions that events were for, by what holds them.", outcome=MATCH_OUTCOMES
        )
        self.matching_seconds = histogram(
            registry, "matching_seconds", "Duration of finding all subscriptions of one event.", MATCHING_BUCKETS
        )
        self.subscriptions = gauge(
            registry,
            "subscriptions",
            "Subscriptions that this process matches with, and those whose queries it cannot read.",
            state=("matched", "broken"),
        )
        self.follow_errors = counter(
            registry, "follow_errors", "Changes of subscriptions or silences that this process failed to take."
        )
        self.silences = gauge(
            registry,
            "silences",
            "Silences that this process knows, run out or not, and those whose queries it cannot read.",
            state=("known", "broken"),
        )
