"""Publishing, following and reading tables on a real broker."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import aclosing
from datetime import UTC, datetime, timedelta

import pytest
from kafka import KafkaConsumer, OffsetAndMetadata, TopicPartition

from pipeline.broker import Broker
from pipeline.errors import KafkaError, PublishError
from pipeline.kafka import (
    Follower,
    Message,
    Position,
    Publisher,
    apply_topics,
    begin_offsets,
    end_offsets,
    lag,
    ping,
    read_table,
)
from pipeline.topics import ARTICLES_RAW, FEED_STATE, FLAGS, MAX_RECORD_BYTES, TOPICS

PARTITIONS = 4


@pytest.fixture
async def publisher(topics_ready: str) -> AsyncIterator[Publisher]:
    """A started publisher; it lingers, so that sends at one time share a batch."""
    async with Publisher([topics_ready], linger_ms=50) as started:
        yield started


async def take(follower: Follower, count: int) -> list[Message]:
    """The next messages of a follower, then stop it."""
    messages = []
    async with asyncio.timeout(30), aclosing(aiter(follower)) as stream:
        async for message in stream:
            messages.append(message)
            if len(messages) == count:
                follower.stop()
    return messages


async def test_a_record_comes_back_as_it_was_sent(topics_ready: str, publisher: Publisher) -> None:
    """Key, value, headers, position and time survive the way through the broker."""
    async with Follower([topics_ready], [FLAGS], from_beginning=False) as follower:
        before = datetime.now(UTC) - timedelta(milliseconds=1)
        position = await publisher.send(FLAGS, b"value", key=b"en", headers=[("h", b"1"), ("h", b"2")])
        (message,) = await take(follower, 1)
    assert (message.topic, message.key, message.value) == (FLAGS, b"en", b"value")
    assert message.headers == (("h", b"1"), ("h", b"2"))
    assert Position(message.partition, message.offset) == position
    assert before <= message.timestamp <= datetime.now(UTC)


async def test_equal_keys_share_a_partition_and_keep_their_order(topics_ready: str, publisher: Publisher) -> None:
    """Sends awaited one after the other are read back in that order, all on one partition."""
    async with Follower([topics_ready], [FLAGS], from_beginning=False) as follower:
        positions = [await publisher.send(FLAGS, b"%d" % number, key=b"fr") for number in range(10)]
        messages = await take(follower, 10)
    assert len({position.partition for position in positions}) == 1
    assert [message.value for message in messages] == [b"%d" % number for number in range(10)]


async def test_a_partition_can_be_named(topics_ready: str, publisher: Publisher) -> None:
    """A heartbeat goes to exactly the partition that was asked for."""
    async with Follower([topics_ready], [FLAGS], from_beginning=False) as follower:
        for partition in range(PARTITIONS):
            assert (await publisher.send(FLAGS, b"beat", partition=partition)).partition == partition
        messages = await take(follower, PARTITIONS)
    assert {message.partition for message in messages} == set(range(PARTITIONS))


async def test_one_refused_record_fails_alone_among_those_that_went_with_it(publisher: Publisher) -> None:
    """Records that were collected together are answered one by one."""
    sends = [publisher.send(FLAGS, b"%d" % number, partition=99 if number == 3 else 1) for number in range(6)]
    answers = await asyncio.gather(*sends, return_exceptions=True)
    assert [isinstance(answer, PublishError) for answer in answers] == [number == 3 for number in range(6)]
    offsets = [answer.offset for answer in answers if isinstance(answer, Position)]
    assert offsets == list(range(offsets[0], offsets[0] + 5))


async def test_a_send_that_is_cancelled_while_records_are_collected_sends_nothing(
    topics_ready: str, publisher: Publisher
) -> None:
    """A feed that was let go is not written of any more."""
    async with Follower([topics_ready], [FLAGS], from_beginning=False) as follower:
        sends = [asyncio.create_task(publisher.send(FLAGS, b"%d" % number, partition=0)) for number in range(3)]
        await asyncio.sleep(0)
        sends[1].cancel()
        await asyncio.wait(sends)
        messages = await take(follower, 2)
    assert [message.value for message in messages] == [b"0", b"2"]


async def test_what_was_collected_is_sent_before_a_publisher_closes(topics_ready: str) -> None:
    """However long it would have been collected; and without compression it is the same record."""
    async with Publisher([topics_ready], linger_ms=3_600_000, gzip=False) as publisher:
        sends = [asyncio.create_task(publisher.send(FLAGS, b"%d" % number, partition=0)) for number in range(3)]
        await asyncio.sleep(0)
    async with asyncio.timeout(30):
        offsets = [(await one).offset for one in sends]
    assert offsets == list(range(offsets[0], offsets[0] + 3))
    total = sum(end_offsets([topics_ready], [FLAGS]).values())
    messages = await take(Follower([topics_ready], [FLAGS], from_beginning=True), total)
    assert [message.value for message in messages if message.partition == 0][-3:] == [b"0", b"1", b"2"]


async def test_following_from_the_end_sees_nothing_old(topics_ready: str, publisher: Publisher) -> None:
    """After batches of many records, a new follower starts behind the last of them, not inside the batch."""
    await asyncio.gather(*(publisher.send(FLAGS, b"old", key=b"%d" % number) for number in range(200)))
    async with Follower([topics_ready], [FLAGS], from_beginning=False) as follower:
        await asyncio.gather(*(publisher.send(FLAGS, b"new", partition=number) for number in range(PARTITIONS)))
        messages = await take(follower, PARTITIONS)
    assert {message.value for message in messages} == {b"new"}


async def test_following_from_the_beginning_sees_everything_of_all_topics(
    topics_ready: str, publisher: Publisher
) -> None:
    """All records of two topics, in order within each partition."""
    for number in range(5):
        await publisher.send(ARTICLES_RAW, b"%d" % number, key=b"example.org")
    total = sum(end_offsets([topics_ready], [FLAGS, ARTICLES_RAW]).values())
    messages = await take(Follower([topics_ready], [FLAGS, ARTICLES_RAW], from_beginning=True), total)
    assert [m.value for m in messages if m.topic == ARTICLES_RAW] == [b"0", b"1", b"2", b"3", b"4"]
    offsets: dict[tuple[str, int], list[int]] = {}
    for message in messages:
        offsets.setdefault((message.topic, message.partition), []).append(message.offset)
    assert all(seen == list(range(len(seen))) for seen in offsets.values())


async def test_a_stopped_follower_ends_though_nothing_comes(topics_ready: str) -> None:
    """`stop` ends the iteration of an idle topic."""
    async with Follower([topics_ready], [FEED_STATE], from_beginning=False) as follower:
        reading = asyncio.ensure_future(anext(aiter(follower), None))
        follower.stop()
        assert await asyncio.wait_for(reading, 10) is None


async def test_the_end_is_known_after_batches_of_many_records(topics_ready: str, publisher: Publisher) -> None:
    """The end offset is behind the last record of the last batch."""
    before = end_offsets([topics_ready], [ARTICLES_RAW])[ARTICLES_RAW, 2]
    positions = await asyncio.gather(*(publisher.send(ARTICLES_RAW, b"x", partition=2) for _ in range(50)))
    assert sorted(position.offset for position in positions) == list(range(before, before + 50))
    assert end_offsets([topics_ready], [ARTICLES_RAW])[ARTICLES_RAW, 2] == before + 50


async def test_a_table_is_the_newest_value_of_each_key(topics_ready: str, publisher: Publisher) -> None:
    """An empty topic is an empty table; later values win; a deleted key is gone; all of a batch is read."""
    assert await asyncio.to_thread(read_table, [topics_ready], FEED_STATE) == {}
    await asyncio.gather(*(publisher.send(FEED_STATE, b"old", key=b"feed %d" % number) for number in range(1000)))
    await asyncio.gather(*(publisher.send(FEED_STATE, b"new", key=b"feed %d" % number) for number in range(700)))
    await publisher.send(FEED_STATE, None, key=b"feed 3")
    table = await asyncio.to_thread(read_table, [topics_ready], FEED_STATE)
    wanted = {b"feed %d" % number: b"new" if number < 700 else b"old" for number in range(1000) if number != 3}
    assert table == wanted


async def test_lag_is_the_distance_from_the_commit_to_the_end(topics_ready: str, publisher: Publisher) -> None:
    """Partitions without a commit count from the beginning, others from the commit."""
    await asyncio.gather(*(publisher.send(ARTICLES_RAW, b"x", partition=1) for _ in range(20)))
    ends = end_offsets([topics_ready], [ARTICLES_RAW])

    def commit() -> None:
        consumer = KafkaConsumer(bootstrap_servers=topics_ready, group_id="readers", enable_auto_commit=False)
        consumer.assign([TopicPartition(ARTICLES_RAW, 1)])
        consumer.commit({TopicPartition(ARTICLES_RAW, 1): OffsetAndMetadata(5, "", -1)})
        consumer.close()

    await asyncio.to_thread(commit)
    measured = {one.partition: one for one in lag([topics_ready], "readers", [ARTICLES_RAW])}
    begins = begin_offsets([topics_ready], [ARTICLES_RAW])
    assert (measured[1].committed, measured[1].messages) == (5, ends[ARTICLES_RAW, 1] - 5)
    assert (measured[2].committed, measured[2].messages) == (None, ends[ARTICLES_RAW, 2] - begins[ARTICLES_RAW, 2])


async def test_the_largest_record_passes_and_a_larger_one_is_refused_at_once(
    topics_ready: str, publisher: Publisher
) -> None:
    """Exactly the size that the topics allow can be sent and read back."""
    largest = bytes(MAX_RECORD_BYTES - 1024)
    async with Follower([topics_ready], [FLAGS], from_beginning=False) as follower:
        await publisher.send(FLAGS, largest)
        (message,) = await take(follower, 1)
    assert message.value == largest
    with pytest.raises(PublishError, match="flags"):
        await publisher.send(FLAGS, bytes(2 * MAX_RECORD_BYTES))


async def test_an_unknown_topic_or_partition_is_an_error_that_names_it(topics_ready: str) -> None:
    """Nothing creates topics by the way; the sentence says what to run."""
    async with Publisher([topics_ready], give_up_seconds=3) as publisher:
        with pytest.raises(PublishError, match="no-such-topic"):
            await publisher.send("no-such-topic", b"x")
        with pytest.raises(PublishError, match="flags"):
            await publisher.send(FLAGS, b"x", partition=99)
    with pytest.raises(KafkaError, match="no topic no-such-topic: run `counterclaim topics apply`"):
        await anext(aiter(Follower([topics_ready], ["no-such-topic"], from_beginning=True)))


def test_a_cluster_that_is_not_there_is_said_to_be_away(unused_tcp_port: int) -> None:
    """A ping to a port where nobody listens ends in its time with the address in the sentence."""
    with pytest.raises(KafkaError, match=f"127.0.0.1:{unused_tcp_port} within 1 s"):
        ping([f"127.0.0.1:{unused_tcp_port}"], 1)


async def test_a_publisher_without_a_broker_gives_up(broker: Broker, topics_ready: str) -> None:
    """A record sent while the broker is away fails after the given time, and the next one passes when it is back."""
    async with Publisher([topics_ready], give_up_seconds=3) as publisher:
        await publisher.send(FLAGS, b"before")
        await broker.stop()
        with pytest.raises(PublishError, match="flags"):
            await publisher.send(FLAGS, b"meanwhile")
        await broker.start()
        await asyncio.to_thread(apply_topics, [topics_ready], TOPICS)
        await publisher.send(FLAGS, b"after")


async def test_records_sent_over_a_restart_are_acknowledged(
    broker: Broker, broker_kind: str, topics_ready: str
) -> None:
    """A publisher with patience brings every record through a restart; the durable kind has all of them."""

    async def restart() -> None:
        await broker.restart()
        await asyncio.to_thread(apply_topics, [topics_ready], TOPICS)

    async with Publisher([topics_ready]) as publisher:
        await publisher.send(FLAGS, b"first", key=b"en")
        restarting = asyncio.ensure_future(restart())
        acknowledged: list[bytes] = []
        while not restarting.done():
            value = b"during %d" % len(acknowledged)
            await publisher.send(FLAGS, value, key=b"en")
            acknowledged.append(value)
        await restarting
        await publisher.send(FLAGS, b"last", key=b"en")
    total = sum(end_offsets([topics_ready], [FLAGS]).values())
    messages = await take(Follower([topics_ready], [FLAGS], from_beginning=True), total)
    values = [message.value for message in messages]
    assert acknowledged
    assert values[-1] == b"last"
    if broker_kind == "apache":
        assert {b"first", *acknowledged} <= set(values)
