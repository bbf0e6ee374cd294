"""The table of claims that dedupe remembers with."""

from __future__ import annotations

from collections.abc import Callable, MutableMapping
from datetime import datetime, timedelta

from agents.claims import ClaimTable
from agents.outbox import Outgoing
from pipeline.dedupe.seen import Claim, SeenIndex, Verdict, claim_key, replay
from pipeline.records import ArticleBatch, Codec

claims = Codec(Claim)


class SeenTable(ClaimTable[Claim, SeenIndex]):
    """Decides which articles are new, and remembers."""

    def __init__(
        self, table: MutableMapping[bytes, bytes], remember: timedelta, take: Callable[[], tuple[Outgoing, ...]] = tuple
    ) -> None:
        super().__init__("seen", claims, table, take)
        self._remember = remember

    async def verdicts(self, batch: ArticleBatch, partition: int, offset: int) -> tuple[Verdict, ...]:
        """One verdict an article. The claim is in the table when this returns; `take` has it for the log."""
        index = await self._index(partition)
        key = claim_key(batch, offset)
        if key in index:
            return replay(batch, self._load(key))
        decision = index.decide(batch)
        claim = decision.claim(batch, partition=partition, offset=offset)
        if claim is not None:
            index.apply(key, claim)
            self._store(index, key, claim, batch.fetched)
        return decision.verdicts

    def _new(self, partition: int) -> SeenIndex:
        return SeenIndex(partition)

    def _restore(self, index: SeenIndex, key: str, claim: Claim) -> None:
        index.apply(key, claim)

    def _stale(self, index: SeenIndex, now: datetime) -> tuple[str, ...]:
        return index.stale(now, self._remember)

    def _forget(self, index: SeenIndex, key: str) -> None:
        index.forget(key, self._load(key))
