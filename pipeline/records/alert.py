"""From a thread's events to what subscribers are told: matches, alerts, messages, deliveries."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from datetime import datetime
from typing import Literal

import msgspec

from pipeline.records.article import Article
from pipeline.records.flag import Flag
from pipeline.records.subscription import (
    Apprise,
    Channel,
    Email,
    FeedFile,
    KafkaTopic,
    SubscriptionId,
    Terminal,
    Webhook,
)
from pipeline.records.thread import Evidence, State, Thread, ThreadEvent
from pipeline.records.values import Record, require_aware

HeldReason = Literal["backlog", "old"]
"""Why a match is shown but not told: it came with the first poll of a feed, or it is older than
`alerts.max_age_seconds` (a replay, an import, a long outage)."""

MessageKind = Literal["story.new", "story.update", "digest", "held", "notice", "test"]
"""`story.new`: the first alert of a story; `story.update`: follow-ups; `digest`: several stories; `held`: the summary
of what was not told; `notice`: about the subscription (a channel was disabled); `test`: its owner asked for it."""

AlertOutcome = Literal["told", "held", "silenced", "repeated", "immaterial"]
"""What became of a match: it went into a message; was held; was silenced; the subscription was told this event before
(of a thread that was merged); or it is no follow-up that the subscription wants."""

Outcome = Literal["delivered", "failed", "gone", "gave_up", "dropped"]
"""What became of an attempt. `failed`: tried again later; `gone`: the endpoint says it is gone for good (410), the
channel is disabled; `gave_up`: the last retry failed too; `dropped`: the subscription or the channel is not there."""


class StoryEvent(Record, frozen=True, kw_only=True, omit_defaults=True):
    """An event of a thread with the thread as it is after it, and the article that caused it, if one did. On the topic
    `story-events`, under the thread's id."""

    event: ThreadEvent
    thread: Thread | None = None
    """None for a heartbeat."""

    article: Article | None = None
    flags: tuple[Flag, ...] = ()
    ruleset: str = ""
    heartbeat: int | None = None


class Story(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A thread as a message tells it: bounded, whatever joins it."""

    thread: str
    language: str
    state: State
    title: str
    claim: Evidence
    accusers: tuple[str, ...] = ()
    accused: tuple[str, ...] = ()
    deniers: tuple[str, ...] = ()
    first_allegation: Evidence | None = None
    first_denial: Evidence | None = None
    alleging: int = 0
    """Independent sources that carry the allegation."""

    denying: int = 0
    telling: int = 0
    articles: int = 0
    copies: int = 0
    lag_seconds: int | None = None
    first_activity: datetime
    last_activity: datetime
    url: str = ""
    """The article at hand."""

    outlet: str = ""
    rules: tuple[str, ...] = ()
    """`rule/version` of the flags of the article at hand."""

    ruleset: str = ""

    def __post_init__(self) -> None:
        require_aware(self.first_activity, self.last_activity)


class Match(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True, tag_field="type", tag="match"):
    """A subscription's query matches a story at an event."""

    subscription: SubscriptionId
    event: ThreadEvent
    """Without `member` and `articles`."""

    story: Story
    group: str = ""
    """Value of the subscription's `group_by`."""

    held: HeldReason | None = None
    silence: str = ""
    """The silence that it falls under."""

    fetched: datetime | None = None
    """When the article at hand was fetched."""

    matched: datetime

    def __post_init__(self) -> None:
        require_aware(self.fetched, self.matched)


class Merged(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True, tag_field="type", tag="merged"):
    """A thread went into another: whoever was told of it was told of the other. Sent to every partition."""

    partition: int
    thread: str
    into: str


class Clock(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True, tag_field="type", tag="clock"):
    """The time, as the worker tells it to a partition of its own when something is due."""

    partition: int
    time: datetime

    def __post_init__(self) -> None:
        require_aware(self.time)


class Attempt(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True, tag_field="type", tag="attempt"):
    """How an attempt to deliver ended. Sent to the partition of the subscription."""

    delivery: str
    subscription: SubscriptionId
    number: int
    """1 for the first."""

    outcome: Literal["delivered", "failed", "gone"]
    status: int | None = None
    error: str = ""
    retry_after: float | None = None
    """Seconds that the endpoint asks for."""

    began: datetime
    ended: datetime

    def __post_init__(self) -> None:
        require_aware(self.began, self.ended)


class Again(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True, tag_field="type", tag="again"):
    """A person wants a message delivered again, by the channel that it went by; the message's id stays."""

    id: str
    """Chosen by the sender: the same command sent twice is done once."""

    subscription: SubscriptionId
    channel: str
    message: Message
    author: str
    given: datetime

    def __post_init__(self) -> None:
        require_aware(self.given)


class DeliverInput(Record, frozen=True, kw_only=True, omit_defaults=True):
    """Whatever changes what subscribers were told, on `deliver.in` under the subscription's id: in its order, and by
    nothing else."""

    what: Match | Merged | Clock | Attempt | Again


class Item(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One alert in a message."""

    alert: str
    event: ThreadEvent
    story: Story
    first: bool = False
    """Whether the subscription is told of this story for the first time."""

    since: str = ""
    """What changed since it was last told, in a sentence."""

    fetched: datetime | None = None


class Message(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What one subscription is told at once. Rendered only when it is sent, by each channel in its own way."""

    id: str
    """`msg_` and 32 hex digits; the webhook's id. The same for each channel, attempt and replay."""

    kind: MessageKind
    subscription: SubscriptionId
    name: str
    """Of the subscription."""

    items: tuple[Item, ...] = ()
    more: int = 0
    """Alerts that were left out because the message would grow too long."""

    held: dict[str, int] = msgspec.field(default_factory=dict)
    """Of the kind `held`: stories that were not told, by reason."""

    text: str = ""
    """Of the kinds `notice` and `test`: what to say."""

    thread: str = ""
    """The story that all of it is about; "" if several."""

    made: datetime

    def __post_init__(self) -> None:
        require_aware(self.made)


class Alert(Record, frozen=True, kw_only=True, omit_defaults=True):
    """What became of a match. A value on `alerts`, under the subscription's id."""

    id: str
    """`alert_id` of subscription and event."""

    subscription: SubscriptionId
    outcome: AlertOutcome
    reason: str = ""
    event: ThreadEvent
    story: Story
    first: bool = False
    message: str = ""
    """The message that it went into; "" while it waits for its group, its hour or the end of quiet hours (then a second
    record with the same id tells the message), or where it goes into none."""

    fetched: datetime | None = None
    decided: datetime

    def __post_init__(self) -> None:
        require_aware(self.fetched, self.decided)


class Delivery(Record, frozen=True, kw_only=True, omit_defaults=True):
    """One attempt to deliver a message by one channel. A value on `deliveries`, under the subscription's id."""

    id: str
    """`delivery_id` of message and channel: the same for all attempts."""

    subscription: SubscriptionId
    channel: str
    """Its `channel_key`."""

    channel_type: str
    address: str
    """Where it goes, without secrets: a webhook's host, a mail address, a service's name."""

    attempt: int
    outcome: Outcome
    status: int | None = None
    error: str = ""
    next_try: datetime | None = None
    message: Message
    began: datetime
    ended: datetime

    def __post_init__(self) -> None:
        require_aware(self.next_try, self.began, self.ended)


def alert_id(subscription: str, event: str) -> str:
    """Id of an alert: 32 hex digits of BLAKE2b, so that a replay gives the same."""
    return _hash("alert", subscription, event)


def message_id(subscription: str, kind: str, alerts: Iterable[str]) -> str:
    """Id of a message: `msg_` and 32 hex digits over what is in it."""
    return "msg_" + _hash("message", subscription, kind, *alerts)


def delivery_id(message: str, channel: str) -> str:
    """Id of a delivery: 32 hex digits over message and channel."""
    return _hash("delivery", message, channel)


def channel_key(subscription: str, channel: Channel) -> str:
    """Names a channel of a subscription: 16 hex digits over its type and address; a rotated secret keeps it."""
    match channel:
        case Webhook(url=address) | Email(to=address) | KafkaTopic(topic=address):
            pass
        case Apprise(url=address):
            pass
        case FeedFile() | Terminal():
            address = ""
    kind = str(channel.__struct_config__.tag)
    return _hash("channel", subscription, kind, address)[:16]


def _hash(*parts: str) -> str:
    return hashlib.blake2b("|".join(parts).encode(), digest_size=16).hexdigest()
