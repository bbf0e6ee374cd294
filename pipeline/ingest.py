"""Documents of files to `articles.raw`, as if a poll had brought them."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from datetime import datetime
from typing import Any, Final

from pipeline.feeds.files import Line, to_article
from pipeline.feeds.publish import Sends, publish
from pipeline.records import Article

CHUNK: Final = 256
"""Articles on their way at once: some batches for each outlet, a few megabytes."""


def to_articles(lines: Sequence[Line], now: datetime) -> tuple[Article, ...]:
    """The articles that documents stand for, in their order; ``now`` is when they count as fetched."""
    return tuple(to_article(line, now) for line in lines)


async def ingest(publisher: Sends, articles: Sequence[Article], now: datetime) -> AsyncIterator[int]:
    """Publish articles a chunk at a time; how many each chunk had, once it is acknowledged.

    Raises:
        PublishError: a batch was not acknowledged. The same files may be given again: what arrived is known then.
    """
    for start in range(0, len(articles), CHUNK):
        chunk = articles[start : start + CHUNK]
        await publish(publisher, chunk, fetched=now)
        yield len(chunk)


def as_json(line: Line, article: Article) -> dict[str, Any]:
    """An article as a line of the output."""
    return {
        "document": line.id,
        "id": article.id,
        "url": article.url,
        "domain": article.domain,
        "outlet": article.outlet,
        "language": article.language,
        "published": article.published.isoformat() if article.published_source == "feed" else None,
        "title": article.title,
        "lead": article.lead,
        "body": article.body,
    }
