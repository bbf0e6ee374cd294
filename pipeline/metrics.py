"""What the processes tell Prometheus: one `Metrics` a process, its registry injected, one port, one target.

Names, units and label values follow the Prometheus naming and instrumentation guides: base units, timestamps instead of
ages, label values that are known beforehand start at zero (so that the first event is an increase), and no metric has
more than `MAX_SERIES` series: no URL, title or id is ever a label.
"""

from __future__ import annotations

import errno
import importlib.metadata
import platform
import threading
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, get_args
from wsgiref.simple_server import WSGIServer

from prometheus_client import (
    CollectorRegistry,
    Counter,
    Gauge,
    Histogram,
    Info,
    ProcessCollector,
    disable_created_metrics,
    start_http_server,
)

from pipeline import __version__
from pipeline.delivery_metrics import DeliveryMetrics
from pipeline.errors import PortTakenError
from pipeline.records import Kind, Outcome, PageOutcome
from pipeline.records.alert import HeldReason
from pipeline.records.thread import EventKind, State
from pipeline.rules_state import RulesState
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

if TYPE_CHECKING:
    from types import TracebackType

PREFIX: Final = "counterclaim"

MAX_SERIES: Final = 100
"""Series of one metric, histograms counted without their buckets (Prometheus asks for tens, not hundreds)."""

STAGES: Final = ("poll", "dedupe", "copies", "flag", "thread", "alert", "deliver")
"""In the order of the data path."""

DUPLICATE_KINDS: Final = ("seen_again", "duplicate", "revision")
COPY_KINDS: Final = ("whole", "shortened", "extended", "partial", "late_original")
"""`whole`: nearly all of both texts is common; `shortened`, `extended`: of one of them; `late_original`: published
before the copies that were known."""

FEED_STATES: Final = ("new", "ok", "failing", "gone")
"""`new`: not polled yet; `failing`: its last poll failed."""

CONSUMED_TOPICS: Final = (
    ARTICLES_RAW, ARTICLES_FRESH, ARTICLES_DEDUPED, THREADS_IN, STORY_EVENTS, DELIVER_IN,
    FLAGS, THREADS, THREAD_EVENTS, ALERTS, DELIVERIES,
)  # fmt: skip
"""Topics that a stage or the archive reads, so that may have lag and dead letters."""

CHILDREN: Final = ("broker", "poller", "worker", "deliver", "archive")

LANGUAGES: Final = ("en", "es", "fr", "de", "it", "pt", "ru", "uk", "ar", "fa", "tr", "zh", "und")
"""Languages that are told apart in labels; all others count as `other`."""

OTHER: Final = "other"

END_TO_END_BUCKETS: Final = (
    0.005, 0.01, 0.02, 0.035, 0.05, 0.075, 0.1, 0.15, 0.25, 0.5, 1, 2.5, 5, 10, 20, 30, 60, 120, 300, 900,
)  # fmt: skip
"""Seconds. The objectives lie on boundaries: 0.1 (p99 of the machinery under load) and 60 (the promise to the user)."""

FETCH_BUCKETS: Final = (0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 20, 30)
"""Seconds; 10 is the default limit of connecting, 30 that of a whole fetch."""

ARCHIVE_TABLES: Final = (
    "articles", "flags", "evidence", "article_counts", "threads", "thread_events", "alerts", "deliveries",
)  # fmt: skip

ARCHIVED_TOPICS: Final = (ARTICLES_DEDUPED, FLAGS, THREADS, THREAD_EVENTS, ALERTS, DELIVERIES)

ARCHIVE_BUCKETS: Final = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30)
"""Seconds; a batch of 500 records takes about 0.05."""

INDEXES: Final = ("seen", "copies", "threads")

MATCH_OUTCOMES: Final = ("open", *get_args(HeldReason), "silenced")
"""`open`: it is told, unless the subscription was told it before or wants no such follow-up."""

MATCHING_BUCKETS: Final = (0.0001, 0.00025, 0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 1)
"""Seconds; the objective, at ten thousand subscriptions, is 0.001."""

VETO_KINDS: Final = ("numbers", "actors")
"""Those of `threads.likeness.VetoKind`."""

LAG_BUCKETS: Final = (60, 300, 900, 1800, 3600, 7200, 10_800, 21_600, 43_200, 86_400, 172_800, 259_200, 604_800)
"""Seconds: from a minute to a week."""

SCORE_BUCKETS: Final = (0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 1.0)

SHARE_BUCKETS: Final = (0.0, 0.1, 0.25, 0.5, 0.75, 0.9, 0.99)

PARSE_BUCKETS: Final = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 20)
"""Seconds; a median feed takes about 0.015, and a parser is killed at 20."""


def language_label(language: str) -> str:
    """The value of a `language` label: the language if it is one that is told apart, else `other`."""
    return language if language in LANGUAGES else OTHER


class Metrics:
    """Every metric of counterclaim. A process that has no part in a stage leaves that stage's counters at zero.

    Gauges that hold a time or a lag have no series until somebody measured one: zero would be a false statement.
    """

    def __init__(self, registry: CollectorRegistry) -> None:
        self.registry = registry
        ProcessCollector(registry=registry)
        self._poll(registry)
        self._stages(registry)
        self._threads(registry)
        self._alerts(registry)
        self._end_to_end(registry)
        self._kafka(registry)
        self._archive(registry)
        self.child_restarts = _counter(
            registry, "child_restarts", "Restarts of a crashed child by the supervisor.", child=CHILDREN
        )
        self.delivery = DeliveryMetrics(registry)
        self.rules = RulesState(registry)
        self.build_info = Info("build", "Versions that this process runs.", namespace=PREFIX, registry=registry)
        self.build_info.info(_versions())

    def _poll(self, registry: CollectorRegistry) -> None:
        self.polls = _counter(registry, "polls", "Polls of feeds, by how they ended.", outcome=get_args(Outcome))
        self.fetch_seconds = _histogram(
            registry, "fetch_seconds", "Duration of one HTTP fetch of a feed.", FETCH_BUCKETS
        )
        self.parse_seconds = _histogram(registry, "parse_seconds", "Duration of parsing one feed body.", PARSE_BUCKETS)
        self.workers_lost = _counter(
            registry,
            "workers_lost",
            "Processes that a feed or a page cost which took too long, wanted too much memory, or ended them.",
            work=("parsing", "reading"),
            why=("time", "memory", "end"),
        )
        self.feed_seen_ratio = _histogram(
            registry, "feed_seen_ratio", "Share of a changed body's items that the last one had.", SHARE_BUCKETS
        )
        self.feed_gaps = _counter(
            registry, "feed_gaps", "Bodies without one item of the last one: what came between them is lost."
        )
        self.pages = _counter(
            registry,
            "pages",
            "Article pages that were asked for, by what became of them.",
            outcome=get_args(PageOutcome),
        )
        self.pages_waiting = _gauge(registry, "pages_waiting", "Article pages that this process has yet to visit.")
        self.poll_partitions = _gauge(
            registry, "poll_partitions", "Partitions of feeds and pages that the group gave to this poller."
        )
        self.feeds = _gauge(registry, "feeds", "Feeds that this process polls, by state.", state=FEED_STATES)

    def _stages(self, registry: CollectorRegistry) -> None:
        self.articles_in = _counter(registry, "articles_in", "Articles that entered a stage.", stage=STAGES)
        self.articles_out = _counter(registry, "articles_out", "Articles that a stage passed on.", stage=STAGES)
        self.stage_in_progress = _gauge(
            registry, "stage_in_progress", "Records that a stage is working on.", stage=STAGES
        )
        self.stage_last_timestamp_seconds = Gauge(
            "stage_last_timestamp_seconds",
            "When a stage last finished a record, as a Unix time.",
            ("stage",),
            namespace=PREFIX,
            registry=registry,
        )
        self.duplicates = _counter(
            registry, "duplicates", "Articles known before, by what dedupe found.", kind=DUPLICATE_KINDS
        )
        self.flags = _counter(registry, "flags", "Flags raised.", kind=get_args(Kind), language=(*LANGUAGES, OTHER))
        self.dead_letters = _counter(
            registry, "dead_letters", "Records sent to the dead letters of a topic.", topic=CONSUMED_TOPICS
        )

    def _threads(self, registry: CollectorRegistry) -> None:
        self.copies = _counter(registry, "copies", "Articles that are near-duplicates of others.", kind=COPY_KINDS)
        self.index_size = _gauge(
            registry,
            "index_size",
            "Articles that a worker compares new ones with.",
            index=INDEXES,
        )
        self.threads = _gauge(
            registry, "threads", "Dispute threads that are remembered, by state.", state=get_args(State)
        )
        self.thread_lag_seconds = _histogram(
            registry, "thread_lag_seconds", "From an allegation to the first denial of it.", LAG_BUCKETS
        )
        self.join_score_ratio = _histogram(
            registry, "join_score_ratio", "How like their threads articles were that joined one.", SCORE_BUCKETS
        )
        self.join_vetoes = _counter(
            registry, "join_vetoes", "Threads that were like enough and told another story.", kind=VETO_KINDS
        )

    def _alerts(self, registry: CollectorRegistry) -> None:
        self.story_events = _counter(
            registry,
            "story_events",
            "Events of stories that were matched with subscriptions.",
            kind=get_args(EventKind),
        )
        self.matches = _counter(
            registry, "matches", "Subscriptions that events were for, by what holds them.", outcome=MATCH_OUTCOMES
        )
        self.matching_seconds = _histogram(
            registry, "matching_seconds", "Duration of finding all subscriptions of one event.", MATCHING_BUCKETS
        )
        self.subscriptions = _gauge(
            registry,
            "subscriptions",
            "Subscriptions that this process matches with, and those whose queries it cannot read.",
            state=("matched", "broken"),
        )
        self.silences = _gauge(
            registry,
            "silences",
            "Silences that this process knows, run out or not, and those whose queries it cannot read.",
            state=("known", "broken"),
        )

    def forget_tables(self) -> None:
        """Partitions moved: what this worker remembered of them is another worker's to tell now."""
        for index in INDEXES:
            self.index_size.labels(index=index).set(0)
        for state in get_args(State):
            self.threads.labels(state=state).set(0)

    def _end_to_end(self, registry: CollectorRegistry) -> None:
        self.fetched_to_flagged_seconds = _histogram(
            registry,
            "fetched_to_flagged_seconds",
            "From the fetch of a feed to the flag on an article it brought.",
            END_TO_END_BUCKETS,
        )
        self.heartbeat_seconds = _histogram(
            registry,
            "heartbeat_seconds",
            "From the publishing of a heartbeat to its arrival behind the last stage.",
            END_TO_END_BUCKETS,
        )
        self.heartbeat_timestamp_seconds = Gauge(
            "heartbeat_timestamp_seconds",
            "When the last heartbeat arrived that went through a partition, as a Unix time.",
            ("partition",),
            namespace=PREFIX,
            registry=registry,
        )

    def _kafka(self, registry: CollectorRegistry) -> None:
        self.lag_messages = Gauge(
            "lag_messages",
            "Records of a partition that are not committed yet.",
            ("topic", "partition"),
            namespace=PREFIX,
            registry=registry,
        )
        self.lag_seconds = Gauge(
            "lag_seconds",
            "Age of the oldest record of a topic that is not handled yet.",
            ("topic",),
            namespace=PREFIX,
            registry=registry,
        )
        self.rebalances = _counter(registry, "rebalances", "Rebalances that this worker took part in.")
        self.commit_errors = _counter(registry, "commit_errors", "Failed commits of offsets.")

    def _archive(self, registry: CollectorRegistry) -> None:
        self.archive_rows = _counter(
            registry, "archive_rows", "Rows that were new to the archive, or newer.", table=ARCHIVE_TABLES
        )
        self.archive_pruned = _counter(
            registry, "archive_pruned", "Rows that were removed because of their age.", table=ARCHIVE_TABLES
        )
        self.archive_seconds = _histogram(
            registry, "archive_seconds", "Duration of one transaction of the archive.", ARCHIVE_BUCKETS
        )
        self.archive_down = _gauge(
            registry, "archive_down", "Whether the archive's database did not answer when it was last asked: 1 or 0."
        )
        self.archive_failures = _counter(
            registry, "archive_failures", "Transactions that are tried again, because the database did not answer."
        )
        self.archive_lag_messages = _gauge(
            registry, "archive_lag_messages", "Records of a topic that are not archived yet.", topic=ARCHIVED_TOPICS
        )
        self.archive_lag_seconds = _gauge(
            registry, "archive_lag_seconds", "Age of what was archived last while more waits.", topic=ARCHIVED_TOPICS
        )


def _counter(registry: CollectorRegistry, name: str, text: str, **labels: tuple[str, ...]) -> Counter:
    counter = Counter(name, text, tuple(labels), namespace=PREFIX, registry=registry)
    for values in _combinations(labels):
        counter.labels(**values)
    return counter


def _gauge(registry: CollectorRegistry, name: str, text: str, **labels: tuple[str, ...]) -> Gauge:
    gauge = Gauge(name, text, tuple(labels), namespace=PREFIX, registry=registry)
    for values in _combinations(labels):
        gauge.labels(**values)
    return gauge


def _histogram(registry: CollectorRegistry, name: str, text: str, buckets: tuple[float, ...]) -> Histogram:
    return Histogram(name, text, namespace=PREFIX, registry=registry, buckets=buckets)


def _combinations(labels: dict[str, tuple[str, ...]]) -> list[dict[str, str]]:
    """Every combination of the known label values; none for a metric without labels, which exists as it is."""
    combined: list[dict[str, str]] = [{}]
    for name, values in labels.items():
        combined = [known | {name: value} for known in combined for value in values]
    return combined if labels else []


def _versions() -> dict[str, str]:
    try:
        faust = importlib.metadata.version("faust-streaming")
    except importlib.metadata.PackageNotFoundError:
        faust = ""  # a poller may be installed without the agents' dependencies
    return {"version": __version__, "python": platform.python_version(), "faust": faust}


@dataclass(frozen=True)
class Exporter:
    """A running `/metrics`; also a context manager."""

    host: str
    port: int
    _server: WSGIServer
    _thread: threading.Thread

    @property
    def url(self) -> str:
        """Where this machine can read it; a server on every address is read on the loopback one."""
        host = {"0.0.0.0": "127.0.0.1", "::": "::1", "": "127.0.0.1"}.get(self.host, self.host)  # noqa: S104 - compared
        return f"http://{f'[{host}]' if ':' in host else host}:{self.port}/metrics"

    def close(self) -> None:
        """Stop answering and give the port back."""
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()

    def __enter__(self) -> Exporter:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


def serve(metrics: Metrics, host: str, port: int, *, setting: str = "metrics") -> Exporter:
    """Serve `/metrics` from a thread of its own; port 0 takes any free one.

    Raises:
        PortTakenError: somebody listens there already; ``setting`` names what to change.
    """
    # Process-wide: `_created` doubles every series, and nothing reads it.
    disable_created_metrics()  # type: ignore[no-untyped-call]  # unannotated in prometheus_client 0.26
    try:
        server, thread = start_http_server(port, host, metrics.registry)
    except OSError as error:
        if error.errno not in {errno.EADDRINUSE, errno.EACCES, errno.EADDRNOTAVAIL}:
            raise
        raise PortTakenError(host, port, setting, error.strerror or str(error)) from error
    return Exporter(host, server.server_port, server, thread)
