"""Column types that mean the same on SQLite and PostgreSQL."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import msgspec
from sqlalchemy import Dialect, String, Text, TypeDecorator
from sqlalchemy.dialects.postgresql import JSONB, TIMESTAMP
from sqlalchemy.types import TypeEngine


class UtcTime(TypeDecorator[datetime]):
    """An aware datetime, kept in UTC: `timestamptz`, and on SQLite text of one length, which sorts as it should and
    which SQLite's date functions read (`2026-03-01T12:00:00.000000Z`)."""

    impl = String(27)
    cache_ok = True

    def load_dialect_impl(self, dialect: Dialect) -> TypeEngine[Any]:
        """`timestamptz` where there is one."""
        return dialect.type_descriptor(TIMESTAMP(timezone=True) if _postgres(dialect) else String(27))

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> Any:
        """Raises ValueError for a time without a zone."""
        if value is None:
            return None
        if value.tzinfo is None:
            raise ValueError(f"naive datetime {value!r}: every time in the archive has a zone")
        utc = value.astimezone(UTC)
        return utc if _postgres(dialect) else utc.isoformat(timespec="microseconds").replace("+00:00", "Z")

    def process_result_value(self, value: Any, dialect: Dialect) -> datetime | None:
        """Aware, in UTC."""
        if value is None:
            return None
        return (datetime.fromisoformat(value) if isinstance(value, str) else value).astimezone(UTC)


class Document(TypeDecorator[Any]):
    """JSON: `jsonb`, and text on SQLite. Written from JSON text, read as plain values."""

    impl = Text
    cache_ok = True

    def load_dialect_impl(self, dialect: Dialect) -> TypeEngine[Any]:
        """`jsonb` where there is one."""
        return dialect.type_descriptor(JSONB() if _postgres(dialect) else Text())

    def process_bind_param(self, value: str | None, dialect: Dialect) -> Any:
        """As it is: the engine's JSON serializer leaves text alone (`database.connect`)."""
        return value

    def process_result_value(self, value: Any, dialect: Dialect) -> Any:
        """Lists, mappings, texts and numbers."""
        return msgspec.json.decode(value) if isinstance(value, str) and not _postgres(dialect) else value


def _postgres(dialect: Dialect) -> bool:
    return dialect.name == "postgresql"
