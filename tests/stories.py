"""Events of stories, as the threads tell them, and subscriptions to them."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

from pipeline.records import Command, Flagged, Silence, StoryEvent, Subscription, Terminal, Tick
from pipeline.threads.telling import story_event
from tests.articles import NOON
from tests.disputes import Court


def tell(*records: Flagged | Tick | Command, now: datetime = NOON, court: Court | None = None) -> list[StoryEvent]:
    """What happens to the threads of ``court`` (else of a new one) when it takes these records in, found at ``now``."""
    court = court or Court()
    told = []
    for one in records:
        outcome = court.take(one, now=now)
        told += [story_event(event, court.docket.threads.get(event.thread), one) for event in outcome.events]
    return told


def subscription(name: str = "desk", query: str = "", **changes: Any) -> Subscription:
    """One that prints to the terminal, unless it is said otherwise."""
    fields: dict[str, Any] = {"owner": "Ada", "name": name.title(), "channels": (Terminal(),), "source": "runtime"}
    return Subscription(id=name, query=query, **fields | changes)


def silence(name: str = "quiet", query: str = "", *, hours: float = 2, **changes: Any) -> Silence:
    """One that began an hour before noon and ends so many hours after it."""
    fields: dict[str, Any] = {
        "since": NOON - timedelta(hours=1),
        "until": NOON + timedelta(hours=hours),
        "author": "Ada",
        "comment": "Known",
    } | changes
    return Silence(id=name, query=query, **fields)
