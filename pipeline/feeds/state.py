"""What is remembered of a feed between two polls, and what of a new body is news. Pure, but for reading the topic."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final

import msgspec
import structlog

from pipeline.errors import KafkaError, RecordError
from pipeline.feeds.fetch import Fetched, Validators
from pipeline.feeds.keys import item_part, known_keys, seen_key, text_part
from pipeline.feeds.listing import partition_of
from pipeline.feeds.pace import Overlap
from pipeline.feeds.schedule import Decision, PollResult, moved
from pipeline.kafka import Message, describe_topics, read_log
from pipeline.records import Article, FeedState, Outcome, feed_states
from pipeline.topics import FEED_STATE

_NOT_MODIFIED: Final = 304

MAX_SEEN: Final = 10_000
"""Items remembered of one feed: 350 KB of a record that Kafka takes up to 1 MB. A longer feed's last items are
published again whenever it changes, and dropped by dedupe."""

MIN_SEEN: Final = 100
"""Items that may be remembered even of a shorter feed: its body may have been empty or cut once."""


@dataclass(frozen=True, slots=True)
class Polled:
    """How a poll ended: its timing, the answer if there was one, and the articles if there was a new body."""

    result: PollResult
    fetched: Fetched | None = None
    articles: tuple[Article, ...] | None = None
    """Those of the body that were not known as they are, new or not; None unless it was parsed."""

    keys: tuple[str, ...] = ()
    """Of all items of the body, but for those left out."""

    new: tuple[Article, ...] = ()
    arrived: datetime | None = None
    """When the body was there: the `fetched` of its articles."""

    left_out: int = 0
    """Items beyond the newest that are made into articles."""


def load_states(
    bootstrap: Sequence[str], partitions: int | None = None, only: Collection[int] | None = None
) -> dict[str, FeedState]:
    """The state of every feed that was ever polled, by URL. Blocks.

    Args:
        bootstrap: servers of the cluster.
        partitions: of the topic; None: the cluster is asked.
        only: the partitions to read; None: all.

    Raises:
        KafkaError: the broker does not answer, or the topic is not there.
    """
    if partitions is None:
        topic = describe_topics(bootstrap, [FEED_STATE]).get(FEED_STATE)
        if topic is None:
            raise KafkaError(f"there is no topic {FEED_STATE}: run `counterclaim topics apply`")
        partitions = topic.partitions
    return fold_states(read_log(bootstrap, FEED_STATE, only), partitions)


def fold_states(messages: Iterable[Message], partitions: int) -> dict[str, FeedState]:
    """The newest state of each feed, from the records of `feed-state` in their order. Pure, but for the log.

    A record of an older generation than one before it is ignored, and so is one that is not in the partition of its
    feed's host. One that cannot be read is said in the log. In each case the worst is one full fetch.
    """
    states: dict[str, FeedState] = {}
    for message in messages:
        if message.key is None:
            continue
        if message.value is None:
            states.pop(message.key.decode(errors="replace"), None)
            continue
        for url, state in decode_states({message.key: message.value}).items():
            before = states.get(url)
            stale = before is not None and state.generation < before.generation
            if not stale and message.partition == partition_of(url, partitions):
                states[url] = state
    return states


def decode_states(table: dict[bytes, bytes]) -> dict[str, FeedState]:
    """States by URL, from the topic's keys and values."""
    states: dict[str, FeedState] = {}
    for key, value in table.items():
        try:
            state = feed_states.decode(value)
        except RecordError as error:
            structlog.get_logger(__name__).warning(
                "feed state unreadable", feed=key.decode(errors="replace"), why=str(error)
            )
        else:
            states[state.url] = state
    return states


def validators(state: FeedState) -> Validators:
    """What to send with a conditional GET."""
    return Validators(state.validated_url, state.etag, state.last_modified)


def news(articles: Sequence[Article], state: FeedState | None) -> tuple[Article, ...]:
    """The articles that the last bodies did not have in this text: new ones and revisions, each text once."""
    seen = set(map(text_part, known_keys(state)))
    fresh: dict[str, Article] = {}
    for article in articles:
        key = seen_key(article)
        if key not in seen:
            fresh.setdefault(key, article)
    return tuple(fresh.values())


def remembered(keys: Sequence[str], state: FeedState | None) -> tuple[str, ...]:
    """What to remember after a body: the keys of its items, and those of the last ones that are not in it any more.

    The older ones bridge a server that answers from two caches in turn, one of them late. An item that is in the body
    is remembered in its present text only: a text that is put back is a revision.
    """
    present = dict.fromkeys(keys)
    items = set(map(item_part, present))
    gone = [key for key in known_keys(state) if item_part(key) not in items]
    return (*present, *gone)[: min(MAX_SEEN, max(2 * len(present), MIN_SEEN))]


def following(url: str, state: FeedState | None, polled: Polled, decision: Decision, *, now: datetime) -> FeedState:
    """The state after a poll that ended at ``now``, everything that it brought being acknowledged."""
    result = polled.result
    before = state or FeedState(url=url, last_poll=now, next_poll=now, reason="", outcome=result.outcome)
    after = msgspec.structs.replace(
        before,
        last_poll=now,
        next_poll=decision.next_poll,
        reason=decision.reason,
        considered=decision.considered,
        outcome=result.outcome,
        failures=decision.failures,
        stopped=decision.stopped,
        pace_seconds=decision.pace_seconds,
    )
    permanent = polled.fetched.permanent_url if polled.fetched else ""
    move = moved(state, permanent, result, decision.failures, now)
    after = msgspec.structs.replace(
        after, address=move.address, moved_to=move.to, moved_since=move.since, moved_polls=move.polls
    )
    if polled.fetched is None or decision.failures:
        return after
    after = msgspec.structs.replace(after, last_success=now)
    if polled.fetched.status == _NOT_MODIFIED:
        return _revalidated(after, polled.fetched)
    kept = polled.fetched.validators
    after = msgspec.structs.replace(
        after,
        etag=kept.etag,
        last_modified=kept.last_modified,
        validated_url=kept.url,
        body_hash=polled.fetched.body_hash,
        last_full_fetch=now,
    )
    if polled.articles is None:
        return after
    after = msgspec.structs.replace(
        after,
        ttl_seconds=result.ttl_seconds,
        skip_hours=tuple(sorted(result.skip.hours)),
        skip_days=tuple(sorted(result.skip.days)),
        seen=" ".join(remembered(polled.keys, state)),
        items=len(polled.keys),
        left_out=polled.left_out,
        newest_item=max([one.published for one in polled.articles] + _times(before.newest_item), default=None),
    )
    return _compared(after, result.overlap, now) if result.overlap else after


def _times(one: datetime | None) -> list[datetime]:
    return [] if one is None else [one]


def _compared(state: FeedState, overlap: Overlap, now: datetime) -> FeedState:
    state = msgspec.structs.replace(state, seen_share=round(overlap.share, 3))
    if overlap.gap is None:
        return state
    return msgspec.structs.replace(
        state, gaps=state.gaps + 1, gap_seconds=state.gap_seconds + overlap.gap.total_seconds(), last_gap=now
    )


def _revalidated(state: FeedState, fetched: Fetched) -> FeedState:
    """A 304 may bring newer validators for the body that we have (RFC 9111 §3.2, §4.3.4); it takes none away."""
    kept = fetched.validators
    return msgspec.structs.replace(
        state, etag=kept.etag or state.etag, last_modified=kept.last_modified or state.last_modified
    )


def outcome_of(fetched: Fetched, state: FeedState | None) -> Outcome | None:
    """`not_modified` or `unchanged` where nothing is left to do; None for a body that must be parsed, or a failure."""
    if fetched.status == _NOT_MODIFIED and fetched.conditional:
        return "not_modified"
    if fetched.body is not None and state is not None and state.body_hash == fetched.body_hash:
        return "unchanged"
    return None
