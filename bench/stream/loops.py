"""The job without Faust: one loop, both steps, no topic in between, and what was seen only in memory.

That is less than our stages do (nothing survives a restart), so it is a bound rather than a rival. And the other bound:
a Faust agent that decodes a batch and sends it on.
"""

from __future__ import annotations

import asyncio
import signal
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

import faust
from aiokafka import AIOKafkaConsumer, AIOKafkaProducer
from kafka import KafkaConsumer, KafkaProducer

from bench.stream.tutorial import settings
from pipeline.dedupe.fresh import fresh_batches
from pipeline.dedupe.language import decide_language
from pipeline.dedupe.seen import SeenIndex, claim_key
from pipeline.records import FlaggedArticle, decode_batch, encode
from pipeline.resources import shipped
from pipeline.rules import load_rules
from pipeline.topics import ARTICLES_FRESH, ARTICLES_RAW, FLAGS

POLL_RECORDS = 500
GROUP = "counterclaim"


class Job:
    """Both steps on one record's bytes."""

    def __init__(self) -> None:
        self.rules = load_rules(shipped("config") / "rules")
        self.indexes: dict[int, SeenIndex] = {}

    def flagged(self, value: bytes, partition: int, offset: int) -> Iterator[bytes]:
        """What goes to `flags`."""
        batch, _ = decode_batch(value)
        index = self.indexes.setdefault(partition, SeenIndex(partition))
        decision = index.decide(batch)
        claim = decision.claim(batch, partition=partition, offset=offset)
        if claim is not None:
            index.apply(claim_key(batch, offset), claim)
        for fresh in fresh_batches(batch, decision.verdicts, decide_language):
            for article in fresh.articles:
                flags = self.rules.flags(article)
                if flags:
                    now = datetime.now(UTC)
                    yield encode(FlaggedArticle(article=article, flags=flags, ruleset=self.rules.hash, flagged=now))


async def with_aiokafka(bootstrap: str) -> None:
    """``getmany``, work, wait for the acknowledgements, commit."""
    job = Job()
    consumer = AIOKafkaConsumer(
        ARTICLES_RAW, bootstrap_servers=bootstrap, group_id=GROUP, enable_auto_commit=False,
        auto_offset_reset="earliest", session_timeout_ms=6000, heartbeat_interval_ms=1000, fetch_max_wait_ms=50,
    )  # fmt: skip
    producer = AIOKafkaProducer(bootstrap_servers=bootstrap, acks="all")
    async with consumer, producer:
        while True:
            for records in (await consumer.getmany(timeout_ms=1000, max_records=POLL_RECORDS)).values():
                sent = [
                    await producer.send(FLAGS, value, key=record.key)
                    for record in records
                    for value in job.flagged(record.value, record.partition, record.offset)
                ]
                await asyncio.gather(*sent)
            await consumer.commit()


def with_kafka_python(bootstrap: str) -> None:
    """``poll``, work, flush, commit."""
    signal.signal(signal.SIGTERM, signal.SIG_DFL)
    job = Job()
    consumer = KafkaConsumer(
        ARTICLES_RAW, bootstrap_servers=bootstrap, group_id=GROUP, enable_auto_commit=False,
        auto_offset_reset="earliest", session_timeout_ms=6000, heartbeat_interval_ms=1000, fetch_max_wait_ms=50,
    )  # fmt: skip
    producer = KafkaProducer(bootstrap_servers=bootstrap)
    while True:
        for records in consumer.poll(timeout_ms=1000, max_records=POLL_RECORDS).values():
            for record in records:
                for value in job.flagged(record.value, record.partition, record.offset):
                    producer.send(FLAGS, value, key=record.key)
        producer.flush()
        consumer.commit()


def forwarder(bootstrap: str) -> faust.App:
    """A Faust agent that decodes a batch and sends its bytes on: what Faust costs when there is nothing to do."""
    app = faust.App(**settings(bootstrap))
    raw = app.topic(ARTICLES_RAW, key_serializer="raw", value_serializer="raw")
    fresh = app.topic(ARTICLES_FRESH, key_serializer="raw", value_serializer="raw")

    @app.agent(raw)  # type: ignore[untyped-decorator]  # Faust is not followed by mypy
    async def forward(stream: Any) -> None:
        async for event in stream.events():
            decode_batch(event.value)
            await fresh.send(key=event.key, value=event.value)

    return app
