"""A consumer group that divides a compacted topic: each member reads its partitions from the beginning, then on.

Nothing is committed: the topic is a table, and who is given a partition reads it whole. Partitions move cooperatively
(KIP-429): those that stay with their member are not interrupted, and one that leaves is given up before it is given on.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Callable, Coroutine, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import Any, Final, Protocol

import kafka
from kafka import ConsumerRebalanceListener, KafkaConsumer, TopicPartition
from kafka.coordinator.assignors.cooperative_sticky import CooperativeStickyAssignor
from kafka.errors import KafkaError as ClientError

from pipeline.errors import UnprovenClientError
from pipeline.kafka.connect import CONNECT_SECONDS, connected, explain, translated
from pipeline.kafka.follow import FETCH_WAIT_MS, Message, message_of
from pipeline.topics import DEAD_HEADER_BYTES, MAX_RECORD_BYTES

log = logging.getLogger(__name__)

HEARTBEATS: Final = 4
"""Heartbeats in one session timeout."""

MARGIN: Final = 1 / 8
"""Share of the session timeout by which we count ourselves out before the broker does: clocks run apart, and a write
that begins in time must arrive in time."""

REBALANCE_SECONDS: Final = 60.0
"""Bound on a rebalance: what a member may need between two polls, while it reads the states of new partitions."""

GIVE_UP_SECONDS: Final = 5.0
"""Bound on giving partitions up; until then the group waits for us."""

CLOSE_SECONDS: Final = 3.0
"""Bound on saying goodbye to the group, so that others need not wait for the session timeout."""

PAUSE_SECONDS: Final = 0.5
"""After a failure that may pass."""

_POLL_RECORDS: Final = 500

PROVEN_CLIENTS: Final = frozenset({"3.0.12"})
"""Versions of kafka-python that tests/integration/test_share.py was run on, on both brokers. Whether we are a member
rests on fields of it that are not public; another version may keep them elsewhere, or mean something else by them."""


class Reader(Protocol):
    """Who is told what the group gives and takes. The calls come one after another, on the event loop."""

    async def records(self, messages: Sequence[Message]) -> None:
        """Records of our partitions, in their order."""

    async def caught_up(self, partitions: frozenset[int], generation: int) -> None:
        """These partitions are ours, and were read to their end for the first time; from now on come changes."""

    async def revoked(self, partitions: frozenset[int]) -> None:
        """These partitions are no longer ours. Somebody else has them soon after this returns, or already."""


class Membership:
    """Our place in a group. ``run`` joins it, tells a `Reader` what happens, and leaves it."""

    def __init__(self, bootstrap: Sequence[str], group: str, topic: str, *, session_seconds: float) -> None:
        self._bootstrap, self._group, self._topic = tuple(bootstrap), group, topic
        self._session = session_seconds
        self._thread = ThreadPoolExecutor(1, "group")
        self._consumer: Any = None
        self._reading: set[int] = set()
        self._generation = -1
        self._seen_at = self._joined_at = self._answered = -float("inf")

    async def run(self, reader: Reader, stop: asyncio.Event) -> None:
        """Be a member until ``stop``.

        Raises:
            KafkaError: the group refuses us, or at first no broker answers.
            UnprovenClientError: `holds` was not tried with this version of kafka-python.
        """
        require_proven_client(kafka.__version__)
        loop = asyncio.get_running_loop()
        listener = _Listener(self._reading, partial(_on_loop, loop, reader.revoked))
        try:
            self._consumer = await self._in_thread(partial(self._open, listener))
            while not stop.is_set():
                messages, caught_up = await self._in_thread(self._poll)
                if messages:
                    await reader.records(messages)
                if caught_up:
                    await reader.caught_up(caught_up, self._generation)
        finally:
            consumer, self._consumer = self._consumer, None
            if consumer is not None:
                await self._in_thread(partial(consumer.close, autocommit=False, timeout_ms=int(1000 * CLOSE_SECONDS)))
            self._thread.shutdown(wait=False)

    def holds(self) -> bool:
        """Whether the broker surely counts us as a member: we heard of it within the session timeout. Any thread.

        After a stop of the whole process (SIGSTOP, a pause of the machine) this is false at once, before we learn what
        became of our partitions.
        """
        consumer = self._consumer
        if consumer is None or consumer._coordinator._generation.is_lost():  # noqa: SLF001 - there is no public way
            return False
        # Counted from when a heartbeat was sent that was answered: the answer may have waited for us in the socket.
        # Not from `last_reset`: the client sets it also when it only found the coordinator again.
        heartbeat = consumer._coordinator.heartbeat  # noqa: SLF001
        sent, received = heartbeat.last_send, heartbeat.last_receive
        if received >= sent:
            self._answered = sent
        return time.monotonic() < max(self._answered, self._joined_at) + self._session * (1 - MARGIN)

    def _open(self, listener: ConsumerRebalanceListener) -> Any:
        consumer = connected(
            KafkaConsumer,
            self._bootstrap,
            CONNECT_SECONDS,
            group_id=self._group,
            enable_auto_commit=False,
            auto_offset_reset="earliest",
            partition_assignment_strategy=[CooperativeStickyAssignor],
            session_timeout_ms=int(1000 * self._session),
            heartbeat_interval_ms=int(1000 * self._session / HEARTBEATS),
            max_poll_interval_ms=int(1000 * max(REBALANCE_SECONDS, self._session)),
            enable_incremental_fetch_sessions=False,  # as in `follow`: the high watermark must be in every answer
            fetch_max_wait_ms=FETCH_WAIT_MS,
            max_partition_fetch_bytes=MAX_RECORD_BYTES + DEAD_HEADER_BYTES,
        )
        listener.consumer = consumer
        consumer.subscribe([self._topic], listener=listener)
        return consumer

    def _poll(self) -> tuple[list[Message], frozenset[int]]:
        """What came, and which partitions were read to their end by it."""
        self._note_generation()
        with translated(self._bootstrap):
            try:
                batches = self._consumer.poll(timeout_ms=FETCH_WAIT_MS, max_records=_POLL_RECORDS)
                reached = frozenset(number for number in self._reading if self._reached(number))
            except ClientError as error:
                if not error.retriable:
                    raise
                log.warning("group %s: %s", self._group, explain(error))
                time.sleep(PAUSE_SECONDS)
                return [], frozenset()
        self._note_generation()
        self._reading -= reached
        return [message_of(record) for records in batches.values() for record in records], reached

    def _reached(self, number: int) -> bool:
        place = TopicPartition(self._topic, number)
        end = self._consumer.highwater(place)
        position = None if end is None else self._consumer.position(place, timeout_ms=FETCH_WAIT_MS)
        return position is not None and bool(position >= end)

    def _note_generation(self) -> None:
        """A new generation began after we saw the last one for the last time: count from then, rather than from now."""
        generation = self._consumer._coordinator._generation.generation_id  # noqa: SLF001 - there is no public way
        if generation != self._generation:
            self._generation, self._joined_at = generation, self._seen_at
        self._seen_at = time.monotonic()
        self.holds()  # so that the last answered heartbeat is known when nobody else asks

    async def _in_thread(self, work: Callable[[], Any]) -> Any:
        return await asyncio.get_running_loop().run_in_executor(self._thread, work)


def require_proven_client(version: str) -> None:
    """Raise ``UnprovenClientError`` unless what `Membership.holds` reads was tried with this kafka-python."""
    if version not in PROVEN_CLIENTS:
        proven = ", ".join(sorted(PROVEN_CLIENTS))
        raise UnprovenClientError(
            f"kafka-python {version} is installed, but that two pollers never have one feed was proven on {proven} "
            f"only: install kafka-python=={proven}, or run tests/unit/test_group.py and "
            "tests/integration/test_share.py, and add the version to pipeline/kafka/group.py"
        )


class _Listener(ConsumerRebalanceListener):  # type: ignore[misc]  # kafka-python has no types
    """Called on the client's own thread, during a poll."""

    def __init__(self, reading: set[int], give_up: Callable[[frozenset[int]], None]) -> None:
        self.consumer: Any = None
        self._reading, self._give_up = reading, give_up

    def on_partitions_assigned(self, assigned: set[Any]) -> None:
        """Ours from now on: read from the beginning."""
        if assigned:
            self.consumer.seek_to_beginning(*assigned)
            self._reading.update(place.partition for place in assigned)

    def on_partitions_revoked(self, revoked: set[Any]) -> None:
        """Given up, in good order: the group waits until we have."""
        numbers = frozenset(place.partition for place in revoked)
        self._reading.difference_update(numbers)
        if numbers:
            self._give_up(numbers)

    def on_partitions_lost(self, lost: set[Any]) -> None:
        """Taken from us, because nothing was heard of us."""
        log.warning("membership lapsed: partitions %s were lost", sorted(place.partition for place in lost))
        self.on_partitions_revoked(lost)


def _on_loop(
    loop: asyncio.AbstractEventLoop,
    work: Callable[[frozenset[int]], Coroutine[Any, Any, None]],
    numbers: frozenset[int],
) -> None:
    """Run it on the event loop and wait for it, from another thread."""
    asyncio.run_coroutine_threadsafe(work(numbers), loop).result(GIVE_UP_SECONDS)
