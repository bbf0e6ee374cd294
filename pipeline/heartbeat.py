"""A heartbeat: an article about counterclaim itself, sent through every partition of the whole pipe.

It is a denial, so that the rules flag it; where it arrives, and when, tells that the pipe flows and how fast.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Final

import structlog

from pipeline.clock import Clock, SystemClock
from pipeline.dedupe.fingerprint import article_id, text_hash
from pipeline.errors import PublishError
from pipeline.feeds.publish import Sends
from pipeline.records import Article, ArticleBatch, encode
from pipeline.topics import ARTICLES_RAW

OUTLET: Final = "counterclaim"

DOMAIN: Final = "counterclaim.invalid"
"""A name that nobody can have (RFC 6761 §6.4)."""


def heartbeat(partition: int, now: datetime) -> ArticleBatch:
    """The batch to send to one partition. Address and text differ each time: dedupe must find it new."""
    url = f"urn:counterclaim:heartbeat:{partition}:{round(now.timestamp() * 1000)}"
    title = f"Counterclaim denies allegations that partition {partition} lost its heartbeat"
    lead = f"Heartbeat {url} rejected the accusation as baseless at {now.isoformat()}."
    article = Article(
        id=article_id(url),
        text_hash=text_hash(title, lead, ""),
        url=url,
        link=url,
        outlet=OUTLET,
        domain=DOMAIN,
        title=title,
        lead=lead,
        language="en",
        published=now,
        fetched=now,
    )
    return ArticleBatch(id=article.id, key=DOMAIN, fetched=now, articles=(article,), heartbeat=partition)


async def beat(
    publisher: Sends, partitions: int, interval_seconds: float, stop: asyncio.Event, clock: Clock | None = None
) -> None:
    """Send a heartbeat to each partition of `articles.raw` now, and every ``interval_seconds``, until ``stop``.

    A broker that is away is said in the log, and the next beat is tried: that no heartbeat arrives is the alarm.
    """
    time = clock or SystemClock()
    stopping = asyncio.create_task(stop.wait())
    try:
        while not stop.is_set():
            began = time.now()
            await _first(stopping, asyncio.create_task(_send(publisher, partitions, began)))
            await _first(stopping, asyncio.create_task(time.sleep_until(began + timedelta(seconds=interval_seconds))))
    finally:
        stopping.cancel()


async def _first(stopping: asyncio.Task[bool], work: asyncio.Task[None]) -> None:
    """Wait for the work, or leave it when we are to stop."""
    try:
        await asyncio.wait({stopping, work}, return_when=asyncio.FIRST_COMPLETED)
        if work.done():
            work.result()
    finally:
        work.cancel()


async def _send(publisher: Sends, partitions: int, now: datetime) -> None:
    """One beat of all partitions."""
    batches: Sequence[ArticleBatch] = [heartbeat(partition, now) for partition in range(partitions)]
    sends = (
        publisher.send(ARTICLES_RAW, encode(batch), key=batch.key.encode(), partition=batch.heartbeat)
        for batch in batches
    )
    for partition, answer in enumerate(await asyncio.gather(*sends, return_exceptions=True)):
        if isinstance(answer, PublishError):
            structlog.get_logger(__name__).error(
                "heartbeat", outcome="unpublished", partition=partition, why=str(answer)
            )
        elif isinstance(answer, BaseException):
            raise answer
