"""The table of what was told: every record is done once, wherever the process dies; the sender is told what is kept."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from contextlib import suppress
from datetime import timedelta
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from agents.deliver_table import DeliverTable
from pipeline.alerts.message import MAX_ITEMS
from pipeline.records import Attempt, Clock, DeliverInput, Merged, Terminal, alerts, delivery_id, message_id
from pipeline.records.alert import alert_id
from pipeline.topics import ALERTS, DELIVERIES, SUBSCRIPTION_STATE
from tests.desks import HOOK, describe, desk, key, match, thread_id
from tests.told import NOW
from tests.unit.test_thread_table import Died, Table, bury, from_log, without_journal

KNOWN = {"desk": desk(HOOK, Terminal(), group_wait_seconds=5.0, group_interval_seconds=60.0)}


class Run:
    """A process over a table, reading a partition from somewhere on."""

    def __init__(self, table: Table) -> None:
        self.table, self.results, self.ends = table, [], {}  # type: ignore[var-annotated]
        self.worker = DeliverTable(table, KNOWN, describe, timedelta(days=5))

    async def read(self, records: Sequence[DeliverInput], begin: int = 0) -> None:
        """Have the records done; dies where the table does."""
        with suppress(Died):
            for offset in range(begin, len(records)):
                done = await self.worker.take(records[offset], 0, offset, bury)
                self.results += done.results
                self.ends[offset] = len(self.table.log)


def as_log(*what: Any) -> list[DeliverInput]:
    """As `deliver.in` carries them."""
    return [DeliverInput(what=one) for one in what]


def attempt(numbers: Sequence[int], outcome: Any = "delivered", number: int = 1) -> Attempt:
    """An attempt at the message of these stories."""
    story = [alert_id("desk", match(one).event.id) for one in numbers]
    name = delivery_id(message_id("desk", "story.new" if len(numbers) == 1 else "digest", story), key())
    return Attempt(delivery=name, subscription="desk", number=number, outcome=outcome, began=NOW, ended=NOW)


def clock(seconds: float) -> Clock:
    """The time."""
    return Clock(partition=0, time=NOW + timedelta(seconds=seconds))


inputs = st.lists(
    st.one_of(
        st.builds(
            lambda n, k, h: match(n, k, held=h), st.integers(1, 3), st.sampled_from(["created", "spread"]),
            st.sampled_from([None, None, "old"]),
        ),
        st.builds(clock, st.integers(0, 400)),
        st.builds(lambda n, o: attempt([n], o), st.integers(1, 3), st.sampled_from(["delivered", "failed", "gone"])),
        st.builds(
            lambda a, b: Merged(partition=0, thread=thread_id(a), into=thread_id(b)),
            st.integers(1, 3), st.integers(1, 3),
        ),
    ),
    max_size=12,
)  # fmt: skip


async def undisturbed(records: Sequence[DeliverInput]) -> Run:
    """What one process makes of them that nothing happens to."""
    run = Run(Table())
    await run.read(records)
    return run


@settings(max_examples=200, deadline=None)
@given(inputs, st.data())
def test_a_death_after_any_write_changes_nothing(what: list[Any], data: st.DataObject) -> None:
    """On the same disk or an empty one: what is not committed comes again, and is done once."""
    records = as_log(*what)
    whole = asyncio.run(undisturbed(records))
    run = Run(Table(dies_after=data.draw(st.integers(0, len(whole.table.log)), label="dies after")))
    asyncio.run(run.read(records))
    reached = data.draw(st.integers(0, len(run.table.log)), label="on the log")
    committed = max([0, *(offset + 1 for offset, end in run.ends.items() if end <= reached)])
    committed = data.draw(st.integers(0, committed), label="committed")
    last = Run(Table(from_log(run.table.log[:reached])))
    asyncio.run(last.read(records, committed))
    results = list(dict.fromkeys(map(repr, run.results + last.results)))
    assert without_journal(last.table) == without_journal(whole.table)
    assert results == list(dict.fromkeys(map(repr, whole.results)))


async def test_a_death_at_every_write_of_a_log() -> None:
    """A story, its group, a digest that is longer than a message, attempts, a merge."""
    many = [match(number, group="g") for number in range(10, 12 + MAX_ITEMS)]
    log = as_log(match(1), clock(5), attempt([1], "failed"), attempt([1], "gone", 2), *many, clock(11), clock(99))
    whole = await undisturbed(log)
    topics = {one.topic for one in whole.results}
    assert topics >= {ALERTS, DELIVERIES, SUBSCRIPTION_STATE}
    for dies_after in range(0, len(whole.table.log), 3):
        run = Run(Table(dies_after=dies_after))
        await run.read(log)
        then = Run(Table(from_log(run.table.log)))
        await then.read(log)
        assert without_journal(then.table) == without_journal(whole.table), dies_after
        assert then.results == whole.results, dies_after


async def test_the_sender_is_told_of_the_newest_only() -> None:
    """What a later record changed already is not offered as it was before."""
    run = Run(Table())
    one = await run.worker.take(as_log(match(1))[0], 0, 0, bury)
    two = await run.worker.take(as_log(clock(5))[0], 0, 1, bury)
    three = await run.worker.take(as_log(attempt([1]))[0], 0, 2, bury)
    assert run.worker.changes(0, one.deed) == []
    assert [row is None for _, row in run.worker.changes(0, two.deed)] == [False]
    assert run.worker.changes(0, three.deed) == [(attempt([1]).delivery, None)]
    again = await run.worker.take(as_log(clock(5))[0], 0, 1, bury)
    assert (again.out, again.results != ()) == (None, True)
    assert len(run.worker.changes(0, again.deed)) == 1
    assert run.worker.changes(7, again.deed) == []


async def test_what_waits_is_offered_when_the_table_is_read() -> None:
    """After a restart, before any record."""
    run = Run(Table())
    await run.read(as_log(match(1), clock(5)))
    seen: list[int] = []
    table = DeliverTable(
        Table(run.table), KNOWN, describe, timedelta(days=5),
        on_load=lambda there: seen.extend(len(one.rows.outbox) for one in there.values()),
    )  # fmt: skip
    await table.load()
    assert seen == [2]


async def test_only_a_partition_with_something_due_is_told_the_time() -> None:
    """Its group's wait is over, or a subscription was changed that something waits for."""
    run = Run(Table())
    await run.read(as_log(match(1)))
    assert run.worker.due(NOW + timedelta(seconds=4)) == []
    assert run.worker.due(NOW + timedelta(seconds=5)) == [0]
    known = dict(KNOWN)
    table = DeliverTable(Table(run.table), known, describe, timedelta(days=5))
    await table.load()
    assert table.due(NOW) == []
    known["desk"] = desk(HOOK, paused=True)
    table.changed("desk")
    table.changed("another")
    assert table.due(NOW) == [0]


async def test_a_record_that_cannot_be_done_costs_itself() -> None:
    """What it had half done is gone, and the others are as they were."""
    run = Run(Table())
    await run.read(as_log(match(1)))

    def broken(*_: Any) -> Any:
        raise RuntimeError("a bug")

    (there,) = run.worker.partitions.values()
    there.book.groups.add = broken  # type: ignore[method-assign, assignment]
    done = await run.worker.take(as_log(match(2))[0], 0, 1, bury)
    assert [one.topic for one in done.results if one.topic == "dead"] == ["dead"]
    await run.read(as_log(match(1), match(2), match(3)), 2)
    told = [alerts.decode(one.value or b"").event.thread for one in run.results if one.topic == ALERTS]
    assert told == [thread_id(1), thread_id(3)]
