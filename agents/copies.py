"""Agent `copies`: articles.fresh → articles.deduped. Each article learns what it is a copy of, and who its source is.

A group that turned out to have another original is told on `copies`.
"""

from __future__ import annotations

from collections.abc import Callable, MutableMapping
from datetime import datetime
from typing import Final

import msgspec

from agents.claims import ClaimTable
from agents.outbox import Outgoing
from agents.stage import Handled, Handler, Message
from pipeline.copies.claims import Claim, with_copies
from pipeline.copies.copies import Copies, Limits
from pipeline.copies.source import Sources
from pipeline.dedupe.seen import claim_key
from pipeline.metrics import Metrics
from pipeline.records import ArticleBatch, Codec, CopyOf, encode
from pipeline.topics import ARTICLES_DEDUPED, COPIES

claims = Codec(Claim)

MOST: Final = 0.8
"""Share of a text that counts as nearly all of it."""


class CopiesTable(ClaimTable[Claim, Copies]):
    """Finds copies, and remembers."""

    def __init__(
        self,
        table: MutableMapping[bytes, bytes],
        limits: Limits | None = None,
        take: Callable[[], tuple[Outgoing, ...]] = tuple,
    ) -> None:
        super().__init__("copies", claims, table, take)
        self._limits = limits

    async def claim(self, batch: ArticleBatch, partition: int, offset: int) -> Claim:
        """What was decided about the batch. It is in the table when this returns; `take` has it for the log."""
        index = await self._index(partition)
        key = claim_key(batch, offset)
        if key in index:
            return self._load(key)
        claim = index.take(key, batch, offset)
        self._store(index, key, claim, batch.fetched)
        return claim

    def _new(self, partition: int) -> Copies:
        return Copies(partition, self._limits)

    def _restore(self, index: Copies, key: str, claim: Claim) -> None:
        index.restore(key, claim)

    def _stale(self, index: Copies, now: datetime) -> tuple[str, ...]:
        return index.stale(now)

    def _forget(self, index: Copies, key: str) -> None:
        index.forget(key)


def make_copies(table: CopiesTable, sources: Sources, metrics: Metrics) -> Handler[ArticleBatch]:
    """The handler, over what it remembers with and how it tells a source."""

    async def copies(batch: ArticleBatch, message: Message) -> Handled:
        if batch.heartbeat is not None:
            return Handled((Outgoing(ARTICLES_DEDUPED, message.value, message.key, message.partition),))
        claim = await table.claim(batch, message.partition, message.offset)
        deduped = with_copies(_with_sources(batch, sources), claim)
        results = (
            Outgoing(ARTICLES_DEDUPED, encode(deduped), message.key),
            *(Outgoing(COPIES, encode(group), group.group.encode()) for group in claim.moved),
        )
        number = len(batch.articles)

        def count() -> None:
            for article in deduped.articles:
                if article.copy is not None:
                    metrics.copies.labels(kind=kind_of_copy(article.id, article.copy)).inc()
            metrics.index_size.labels(index="copies").set(len(table))

        return Handled(results + table.take(), number, number, count)

    return copies


def kind_of_copy(article: str, copy: CopyOf) -> str:
    """What kind of a copy an article is: one of `metrics.COPY_KINDS`."""
    if copy.original == article:
        return "late_original"
    if min(copy.containment, copy.contained) >= MOST:
        return "whole"
    if max(copy.containment, copy.contained) < MOST:
        return "partial"
    return "shortened" if copy.containment >= MOST else "extended"


def _with_sources(batch: ArticleBatch, sources: Sources) -> ArticleBatch:
    """Whose each article is. An article whose page was fetched still has what was said of its earlier text: no more."""
    articles = tuple(
        msgspec.structs.replace(article, source=sources.of(article), copy=None) for article in batch.articles
    )
    return msgspec.structs.replace(batch, articles=articles)
