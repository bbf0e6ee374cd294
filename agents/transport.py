"""Faust's Kafka transport, with two things about its consumer put right, and a third made visible.

1. Faust 0.15.3 asks the broker with ``fetch.max.wait.ms`` 1500 and has no setting for it. A broker that gathers data
   for as long as it may (Tansu) then delivers a quiet topic's records up to 1.5 s late.
2. "Seek to the committed offsets" leaves a partition where it is when nothing was ever committed for it. What had been
   fetched before the seek, and was thrown away because the flow had stopped, would then never be read.
3. A commit that fails because the group moved on is only logged, at a level that nobody reads.

All sit in the thread that owns the aiokafka consumer; the classes above it only say which class comes next.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import faust
from faust.transport.drivers import aiokafka as driver

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

    async def _commit(self, offsets: Mapping[Any, int]) -> bool:
        """Commit; one that fails is told to whoever counts. What it was for is delivered again."""
        committed: bool = await super()._commit(offsets)
        if not committed:
            self.transport.commit_failed()
        return committed


class Consumer(driver.Consumer):  # type: ignore[misc]  # Faust is not followed by mypy
    """Faust's consumer on our thread."""

    def _new_consumer_thread(self) -> ConsumerThread:
        return ConsumerThread(self, loop=self.loop, beacon=self.beacon)


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
