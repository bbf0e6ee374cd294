"""The list of feeds that all pollers share: who may change what in it, and where each feed belongs. Pure.

What was decided at run time wins over the operator's file. The file adds, changes and removes only what has the source
`file`; a feed that is paused or removed at run time stays so, whatever the file says at the next start.
"""

from __future__ import annotations

import zlib
from collections.abc import Iterable, Mapping
from datetime import datetime

import msgspec
import structlog

from pipeline.errors import RecordError
from pipeline.records import FeedRecord, FeedState, feed_records, host_of
from pipeline.settings.checks import feed_key
from pipeline.settings.models import Feed

Changes = dict[str, FeedRecord | None]
"""Records to write, by key; None deletes the key."""


def partition_of(url: str, partitions: int) -> int:
    """The partition of a feed on `feeds` and `feed-state`, and of a page on `pages.requests` and `pages.results`:
    CRC-32 of its host. All that is asked of a host is one poller's."""
    return zlib.crc32(host_of(url).encode()) % partitions


def from_file(feed: Feed) -> FeedRecord:
    """What the file says of a feed, as a record."""
    return FeedRecord(**feed.model_dump(), source="file")


def as_feed(record: FeedRecord) -> Feed:
    """What is to be polled."""
    names = Feed.model_fields
    return Feed.model_construct(**{name: getattr(record, name) for name in names})


def wanted(record: FeedRecord | None) -> bool:
    """Whether the feed is to be polled."""
    return record is not None and not record.paused and not record.removed


def decode_records(table: Mapping[bytes, bytes]) -> dict[str, FeedRecord]:
    """The list, by key, from the topic's keys and values; what cannot be read is said in the log and left out."""
    found: dict[str, FeedRecord] = {}
    for key, value in table.items():
        try:
            found[key.decode()] = feed_records.decode(value)
        except (RecordError, UnicodeDecodeError) as error:
            name = key.decode(errors="replace")
            structlog.get_logger(__name__).warning("feed record unreadable", feed=name, why=str(error))
    return found


def reconcile(listed: Iterable[Feed], known: Mapping[str, FeedRecord]) -> Changes:
    """What has to change in the topic so that it follows the file, and nothing else. Doing it twice changes nothing."""
    changes: Changes = {}
    seen: set[str] = set()
    for feed in listed:
        key = feed_key(feed.url)
        seen.add(key)
        record = known.get(key)
        if record is None:
            changes[key] = from_file(feed)
        elif record.source == "file" and not record.removed:
            now = msgspec.structs.replace(from_file(feed), paused=record.paused, resumed=record.resumed)
            if msgspec.structs.replace(record, schema=now.schema) != now:
                changes[key] = now
    for key, record in known.items():
        if record.source == "file" and not record.removed and key not in seen:
            changes[key] = None
    return changes


def effective(listed: Iterable[Feed], known: Mapping[str, FeedRecord]) -> dict[str, FeedRecord]:
    """The list as it is once a poller has started with this file, by key; paused and removed feeds are in it."""
    return applied(known, reconcile(listed, known))


def applied(known: Mapping[str, FeedRecord], changes: Changes) -> dict[str, FeedRecord]:
    """The list after the changes."""
    after: dict[str, FeedRecord | None] = {**known, **changes}
    return {key: record for key, record in after.items() if record is not None}


def revived(state: FeedState | None, record: FeedRecord, now: datetime) -> FeedState | None:
    """The state, no longer stopped if somebody resumed the feed since its last poll; then it is due now."""
    if state is None or not state.stopped or record.resumed is None or record.resumed <= state.last_poll:
        return state
    return msgspec.structs.replace(state, stopped=False, next_poll=now, reason="resumed")
