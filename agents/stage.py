"""What every agent does: take an event, let a handler decide, hand the results to the outbox, count.

One bad record never stops the stream; it goes to the dead letters. Many of them are no bad records but a bad deploy, or
a broken rule set: then the worker stops, with what it could not handle still in its topic.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import partial
from typing import Any, Final, Generic, Protocol, TypeVar

import structlog

from agents.outbox import MOST_BYTES, Outbox, Outgoing
from pipeline.errors import DeadLimitError, RecordError, TooLargeError
from pipeline.metrics import Metrics
from pipeline.records import ArticleBatch, BadArticle, Codec, DeadLetter, Record, dead_letter, dead_topic, decode_batch

log = structlog.get_logger(__name__)

Clock = Callable[[], datetime]


def utc_now() -> datetime:
    """The wall clock; a parameter everywhere else."""
    return datetime.now(UTC)


class Message(Protocol):
    """What a stage reads of Kafka's record."""

    topic: str
    partition: int
    offset: int
    key: bytes | None
    value: bytes
    headers: Any
    timestamp: float


@dataclass(frozen=True, slots=True)
class Handled:
    """What came of one event: what to send, and what to count once Kafka has it."""

    results: tuple[Outgoing, ...] = ()
    articles_in: int = 0
    articles_out: int = 0
    count: Callable[[], None] | None = None


R = TypeVar("R", bound=Record)

Decode = Callable[[bytes], tuple[R, Sequence[BadArticle]]]
"""Reads a record, and tells which of its articles cannot be read; raises RecordError where nothing of it can."""

Handler = Callable[[R, Message], Awaitable[Handled]]


def whole(codec: Codec[R]) -> Decode[R]:
    """For records that can be read or not, with nothing in between."""
    return lambda value: (codec.decode(value), ())


BATCHES: Final[Decode[ArticleBatch]] = decode_batch


class Counts:
    """A stage's own series, looked up once instead of for each event."""

    def __init__(self, metrics: Metrics, stage: str) -> None:
        self.articles_in = metrics.articles_in.labels(stage=stage)
        self.articles_out = metrics.articles_out.labels(stage=stage)
        self.last_timestamp = metrics.stage_last_timestamp_seconds.labels(stage=stage)


DEAD_IN_A_ROW: Final = 50
"""Records in a row. Bad ones of one sender come in tens; what we broke ourselves breaks on everything."""

DEAD_WINDOW: Final = 10
"""So many times as many of the last records are looked at …"""

DEAD_SHARE: Final = 0.2
"""… and no more than this share of them may be dead: if a rule breaks on every fourth article, it is the rule."""


@dataclass(slots=True)
class DeadLimit:
    """When dead letters are too many to be bad records: so many in a row, or a share of the last ones (as Sentry's
    Arroyo limits its dead-letter queues). ``row`` 0: never."""

    row: int = DEAD_IN_A_ROW
    _last: deque[bool] = field(init=False)
    _dead: int = 0
    _running: int = 0

    def __post_init__(self) -> None:
        self._last = deque(maxlen=max(1, self.row * DEAD_WINDOW))

    def passed(self, dead: bool) -> str:
        """Count one more record; why it is too much now, or ""."""
        if not self.row:
            return ""
        if len(self._last) == self._last.maxlen:
            self._dead -= self._last[0]
        self._last.append(dead)
        self._dead += dead
        self._running = self._running + 1 if dead else 0
        if self._running >= self.row:
            return f"{self._running} records in a row could not be handled"
        if self._dead > DEAD_SHARE * self.row * DEAD_WINDOW:
            return f"{self._dead} of the last {len(self._last)} records could not be handled"
        return ""


@dataclass(frozen=True, slots=True)
class Stage(Generic[R]):
    """One agent's name, how its records are read, its handler, and what it needs to count. ``done`` is told of each
    acknowledged record."""

    name: str
    decode: Decode[R]
    handle: Handler[R]
    metrics: Metrics
    done: Callable[[Message], None]
    clock: Clock = utc_now
    limit: DeadLimit = field(default_factory=DeadLimit)

    async def run(self, stream: Any, outbox: Outbox) -> None:
        """Work until the stream ends, or too much of it is dead: then the outbox crashes with a DeadLimitError, and the
        record that was too much is not acknowledged. ``stream`` is a Faust stream of `bytes`."""
        self.metrics.stage_in_progress.labels(stage=self.name).set_function(outbox.__len__)
        counts = Counts(self.metrics, self.name)
        async for event in stream.noack().events():
            handled = await self._handle(event.message)
            dead = dead_topic(event.message.topic)
            if why := self.limit.passed(any(result.topic == dead for result in handled.results)):
                log.error("too many dead letters; stopping", stage=self.name, topic=event.message.topic, why=why)
                outbox.give_up(DeadLimitError(event.message.topic, why))
                return
            await outbox.put(event, handled.results, partial(self._acknowledged, event.message, handled, counts))

    async def _handle(self, message: Message) -> Handled:
        try:
            record, bad = self.decode(message.value)
        except RecordError as error:
            return Handled((bury(message, message.value, error),), count=self._dead(message.topic, 1))
        handled = self._fitting(await self.handle(record, message), message)
        if not bad:
            return handled
        dead = tuple(bury(message, one.data, one.error) for one in bad)
        return Handled(
            handled.results + dead,
            handled.articles_in + len(bad),
            handled.articles_out,
            _both(handled.count, self._dead(message.topic, len(bad))),
        )

    def _fitting(self, handled: Handled, message: Message) -> Handled:
        """What came of a record, without what Kafka would not take, which would stop the worker again and again: an
        article grows by what each stage says of it. Then the record is buried. What else came of it is sent all the
        same, above all what a table remembers."""
        large = [result for result in handled.results if _is_large(result)]
        if not large:
            return handled
        kept = tuple(result for result in handled.results if result not in large)
        error = TooLargeError(large[0].topic, len(large[0].value or b""))
        dead = bury(message, message.value, error)
        return Handled((*kept, dead), handled.articles_in, 0, self._dead(message.topic, 1))

    def _dead(self, topic: str, number: int) -> Callable[[], None]:
        counter = self.metrics.dead_letters.labels(topic=topic)
        return lambda: counter.inc(number)

    def _acknowledged(self, message: Message, handled: Handled, counts: Counts) -> None:
        self.done(message)
        counts.articles_in.inc(handled.articles_in)
        counts.articles_out.inc(handled.articles_out)
        counts.last_timestamp.set(self.clock().timestamp())
        if handled.count is not None:
            handled.count()


def _is_large(result: Outgoing) -> bool:
    """Whether it is too large for its topic. Dead letters have as much more room as their headers may need, and tables
    see to their rows themselves."""
    size = len(result.value or b"")
    return size > MOST_BYTES and not result.topic.endswith((".dead", "-changelog"))


def bury(message: Message, value: bytes, error: Exception) -> Outgoing:
    """The dead letter for a record, or for one article of it (then ``value`` is that article's own bytes)."""
    log.error("dead letter", topic=message.topic, partition=message.partition, offset=message.offset, reason=str(error))
    letter: DeadLetter = dead_letter(
        topic=message.topic,
        partition=message.partition,
        offset=message.offset,
        key=message.key,
        value=value,
        headers=_headers(message.headers),
        error=error,
    )
    return Outgoing(letter.topic, letter.value, letter.key, headers=letter.headers)


def _headers(headers: Any) -> tuple[tuple[str, bytes], ...]:
    """Faust gives a record's headers as pairs, as a mapping, or as None."""
    pairs: Sequence[tuple[str, bytes]] = list(headers.items()) if hasattr(headers, "items") else headers or ()
    return tuple(pairs)


def _both(first: Callable[[], None] | None, second: Callable[[], None]) -> Callable[[], None]:
    def count() -> None:
        if first is not None:
            first()
        second()

    return count
