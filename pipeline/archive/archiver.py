"""The archiving process: Kafka → batches → transactions → committed offsets.

Rows and how far each log was read go into one transaction; only after it are the offsets committed. While the database
is away nothing is taken from Kafka, nothing is lost, and nothing is dead-lettered for it: the batch at hand is tried
again until it is written. What cannot be read, or what the database will never take, is a dead letter by itself.
"""

from __future__ import annotations

import asyncio
import logging
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import AsyncExitStack, suppress
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from time import monotonic
from typing import Final, Protocol, TypeVar

import structlog
from prometheus_client import CollectorRegistry
from sqlalchemy import Connection, Engine, select

from pipeline import logs
from pipeline.archive import tables
from pipeline.archive.batch import READ, Batch
from pipeline.archive.database import check, connect, named, refused, translated
from pipeline.archive.keep import Keep
from pipeline.archive.prune import Pruning
from pipeline.archive.write import Place, write
from pipeline.clock import Clock, SystemClock
from pipeline.errors import ArchiveAwayError, ArchiveError, RecordError
from pipeline.kafka import Batches, Message, Publisher, require_topics, topic_ids
from pipeline.metrics import Metrics, serve
from pipeline.ready import announce
from pipeline.records import dead_letter
from pipeline.settings.alerting import ArchiveSettings
from pipeline.settings.models import Settings
from pipeline.stopping import Stop
from pipeline.topics import ARTICLES_DEDUPED, THREADS_IN, archive_app, topics

log = structlog.get_logger(__name__)

GATHER_SECONDS: Final = 0.5
"""How long a batch is gathered: the archive is that late, and has two transactions a second while little comes."""

BACKOFF_SECONDS: Final = (0.5, 1.0, 2.0, 5.0, 10.0)
"""Between two tries to reach the database; the last one repeats."""

REFUSED_LIMIT: Final = 50
"""So many records of one batch that the database will not take are no accident: better to stop than to bury all."""

PRUNE_EVERY: Final = timedelta(days=1)

T = TypeVar("T")


class Log(Protocol):
    """What the archiver needs of its place in the consumer group (`pipeline.kafka.Batches`)."""

    @property
    def fresh(self) -> set[tuple[str, int]]: ...
    async def take(self, most: int, seconds: float) -> list[Message]: ...
    async def seek(self, places: Mapping[tuple[str, int], int]) -> None: ...
    async def keep(self) -> None: ...
    async def commit(self, done: list[Message]) -> None: ...
    async def lag(self) -> dict[tuple[str, int], int]: ...


class Dead(Protocol):
    """Where dead letters go (`pipeline.kafka.Publisher`)."""

    async def send(
        self, topic: str, value: bytes, *, key: bytes | None, headers: Sequence[tuple[str, bytes]]
    ) -> object: ...


async def run(settings: Settings, env: Mapping[str, str]) -> bool:
    """Archive until SIGTERM or SIGINT; whether it was SIGINT.

    Raises:
        ArchiveError: the database cannot be used; one that is away is waited for.
        KafkaError: no broker answers, or the topics were not made.
        PortTakenError: somebody listens on the metrics port.
    """
    logs.configure(settings.log, process="archive")
    logging.getLogger("alembic").setLevel(logging.WARNING)  # it tells at each look which database it is on
    stop = Stop()
    stop.listen()
    bootstrap, app_id = settings.kafka.servers, settings.worker.app_id
    metrics = Metrics(CollectorRegistry())
    engine = connect(settings.archive.url.get_secret_value())
    async with AsyncExitStack() as stack:
        stack.callback(engine.dispose)
        exporter = stack.enter_context(
            serve(metrics, settings.metrics.host, settings.metrics.archive_port, setting="metrics.archive_port")
        )
        wanted = [
            one for one in topics(settings.kafka.partitions, settings.kafka.replication, app_id) if one.name in READ
        ]
        await asyncio.to_thread(require_topics, bootstrap, wanted)
        ids = await asyncio.to_thread(topic_ids, bootstrap, [*READ, THREADS_IN])
        publisher = await stack.enter_async_context(Publisher(bootstrap))
        taking = await stack.enter_async_context(
            Batches(bootstrap, archive_app(app_id), READ, session_seconds=settings.archive.session_timeout_seconds)
        )
        archiver = Archiver(settings.archive, engine, ids, metrics, SystemClock())
        stack.callback(archiver.close)
        await archiver.look()
        announce(exporter.url, env)
        log.info("ready", archive=named(settings.archive.url.get_secret_value()), metrics=exporter.url)
        await archiver.run(taking, publisher, stop.event)
    return stop.interrupted


@dataclass(slots=True)
class _Read:
    """A batch, the records that it is of, and those that nobody can read."""

    batch: Batch = field(default_factory=Batch)
    messages: list[Message] = field(default_factory=list)
    dead: list[tuple[Message, Exception]] = field(default_factory=list)


class _BehindError(Exception):
    """The database has not what it should have; where each partition is to be read on from."""

    def __init__(self, places: dict[tuple[str, int], int]) -> None:
        super().__init__()
        self.places = places


class Archiver:
    """Writes what a `Log` gives. All of the database happens in one thread.

    Args:
        ids: id of each topic's log, and of `threads.in`, which positions of threads are counted in.
    """

    def __init__(
        self, settings: ArchiveSettings, engine: Engine, ids: Mapping[str, str], metrics: Metrics, clock: Clock
    ) -> None:
        self._settings, self._engine, self._ids = settings, engine, ids
        self._metrics, self._clock = metrics, clock
        self._thread = ThreadPoolExecutor(1, "archive")
        self._reached: dict[tuple[str, int], int] = {}
        """Offset before which we believe everything of a partition to be in the database."""
        self._own: set[tuple[str, int]] = set()
        """Partitions of which we wrote something since they were given to us."""
        self._checked = False
        self._pruning: Pruning | None = None
        self._prune_at: datetime | None = None

    def close(self) -> None:
        """End the thread."""
        self._thread.shutdown(wait=True)

    async def look(self) -> None:
        """Look whether the database is as it should be. One that does not answer is only told of.

        Raises:
            ArchiveError: it is there, and cannot be used.
        """
        with suppress(ArchiveAwayError):
            await self._attempt(lambda: None)

    async def run(self, taking: Log, dead: Dead, stop: asyncio.Event) -> None:
        """Archive until ``stop``; the batch at hand is finished unless the database is away."""
        while not stop.is_set():
            messages = await taking.take(self._settings.batch, GATHER_SECONDS)
            self._note_fresh(messages, taking)
            if messages and not await self._archive(messages, taking, dead, stop):
                return
            await self._measure(taking, messages)
            await self._prune()

    async def _archive(self, messages: list[Message], taking: Log, dead: Dead, stop: asyncio.Event) -> bool:
        """Whether it was done: not if we are to stop while the database is away."""
        read = _read(messages)
        try:
            written = await self._until_done(lambda: self._write_or_bury(read), taking, stop)
        except _BehindError as behind:
            log.warning("the database has less than was believed: reading again", partitions=len(behind.places))
            await taking.seek(behind.places)
            self._reached |= behind.places
            rest = [one for one in messages if (one.topic, one.partition) not in behind.places]
            return not rest or await self._archive(rest, taking, dead, stop)
        if written is None:
            return False
        for message, error in read.dead:
            await self._bury(dead, message, error)
        await taking.commit(messages)
        for table, number in written.items():
            self._metrics.archive.rows.labels(table=table).inc(number)
        if any(written.values()) or read.dead:
            log.info("archived", records=len(messages), dead=len(read.dead), **{k: v for k, v in written.items() if v})
        return True

    def _note_fresh(self, messages: Sequence[Message], taking: Log) -> None:
        """Of a partition that was just given to us the group says where to go on: the database must be as far."""
        for message in messages:
            place = (message.topic, message.partition)
            if place in taking.fresh:
                taking.fresh.discard(place)
                self._own.discard(place)
                self._reached[place] = message.offset

    async def _until_done(self, work: Callable[[], T], taking: Log, stop: asyncio.Event) -> T | None:
        """What ``work`` gives, once the database lets it; None if we are to stop before."""
        for attempt in range(1_000_000_000):
            with suppress(ArchiveAwayError):
                return await self._attempt(work)
            ends = monotonic() + BACKOFF_SECONDS[min(attempt, len(BACKOFF_SECONDS) - 1)]
            while monotonic() < ends and not stop.is_set():
                await taking.keep()
                with suppress(TimeoutError):
                    await asyncio.wait_for(stop.wait(), max(0.0, min(1.0, ends - monotonic())))
            if stop.is_set():
                break
        return None

    async def _attempt(self, work: Callable[[], T]) -> T:
        """One try, in the thread; raises ArchiveAwayError when the database does not answer."""
        try:
            result = await asyncio.get_running_loop().run_in_executor(self._thread, self._checked_first, work)
        except ArchiveAwayError as error:
            self._metrics.archive.down.set(1)
            self._metrics.archive.failures.inc()
            log.warning("the database is away; it is tried again, nothing is lost", reason=str(error))
            raise
        self._metrics.archive.down.set(0)
        return result

    def _checked_first(self, work: Callable[[], T]) -> T:
        if not self._checked:
            check(self._engine)
            self._checked = True
        return work()

    def _write_or_bury(self, read: _Read) -> Counter[str]:
        """The batch in one transaction; if the database will not take some of it, record by record."""
        try:
            return self._write(read.batch, read.messages)
        except Exception as error:
            if not refused(error):
                raise
        written: Counter[str] = Counter()
        bad: list[tuple[Message, Exception]] = []
        for message in read.messages:
            one = _read([message])
            try:
                written += self._write(one.batch, [message])
            except Exception as error:
                if not refused(error):
                    raise
                bad.append((message, error))
                if len(bad) > REFUSED_LIMIT:
                    raise ArchiveError(f"the database takes nothing any more: {error}") from error
        read.dead += [one for one in bad if one[0] not in {dead[0] for dead in read.dead}]
        return written

    def _write(self, batch: Batch, messages: Sequence[Message]) -> Counter[str]:
        ends: dict[tuple[str, int], int] = {}
        for message in messages:
            ends[message.topic, message.partition] = message.offset + 1
        places = [Place(self._ids[topic], topic, number, end) for (topic, number), end in ends.items()]
        keep = Keep.at(self._settings, self._clock.now())
        with self._metrics.archive.seconds.time(), translated(), self._engine.begin() as connection:
            self._require_reached(connection, ends)
            written = write(connection, batch, keep, thread_log=self._ids[THREADS_IN], places=places)
        self._reached |= ends
        self._own |= ends.keys()
        return written

    def _require_reached(self, connection: Connection, ends: Iterable[tuple[str, int]]) -> None:
        """Make sure that the database has everything before this batch. It has less after a power cut, when it is a
        backup, or when a replica took over; that has to be read again, or it would be missing for good.
        """
        there = tables.positions.c
        found = connection.execute(select(there.log, there.partition, there.next))
        known = {(log_id, number): offset for log_id, number, offset in found}
        behind = {}
        for topic, number in ends:
            reached = self._reached.get((topic, number), 0)
            # Where nothing is known of a partition that we did not write ourselves, the archive begins.
            offset = known.get((self._ids[topic], number), 0 if (topic, number) in self._own else reached)
            if offset < reached:
                behind[topic, number] = offset
        if behind:
            raise _BehindError(behind)

    async def _bury(self, dead: Dead, message: Message, error: Exception) -> None:
        letter = dead_letter(
            topic=message.topic,
            partition=message.partition,
            offset=message.offset,
            key=message.key,
            value=message.value or b"",
            headers=message.headers,
            error=error,
        )
        place = f"{message.topic}/{message.partition}/{message.offset}"
        log.error("dead letter", place=place, reason=str(error))
        await dead.send(letter.topic, letter.value, key=letter.key, headers=letter.headers)
        self._metrics.dead_letters.labels(topic=message.topic).inc()

    async def _measure(self, taking: Log, messages: Sequence[Message]) -> None:
        now = self._clock.now()
        waiting, ages = dict.fromkeys(READ, 0), dict.fromkeys(READ, 0.0)
        for (topic, _), number in (await taking.lag()).items():
            waiting[topic] += number
        for message in messages:
            if waiting[message.topic]:
                ages[message.topic] = max(ages[message.topic], (now - message.timestamp).total_seconds())
        for topic in READ:
            self._metrics.archive.lag_messages.labels(topic=topic).set(waiting[topic])
            self._metrics.archive.lag_seconds.labels(topic=topic).set(ages[topic])

    async def _prune(self) -> None:
        """A chunk, once a day; between two batches, so that nobody waits for it."""
        now = self._clock.now()
        if self._pruning is None:
            if self._prune_at is not None and now < self._prune_at:
                return
            self._pruning, self._prune_at = Pruning(Keep.at(self._settings, now)), now + PRUNE_EVERY
        with suppress(ArchiveAwayError):
            pruning = self._pruning
            for table, number in (await self._attempt(lambda: pruning.step(self._engine))).items():
                self._metrics.archive.pruned.labels(table=table).inc(number)
            if pruning.done:
                log.info("pruned", **{table: number for table, number in pruning.removed.items() if number})
                self._pruning = None


def _read(messages: Sequence[Message]) -> _Read:
    """Decode a batch. Tombstones (a thread that the workers forgot) are nothing to write: the archive keeps it."""
    read = _Read(messages=list(messages))
    for message in messages:
        if message.value is None:
            continue
        try:
            read.batch.add(message.topic, message.value)
        except RecordError as error:
            if message.topic != ARTICLES_DEDUPED:  # that one the rules could not read either, and have buried it
                read.dead.append((message, error))
    return read
