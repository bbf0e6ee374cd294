"""Sends results and acknowledges sources: in order, and never before Kafka has the results.

Faust acknowledges an event when the agent comes back for the next one, and when the agent raises; it commits whatever
is acknowledged. Waiting for each result's acknowledgement before taking the next event would be safe, but it costs the
producer's linger each time. So agents here read an unacknowledged stream, hand each event with its results to the
outbox and go on; the outbox acknowledges an event once all its results are on the log *and* every earlier event is
acknowledged. The order matters: Faust's commit can pass over an older message that is still in flight.

A result that cannot be sent stops the worker: nothing was acknowledged, so the next start does the work again.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import Any, Final, Protocol

from pipeline.topics import DEAD_HEADER_BYTES, MAX_RECORD_BYTES

IN_FLIGHT: Final = 500
"""Events handed over and not yet acknowledged; then the agent waits. Some seconds of work at full speed."""


MOST_BYTES: Final = MAX_RECORD_BYTES - DEAD_HEADER_BYTES
"""Of a row or a result; its record is dead-lettered where it is more. What is left is for key, headers and wrapping."""


@dataclass(frozen=True, slots=True)
class Outgoing:
    """A record to send. ``value`` None: a tombstone; ``partition`` None: by the key.

    ``kept`` is called with Kafka's metadata (topic, partition, offset) once the record is acknowledged.
    """

    topic: str
    value: bytes | None
    key: bytes | None = None
    partition: int | None = None
    headers: tuple[tuple[str, bytes], ...] = ()
    kept: Callable[[Any], None] | None = None


class Producer(Protocol):
    """What the outbox needs of Faust's producer: `send` returns when it is queued, the result when it is kept."""

    async def send(
        self, topic: str, key: bytes | None, value: bytes | None, partition: int | None, timestamp: None, headers: Any
    ) -> asyncio.Future[Any]: ...


class Source(Protocol):
    """What the outbox needs of an event."""

    def ack(self) -> bool: ...


@dataclass(slots=True)
class _Parcel:
    source: Source
    acknowledged: Callable[[], None]
    waiting: int
    failed: BaseException | None = None


@dataclass(slots=True)
class Outbox:
    """One agent's results on their way. ``crash`` is called once with the error when a result cannot be sent."""

    producer: Producer
    crash: Callable[[BaseException], None]
    limit: int = IN_FLIGHT
    _parcels: deque[_Parcel] = field(default_factory=deque)
    _room: asyncio.Event = field(default_factory=asyncio.Event)
    _crashed: bool = False

    async def put(self, source: Source, results: Sequence[Outgoing], acknowledged: Callable[[], None]) -> None:
        """Send ``results``; once they are kept, and all events before this one, acknowledge ``source`` and call
        ``acknowledged``. Waits while the outbox is full."""
        await self._wait_for_room()
        parcel = _Parcel(source, acknowledged, len(results))
        self._parcels.append(parcel)
        for result in results:
            try:
                sent = await self.producer.send(
                    result.topic, result.key, result.value, result.partition, None, list(result.headers) or None
                )
            except Exception as error:  # whatever it is, the event must not be acknowledged
                self._fail(parcel, error)
                return
            sent.add_done_callback(partial(self._arrived, parcel, result.kept))
        self._acknowledge()

    def give_up(self, error: BaseException) -> None:
        """Have the worker stop for a reason that is not the outbox's own."""
        self._crash(error)

    def __len__(self) -> int:
        """Events that are not acknowledged yet."""
        return len(self._parcels)

    async def _wait_for_room(self) -> None:
        while len(self._parcels) >= self.limit:
            self._room.clear()
            await self._room.wait()

    def _arrived(self, parcel: _Parcel, kept: Callable[[Any], None] | None, sent: asyncio.Future[Any]) -> None:
        error = asyncio.CancelledError() if sent.cancelled() else sent.exception()
        if error is not None:
            self._fail(parcel, error)
            return
        if kept is not None:
            kept(sent.result())
        parcel.waiting -= 1
        self._acknowledge()

    def _fail(self, parcel: _Parcel, error: BaseException) -> None:
        parcel.failed = error
        self._crash(error)

    def _crash(self, error: BaseException) -> None:
        if not self._crashed:
            self._crashed = True
            self.crash(error)

    def _acknowledge(self) -> None:
        while self._parcels and self._parcels[0].waiting == 0 and self._parcels[0].failed is None:
            parcel = self._parcels.popleft()
            try:
                parcel.source.ack()
                parcel.acknowledged()
            except Exception as error:  # in a callback nobody else would see it, and the events behind it would wait
                self._crash(error)
                return
        self._room.set()
