"""A feed of the shared list (topic `feeds`), and what is kept of it between two polls (`feed-state`)."""

from __future__ import annotations

from datetime import datetime
from typing import Literal

from pipeline.records.article import FullText
from pipeline.records.values import Record, require_aware

Outcome = Literal["changed", "unchanged", "not_modified", "hard", "soft", "temporary"]
"""How a poll ended. `not_modified`: 304; `unchanged`: 200 with the same bytes; `changed`: parsed (with or without new
items); `hard`: not a feed, 4xx; `soft`: 404, 429, 5xx; `temporary`: DNS, connection, timeout."""


FeedSource = Literal["file", "runtime"]
"""Who decides about a feed: the operator's file, or a command that was given while the pollers ran."""


class FeedRecord(Record, frozen=True, kw_only=True, omit_defaults=True):
    """One feed of the list that all pollers share; the record's key is the feed's URL in its normal form.

    What was decided at run time wins over the file: the file adds, changes and removes only what has the source `file`.
    """

    url: str
    """As it was written; http or https."""

    outlet: str
    owner: str
    country: str
    """ISO 3166-1 alpha-2."""

    language: str
    """ISO 639-1."""

    interval_seconds: float | None = None
    """Time between two polls, if it was set for this feed."""

    full_text: FullText = "never"
    """Whether the pages of its articles are fetched for their whole text."""

    source: FeedSource
    paused: bool = False
    """Not polled until somebody resumes it; the file does not change that."""

    removed: bool = False
    """Removed at run time. The record stays, because a file may list the feed again at the next start."""

    resumed: datetime | None = None
    """When somebody last resumed it: a server's word from before, that the feed is gone for good, counts no more."""

    def __post_init__(self) -> None:
        require_aware(self.resumed)


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

    considered: tuple[str, ...] = ()
    """Everything that spoke for a later poll, in words; `reason` is the one that decided."""

    stopped: bool = False
    """The server said that the feed is gone for good (410): it is not asked again until somebody resumes it."""

    address: str = ""
    """Where the feed is fetched from now, after it was moved for good; "": from `url`."""

    moved_to: str = ""
    moved_since: datetime | None = None
    moved_polls: int = 0
    """A permanent redirect that was seen: where to, since when, and how often in a row."""

    pace_seconds: float | None = None
    """How often the feed turned out to be worth asking; None: not known yet."""

    items: int = 0
    """Items in the last body, but for those left out."""

    left_out: int = 0
    """Oldest items of the last body that were left out, because it has more than are made into articles."""

    seen_share: float | None = None
    """Share of the last changed body that was known already."""

    newest_item: datetime | None = None
    """When the newest item was published that ever was in it."""

    gaps: int = 0
    gap_seconds: float = 0.0
    last_gap: datetime | None = None
    """Bodies that had no item in common with the one before: items in between are lost. How often, how long at the most
    altogether, and when last."""

    skip_hours: tuple[int, ...] = ()
    skip_days: tuple[int, ...] = ()
    """Hours (0 to 23) and days (0 is Monday) in UTC at which the last body asks not to be asked (RSS 2.0)."""

    generation: int = 0
    """Grows whenever the feed may have passed to another poller. A record of an older generation behind one of a newer
    is ignored: it was written by a poller that did not know yet that the feed was no longer its own."""

    ttl_seconds: float | None = None
    """What the last body asked for (RSS `ttl`, `sy:updatePeriod`); it holds while the body does not change."""

    seen: str = ""
    """Keys of the items in the last bodies (`pipeline.feeds.keys`), with spaces between them: what a changed body is
    compared with. One string, because a poller holds thousands of these, and most polls only pass it on."""

    def __post_init__(self) -> None:
        require_aware(
            self.last_poll,
            self.next_poll,
            self.last_success,
            self.last_full_fetch,
            self.moved_since,
            self.newest_item,
            self.last_gap,
        )
