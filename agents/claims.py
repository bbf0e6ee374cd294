"""A Faust table of claims, and the indexes over it: one a partition, derived, dropped whenever partitions move.

A claim is what was decided about a batch. It is stored as one value under the batch's id and offset, so a batch that is
delivered again finds its claim, and what comes of it is the same.
"""

from __future__ import annotations

import asyncio
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable, MutableMapping, Sized
from datetime import datetime
from typing import Final, Generic, TypeVar

import structlog

from agents.outbox import Outgoing
from pipeline.records import Codec, Record, encode

log = structlog.get_logger(__name__)

LOAD_CHUNK: Final = 500
"""Claims read between two turns of the event loop while the indexes are built: some milliseconds."""

C = TypeVar("C", bound=Record)
I = TypeVar("I", bound=Sized)  # noqa: E741 - an index


class _Place(Record, frozen=True, kw_only=True):
    """What every claim says: where in the source topic its batch lies."""

    partition: int
    offset: int


_places = Codec(_Place)


class ClaimTable(ABC, Generic[C, I]):
    """Claims, and what is looked up in them. An index is nothing but the claims of a partition, in log order.

    Args:
        name: for the log.
        codec: reads a claim, which has a ``partition`` and an ``offset``.
        table: claim key → claim bytes: a Faust table in the worker (which may be written only while an event of the
            same partition is handled), a dict in tests.
        take: gives the changes of the table since the last call: records that must be sent for the claims to last.
    """

    def __init__(
        self,
        name: str,
        codec: Codec[C],
        table: MutableMapping[bytes, bytes],
        take: Callable[[], tuple[Outgoing, ...]] = tuple,
    ) -> None:
        self.take = take
        self._name, self._codec, self._table = name, codec, table
        self._indexes: dict[int, I] | None = None
        self._generation = 0

    @abstractmethod
    def _new(self, partition: int) -> I:
        """An empty index."""

    @abstractmethod
    def _restore(self, index: I, key: str, claim: C) -> None:
        """Take a stored claim in."""

    @abstractmethod
    def _stale(self, index: I, now: datetime) -> Iterable[str]:
        """Keys of the oldest claims that are to be forgotten by ``now``, the time of a batch; a few at a time."""

    @abstractmethod
    def _forget(self, index: I, key: str) -> None:
        """Drop a claim that `_stale` named; it can still be loaded."""

    def drop(self) -> None:
        """Forget the indexes, because partitions moved; the next batch has them built again from the table."""
        self._indexes = None
        self._generation += 1

    def __len__(self) -> int:
        """Articles remembered in this process."""
        return sum(map(len, (self._indexes or {}).values()))

    def _load(self, key: str) -> C:
        return self._codec.decode(self._table[key.encode()])

    def _store(self, index: I, key: str, claim: C, now: datetime) -> None:
        """Keep a claim that the index has taken in, and forget what is stale."""
        try:
            self._table[key.encode()] = encode(claim)
            for stale in tuple(self._stale(index, now)):
                self._forget(index, stale)
                del self._table[stale.encode()]
        except BaseException:
            self.drop()  # it may be ahead of the table now
            raise

    async def _index(self, partition: int) -> I:
        while self._indexes is None:
            generation = self._generation
            indexes = await self._rebuilt()
            if generation == self._generation:  # else partitions moved while we read
                self._indexes = indexes
                log.info("claims loaded", table=self._name, articles=len(self), partitions=len(indexes))
        if partition not in self._indexes:
            self._indexes[partition] = self._new(partition)
        return self._indexes[partition]

    async def _rebuilt(self) -> dict[int, I]:
        """The indexes of all partitions: Faust tells the items of all of them together."""
        stored: list[tuple[int, int, bytes, bytes]] = []
        for number, (key, value) in enumerate(list(self._table.items()), 1):
            place = _places.decode(value)
            stored.append((place.partition, place.offset, key, value))
            await _give_way(number)
        stored.sort()
        indexes: dict[int, I] = {}
        for number, (partition, _, key, value) in enumerate(stored, 1):
            if partition not in indexes:
                indexes[partition] = self._new(partition)
            self._restore(indexes[partition], key.decode(), self._codec.decode(value))
            await _give_way(number)
        return indexes


async def _give_way(number: int) -> None:
    if number % LOAD_CHUNK == 0:
        await asyncio.sleep(0)
