"""Articles to Kafka, acknowledged."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from datetime import datetime
from typing import Protocol

from pipeline.feeds.article import batches
from pipeline.kafka import Position
from pipeline.records import Article, ArticleBatch, PageWhy, encode, page_request
from pipeline.topics import ARTICLES_RAW, PAGES_REQUESTS


class Sends(Protocol):
    """What is needed of `pipeline.kafka.Publisher`."""

    async def send(
        self, topic: str, value: bytes | None, *, key: bytes | None = None, partition: int | None = None
    ) -> Position:
        """Send one record and wait for its acknowledgement."""


async def publish(publisher: Sends, articles: Sequence[Article], *, fetched: datetime) -> int:
    """Send articles in batches by domain; returns how many batches, once each of them is acknowledged.

    Raises:
        PublishError: at least one was not; the others may have been, and will be known again when all are sent again.
    """
    made = batches(articles, fetched=fetched)
    answers = await asyncio.gather(*(_send(publisher, batch) for batch in made), return_exceptions=True)
    for answer in answers:
        if isinstance(answer, BaseException):
            raise answer
    return len(made)


async def request_pages(
    publisher: Sends,
    articles: Sequence[Article],
    why: PageWhy,
    *,
    now: datetime,
    place: Callable[[str], int | None],
) -> None:
    """Ask for the pages of articles; returns once each request is acknowledged.

    Args:
        place: the partition of a URL; None: by the key.

    Raises:
        PublishError: at least one was not. All may be asked for again: a page is visited once.
    """
    found = (page_request(article, why, now) for article in articles)
    sends = (
        publisher.send(PAGES_REQUESTS, encode(one), key=one.host.encode(), partition=place(one.url))
        for one in found
        if one is not None
    )
    for answer in await asyncio.gather(*sends, return_exceptions=True):
        if isinstance(answer, BaseException):
            raise answer


async def _send(publisher: Sends, batch: ArticleBatch) -> None:
    await publisher.send(ARTICLES_RAW, encode(batch), key=batch.key.encode())
