"""The records of one transaction, each once: of several with one id the newest. Pure."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from pipeline.records import (
    Alert,
    Article,
    Delivery,
    FlaggedArticle,
    Thread,
    ThreadEvent,
    alerts,
    decode_batch,
    deliveries,
    flagged,
    thread_events,
    threads,
)
from pipeline.topics import ALERTS, ARTICLES_DEDUPED, DELIVERIES, FLAGS, THREAD_EVENTS, THREADS

READ: Final = (ARTICLES_DEDUPED, FLAGS, THREADS, THREAD_EVENTS, ALERTS, DELIVERIES)
"""The topics that are archived."""


@dataclass(slots=True)
class Batch:
    """What is to be written together, by what makes a row one row."""

    articles: dict[tuple[str, str], Article] = field(default_factory=dict)
    """To be counted: the first of each text."""

    flagged: dict[str, FlaggedArticle] = field(default_factory=dict)
    marked: dict[tuple[str, str], Article] = field(default_factory=dict)
    """To be counted as flagged: the first of each text."""

    threads: dict[str, Thread] = field(default_factory=dict)
    events: dict[str, ThreadEvent] = field(default_factory=dict)
    alerts: dict[str, Alert] = field(default_factory=dict)
    deliveries: dict[tuple[Any, ...], Delivery] = field(default_factory=dict)

    def add(self, topic: str, value: bytes) -> None:
        """Take in a record's bytes. Heartbeats are nothing to keep.

        Raises:
            RecordError: they are no record of that topic.
        """
        _TAKE[topic](self, value)

    def _articles(self, value: bytes) -> None:
        batch, _ = decode_batch(value)  # an article that cannot be read is in the dead letters: the rules read it too
        if batch.heartbeat is None:
            for article in batch.articles:
                self.articles.setdefault((article.id, article.text_hash), article)

    def _flagged(self, value: bytes) -> None:
        one = flagged.decode(value)
        if one.heartbeat is None:
            self.marked.setdefault((one.article.id, one.article.text_hash), one.article)
            _newest(self.flagged, one.article.id, one, lambda each: (each.article.fetched, each.flagged))

    def _thread(self, value: bytes) -> None:
        one = threads.decode(value)
        _newest(self.threads, one.id, one, lambda each: (each.position, each.revision))

    def _event(self, value: bytes) -> None:
        one = thread_events.decode(value)
        if one.heartbeat is None:  # the first that was told of it, for a replay tells it with another clock
            _newest(self.events, one.id, one, lambda each: -each.processed.timestamp())

    def _alert(self, value: bytes) -> None:
        one = alerts.decode(value)
        _newest(self.alerts, one.id, one, lambda each: (bool(each.message), each.decided))

    def _delivery(self, value: bytes) -> None:
        one = deliveries.decode(value)
        _newest(self.deliveries, (one.id, one.attempt, one.began), one, lambda each: each.ended)


_TAKE: Final[Mapping[str, Callable[[Batch, bytes], None]]] = {
    ARTICLES_DEDUPED: Batch._articles,  # noqa: SLF001 - its own
    FLAGS: Batch._flagged,  # noqa: SLF001
    THREADS: Batch._thread,  # noqa: SLF001
    THREAD_EVENTS: Batch._event,  # noqa: SLF001
    ALERTS: Batch._alert,  # noqa: SLF001
    DELIVERIES: Batch._delivery,  # noqa: SLF001
}


def _newest(known: dict[Any, Any], key: Any, one: Any, age: Callable[[Any], Any]) -> None:
    before = known.get(key)
    if before is None or age(one) > age(before):
        known[key] = one
