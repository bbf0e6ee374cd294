"""The archive on a real PostgreSQL: the same promises as on SQLite."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from sqlalchemy import Engine

from pipeline.archive.database import check, connect, migrate
from pipeline.errors import ArchiveAwayError, ArchiveError
from tests.archive_suite import ArchiveSuite, ExportSuite, ForgetSuite
from tests.databases import Postgres, postgres


@pytest.fixture(scope="module")
def server() -> Iterator[Postgres]:
    """A server of this module's own."""
    with postgres() as running:
        yield running


@pytest.fixture
def engine(server: Postgres) -> Iterator[Engine]:
    """An empty archive in a new database."""
    made = connect(server.database())
    migrate(made)
    yield made
    made.dispose()


class TestPostgres(ArchiveSuite, ForgetSuite, ExportSuite):
    """On PostgreSQL."""


def test_postgresql_is_not_migrated_behind_somebodys_back(server: Postgres) -> None:
    """A new database is refused with the command that helps; after it, it is fine."""
    made = connect(server.database())
    with pytest.raises(ArchiveError, match="run `counterclaim archive migrate`"):
        check(made)
    assert migrate(made)[0] == ""
    check(made)
    made.dispose()


def test_a_server_that_is_down_is_away(server: Postgres) -> None:
    """And back again it is used as before, also by a connection that it had before."""
    made = connect(server.database())
    migrate(made)
    server.stop()
    try:
        with pytest.raises(ArchiveAwayError, match="does not answer"):
            check(made)
    finally:
        server.start()
    check(made)
    made.dispose()
