"""The outbox: a row for each message and channel, until the message is delivered, given up or not wanted. Pure."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import datetime, timedelta
from typing import Final, Literal

import msgspec

from pipeline.alerts import message as messages
from pipeline.alerts.hours import quiet_until, zone_of
from pipeline.alerts.retry import longest_wait, next_try
from pipeline.alerts.rows import Disabled, Pending, Rows, Standing
from pipeline.records.alert import Again, Alert, Attempt, Delivery, Message, Outcome, channel_key, delivery_id
from pipeline.records.subscription import Channel, Subscription, SubscriptionState

MOST_PENDING: Final = 1000
"""Deliveries that wait for one channel; then the oldest is given up. A channel that is away for days must not fill the
table."""

NOT_LIVE: Final = "the subscription is paused or removed"

Describe = Callable[[Channel], tuple[str, str]]
"""A channel's type, and its address without secrets."""

Notice = Literal["told", "unheard"]


class Outcomes(msgspec.Struct, kw_only=True):
    """What came of one record, beside the rows."""

    alerts: dict[str, Alert] = {}
    messages: list[Message] = []
    deliveries: list[Delivery] = []
    changed: dict[str, datetime] = {}
    """Subscriptions whose state is to be told, and since when it is so."""

    states: dict[str, SubscriptionState | None] = {}
    """These states; None: forgotten."""

    disabled: list[tuple[str, str, str, Notice]] = []
    """Channels that were disabled: subscription, type, address, and whether another channel tells it."""


class Post:
    """The outbox of one partition.

    Args:
        rows: the partition's.
        describe: a channel in words.
        disable_after: so long every attempt may fail before a channel is disabled.
    """

    def __init__(self, rows: Rows, describe: Describe, disable_after: timedelta) -> None:
        self._rows, self._describe, self._disable_after = rows, describe, disable_after
        self._queues: dict[str, dict[str, dict[str, None]]] = {}
        """subscription → channel → deliveries, the oldest first"""
        self.troubled: dict[str, None] = {}
        """Subscriptions with disabled channels."""

    def restore(self) -> None:
        """Derive what is not in the rows."""
        for name, standing in self._rows.standings:
            if standing.disabled:
                self.troubled[name] = None
        for name, row in sorted(self._rows.outbox, key=lambda one: (one[1].made, one[0])):
            self._queue(row)[name] = None

    @property
    def subscriptions(self) -> tuple[str, ...]:
        """Those that something waits for."""
        return tuple(self._queues)

    def standing(self, subscription: str, when: datetime) -> Standing:
        """The subscription's, or a new one."""
        return self._rows.standings.get(subscription) or Standing(when)

    def keep(self, subscription: str, standing: Standing, when: datetime, out: Outcomes) -> None:
        """Write a standing, and have it told."""
        self._rows.standings.put(subscription, msgspec.structs.replace(standing, touched=when))
        out.changed[subscription] = when
        if standing.disabled:
            self.troubled[subscription] = None
        else:
            self.troubled.pop(subscription, None)

    # -- messages

    def send(self, message: Message, subscription: Subscription, when: datetime, due: datetime, out: Outcomes) -> None:
        """Hand a message to each channel of a subscription."""
        out.messages.append(message)
        disabled = self.standing(subscription.id, when).disabled
        for channel in subscription.channels:
            key = channel_key(subscription.id, channel)
            kind, address = self._describe(channel)
            row = Pending(subscription.id, key, kind, address, message, 1, due, when)
            if key in disabled:
                self._tell(row, 0, "dropped", when, out, error=f"the channel is disabled: {disabled[key].why}")
            else:
                self._put(row, when, out)

    def refuse(self, message: Message, why: str, when: datetime, out: Outcomes) -> None:
        """A message that nobody wants any more is told once, and stays on `deliveries`."""
        out.messages.append(message)
        self._tell(
            Pending(message.subscription, "", "", "", message, 1, when, when), 0, "dropped", when, out, error=why
        )

    def again(self, what: Again, subscription: Subscription | None, out: Outcomes) -> None:
        """A person wants a message delivered again. A disabled channel is tried, because he asks for it."""
        for channel in subscription.channels if subscription is not None else ():
            if channel_key(what.subscription, channel) == what.channel:
                kind, address = self._describe(channel)
                row = Pending(what.subscription, what.channel, kind, address, what.message, 1, what.given, what.given)
                self._put(row, what.given, out)
                return
        row = Pending(what.subscription, what.channel, "", "", what.message, 1, what.given, what.given)
        why = NOT_LIVE if subscription is None else "the subscription has no such channel"
        self._tell(row, 0, "dropped", what.given, out, error=why)

    def _put(self, row: Pending, when: datetime, out: Outcomes) -> None:
        name = delivery_id(row.message.id, row.channel)
        queue = self._queue(row)
        if name not in queue and len(queue) >= MOST_PENDING:
            oldest = next(iter(queue))
            left = self._rows.outbox.get(oldest)
            if left is not None:
                self._tell(
                    left, left.attempt - 1, "gave_up", when, out, error=f"{MOST_PENDING} deliveries wait before it"
                )
            self._drop(oldest, row.subscription, row.channel)
        self._queue(row)[name] = None
        self._rows.outbox.put(name, row)

    def set_back(self, now: datetime) -> None:
        """The time was set back to ``now``: no delivery is due later than if its last attempt had just failed."""
        for name, row in [*self._rows.outbox]:
            due = now + longest_wait(row.attempt - 1)
            if row.due > due:
                self._rows.outbox.put(name, msgspec.structs.replace(row, due=due))

    def _queue(self, row: Pending) -> dict[str, None]:
        return self._queues.setdefault(row.subscription, {}).setdefault(row.channel, {})

    def _drop(self, name: str, subscription: str, channel: str) -> None:
        self._rows.outbox.pop(name)
        queues = self._queues.get(subscription, {})
        queues.get(channel, {}).pop(name, None)
        if not queues.get(channel):
            queues.pop(channel, None)
        if not queues:
            self._queues.pop(subscription, None)

    # -- attempts

    def attempted(self, attempt: Attempt, subscription: Subscription | None, out: Outcomes) -> None:
        """How an attempt ended. One that is known already, or was overtaken, changes nothing; a success counts."""
        row = self._rows.outbox.get(attempt.delivery)
        if row is None or (attempt.number != row.attempt and attempt.outcome != "delivered"):
            return
        when, standing = attempt.ended, self.standing(row.subscription, attempt.ended)
        if attempt.outcome == "delivered":
            self._drop(attempt.delivery, row.subscription, row.channel)
            failing = {key: since for key, since in standing.failing.items() if key != row.channel}
            last = max(standing.last_delivered or when, when)
            standing = msgspec.structs.replace(standing, last_delivered=last, failing=failing)
            self.keep(row.subscription, standing, when, out)
            self._tell(row, attempt.number, "delivered", when, out, attempt=attempt)
            return
        since = standing.failing.get(row.channel, attempt.began)
        if subscription is not None and subscription.resumed is not None:  # what failed before is forgiven
            since = max(since, min(subscription.resumed, attempt.began))
        if standing.failing.get(row.channel) != since:
            failing = standing.failing | {row.channel: since}
            self._rows.standings.put(row.subscription, msgspec.structs.replace(standing, failing=failing, touched=when))
        gone = attempt.outcome == "gone"
        again = None if gone else next_try(attempt.delivery, attempt.number, when, attempt.retry_after)
        if again is None:
            self._drop(attempt.delivery, row.subscription, row.channel)
        else:
            self._rows.outbox.put(attempt.delivery, msgspec.structs.replace(row, attempt=row.attempt + 1, due=again))
        outcome: Outcome = "gone" if gone else "failed" if again is not None else "gave_up"
        hopeless = when - since >= self._disable_after
        if hopeless and again is not None:
            outcome, again = "gave_up", None
            self._drop(attempt.delivery, row.subscription, row.channel)
        self._tell(row, attempt.number, outcome, when, out, attempt=attempt, next_try=again)
        if gone:
            self._disable(row, subscription, "the endpoint says that it is gone for good", when, out)
        elif hopeless:
            self._disable(row, subscription, f"every attempt since {since:%Y-%m-%d %H:%M} UTC failed", when, out)

    # -- channels

    def settle(self, subscription: Subscription, when: datetime, out: Outcomes) -> None:
        """Enable the channels again that were disabled before somebody resumed the subscription; forget those that it
        does not have any more, and what waits for them."""
        standing = self._rows.standings.get(subscription.id)
        keys = {channel_key(subscription.id, channel) for channel in subscription.channels}
        for channel in [one for one in self._queues.get(subscription.id, {}) if one not in keys]:
            self.drop(subscription.id, channel, "the subscription does not have the channel any more", when, out)
        if standing is None:
            return
        if not standing.failing.keys() <= keys:
            failing = {key: since for key, since in standing.failing.items() if key in keys}
            standing = msgspec.structs.replace(standing, failing=failing)
            self._rows.standings.put(subscription.id, standing)
        if not standing.disabled:
            return
        resumed = subscription.resumed
        kept = {
            key: disabled
            for key, disabled in standing.disabled.items()
            if key in keys and (resumed is None or resumed <= disabled.at)
        }
        if kept != standing.disabled:
            failing = {key: since for key, since in standing.failing.items() if key in keys - standing.disabled.keys()}
            self.keep(subscription.id, msgspec.structs.replace(standing, disabled=kept, failing=failing), when, out)

    def unsettled(self, subscription: Subscription) -> bool:
        """Whether `settle` would change anything."""
        keys = {channel_key(subscription.id, channel) for channel in subscription.channels}
        if any(channel not in keys for channel in self._queues.get(subscription.id, {})):
            return True
        standing = self._rows.standings.get(subscription.id)
        return standing is not None and any(
            key not in keys or (subscription.resumed is not None and subscription.resumed > disabled.at)
            for key, disabled in standing.disabled.items()
        )

    def drop(self, subscription: str, channel: str | None, why: str, when: datetime, out: Outcomes) -> None:
        """Nothing waits for this channel any more (None: for none of the subscription's)."""
        queues = self._queues.get(subscription, {})
        for key in sorted(queues) if channel is None else [channel]:
            for name in sorted(queues.get(key, {})):
                row = self._rows.outbox.get(name)
                self._drop(name, subscription, key)
                if row is not None:
                    self._tell(row, row.attempt - 1, "dropped", when, out, error=why)

    def _disable(
        self, row: Pending, subscription: Subscription | None, why: str, when: datetime, out: Outcomes
    ) -> None:
        standing = self.standing(row.subscription, when)
        if row.channel in standing.disabled:
            return  # a delivery that a person wanted again
        disabled = standing.disabled | {row.channel: Disabled(when, why)}
        self.keep(row.subscription, msgspec.structs.replace(standing, disabled=disabled), when, out)
        self.drop(row.subscription, row.channel, f"the channel is disabled: {why}", when, out)
        others = [] if subscription is None else [*self._enabled(subscription, disabled)]
        told: Notice = "told" if others else "unheard"
        out.disabled.append((row.subscription, row.channel_type, row.address, told))
        if subscription is not None and others:
            notice = messages.disabled(subscription, row.channel, (row.channel_type, row.address), why, when)
            zone = zone_of(subscription.zone)
            due = quiet_until(when, subscription.quiet, zone) or when
            only = msgspec.structs.replace(subscription, channels=tuple(others))
            self.send(notice, only, when, due, out)

    def _enabled(self, subscription: Subscription, disabled: dict[str, Disabled]) -> Iterator[Channel]:
        for channel in subscription.channels:
            if channel_key(subscription.id, channel) not in disabled:
                yield channel

    def _tell(
        self,
        row: Pending,
        number: int,
        outcome: Outcome,
        when: datetime,
        out: Outcomes,
        *,
        attempt: Attempt | None = None,
        error: str = "",
        next_try: datetime | None = None,
    ) -> None:
        out.deliveries.append(
            Delivery(
                id=delivery_id(row.message.id, row.channel),
                subscription=row.subscription,
                channel=row.channel,
                channel_type=row.channel_type,
                address=row.address,
                attempt=number,
                outcome=outcome,
                status=attempt.status if attempt else None,
                error=attempt.error if attempt else error,
                next_try=next_try,
                message=row.message,
                began=attempt.began if attempt else when,
                ended=attempt.ended if attempt else when,
            )
        )
