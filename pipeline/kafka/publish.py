"""Acknowledged sends from asyncio: an idempotent producer with acks=all, and what it gives up on is sent again."""

from __future__ import annotations

import asyncio
import logging
from collections import deque
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass
from functools import partial
from types import TracebackType
from typing import Any, Final, Self

from kafka import KafkaProducer
from kafka.errors import (
    IllegalStateError,
    KafkaTimeoutError,
    OutOfOrderSequenceNumberError,
    UnknownProducerIdError,
)
from kafka.errors import KafkaError as ClientError

from pipeline.errors import KafkaError, PublishError
from pipeline.kafka.connect import CONNECT_SECONDS, connected, explain
from pipeline.topics import DEAD_HEADER_BYTES, MAX_RECORD_BYTES

log = logging.getLogger(__name__)

LINGER_MS: Final = 10
"""Collect records for so long before the producer has them, all at once: far below what a reader notices. A record that
goes alone costs half a millisecond of CPU: two changes of thread, a batch and a request of its own."""

BURST_MS: Final = 2
"""The producer's own linger: handing over what was collected takes that long, and goes in one request then."""

BATCH_BYTES: Final = 128 * 1024
"""Records of one partition in one request; FAUST.md's measurements chose it (with a linger: 40-60 % more)."""

MAX_BLOCK_MS: Final = 1000
"""Bound on what a send waits for metadata in the sending thread; longer waits are ours, with back-off."""

GIVE_UP_SECONDS: Final = 60.0
"""From the first try to PublishError: longer than a broker's restart, shorter than anybody's patience."""

DELIVERY_SECONDS: Final = 10.0
"""Of it, what one producer may use for one record (half of the whole at most); then a fresh producer tries. A producer
that a wiped broker has forgotten repeats the same refused request for ever, and only a new producer id helps."""

REQUEST_SHARE: Final = 0.6
"""Of the delivery time for one request, so that a leader that hangs is asked a second time."""

CLOSE_SECONDS: Final = 5.0
"""Bound on what `close` waits for records that nobody awaits any more."""

BACKOFF_SECONDS: Final = (0.1, 0.2, 0.4, 0.8, 1.6)
"""Before each further try; the last one repeats."""

_SEND_AGAIN: Final = (KafkaTimeoutError, OutOfOrderSequenceNumberError, UnknownProducerIdError, IllegalStateError)
"""Beside what the client itself calls retriable. The two sequence errors come after a broker's restart; a record may
then be in the log twice, and every reader knows its id. IllegalStateError: the producer is closed or has given up."""


@dataclass(frozen=True, slots=True)
class Position:
    """Where an acknowledged record is."""

    partition: int
    offset: int


@dataclass(frozen=True, slots=True)
class _Send:
    """A record on its way to the producer, and whom to answer."""

    producer: Any
    record: dict[str, Any]
    acknowledged: asyncio.Future[Position]


class Publisher:
    """Sends records and waits for their acknowledgement. `send` may run many times at once.

    Records of one partition keep the order of their `send` calls as long as none had to be sent again; a caller that
    needs order through failures awaits each send before the next.

    Args:
        bootstrap: servers of the cluster.
        give_up_seconds: from the first try to PublishError.
        linger_ms: for so long records are collected, to go together.
        gzip: whether to compress; records of random characters, as hashes are, cost more than they save.
    """

    def __init__(
        self,
        bootstrap: Sequence[str],
        *,
        give_up_seconds: float = GIVE_UP_SECONDS,
        linger_ms: int = LINGER_MS,
        gzip: bool = True,
    ) -> None:
        self._bootstrap = tuple(bootstrap)
        self._give_up_seconds = give_up_seconds
        self._delivery_seconds = min(DELIVERY_SECONDS, give_up_seconds / 2)
        self._linger_ms, self._gzip = linger_ms, gzip
        self._producer: Any = None
        self._collected: list[_Send] = []
        self._answers: deque[tuple[_Send, Any]] = deque()
        self._told = False
        # kafka-python's send may block on metadata. One thread keeps the order of the calls and the event loop free.
        self._thread = ThreadPoolExecutor(1, "publisher")

    async def start(self) -> None:
        """Connect; raises KafkaError when no broker answers."""
        self._loop = asyncio.get_running_loop()
        self._producer = await self._in_thread(partial(self._connect, CONNECT_SECONDS))

    async def send(
        self,
        topic: str,
        value: bytes | None,
        *,
        key: bytes | None = None,
        partition: int | None = None,
        headers: Sequence[tuple[str, bytes]] = (),
    ) -> Position:
        """Send one record and wait until all in-sync replicas have it; ``value`` None deletes the key.

        The partition follows from the key (murmur2, as Kafka's own clients and Faust do it) unless it is given.
        Raises PublishError when the broker refuses the record, or was away for longer than `give_up_seconds`. A send
        that is cancelled while its record is still being collected sends nothing.
        """
        loop = asyncio.get_running_loop()
        deadline = loop.time() + self._give_up_seconds
        record = {"topic": topic, "value": value, "key": key, "partition": partition, "headers": list(headers)}
        attempt = 0
        while True:
            producer = self._producer
            if producer is None:
                raise PublishError(topic, "the publisher is not started, or closed")
            try:
                return await self._send_once(producer, record)
            except (ClientError, KafkaError, ValueError, TypeError) as error:  # ValueError: no such partition
                pause = BACKOFF_SECONDS[min(attempt, len(BACKOFF_SECONDS) - 1)]
                if not worth_another_try(error) or loop.time() + pause > deadline:
                    raise PublishError(topic, explain(error)) from error
                log.warning("sending to %s again in %.1f s (%s)", topic, pause, explain(error))
                attempt += 1
            await asyncio.sleep(pause)
            await self._in_thread(partial(self._renew, producer))

    async def close(self) -> None:
        """Send what is waiting, within `CLOSE_SECONDS`, then disconnect. A second call does nothing."""
        producer, self._producer = self._producer, None
        self._hand_over()
        if producer is not None:
            await self._in_thread(partial(_close, producer, CLOSE_SECONDS))
        self._thread.shutdown(wait=False)

    async def __aenter__(self) -> Self:
        await self.start()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        await self.close()

    async def _send_once(self, producer: Any, record: dict[str, Any]) -> Position:
        acknowledged: asyncio.Future[Position] = self._loop.create_future()
        if not self._collected:
            self._loop.call_later(self._linger_ms / 1000, self._hand_over)
        self._collected.append(_Send(producer, record, acknowledged))
        return await acknowledged

    def _hand_over(self) -> None:
        sends, self._collected = [one for one in self._collected if not one.acknowledged.done()], []
        if sends:
            self._loop.run_in_executor(self._thread, self._enqueue, sends)

    def _enqueue(self, sends: Sequence[_Send]) -> None:
        for one in sends:
            try:
                sent = one.producer.send(**one.record)
            except Exception as error:  # of this record only: its sender judges it
                self._answer(one, error)
            else:
                sent.add_callback(partial(self._answer, one))  # on the producer's own thread, as the next
                sent.add_errback(partial(self._answer, one))

    def _answer(self, send: _Send, result: Any) -> None:
        """Hand a result over to the loop, unless it has gone meanwhile; many at a time, for each time wakes it up."""
        self._answers.append((send, result))
        if not self._told and not self._loop.is_closed():
            self._told = True
            self._loop.call_soon_threadsafe(self._settle)

    def _settle(self) -> None:
        self._told = False  # before the first is taken: what comes from now on asks to be looked at again
        while self._answers:
            send, result = self._answers.popleft()
            if send.acknowledged.done():  # the task that waited has gone
                continue
            if isinstance(result, BaseException):
                send.acknowledged.set_exception(result)
            else:
                send.acknowledged.set_result(Position(result.partition, result.offset))

    def _connect(self, seconds: float) -> Any:
        delivery_ms = int(1000 * self._delivery_seconds)
        return connected(
            KafkaProducer,
            self._bootstrap,
            seconds,
            acks="all",
            enable_idempotence=True,
            batch_size=BATCH_BYTES,
            compression_type="gzip" if self._gzip else None,  # lz4 and zstd need a library; articles: to a third
            delivery_timeout_ms=delivery_ms + BURST_MS,
            linger_ms=BURST_MS,
            max_block_ms=MAX_BLOCK_MS,
            max_request_size=MAX_RECORD_BYTES + DEAD_HEADER_BYTES,
            request_timeout_ms=int(delivery_ms * REQUEST_SHARE),
        )

    def _renew(self, failed: Any) -> None:
        """Replace a producer that failed, unless somebody did; what still waits in it fails, and is sent again too."""
        if self._producer is failed:
            _close(failed, 0)
            with suppress(KafkaError):  # still away: sends on the closed producer fail, and come here again
                self._producer = self._connect(self._delivery_seconds)

    async def _in_thread(self, work: Any) -> Any:
        return await asyncio.get_running_loop().run_in_executor(self._thread, work)


def _close(producer: Any, seconds: float) -> None:
    try:
        producer.close(timeout=seconds)
    except KafkaTimeoutError:  # raised half-way, with everything still running
        producer._sender.force_close()  # noqa: SLF001
        producer._sender.join()  # noqa: SLF001
        producer.close(timeout=0)


def worth_another_try(error: Exception) -> bool:
    """Whether the same record may be accepted later: the broker was away, or has forgotten this producer."""
    return isinstance(error, ClientError) and (error.retriable or isinstance(error, _SEND_AGAIN))
