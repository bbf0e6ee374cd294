"""What the archiving process promises, for any database: a subclass has the fixtures `url`, `engine` (migrated, empty),
`kafka` (a broker with all topics) and `away` (a context in which the database cannot be used)."""

from __future__ import annotations

import random
import signal
from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import replace
from functools import partial
from pathlib import Path

import pytest
from sqlalchemy import Engine, select

from pipeline.archive import tables
from pipeline.archive.batch import READ
from pipeline.kafka import Publisher, lag, read_log
from pipeline.records.dead import dead_topic
from pipeline.topics import ALERTS, APP_ID, ARTICLES_DEDUPED, FLAGS, archive_app
from tests.archive_suite import content
from tests.archivers import Archiver, archivers, long_log, publish, rows, wanted
from tests.integration.workers import until

KILLS = 3
STORIES = 60


def committed(bootstrap: str) -> bool:
    """Whether the group has committed everything that is on the topics."""
    return all(part.messages == 0 for part in lag([bootstrap], archive_app(APP_ID), READ))


def lowest(engine: Engine) -> int:
    """How far the partition was read that was read least."""
    with engine.connect() as connection:
        return min(connection.execute(select(tables.positions.c.next)).scalars())


def more_than(engine: Engine, number: int) -> bool:
    """Whether more rows are written."""
    return rows(engine) > number


@pytest.mark.timeout(240)
class ArchiverSuite:
    """For every database."""

    async def test_kill_9_in_the_middle_of_batches_leaves_exact_tables(
        self, kafka: str, url: str, engine: Engine, tmp_path: Path
    ) -> None:
        """Killed again and again, with records that come twice besides: every row as the log says, every count once."""
        log = long_log(STORIES, seed=7)
        expected = wanted(engine, log.messages)
        one = Archiver(kafka, tmp_path / "one", url, batch=15)
        chance = random.Random(7)
        async with archivers(one):
            await publish(kafka, log.messages)
            for _ in range(KILLS):
                enough = rows(engine) + chance.randint(1, STORIES)
                await one.start()
                await until(partial(more_than, engine, enough), "nothing is written")
                await one.stop(signal.SIGKILL)
            killed_at = rows(engine)
            await one.start()
            await until(lambda: content(engine) == expected, "not the same")
            assert killed_at < rows(engine), "the kills came too late to show anything"
            await until(lambda: committed(kafka), "offsets are not committed")
            assert content(engine) == expected
            assert await one.stop() == 0

    async def test_a_database_that_is_away_costs_nothing(
        self, kafka: str, url: str, engine: Engine, away: Callable[[], AbstractContextManager[None]], tmp_path: Path
    ) -> None:
        """Nothing is dead-lettered, nothing is committed, and when it is back everything is written."""
        log = long_log(3, seed=1)
        expected = wanted(engine, log.messages)
        one = Archiver(kafka, tmp_path / "one", url)
        async with archivers(one):
            await one.start()
            await one.ready()
            await publish(kafka, log.messages[:20])
            await until(lambda: rows(engine) > 0, "nothing is written")
            with away():
                await publish(kafka, log.messages[20:])
                await until(lambda: one.metric("counterclaim_archive_down") == 1, "it is not told")
                await until(lambda: one.metric("counterclaim_archive_failures_total") >= 1, "it is not counted")
                assert not committed(kafka)
            await until(lambda: content(engine) == expected, "not the same")
            await until(lambda: one.metric("counterclaim_archive_down") == 0, "it is not told")
            assert one.metric("counterclaim_dead_letters_total") == 0
            assert await one.stop() == 0

    async def test_what_cannot_be_read_or_kept_is_buried_and_the_rest_is_written(
        self, kafka: str, url: str, engine: Engine, tmp_path: Path
    ) -> None:
        """Bytes that are no record, and a number that no column takes, each with where it came from."""
        log = long_log(2, seed=2)
        good = log.messages
        alert = next(one for one in good if one.topic == ALERTS)
        assert alert.value is not None
        expected = wanted(engine, good)
        flag = next(one for one in good if one.topic == FLAGS)
        assert flag.value is not None
        huge = flag.value.replace(b'"version":1,', b'"version":99999999999999999999,')
        assert huge != flag.value
        one = Archiver(kafka, tmp_path / "one", url, batch=500)
        async with archivers(one):
            async with Publisher([kafka]) as publisher:
                at = await publisher.send(ALERTS, b"\x00poison", key=b"k", headers=[("trace", b"t")])
                await publisher.send(ARTICLES_DEDUPED, b"{}")
            await publish(kafka, [replace(flag, value=huge), *good])
            await one.start()
            await until(lambda: committed(kafka), "not all is done")
            assert content(engine) == expected
            assert await one.stop() == 0
        (dead,) = read_log([kafka], dead_topic(ALERTS))
        headers = dict(dead.headers)
        assert (dead.value, headers["trace"]) == (b"\x00poison", b"t")
        assert int(headers["counterclaim-offset"]) == at.offset
        (refused,) = read_log([kafka], dead_topic(FLAGS))
        assert refused.value == huge
        assert list(read_log([kafka], dead_topic(ARTICLES_DEDUPED))) == []

    @pytest.mark.parametrize("restart", [True, False], ids=["power cut", "replica takes over"])
    async def test_a_database_that_lost_its_last_transactions_is_read_on_from_where_it_is(
        self, kafka: str, url: str, engine: Engine, tmp_path: Path, restart: bool
    ) -> None:
        """The group has committed more than the database has; a backup that was restored looks the same."""
        log = long_log(3, seed=3)
        expected = wanted(engine, log.messages)
        one = Archiver(kafka, tmp_path / "one", url)
        async with archivers(one):
            await publish(kafka, log.messages)
            await one.start()
            await until(lambda: committed(kafka), "not all is done")
            if restart:
                assert await one.stop() == 0
            with engine.begin() as connection:
                for table in (tables.articles, tables.counted, tables.article_counts, tables.alerts):
                    connection.execute(table.delete())
                connection.execute(tables.positions.update().values(next=0))
            assert content(engine) != expected
            if restart:
                await one.start()
            await publish(kafka, {(each.topic, each.partition): each for each in log.messages}.values())
            await until(lambda: content(engine) == expected, "not the same")
            await until(lambda: lowest(engine) > 0, "not all is read again")
            assert await one.stop() == 0
