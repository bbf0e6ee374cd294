"""What the poller keeps about a feed between two polls, on the compacted topic `feed-state`."""

from __future__ import annotations

from datetime import datetime
from typing import Literal

from pipeline.records.values import Record, require_aware

Outcome = Literal["changed", "unchanged", "not_modified", "hard", "soft", "temporary"]
"""How a poll ended. `not_modified`: 304; `unchanged`: 200 with the same bytes; `changed`: parsed (with or without new
items); `hard`: not a feed, 4xx; `soft`: 404, 429, 5xx; `temporary`: DNS, connection, timeout."""


class FeedState(Record, frozen=True, kw_only=True, omit_defaults=True):
    """State after the last poll of one feed; the record's key is the feed's URL.

    It is written only after everything the poll brought was acknowledged by Kafka, so a crash fetches again and loses
    nothing. ``etag`` and ``last_modified`` are kept byte for byte (RFC 9110 §8.8).
    """

    url: str
    etag: str = ""
    last_modified: str = ""
    validated_url: str = ""
    """Where the body came from that the validators describe: they are sent to no other address, redirected or not."""

    body_hash: str = ""
    last_poll: datetime
    next_poll: datetime
    reason: str
    """Why `next_poll` is when it is, in words."""

    outcome: Outcome
    failures: int = 0
    """Failed polls in a row."""

    last_success: datetime | None = None
    last_full_fetch: datetime | None = None
    """The last poll that was answered with a body."""

    ttl_seconds: float | None = None
    """What the last body asked for (RSS `ttl`, `sy:updatePeriod`); it holds while the body does not change."""

    seen: tuple[str, ...] = ()
    """`id:text_hash` prefixes of the items in the last body: what a changed body is compared with."""

    def __post_init__(self) -> None:
        require_aware(self.last_poll, self.next_poll, self.last_success, self.last_full_fetch)
