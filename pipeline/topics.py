"""Every topic, named once: its key, partitions, clean-up, retention and segments, with the reasons. Pure.

Brokers must not create topics by themselves (a typing error would become a topic); `counterclaim topics apply` does.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import Final, Literal

from pipeline.records.dead import dead_topic

ARTICLES_RAW: Final = "articles.raw"
ARTICLES_FRESH: Final = "articles.fresh"
ARTICLES_DEDUPED: Final = "articles.deduped"
COPIES: Final = "copies"
FLAGS: Final = "flags"
THREADS_IN: Final = "threads.in"
THREADS: Final = "threads"
THREAD_EVENTS: Final = "thread-events"
STORY_EVENTS: Final = "story-events"
SUBSCRIPTIONS: Final = "subscriptions"
SUBSCRIPTION_STATE: Final = "subscription-state"
SILENCES: Final = "silences"
DELIVER_IN: Final = "deliver.in"
ALERTS: Final = "alerts"
DELIVERIES: Final = "deliveries"
FEEDS: Final = "feeds"
FEED_STATE: Final = "feed-state"
PAGES_REQUESTS: Final = "pages.requests"
PAGES_RESULTS: Final = "pages.results"
ARTICLES_RAW_DEAD: Final = dead_topic(ARTICLES_RAW)
ARTICLES_FRESH_DEAD: Final = dead_topic(ARTICLES_FRESH)
ARTICLES_DEDUPED_DEAD: Final = dead_topic(ARTICLES_DEDUPED)
THREADS_IN_DEAD: Final = dead_topic(THREADS_IN)
STORY_EVENTS_DEAD: Final = dead_topic(STORY_EVENTS)
DELIVER_IN_DEAD: Final = dead_topic(DELIVER_IN)
FLAGS_DEAD: Final = dead_topic(FLAGS)
THREADS_DEAD: Final = dead_topic(THREADS)
THREAD_EVENTS_DEAD: Final = dead_topic(THREAD_EVENTS)
ALERTS_DEAD: Final = dead_topic(ALERTS)
DELIVERIES_DEAD: Final = dead_topic(DELIVERIES)

SEEN_TABLE: Final = "seen"
COPIES_TABLE: Final = "copies"
THREADS_TABLE: Final = "threads"
DELIVER_TABLE: Final = "told"
"""The tables of the agents, each with a changelog."""

APP_ID: Final = "counterclaim"
"""Default id of the Faust app; it is the consumer group's name and the prefix of the changelog topics."""

MIN_PARTITIONS: Final = 4
"""As many workers can share the work at once. It cannot grow later without moving keys away from their state."""

MAX_RECORD_BYTES: Final = 2 * 1024 * 1024
"""Largest record on a topic of articles or flags. A batch is cut at 512 KB, but a single long article goes alone,
whatever its size after the fetcher's own cap; four times the batch leaves room for it."""

DEAD_HEADER_BYTES: Final = 64 * 1024
"""What a dead letter's headers may add to the largest record, so that everything readable can be dead-lettered."""

_DAY: Final = timedelta(days=1)
_HOUR: Final = timedelta(hours=1)
_MIB: Final = 1024 * 1024

ARTICLES_RETENTION: Final = 7 * _DAY
"""Backlog that survives a worker's outage over a long weekend, and the stretch that rules can be tried on."""

FLAGS_RETENTION: Final = 30 * _DAY
"""As long as the deduplication remembers: within it, a story that comes back is not a new flag."""

THREADS_RETENTION: Final = 30 * _DAY
"""As long as flags are kept, and as a thread without news is remembered: a replay makes all that are still known."""

ALERTS_RETENTION: Final = 30 * _DAY
"""As long as threads are remembered: what was told of one can be looked up and sent again."""

PAGES_REQUESTS_RETENTION: Final = 1 * _DAY
"""A page that nobody visited within a day is no news any more."""

PAGES_RESULTS_RETENTION: Final = 7 * _DAY
"""So long the page of an article is not visited again; articles themselves are kept as long."""

DEAD_RETENTION: Final = 30 * _DAY
"""Time for a person to look, to repair and to send again."""

Cleanup = Literal["delete", "compact"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Topic:
    """One topic as it should be. ``retention`` None: compacted, the newest value of each key is kept for ever."""

    name: str
    key: str
    """What the record's key is, in words; the partition follows from it."""

    partitions: int
    replication: int
    cleanup: Cleanup
    retention: timedelta | None
    segment: timedelta
    """Age at which a segment is closed; only closed segments are deleted or compacted."""

    segment_bytes: int
    max_message_bytes: int

    @property
    def configs(self) -> dict[str, str]:
        """Kafka's own names for it."""
        wanted = {
            "cleanup.policy": self.cleanup,
            "segment.ms": _milliseconds(self.segment),
            "segment.bytes": str(self.segment_bytes),
            "max.message.bytes": str(self.max_message_bytes),
            "retention.ms": "-1" if self.retention is None else _milliseconds(self.retention),
        }
        return wanted | (_COMPACTION if self.cleanup == "compact" else {})


_COMPACTION: Final = {
    # Compact when a tenth is old values (at the default, half, a topic doubles first), and at the latest after 6 hours:
    # a restart reads the whole topic.
    "min.cleanable.dirty.ratio": "0.1",
    "max.compaction.lag.ms": str(6 * 3600 * 1000),
    # A reader that started before a deletion must still see it: a day is longer than any read to the end.
    "delete.retention.ms": str(24 * 3600 * 1000),
}


def topics(partitions: int = MIN_PARTITIONS, replication: int = 1, app_id: str = APP_ID) -> tuple[Topic, ...]:
    """All topics, for a cluster that keeps `replication` copies.

    `feeds`, `feed-state` and `pages.*` need equal partition counts: who is given a partition of the first takes the
    same of the others. So do `articles.*`, `flags`, `thread*` and the changelogs: the heartbeat stays on its partition
    number from one end to the other, and a Faust table is partitioned like the topic it is written from.
    """
    if partitions < MIN_PARTITIONS:
        raise ValueError(f"partitions is {partitions}; at least {MIN_PARTITIONS} are needed")

    def log(name: str, key: str, retention: timedelta, extra_bytes: int = 0) -> Topic:
        return Topic(
            name=name,
            key=key,
            partitions=partitions,
            replication=replication,
            cleanup="delete",
            retention=retention,
            # A day's segment keeps retention exact to a day; 256 MiB are some 80,000 articles of 3 KB.
            segment=_DAY,
            segment_bytes=256 * _MIB,
            max_message_bytes=MAX_RECORD_BYTES + extra_bytes,
        )

    def table(name: str, key: str, most_bytes: int = _MIB) -> Topic:
        return Topic(
            name=name,
            key=key,
            partitions=partitions,
            replication=replication,
            cleanup="compact",
            retention=None,
            # The open segment is never compacted, and it is read whole at each start: keep it short and small.
            segment=_HOUR,
            segment_bytes=32 * _MIB,
            max_message_bytes=most_bytes,
        )

    return (
        # One outlet's articles together, because exact duplicates are looked for within an outlet.
        log(ARTICLES_RAW, "registrable domain", ARTICLES_RETENTION),
        # One language's articles in one order: the truth that a replay repeats.
        log(ARTICLES_FRESH, "language", ARTICLES_RETENTION),
        log(ARTICLES_DEDUPED, "language", ARTICLES_RETENTION),
        table(COPIES, "copy group"),
        log(FLAGS, "language", FLAGS_RETENTION),
        # Whatever changes a thread, in one order: articles, commands of people, and the time.
        log(THREADS_IN, "language; a tick goes to its partition", THREADS_RETENTION),
        table(THREADS, "thread id"),
        log(THREAD_EVENTS, "thread id", THREADS_RETENTION),
        # What the alerts are decided by: each event with the whole story, so that nobody has to join two topics.
        log(STORY_EVENTS, "thread id", ARTICLES_RETENTION),
        # Small, and read whole by every worker that matches or delivers.
        table(SUBSCRIPTIONS, "subscription id"),
        table(SUBSCRIPTION_STATE, "subscription id"),
        table(SILENCES, "silence id"),
        # Whatever changes what a subscriber was told, in one order: matches, merges, attempts, and the time.
        log(DELIVER_IN, "subscription id; merges and the time go to their partition", ARTICLES_RETENTION),
        log(ALERTS, "subscription id", ALERTS_RETENTION),
        log(DELIVERIES, "subscription id", ALERTS_RETENTION),
        # Both by host, so that one poller has all feeds of a host and can be polite to it.
        table(FEEDS, "feed URL; partition by its host"),
        table(FEED_STATE, "feed URL; partition by its host"),
        # One host's pages together, because its robots.txt and the pause between two visits hold for all of them; and
        # where its feeds are, because the limit of requests at once holds for both.
        log(PAGES_REQUESTS, "host; partition by it, as feeds", PAGES_REQUESTS_RETENTION),
        log(PAGES_RESULTS, "article id; partition by the page's host", PAGES_RESULTS_RETENTION),
        log(ARTICLES_RAW_DEAD, "as the dead record", DEAD_RETENTION, DEAD_HEADER_BYTES),
        log(ARTICLES_FRESH_DEAD, "as the dead record", DEAD_RETENTION, DEAD_HEADER_BYTES),
        log(ARTICLES_DEDUPED_DEAD, "as the dead record", DEAD_RETENTION, DEAD_HEADER_BYTES),
        log(THREADS_IN_DEAD, "as the dead record", DEAD_RETENTION, DEAD_HEADER_BYTES),
        log(STORY_EVENTS_DEAD, "as the dead record", DEAD_RETENTION, DEAD_HEADER_BYTES),
        log(DELIVER_IN_DEAD, "as the dead record", DEAD_RETENTION, DEAD_HEADER_BYTES),
        # What the archive alone could not read, or its database not keep.
        log(FLAGS_DEAD, "as the dead record", DEAD_RETENTION, DEAD_HEADER_BYTES),
        log(THREADS_DEAD, "as the dead record", DEAD_RETENTION, DEAD_HEADER_BYTES),
        log(THREAD_EVENTS_DEAD, "as the dead record", DEAD_RETENTION, DEAD_HEADER_BYTES),
        log(ALERTS_DEAD, "as the dead record", DEAD_RETENTION, DEAD_HEADER_BYTES),
        log(DELIVERIES_DEAD, "as the dead record", DEAD_RETENTION, DEAD_HEADER_BYTES),
        # The agents expire their entries themselves, with tombstones; Kafka only compacts.
        table(changelog(SEEN_TABLE, app_id), "a batch's id and offset: its claim"),
        table(changelog(COPIES_TABLE, app_id), "a batch's id and offset: its claim"),
        table(changelog(THREADS_TABLE, app_id), "a row's partition, kind and id", MAX_RECORD_BYTES),
        table(changelog(DELIVER_TABLE, deliver_app(app_id)), "a row's partition, kind and id", MAX_RECORD_BYTES),
    )


def changelog(table: str, app_id: str = APP_ID) -> str:
    """Changelog topic of an agent's table: the name that Faust gives it."""
    return f"{app_id}-{table}-changelog"


def deliver_app(app_id: str = APP_ID) -> str:
    """Id of the Faust app that delivers: one of its own, so that a slow endpoint never holds back flagging."""
    return f"{app_id}-deliver"


def archive_app(app_id: str = APP_ID) -> str:
    """The consumer group that writes the archive: one of its own, so that a slow database holds back nobody."""
    return f"{app_id}-archive"


def poll_group(app_id: str = APP_ID) -> str:
    """The consumer group in which pollers divide the feeds."""
    return f"{app_id}-pollers"


def _milliseconds(duration: timedelta) -> str:
    return str(duration // timedelta(milliseconds=1))


TOPICS: Final = topics()
