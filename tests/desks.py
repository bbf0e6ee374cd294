"""A book of subscribers that is fed by hand: matches, the moved clock, and endpoints that answer as a test says."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

from pipeline.alerts import Book, Outcomes, Pending, Rows
from pipeline.records import Attempt, Channel, Clock, Match, Merged, Subscription, channel_key
from pipeline.records.alert import Delivery, Message
from pipeline.records.subscription import Webhook
from pipeline.records.thread import event_id
from tests.told import NOW, event, story, subscription

HOOK = Webhook(url="https://hooks.example/a")


def thread_id(number: int) -> str:
    """Id of the thread of a number."""
    return f"{number:032x}"


def match(number: int = 1, kind: str = "created", *, cause: str = "", at: datetime = NOW, **more: Any) -> Match:
    """Thread ``number`` matches the subscription `desk` at an event."""
    thread, cause = thread_id(number), cause or f"article:{number}"
    told = event(kind, id=event_id(thread, kind, cause), thread=thread, cause=cause, when=at, processed=at)
    fields: dict[str, Any] = {"subscription": "desk", "group": thread}
    return Match(event=told, story=story(thread=thread), matched=at, **(fields | more))


def desk(*channels: Channel, **more: Any) -> Subscription:
    """The subscription `desk`: told at once, unless a test says otherwise."""
    fields: dict[str, Any] = {"group_wait_seconds": 0.0, "group_interval_seconds": 0.0}
    return subscription(*(channels or (HOOK,)), **(fields | more))


def describe(channel: Channel) -> tuple[str, str]:
    """A channel in words."""
    return str(channel.__struct_config__.tag), "somewhere"


class Desk:
    """One partition's book, and all that came of what it took in."""

    def __init__(self, *subscriptions: Subscription, rows: Rows | None = None, disable_days: float = 5) -> None:
        self.known = {one.id: one for one in subscriptions or (desk(),)}
        self.disable_after = timedelta(days=disable_days)
        self.rows = rows or Rows()
        self.book = Book(self.rows, describe, self.disable_after)
        list(self.book.restore())
        self.now = NOW
        self.alerts: list[Any] = []
        self.messages: list[Message] = []
        self.deliveries: list[Delivery] = []
        self.disabled: list[Any] = []

    def put(self, one: Subscription) -> None:
        """The subscription is so now."""
        self.known[one.id] = one

    def take(self, what: Any) -> Outcomes:
        """Take one record in."""
        out = self.book.take(what, self.known)
        self.alerts += out.alerts.values()
        self.messages += out.messages
        self.deliveries += out.deliveries
        self.disabled += out.disabled
        return out

    def match(self, number: int = 1, kind: str = "created", **more: Any) -> str:
        """A match now; what became of it."""
        out = self.take(match(number, kind, at=self.now, **more))
        return next((one.outcome for one in out.alerts.values()), "nothing")

    def merge(self, thread: int, into: int) -> None:
        """A merge of two threads."""
        self.take(Merged(partition=0, thread=thread_id(thread), into=thread_id(into)))

    def pass_time(self, **time: float) -> None:
        """Move the clock, as the process does: to each moment at which something is due."""
        end = self.now + timedelta(**time)
        for _ in range(10_000):
            moment = self.book._due[0][0] if self.book._due else None
            if self.book.due(self.now):
                moment = self.now
            if moment is None or moment > end:
                break
            self.now = max(moment, self.now + timedelta(microseconds=1))
            self.take(Clock(partition=0, time=self.now))
        else:
            raise AssertionError("something stays due")
        self.now = end
        self.take(Clock(partition=0, time=self.now))

    @property
    def outbox(self) -> dict[str, Pending]:
        """What is to be delivered."""
        return dict(self.rows.outbox)

    def attempt(self, delivery: str, outcome: Any, **more: Any) -> Outcomes:
        """Try one delivery now."""
        row = self.outbox[delivery]
        fields: dict[str, Any] = {"number": row.attempt, "began": self.now, "ended": self.now}
        return self.take(Attempt(delivery=delivery, subscription=row.subscription, outcome=outcome, **(fields | more)))

    def deliver(self, outcome: Any = "delivered", **more: Any) -> int:
        """Try all that is due now; how many that was."""
        due = [name for name, row in self.outbox.items() if row.due <= self.now]
        for name in due:
            if name in self.outbox:
                self.attempt(name, outcome, **more)
        return len(due)

    def again(self) -> Desk:
        """The same rows after a restart."""
        desk = Desk(*self.known.values(), rows=self.rows)
        desk.disable_after, desk.now, desk.book.ticked = self.disable_after, self.now, self.book.ticked
        return desk


def key(channel: Channel = HOOK) -> str:
    """The channel's key in `desk`."""
    return channel_key("desk", channel)
