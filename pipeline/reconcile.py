"""Whether everybody was told what they wanted to be told, and nothing else: the logs compared with each other. Pure.

    story-events   what happened            ─┐
    subscriptions  who wants to know what   ─┴ the plain evaluator → who should know of which event
    alerts         what became of each of these
    deliveries     where each message went, by each channel
    a receiver's own log, where there is one: what really arrived

Each pair of a subscription and an event must be on `alerts`, whatever became of it, and nothing else may; what was told
must have been delivered by each channel, or be waiting, or have been given up for a stated reason. What has no such
account is a difference. The plain evaluator is used, not the index that the stream uses, so that a fault of the index
shows.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, Final, Literal, get_args

from pipeline.records import (
    Alert,
    Delivery,
    StoryEvent,
    Subscription,
    SubscriptionState,
    channel_key,
    delivery_id,
)
from pipeline.records.alert import HeldReason
from pipeline.subscriptions.matching import OwnerOf, is_story
from pipeline.subscriptions.query import QueryError, Wanted, parse_query
from pipeline.subscriptions.text import matches, story_text

SETTLE: Final = timedelta(seconds=15)
"""A subscription that was written reaches every worker in that time. Of what was found within it nothing is expected,
and nothing is wrong: it may have been matched by the subscription as it was before."""

UNDER_WAY: Final = timedelta(seconds=60)
"""What was found or decided less than that ago may be on its way to the next topic."""

LONGEST_WAIT: Final = timedelta(hours=50)
"""An alert may wait for the next day's digest, and that for the end of quiet hours. Then it is lost."""

_HELD: Final = get_args(HeldReason)

What = Literal["missing", "unexpected", "lost", "undelivered", "unreceived"]
"""`missing`: it matches, and `alerts` has nothing of it; `unexpected`: on `alerts`, and it does not match; `lost`:
told, and in no message for too long, or held as if nobody wanted it; `undelivered`: a channel has no attempt;
`unreceived`: delivered, and the receiver does not know of it."""

Pair = tuple[str, str]
"""A subscription, and an event."""


@dataclass(frozen=True, slots=True)
class Difference:
    """One thing that should not be."""

    what: What
    subscription: str
    event: str
    message: str = ""
    channel: str = ""

    def __str__(self) -> str:
        message = f", message {self.message}" if self.message else ""
        channel = f", channel {self.channel}" if self.channel else ""
        return f"{self.what}: subscription {self.subscription}, event {self.event}{message}{channel}"


@dataclass(slots=True)
class Report:
    """What was found."""

    events: int = 0
    """Events of stories in that time, each once."""

    expected: int = 0
    """Pairs of a subscription and an event that it is for."""

    outcomes: Counter[str] = field(default_factory=Counter)
    """Of these pairs: how many were `told`, `held` …; `under way`: too young to say."""

    deliveries: Counter[str] = field(default_factory=Counter)
    """Of told pairs, each channel once: `delivered`, `waiting` (for its group, its hour), `retrying`, `gave_up`,
    `gone`, `dropped`, `disabled`, `queued` (behind others that fail), `under way`, `changed since`: no attempt, but the
    channel may be newer than the alert."""

    received: int = 0
    """Messages that the receiver's log and `deliveries` agree on."""

    broken: tuple[str, ...] = ()
    """Subscriptions whose queries cannot be read here; nothing is expected for them."""

    differences: list[Difference] = field(default_factory=list)

    def as_builtins(self) -> dict[str, Any]:
        """For `--json`."""
        return {
            "events": self.events,
            "expected": self.expected,
            "outcomes": dict(self.outcomes),
            "deliveries": dict(self.deliveries),
            "received": self.received,
            "broken": list(self.broken),
            "differences": [
                {
                    "what": one.what,
                    "subscription": one.subscription,
                    "event": one.event,
                    "message": one.message,
                    "channel": one.channel,
                }
                for one in self.differences
            ],
        }


@dataclass(slots=True)
class Accounts:
    """Everything that is compared, as the logs have it. To be filled, then `reconciled`."""

    subscriptions: Mapping[str, Subscription]
    """Those that are live."""

    owner_of: OwnerOf
    since: datetime
    until: datetime
    """Now."""

    states: Mapping[str, SubscriptionState] = field(default_factory=dict)
    written: Mapping[str, datetime] = field(default_factory=dict)
    """When each subscription's record was last written: its channels may have been others before."""

    _wanted: dict[str, Wanted] = field(default_factory=dict)
    _broken: list[str] = field(default_factory=list)
    _events: dict[str, datetime] = field(default_factory=dict)
    """When each event was first found."""

    _expected: dict[Pair, None] = field(default_factory=dict)
    _alerts: dict[Pair, Alert] = field(default_factory=dict)
    _deliveries: dict[str, Delivery] = field(default_factory=dict)
    _failed: dict[str, datetime] = field(default_factory=dict)
    """When an attempt by a channel last failed."""

    def __post_init__(self) -> None:
        for name, one in self.subscriptions.items():
            try:
                self._wanted[name] = parse_query(one.query)
            except QueryError:
                self._broken.append(name)

    def happened(self, told: StoryEvent) -> None:
        """One record of `story-events`; one that came twice counts once."""
        event = told.event
        if not self.since <= event.processed or not is_story(told) or event.id in self._events:
            return
        self._events[event.id] = event.processed
        text = story_text(told, self.owner_of)
        for name, query in self._wanted.items():
            if self._as_it_was(name, event.processed) and matches(query, text):
                self._expected[name, event.id] = None

    def decided(self, alert: Alert) -> None:
        """One record of `alerts`. A later one of the same alert tells its message."""
        pair = (alert.subscription, alert.event.id)
        before = self._alerts.get(pair)
        if before is None or before.outcome != "told" or alert.message:
            self._alerts[pair] = alert

    def attempted(self, delivery: Delivery) -> None:
        """One record of `deliveries`. What was delivered once is delivered, whatever a replay of it came to."""
        before = self._deliveries.get(delivery.id)
        if before is None or before.outcome != "delivered":
            self._deliveries[delivery.id] = delivery
        if delivery.outcome == "failed":
            self._failed[delivery.channel] = delivery.ended

    def reconciled(self, received: Collection[str] | None = None) -> Report:
        """The differences. ``received``: ids of the messages that a webhook receiver really got, if one tells."""
        report = Report(events=len(self._events), expected=len(self._expected), broken=tuple(self._broken))
        arrived: set[str] = set()
        for pair in self._expected:
            alert = self._alerts.get(pair)
            if alert is None:
                self._settle(report, pair, self._events[pair[1]], report.outcomes, Difference("missing", *pair))
                continue
            report.outcomes[alert.outcome] += 1
            if alert.outcome == "held" and alert.reason not in _HELD:
                report.differences.append(Difference("lost", *pair))
            if alert.outcome == "told":
                self._told(report, pair, alert, received, arrived)
        report.received = len(arrived)
        for pair, alert in self._alerts.items():
            found = self._events.get(pair[1])
            if found is None or pair in self._expected or pair[0] not in self._wanted:
                continue
            if self._as_it_was(pair[0], found):
                report.differences.append(Difference("unexpected", *pair, alert.message))
        return report

    def _as_it_was(self, name: str, then: datetime) -> bool:
        """Whether the subscription was then what it is now: nobody knows what it asked for before."""
        changed = self.subscriptions[name].changed
        return changed is None or changed + SETTLE <= then

    def _told(
        self, report: Report, pair: Pair, alert: Alert, received: Collection[str] | None, arrived: set[str]
    ) -> None:
        subscription = self.subscriptions[pair[0]]
        if not alert.message:
            waits = self.until - alert.decided
            if waits > LONGEST_WAIT:
                report.differences.append(Difference("lost", *pair))
            else:
                report.deliveries["waiting"] += len(subscription.channels)
            return
        state = self.states.get(pair[0])
        unheard = self._deliveries.get(delivery_id(alert.message, ""))  # nobody wanted it any more
        for channel in subscription.channels:
            key = channel_key(pair[0], channel)
            sent = self._deliveries.get(delivery_id(alert.message, key)) or unheard
            if sent is not None:
                report.deliveries["retrying" if sent.outcome == "failed" else sent.outcome] += 1
            elif state is not None and key in state.disabled:
                report.deliveries["disabled"] += 1
            elif key in self._failed and self._failed[key] > alert.decided:
                report.deliveries["queued"] += 1
            elif (written := self.written.get(pair[0])) is not None and alert.decided < written + SETTLE:
                report.deliveries["changed since"] += 1
            else:
                lost = Difference("undelivered", *pair, alert.message, key)
                self._settle(report, pair, alert.decided, report.deliveries, lost)
            if received is None or sent is None or sent.outcome != "delivered" or sent.channel_type != "webhook":
                continue
            if alert.message in received:
                arrived.add(alert.message)
            else:
                report.differences.append(Difference("unreceived", *pair, alert.message, key))

    def _settle(self, report: Report, pair: Pair, then: datetime, counts: Counter[str], otherwise: Difference) -> None:
        if self.until - then < UNDER_WAY:
            counts["under way"] += 1
        else:
            report.differences.append(otherwise)


def received_ids(lines: Iterable[str], read: Callable[[str], Any]) -> frozenset[str]:
    """Ids of messages in a receiver's log: a line each, either the id as a JSON string, or an object that has it as
    `webhook-id` or `id`.

    Raises:
        ValueError: a line is neither.
    """
    found: set[str] = set()
    for number, line in enumerate(lines, 1):
        if not line.strip():
            continue
        plain = read(line)
        named = plain.get("webhook-id") or plain.get("id") if isinstance(plain, dict) else plain
        if not isinstance(named, str):
            raise ValueError(f"line {number}: no webhook-id")  # noqa: TRY004 - what it says is wrong, not its type
        found.add(named)
    return frozenset(found)
