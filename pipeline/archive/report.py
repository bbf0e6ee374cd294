"""What the archive holds."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from sqlalchemy import Engine, func, select

from pipeline.archive import tables
from pipeline.archive.batch import READ
from pipeline.archive.database import translated, version
from pipeline.archive.export import TIMES

TOPICS: Final = READ


@dataclass(frozen=True, slots=True)
class Held:
    """One table."""

    name: str
    rows: int
    oldest: datetime | None
    newest: datetime | None


@dataclass(frozen=True, slots=True)
class Report:
    """All of them."""

    version: str
    tables: tuple[Held, ...]
    articles_forgotten: int
    outlets_forgotten: int


def look(engine: Engine) -> Report:
    """Count. Blocks: on PostgreSQL a count reads the whole table. Raises ArchiveError."""
    held = []
    with translated(), engine.connect().execution_options(reading=True) as connection:
        for name, (table, time) in TIMES.items():
            oldest = newest = None
            if time.table is table:
                oldest, newest = connection.execute(select(func.min(time), func.max(time))).one()
            rows = connection.execute(select(func.count()).select_from(table)).scalar_one()
            held.append(Held(name, rows, oldest, newest))
        kinds = select(tables.forgotten.c.kind, func.count()).group_by(tables.forgotten.c.kind)
        gone = {row[0]: int(row[1]) for row in connection.execute(kinds)}
        return Report(version(connection), tuple(held), gone.get("article", 0), gone.get("outlet", 0))


def as_builtins(found: Report) -> dict[str, Any]:
    """For JSON."""
    return {
        "version": found.version,
        "tables": {
            one.name: {
                "rows": one.rows,
                "from": one.oldest.isoformat() if one.oldest else None,
                "to": one.newest.isoformat() if one.newest else None,
            }
            for one in found.tables
        },
        "forgotten": {"articles": found.articles_forgotten, "outlets": found.outlets_forgotten},
    }
