"""`counterclaim archive run` on a real broker, into a real PostgreSQL that is stopped under it."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path

import pytest
from sqlalchemy import Engine

from pipeline.archive.database import connect, migrate
from pipeline.broker import open_broker
from pipeline.kafka import apply_topics
from pipeline.topics import TOPICS
from tests.archiver_suite import ArchiverSuite
from tests.archivers import Archiver, archivers
from tests.databases import Postgres, postgres


@pytest.fixture(scope="module")
def server() -> Iterator[Postgres]:
    """A server of this module's own."""
    with postgres() as running:
        yield running


@pytest.fixture
def kafka(tmp_path: Path) -> Iterator[str]:
    """``host:port`` of a broker of this test's own with all topics."""
    broker = open_broker("embedded", port=0, data_dir=tmp_path / "kafka")
    with asyncio.Runner() as runner:
        runner.run(broker.start())
        try:
            apply_topics([broker.bootstrap], TOPICS)
            yield broker.bootstrap
        finally:
            runner.run(broker.stop())


@pytest.fixture
def url(server: Postgres) -> str:
    """Of a new database."""
    return server.database()


@pytest.fixture
def engine(url: str) -> Iterator[Engine]:
    """The archive, as a test looks at it."""
    made = connect(url)
    migrate(made)
    yield made
    made.dispose()


@pytest.fixture
def away(server: Postgres) -> Callable[[], AbstractContextManager[None]]:
    """The server crashes, and is started again."""

    @contextmanager
    def crashed() -> Iterator[None]:
        server.stop("immediate")
        try:
            yield
        finally:
            server.start()

    return crashed


class TestPostgres(ArchiverSuite):
    """Into PostgreSQL."""


async def test_tables_that_were_not_migrated_end_it_with_the_command_that_helps(
    kafka: str, server: Postgres, tmp_path: Path
) -> None:
    """One sentence, and exit code 3."""
    one = Archiver(kafka, tmp_path / "one", server.database())
    async with archivers(one):
        await one.start()
        assert one.process is not None
        assert await asyncio.wait_for(one.process.wait(), 60) == 3
        assert "run `counterclaim archive migrate`" in one.log
