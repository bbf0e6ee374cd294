"""Agent `alert`: story-events → deliver.in. Each subscription that an event of a story is for learns of it.

It remembers nothing: subscriptions and silences are followed on their own topics, and what was told before is for the
delivering process to know. An event that comes again is sent again, and is the same but for the time.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from datetime import datetime
from time import perf_counter

import msgspec
import structlog

from agents.outbox import Outgoing
from agents.stage import Clock, Handled, Handler, Message, bury, utc_now
from pipeline.channels.story import digest, trimmed
from pipeline.metrics import Metrics
from pipeline.records import DeliverInput, Match, Merged, Silence, StoryEvent, Subscription, encode
from pipeline.subscriptions.matching import Matching, Verdict, is_story, merges
from pipeline.subscriptions.query import QueryError
from pipeline.topics import DELIVER_IN

log = structlog.get_logger(__name__)


def make_alert(matching: Matching, metrics: Metrics, clock: Clock = utc_now, *, partitions: int) -> Handler[StoryEvent]:
    """The handler. ``matching`` knows the subscriptions of the moment; ``partitions`` is how many `deliver.in` has."""

    async def alert(told: StoryEvent, message: Message) -> Handled:
        if told.heartbeat is not None:
            return Handled(count=_counting_beat(metrics, told, told.heartbeat, clock))
        merged = tuple(_merged(merges(told), partitions))
        if told.event.kind == "merged" and not is_story(told):
            return Handled(merged, 1, count=_counting(metrics, told))
        began, now = perf_counter(), clock()
        try:
            verdicts = matching.verdicts(told, now)
            results = (*merged, *_matches(told, verdicts, now))
        except Exception as error:  # of this event only; the next ones are told
            log.exception("matching failed", partition=message.partition, offset=message.offset, of=told.event.id)
            metrics.dead_letters.labels(topic=message.topic).inc()
            return Handled((*merged, bury(message, message.value, error)), 1)
        seconds = perf_counter() - began
        return Handled(results, 1, int(bool(verdicts)), _counting(metrics, told, verdicts, seconds))

    return alert


class Wanted:
    """Keeps a `Matching` as `pipeline.subscriptions.known` says; one broken query never stops the others."""

    def __init__(self, matching: Matching, metrics: Metrics) -> None:
        self._matching, self._metrics = matching, metrics

    def changed(self, name: str, subscription: Subscription | None) -> None:
        """A subscription is live as it is now, or None: no more."""
        try:
            if subscription is None:
                self._matching.drop(name)
            else:
                self._matching.put(subscription)
        except QueryError as error:
            log.warning("subscription left out: its query cannot be read here", subscription=name, why=str(error))
        except Exception:  # a fault of ours: whoever follows the topic must go on
            log.exception("subscription left out", subscription=name)
        self._count()

    def silenced(self, name: str, silence: Silence | None) -> None:
        """A silence as it is now, or None: it was removed."""
        try:
            if silence is None:
                self._matching.unsilence(name)
            else:
                self._matching.silence(silence)
        except QueryError as error:
            log.warning("silence left out: its query cannot be read here", silence=name, why=str(error))
        except Exception:
            log.exception("silence left out", silence=name)
        self._count()

    def _count(self) -> None:
        matching, metrics = self._matching, self._metrics
        metrics.subscriptions.labels(state="matched").set(len(matching.subscriptions))
        metrics.subscriptions.labels(state="broken").set(len(matching.broken))
        metrics.silences.labels(state="known").set(len(matching.silences))
        metrics.silences.labels(state="broken").set(len(matching.broken_silences))


class _Spliced(Match, frozen=True, kw_only=True, omit_defaults=True, tag_field="type", tag="match"):
    """A match whose large parts are encoded already: they are the same for each of a thousand subscriptions."""

    event: msgspec.Raw  # type: ignore[assignment]  # the same record, these two left encoded
    story: msgspec.Raw  # type: ignore[assignment]


class _SplicedInput(DeliverInput, frozen=True, kw_only=True, omit_defaults=True):
    what: _Spliced


def _matches(told: StoryEvent, verdicts: Sequence[Verdict], now: datetime) -> Iterator[Outgoing]:
    if not verdicts:
        return
    event, story = (msgspec.Raw(msgspec.json.encode(one)) for one in (trimmed(told.event), digest(told)))
    fetched = None if told.article is None else told.article.fetched
    for one in verdicts:
        match = _Spliced(
            subscription=one.subscription,
            event=event,
            story=story,
            group=one.group,
            held=one.held,
            silence=one.silence,
            fetched=fetched,
            matched=now,
        )
        yield Outgoing(DELIVER_IN, encode(_SplicedInput(what=match)), one.subscription.encode())


def _merged(pairs: Sequence[tuple[str, str]], partitions: int) -> Iterator[Outgoing]:
    """Whoever was told of the one was told of the other, in whichever partition that is remembered."""
    for thread, into in pairs:
        for partition in range(partitions):
            what = Merged(partition=partition, thread=thread, into=into)
            yield Outgoing(DELIVER_IN, encode(DeliverInput(what=what)), b"merged", partition)


def _counting(
    metrics: Metrics, told: StoryEvent, verdicts: Sequence[Verdict] = (), seconds: float | None = None
) -> Callable[[], None]:
    def count() -> None:
        metrics.story_events.labels(kind=told.event.kind).inc()
        for one in verdicts:
            metrics.matches.labels(outcome="silenced" if one.silence else one.held or "open").inc()
        if seconds is not None:
            metrics.matching_seconds.observe(seconds)

    return count


def _counting_beat(metrics: Metrics, told: StoryEvent, partition: int, clock: Clock) -> Callable[[], None]:
    def count() -> None:
        now = clock()
        metrics.heartbeat_timestamp_seconds.labels(partition=partition).set(now.timestamp())
        if told.article is not None:
            metrics.heartbeat_seconds.observe((now - told.article.fetched).total_seconds())

    return count
