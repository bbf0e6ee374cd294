"""What came by on the topics: counts, and when all has come through."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from pipeline.demo.expectations import Expected
from pipeline.demo.watch import Rounds, Watch
from pipeline.heartbeat import heartbeat
from pipeline.kafka import Message
from pipeline.records import Article, Flag, FlaggedArticle, Record, Span, encode
from pipeline.threads.events import by_article
from pipeline.threads.events import heartbeat as heartbeat_event
from pipeline.topics import ARTICLES_DEDUPED, ARTICLES_RAW, ARTICLES_RAW_DEAD, FLAGS, THREAD_EVENTS, THREADS
from tests.articles import NOON, make_article, make_batch
from tests.disputes import Court, accuses, denies, telling

PARTITIONS = 2

EXPECTED = Expected.model_validate(
    {
        "never_quoted": [],
        "items": [
            {
                "outlet": "The Herald", "path": "/1", "feeds": ["a"], "dedupe": ["new"], "why": "a denial",
                "flags": [{"kind": "denial", "category": "denial"}],
            }
        ],
    }
)  # fmt: skip


def after(seconds: float) -> datetime:
    """A time, counted from noon."""
    return NOON + timedelta(seconds=seconds)


def message(topic: str, record: Record) -> Message:
    """The record on its topic."""
    return Message(topic, 0, 0, datetime.now(UTC), b"key", encode(record), ())


def flagged(article: Article) -> FlaggedArticle:
    """The article with one denial."""
    span = Span(field="title", start=0, end=7, quote=article.title[:7])
    flag = Flag(id="f", kind="denial", category="denial", rule="r", version=1, score=1.0, spans=(span,))
    return FlaggedArticle(article=article, flags=(flag,), ruleset="r", flagged=NOON)


def beat(partition: int, sent: datetime) -> Message:
    """A heartbeat that has come to the end of the pipe."""
    (article,) = heartbeat(partition, sent).articles
    return message(THREAD_EVENTS, heartbeat_event(partition, by_article(article, 0, sent)))


def test_a_round_needs_a_later_heartbeat_of_every_partition() -> None:
    """Heartbeats sent before the round began say nothing about it, and one partition does not stand for another."""
    rounds = Rounds(PARTITIONS)
    rounds.beat(0, after(0), after(1))
    rounds.begin(after(2))
    for partition in range(PARTITIONS):
        rounds.beat(partition, after(2), after(3))
    rounds.beat(0, after(4), after(5))
    rounds.beat(0, after(5), after(6))
    assert rounds.complete == 0
    rounds.beat(1, after(4), after(7))
    assert rounds.complete == 1


def test_the_next_round_begins_when_one_is_complete() -> None:
    """A heartbeat that was under way then does not count for it; beginning again changes nothing."""
    rounds = Rounds(PARTITIONS)
    rounds.begin(after(0))
    rounds.beat(0, after(1), after(2))
    rounds.beat(1, after(1), after(3))
    rounds.begin(after(3))
    rounds.beat(0, after(2.5), after(4))
    rounds.beat(1, after(3.5), after(4))
    assert rounds.complete == 1
    rounds.beat(0, after(3.5), after(5))
    assert rounds.complete == 2


def test_it_is_finished_when_three_rounds_came_through_after_the_last_arrival() -> None:
    """Until then it tells what it waits for, and the verdict is not met."""
    watch = Watch(EXPECTED, PARTITIONS)
    article = make_article(1, title="Mayor denies report")
    batch = make_batch(article)
    for partition in range(PARTITIONS):
        watch.take(beat(partition, after(-1)), after(0))
    assert watch.waits_for() == ("The Herald /1: arrived 0 of 1 times on articles.raw",)
    watch.take(message(ARTICLES_RAW, batch), after(1))
    watch.take(message(ARTICLES_DEDUPED, batch), after(1))
    assert watch.take(message(FLAGS, flagged(article)), after(1)) is not None
    assert watch.take(message(FLAGS, flagged(article)), after(1)) is None
    assert not watch.verdict().met
    assert watch.waits_for() == ("heartbeats behind the last article: 0 of 3 rounds came through",)
    for second in (2, 4, 6):
        for partition in range(PARTITIONS):
            assert not watch.finished
            watch.take(beat(partition, after(second)), after(second + 1))
    assert watch.finished
    assert watch.verdict().met
    assert watch.counts().flagged == {"denial": 1, "allegation": 0, "debunk": 0, "non_denial": 0}


def test_threads_are_as_they_were_told_last_and_events_count_once() -> None:
    """A compacted topic may tell a thread many times; a worker may tell an event twice; a tombstone tells nothing."""
    watch = Watch(EXPECTED, PARTITIONS)
    court = Court()
    for one in (telling(1, accuses("Aland", "Borduria")), telling(2, denies("Borduria", "Aland"))):
        outcome = court.take(one)
        for thread in outcome.threads.values():
            watch.take(message(THREADS, thread), NOON)
        for event in (*outcome.events, *outcome.events):
            watch.take(message(THREAD_EVENTS, event), NOON)
    watch.take(Message(THREADS, 0, 0, NOON, b"gone", None, ()), NOON)
    assert watch.threads == {court.thread.id: court.thread}
    assert [event.kind for event in watch.events.values()] == court.kinds


def test_heartbeats_are_no_articles() -> None:
    """They are on every topic and in no count."""
    watch = Watch(EXPECTED, PARTITIONS)
    for topic in (ARTICLES_RAW, ARTICLES_DEDUPED):
        watch.take(message(topic, heartbeat(0, NOON)), NOON)
    assert watch.counts().published == 0
    assert watch.fresh == []


def test_duplicates_are_counted_from_what_reached_which_topic() -> None:
    """Seen again: the same page and text on raw; duplicate: another page that did not pass; revision: passed as one."""
    watch = Watch(EXPECTED, PARTITIONS)
    first, copy = make_article(1), make_article(2, title=make_article(1).title)
    revised = make_article(1, lead="Changed.", revision_of=first.text_hash)
    watch.take(message(ARTICLES_RAW, make_batch(first, copy, first)), NOON)
    watch.take(message(ARTICLES_RAW, make_batch(revised)), NOON)
    watch.take(message(ARTICLES_DEDUPED, make_batch(first)), NOON)
    watch.take(message(ARTICLES_DEDUPED, make_batch(revised)), NOON)
    counts = watch.counts()
    assert counts.published == 4
    assert counts.duplicates == {"seen_again": 1, "duplicate": 1, "revision": 1}


def test_a_dead_letter_is_never_expected() -> None:
    """It is counted, and the verdict gives its reason."""
    watch = Watch(EXPECTED, PARTITIONS)
    dead = Message(ARTICLES_RAW_DEAD, 0, 0, NOON, None, b"?", (("counterclaim-reason", b"not JSON"),))
    watch.take(dead, NOON)
    assert watch.counts().dead == 1
    assert "a dead letter on articles.raw.dead: not JSON" in watch.verdict().unexpected
