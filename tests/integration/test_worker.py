"""The worker as a process on a real broker: nothing is lost by joins, leaves and deaths, and poison stops nothing."""

from __future__ import annotations

import signal
from collections.abc import Sequence
from pathlib import Path

import msgspec
import pytest

from agents.outbox import MOST_BYTES
from pipeline.kafka import Publisher, lag
from pipeline.records import ArticleBatch, batches, encode, flagged
from pipeline.topics import (
    APP_ID,
    ARTICLES_DEDUPED_DEAD,
    ARTICLES_FRESH,
    ARTICLES_RAW,
    ARTICLES_RAW_DEAD,
    FLAGS,
    MAX_RECORD_BYTES,
    MIN_PARTITIONS,
)
from tests.articles import make_article, make_batch
from tests.integration.workers import Collector, Worker, publish, until, workers

pytestmark = pytest.mark.timeout(180)


def stories(first: int, count: int) -> list[ArticleBatch]:
    """Batches of one flagged article each, spread over the partitions."""
    return [
        make_batch(
            make_article(
                number,
                title=f"Minister {number} denies accusations of bribery",
                lead=f"The minister of district {number} denied the allegations on Monday.",
                domain=f"outlet{number % 40}.example",
                language="en",
            ),
            id=f"batch-{number}",
            key=f"outlet{number % 40}.example",
        )
        for number in range(first, first + count)
    ]


def of_size(batch: ArticleBatch, size: int) -> ArticleBatch:
    """The batch with a body that makes it so large, encoded."""
    (article,) = batch.articles
    body = "n " * ((size - len(encode(batch)) - len(',"body":""')) // 2)
    return msgspec.structs.replace(batch, articles=(msgspec.structs.replace(article, body=body),))


def ids(those: Sequence[ArticleBatch]) -> set[str]:
    """The article ids in these batches."""
    return {article.id for batch in those for article in batch.articles}


def fresh_ids(value: bytes) -> list[str]:
    """Article ids in a record of `articles.fresh`."""
    return [article.id for article in batches.decode(value).articles]


def flagged_ids(value: bytes) -> list[str]:
    """Article ids in a record of `flags`."""
    return [flagged.decode(value).article.id]


def missing(collector: Collector, sent: Sequence[ArticleBatch]) -> set[str]:
    """What was sent and is not on `flags` yet."""
    return ids(sent) - set(collector.seen[FLAGS])


async def test_two_workers_share_and_hand_over_without_loss(kafka: str, tmp_path: Path) -> None:
    """A worker joins in mid-stream, takes partitions, and leaves by SIGTERM: every article is flagged."""
    one, two = (Worker(kafka, tmp_path / name) for name in ("one", "two"))
    first, second, third = stories(0, 300), stories(300, 600), stories(900, 300)
    async with workers(one, two), Collector(kafka, {ARTICLES_FRESH: fresh_ids, FLAGS: flagged_ids}) as seen:
        await one.start()
        await one.ready()
        await publish(kafka, first)
        await two.start()
        await publish(kafka, second[:300])
        await two.ready()
        await publish(kafka, second[300:])
        await until(lambda: two.metric("counterclaim_articles_in_total") > 0, "the second worker got no work")
        await publish(kafka, third)
        assert await two.stop() == 0
        sent = first + second + third
        await seen.until(lambda: not missing(seen, sent), lambda: f"{len(missing(seen, sent))} articles are lost")
        assert one.metric("counterclaim_rebalances_total") >= 2
        assert await one.stop() == 0


@pytest.mark.parametrize("store", ["memory", "rocksdb"])
async def test_kill_9_with_a_thousand_in_flight_loses_nothing(kafka: str, tmp_path: Path, store: str) -> None:
    """A worker dies with work begun and nothing committed; another on an empty disk does all of it, some again."""
    sent = stories(0, 2_500)
    one, two = (Worker(kafka, tmp_path / name, store=store) for name in ("one", "two"))
    async with workers(one, two), Collector(kafka, {ARTICLES_FRESH: fresh_ids, FLAGS: flagged_ids}) as seen:
        await publish(kafka, sent)
        await one.start()
        await seen.until(lambda: bool(seen.seen[ARTICLES_FRESH]), lambda: f"no work done: {one.log[-2000:]}")
        await one.stop(signal.SIGKILL)
        in_flight = sum(part.messages for part in lag([kafka], APP_ID, [ARTICLES_RAW]))
        assert in_flight >= 1_000
        await two.start()
        await seen.until(lambda: not missing(seen, sent), lambda: f"{len(missing(seen, sent))} articles are lost")
        assert max(seen.seen[ARTICLES_FRESH].values()) > 1, "nothing was delivered again: the kill came too late"
        assert await two.stop() == 0


async def test_poison_is_buried_and_the_stream_goes_on(kafka: str, tmp_path: Path) -> None:
    """Bytes that are no record end on the dead-letter topic with where they came from; what follows is flagged."""
    worker = Worker(kafka, tmp_path / "one")
    sent = stories(0, MIN_PARTITIONS * 3)
    async with workers(worker), Collector(kafka, {ARTICLES_RAW_DEAD: lambda _: [], FLAGS: flagged_ids}) as seen:
        async with Publisher([kafka]) as publisher:
            where = await publisher.send(ARTICLES_RAW, b"\x00not json", key=b"poison", headers=[("trace", b"t")])
        await publish(kafka, sent)
        await worker.start()
        await seen.until(
            lambda: not missing(seen, sent) and bool(seen.messages[ARTICLES_RAW_DEAD]), lambda: worker.log[-2000:]
        )
        (dead,) = seen.messages[ARTICLES_RAW_DEAD]
        headers = dict(dead.headers)
        assert (dead.value, dead.key, headers["trace"]) == (b"\x00not json", b"poison", b"t")
        assert int(headers["counterclaim-offset"]) == where.offset
        assert int(headers["counterclaim-partition"]) == where.partition
        assert await worker.stop() == 0


async def test_an_article_that_grows_too_large_is_buried_and_the_stream_goes_on(kafka: str, tmp_path: Path) -> None:
    """As large as the topic takes it, before the first stage, or once it has its flags: each stage buries what the next
    could not be sent."""
    worker = Worker(kafka, tmp_path / "one")
    sent = stories(0, MIN_PARTITIONS)
    at_once, with_flags = (
        of_size(one, size)
        for one, size in zip(stories(100, 2), (MAX_RECORD_BYTES - 1_000, MOST_BYTES - 100), strict=True)
    )
    dead = {ARTICLES_RAW_DEAD: fresh_ids, ARTICLES_DEDUPED_DEAD: fresh_ids}
    async with workers(worker), Collector(kafka, {FLAGS: flagged_ids, **dead}) as seen:
        await publish(kafka, [at_once, with_flags, *sent])
        await worker.start()
        await seen.until(
            lambda: not missing(seen, sent) and all(seen.messages[topic] for topic in dead), lambda: worker.log[-2000:]
        )
        assert set(seen.seen[ARTICLES_RAW_DEAD]) == ids([at_once])
        assert set(seen.seen[ARTICLES_DEDUPED_DEAD]) == ids([with_flags])
        assert set(seen.seen[FLAGS]) == ids(sent)
        assert {dict(seen.messages[topic][0].headers)["counterclaim-error"] for topic in dead} == {b"TooLargeError"}
        assert await worker.stop() == 0


@pytest.mark.parametrize("disk", ["one", "two"], ids=["same disk", "empty disk"])
async def test_the_next_worker_knows_what_was_seen(kafka: str, tmp_path: Path, disk: str) -> None:
    """The same articles in new batches are repeats to a worker started later: from its table, or from the changelog."""
    one, two = Worker(kafka, tmp_path / "one"), Worker(kafka, tmp_path / disk)
    sent = stories(0, 20)
    again = [make_batch(*batch.articles, id=f"{batch.id}-again", key=batch.key) for batch in sent]
    async with workers(one, two), Collector(kafka, {FLAGS: flagged_ids}) as seen:
        await publish(kafka, sent)
        await one.start()
        await seen.until(lambda: not missing(seen, sent), lambda: one.log[-2000:])
        assert await one.stop() == 0
        await two.start()
        await publish(kafka, again)
        await two.ready()
        await until(
            lambda: two.metric("counterclaim_duplicates_total") >= len(again), "the repeats were not recognised"
        )
        assert set(seen.seen[FLAGS].values()) == {1}
        assert await two.stop() == 0
