"""Taking down: what an article or an outlet said is removed, and is not archived again.

It is remembered first, so that nothing new comes in; then rows go, some hundred a transaction. Killed in between, the
same command finishes it.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final

import msgspec
from sqlalchemy import Connection, Engine, Table, Text, cast, delete, func, or_, select, text, tuple_, update

from pipeline.archive import rows, tables
from pipeline.archive.database import translated
from pipeline.archive.forgotten import Forgotten
from pipeline.archive.write import load_forgotten
from pipeline.dedupe.canonical import canonical_url
from pipeline.dedupe.fingerprint import article_id
from pipeline.records import Alert, Delivery, Record, Thread, ThreadEvent
from pipeline.topics import DELIVER_TABLE, THREADS_TABLE, Topic, changelog

CHUNK: Final = 200
"""Rows in one transaction: documents of some kB are read, cleaned and written back."""

READABLE: Final = (
    "articles.", "flags", "threads", "thread-events", "story-events", "deliver.in", "alerts", "deliveries", "pages.",
)  # fmt: skip
"""Beginnings of the names of topics that have an article's words."""

TABLES: Final = (changelog(THREADS_TABLE, ""), changelog(DELIVER_TABLE, ""))
"""Ends of the names of changelogs that have them; the others have hashes."""


@dataclass(frozen=True, slots=True)
class Wanted:
    """What is to go: an article by its id, or an outlet by its name."""

    kind: str
    name: str
    url: str = ""

    @property
    def forgotten(self) -> Forgotten:
        """As what knows how a record looks without it."""
        names = frozenset({self.name})
        return Forgotten(articles=names) if self.kind == "article" else Forgotten(outlets=names)


@dataclass(frozen=True, slots=True)
class Remains:
    """A topic that may have its words, and until when."""

    topic: str
    until: datetime | None
    """None: as long as the thread is remembered (the topic is compacted)."""


def wanted(named: str) -> Wanted:
    """What a person means: an address, the id of an article, or the name of an outlet."""
    if "://" in named:
        url = canonical_url(named)
        return Wanted("article", article_id(url), url)
    if len(named) == 32 and set(named) <= set("0123456789abcdef"):
        return Wanted("article", named)
    return Wanted("outlet", named)


def known_outlet(engine: Engine, name: str) -> bool:
    """Whether the archive has heard of an outlet of this name. Blocks."""
    names = (tables.articles.c.outlet, tables.article_counts.c.outlet)
    with translated(), engine.connect().execution_options(reading=True) as connection:
        counts = [connection.execute(select(func.count()).where(one == name)).scalar_one() for one in names]
    return any(counts)


def forget(engine: Engine, what: Wanted, *, reason: str, now: datetime) -> Counter[str]:
    """Remove it, and remember that it is gone; rows removed or cleaned, by table. Blocks; raises ArchiveError."""
    fields = {"kind": what.kind, "name": what.name, "url": what.url, "reason": reason, "at": now}
    done: Counter[str] = Counter()
    with translated():
        with engine.begin() as connection:
            known = connection.execute(select(tables.forgotten.c.at).where(_names(what))).first()
            if known is None:
                connection.execute(tables.forgotten.insert(), fields)
        done["articles"] = _remove_articles(engine, what)
        for table, kind, made in _DOCUMENTS:
            done[table.name] = _clean(engine, what, table, kind, made)
        _really_gone(engine)
    return done


def remember(engine: Engine, what: Wanted) -> bool:
    """Take it back: from now on it is archived again, and nothing that was removed returns. Whether it was taken down.

    Blocks; raises ArchiveError.
    """
    with translated(), engine.begin() as connection:
        return bool(connection.execute(delete(tables.forgotten).where(_names(what))).rowcount)


def remains(topics: Sequence[Topic], now: datetime) -> list[Remains]:
    """Where its words may still be, and until when at the latest: what is written now is deleted with its segment."""
    found = [one for one in topics if one.name.startswith(READABLE) or one.name.endswith(TABLES)]
    return [Remains(one.name, _until(one, now)) for one in found]


def _until(topic: Topic, now: datetime) -> datetime | None:
    return None if topic.retention is None else now + topic.retention + topic.segment + timedelta(hours=1)


def _names(what: Wanted) -> Any:
    return (tables.forgotten.c.kind == what.kind) & (tables.forgotten.c.name == what.name)


def _remove_articles(engine: Engine, what: Wanted) -> int:
    column = tables.articles.c.id if what.kind == "article" else tables.articles.c.outlet
    some = select(tables.articles.c.id).where(column == what.name).limit(CHUNK)
    total = 0
    while True:
        with engine.begin() as connection:
            number = connection.execute(delete(tables.articles).where(tables.articles.c.id.in_(some))).rowcount
        total += number
        if number < CHUNK:
            return total


def _clean(
    engine: Engine, what: Wanted, table: Table, kind: type[Record], made: Callable[[Any, Any], Mapping[str, Any]]
) -> int:
    keys = list(table.primary_key)
    total, after = 0, None
    while True:
        with engine.begin() as connection:
            found = connection.execute(_mentions(table, keys, what, after)).all()
            gone = load_forgotten(connection)
            for row in found:
                record: Any = msgspec.convert(row.doc, kind)
                cleaned = gone.without(record)
                if cleaned is not record:
                    connection.execute(update(table).where(*_is(keys, row)).values(**made(cleaned, row)))
                    total += 1
        if len(found) < CHUNK:
            return total
        after = tuple(found[-1])[: len(keys)]


def _mentions(table: Table, keys: list[Any], what: Wanted, after: tuple[Any, ...] | None) -> Any:
    """The next documents that name it. An outlet's name stands in them as JSON has it."""
    words = [what.name if what.kind == "article" else msgspec.json.encode(what.name).decode()]
    if what.url:
        words.append(msgspec.json.encode(what.url).decode()[1:-1])
    document = cast(table.c.doc, Text)
    query = select(*keys, *(column for column in table.c if column not in keys)).where(
        or_(*(document.contains(word, autoescape=True) for word in words))
    )
    if after is not None:
        query = query.where(tuple_(*keys) > tuple_(*after))
    return query.order_by(*keys).limit(CHUNK).with_for_update()  # or what is newer meanwhile would be overwritten


def _is(keys: list[Any], row: Any) -> Iterator[Any]:
    return (key == getattr(row, key.name) for key in keys)


_DOCUMENTS: Final[tuple[tuple[Table, type[Record], Callable[[Any, Any], Mapping[str, Any]]], ...]] = (
    (tables.threads, Thread, lambda record, row: rows.thread(record, row.log)),
    (tables.thread_events, ThreadEvent, lambda record, _row: rows.event(record)),
    (tables.alerts, Alert, lambda record, _row: rows.alert(record)),
    (tables.deliveries, Delivery, lambda record, _row: rows.delivery(record)),
)


def _really_gone(engine: Engine) -> None:
    """SQLite overwrites what it frees, and the log of its changes is emptied; PostgreSQL's dead rows are vacuumed."""
    if engine.dialect.name == "sqlite":
        with engine.connect().execution_options(reading=True) as connection:
            connection.commit()
        raw = engine.raw_connection()
        try:
            raw.driver_connection.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchall()  # type: ignore[union-attr]  # it is connected
        finally:
            raw.close()
        return
    with engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        for table in (tables.articles, tables.flags, tables.evidence, *(one[0] for one in _DOCUMENTS)):
            _vacuum(connection, table)


def _vacuum(connection: Connection, table: Table) -> None:
    connection.execute(text(f"VACUUM {table.name}"))
