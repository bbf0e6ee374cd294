"""What every record on the wire has in common."""

from __future__ import annotations

from datetime import datetime
from typing import Final

import msgspec

SCHEMA_MAJOR: Final = 1
"""Raised when a reader of the old version would misread a record; such records go to its dead-letter topic."""

SCHEMA_VERSION: Final = f"{SCHEMA_MAJOR}.0"
"""major.minor: a new optional field raises the minor, and older readers ignore it."""


class Record(msgspec.Struct, frozen=True, kw_only=True):
    """A value on a topic. Unknown fields are ignored, so that an older reader goes on beside a newer writer."""

    schema: str = msgspec.field(default_factory=lambda: SCHEMA_VERSION)
    """A factory, because `omit_defaults` leaves plain defaults off the wire, and the version must be on it."""


def require_aware(*times: datetime | None) -> None:
    """Refuse a naive datetime at construction: a time without a zone is a bug somewhere before.

    Raises:
        ValueError: when one of them has no zone.
    """
    for time in times:
        if time is not None and time.tzinfo is None:
            raise ValueError(f"naive datetime {time!r}: every time on a record has a zone")
