"""Connecting to the archive, the version of its schema, and which errors mean that it is away."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final

import msgspec
from alembic.config import Config
from alembic.runtime.environment import EnvironmentContext
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Connection, Engine, create_engine, event, make_url, text
from sqlalchemy.engine import URL
from sqlalchemy.exc import ArgumentError, DataError, DBAPIError, IntegrityError, ProgrammingError, SQLAlchemyError

from pipeline.archive.tables import metadata
from pipeline.errors import ArchiveAwayError, ArchiveError

MIGRATIONS: Final = Path(__file__).parent / "migrations"

DRIVERS: Final = ("sqlite", "sqlite+pysqlite", "postgresql+psycopg")

BUSY_MS: Final = 10_000
"""How long SQLite waits for another writer (a prune, an export's checkpoint) before it says that it is locked."""

CONNECT_SECONDS: Final = 10
STATEMENT_MS: Final = 120_000
"""Bound on one statement on PostgreSQL: an archiver that waits longer would lose its place in the consumer group."""

_LOCK: Final = 7_309_453_120_716_345
"""Advisory lock of PostgreSQL under which one process at a time migrates; a number that nobody else uses."""


def connect(url: str) -> Engine:
    """The archive's engine; nothing is connected yet, but the folder of a SQLite file is made.

    Raises:
        ArchiveError: the URL names no database that this works with.
    """
    parsed = _parsed(url)
    if parsed.get_backend_name() == "sqlite":
        return _sqlite(parsed)
    wanted = {
        "connect_timeout": CONNECT_SECONDS,
        "options": f"-c statement_timeout={STATEMENT_MS} -c timezone=UTC",
        "keepalives_idle": 30,
        "keepalives_interval": 10,
        "keepalives_count": 3,
        "tcp_user_timeout": 60_000,
    }
    unset = {name: value for name, value in wanted.items() if name not in parsed.query}
    return create_engine(parsed, pool_pre_ping=True, json_serializer=_text, connect_args=unset)


def named(url: str) -> str:
    """The URL without its password, for people."""
    return _parsed(url).render_as_string(hide_password=True)


def _parsed(url: str) -> URL:
    try:
        parsed = make_url(url)
    except ArgumentError as error:
        raise ArchiveError("archive.url is no URL of a database: write sqlite:///path or postgresql+psycopg://…") from (
            error
        )
    if parsed.drivername in ("postgresql", "postgres"):
        parsed = parsed.set(drivername="postgresql+psycopg")
    if parsed.drivername not in DRIVERS or (parsed.get_backend_name() == "sqlite" and not parsed.database):
        shown = parsed.render_as_string(hide_password=True)
        raise ArchiveError(f"archive.url is {shown}: write sqlite:///path or postgresql+psycopg://user@host/name")
    return parsed


def _sqlite(url: URL) -> Engine:
    path = Path(url.database or "")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise ArchiveError(f"archive.url names {path}, whose folder cannot be made: {error.strerror}") from error
    engine = create_engine(url, connect_args={"timeout": BUSY_MS / 1000})

    @event.listens_for(engine, "connect")
    def prepare(connection: Any, _record: Any) -> None:
        connection.isolation_level = None  # `begin` below says it: the driver's own BEGIN comes too late for DDL
        for pragma in (
            "auto_vacuum=INCREMENTAL",  # so that pruning gives room back; it counts for a new file only
            "journal_mode=WAL",
            "synchronous=NORMAL",  # a power cut may cost the last transactions: `positions` knows, they are read again
            "foreign_keys=ON",
            "secure_delete=ON",  # what was taken down is not left in free pages
        ):
            connection.execute(f"PRAGMA {pragma}")

    @event.listens_for(engine, "begin")
    def begin(connection: Connection) -> None:
        reading = connection.get_execution_options().get("reading")
        # A transaction that reads first and then writes could fail for ever; one that locks at once waits its turn.
        connection.exec_driver_sql("BEGIN" if reading else "BEGIN IMMEDIATE")

    return engine


def _text(value: Any) -> str:
    """JSON text as it is: `Document` is written from text."""
    return value if isinstance(value, str) else msgspec.json.encode(value).decode()


@contextmanager
def translated() -> Iterator[None]:
    """The database's errors as ours: `ArchiveAwayError` where later may help, `ArchiveError` where it will not.

    What it says about values (they are too long, twice there, not of their type) passes through: `refused` knows it.
    """
    try:
        yield
    except (DataError, IntegrityError):
        raise
    except ProgrammingError as error:
        raise ArchiveError(f"the archive cannot do this: {_short(error)}; is its schema right, and may we?") from error
    except DBAPIError as error:
        raise ArchiveAwayError(f"the archive does not answer: {_short(error)}") from error


def refused(error: Exception) -> bool:
    """Whether an error is about the values that were written, and would come again."""
    if isinstance(error, DBAPIError):
        return isinstance(error, DataError | IntegrityError)
    return isinstance(error, SQLAlchemyError | ValueError | OverflowError)


def _short(error: DBAPIError) -> str:
    return " ".join(str(error.orig).split())


# -- the schema's version


def newest() -> str:
    """The version that this code writes."""
    head = ScriptDirectory(str(MIGRATIONS)).get_current_head()
    assert head is not None
    return head


def version(connection: Connection) -> str:
    """The version of the database; "" for one that is empty."""
    return MigrationContext.configure(connection).get_current_revision() or ""


def migrate(engine: Engine) -> tuple[str, str]:
    """Bring the schema to the newest version; the versions before and after. One process at a time, whole or not.

    Raises:
        ArchiveError: the database is newer than this code, or refuses.
        ArchiveAwayError: it does not answer.
    """
    with translated(), engine.begin() as connection:
        if engine.dialect.name == "postgresql":
            connection.execute(text("SELECT pg_advisory_xact_lock(:key)"), {"key": _LOCK})
        before = version(connection)
        _require_known(engine, before)
        _upgrade(connection)
        return before, version(connection)


def check(engine: Engine) -> None:
    """Make sure that the schema is the newest: a SQLite file is migrated, PostgreSQL is not: others may be using it.

    Raises:
        ArchiveError: it has to be migrated by hand, or is newer than this code.
        ArchiveAwayError: the database does not answer.
    """
    with translated(), engine.connect().execution_options(reading=True) as connection:
        there = version(connection)
    _require_known(engine, there)
    if there != newest():
        if engine.dialect.name == "sqlite":
            migrate(engine)
            return
        where, has = engine.url.render_as_string(hide_password=True), f"version {there}" if there else "no tables"
        raise ArchiveError(
            f"the archive at {where} has {has}, this counterclaim needs version {newest()}: "
            "run `counterclaim archive migrate`"
        )


def _require_known(engine: Engine, there: str) -> None:
    known = {one.revision for one in ScriptDirectory(str(MIGRATIONS)).walk_revisions()}
    if there and there not in known:
        where = engine.url.render_as_string(hide_password=True)
        raise ArchiveError(f"the archive at {where} has version {there}, of a newer counterclaim: upgrade this one")


def _upgrade(connection: Connection) -> None:
    scripts = ScriptDirectory(str(MIGRATIONS))
    head = newest()

    def steps(revision: Any, _context: Any) -> Any:
        return scripts._upgrade_revs(head, revision)  # noqa: SLF001 - what alembic.command.upgrade does itself

    with EnvironmentContext(Config(), scripts, fn=steps, destination_rev=head) as environment:
        # SQLite's DDL is transactional too; Alembic is careful because Python's driver once was not.
        environment.configure(connection=connection, target_metadata=metadata, transactional_ddl=True)
        with environment.begin_transaction():
            environment.run_migrations()
