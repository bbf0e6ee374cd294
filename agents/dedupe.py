"""Agent `dedupe`: articles.raw → articles.fresh. Seen articles are counted and dropped; the language is decided."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

from agents.outbox import Outgoing
from agents.seen import SeenTable
from agents.stage import Handled, Handler, Message
from pipeline.dedupe.fresh import LanguageOf, fresh_batches
from pipeline.dedupe.seen import Verdict
from pipeline.metrics import DUPLICATE_KINDS, Metrics
from pipeline.records import ArticleBatch, encode
from pipeline.topics import ARTICLES_FRESH


def make_dedupe(seen: SeenTable, language_of: LanguageOf, metrics: Metrics) -> Handler[ArticleBatch]:
    """The handler, over what it remembers with and how it tells a language."""

    async def dedupe(batch: ArticleBatch, message: Message) -> Handled:
        if batch.heartbeat is not None:
            return Handled((Outgoing(ARTICLES_FRESH, message.value, message.key, message.partition),))
        verdicts = await seen.verdicts(batch, message.partition, message.offset)
        batches = fresh_batches(batch, verdicts, language_of)
        results = tuple(Outgoing(ARTICLES_FRESH, encode(fresh), fresh.key.encode()) for fresh in batches)
        passed = sum(len(fresh.articles) for fresh in batches)
        return Handled(results + seen.take(), len(verdicts), passed, lambda: _count(metrics, verdicts, len(seen)))

    return dedupe


def _count(metrics: Metrics, verdicts: Sequence[Verdict], remembered: int) -> None:
    metrics.index_size.labels(index="seen").set(remembered)
    for kind, number in Counter(verdict.kind for verdict in verdicts).items():
        if kind in DUPLICATE_KINDS:
            metrics.duplicates.labels(kind=kind).inc(number)
