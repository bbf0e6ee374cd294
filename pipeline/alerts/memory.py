"""What subscriptions were told of threads, and which threads are one story. Pure."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import Final

import msgspec

from pipeline.alerts.rows import Merge, Rows, Told
from pipeline.channels.story import Snapshot, snapshot
from pipeline.records.alert import Story
from pipeline.records.thread import ThreadEvent

REMEMBER: Final = timedelta(days=35)
"""From the last match of a thread to being forgotten: longer than a thread without news is remembered."""

MAX_EVENTS: Final = 64
"""Events of a thread that are known as told; older ones come no more, for a replay is held by its age."""

MAX_MERGED: Final = 64
"""Threads that are taken for one story."""

_DAY: Final = timedelta(days=1)


def mark(event: ThreadEvent) -> str:
    """What an event is in whatever thread it is told: kind and cause; 16 hex digits."""
    return hashlib.blake2b(f"{event.kind}|{event.cause}".encode(), digest_size=8).hexdigest()


class Memory:
    """What was told, over the rows `told` and `merges`."""

    def __init__(self, rows: Rows) -> None:
        self._told, self._merges = rows.told, rows.merges
        self._from: dict[str, dict[str, None]] = {}

    def restore(self) -> None:
        """Derive what is not in the rows."""
        for thread, merge in self._merges:
            self._from.setdefault(merge.into, {})[thread] = None

    def merged(self, thread: str, into: str, when: datetime | None) -> bool:
        """A thread went into another; whether that is new. One that was split off again may go into a third."""
        before = self._merges.get(thread)
        if thread == into or (before is not None and before.into == into):
            return False
        self.unmerged(thread)
        self._merges.put(thread, Merge(into, when))
        self._from.setdefault(into, {})[thread] = None
        return True

    def unmerged(self, thread: str) -> None:
        """Nobody asks any more what became of a thread."""
        merge = self._merges.get(thread)
        if merge is not None:
            self._from.get(merge.into, {}).pop(thread, None)
            self._merges.pop(thread)

    def story(self, thread: str) -> list[str]:
        """This thread, and all that are one story with it by merges, in whatever direction."""
        found = {thread: None}
        for one in (queue := [thread]):
            merge = self._merges.get(one)
            for other in (*([merge.into] if merge else []), *self._from.get(one, ())):
                if other not in found and len(found) < MAX_MERGED:
                    found[other] = None
                    queue.append(other)
        return list(found)

    def told(self, subscription: str, thread: str) -> dict[str, Told]:
        """What the subscription was told of the story, by thread."""
        rows = ((one, self._told.get(f"{subscription}/{one}")) for one in self.story(thread))
        return {one: row for one, row in rows if row is not None}

    def remember(self, subscription: str, event: ThreadEvent, story: Story, when: datetime) -> Iterator[str]:
        """The subscription was told of an event. Yields the name of the row, if it is new."""
        name, rows = f"{subscription}/{event.thread}", self.told(subscription, event.thread)
        mine = rows.get(event.thread)
        row = mine or _inherited(rows, when)
        events = (*row.events, mark(event))[-MAX_EVENTS:]
        self._told.put(name, msgspec.structs.replace(row, last=when, events=events, before=snapshot(story)))
        if mine is None:
            yield name

    def seen(self, subscription: str, thread: str, when: datetime) -> Iterator[str]:
        """A match of a story that was told is not told; it is remembered longer. Yields the name of a new row."""
        name, rows = f"{subscription}/{thread}", self.told(subscription, thread)
        mine = rows.get(thread)
        if mine is None:
            self._told.put(name, _inherited(rows, when))
            yield name
        elif when - mine.last >= _DAY:
            self._told.put(name, msgspec.structs.replace(mine, last=when))

    def went(self, subscription: str, thread: str, message: str) -> None:
        """The message that an event of this thread went into."""
        name = f"{subscription}/{thread}"
        row = self._told.get(name)
        if row is not None:
            self._told.put(name, msgspec.structs.replace(row, message=message, root=row.root or message))


def known(rows: dict[str, Told]) -> Snapshot | None:
    """The story as the subscription knows it last."""
    newest = max(rows.values(), key=lambda row: row.last, default=None)
    return newest.before if newest is not None else None


def _inherited(rows: dict[str, Told], when: datetime) -> Told:
    """A row for another thread of a story; its own events are none."""
    if not rows:
        return Told(when, when)
    newest = max(rows.values(), key=lambda row: row.last)
    return Told(min(row.first for row in rows.values()), when, (), newest.before, newest.message, newest.root)
