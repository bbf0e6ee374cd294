"""The body of a webhook and of a record on a Kafka topic: Standard Webhooks' `{type, timestamp, data}`. Pure.

Source: https://github.com/standard-webhooks/standard-webhooks/blob/main/spec/standard-webhooks.md, "Payload structure".
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Final

from pipeline.channels.clean import clean, link
from pipeline.channels.compose import headline, held, lag, sides, sources
from pipeline.channels.story import happened
from pipeline.records.alert import Item, Message, Story
from pipeline.records.thread import EventKind, Evidence
from pipeline.threads.member import cut

MAX_BYTES: Final = 19_999
"""The specification asks for less than 20 kB."""

_LEAST: Final[tuple[EventKind, ...]] = ("joined", "moved", "split", "merged", "refused", "heartbeat", "spread")
"""Events that change least what a reader believes, the least first; told of a story for the first time, none is."""


@dataclass(frozen=True, slots=True)
class _Room:
    """How much is told of each alert."""

    quotes: int
    """Of its event, beside those of the sides."""

    names: int
    """Parties of a role."""

    twice: bool
    """Whether quotes stand both in the sentences and by themselves, and the claim beside the sides."""


_ROOMS: Final = (_Room(8, 10, twice=True), _Room(2, 10, twice=True), _Room(0, 3, twice=True), _Room(0, 3, twice=False))
"""From the most to the least; the largest that fits is taken."""

MAX_TEXT: Final = 8000
"""Bytes of a notice."""

MAX_SENTENCES: Final = 800
"""Bytes of what changed, of what happened, and of the subscription's name."""


def webhook_body(message: Message) -> bytes:
    """The message as JSON in UTF-8, at most `MAX_BYTES`: where it would be more, quotes go first, then the least
    important alerts, which `data.more` counts.
    """
    for room in _ROOMS:
        body = _body(message, message.items, room)
        if len(body) <= MAX_BYTES:
            return body
    kept = list(message.items)
    for item in sorted(message.items, key=_importance):
        kept.remove(item)
        body = _body(message, kept, _ROOMS[-1])
        if len(body) <= MAX_BYTES:
            break
    return body


def _importance(item: Item) -> tuple[bool, int, datetime]:
    kind = item.event.kind
    return item.first, _LEAST.index(kind) if kind in _LEAST else len(_LEAST), item.event.when


def _body(message: Message, items: Sequence[Item], room: _Room) -> bytes:
    data: dict[str, Any] = {
        "subscription": {"id": message.subscription, "name": cut(clean(message.name), MAX_SENTENCES)},
        "alerts": [_alert(item, room) for item in items],
        "more": message.more + len(message.items) - len(items),
    }
    if message.thread:
        data["thread"] = message.thread
    if message.text:
        data["text"] = cut(clean(message.text), MAX_TEXT)
    if message.held:
        data["held"] = {clean(reason): number for reason, number in message.held.items()}
        data["text"] = " ".join(held(message))
    body = {"type": message.kind, "timestamp": _time(message.made), "data": data}
    # No character is left that is not printable, so a receiver that shows it as it comes is safe from that at least.
    return json.dumps(body, ensure_ascii=False, separators=(",", ":")).encode(errors="replace")


def _alert(item: Item, room: _Room) -> dict[str, Any]:
    event = item.event
    return {
        "id": item.alert,
        "first": item.first,
        "since": cut(clean(item.since), MAX_SENTENCES),
        "event": {
            "id": event.id,
            "kind": event.kind,
            "time": _time(event.when),
            "text": cut(clean(happened(event)), MAX_SENTENCES),
            "quotes": [_quote(one) for one in event.evidence[-room.quotes :]] if room.quotes else [],
        },
        "story": _story(item.story, room),
    }


def _story(story: Story, room: _Room) -> dict[str, Any]:
    """What a story's quotes say stands beside who says it: `told` is never without an outlet."""
    beside = room.twice or (story.first_allegation is None and story.first_denial is None)
    return {
        "thread": story.thread,
        "language": clean(story.language),
        "state": story.state,
        "headline": headline(story),
        "title": clean(story.title),
        "outlet": clean(story.claim.outlet),
        "told": list(_told(story, quoted=room.twice)),
        "accusers": _names(story.accusers, room.names),
        "accused": _names(story.accused, room.names),
        "deniers": _names(story.deniers, room.names),
        "claim": _quote(story.claim if beside else None),
        "first_allegation": _quote(story.first_allegation),
        "first_denial": _quote(story.first_denial),
        "sources": {"alleging": story.alleging, "denying": story.denying, "all": story.telling},
        "articles": story.articles,
        "copies": story.copies,
        "sources_text": sources(story),
        "lag_seconds": story.lag_seconds,
        "lag_text": lag(story),
        "first_activity": _time(story.first_activity),
        "last_activity": _time(story.last_activity),
        "url": link(story.url),
        "rules": [clean(rule) for rule in story.rules],
        "ruleset": clean(story.ruleset),
    }


def _told(story: Story, *, quoted: bool) -> Iterator[str]:
    for said in sides(story):
        yield f"{said.who}: “{said.quote.text}”" if said.quote is not None and quoted else f"{said.who}."


def _names(names: Iterable[str], most: int) -> list[str]:
    return [clean(name) for name in names][:most]


def _quote(evidence: Evidence | None) -> dict[str, Any] | None:
    if evidence is None:
        return None
    return {
        "text": clean(evidence.quote),
        "outlet": clean(evidence.outlet),
        "source": clean(evidence.source),
        "published": _time(evidence.published),
        "published_source": evidence.published_source,
        "url": link(evidence.link),
    }


def _time(moment: datetime) -> str:
    return f"{moment.astimezone(UTC).isoformat(timespec='seconds').removesuffix('+00:00')}Z"
