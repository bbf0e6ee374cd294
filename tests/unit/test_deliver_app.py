"""What tells the partitions of a delivering process the time."""

from __future__ import annotations

from datetime import datetime, timedelta
from types import SimpleNamespace
from typing import Any

from agents.deliver_app import CLOCK_PATIENCE, _Timekeeper
from agents.deliver_table import DeliverTable
from pipeline.records import Clock, DeliverInput, deliver_inputs
from tests.desks import describe, desk, match
from tests.told import NOW
from tests.unit.test_thread_table import bury

PARTITIONS = (0, 1, 2)


class Keeper:
    """A timekeeper over a dict; what it sends is kept, and not read unless a test does."""

    def __init__(self) -> None:
        self.now, self.clocks = NOW, list[Clock]()
        self.table = DeliverTable({}, {"desk": desk(group_wait_seconds=30.0)}, describe, timedelta(days=5))
        producer = SimpleNamespace(send=self.send)
        base: Any = SimpleNamespace(app=SimpleNamespace(producer=producer), partitions=lambda _topic: [*PARTITIONS])
        self.keeper = _Timekeeper(base, self.table, lambda: self.now)
        self.keeper.settled = True
        self.moves = False

    async def send(self, topic: str, key: bytes, value: bytes, *_: Any) -> None:
        """Keep it; partitions move meanwhile, if a test says so."""
        what = deliver_inputs.decode(value).what
        assert isinstance(what, Clock)
        self.clocks.append(what)
        if self.moves:
            self.table.drop()

    async def wait(self) -> None:
        """An alert waits in each partition."""
        for partition in PARTITIONS:
            await self.table.take(DeliverInput(what=match(partition)), partition, 0, bury)

    async def look(self, at: datetime) -> list[int]:
        """The partitions that are told the time."""
        self.now = at
        self.clocks.clear()
        await self.keeper.look()
        return [one.partition for one in self.clocks]


async def test_a_clock_is_told_once_until_it_arrives_or_is_late() -> None:
    """And to those only where something is due."""
    one = Keeper()
    await one.wait()
    due = NOW + timedelta(seconds=30)
    assert await one.look(NOW) == []
    assert await one.look(due) == [0, 1, 2]
    assert await one.look(due + timedelta(seconds=1)) == []
    assert await one.look(due + CLOCK_PATIENCE) == [0, 1, 2]


async def test_partitions_may_move_while_a_clock_is_sent() -> None:
    """The others are another's to tell, or are told at the next look."""
    one = Keeper()
    await one.wait()
    one.moves = True
    assert await one.look(NOW + timedelta(seconds=30)) == [0]


async def test_a_clock_that_was_wrong_and_was_lost_is_told_again() -> None:
    """It is no more on its way than one of an hour ago."""
    one = Keeper()
    await one.wait()
    assert await one.look(NOW + timedelta(days=365)) == [0, 1, 2]
    assert await one.look(NOW + timedelta(seconds=30)) == [0, 1, 2]
