"""Dispute threads on a real broker: workers join and die, and the threads are those of a worker alone."""

from __future__ import annotations

import signal
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import msgspec
import pytest

from pipeline.broker import Kind
from pipeline.heartbeat import heartbeat
from pipeline.kafka import Publisher, apply_topics, end_offsets
from pipeline.records import Command, Flagged, ThreadEvent, ThreadInput, Tick, encode, thread_events, threads
from pipeline.topics import MIN_PARTITIONS, THREAD_EVENTS, THREADS, THREADS_IN, topics
from tests.articles import NOON
from tests.disputes import accuses, article_id, copied, denies, revised, telling
from tests.integration.conftest import started
from tests.integration.workers import Collector, Worker, workers

pytestmark = pytest.mark.timeout(240)

ALONE = "alone"
"""Id of the app that repeats the log undisturbed."""

STORIES = 40
"""In each partition; of each there are several articles."""

LATE = datetime.now(UTC) - timedelta(hours=2) - NOON
"""The real workers tell the threads the real time: stories of today are neither silent nor forgotten."""


@pytest.fixture
def kafka(broker_kind: Kind, tmp_path: Path) -> Iterator[str]:
    """``host:port`` of a broker of this test's own, with the topics of two apps."""
    with started(broker_kind, tmp_path / "kafka") as broker:
        apply_topics([broker.bootstrap], topics())
        apply_topics([broker.bootstrap], topics(app_id=ALONE))
        yield broker.bootstrap


def inputs(partition: int) -> list[ThreadInput]:
    """A partition's log: allegations, denials, copies and changed texts of many stories, and what a person decides."""
    what: list[Flagged | Command | Tick] = []
    for story in range(STORIES):
        number = (partition * STORIES + story + 1) * 10
        name = _name(number)
        who, whom = f"{name}land".capitalize(), f"{name[::-1]}ia".capitalize()
        words = {"title": f"{name}a {name}o {name}u {name}y", "lead": f"{name}ka {name}ko {name}ku {name}ky"}
        first = telling(number, accuses(who, whom), link=f"https://herald.example/{number}", **words)
        what += [
            first,
            telling(number + 1, denies(whom, who), hours=0.5, **words),
            copied(number + 2, first, hours=0.2),
            telling(number + 3, accuses(who, whom), denies(whom), hours=1, **words),
            revised(first, denies(whom, who), minutes=5, **words),
        ]
        if story % 8 == 3:
            what.append(decides("merge", number, into=number - 10))
        if story % 8 == 5:
            what.append(decides("split", number, articles=(article_id(number + 1),)))
    return [ThreadInput(what=_today(one)) for one in what]


def _name(number: int) -> str:
    """A word of its own for each number."""
    return "".join("bdfgklmnrs"[int(digit)] + "aeiou"[int(digit) % 5] for digit in str(number))


def decides(do: str, thread: int, into: int | None = None, articles: tuple[str, ...] = ()) -> Command:
    """A person's decision."""
    return Command(
        id=f"{do}-{thread}",
        do=do,  # type: ignore[arg-type]  # a kind of command
        thread=article_id(thread),
        into="" if into is None else article_id(into),
        articles=articles,
        author="Ada",
        given=NOON,
    )


def _today(one: Flagged | Command | Tick) -> Flagged | Command | Tick:
    if not isinstance(one, Flagged):
        return one
    article = one.article
    moved = msgspec.structs.replace(article, published=article.published + LATE, fetched=article.fetched + LATE)
    return msgspec.structs.replace(one, article=moved)


def end(partition: int) -> ThreadInput:
    """The last record of a partition's log: where it arrives, all before it was done."""
    (article,) = heartbeat(partition, NOON + LATE).articles
    return ThreadInput(what=Flagged(article=article, flags=(), heartbeat=partition))


async def publish(kafka: str, logs: list[list[ThreadInput]]) -> None:
    """Put records on `threads.in`, each partition's in their order."""
    async with Publisher([kafka]) as publisher:
        for partition, log in enumerate(logs):
            for one in log:
                await publisher.send(THREADS_IN, encode(one), key=b"en", partition=partition)


def event_keys(value: bytes) -> list[str]:
    """Ids of events; of a heartbeat its partition."""
    event = thread_events.decode(value)
    return [event.id if event.heartbeat is None else f"end of {event.heartbeat}"]


def told(collector: Collector, ends: dict[tuple[str, int], int]) -> tuple[dict[bytes, bytes], dict[str, ThreadEvent]]:
    """The threads as they were told last, and all events without their processing time, from these offsets on."""
    last: dict[bytes, bytes] = {}
    for message in collector.messages[THREADS]:
        if message.offset >= ends.get((THREADS, message.partition), 0):
            assert message.key is not None
            assert message.value is not None
            last[message.key] = message.value
    events = (
        thread_events.decode(message.value or b"")
        for message in collector.messages[THREAD_EVENTS]
        if message.offset >= ends.get((THREAD_EVENTS, message.partition), 0)
    )
    return last, {one.id: msgspec.structs.replace(one, processed=NOON) for one in events if one.heartbeat is None}


@pytest.mark.parametrize("store", ["rocksdb", "memory"])
async def test_threads_are_the_same_whoever_joins_and_dies(kafka: str, tmp_path: Path, store: str) -> None:
    """A worker joins in mid-stream and another is killed with kill -9: every thread, to the byte, and every event."""
    one, two = (Worker(kafka, tmp_path / name, store=store) for name in ("one", "two"))
    alone = Worker(kafka, tmp_path / ALONE, store=store, app_id=ALONE)
    logs = [inputs(partition) for partition in range(MIN_PARTITIONS)]
    half = len(logs[0]) // 2
    topics_read = {THREADS: lambda _: [], THREAD_EVENTS: event_keys}
    async with workers(one, two, alone), Collector(kafka, topics_read) as seen:

        def ended(times: int) -> bool:
            return all(seen.seen[THREAD_EVENTS][f"end of {partition}"] >= times for partition in range(MIN_PARTITIONS))

        await publish(kafka, [log[:half] for log in logs])
        await one.start()
        await seen.until(lambda: bool(seen.messages[THREAD_EVENTS]), lambda: f"no work done: {one.log[-2000:]}")
        await two.start()
        await publish(kafka, [log[half:] for log in logs])
        await two.ready()
        before = len(seen.messages[THREAD_EVENTS])
        await publish(kafka, [[end(partition)] for partition in range(MIN_PARTITIONS)])
        await seen.until(lambda: len(seen.messages[THREAD_EVENTS]) > before, lambda: f"no work done: {two.log[-2000:]}")
        await one.stop(signal.SIGKILL)
        await seen.until(lambda: ended(1), lambda: f"not all was done: {two.log[-2000:]}")
        assert await two.stop() == 0
        disturbed = told(seen, {})
        ends = end_offsets([kafka], [THREADS, THREAD_EVENTS])
        await alone.start()
        await seen.until(lambda: ended(2), lambda: f"not all was done again: {alone.log[-2000:]}")
        assert await alone.stop() == 0
    undisturbed = told(seen, ends)
    assert len(undisturbed[0]) >= MIN_PARTITIONS * STORIES / 4
    assert {one.kind for one in undisturbed[1].values()} >= {"created", "joined", "disputed", "merged", "split"}
    assert disturbed[0] == undisturbed[0]
    assert disturbed[1] == undisturbed[1]
    assert {threads.decode(value).state for value in disturbed[0].values()} >= {"disputed"}
