"""What the archive tells Prometheus."""

from __future__ import annotations

from typing import Final

from prometheus_client import CollectorRegistry

from pipeline.metrics.making import counter, gauge, histogram
from pipeline.topics import ALERTS, ARTICLES_DEDUPED, DELIVERIES, FLAGS, THREAD_EVENTS, THREADS

ARCHIVE_TABLES: Final = (
    "articles", "flags", "evidence", "article_counts", "threads", "thread_events", "alerts", "deliveries",
)  # fmt: skip

ARCHIVED_TOPICS: Final = (ARTICLES_DEDUPED, FLAGS, THREADS, THREAD_EVENTS, ALERTS, DELIVERIES)

ARCHIVE_BUCKETS: Final = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30)
"""Seconds; a batch of 500 records takes about 0.05."""


class ArchiveMetrics:
    """Rows, transactions, the database, and what waits to be archived."""

    def __init__(self, registry: CollectorRegistry) -> None:
        self.rows = counter(
            registry, "archive_rows", "Rows that were new to the archive, or newer.", table=ARCHIVE_TABLES
        )
        self.pruned = counter(
            registry, "archive_pruned", "Rows that were removed because of their age.", table=ARCHIVE_TABLES
        )
        self.seconds = histogram(
            registry, "archive_seconds", "Duration of one transaction of the archive.", ARCHIVE_BUCKETS
        )
        self.down = gauge(
            registry, "archive_down", "Whether the archive's database did not answer when it was last asked: 1 or 0."
        )
        self.failures = counter(
            registry, "archive_failures", "Transactions that are tried again, because the database did not answer."
        )
        self.lag_messages = gauge(
            registry, "archive_lag_messages", "Records of a topic that are not archived yet.", topic=ARCHIVED_TOPICS
        )
        self.lag_seconds = gauge(
            registry, "archive_lag_seconds", "Age of what was archived last while more waits.", topic=ARCHIVED_TOPICS
        )
