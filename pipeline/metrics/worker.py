"""What a worker tells Prometheus: its stages, what they find, how fast, and its part in Kafka."""

from __future__ import annotations

from typing import Final, get_args

from prometheus_client import CollectorRegistry

from pipeline.metrics.making import counter, gauge, histogram, measured
from pipeline.records import Kind
from pipeline.records.thread import State
from pipeline.topics import (
    ALERTS,
    ARTICLES_DEDUPED,
    ARTICLES_FRESH,
    ARTICLES_RAW,
    DELIVER_IN,
    DELIVERIES,
    FLAGS,
    STORY_EVENTS,
    THREAD_EVENTS,
    THREADS,
    THREADS_IN,
)

STAGES: Final = ("poll", "dedupe", "copies", "flag", "thread", "alert", "deliver")
"""In the order of the data path."""

DUPLICATE_KINDS: Final = ("seen_again", "duplicate", "revision")

COPY_KINDS: Final = ("whole", "shortened", "extended", "partial", "late_original")
"""`whole`: nearly all of both texts is common; `shortened`, `extended`: of one of them; `late_original`: published
before the copies that were known."""

CONSUMED_TOPICS: Final = (
    ARTICLES_RAW, ARTICLES_FRESH, ARTICLES_DEDUPED, THREADS_IN, STORY_EVENTS, DELIVER_IN,
    FLAGS, THREADS, THREAD_EVENTS, ALERTS, DELIVERIES,
)  # fmt: skip
"""Topics that a stage or the archive reads, so that may have lag and dead letters."""

LANGUAGES: Final = ("en", "es", "fr", "de", "it", "pt", "ru", "uk", "ar", "fa", "tr", "zh", "und")
"""Languages that are told apart in labels; all others count as `other`."""

OTHER: Final = "other"

END_TO_END_BUCKETS: Final = (
    0.005, 0.01, 0.02, 0.035, 0.05, 0.075, 0.1, 0.15, 0.25, 0.5, 1, 2.5, 5, 10, 20, 30, 60, 120, 300, 900,
)  # fmt: skip
"""Seconds. The objectives lie on boundaries: 0.1 (p99 of the machinery under load) and 60 (the promise to the user)."""

INDEXES: Final = ("seen", "copies", "threads")

VETO_KINDS: Final = ("numbers", "actors")
"""Those of `threads.likeness.VetoKind`."""

LAG_BUCKETS: Final = (60, 300, 900, 1800, 3600, 7200, 10_800, 21_600, 43_200, 86_400, 172_800, 259_200, 604_800)
"""Seconds: from a minute to a week."""

SCORE_BUCKETS: Final = (0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 1.0)


def language_label(language: str) -> str:
    """The value of a `language` label: the language if it is one that is told apart, else `other`."""
    return language if language in LANGUAGES else OTHER


class WorkerMetrics:
    """Stages, copies and threads, latency and lag."""

    def __init__(self, registry: CollectorRegistry) -> None:
        self.articles_in = counter(registry, "articles_in", "Articles that entered a stage.", stage=STAGES)
        self.articles_out = counter(registry, "articles_out", "Articles that a stage passed on.", stage=STAGES)
        self.stage_in_progress = gauge(
            registry, "stage_in_progress", "Records that a stage is working on.", stage=STAGES
        )
        self.stage_last_timestamp_seconds = measured(
            registry,
            "stage_last_timestamp_seconds",
            "When a stage last finished a record, as a Unix time.",
            "stage",
        )
        self.duplicates = counter(
            registry, "duplicates", "Articles known before, by what dedupe found.", kind=DUPLICATE_KINDS
        )
        self.flags = counter(registry, "flags", "Flags raised.", kind=get_args(Kind), language=(*LANGUAGES, OTHER))
        self.dead_letters = counter(
            registry, "dead_letters", "Records sent to the dead letters of a topic.", topic=CONSUMED_TOPICS
        )
        self.copies = counter(registry, "copies", "Articles that are near-duplicates of others.", kind=COPY_KINDS)
        self.index_size = gauge(
            registry,
            "index_size",
            "Articles that a worker compares new ones with.",
            index=INDEXES,
        )
        self.threads = gauge(
            registry, "threads", "Dispute threads that are remembered, by state.", state=get_args(State)
        )
        self.thread_lag_seconds = histogram(
            registry, "thread_lag_seconds", "From an allegation to the first denial of it.", LAG_BUCKETS
        )
        self.join_score_ratio = histogram(
            registry, "join_score_ratio", "How like their threads articles were that joined one.", SCORE_BUCKETS
        )
        self.join_vetoes = counter(
            registry, "join_vetoes", "Threads that were like enough and told another story.", kind=VETO_KINDS
        )
        self.fetched_to_flagged_seconds = histogram(
            registry,
            "fetched_to_flagged_seconds",
            "From the fetch of a feed to the flag on an article it brought.",
            END_TO_END_BUCKETS,
        )
        self.heartbeat_seconds = histogram(
            registry,
            "heartbeat_seconds",
            "From the publishing of a heartbeat to its arrival behind the last stage.",
            END_TO_END_BUCKETS,
        )
        self.heartbeat_timestamp_seconds = measured(
            registry,
            "heartbeat_timestamp_seconds",
            "When the last heartbeat arrived that went through a partition, as a Unix time.",
            "partition",
        )
        self.lag_messages = measured(
            registry,
            "lag_messages",
            "Records of a partition that are not committed yet.",
            "topic",
            "partition",
        )
        self.lag_seconds = measured(
            registry,
            "lag_seconds",
            "Age of the oldest record of a topic that is not handled yet.",
            "topic",
        )
        self.rebalances = counter(registry, "rebalances", "Rebalances that this worker took part in.")
        self.commit_errors = counter(registry, "commit_errors", "Failed commits of offsets.")

    def forget_tables(self) -> None:
        """Partitions moved: what this worker remembered of them is another worker's to tell now."""
        for index in INDEXES:
            self.index_size.labels(index=index).set(0)
        for state in get_args(State):
            self.threads.labels(state=state).set(0)
