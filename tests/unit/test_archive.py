"""The archive on SQLite."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy import Engine

from pipeline.archive.database import connect, migrate
from tests.archive_suite import ArchiveSuite, ExportSuite, ForgetSuite


@pytest.fixture
def engine(tmp_path: Path) -> Iterator[Engine]:
    """An empty archive in a new file."""
    made = connect(f"sqlite:///{tmp_path / 'below' / 'archive.db'}")
    migrate(made)
    yield made
    made.dispose()


class TestSqlite(ArchiveSuite, ForgetSuite, ExportSuite):
    """On SQLite."""
