"""What came by on the topics, and when all of it has. Pure: records and the time are arguments."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from datetime import datetime
from typing import Final, get_args

from pipeline.demo.alerts import Alerted, Arrival, Tally, compare_alerts, still_to_tell, undecided
from pipeline.demo.disputes import Told, compare_disputes
from pipeline.demo.expectations import Expected, Verdict, compare, still_to_come
from pipeline.kafka import Message
from pipeline.records import (
    Article,
    CopyGroup,
    FlaggedArticle,
    Kind,
    Match,
    Thread,
    ThreadEvent,
    alert_id,
    alerts,
    batches,
    copy_groups,
    deliver_inputs,
    deliveries,
    flagged,
    thread_events,
    threads,
)
from pipeline.records.thread import State
from pipeline.topics import (
    ALERTS,
    ARTICLES_DEDUPED,
    ARTICLES_DEDUPED_DEAD,
    ARTICLES_FRESH_DEAD,
    ARTICLES_RAW,
    ARTICLES_RAW_DEAD,
    COPIES,
    DELIVER_IN,
    DELIVER_IN_DEAD,
    DELIVERIES,
    FLAGS,
    STORY_EVENTS_DEAD,
    THREAD_EVENTS,
    THREADS,
    THREADS_IN_DEAD,
)

DEAD: Final = (
    ARTICLES_RAW_DEAD, ARTICLES_FRESH_DEAD, ARTICLES_DEDUPED_DEAD, THREADS_IN_DEAD, STORY_EVENTS_DEAD, DELIVER_IN_DEAD,
)  # fmt: skip
FOLLOWED: Final = (
    ARTICLES_RAW, ARTICLES_DEDUPED, COPIES, FLAGS, THREADS, THREAD_EVENTS, DELIVER_IN, ALERTS, DELIVERIES, *DEAD,
)  # fmt: skip

SHOWN: Final = ("joined", "disputed", "spread", "stance_changed")
"""Events that are shown: what makes a dispute of articles. The others are told by the articles themselves."""

ROUNDS: Final = 3
"""Rounds of heartbeats after the last article. A heartbeat keeps its partition number, an article does not: the first
round shows that dedupe has handled every article, the second, sent later, that the stages behind it have, where an
article stays in its language's partition; the third that what they sent was there to be read. What is told ends behind
that, and is waited for by itself."""

MORE_ROUNDS: Final = 3
"""If somebody was not told then who should have been, or was who should not: so many rounds more to be sure of it."""


class Rounds:
    """Counts rounds: in each, every partition passed a heartbeat that was sent after the round began."""

    def __init__(self, partitions: int) -> None:
        self._partitions = partitions
        self._began: datetime | None = None
        self._beaten: set[int] = set()
        self.complete = 0

    def begin(self, now: datetime) -> None:
        """The first round begins, unless it has begun."""
        if self._began is None:
            self._began = now

    def beat(self, partition: int, sent: datetime, now: datetime) -> None:
        """A heartbeat, sent at ``sent``, has arrived at the end of the pipe."""
        if self._began is None or sent <= self._began:
            return
        self._beaten.add(partition)
        if len(self._beaten) == self._partitions:
            self.complete += 1
            self._began, self._beaten = now, set()


@dataclass(frozen=True, slots=True)
class Counts:
    """What the topics carried. `flagged` counts articles: one with two denials in it counts once; `copies` those that
    are copies of another outlet's."""

    published: int
    duplicates: dict[str, int]
    copies: int
    flagged: dict[str, int]
    threads: dict[str, int]
    dead: int
    alerts: dict[str, Tally]
    """By subscription."""


class Watch:
    """Takes in the messages of the topics `FOLLOWED`, in the order of each partition."""

    def __init__(self, expected: Expected, partitions: int) -> None:
        self.expected = expected
        self._rounds = Rounds(partitions)
        self.raw: list[Article] = []
        self.fresh: list[Article] = []
        self.flagged: list[FlaggedArticle] = []
        self.groups: dict[str, CopyGroup] = {}
        self.threads: dict[str, Thread] = {}
        """Each as it is now."""

        self.events: dict[str, ThreadEvent] = {}
        self.alerted = Alerted()
        self.dead: list[Message] = []

    def take(self, message: Message, now: datetime) -> FlaggedArticle | ThreadEvent | None:
        """Take one in; what is worth showing of it: a flagged article or an event, if it was not seen before.

        Raises:
            RecordError: a record is not what its topic says.
        """
        story = self._take(message, now)
        if not still_to_come(self.expected, self.raw):
            self._rounds.begin(now)
        return story

    def _take(self, message: Message, now: datetime) -> FlaggedArticle | ThreadEvent | None:
        value = message.value or b""
        if message.topic == FLAGS:
            return self._take_flagged(flagged.decode(value))
        if message.topic in (ARTICLES_RAW, ARTICLES_DEDUPED):
            batch = batches.decode(value)
            if batch.heartbeat is None:
                (self.raw if message.topic == ARTICLES_RAW else self.fresh).extend(batch.articles)
        elif message.topic == COPIES:
            group = copy_groups.decode(value)
            self.groups[group.group] = group
        elif message.topic == THREADS:
            if message.value is not None:
                thread = threads.decode(value)
                self.threads[thread.id] = thread
        elif message.topic == THREAD_EVENTS:
            return self._take_event(thread_events.decode(value), now)
        elif message.topic in (DELIVER_IN, ALERTS, DELIVERIES):
            self._take_told(message.topic, value)
        else:
            self.dead.append(message)
        return None

    def _take_told(self, topic: str, value: bytes) -> None:
        if topic == ALERTS:
            self.alerted.take_alert(alerts.decode(value))
        elif topic == DELIVERIES:
            self.alerted.take_delivery(deliveries.decode(value))
        elif isinstance(match := deliver_inputs.decode(value).what, Match):
            self.alerted.matched.add(alert_id(match.subscription, match.event.id))

    def seconds_to(self, arrival: Arrival, now: datetime) -> float | None:
        """Seconds from the fetch of the first article that a webhook tells of to ``now``; None if it is not known."""
        of = (self.alerted.alerts.get(str(one.get("id"))) for one in arrival.alerts)
        fetched = [one.fetched for one in of if one is not None and one.fetched is not None]
        return (now - min(fetched)).total_seconds() if fetched else None

    def _take_event(self, event: ThreadEvent, now: datetime) -> ThreadEvent | None:
        if event.heartbeat is not None:
            self._rounds.beat(event.heartbeat, event.when, now)
            return None
        again = event.id in self.events
        self.events.setdefault(event.id, event)
        at_once = event.kind == "disputed" and not event.before  # its article was shown with both sides
        return event if event.kind in SHOWN and not again and not at_once else None

    def _take_flagged(self, record: FlaggedArticle) -> FlaggedArticle | None:
        if record.heartbeat is not None:
            return None
        again = any(_text(record.article) == _text(one.article) for one in self.flagged)
        if not again:
            self.flagged.append(record)
        return None if again else record

    @property
    def finished(self) -> bool:
        """Whether every expected article was published, everything published has gone through all stages, and
        everything that is told has arrived."""
        if self._rounds.complete < ROUNDS or self._under_way():
            return False
        return self._rounds.complete >= ROUNDS + MORE_ROUNDS or self._compare_alerts().met

    def waits_for(self) -> tuple[str, ...]:
        """What is missing to be finished."""
        if missing := still_to_come(self.expected, self.raw):
            return missing
        if self._rounds.complete < ROUNDS:
            return (f"heartbeats behind the last article: {self._rounds.complete} of {ROUNDS} rounds came through",)
        return self._under_way()

    def _under_way(self) -> tuple[str, ...]:
        """What is to be told and did not arrive yet."""
        left = undecided(self.alerted) if self.expected.alerts else 0
        matches = (f"{left} matches are on no alert",) if left else ()
        return still_to_tell(self.expected, self.told, self.alerted) + matches

    def _compare_alerts(self) -> Verdict:
        return compare_alerts(self.expected, self.told, self.alerted) if self.expected.alerts else Verdict((), ())

    @property
    def told(self) -> Told:
        """What was told of copies and threads."""
        return Told(self.fresh, self.groups, self.threads, tuple(self.events.values()))

    def verdict(self) -> Verdict:
        """How it compares with what is expected; a dead letter is never expected."""
        verdict = compare(self.expected, self.raw, self.fresh, self.flagged)
        verdict += compare_disputes(self.expected, self.told) + self._compare_alerts()
        dead = tuple(f"a dead letter on {one.topic}: {_reason(one)}" for one in self.dead)
        waiting = tuple(line for line in self.waits_for() if line not in verdict.missing)
        return Verdict(verdict.missing + waiting, verdict.unexpected + dead)

    def counts(self) -> Counts:
        """Totals; the kinds of duplicates follow from what reached which topic."""
        texts = {_text(article) for article in self.raw}
        passed = {_text(article) for article in self.fresh}
        revisions = {_text(article) for article in self.fresh if article.revision_of}
        kinds = Counter(kind for one in self.flagged for kind in {flag.kind for flag in one.flags})
        states = Counter(thread.state for thread in self.threads.values())
        return Counts(
            published=len(self.raw),
            duplicates={
                "seen_again": len(self.raw) - len(texts),
                "duplicate": len(texts - passed),
                "revision": len(revisions),
            },
            copies=sum(map(len, self.told.copies().values())),
            flagged={kind: kinds[kind] for kind in get_args(Kind)},
            threads={state: states[state] for state in get_args(State)},
            dead=len(self.dead),
            alerts={one.subscription: self.alerted.tally(one) for one in self.expected.alerts},
        )


def _text(article: Article) -> tuple[str, str]:
    return article.id, article.text_hash


def _reason(message: Message) -> str:
    headers = dict(message.headers)
    return headers.get("counterclaim-reason", b"no reason given").decode(errors="replace")
