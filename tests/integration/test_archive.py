"""`counterclaim archive run` on a real broker, into SQLite."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, closing, contextmanager
from pathlib import Path

import pytest
from sqlalchemy import Engine

from pipeline.archive.database import connect, migrate
from tests.archiver_suite import ArchiverSuite


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
