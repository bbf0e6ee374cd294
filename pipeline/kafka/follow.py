"""Group-less reading: follow topics as they grow, read a topic to its end, and where the end is.

Where a log ends is taken from the high watermark of a fetch. ListOffsets "latest" must not be trusted: Tansu answers
the last batch's base + 1, which is too low whenever a batch has more than one record.
"""

from __future__ import annotations

import asyncio
import time
from collections import deque
from collections.abc import AsyncGenerator, Callable, Collection, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import partial
from types import TracebackType
from typing import Any, Final, Self

from kafka import KafkaConsumer, TopicPartition

from pipeline.errors import KafkaError
from pipeline.kafka.connect import CONNECT_SECONDS, connected, translated
from pipeline.topics import DEAD_HEADER_BYTES, MAX_RECORD_BYTES

FETCH_WAIT_MS: Final = 250
"""How long a broker may hold a fetch that has nothing to give: bounds the delay on brokers that do not answer early,
and the time that `stop` takes."""

STALL_SECONDS: Final = 30.0
"""Reading to the end fails when nothing at all came for so long."""

_POLL_RECORDS: Final = 500


@dataclass(frozen=True, slots=True)
class Message:
    """One record of a topic. ``value`` None: the key was deleted. ``timestamp``: when the producer made it."""

    topic: str
    partition: int
    offset: int
    timestamp: datetime
    key: bytes | None
    value: bytes | None
    headers: tuple[tuple[str, bytes], ...]


class Follower:
    """Follows topics without a consumer group: ``async for message in Follower(...)``, until `stop`.

    Order holds within a partition. From the end means: what is sent after `start` has returned is seen. With ``only``
    some partitions of each topic are followed, and `narrow` may change which.
    """

    def __init__(
        self,
        bootstrap: Sequence[str],
        topics: Sequence[str],
        *,
        from_beginning: bool,
        only: Collection[int] | None = None,
    ) -> None:
        self._bootstrap = tuple(bootstrap)
        self._only = only
        self._topics = tuple(topics)
        self._from_beginning = from_beginning
        self._consumer: Any = None
        self._waiting: deque[Message] = deque()
        self._stopped = False
        # The consumer is used by one thread at a time; it fetches ahead by itself, so nothing piles up here.
        self._thread = ThreadPoolExecutor(1, "follower")

    async def start(self) -> None:
        """Connect and settle where to begin; the iteration does it if nobody did. Raises KafkaError."""
        if self._consumer is None and not self._stopped:
            self._consumer = await self._in_thread(self._open)

    async def narrow(self, partitions: Collection[int]) -> None:
        """Follow these partitions from now on, and no others; a new one from its beginning.

        What was read of the others may still come.
        """
        self._only = frozenset(partitions)
        if self._consumer is not None:
            await self._in_thread(partial(self._narrowed, self._consumer))

    def stop(self) -> None:
        """End the iteration after the message at hand; within `FETCH_WAIT_MS` when there is none."""
        self._stopped = True

    async def close(self) -> None:
        """Stop and disconnect; the iteration does it at its end."""
        self.stop()
        consumer, self._consumer = self._consumer, None
        if consumer is not None:
            await self._in_thread(consumer.close)
        self._thread.shutdown(wait=False)

    async def __aenter__(self) -> Self:
        await self.start()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        await self.close()

    async def __aiter__(self) -> AsyncGenerator[Message, None]:
        try:
            await self.start()
            while not self._stopped:
                if self._waiting:
                    yield self._waiting.popleft()
                else:
                    self._waiting.extend(await self._in_thread(self._poll))
        finally:
            await self.close()

    def _open(self) -> Any:
        consumer = _connect(self._bootstrap)
        try:
            return self._placed(consumer)
        except BaseException:
            consumer.close()
            raise

    def _placed(self, consumer: Any) -> Any:
        with translated(self._bootstrap):
            partitions = _assign(consumer, self._topics, self._only)
            if partitions and self._from_beginning:
                consumer.seek_to_beginning(*partitions)
            elif partitions:
                for partition, end in _ends(consumer, partitions).items():
                    consumer.seek(partition, end)
        return consumer

    def _narrowed(self, consumer: Any) -> None:
        with translated(self._bootstrap):
            before = consumer.assignment()
            new = [one for one in _assign(consumer, self._topics, self._only) if one not in before]
            if new:
                consumer.seek_to_beginning(*new)

    def _poll(self) -> list[Message]:
        if not self._consumer.assignment():
            time.sleep(FETCH_WAIT_MS / 1000)
            return []
        with translated(self._bootstrap):
            batches = self._consumer.poll(timeout_ms=FETCH_WAIT_MS, max_records=_POLL_RECORDS)
        return [message_of(record) for records in batches.values() for record in records]

    async def _in_thread(self, work: Callable[[], Any]) -> Any:
        return await asyncio.get_running_loop().run_in_executor(self._thread, work)


def read_table(bootstrap: Sequence[str], topic: str) -> dict[bytes, bytes]:
    """The newest value of each key, deleted keys left out, up to the topic's present end. Blocks; raises KafkaError."""
    table: dict[bytes, bytes] = {}
    with _consumer(bootstrap) as consumer:
        partitions = _assign(consumer, [topic])
        consumer.seek_to_beginning(*partitions)
        ends: dict[Any, int] = {}
        quiet_since = time.monotonic()
        while not _reached(consumer, partitions, ends):
            batches = consumer.poll(timeout_ms=FETCH_WAIT_MS, max_records=_POLL_RECORDS)
            for record in (record for records in batches.values() for record in records):
                if record.value is None:
                    table.pop(record.key, None)
                else:
                    table[record.key] = record.value
            quiet_since = time.monotonic() if batches else quiet_since
            _check_stall(quiet_since, [topic])
    return table


def read_log(bootstrap: Sequence[str], topic: str, only: Collection[int] | None = None) -> Iterator[Message]:
    """Every record that a topic, or ``only`` some of its partitions, hold, up to their present ends. Nothing is
    committed. Blocks; raises KafkaError."""
    with _consumer(bootstrap) as consumer:
        partitions = _assign(consumer, [topic], only)
        consumer.seek_to_beginning(*partitions)
        ends: dict[Any, int] = {}
        waiting_since = time.monotonic()
        while not _reached(consumer, partitions, ends):
            batches = consumer.poll(timeout_ms=FETCH_WAIT_MS, max_records=_POLL_RECORDS)
            for partition, records in batches.items():
                # What came after the end was known is not of this reading: a topic that grows would never end.
                yield from (message_of(one) for one in records if one.offset < ends.get(partition, one.offset + 1))
            # After the records were used: the reader's own time is no silence of the cluster.
            waiting_since = time.monotonic() if batches else waiting_since
            _check_stall(waiting_since, [topic])


def end_offsets(bootstrap: Sequence[str], topics: Sequence[str]) -> dict[tuple[str, int], int]:
    """The offset that each partition's next record will get: (topic, partition) → offset. Blocks; raises KafkaError."""
    if not topics:
        return {}
    with _consumer(bootstrap) as consumer:
        ends = _ends(consumer, _assign(consumer, topics))
    return {(partition.topic, partition.partition): end for partition, end in ends.items()}


def begin_offsets(bootstrap: Sequence[str], topics: Sequence[str]) -> dict[tuple[str, int], int]:
    """The offset of each partition's oldest record: (topic, partition) → offset. Blocks; raises KafkaError."""
    if not topics:
        return {}
    with _consumer(bootstrap) as consumer:
        begins = consumer.beginning_offsets(_assign(consumer, topics))
    return {(partition.topic, partition.partition): begin for partition, begin in begins.items()}


@contextmanager
def _consumer(bootstrap: Sequence[str]) -> Iterator[Any]:
    consumer = _connect(bootstrap)
    try:
        with translated(bootstrap):
            yield consumer
    finally:
        consumer.close()


def _connect(bootstrap: Sequence[str]) -> Any:
    return connected(
        KafkaConsumer,
        bootstrap,
        CONNECT_SECONDS,
        group_id=None,
        enable_auto_commit=False,
        # Where to go on after a log lost its tail or its head: what is still there is read again, nothing is skipped.
        auto_offset_reset="earliest",
        # A session leaves partitions without news out of the answer; then their high watermark would not be known.
        enable_incremental_fetch_sessions=False,
        fetch_max_wait_ms=FETCH_WAIT_MS,
        max_partition_fetch_bytes=MAX_RECORD_BYTES + DEAD_HEADER_BYTES,
    )


def _assign(consumer: Any, topics: Sequence[str], only: Collection[int] | None = None) -> list[Any]:
    partitions = []
    for topic in topics:
        numbers = consumer.partitions_for_topic(topic)
        if not numbers:
            raise KafkaError(f"there is no topic {topic}: run `counterclaim topics apply`")
        partitions += [TopicPartition(topic, number) for number in sorted(numbers) if only is None or number in only]
    consumer.assign(partitions)
    return partitions


def _ends(consumer: Any, partitions: Sequence[Any]) -> Mapping[Any, int]:
    """High watermarks, learnt by fetching near the end; what the fetches bring is thrown away."""
    consumer.seek_to_end(*partitions)
    ends: dict[Any, int] = {}
    began = time.monotonic()
    while len(ends) < len(partitions):
        consumer.poll(timeout_ms=FETCH_WAIT_MS, max_records=_POLL_RECORDS)
        _note_ends(consumer, partitions, ends)
        _check_stall(began, sorted({partition.topic for partition in partitions}))
    return ends


def _reached(consumer: Any, partitions: Sequence[Any], ends: dict[Any, int]) -> bool:
    """Whether every partition has been read up to the high watermark of its first fetch."""
    _note_ends(consumer, partitions, ends)
    return all(partition in ends and consumer.position(partition) >= ends[partition] for partition in partitions)


def _note_ends(consumer: Any, partitions: Sequence[Any], ends: dict[Any, int]) -> None:
    for partition in partitions:
        end = consumer.highwater(partition)
        if end is not None and partition not in ends:
            ends[partition] = end


def _check_stall(since: float, topics: Sequence[str]) -> None:
    if time.monotonic() - since > STALL_SECONDS:
        raise KafkaError(f"nothing came from {', '.join(topics)} for {STALL_SECONDS:g} s: is the cluster healthy?")


def message_of(record: Any) -> Message:
    return Message(
        topic=record.topic,
        partition=record.partition,
        offset=record.offset,
        timestamp=datetime.fromtimestamp(record.timestamp / 1000, UTC),
        key=record.key,
        value=record.value,
        headers=tuple(record.headers),
    )
