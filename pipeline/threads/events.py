"""What is told of a thread: the events that follow from what it was and what it is.

An event's id follows from thread, kind and cause, so there is at most one of a kind for a cause, and a replay tells the
same again.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

import msgspec

from pipeline.records.article import Article
from pipeline.records.thread import (
    Command,
    EventKind,
    Evidence,
    Parties,
    State,
    Thread,
    ThreadEvent,
    Tick,
    event_id,
)
from pipeline.threads.member import Who, party_key
from pipeline.threads.spread import reached

CLOSED: Final[frozenset[State]] = frozenset({"conceded", "retracted"})

_SAID: Final[dict[State, str]] = {
    "alleged": "Alleged; no denial is known.",
    "denied": "Denied; who claims it is not known.",
    "disputed": "One side alleges it, another denies it.",
    "conceded": "A person marked it as conceded by the accused.",
    "retracted": "Every article that alleged it has dropped it, or a person marked it as retracted.",
}


@dataclass(frozen=True, slots=True)
class Cause:
    """Why events happen: what their ids are made of, their event time, and the wall clock."""

    key: str
    when: datetime
    position: int
    """Offset in `threads.in`."""

    now: datetime
    """By the worker's clock; outside the determinism promise."""


def by_article(article: Article, position: int, now: datetime) -> Cause:
    """A text of an article: its first one happened when it was published, a later one when we fetched it."""
    when = article.fetched if article.revision_of else article.published
    return Cause(f"article:{article.id}:{article.text_hash}", when, position, now)


def by_tick(tick: Tick, position: int, now: datetime) -> Cause:
    """A tick."""
    return Cause(f"tick:{tick.time.isoformat()}", tick.time, position, now)


def by_command(command: Command, position: int, now: datetime) -> Cause:
    """A person's command."""
    return Cause(f"command:{command.id}", command.given, position, now)


def event(thread: Thread, kind: EventKind, cause: Cause, what: str, **more: Any) -> ThreadEvent:
    """One event of a thread as it is now."""
    fields: dict[str, Any] = {"language": thread.language, "state": thread.state} | more
    return ThreadEvent(
        id=event_id(thread.id, kind, cause.key),
        thread=thread.id,
        kind=kind,
        cause=cause.key,
        when=cause.when,
        what=what,
        processed=cause.now,
        **fields,
    )


def heartbeat(partition: int, cause: Cause) -> ThreadEvent:
    """The heartbeat of a partition has come by."""
    return ThreadEvent(
        id=event_id("", "heartbeat", cause.key),
        thread="",
        kind="heartbeat",
        cause=cause.key,
        when=cause.when,
        what="A heartbeat.",
        heartbeat=partition,
        processed=cause.now,
    )


def changed(
    before: Thread | None, after: Thread, cause: Cause, events: Iterable[ThreadEvent] = ()
) -> tuple[Thread, tuple[ThreadEvent, ...]]:
    """The thread as it is to be kept, and ``events`` followed by those that the change itself brings.

    Args:
        before: None for a new thread; whom it names from the start are not told as new.
    """
    told = [*events]
    if before is not None:
        told += _newcomers(before, after, cause)
    told += _states(before, after, cause)
    number = reached(after)
    if number > after.spread_told:
        after = msgspec.structs.replace(after, spread_told=number)
        what = f"{number} independent sources carry it."
        told.append(event(after, "spread", cause, what, number=number))
    after = msgspec.structs.replace(
        after,
        revision=(before.revision if before else 0) + 1,
        position=cause.position,
        last_event=told[-1].id if told else after.last_event,
    )
    return after, tuple(told)


def _newcomers(before: Thread, after: Thread, cause: Cause) -> Iterable[ThreadEvent]:
    for kind, verb, old, new in (
        ("new_accuser", "alleged", before.accusers, after.accusers),
        ("new_denier", "denied", before.deniers, after.deniers),
    ):
        known = set(_keys(old))
        fresh = [one for one in new.named if party_key((one.name, one.code)) not in known]
        if fresh:
            names = tuple(one.name for one in fresh)
            what = f"{' and '.join(names)} {verb} it{' too' if known else ''}."
            yield event(after, kind, cause, what, names=names, evidence=tuple(one.first for one in fresh))  # type: ignore[arg-type]  # both are kinds


def _keys(parties: Parties) -> Iterable[str]:
    who: Iterable[Who] = ((one.name, one.code) for one in parties.named)
    return map(party_key, who)


def _states(before: Thread | None, after: Thread, cause: Cause) -> Iterable[ThreadEvent]:
    was = before.state if before is not None else None
    now = after.state
    if now == was:
        return
    kind: EventKind
    if now == "disputed" and was not in CLOSED:
        kind = "disputed"
    elif now == "conceded":
        kind = "conceded"
    elif now == "retracted":
        kind = "retracted"
    elif was in CLOSED:
        kind = "reopened"
    else:
        return  # alleged or denied: the created event says it, or the change of stance that led there
    quotes: tuple[Evidence | None, ...] = (after.first_allegation, after.first_denial)
    found = tuple(one for one in quotes if one is not None)
    yield event(after, kind, cause, _SAID[now], before=was, evidence=found)
