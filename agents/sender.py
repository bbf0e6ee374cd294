"""Sends what is due in the outbox, beside the stream; a queue for each endpoint: one that hangs delays no other.

Nor do a hundred: an endpoint whose last attempt did not deliver, or that was not tried yet, gets one attempt at a time,
and all of these together half of the places there are. An outage takes many receivers down at once.

It is told of a delivery once Kafka has it, and tells how an attempt ended by a record; until that record has changed
the delivery, this process does not try it again. Killed in between, the next one does, under the same id.
"""

from __future__ import annotations

import asyncio
import heapq
from collections import Counter, deque
from collections.abc import Awaitable, Callable, Iterable
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Final, Protocol

import structlog

from agents.deliver_table import Change
from agents.stage import Clock, utc_now
from pipeline.alerts import Pending, Subscriptions
from pipeline.alerts.hours import quiet_until, zone_of
from pipeline.channels.sent import Sent
from pipeline.records import Attempt, Message, Subscription, channel_key
from pipeline.records.subscription import Channel
from pipeline.subscriptions.listing import live

log = structlog.get_logger(__name__)

ASK_AGAIN: Final = timedelta(seconds=5)
"""A delivery whose subscription is away at the moment is looked at again after so long, unless it is dropped before."""

LONGEST_SLEEP: Final = 5.0
"""Seconds; the wall clock may be set while we sleep."""


_Attempt = tuple[int, datetime]
"""Its number, and when it was due: a delivery that a person wants again begins at 1 again."""


MOST_STALE: Final = 1000
"""Deliveries that are done and still in the heap of what waits, beside as many as wait; then it is made anew."""


class Sends(Protocol):
    """What the sender needs of `pipeline.channels.Channels`."""

    async def send(self, channel: Channel, subscription: Subscription, message: Message) -> Sent:
        """Never raises but CancelledError."""

    def endpoint(self, channel: Channel) -> str:
        """Names the queue."""


@dataclass(slots=True)
class Sender:
    """Args:
    channels: send.
    subscriptions: all that are known, as they are at any time.
    publish: puts an attempt on `deliver.in`, and returns when Kafka has it.
    crash: called when that fails: nobody would learn of the attempt.
    """

    channels: Sends
    subscriptions: Subscriptions
    publish: Callable[[Attempt], Awaitable[object]]
    crash: Callable[[BaseException], object]
    per_endpoint: int
    concurrency: int
    clock: Clock = utc_now
    attempted: Callable[[Pending, Sent], object] = lambda _row, _sent: None

    _rows: dict[str, Pending] = field(default_factory=dict)
    _heap: list[tuple[datetime, str, int]] = field(default_factory=list)
    _made: list[tuple[datetime, str]] = field(default_factory=list)
    """A heap, with what is not in the rows any more: a million may wait, and the oldest is asked for all the time."""
    _tried: dict[str, _Attempt] = field(default_factory=dict)
    """delivery → the attempt that this process has made, or is making"""
    _queues: dict[str, deque[tuple[str, int]]] = field(default_factory=dict)
    """endpoint → deliveries that are due, and their attempts"""
    _busy: Counter[str] = field(default_factory=Counter)
    _running: dict[asyncio.Task[None], str] = field(default_factory=dict)
    _sound: set[str] = field(default_factory=set)
    """Endpoints whose last attempt delivered."""
    _probes: set[asyncio.Task[None]] = field(default_factory=set)
    """Attempts that were begun at others."""
    _wake: asyncio.Event = field(default_factory=asyncio.Event)
    _closed: bool = False

    def offer(self, changes: Iterable[Change]) -> None:
        """Deliveries as they are in the outbox now, and on Kafka."""
        for name, row in changes:
            if row is None:
                self._rows.pop(name, None)
                self._tried.pop(name, None)
            elif self._tried.get(name) != _attempt(row) or name not in self._rows:
                if name not in self._rows:
                    heapq.heappush(self._made, (row.made, name))
                self._rows[name] = row
                if self._tried.get(name) != _attempt(row):
                    heapq.heappush(self._heap, (row.due, name, row.attempt))
        self._wake.set()

    def restore(self, changes: Iterable[Change]) -> None:
        """All deliveries of the outbox, after `forget`. What was tried and is there no more is forgotten too."""
        self.offer(changes)
        running = {*self._running.values()}
        self._tried = {name: tried for name, tried in self._tried.items() if name in self._rows or name in running}

    def forget(self) -> None:
        """Partitions moved: what waits is another's, or is offered again; what was tried is not tried again then."""
        self._rows.clear()
        self._heap.clear()
        self._made.clear()
        self._queues.clear()

    def __len__(self) -> int:
        """Deliveries that wait, or are tried."""
        return len(self._rows)

    def oldest(self) -> datetime | None:
        """When the oldest of them was made."""
        made = self._made
        if len(made) > 2 * len(self._rows) + MOST_STALE:  # one may wait for days, and what was made after it is done
            made[:] = [(row.made, name) for name, row in self._rows.items()]
            heapq.heapify(made)
        while made and ((row := self._rows.get(made[0][1])) is None or row.made != made[0][0]):
            heapq.heappop(made)
        return made[0][0] if made else None

    async def run(self) -> None:
        """Send until cancelled, or closed."""
        while not self._closed:
            self._wake.clear()
            self._start_due()
            wait = LONGEST_SLEEP
            if self._heap:
                wait = min(wait, max(0.0, (self._heap[0][0] - self.clock()).total_seconds()))
            with suppress(TimeoutError):
                await asyncio.wait_for(self._wake.wait(), wait)

    async def close(self, seconds: float) -> None:
        """Begin nothing more. Attempts under way have ``seconds`` to end; those given up then are not recorded, so they
        are made again."""
        self._closed = True
        self._wake.set()
        if self._running:
            _, late = await asyncio.wait(self._running, timeout=seconds)
            for task in late:
                task.cancel()
            await asyncio.gather(*late, return_exceptions=True)

    def _start_due(self) -> None:
        now = self.clock()
        while self._heap and self._heap[0][0] <= now:
            _, name, number = heapq.heappop(self._heap)
            row = self._current(name, number)
            if row is None:
                continue
            found = self._find(row)
            if found is None:
                heapq.heappush(self._heap, (now + ASK_AGAIN, name, number))
            elif (later := _quiet_until(now, found[0])) is not None:
                heapq.heappush(self._heap, (later, name, number))
            else:
                self._queues.setdefault(self.channels.endpoint(found[1]), deque()).append((name, number))
        for endpoint in list(self._queues):
            self._start(endpoint)

    def _start(self, endpoint: str) -> None:
        queue = self._queues[endpoint]
        begun = False
        while queue and self._room(endpoint):
            name, number = queue.popleft()
            row = self._current(name, number)
            if row is None:
                continue
            begun = True
            self._tried[name] = _attempt(row)
            self._busy[endpoint] += 1
            task = asyncio.get_running_loop().create_task(self._try(name, row, endpoint))
            self._running[task] = name
            if endpoint not in self._sound:
                self._probes.add(task)
            task.add_done_callback(lambda done: self._ended(done, endpoint))
        if begun or not queue:
            del self._queues[endpoint]
        if begun and queue:
            self._queues[endpoint] = queue  # behind the others: the next place is theirs

    def _room(self, endpoint: str) -> bool:
        """Whether one more attempt may begin there."""
        sound = endpoint in self._sound
        return (
            self._busy[endpoint] < (self.per_endpoint if sound else 1)
            and len(self._running) < self.concurrency
            and (sound or len(self._probes) < max(1, self.concurrency // 2))
        )

    def _ended(self, task: asyncio.Task[None], endpoint: str) -> None:
        del self._running[task]
        self._probes.discard(task)
        self._busy[endpoint] -= 1
        if not self._busy[endpoint]:
            del self._busy[endpoint]
        if not task.cancelled() and (error := task.exception()) is not None:
            self.crash(error)
        self._wake.set()

    async def _try(self, name: str, row: Pending, endpoint: str) -> None:
        began, found = self.clock(), self._find(row)
        if found is None:  # since it was queued
            self._tried.pop(name, None)
            heapq.heappush(self._heap, (began + ASK_AGAIN, name, row.attempt))
            return
        subscription, channel = found
        sent = await self.channels.send(channel, subscription, row.message)
        (self._sound.add if sent.outcome == "delivered" else self._sound.discard)(endpoint)
        self.attempted(row, sent)
        level = log.info if sent.outcome == "delivered" else log.warning
        level(
            "attempt",
            outcome=sent.outcome,
            delivery=name,
            subscription=row.subscription,
            channel=row.channel_type,
            address=row.address,
            attempt=row.attempt,
            status=sent.status,
            why=sent.error,
        )
        await self.publish(
            Attempt(
                delivery=name,
                subscription=row.subscription,
                number=row.attempt,
                outcome=sent.outcome,
                status=sent.status,
                error=sent.error,
                retry_after=sent.retry_after,
                began=began,
                ended=max(self.clock(), began),
            )
        )

    def _current(self, name: str, number: int) -> Pending | None:
        row = self._rows.get(name)
        if row is None or row.attempt != number or self._tried.get(name) == _attempt(row):
            return None
        return row

    def _find(self, row: Pending) -> tuple[Subscription, Channel] | None:
        """The subscription and its channel, as they are now; None if it is paused, or has the channel no more."""
        subscription = self.subscriptions.get(row.subscription)
        if subscription is None or not live(subscription):
            return None
        for channel in subscription.channels:
            if channel_key(subscription.id, channel) == row.channel:
                return subscription, channel
        return None


def _attempt(row: Pending) -> _Attempt:
    return row.attempt, row.due


def _quiet_until(now: datetime, subscription: Subscription) -> datetime | None:
    """What failed before, or was decided before an outage, must not wake anybody either."""
    return quiet_until(now, subscription.quiet, zone_of(subscription.zone)) if subscription.quiet else None
