"""Messages, and the stories in them, for the tests of whatever tells them."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

from pipeline.records import (
    Channel,
    Evidence,
    Item,
    Message,
    Parties,
    Story,
    StoryEvent,
    Subscription,
    Thread,
    ThreadEvent,
)
from pipeline.records.thread import Party, Side

NOW = datetime(2026, 11, 22, 12, 0, tzinfo=UTC)
THREAD = "c" * 32


def evidence(quote: str = "Ruritania denies it", outlet: str = "Daily Example", **more: Any) -> Evidence:
    """A quote of an article."""
    fields: dict[str, Any] = {
        "article": "a" * 32,
        "text_hash": "b" * 16,
        "published": NOW,
        "source": "domain:news.example",
        "link": "https://news.example/story",
    }
    return Evidence(quote=quote, outlet=outlet, **(fields | more))


def story(**more: Any) -> Story:
    """Syldavia alleges something against Borduria, which denies it."""
    fields: dict[str, Any] = {
        "thread": THREAD,
        "language": "en",
        "state": "disputed",
        "title": "Borduria denies jamming radio",
        "claim": evidence("Borduria denies jamming radio", "Example Times"),
        "accusers": ("Syldavia",),
        "accused": ("Borduria",),
        "deniers": ("Borduria",),
        "first_allegation": evidence("Syldavia accuses Borduria of jamming", "Daily Example"),
        "first_denial": evidence("Borduria denies jamming radio", "Example Times", published=NOW + timedelta(hours=3)),
        "alleging": 2,
        "denying": 1,
        "telling": 2,
        "articles": 3,
        "copies": 1,
        "lag_seconds": 10_800,
        "first_activity": NOW,
        "last_activity": NOW + timedelta(hours=3),
        "url": "https://news.example/story",
        "outlet": "Example Times",
        "rules": ("en.denial.denies/3",),
        "ruleset": "0123456789ab",
    }
    return Story(**(fields | more))


def event(kind: str = "disputed", **more: Any) -> ThreadEvent:
    """Something that happened to the thread."""
    fields: dict[str, Any] = {
        "id": "d" * 32,
        "thread": THREAD,
        "kind": kind,
        "cause": "tick:1",
        "when": NOW,
        "what": "Something happened.",
        "processed": NOW,
    }
    return ThreadEvent(**(fields | more))


def item(number: int = 0, **more: Any) -> Item:
    """An alert in a message."""
    fields: dict[str, Any] = {"alert": f"{number:032x}", "event": event(id=f"{number:032x}"), "story": story()}
    return Item(**(fields | more))


def message(kind: str = "story.new", items: tuple[Item, ...] | None = None, **more: Any) -> Message:
    """A message to the subscription `desk`."""
    fields: dict[str, Any] = {
        "id": "msg_" + "1" * 32,
        "kind": kind,
        "subscription": "desk",
        "name": "The desk",
        "items": (item(first=True),) if items is None else items,
        "thread": THREAD,
        "made": NOW,
    }
    return Message(**(fields | more))


def subscription(*channels: Channel, **more: Any) -> Subscription:
    """The subscription `desk`."""
    fields: dict[str, Any] = {"id": "desk", "owner": "ann", "name": "The desk", "query": "", "source": "runtime"}
    return Subscription(channels=channels, **(fields | more))


def thread(**more: Any) -> Thread:
    """A thread that `story` could be the digest of."""
    first = evidence()
    fields: dict[str, Any] = {
        "id": THREAD,
        "language": "en",
        "state": "disputed",
        "claim": first,
        "title": "Borduria denies jamming radio",
        "accusers": Parties(named=(Party(name="Syldavia", first=first),)),
        "deniers": Parties(named=(Party(name="Borduria", first=first),)),
        "alleging": Side(articles=2, sources=("domain:a.example", "domain:b.example")),
        "members": 3,
        "first_activity": NOW,
        "last_activity": NOW,
    }
    return Thread(**(fields | more))


def story_event(**more: Any) -> StoryEvent:
    """The thread at an event without an article."""
    fields: dict[str, Any] = {"event": event(), "thread": thread()}
    return StoryEvent(**(fields | more))
