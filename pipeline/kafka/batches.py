"""A consumer group that takes several topics in batches, and commits what was done with them. For writers of databases.

Records of a partition come in their order. What was taken and not committed comes again, to this member or another.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from types import TracebackType
from typing import Any, Final, Self

from kafka import ConsumerRebalanceListener, KafkaConsumer, TopicPartition
from kafka.errors import KafkaError as ClientError
from kafka.structs import OffsetAndMetadata

from pipeline.kafka.connect import CONNECT_SECONDS, admin, connected, explain, translated
from pipeline.kafka.follow import FETCH_WAIT_MS, Message, message_of
from pipeline.topics import DEAD_HEADER_BYTES, MAX_RECORD_BYTES

log = logging.getLogger(__name__)

HEARTBEATS: Final = 4
"""In one session timeout."""

BATCH_BYTES: Final = 16 * 1024 * 1024
"""A batch is no larger, or a few records more: what is taken is held in memory twice, encoded and decoded."""

CLOSE_SECONDS: Final = 3.0
PAUSE_SECONDS: Final = 0.5
"""After a failure that may pass."""

_POLL_RECORDS: Final = 500

Place = tuple[str, int]
"""Topic and partition."""


class Batches:
    """Our place in the group; an asynchronous context manager."""

    def __init__(self, bootstrap: Sequence[str], group: str, topics: Sequence[str], *, session_seconds: float) -> None:
        self._session = session_seconds
        self._bootstrap, self._group, self._topics = tuple(bootstrap), group, tuple(topics)
        self._consumer: Any = None
        self._held: list[Message] = []
        self._listener = _Listener()
        self._thread = ThreadPoolExecutor(1, "batches")

    async def __aenter__(self) -> Self:
        self._consumer = await self._in_thread(self._open)
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        close = partial(self._consumer.close, autocommit=False, timeout_ms=int(1000 * CLOSE_SECONDS))
        await self._in_thread(close)
        self._thread.shutdown(wait=False)

    async def take(self, most: int, seconds: float) -> list[Message]:
        """Up to ``most`` records, or what came within ``seconds`` of the first; nothing when none came soon.

        Raises:
            KafkaError: the cluster refuses us.
        """
        taken: list[Message] = await self._in_thread(partial(self._take, most, seconds))
        return taken

    @property
    def fresh(self) -> set[Place]:
        """Partitions that were given to us; whoever has looked at one takes it out. Between two calls of `take`."""
        return self._listener.given

    async def seek(self, places: Mapping[Place, int]) -> None:
        """Go on reading these partitions from there instead."""
        await self._in_thread(partial(self._seek, places))

    async def keep(self) -> None:
        """Stay in the group while the last batch cannot be finished, and take nothing more."""
        await self._in_thread(self._keep)

    async def commit(self, done: Iterable[Message]) -> None:
        """Never again: the group remembers that these and what was before them are done. A commit that fails is only
        logged; what it was about comes again.
        """
        await self._in_thread(partial(self._commit, list(done)))

    async def lag(self) -> dict[Place, int]:
        """Records of each of our partitions that are not taken yet."""
        found: dict[Place, int] = await self._in_thread(self._lag)
        return found

    def _open(self) -> Any:
        consumer = connected(
            KafkaConsumer,
            self._bootstrap,
            CONNECT_SECONDS,
            group_id=self._group,
            enable_auto_commit=False,
            auto_offset_reset="earliest",
            session_timeout_ms=int(1000 * self._session),
            heartbeat_interval_ms=int(1000 * self._session / HEARTBEATS),
            enable_incremental_fetch_sessions=False,  # as in `follow`: the high watermark must be in every answer
            fetch_max_wait_ms=FETCH_WAIT_MS,
            max_partition_fetch_bytes=MAX_RECORD_BYTES + DEAD_HEADER_BYTES,
        )
        consumer.subscribe(list(self._topics), listener=self._listener)
        return consumer

    def _take(self, most: int, seconds: float) -> list[Message]:
        taken, self._held = self._held[:most], self._held[most:]
        size, ends = _size(taken), time.monotonic() + seconds
        while len(taken) < most and size < BATCH_BYTES and not self._held:
            got = self._poll(
                min(_POLL_RECORDS, most - len(taken)), max(0.0, ends - time.monotonic()) if taken else None
            )
            if not taken:
                ends = time.monotonic() + seconds
            taken += got
            size += _size(got)
            if not taken or time.monotonic() >= ends:
                break
        return taken

    def _poll(self, most: int, seconds: float | None = None) -> list[Message]:
        wait = FETCH_WAIT_MS if seconds is None else min(FETCH_WAIT_MS, int(1000 * seconds))
        with translated(self._bootstrap):
            try:
                batches = self._consumer.poll(timeout_ms=wait, max_records=most)
            except ClientError as error:
                if not error.retriable:
                    raise
                log.warning("group %s: %s", self._group, explain(error))
                time.sleep(PAUSE_SECONDS)
                return []
        return [message_of(record) for records in batches.values() for record in records]

    def _keep(self) -> None:
        """A poll with everything paused: the group wants one every few minutes. What is given to us meanwhile is not
        paused yet; its records wait.
        """
        paused = self._consumer.assignment()
        self._consumer.pause(*paused)
        try:
            self._held += self._poll(_POLL_RECORDS, 0.0)
        finally:
            self._consumer.resume(*(paused & self._consumer.assignment()))

    def _seek(self, places: Mapping[Place, int]) -> None:
        for (topic, number), offset in places.items():
            self._consumer.seek(TopicPartition(topic, number), offset)
        self._held = [one for one in self._held if (one.topic, one.partition) not in places]

    def _commit(self, done: Sequence[Message]) -> None:
        ours = self._consumer.assignment()
        ends: dict[Any, int] = {}
        for message in done:
            place = TopicPartition(message.topic, message.partition)
            if place in ours:
                ends[place] = max(ends.get(place, 0), message.offset + 1)
        if not ends:
            return
        try:
            self._consumer.commit({place: OffsetAndMetadata(end, "", -1) for place, end in ends.items()})
        except ClientError as error:
            log.warning("group %s: offsets were not committed: %s", self._group, explain(error))

    def _lag(self) -> dict[Place, int]:
        found = {}
        for place in self._consumer.assignment():
            end = self._consumer.highwater(place)
            position = None if end is None else self._consumer.position(place, timeout_ms=FETCH_WAIT_MS)
            if end is not None and position is not None:
                found[place.topic, place.partition] = max(0, end - position)
        return found

    async def _in_thread(self, work: Callable[[], Any]) -> Any:
        return await asyncio.get_running_loop().run_in_executor(self._thread, work)


class _Listener(ConsumerRebalanceListener):  # type: ignore[misc]  # kafka-python has no types
    """Called on the thread that polls."""

    def __init__(self) -> None:
        self.given: set[Place] = set()

    def on_partitions_assigned(self, assigned: set[Any]) -> None:
        """Ours from now on, from where the group is."""
        self.given.update((place.topic, place.partition) for place in assigned)

    def on_partitions_revoked(self, revoked: set[Any]) -> None:
        """What is under way with them comes again to whoever has them next, and changes nothing there."""
        self.given.difference_update((place.topic, place.partition) for place in revoked)


def topic_ids(bootstrap: Sequence[str], topics: Sequence[str], timeout: float = CONNECT_SECONDS) -> dict[str, str]:
    """The id of each topic (KIP-516): another one when a topic was made anew. Blocks; raises KafkaError."""
    with admin(bootstrap, timeout) as client:
        return {topic["name"]: str(topic["topic_id"]) for topic in client.describe_topics(list(topics))}


def _size(messages: Iterable[Message]) -> int:
    return sum(len(message.value or b"") for message in messages)
