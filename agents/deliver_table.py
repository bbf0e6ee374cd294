"""The Faust table of what subscribers were told (`pipeline.alerts`), and what the last records did to it.

<partition>/<kind>/<name>       a row of `pipeline.alerts.rows`, by its store's kind
<partition>/c/                  the time of the last clock
<partition>/j/<slot>/<part>     what one of the last records did (`agents.journal`)
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator, Mapping, MutableMapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

import msgspec
import structlog

from agents.deed_table import DeedPartition, DeedTable, Packed, give_way
from agents.journal import Deed, Result, Write
from agents.outbox import Outgoing
from pipeline.alerts import Book, Outcomes, Pending, Rows, Subscriptions
from pipeline.alerts.post import Describe
from pipeline.records import DeliverInput, encode
from pipeline.topics import ALERTS, DELIVERIES, SUBSCRIPTION_STATE

log = structlog.get_logger(__name__)

_times: Final = msgspec.json.Decoder(datetime)
_pending: Final = msgspec.json.Decoder(Pending)

Change = tuple[str, Pending | None]
"""A delivery as it is in the outbox now; None: not any more."""


@dataclass(frozen=True, slots=True)
class Done:
    """What a record led to."""

    results: tuple[Outgoing, ...] = ()
    out: Outcomes | None = None
    """For the metrics; None for a record that was done before."""

    deed: Deed | None = None


class Partition(DeedPartition):
    """The subscribers of one partition, and what the last record did to them."""

    def __init__(self, number: int, describe: Describe, disable_after: timedelta) -> None:
        super().__init__(number)
        self.rows = Rows(Packed)
        self.book = Book(self.rows, describe, disable_after)
        self.out = Outcomes()

    async def read(self, rows: Mapping[bytes, bytes]) -> None:
        """Take in the rows. Gives way to the event loop."""
        stores = {store.kind: store.rows for store in self.rows.stores}
        for number, (key, value) in enumerate(rows.items(), 1):
            kind, _, name = key.decode().partition("/")
            if kind == "c":
                self.book.ticked = _times.decode(value)
            else:
                packed = stores[kind]
                assert isinstance(packed, Packed)
                packed.packed[name] = value
            await give_way(number)
        for _ in self.book.restore():
            await asyncio.sleep(0)

    def decide(self, record: DeliverInput, offset: int, subscriptions: Subscriptions) -> Deed:
        """What the record does. Done here already; whoever cannot write it to the table must drop this partition."""
        ticked = self.book.ticked
        self.out = self.book.take(record.what, subscriptions)
        writes = list(self._writes())
        if self.book.ticked != ticked:
            writes.append((self.key("c", ""), msgspec.json.encode(self.book.ticked)))
        return Deed(offset, tuple(writes), tuple(_results(self.out)))

    def changes(self, deed: Deed) -> Iterator[Change]:
        """What a deed did to the outbox, as far as nothing later did more."""
        prefix = self.key("o", "")
        for key, value in deed.writes:
            if not key.startswith(prefix):
                continue
            name = key.removeprefix(prefix).decode()
            if self._packed_delivery(name) == value:
                yield name, None if value is None else _pending.decode(value)

    def _packed_delivery(self, name: str) -> bytes | None:
        rows = self.rows.outbox.rows
        assert isinstance(rows, Packed)
        return rows.packed.get(name)

    def _writes(self) -> Iterator[Write]:
        for store in self.rows.stores:
            assert isinstance(store.rows, Packed)
            for name in store.touched:
                yield self.key(store.kind, name), store.rows.packed.get(name)
            store.touched.clear()


class DeliverTable(DeedTable[Partition]):
    """Has records done, and remembers.

    Args:
        table: a Faust table in the process, a dict in tests (`agents.deed_table`).
        subscriptions: all that are known, as they are at any time.
        describe: a channel in words.
        disable_after: so long every attempt may fail before a channel is disabled.
        take: gives the changes of the table since the last call: records that must be sent for them to last.
        on_load: told of the partitions each time that they were built.
    """

    def __init__(
        self,
        table: MutableMapping[bytes, bytes],
        subscriptions: Subscriptions,
        describe: Describe,
        disable_after: timedelta,
        take: Callable[[], tuple[Outgoing, ...]] = tuple,
        on_load: Callable[[Mapping[int, Partition]], object] = lambda _: None,
    ) -> None:
        super().__init__(table, lambda number: Partition(number, describe, disable_after), take)
        self._subscriptions, self._on_load = subscriptions, on_load
        self._changed: dict[str, None] = {}

    async def take(
        self, record: DeliverInput, partition: int, offset: int, bury: Callable[[Exception], Outgoing]
    ) -> Done:
        """Have a record done; what is to be sent. One that was done before is done again, as it was.

        Args:
            bury: makes the dead letter for a record that cannot be done; it costs itself, never the stream.
        """
        doing = await self.do(partition, offset, lambda one: one.decide(record, offset, self._subscriptions), bury)
        return Done(doing.results, doing.there.out if doing.fresh else None, doing.deed)

    def changes(self, partition: int, deed: Deed | None) -> list[Change]:
        """What a deed, now that Kafka has it, did to the outbox."""
        there = self.partitions.get(partition)
        return [] if there is None or deed is None else list(there.changes(deed))

    def changed(self, subscription: str) -> None:
        """A subscription was changed: see whether a clock is called for."""
        self._changed[subscription] = None

    def due(self, now: datetime) -> list[int]:
        """Partitions in which a clock would find something to do."""
        concerned = {
            name: [number for number, one in self.partitions.items() if one.book.concerned(name, self._subscriptions)]
            for name in self._changed
        }
        self._changed = {name: None for name, numbers in concerned.items() if numbers}
        called = {number for numbers in concerned.values() for number in numbers}
        return sorted(called | {number for number, one in self.partitions.items() if one.book.due(now)})

    def loaded(self, partitions: Mapping[int, Partition]) -> None:
        """What was changed while nobody had these partitions is looked at with the next clock."""
        for one in partitions.values():
            book = one.book
            self._changed |= dict.fromkeys((*book.post.subscriptions, *book.groups.subscriptions, *book.post.troubled))
        waiting = sum(len(one.rows.outbox) for one in partitions.values())
        log.info("deliveries loaded", waiting=waiting, told=sum(len(one.rows.told) for one in partitions.values()))
        self._on_load(partitions)

    def disabled(self) -> int:
        """Channels of this process that are disabled."""
        standings = (
            one.rows.standings.get(name) for one in self.partitions.values() for name in one.book.post.troubled
        )
        return sum(len(standing.disabled) for standing in standings if standing is not None)


def _results(out: Outcomes) -> Iterator[Result]:
    for alert in out.alerts.values():
        yield Result(ALERTS, encode(alert), alert.subscription.encode())
    for delivery in out.deliveries:
        yield Result(DELIVERIES, encode(delivery), delivery.subscription.encode())
    for name, state in out.states.items():
        yield Result(SUBSCRIPTION_STATE, None if state is None else encode(state), name.encode())
