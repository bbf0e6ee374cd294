"""What was decided about a batch's copies, as it is stored: one value a batch, under `dedupe.seen.claim_key`.

As in `dedupe.seen`: the first time a batch comes, its claim is made, stored and taken in; when Kafka delivers the batch
again, its claim is found and gives the same articles and the same re-points. An index is nothing but all claims of a
partition, taken in in log order, so it can be rebuilt from them.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime

import msgspec

from pipeline.records import ArticleBatch, CopyGroup, CopyOf
from pipeline.records.article import ArticleId
from pipeline.records.values import Record


class Entry(msgspec.Struct, frozen=True, array_like=True):
    """One article that was taken in. Binary fields are base64 on the wire."""

    place: int
    """Its place in the batch."""

    article: ArticleId
    published: datetime
    sketch: bytes
    """`Sketch.encoded`."""

    copy: CopyOf | None = None
    """What goes onto the article."""

    original_published: datetime | None = None
    """When the original of its group was published; None when it is no copy."""


class Claim(Record, frozen=True, kw_only=True):
    """The articles of one batch, and where in the source topic that batch lies."""

    partition: int
    offset: int
    at: datetime
    """The batch's own time; claims expire by it."""

    buckets: int
    """How large the posting table was when the batch was taken in: a rebuilt index grows at the same places."""

    entries: tuple[Entry, ...]
    moved: tuple[CopyGroup, ...] = ()
    """Groups that this batch gave another original."""


def with_copies(batch: ArticleBatch, claim: Claim) -> ArticleBatch:
    """The batch with `Article.copy` set as the claim says; the same whenever the batch is delivered again."""
    copies = {entry.place: entry.copy for entry in claim.entries if entry.copy is not None}
    if not copies:
        return batch
    articles = (
        msgspec.structs.replace(article, copy=copies[place]) if place in copies else article
        for place, article in enumerate(batch.articles)
    )
    return msgspec.structs.replace(batch, articles=tuple(articles))


def in_log_order(claims: Iterable[tuple[str, Claim]]) -> list[tuple[str, Claim]]:
    """Stored claims in the order in which their batches lie in the log, whatever order the store gives them in."""
    return sorted(claims, key=lambda item: (item[1].partition, item[1].offset))
