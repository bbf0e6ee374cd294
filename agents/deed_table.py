"""A Faust table of rows that records change, each by a deed that is kept whole before its rows (`agents.journal`).

    <partition>/j/<slot>/<part>     what one of the last records did
    <partition>/<kind>/<name>       a row

What a partition derives from its rows lives in memory: dropped whenever partitions move, and built again from the table
with the next record, or when somebody asks for it.
"""

from __future__ import annotations

import asyncio
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator, Mapping, MutableMapping
from dataclasses import dataclass
from typing import Final, Generic, TypeVar

import msgspec
import structlog

from agents.journal import Deed, Journal, Result
from agents.outbox import MOST_BYTES, Outgoing
from pipeline.errors import TooLargeError

log = structlog.get_logger(__name__)

LOAD_CHUNK: Final = 500
"""Rows read between two turns of the event loop while partitions are built: some milliseconds."""

T = TypeVar("T")


class Packed(MutableMapping[str, T], Generic[T]):
    """Values by id, kept as their bytes: less than half of the objects' memory, and some microseconds a look."""

    def __init__(self, kind: type[T]) -> None:
        self._decoder: msgspec.json.Decoder[T] = msgspec.json.Decoder(kind)
        self.packed: dict[str, bytes] = {}

    def __getitem__(self, key: str) -> T:
        return self._decoder.decode(self.packed[key])

    def __setitem__(self, key: str, value: T) -> None:
        self.packed[key] = msgspec.json.encode(value)

    def __delitem__(self, key: str) -> None:
        del self.packed[key]

    def __iter__(self) -> Iterator[str]:
        return iter(self.packed)

    def __len__(self) -> int:
        return len(self.packed)


class DeedPartition(ABC):
    """One partition: its journal, and whatever is derived from its rows."""

    def __init__(self, number: int) -> None:
        self.number = number
        self.journal = Journal(b"%d/j/" % number)

    async def restore(self, rows: dict[bytes, bytes]) -> None:
        """Take in the table's rows, with the partition's prefix cut off: the journal's deeds are done again first."""
        journal = {key: rows.pop(key) for key in [key for key in rows if key.startswith(b"j/")]}
        cut = b"%d/" % self.number
        for deed in self.journal.restore({cut + key: value for key, value in journal.items()}):
            for key, value in deed.writes:
                put(rows, key.removeprefix(cut), value)
        await self.read(rows)

    @abstractmethod
    async def read(self, rows: Mapping[bytes, bytes]) -> None:
        """Derive everything from the rows, with the partition's prefix cut off. Gives way to the event loop."""

    def key(self, kind: str, name: str) -> bytes:
        """The table's key of a row."""
        return f"{self.number}/{kind}/{name}".encode()


P = TypeVar("P", bound=DeedPartition)


@dataclass(frozen=True, slots=True)
class Doing(Generic[P]):
    """What was done for a record. ``fresh``: for the first time; its ``deed`` may also be one of before, or none."""

    there: P
    deed: Deed | None
    results: tuple[Outgoing, ...] = ()
    fresh: bool = False


class DeedTable(Generic[P]):
    """Has records done, and remembers.

    Args:
        table: a Faust table in the worker (which may be written only while an event of the same partition is handled),
            a dict in tests.
        make: makes an empty partition of a number.
        take: gives the changes of the table since the last call: records that must be sent for them to last.
    """

    def __init__(
        self,
        table: MutableMapping[bytes, bytes],
        make: Callable[[int], P],
        take: Callable[[], tuple[Outgoing, ...]] = tuple,
    ) -> None:
        self._table, self._make, self._take = table, make, take
        self._there: dict[int, P] | None = None
        self._generation = 0
        self._building = asyncio.Lock()

    async def do(
        self, partition: int, offset: int, decide: Callable[[P], Deed], bury: Callable[[Exception], Outgoing]
    ) -> Doing[P]:
        """Have a record done; one that was done before is done again, as it was.

        Args:
            decide: what the record does; done in the partition's memory already when it returns.
            bury: makes the dead letter for a record that cannot be done; it costs itself, never the stream.
        """
        there = await self.partition(partition)
        if offset in there.journal:
            deed = there.journal.read(offset, self._table)
            return Doing(there, deed, self._write(there, deed))
        if offset <= there.journal.newest:
            return Doing(there, None)
        try:
            deed = decide(there)
            _check(deed)
        except Exception as error:
            self.drop()  # it is half done in memory
            there = await self.partition(partition)
            deed = Deed(offset, results=(Result.of(bury(error)),))
            return Doing(there, deed, self._write(there, deed))
        return Doing(there, deed, self._write(there, deed), fresh=True)

    def drop(self) -> None:
        """Forget what is derived, because partitions moved; the next record has it built again from the table."""
        self._there = None
        self._generation += 1

    @property
    def partitions(self) -> Mapping[int, P]:
        """Those that are built: none right after a `drop`."""
        return self._there or {}

    async def load(self) -> dict[int, P]:
        """Have everything built that the table has rows of."""
        while (there := self._known()) is None:
            async with self._building:
                if self._known() is None:
                    await self._build()
        return there

    async def partition(self, number: int) -> P:
        """One partition, built if it was not."""
        partitions = await self.load()
        if number not in partitions:
            partitions[number] = self._make(number)
        return partitions[number]

    def loaded(self, partitions: Mapping[int, P]) -> None:
        """Called when everything was built."""

    def _known(self) -> dict[int, P] | None:
        return self._there

    async def _build(self) -> None:
        generation = self._generation
        built = await self._rebuilt()
        if generation == self._generation:  # else partitions moved while we read
            self._there = built
            self.loaded(built)

    def _write(self, there: P, deed: Deed) -> tuple[Outgoing, ...]:
        if not deed.writes and not deed.results:
            return ()
        try:
            for key, value in there.journal.write(deed):
                put(self._table, key, value)
        except BaseException:
            self.drop()  # what is in memory is ahead of the table
            raise
        return (*(result.outgoing() for result in deed.results), *self._take())

    async def _rebuilt(self) -> dict[int, P]:
        rows: dict[int, dict[bytes, bytes]] = {}
        for number, (key, value) in enumerate(list(self._table.items()), 1):
            partition, _, rest = key.partition(b"/")
            rows.setdefault(int(partition), {})[rest] = value
            await give_way(number)
        partitions = {one: self._make(one) for one in rows}
        for one, there in partitions.items():
            await there.restore(rows.pop(one))
        return partitions


def put(rows: MutableMapping[bytes, bytes], key: bytes, value: bytes | None) -> None:
    """Set a row, or delete it (None)."""
    if value is not None:
        rows[key] = value
        return
    try:
        del rows[key]  # told to the log also where it is not here: a deed that is done again
    except KeyError:
        return


def _check(deed: Deed) -> None:
    values = [("the table", value) for _, value in deed.writes]
    values += [(result.topic, result.value) for result in deed.results]
    for topic, value in values:
        if value is not None and len(value) > MOST_BYTES:
            raise TooLargeError(topic, len(value))


async def give_way(number: int) -> None:
    """Let the event loop turn after each `LOAD_CHUNK` rows."""
    if number % LOAD_CHUNK == 0:
        await asyncio.sleep(0)
