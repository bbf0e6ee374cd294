"""The Faust table of claims, and the indexes over it: one a partition, derived, dropped whenever partitions move."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable, MutableMapping
from datetime import timedelta
from typing import Final

import structlog

from agents.outbox import Outgoing
from pipeline.dedupe.seen import Claim, SeenIndex, Verdict, claim_key, rebuild, replay
from pipeline.records import ArticleBatch, Codec, encode

log = structlog.get_logger(__name__)

claims = Codec(Claim)

LOAD_CHUNK: Final = 2_000
"""Claims decoded between two turns of the event loop while an index is rebuilt: a few milliseconds."""


class SeenTable:
    """Decides about batches, and remembers.

    ``table`` maps claim key to claim bytes: a Faust table in the worker (which may be written only while an event of
    the same partition is handled), a dict in tests.
    """

    def __init__(
        self, table: MutableMapping[bytes, bytes], remember: timedelta, take: Callable[[], tuple[Outgoing, ...]] = tuple
    ) -> None:
        self._table = table
        self.take = take
        """The changes of the table since the last call: records that must be sent for the claims to last."""
        self._remember = remember
        self._indexes: dict[int, SeenIndex] | None = None
        self._generation = 0

    async def verdicts(self, batch: ArticleBatch, partition: int, offset: int) -> tuple[Verdict, ...]:
        """One verdict an article. The claim is in the table when this returns; `take` has it for the log."""
        index = await self._index(partition)
        key = claim_key(batch, offset)
        if key in index:
            return replay(batch, self._load(key))
        decision = index.decide(batch)
        claim = decision.claim(batch, partition=partition, offset=offset)
        if claim is not None:
            self._table[key.encode()] = encode(claim)
            index.apply(key, claim)
            self._expire(index, index.stale(batch.fetched, self._remember))
        return decision.verdicts

    def drop(self) -> None:
        """Forget the indexes, because partitions moved; the next batch has them built again from the table."""
        self._indexes = None
        self._generation += 1

    def __len__(self) -> int:
        """Articles remembered in this process."""
        return sum(map(len, (self._indexes or {}).values()))

    def _load(self, key: str) -> Claim:
        return claims.decode(self._table[key.encode()])

    def _expire(self, index: SeenIndex, keys: Iterable[str]) -> None:
        for key in keys:
            index.forget(key, self._load(key))
            del self._table[key.encode()]

    async def _index(self, partition: int) -> SeenIndex:
        while self._indexes is None:
            generation = self._generation
            indexes = rebuild(await self._stored())
            if generation == self._generation:  # else partitions moved while we read
                self._indexes = indexes
                log.info("seen articles loaded", articles=len(self), partitions=len(indexes))
        return self._indexes.setdefault(partition, SeenIndex(partition))

    async def _stored(self) -> dict[str, Claim]:
        stored: dict[str, Claim] = {}
        for number, (key, value) in enumerate(list(self._table.items())):
            stored[key.decode()] = claims.decode(value)
            if number % LOAD_CHUNK == LOAD_CHUNK - 1:
                await asyncio.sleep(0)
        return stored
