"""How long each table is kept: what is older is pruned, and is not written again when the log is read anew. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final, Self

from pipeline.settings.alerting import ArchiveSettings

MARKS: Final = timedelta(days=45)
"""How long a counted text is remembered, and how old one may be that is counted. Longer than an article can take to
come again: it waits up to a week on each of three topics, and the workers forget after 30 days that it was seen."""

MARGIN: Final = timedelta(days=1)
"""Marks are pruned so much later than texts of their age are refused: clocks are set."""


@dataclass(frozen=True, slots=True)
class Keep:
    """From when on each table is kept."""

    articles: datetime
    counts: datetime
    threads: datetime
    alerts: datetime
    deliveries: datetime
    marks: datetime

    @classmethod
    def at(cls, settings: ArchiveSettings, now: datetime) -> Self:
        """As the settings say, at ``now``."""

        def since(days: float) -> datetime:
            return now - timedelta(days=days)

        return cls(
            since(settings.articles_days),
            since(settings.counts_days),
            since(settings.threads_days),
            since(settings.alerts_days),
            since(settings.deliveries_days),
            now - MARKS,
        )
