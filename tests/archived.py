"""Records as the topics have them, for the archive: of one little story, or as many as you like."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any

import msgspec

from pipeline.kafka import Message as LogMessage
from pipeline.records import (
    Alert,
    Article,
    Delivery,
    Evidence,
    FlaggedArticle,
    Item,
    Message,
    Parties,
    Party,
    Record,
    Side,
    Story,
    Thread,
    ThreadEvent,
    alert_id,
    delivery_id,
    encode,
    event_id,
    message_id,
)
from pipeline.records.article import CopyOf
from pipeline.records.thread import Membership
from pipeline.topics import ALERTS, ARTICLES_DEDUPED, DELIVERIES, FLAGS, THREAD_EVENTS, THREADS
from tests.articles import NOON, make_batch
from tests.disputes import accuses, denies, telling

LANGUAGES = ("en", "fr")
TEXT = "silver spoons"
"""Words of every article here, and so of every quote."""


def flagged(number: int, *, hours: float = 0, **changes: Any) -> FlaggedArticle:
    """Article ``number``, which accuses and denies, as it is on `flags`."""
    told = telling(number, accuses(), denies(), hours=hours, **changes)
    return FlaggedArticle(article=told.article, flags=told.flags, ruleset="r1", flagged=told.article.fetched)


def evidence(article: Article) -> Evidence:
    """A quote of it."""
    return Evidence(
        article=article.id,
        text_hash=article.text_hash,
        published=article.published,
        quote=f"the {TEXT}",
        outlet=article.outlet,
        source=article.source,
        link=article.url,
    )


def thread(*members: Article, position: int = 0, **changes: Any) -> Thread:
    """The thread of these articles; the first names it, and its claim is of it."""
    first = members[0]
    quote = evidence(first)
    party = Party(name="Borduria", code="BORGOV", first=quote)
    fields: dict[str, Any] = {
        "id": first.id,
        "language": first.language,
        "state": "disputed",
        "claim": quote,
        "title": f"{first.title} {TEXT}",
        "accusers": Parties(named=(Party(name="Aland", first=evidence(members[-1])),)),
        "accused": Parties(named=(party,)),
        "deniers": Parties(named=(party,)),
        "first_allegation": quote,
        "members": len(members),
        "telling": Side(articles=len(members), sources=tuple(one.source for one in members)),
        "first_activity": min(one.published for one in members),
        "last_activity": max(one.published for one in members),
        "revision": len(members),
        "position": position,
    }
    return Thread(**fields | changes)


def event(of: Thread, kind: Any, article: Article, **changes: Any) -> ThreadEvent:
    """Something that an article did to a thread."""
    cause = f"article:{article.id}:{article.text_hash}"
    fields: dict[str, Any] = {
        "id": event_id(of.id, kind, cause),
        "thread": of.id,
        "kind": kind,
        "cause": cause,
        "when": article.published,
        "what": "Something happened.",
        "language": of.language,
        "state": of.state,
        "evidence": (evidence(article),),
        "member": Membership(article=article.id, score=0.5, terms=((TEXT, 0.5),), reason=f"Shares “{TEXT}”."),
        "processed": article.fetched,
    }
    return ThreadEvent(**fields | changes)


def story(of: Thread, article: Article) -> Story:
    """The thread as a message tells it."""
    return Story(
        thread=of.id,
        language=of.language,
        state=of.state,
        title=of.title,
        claim=of.claim,
        first_allegation=of.first_allegation,
        first_activity=of.first_activity,
        last_activity=of.last_activity,
        url=article.url,
        outlet=article.outlet,
    )


def alert(of: Thread, by: ThreadEvent, article: Article, *, subscription: str = "desk", **changes: Any) -> Alert:
    """A subscription was told of it."""
    fields: dict[str, Any] = {
        "id": alert_id(subscription, by.id),
        "subscription": subscription,
        "outcome": "told",
        "event": by,
        "story": story(of, article),
        "decided": article.fetched,
    }
    return Alert(**fields | changes)


def delivery(of: Alert, *, attempt: int = 1, **changes: Any) -> Delivery:
    """An attempt to deliver the message of an alert."""
    message = Message(
        id=message_id(of.subscription, "story.new", [of.id]),
        kind="story.new",
        subscription=of.subscription,
        name="The desk",
        items=(Item(alert=of.id, event=of.event, story=of.story, first=True, since=f"More {TEXT}"),),
        thread=of.story.thread,
        made=of.decided,
    )
    began = of.decided + timedelta(minutes=attempt)
    fields: dict[str, Any] = {
        "id": delivery_id(message.id, "hook"),
        "subscription": of.subscription,
        "channel": "hook",
        "channel_type": "webhook",
        "address": "https://desk.example",
        "attempt": attempt,
        "outcome": "delivered",
        "status": 200,
        "message": message,
        "began": began,
        "ended": began + timedelta(seconds=1),
    }
    return Delivery(**fields | changes)


@dataclass
class Topics:
    """The log as the stages would have left it: records in order, each with its place."""

    messages: list[LogMessage]

    @classmethod
    def empty(cls) -> Topics:
        """Nothing yet."""
        return cls([])

    def put(self, topic: str, record: Record | bytes | None, *, partition: int = 0, key: bytes = b"k") -> LogMessage:
        """Add a record at the end of a partition."""
        offset = sum(one.topic == topic and one.partition == partition for one in self.messages)
        value = encode(record) if isinstance(record, Record) else record
        self.messages.append(LogMessage(topic, partition, offset, NOON, key, value, ()))
        return self.messages[-1]

    def again(self, message: LogMessage) -> LogMessage:
        """A stage that was killed sends what it had sent."""
        offset = sum((one.topic, one.partition) == (message.topic, message.partition) for one in self.messages)
        self.messages.append(replace(message, offset=offset))
        return self.messages[-1]


def story_log(stories: int = 2) -> Topics:
    """Some stories, each with three articles (a copy and a revision among them), and articles that nobody flags."""
    log = Topics.empty()
    for number in range(stories):
        _one_story(log, number * 10 + 1, LANGUAGES[number % 2])
    return log


def _one_story(log: Topics, number: int, language: str) -> None:
    partition = LANGUAGES.index(language)
    first = flagged(number, language=language)
    copy = CopyOf(
        group=first.article.id, original=first.article.id, of=first.article.id, containment=1, contained=1, why=""
    )
    second = flagged(number + 1, hours=1, language=language, copy=copy)
    old = flagged(number + 2, hours=2, language=language)
    later = old.article.fetched + timedelta(minutes=30)
    revised = msgspec.structs.replace(
        old,
        article=msgspec.structs.replace(
            old.article, title="Another headline", text_hash="f" * 16, revision_of=old.article.text_hash, fetched=later
        ),
        flagged=later,
    )
    plain = flagged(number + 3, hours=3, language=language).article
    batch = make_batch(first.article, second.article, old.article, plain, id=f"b{number}", key=language)
    log.put(ARTICLES_DEDUPED, batch, partition=partition)
    log.put(ARTICLES_DEDUPED, make_batch(revised.article, id=f"b{number}r", key=language), partition=partition)
    members: list[Article] = []
    for position, one in enumerate((first, second, old, revised)):
        log.put(FLAGS, one, partition=partition)
        members = [each for each in members if each.id != one.article.id] + [one.article]
        state = thread(*members, position=number * 100 + position)
        happened = event(state, "joined" if position else "created", one.article)
        log.put(THREADS, state, partition=partition, key=state.id.encode())
        log.put(THREAD_EVENTS, happened, partition=partition)
        told = alert(state, happened, one.article)
        log.put(ALERTS, told)
        log.put(ALERTS, msgspec.structs.replace(told, message=message_id("desk", "story.new", [told.id])))
        failed = delivery(told, outcome="failed", status=500, next_try=NOON + timedelta(hours=5))
        log.put(DELIVERIES, failed)
        log.put(DELIVERIES, delivery(told, attempt=2))


def moved(record: Thread, *, position: int, **changes: Any) -> Thread:
    """A thread later on."""
    return msgspec.structs.replace(record, position=position, **changes)


LATE: datetime = NOON + timedelta(hours=12)
"""A wall clock after everything here."""
