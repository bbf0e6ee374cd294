"""Subscriptions and silences: who wants to be told of which stories, how, and what nobody is to be told of."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Final, Literal

import msgspec

from pipeline.records.thread import EventKind
from pipeline.records.values import Record, require_aware

Mode = Literal["instant", "hourly", "daily"]
"""When what matched is delivered: as it happens (grouped), at each full hour, or once a day at a local time."""

GroupBy = Literal["story", "accused", "accuser", "language", "all"]
"""What goes into one message: one story, stories about (or by) the same party, of one language, or everything."""

SubscriptionSource = Literal["file", "runtime"]
"""Who decides about it: the operator's file, or a command that was given while it ran. Run time wins."""

MATERIAL: Final[tuple[EventKind, ...]] = (
    "disputed", "new_denier", "new_accuser", "spread", "stance_changed", "silent", "conceded", "retracted", "reopened",
)  # fmt: skip
"""Events that change what a reader would believe: the follow-ups of a story that was told, unless others are asked for.
The first alert of a story comes with whatever event first matches."""

SubscriptionId = Annotated[str, msgspec.Meta(pattern="^[a-z0-9][a-z0-9._-]{0,63}$")]
ClockTime = Annotated[str, msgspec.Meta(pattern="^([01][0-9]|2[0-3]):[0-5][0-9]$")]


class Webhook(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True, tag_field="type", tag="webhook"):
    """POST, signed as Standard Webhooks 1.0."""

    url: str
    secrets: tuple[str, ...] = ()
    """Sealed (`pipeline.sealing`), newest first: two while they rotate, and each signs."""


class Email(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True, tag_field="type", tag="email"):
    """By the SMTP server of the settings."""

    to: str


class Apprise(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True, tag_field="type", tag="apprise"):
    """Whatever the library apprise speaks: chats, push services."""

    url: str
    """Sealed: apprise keeps tokens and passwords in it."""

    service: str = ""
    """Its scheme (`slack`, `tgram`), the only part that is shown."""


class FeedFile(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True, tag_field="type", tag="feed"):
    """An Atom file and its JSON Feed twin in `alerts.feeds_dir`, named after the subscription."""


class Terminal(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True, tag_field="type", tag="stdout"):
    """The standard output of the process that delivers."""


class KafkaTopic(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True, tag_field="type", tag="kafka"):
    """A Kafka topic: the same body as a webhook's, key: the message's id."""

    topic: str


Channel = Webhook | Email | Apprise | FeedFile | Terminal | KafkaTopic


class Quiet(msgspec.Struct, frozen=True, kw_only=True):
    """Hours in which nothing is delivered, in the subscription's zone; past midnight where `until` is earlier. What
    matches meanwhile is delivered afterwards, as one message."""

    since: ClockTime
    until: ClockTime


class Subscription(Record, frozen=True, kw_only=True, omit_defaults=True):
    """Who wants to be told what, and how. A value on the compacted topic `subscriptions`, under its id."""

    id: SubscriptionId
    owner: str
    """Who may change it, and is asked about it: a person or a desk."""

    name: str
    query: str
    """In the language of subscriptions (`docs/subscriptions.md`); "" matches every story."""

    events: tuple[EventKind, ...] = MATERIAL
    """Follow-ups that are wanted of a story that was told."""

    channels: tuple[Channel, ...]
    mode: Mode = "instant"
    at: ClockTime = "08:00"
    """Local time of a daily message."""

    zone: str = "UTC"
    """IANA name of the zone of `at` and `quiet`."""

    group_by: GroupBy = "story"
    group_wait_seconds: float = 30.0
    """How long the first of a group waits for others."""

    group_interval_seconds: float = 300.0
    """Time between two messages of a group."""

    quiet: tuple[Quiet, ...] = ()
    max_per_day: int = 0
    """Messages a day of the zone; what is beyond is held and comes as one message after midnight. 0: no limit."""

    source: SubscriptionSource
    paused: bool = False
    """Nothing is matched for it until somebody resumes it."""

    removed: bool = False
    """Removed at run time. The record stays, because the file may list it again at the next start."""

    resumed: datetime | None = None
    """When somebody last resumed it: channels that were disabled before are tried again."""

    changed: datetime | None = None
    """When it was made or resumed, or its query last changed; what happened before is never told."""

    def __post_init__(self) -> None:
        require_aware(self.resumed, self.changed)


class Silence(Record, frozen=True, kw_only=True, omit_defaults=True):
    """What nobody is told of for some time. A value on the compacted topic `silences`, under its id."""

    id: str
    query: str
    """Stories that match, in the language of subscriptions."""

    subscription: str = ""
    """Of this subscription only; "" of all."""

    since: datetime
    until: datetime
    author: str
    comment: str

    def __post_init__(self) -> None:
        require_aware(self.since, self.until)


class SubscriptionState(Record, frozen=True, kw_only=True, omit_defaults=True):
    """How a subscription fares. A value on the compacted topic `subscription-state`, under its id."""

    id: str
    stories: int = 0
    """Stories that it was told."""

    messages: int = 0
    held: int = 0
    """Matches that were held and never told: older than the subscription, or a backlog."""

    last_message: datetime | None = None
    last_delivered: datetime | None = None
    disabled: dict[str, str] = msgspec.field(default_factory=dict)
    """Channels (by `channel_key`) that are not tried any more, and why."""

    updated: datetime

    def __post_init__(self) -> None:
        require_aware(self.last_message, self.last_delivered, self.updated)
