"""Removing what is older than it is kept, a bounded number of rows a transaction."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from datetime import datetime
from typing import Any, Final

from sqlalchemy import Column, Engine, Table, delete, select, tuple_

from pipeline.archive.database import translated
from pipeline.archive.keep import MARGIN, Keep
from pipeline.archive.tables import (
    alerts,
    article_counts,
    articles,
    counted,
    deliveries,
    thread_events,
    threads,
)

CHUNK: Final = 1000
"""Rows in one transaction: some 50 ms, in which nobody else can write a SQLite file."""

FREE_PAGES: Final = 1000
"""Pages that SQLite gives back to the file system after a chunk: 4 MB."""


class Pruning:
    """One round over all tables. `step` does a chunk of it."""

    def __init__(self, keep: Keep, chunk: int = CHUNK) -> None:
        self.removed: Counter[str] = Counter()
        """Rows by table. Flags and evidence go with their article, and are not counted."""

        self.done = False
        self._chunk = chunk
        self._work = iter(_due(keep))
        self._at = next(self._work)

    def step(self, engine: Engine) -> dict[str, int]:
        """Remove a chunk; what was removed.

        Raises:
            ArchiveAwayError: the database does not answer; nothing was removed, and the step can be done again.
        """
        table, column, before = self._at
        keys = list(table.primary_key)
        old = select(*keys).where(column < before).limit(self._chunk)
        with translated(), engine.begin() as connection:
            number = connection.execute(delete(table).where(tuple_(*keys).in_(old))).rowcount
        if number and engine.dialect.name == "sqlite":
            _give_back(engine)
        if number < self._chunk:
            following = next(self._work, None)
            self.done = following is None
            self._at = following or self._at
        if table is counted:
            return {}
        self.removed[table.name] += number
        return {table.name: number}


def prune(engine: Engine, keep: Keep) -> Counter[str]:
    """Remove everything that is due; rows by table. Blocks; raises ArchiveError."""
    round_ = Pruning(keep)
    while not round_.done:
        round_.step(engine)
    return round_.removed


def _give_back(engine: Engine) -> None:
    raw = engine.raw_connection()
    try:  # the pragma frees a page a step, and only a script is stepped to its end
        raw.driver_connection.executescript(f"PRAGMA incremental_vacuum({FREE_PAGES})")  # type: ignore[union-attr]  # it is connected
    finally:
        raw.close()


def _due(keep: Keep) -> Iterator[tuple[Table, Column[Any], datetime]]:
    yield articles, articles.c.fetched, keep.articles
    yield article_counts, article_counts.c.hour, keep.counts.replace(minute=0, second=0, microsecond=0)
    yield counted, counted.c.fetched, keep.marks - MARGIN
    yield threads, threads.c.last_activity, keep.threads
    yield thread_events, thread_events.c.happened, keep.threads
    yield alerts, alerts.c.decided, keep.alerts
    yield deliveries, deliveries.c.ended, keep.deliveries
