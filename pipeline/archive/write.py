"""A batch into the tables, in the transaction that the caller has begun. May come again, in any order.

Each upsert decides by the record's own age (`WHERE` on the row that is there), and tells which rows it wrote. Rows go
in the order of their keys, so that two archivers wait for each other instead of standing in each other's way.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final

from sqlalchemy import ColumnElement, Connection, Table, case, delete, func, select, text, tuple_
from sqlalchemy.dialects import postgresql, sqlite

from pipeline.archive import rows, tables
from pipeline.archive.batch import Batch
from pipeline.archive.forgotten import Forgotten
from pipeline.archive.keep import Keep
from pipeline.records import Article

IN_AT_ONCE: Final = 500
"""Ids in one `IN`: SQLite takes 32,766 parameters, and a statement for each number of them is kept."""

Columns = Any
"""The columns of a table, or those of the row that would be inserted."""


@dataclass(frozen=True, slots=True)
class Place:
    """How far a partition of a log is with this batch."""

    log: str
    """The topic's id, which is another one when the topic was made anew."""

    topic: str
    partition: int
    next: int


def write(
    connection: Connection, batch: Batch, keep: Keep, *, thread_log: str, places: Iterable[Place] = ()
) -> Counter[str]:
    """Write everything; how many rows of each table were new or changed."""
    gone = load_forgotten(connection, lock=True)
    written: Counter[str] = Counter()
    _articles(connection, batch, keep, gone, written)
    _counts(connection, batch, keep, written)
    log = log_number(connection, thread_log) if batch.threads else 0
    made: Mapping[Table, Iterable[rows.Row]] = {
        tables.threads: (
            rows.thread(gone.without(one), log) for one in batch.threads.values() if one.last_activity >= keep.threads
        ),
        tables.thread_events: (
            rows.event(gone.without(one)) for one in batch.events.values() if one.when >= keep.threads
        ),
        tables.alerts: (rows.alert(gone.without(one)) for one in batch.alerts.values() if one.decided >= keep.alerts),
        tables.deliveries: (
            rows.delivery(gone.without(one)) for one in batch.deliveries.values() if one.ended >= keep.deliveries
        ),
    }
    for table, those in made.items():
        written[table.name] += len(_upsert(connection, table, those))
    _upsert(connection, tables.positions, (
        {"log": one.log, "partition": one.partition, "topic": one.topic, "next": one.next} for one in places
    ))  # fmt: skip
    return written


def load_forgotten(connection: Connection, *, lock: bool = False) -> Forgotten:
    """What was taken down. With ``lock`` nobody takes anything down until this transaction has ended: what it writes is
    seen by whoever does so next."""
    if lock and connection.dialect.name == "postgresql":
        connection.execute(text("LOCK TABLE forgotten IN SHARE MODE"))
    found = connection.execute(select(tables.forgotten.c.kind, tables.forgotten.c.name)).all()
    return Forgotten(
        frozenset(name for kind, name in found if kind == "article"),
        frozenset(name for kind, name in found if kind == "outlet"),
    )


def log_number(connection: Connection, log: str) -> int:
    """Which log this is, counted from 1: a log that is new to the archive is newer than all others."""
    logs = tables.logs
    known = connection.execute(select(logs.c.number).where(logs.c.id == log)).scalar()
    if known is None:
        if connection.dialect.name == "postgresql":
            connection.execute(text("LOCK TABLE logs IN SHARE ROW EXCLUSIVE MODE"))
        highest = connection.execute(select(func.coalesce(func.max(logs.c.number), 0))).scalar_one()
        made = _insert(connection, logs).values(id=log, number=highest + 1).on_conflict_do_nothing()
        connection.execute(made)
        known = connection.execute(select(logs.c.number).where(logs.c.id == log)).scalar_one()
    return int(known)


def _articles(connection: Connection, batch: Batch, keep: Keep, gone: Forgotten, written: Counter[str]) -> None:
    wanted = {
        one.article.id: one
        for one in batch.flagged.values()
        if one.article.fetched >= keep.articles and not gone.has(one.article)
    }
    newer = [key[0] for key in _upsert(connection, tables.articles, map(rows.article, wanted.values()))]
    written["articles"] += len(newer)
    for some in _slices(sorted(newer)):
        connection.execute(delete(tables.flags).where(tables.flags.c.article.in_(some)))  # and their evidence
    for table, made in ((tables.flags, rows.flags), (tables.evidence, rows.evidence)):
        those = [row for article in sorted(newer) for row in made(wanted[article])]
        if those:
            connection.execute(table.insert(), those)
        written[table.name] += len(those)


def _counts(connection: Connection, batch: Batch, keep: Keep, written: Counter[str]) -> None:
    oldest = max(keep.counts, keep.marks)
    texts = [(one, rows.verdict(one)) for one in batch.articles.values()]
    texts += [(one, "flagged") for one in batch.marked.values()]
    by_mark: dict[bytes, tuple[Article, str]] = {
        rows.mark(one, "flagged" if verdict == "flagged" else "article"): (one, verdict)
        for one, verdict in texts
        if one.fetched >= oldest
    }
    marks = ({"mark": mark, "fetched": one.fetched} for mark, (one, _) in by_mark.items())
    new = [by_mark[key[0]] for key in _upsert(connection, tables.counted, marks)]
    totals = Counter((rows.hour(one), rows.text(one.outlet), rows.text(one.language), verdict) for one, verdict in new)
    names = ("hour", "outlet", "language", "verdict")
    counts = (dict(zip(names, key, strict=True)) | {"articles": number} for key, number in totals.items())
    written["article_counts"] += len(_upsert(connection, tables.article_counts, counts))


def _thread_age(those: Columns) -> ColumnElement[Any]:
    return tuple_(those.log, those.position, those.revision)


def _alert_age(those: Columns) -> ColumnElement[Any]:
    return tuple_(case((those.message != "", 1), else_=0), those.decided)


_NEWER: Final[Mapping[str, Any]] = {
    "articles": lambda new, old: tuple_(new.fetched, new.flagged) > tuple_(old.fetched, old.flagged),
    "threads": lambda new, old: _thread_age(new) > _thread_age(old),
    "thread_events": lambda new, old: new.processed < old.processed,
    "alerts": lambda new, old: _alert_age(new) > _alert_age(old),
    "deliveries": lambda new, old: new.ended > old.ended,
    "positions": lambda new, old: new.next > old.next,
}
"""When a row takes the place of the one that is there."""


def _upsert(connection: Connection, table: Table, those: Iterable[rows.Row]) -> list[tuple[Any, ...]]:
    """Insert or replace; the keys of the rows that were written."""
    keys = [column.name for column in table.primary_key]
    ordered = sorted(those, key=lambda row: tuple(row[name] for name in keys))
    if not ordered:
        return []
    statement = _statement(connection, table, keys)
    return [tuple(row) for row in connection.execute(statement, ordered)]


def _statement(connection: Connection, table: Table, keys: list[str]) -> Any:
    insert = _insert(connection, table)
    if table.name == "counted":
        insert = insert.on_conflict_do_nothing(index_elements=keys)
    elif table.name == "article_counts":
        total = table.c.articles + insert.excluded.articles
        insert = insert.on_conflict_do_update(index_elements=keys, set_={"articles": total})
    else:
        others = {column.name: insert.excluded[column.name] for column in table.c if column.name not in keys}
        newer = _NEWER[table.name](insert.excluded, table.c)
        insert = insert.on_conflict_do_update(index_elements=keys, set_=others, where=newer)
    return insert.returning(*table.primary_key)


def _insert(connection: Connection, table: Table) -> Any:
    return postgresql.insert(table) if connection.dialect.name == "postgresql" else sqlite.insert(table)


def _slices(ids: list[str]) -> Iterator[list[str]]:
    for start in range(0, len(ids), IN_AT_ONCE):
        yield ids[start : start + IN_AT_ONCE]
