"""Faust's Kafka transport, with what was wrong or slow about its consumer put right.

1. Faust 0.15.3 asks the broker with ``fetch.max.wait.ms`` 1500 and has no setting for it. A broker that gathers data
   for as long as it may (Tansu) then delivers a quiet topic's records up to 1.5 s late.
2. "Seek to the committed offsets" leaves a partition where it is when nothing was ever committed for it. What had been
   fetched before the seek, and was thrown away because the flow had stopped, would then never be read.
3. A commit that fails because the group moved on is to be expected, and what it was for is delivered again. Faust means
   to go on after it, and tells it by two words of the error's text; aiokafka breaks the line between them, so that the
   consumer crashed instead.
4. A commit asked of a consumer whose thread has crashed waits for its answer for ever, and a worker that should stop,
   and be started again, hangs.
5. For every message Faust makes four tasks: to put it into a queue, to wait for a suspended flow, a stop, a crash. In
   nearly every case the queue has room and the message is in it after the first step of the first. So that step is done
   without a task; the others are made only when it has to wait.

The first four sit in the thread that owns the aiokafka consumer.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine, Generator, Mapping
from functools import partial
from typing import Any

import faust
from aiokafka.errors import CommitFailedError
from faust.transport.drivers import aiokafka as driver
from mode.services import WaitResults

from agents.recovery import require_proven_faust
from pipeline.errors import UnprovenFaustError


class ConsumerThread(driver.AIOKafkaConsumerThread):  # type: ignore[misc]  # Faust is not followed by mypy
    """The thread in which the aiokafka consumer lives."""

    def _create_worker_consumer(self, transport: Transport) -> Any:
        consumer = super()._create_worker_consumer(transport)
        if not hasattr(consumer, "_fetch_max_wait_ms"):
            raise UnprovenFaustError("this aiokafka keeps fetch_max_wait_ms elsewhere: see agents/transport.py")
        # Read once, when the consumer starts. The other way would be to repeat Faust's 40 lines of arguments here.
        consumer._fetch_max_wait_ms = transport.fetch_max_wait_ms  # noqa: SLF001
        consumer.commit = _with_errors_on_one_line(consumer.commit)
        return consumer

    async def seek_to_committed(self) -> Mapping[Any, int | None]:
        """Seek each assigned partition to its committed offset; a stream's without one to its beginning.

        Changelog partitions have no committed offsets: the recovery positions them itself.
        """
        committed: Mapping[Any, int | None] = await super().seek_to_committed()
        changelogs = self.app.tables.changelog_topics
        never = [tp for tp, offset in committed.items() if not offset and tp.topic not in changelogs]
        if never and self.app.conf.consumer_auto_offset_reset == "earliest":
            await self.seek_to_beginning(*never)
        return committed

    async def commit(self, offsets: Mapping[Any, int]) -> bool:
        """Commit; False, too, where the thread is gone and nobody would answer."""
        if self._shutdown.is_set() or self.thread_loop.is_closed():
            return False
        committed = asyncio.ensure_future(super().commit(offsets))
        gone = asyncio.ensure_future(self._shutdown.wait())
        try:
            await asyncio.wait({committed, gone}, return_when=asyncio.FIRST_COMPLETED)
            return committed.done() and bool(committed.result())
        finally:
            committed.cancel()
            gone.cancel()

    async def _commit(self, offsets: Mapping[Any, int]) -> bool:
        """Commit; one that fails is told to whoever counts. What it was for is delivered again."""
        committed: bool = await super()._commit(offsets)
        if not committed:
            self.transport.commit_failed()
        return committed


def _with_errors_on_one_line(commit: Callable[..., Coroutine[Any, Any, None]]) -> Callable[..., Any]:
    async def plain(offsets: Any = None) -> None:
        try:
            await commit(offsets)
        except CommitFailedError as error:
            raise CommitFailedError(" ".join(str(error).split())) from error

    return plain


class Consumer(driver.Consumer):  # type: ignore[misc]  # Faust is not followed by mypy
    """Faust's consumer on our thread."""

    def _new_consumer_thread(self) -> ConsumerThread:
        return ConsumerThread(self, loop=self.loop, beacon=self.beacon)

    async def wait_first(self, *coros: Any, timeout: Any = None) -> Any:
        """Faust's, which waits for the first of ``coros`` or a stop. Called with a delivery and the wait for a
        suspended flow, it steps the delivery by hand first."""
        if len(coros) != 2 or timeout is not None or not self._delivers_at_once():
            return await super().wait_first(*coros, timeout=timeout)
        delivery, suspension = coros
        try:
            waits_for = delivery.send(None)
        except StopIteration as done:
            suspension.close()
            return WaitResults([delivery], [done.value], False)
        return await super().wait_first(_finish(delivery, waits_for), suspension, timeout=timeout)

    def _delivers_at_once(self) -> bool:
        """Whether nothing that Faust would wait for is in the way: the flow, or a producer that has fallen behind."""
        buffer = self.app.producer.buffer
        return (
            not self.suspend_flow.is_set()
            and self.app.flow_control.is_active()
            and buffer.pending.qsize() <= buffer.max_messages
        )


class _Rest:
    """What is left of a coroutine that was stepped by hand and now waits for ``waits_for``."""

    def __init__(self, coroutine: Coroutine[Any, Any, Any], waits_for: Any) -> None:
        self._coroutine, self._waits_for = coroutine, waits_for

    def __await__(self) -> Generator[Any, Any, Any]:
        waits_for = self._waits_for
        while True:
            try:
                sent = yield waits_for
            except BaseException as error:  # a cancellation above all: it is the coroutine's to handle
                step = partial(self._coroutine.throw, error)
            else:
                step = partial(self._coroutine.send, sent)
            try:
                waits_for = step()
            except StopIteration as done:
                return done.value


async def _finish(coroutine: Coroutine[Any, Any, Any], waits_for: Any) -> Any:
    return await _Rest(coroutine, waits_for)


class Transport(driver.Transport):  # type: ignore[misc]  # Faust is not followed by mypy
    """Faust's transport with our consumer."""

    Consumer = Consumer
    fetch_max_wait_ms: int
    commit_failed: Callable[[], object]


def quick_fetch(app: faust.App, max_wait_ms: int, commit_failed: Callable[[], object] = lambda: None) -> None:
    """Have this app's consumer wait at most ``max_wait_ms`` milliseconds for the broker to gather data.

    ``commit_failed`` is called, in the consumer's thread, for each commit that failed. To be called before the app
    starts. Raises ``UnprovenFaustError`` for a Faust version that it was not proven on.
    """
    require_proven_faust(faust.__version__)
    transport = Transport(app.conf.broker_consumer, app)
    transport.fetch_max_wait_ms = max_wait_ms
    transport.commit_failed = commit_failed
    app.transport = transport
