"""`counterclaim archive run` on a real broker, into SQLite."""

from __future__ import annotations

import asyncio
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, closing, contextmanager
from pathlib import Path

import pytest
from sqlalchemy import Engine

from pipeline.archive.database import connect, migrate
from pipeline.broker import Kind, open_broker
from pipeline.kafka import apply_topics
from pipeline.topics import TOPICS
from tests.archiver_suite import ArchiverSuite


@pytest.fixture
def kafka(broker_kind: Kind, tmp_path: Path) -> Iterator[str]:
    """``host:port`` of a broker of this test's own with all topics: the group's offsets are part of what is tested."""
    broker = open_broker(broker_kind, port=0, data_dir=tmp_path / "kafka")
    with asyncio.Runner() as runner:
        runner.run(broker.start())
        try:
            apply_topics([broker.bootstrap], TOPICS)
            yield broker.bootstrap
        finally:
            runner.run(broker.stop())


@pytest.fixture
def url(tmp_path: Path) -> str:
    """Of a new file."""
    return f"sqlite:///{tmp_path / 'archive.db'}"


@pytest.fixture
def engine(url: str) -> Iterator[Engine]:
    """The archive, as a test looks at it."""
    made = connect(url)
    migrate(made)
    yield made
    made.dispose()


@pytest.fixture
def away(tmp_path: Path) -> Callable[[], AbstractContextManager[None]]:
    """Somebody else holds the only lock for writing."""

    @contextmanager
    def locked() -> Iterator[None]:
        with closing(sqlite3.connect(tmp_path / "archive.db", isolation_level=None, timeout=60)) as other:
            other.execute("BEGIN EXCLUSIVE")
            yield
            other.execute("ROLLBACK")

    return locked


class TestSqlite(ArchiverSuite):
    """Into SQLite."""
