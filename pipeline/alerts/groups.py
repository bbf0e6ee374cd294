"""What waits to become a message: for its group, its hour, the end of quiet hours, the next day. Pure."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Final

import msgspec

from pipeline.alerts import message as messages
from pipeline.alerts.hours import local_day, next_daily, next_hour, next_midnight, quiet_until, zone_of
from pipeline.alerts.memory import Memory
from pipeline.alerts.post import NOT_LIVE, Outcomes, Post
from pipeline.alerts.rows import Group, Rows, Standing, Waiting
from pipeline.records.alert import Alert, Item, Message
from pipeline.records.subscription import Subscription

MOST_WAITING: Final = 1000
"""Alerts that wait for one message; then it is made, and only its delivery waits."""

DIGEST: Final = "digest"
"""The group of what an hourly or daily subscription is told."""

LATER: Final = "later"
"""The group of what came in quiet hours, or beyond the day's maximum."""

Remind = Callable[[datetime, str], None]
"""Have a group looked at, by its name, once it is that late."""


class Groups:
    """The groups of one partition, over the rows `groups` and `waiting`."""

    def __init__(self, rows: Rows, post: Post, memory: Memory, remind: Remind) -> None:
        self._groups, self._waiting = rows.groups, rows.waiting
        self._post, self._memory, self._remind = post, memory, remind
        self._full: dict[str, dict[str, None]] = {}

    def restore(self) -> None:
        """Derive what is not in the rows."""
        for name, group in self._groups:
            if group.waiting:
                self._full.setdefault(_owner(name), {})[name] = None

    @property
    def subscriptions(self) -> tuple[str, ...]:
        """Those that something waits for."""
        return tuple(self._full)

    def add(self, subscription: Subscription, group: str, item: Item, when: datetime, out: Outcomes) -> None:
        """An alert is to be told; it becomes a message at once where nothing has to be waited for."""
        key, due = self._place(subscription, group, when)
        name = f"{subscription.id}/{key}"
        self._append(name, Waiting(item, when), due)
        there = self._groups.get(name)
        if there is not None and there.due is not None and there.due <= when:
            self.look(name, subscription, when, out)
        elif there is not None and there.waiting >= MOST_WAITING:
            self._make(name, there, subscription, when, there.due or when, out)

    def look(self, name: str, subscription: Subscription | None, when: datetime, out: Outcomes) -> None:
        """What waits in a group becomes a message, if it is due; an old group without anything is forgotten."""
        group = self._groups.get(name)
        if group is None:
            return
        if not group.waiting or group.due is None:
            self._forget(name, group, subscription, when)
        elif group.due > when:
            self._remind(group.due, name)
        elif subscription is None:
            self.drop(_owner(name), "", when, out)
        else:
            later = self._later(subscription, when)
            if later is None:
                self._make(name, group, subscription, when, when, out)
            else:
                self._move(name, group, f"{subscription.id}/{LATER}", later)

    def drop(self, subscription: str, title: str, when: datetime, out: Outcomes) -> None:
        """The subscription is paused or removed: what waits becomes a message that is not delivered."""
        for name in sorted(self._full.get(subscription, ())):
            group = self._groups.get(name)
            if group is not None:
                message, _ = self._message(name, group, subscription, title, when, out)
                self._groups.pop(name)
                self._post.refuse(message, NOT_LIVE, when, out)

    def waiting(self, name: str) -> int:
        """Alerts that wait in a group; 1 at least."""
        group = self._groups.get(name)
        return max(1, 0 if group is None else group.waiting)

    def set_back(self, name: str, group: Group, subscription: Subscription, now: datetime) -> None:
        """The time was set back to ``now``: what waits is due as if it had come now, unless it was due before."""
        last = None if group.last is None else min(group.last, now)
        due = group.due
        if due is not None:
            key = name.partition("/")[2]
            later = self._later(subscription, now) or now
            if key == DIGEST:
                later = self._place(subscription, "", now)[1]
            elif key != LATER:
                later = now + timedelta(seconds=subscription.group_wait_seconds)
            due = min(due, later)
        self._groups.put(name, Group(group.waiting, due, last))
        self._remind(due or now, name)

    # -- where to

    def _place(self, subscription: Subscription, group: str, when: datetime) -> tuple[str, datetime]:
        zone = zone_of(subscription.zone)
        if subscription.mode == "hourly":
            return DIGEST, next_hour(when, zone)
        if subscription.mode == "daily":
            return DIGEST, next_daily(when, subscription.at, zone)
        later = self._later(subscription, when)
        if later is not None:
            return LATER, later
        key = hashlib.blake2b(group.encode(), digest_size=8).hexdigest()
        due = when + timedelta(seconds=subscription.group_wait_seconds)
        there = self._groups.get(f"{subscription.id}/{key}")
        if there is not None and there.last is not None:
            due = max(due, there.last + timedelta(seconds=subscription.group_interval_seconds))
        return key, due

    def _later(self, subscription: Subscription, when: datetime) -> datetime | None:
        """Until when nothing may be delivered now; None if it may."""
        zone = zone_of(subscription.zone)
        quiet = quiet_until(when, subscription.quiet, zone)
        if quiet is not None:
            return quiet
        standing = self._post.standing(subscription.id, when)
        spent = 0 < subscription.max_per_day <= _today(standing, local_day(when, zone))
        return next_midnight(when, zone) if spent else None

    # -- rows

    def _append(self, name: str, waiting: Waiting, due: datetime) -> None:
        group = self._groups.get(name) or Group()
        self._waiting.put(f"{name}/{group.waiting:04d}", waiting)
        self._full.setdefault(_owner(name), {})[name] = None
        if group.due is None:
            self._remind(due, name)
        self._groups.put(name, Group(group.waiting + 1, group.due or due, group.last))

    def _move(self, name: str, group: Group, to: str, due: datetime) -> None:
        if name == to:
            self._groups.put(name, msgspec.structs.replace(group, due=due))
            self._remind(due, name)
            return
        for one in self._taken(name, group):
            self._append(to, one, due)
        self._groups.pop(name)

    def _taken(self, name: str, group: Group) -> list[Waiting]:
        rows = []
        for number in range(group.waiting):
            row = self._waiting.get(f"{name}/{number:04d}")
            self._waiting.pop(f"{name}/{number:04d}")
            if row is not None:
                rows.append(row)
        names = self._full.get(_owner(name), {})
        names.pop(name, None)
        if not names:
            self._full.pop(_owner(name), None)
        return rows

    def _make(
        self, name: str, group: Group, subscription: Subscription, when: datetime, due: datetime, out: Outcomes
    ) -> None:
        message, stories = self._message(name, group, subscription.id, subscription.name, when, out)
        for thread in stories:
            self._memory.went(subscription.id, thread, message.id)
        interval = timedelta(seconds=subscription.group_interval_seconds)
        if name.endswith((f"/{DIGEST}", f"/{LATER}")) or not interval:
            self._groups.pop(name)
        else:
            self._groups.put(name, Group(last=when))
            self._remind(when + interval, name)
        standing, day = self._post.standing(subscription.id, when), local_day(when, zone_of(subscription.zone))
        standing = msgspec.structs.replace(
            standing, messages=standing.messages + 1, last_message=when, day=day, today=_today(standing, day) + 1
        )
        self._post.keep(subscription.id, standing, when, out)
        self._post.send(message, subscription, when, due, out)

    def _message(
        self, name: str, group: Group, subscription: str, title: str, when: datetime, out: Outcomes
    ) -> tuple[Message, dict[str, None]]:
        rows = self._taken(name, group)
        items = [row.item for row in rows]
        stories = dict.fromkeys(item.event.thread for item in items)
        last = items[-1].event.thread
        one = stories.keys() <= set(self._memory.story(last))
        message = messages.told(subscription, title, items, last if one else "", when)
        for row in rows:
            out.alerts[row.item.alert] = told(subscription, row.item, row.decided, message.id)
        return message, stories

    def _forget(self, name: str, group: Group, subscription: Subscription | None, when: datetime) -> None:
        interval = timedelta(seconds=subscription.group_interval_seconds if subscription is not None else 0)
        if group.last is None or group.last + interval <= when:
            self._groups.pop(name)
        else:
            self._remind(group.last + interval, name)


def told(subscription: str, item: Item, decided: datetime, message: str = "") -> Alert:
    """The alert of an item."""
    return Alert(
        id=item.alert,
        subscription=subscription,
        outcome="told",
        event=item.event,
        story=item.story,
        first=item.first,
        message=message,
        fetched=item.fetched,
        decided=decided,
    )


def _owner(name: str) -> str:
    return name.partition("/")[0]


def _today(standing: Standing, day: str) -> int:
    """Messages that were made on this local date."""
    return standing.today if standing.day == day else 0
