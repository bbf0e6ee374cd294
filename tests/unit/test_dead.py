"""Dead letters: what is listed of them, how they go back, and when there are too many."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st
from prometheus_client import CollectorRegistry

from agents.outbox import Outbox
from agents.stage import DEAD_SHARE, DEAD_WINDOW, DeadLimit, Handled, Stage, whole
from pipeline.dead import Letter, back, chosen, letters, mark, refuse_states
from pipeline.errors import DeadLimitError, UndecodableError, UsageError
from pipeline.kafka import Message
from pipeline.metrics import Metrics
from pipeline.readable import readable
from pipeline.records import ThreadInput, batches, dead_letter, decode_batch, encode, thread_inputs
from pipeline.topics import ARTICLES_RAW, FLAGS, THREADS, THREADS_IN
from tests.articles import NOON, make_article, make_batch
from tests.disputes import tick
from tests.unit.test_agents import Record, Sent, Stream
from tests.unit.test_outbox import settle

OWN = (("trace", b"t1"),)


def died(value: bytes, *, topic: str = ARTICLES_RAW, at: int = 7, minutes: float = 0) -> Message:
    """A record of partition 3 on its dead-letter topic, where it has another offset."""
    letter = dead_letter(
        topic=topic, partition=3, offset=at, key=b"herald.example", value=value, headers=OWN,
        error=UndecodableError("no\nrecord"),
    )  # fmt: skip
    when = NOON + timedelta(minutes=minutes)
    return Message(letter.topic, 1, at + 100, when, letter.key, letter.value, letter.headers)


def sent_back(letter: Letter, minutes: float) -> Message:
    """The mark behind a letter, as Kafka has it."""
    one = mark(letter, "Ada")
    when = NOON + timedelta(minutes=minutes)
    return Message(one.topic, letter.partition, letter.offset + 1, when, one.key, one.value, one.headers)


def test_a_letter_tells_where_it_lies_where_it_came_from_and_why() -> None:
    """Oldest first, whatever the order of the topics; its own headers apart from ours."""
    newer, older = letters([died(b"new", minutes=5), died(b"old", topic=THREADS_IN, at=9)])[::-1]
    assert [older.place, newer.place] == ["threads.in/1/109", "articles.raw/1/107"]
    assert (older.value, older.key, older.headers) == (b"old", b"herald.example", OWN)
    assert (older.error, older.reason, older.ours["offset"]) == ("UndecodableError", "no\nrecord", "9")


def test_a_letter_that_was_sent_back_is_listed_as_retried() -> None:
    """By its mark, read before or after it; a mark whose letter is gone is nothing."""
    one, other = died(b"one"), died(b"two", at=8)
    (letter, _) = letters([one, other])
    back_again = sent_back(letter, 3)
    for order in ([one, other, back_again], [back_again, one, other]):
        assert [(known.retried, known.author) for known in letters(order)] == [
            (NOON + timedelta(minutes=3), "Ada"),
            (None, ""),
        ]
    assert letters([back_again]) == []
    assert "sent back  articles.raw.dead/1/107, by Ada" in str(readable(back_again))


def test_a_state_does_not_go_back() -> None:
    """It may be older than the one that its topic has; events may, whatever their order."""
    refuse_states(letters([died(b"a"), died(b"b", topic=THREADS_IN), died(b"c", topic=FLAGS)]))
    with pytest.raises(UsageError, match=r"^threads/1/107: .*--force"):
        refuse_states(letters([died(b"a"), died(b"b", topic=THREADS)]))


def test_a_record_goes_back_as_it_was_to_where_it_was() -> None:
    """Its bytes, key and own headers, to the partition that it came from: a tick's key does not tell that."""
    value = encode(ThreadInput(what=tick(1)))
    (letter,) = letters([died(value, topic=THREADS_IN)])
    record = back(letter)
    assert (record.topic, record.key, record.value, record.headers) == (THREADS_IN, b"herald.example", value, OWN)
    assert record.partition == 3


@pytest.mark.parametrize("value", [b"\xff\x00", b"[1]", b'{"articles": 7}', encode(make_batch(make_article(1)))])
def test_what_is_no_article_goes_back_unwrapped(value: bytes) -> None:
    """Bytes of any kind, and whole batches."""
    (letter,) = letters([died(value)])
    assert back(letter).value == value


def test_an_article_that_died_alone_goes_back_in_a_batch() -> None:
    """Readable where the article is, and with its own bytes where it is not; the same letter makes the same batch."""
    article = make_article(1)
    (letter,) = letters([died(msgspec.json.encode(article))])
    batch = batches.decode(back(letter).value)
    assert (batch.articles, batch.key) == ((article,), "herald.example")
    assert back(letter) == back(letter)
    (broken,) = letters([died(b'{"id": 7}')])
    assert [one.data for one in decode_batch(back(broken).value)[1]] == [b'{"id": 7}']


def test_letters_are_chosen_by_place() -> None:
    """With or without the topic's ending; one that is not there is named."""
    known = letters([died(b"one"), died(b"two", at=8)])
    assert chosen(known, ["articles.raw/1/108", "articles.raw.dead/1/107"]) == [known[1], known[0]]
    with pytest.raises(UsageError, match=r"articles\.raw/1/9"):
        chosen(known, ["articles.raw/1/107", "articles.raw/1/9"])


# -- the limit


async def play(limit: DeadLimit, good: str) -> tuple[list[int], list[BaseException]]:
    """A stage over records that are good (`.`) or not (`x`): the offsets acknowledged, and what it crashed with."""
    crashes: list[BaseException] = []
    stream = Stream(
        [
            Record(encode(ThreadInput(what=tick(1))) if one == "." else b"x", topic=THREADS_IN, offset=offset)
            for offset, one in enumerate(good)
        ]
    )

    async def handle(_record: Any, _message: Any) -> Handled:
        return Handled()

    metrics = Metrics(CollectorRegistry())
    stage: Stage[ThreadInput] = Stage(
        "thread", whole(thread_inputs), handle, metrics, lambda _: None, lambda: NOON, limit
    )
    await stage.run(stream, Outbox(Sent(), crash=crashes.append))  # type: ignore[arg-type]  # no tombstones here
    await settle()
    return stream.acknowledged, crashes


async def test_a_bad_deploy_stops_the_worker_before_the_topic_is_drained() -> None:
    """At the record that makes the row too long: it is not acknowledged, and nothing after it is read."""
    acknowledged, crashes = await play(DeadLimit(4), "..x.xxxx......")
    assert acknowledged == list(range(7))
    (error,) = crashes
    assert isinstance(error, DeadLimitError)
    assert "4 records in a row" in str(error)


async def test_single_bad_records_never_stop_it() -> None:
    """Rows that end in time, for ever."""
    acknowledged, crashes = await play(DeadLimit(4), ("xxx" + 20 * ".") * 20)
    assert (len(acknowledged), crashes) == (460, [])


async def test_a_share_of_bad_records_stops_it_too() -> None:
    """Every fourth record dies, and no two in a row."""
    acknowledged, crashes = await play(DeadLimit(4), "x..." * 100)
    assert "9 of the last 33 records" in str(crashes[0])
    assert len(acknowledged) == 32


async def test_a_limit_of_zero_is_none() -> None:
    """The operator wants all of it dead."""
    acknowledged, crashes = await play(DeadLimit(0), "x" * 300)
    assert (len(acknowledged), crashes) == (300, [])


@given(row=st.integers(1, 6), said=st.lists(st.booleans(), max_size=200))
def test_the_limit_is_what_counting_anew_says(row: int, said: list[bool]) -> None:
    """Against a reference that looks at the whole history at each record."""
    limit = DeadLimit(row)
    for number in range(1, len(said) + 1):
        past = said[:number]
        share = sum(past[-row * DEAD_WINDOW :]) > DEAD_SHARE * row * DEAD_WINDOW
        assert bool(limit.passed(past[-1])) == (past[-row:] == [True] * row or share)
