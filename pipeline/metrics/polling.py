"""What a poller tells Prometheus."""

from __future__ import annotations

from typing import Final, get_args

from prometheus_client import CollectorRegistry

from pipeline.metrics.making import counter, gauge, histogram
from pipeline.records import Outcome, PageOutcome

FEED_STATES: Final = ("new", "ok", "failing", "gone")
"""`new`: not polled yet; `failing`: its last poll failed."""

FETCH_BUCKETS: Final = (0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 20, 30)
"""Seconds; 10 is the default limit of connecting, 30 that of a whole fetch."""

PARSE_BUCKETS: Final = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 20)
"""Seconds; a median feed takes about 0.015, and a parser is killed at 20."""

SHARE_BUCKETS: Final = (0.0, 0.1, 0.25, 0.5, 0.75, 0.9, 0.99)


class PollMetrics:
    """Polls, feeds and article pages."""

    def __init__(self, registry: CollectorRegistry) -> None:
        self.polls = counter(registry, "polls", "Polls of feeds, by how they ended.", outcome=get_args(Outcome))
        self.fetch_seconds = histogram(
            registry, "fetch_seconds", "Duration of one HTTP fetch of a feed.", FETCH_BUCKETS
        )
        self.parse_seconds = histogram(registry, "parse_seconds", "Duration of parsing one feed body.", PARSE_BUCKETS)
        self.workers_lost = counter(
            registry,
            "workers_lost",
            "Processes that a feed or a page cost which took too long, wanted too much memory, or ended them.",
            work=("parsing", "reading"),
            why=("time", "memory", "end"),
        )
        self.feed_seen_ratio = histogram(
            registry, "feed_seen_ratio", "Share of a changed body's items that the last one had.", SHARE_BUCKETS
        )
        self.feed_gaps = counter(
            registry, "feed_gaps", "Bodies without one item of the last one: what came between them is lost."
        )
        self.pages = counter(
            registry,
            "pages",
            "Article pages that were asked for, by what became of them.",
            outcome=get_args(PageOutcome),
        )
        self.pages_waiting = gauge(registry, "pages_waiting", "Article pages that this process has yet to visit.")
        self.poll_partitions = gauge(
            registry, "poll_partitions", "Partitions of feeds and pages that the group gave to this poller."
        )
        self.feeds = gauge(registry, "feeds", "Feeds that this process polls, by state.", state=FEED_STATES)
