"""The heartbeat: through every partition, always new, a denial."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime, timedelta
from pathlib import Path

from pipeline.errors import PublishError
from pipeline.heartbeat import beat, heartbeat
from pipeline.kafka import Position
from pipeline.ready import READY_FILE, announce
from pipeline.records import batches
from pipeline.resources import shipped
from pipeline.rules import load_rules
from pipeline.topics import ARTICLES_RAW
from tests.turned import TurnedClock

NOW = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)


class Partitions:
    """A log that counts what each partition got."""

    def __init__(self) -> None:
        self.sent: list[tuple[int, bytes]] = []
        self.away = False
        self.tried = asyncio.Event()

    async def send(
        self, topic: str, value: bytes | None, *, key: bytes | None = None, partition: int | None = None
    ) -> Position:
        """Take a record, unless the broker is away."""
        assert topic == ARTICLES_RAW
        assert partition is not None
        assert value is not None
        self.tried.set()
        if self.away:
            raise PublishError(topic, "the broker is away")
        self.sent.append((partition, value))
        return Position(partition, len(self.sent))


def test_each_heartbeat_is_news() -> None:
    """Another address, another id and another text for each partition and each beat, or dedupe would drop it."""
    articles = [
        heartbeat(partition, NOW + timedelta(seconds=30 * turn)).articles[0] for partition in (0, 1) for turn in (0, 1)
    ]
    assert len({article.id for article in articles}) == 4
    assert len({article.text_hash for article in articles}) == 4
    assert articles[0].url == "urn:counterclaim:heartbeat:0:1772366400000"
    assert {article.domain for article in articles} == {"counterclaim.invalid"}


def test_the_rules_flag_a_heartbeat_as_a_denial() -> None:
    """It measures the way of a story, so it has to be one."""
    rules = load_rules(shipped("config") / "rules")
    assert {flag.kind for flag in rules.flags(heartbeat(3, NOW).articles[0])} >= {"denial"}


async def test_every_partition_gets_one_at_once_and_then_every_interval() -> None:
    """The first right at the start; the partition is in the record, too."""
    log, clock, stop = Partitions(), TurnedClock(NOW), asyncio.Event()
    task = asyncio.create_task(beat(log, 4, 30, stop, clock))
    for turn in (1, 2, 3):
        await clock.until_asleep()
        assert [partition for partition, _ in log.sent] == [0, 1, 2, 3] * turn
        clock.turn(29)
        clock.turn(1)
    stop.set()
    await task
    assert all(batches.decode(value).heartbeat == partition for partition, value in log.sent)


async def test_a_broker_that_is_away_ends_no_heart() -> None:
    """What fails is said, and the next beat goes out when the broker is back."""
    log, clock, stop = Partitions(), TurnedClock(NOW), asyncio.Event()
    log.away = True
    task = asyncio.create_task(beat(log, 2, 30, stop, clock))
    await clock.until_asleep()
    log.away = False
    clock.turn(30)
    await clock.until_asleep()
    assert [partition for partition, _ in log.sent] == [0, 1]
    stop.set()
    await task


async def test_a_stop_does_not_wait_for_the_next_beat() -> None:
    """Nor for an acknowledgement that does not come."""

    class Silent(Partitions):
        async def send(
            self, topic: str, value: bytes | None, *, key: bytes | None = None, partition: int | None = None
        ) -> Position:
            self.tried.set()
            await asyncio.Event().wait()
            raise AssertionError

    log, stop = Silent(), asyncio.Event()
    task = asyncio.create_task(beat(log, 2, 30, stop, TurnedClock(NOW)))
    await log.tried.wait()
    stop.set()
    await task


def test_a_supervised_process_announces_itself_in_one_line(tmp_path: Path) -> None:
    """Whole or not at all, and only when a supervisor asks for it."""
    target = tmp_path / "poller.ready"
    assert announce("http://127.0.0.1:9470/metrics", {READY_FILE: str(target)})
    assert target.read_text() == '{"ready": true, "metrics": "http://127.0.0.1:9470/metrics"}\n'
    assert list(tmp_path.iterdir()) == [target]
    assert not announce("http://127.0.0.1:9470/metrics", {})
