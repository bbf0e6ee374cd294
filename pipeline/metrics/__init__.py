"""What the processes tell Prometheus: one `Metrics` a process, its registry injected, one port, one target.

Names, units and label values follow the Prometheus naming and instrumentation guides: base units, timestamps instead of
ages, label values that are known beforehand start at zero (so that the first event is an increase), and no metric has
more than `MAX_SERIES` series: no URL, title or id is ever a label.

making     prefix, and series at zero
polling    a poller's: polls, feeds, pages
worker     a worker's: stages, copies and threads, latency, lag
alerting   the alert stage's
delivery   alerts and deliveries
archiving  the archive's
process    all of them, as a process has them
serving    the port
"""

from pipeline.metrics.alerting import MATCH_OUTCOMES
from pipeline.metrics.archiving import ARCHIVE_TABLES, ARCHIVED_TOPICS
from pipeline.metrics.delivery import CHANNEL_TYPES, DeliveryMetrics
from pipeline.metrics.making import PREFIX
from pipeline.metrics.process import CHILDREN, MAX_SERIES, Metrics
from pipeline.metrics.serving import Exporter, serve
from pipeline.metrics.worker import (
    CONSUMED_TOPICS,
    COPY_KINDS,
    DUPLICATE_KINDS,
    LANGUAGES,
    OTHER,
    STAGES,
    language_label,
)

__all__ = [
    "ARCHIVED_TOPICS",
    "ARCHIVE_TABLES",
    "CHANNEL_TYPES",
    "CHILDREN",
    "CONSUMED_TOPICS",
    "COPY_KINDS",
    "DUPLICATE_KINDS",
    "LANGUAGES",
    "MATCH_OUTCOMES",
    "MAX_SERIES",
    "OTHER",
    "PREFIX",
    "STAGES",
    "DeliveryMetrics",
    "Exporter",
    "Metrics",
    "language_label",
    "serve",
]
