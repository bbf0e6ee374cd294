"""A table as a file: JSON lines, CSV, Parquet. Rows come from the database while they are written: bounded memory."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import datetime
from typing import IO, Any, Final, Literal

import msgspec
from sqlalchemy import BigInteger, Boolean, Column, Engine, Float, Integer, Table, select

from pipeline.archive import tables
from pipeline.archive.database import translated
from pipeline.archive.types import Document, UtcTime

Format = Literal["parquet", "csv", "jsonl"]

ROWS: Final = 1000
"""Rows that are held in memory at once, and in one row group of a Parquet file: some megabytes of articles."""

FORMULA: Final = ("=", "+", "-", "@", "\t", "\r")
"""A text that begins so is a formula to a spreadsheet, and headlines are by strangers (OWASP, CSV injection)."""

TIMES: Final[Mapping[str, tuple[Table, Column[Any]]]] = {
    "articles": (tables.articles, tables.articles.c.fetched),
    "flags": (tables.flags, tables.articles.c.fetched),
    "evidence": (tables.evidence, tables.articles.c.fetched),
    "article_counts": (tables.article_counts, tables.article_counts.c.hour),
    "threads": (tables.threads, tables.threads.c.last_activity),
    "thread_events": (tables.thread_events, tables.thread_events.c.happened),
    "alerts": (tables.alerts, tables.alerts.c.decided),
    "deliveries": (tables.deliveries, tables.deliveries.c.ended),
}
"""What can be exported, and the time that a period is of; of flags and evidence it is their article's."""

Rows = Iterator[Sequence[Sequence[Any]]]


def export(
    engine: Engine,
    name: str,
    form: Format,
    out: IO[bytes],
    since: datetime | None = None,
    until: datetime | None = None,
) -> int:
    """Write a table's rows from ``since`` up to ``until``, in the order of that time; how many there were.

    Raises:
        ArchiveError: the database refuses, or does not answer.
        OSError: ``out`` cannot be written to.
    """
    table, time = TIMES[name]
    query = select(table)
    if time.table is not table:
        query = query.join(tables.articles, tables.articles.c.id == table.c.article)
    if since is not None:
        query = query.where(time >= since)
    if until is not None:
        query = query.where(time < until)
    query = query.order_by(time, *table.primary_key).execution_options(yield_per=ROWS)
    with translated(), engine.connect().execution_options(reading=True) as connection:
        rows: Any = connection.execute(query).partitions()
        return _WRITE[form](table, rows, out)


def _jsonl(table: Table, rows: Rows, out: IO[bytes]) -> int:
    names, number = [column.name for column in table.c], 0
    for some in rows:
        out.writelines(msgspec.json.encode(dict(zip(names, row, strict=True))) + b"\n" for row in some)
        number += len(some)
    return number


def _csv(table: Table, rows: Rows, out: IO[bytes]) -> int:
    text = io.TextIOWrapper(out, "utf-8", newline="", write_through=True)
    writer, number = csv.writer(text), 0
    writer.writerow([column.name for column in table.c])
    for some in rows:
        writer.writerows([_cell(value) for value in row] for row in some)
        number += len(some)
    text.detach()
    return number


def _cell(value: Any) -> Any:
    if isinstance(value, str):
        return f"'{value}" if value.startswith(FORMULA) else value
    if isinstance(value, datetime):
        return value.isoformat()
    if isinstance(value, list | dict):
        return json.dumps(value, ensure_ascii=False)
    return value


def _parquet(table: Table, rows: Rows, out: IO[bytes]) -> int:
    import pyarrow as pa  # here: a quarter of a second, and 40 MB, for one format of one command
    from pyarrow import parquet

    schema = pa.schema([(column.name, _arrow(pa, column)) for column in table.c])
    documents = [isinstance(column.type, Document) for column in table.c]
    number = 0
    with parquet.ParquetWriter(out, schema, compression="zstd") as writer:
        for some in rows:
            columns = [
                [json.dumps(one, ensure_ascii=False) for one in values] if is_document else list(values)
                for values, is_document in zip(zip(*some, strict=True), documents, strict=True)
            ]
            writer.write_batch(pa.record_batch(columns, schema=schema), row_group_size=ROWS)
            number += len(some)
    return number


def _arrow(pa: Any, column: Column[Any]) -> Any:
    match column.type:
        case UtcTime():
            return pa.timestamp("us", tz="UTC")
        case Boolean():
            return pa.bool_()
        case BigInteger() | Integer():
            return pa.int64()
        case Float():
            return pa.float64()
    return pa.string()


_WRITE: Final[Mapping[Format, Callable[[Table, Rows, IO[bytes]], int]]] = {
    "jsonl": _jsonl,
    "csv": _csv,
    "parquet": _parquet,
}
