"""When a flagged article's page is looked at again, and the requests for it. A pure schedule.

The clock is the partition's ticks: a look is due between two of them, so no row of a table has to tell which looks were
made. A worker needs the members that are younger than the last look (`Member.flagged`), and the time of its last tick.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Final

from pipeline.records.article import Article
from pipeline.records.page import PageRequest

AFTER: Final = (timedelta(minutes=10), timedelta(hours=1), timedelta(days=1), timedelta(days=7))
"""From the first flag to each look; the baseline, look 0, is at once."""


def due_looks(flagged: datetime) -> tuple[datetime, ...]:
    """When an article is looked at, the baseline first."""
    return (flagged, *(flagged + after for after in AFTER))


def look_due(flagged: datetime, since: datetime, until: datetime) -> int | None:
    """The newest look that fell due after ``since``, up to ``until``; None if none did. Missed ones are not made up."""
    due = [number for number, when in enumerate(due_looks(flagged)) if since < when <= until]
    return max(due, default=None)


def look(article: Article, number: int, now: datetime) -> PageRequest | None:
    """The request for one look; None where the article has no page."""
    raise NotImplementedError
