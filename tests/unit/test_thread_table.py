"""The table of threads: every record is done once, wherever a worker dies, and a replay does the same.

The laws are tried on a log of articles, revisions, copies, ticks and commands; workers die after any write.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from agents import deed_table, journal, thread_table
from agents.journal import SLOTS, Deed, Journal, Result
from agents.outbox import IN_FLIGHT, Outgoing
from agents.thread_table import ThreadTable
from pipeline.records import Command, Flagged, ThreadInput, Tick, thread_events, threads
from pipeline.threads.join import Threads
from pipeline.topics import PAGES_REQUESTS, THREAD_EVENTS, THREADS
from tests.articles import NOON
from tests.disputes import LATER, accuses, article_id, command, copied, denies, revised, telling, tick

Write = tuple[bytes, bytes | None]


class Died(BaseException):
    """The worker is gone."""


class Table(dict[bytes, bytes]):
    """A table as Faust keeps it: a store on this machine, and a log of its changes that may be behind it."""

    def __init__(self, rows: dict[bytes, bytes] | None = None, *, dies_after: int | None = None) -> None:
        super().__init__(rows or {})
        self.log: list[Write] = []
        self._left = dies_after

    def __setitem__(self, key: bytes, value: bytes) -> None:
        self._change(key, value)
        super().__setitem__(key, value)

    def __delitem__(self, key: bytes) -> None:
        self._change(key, None)
        super().__delitem__(key)

    def _change(self, key: bytes, value: bytes | None) -> None:
        if self._left == 0:
            raise Died
        if self._left is not None:
            self._left -= 1
        self.log.append((key, value))


def from_log(changes: Sequence[Write]) -> dict[bytes, bytes]:
    """What a worker with an empty disk reads."""
    rows: dict[bytes, bytes] = {}
    for key, value in changes:
        if value is None:
            rows.pop(key, None)
        else:
            rows[key] = value
    return rows


def without_journal(rows: dict[bytes, bytes]) -> dict[bytes, bytes]:
    """What the rows say."""
    return {key: value for key, value in rows.items() if b"/j/" not in key}


def bury(error: Exception) -> Outgoing:
    """A dead letter that tells the error; a worker's death is none."""
    return Outgoing("dead", repr(error).encode(), headers=(("why", b"test"),))


@dataclass
class Run:
    """A worker over a table, reading a partition from somewhere on."""

    table: Table
    results: list[Outgoing] = field(default_factory=list)
    ends: dict[int, int] = field(default_factory=dict)
    """offset → changes of the table when its record was done"""

    async def read(self, records: Sequence[ThreadInput], begin: int = 0) -> None:
        """Have the records done; dies where the table does."""
        worker = ThreadTable(self.table, page_partitions=4)
        with suppress(Died):
            for offset in range(begin, len(records)):
                done = await worker.take(records[offset], 0, offset, LATER, bury)
                self.results += done.results
                self.ends[offset] = len(self.table.log)


async def undisturbed(records: Sequence[ThreadInput]) -> Run:
    """What one worker makes of them that nothing happens to."""
    run = Run(Table())
    await run.read(records)
    return run


def as_log(*what: Flagged | Tick | Command) -> list[ThreadInput]:
    """As `threads.in` carries them."""
    return [ThreadInput(what=one) for one in what]


QUARRY = {
    "title": "Gravel quarry collapse buries excavator near viaduct",
    "lead": "Foremen blamed drainage, inspectors a tremor; the quarry had slid for weeks above the viaduct.",
}
"""Another story altogether."""

first = telling(1, accuses("Aland", "Borduria"), link="https://herald.example/1")
second = telling(2, denies("Borduria", "Aland"), hours=2)
LOG = as_log(
    first,
    tick(0.1),
    second,
    copied(3, first, hours=0.5),
    telling(4, accuses("Curland", "Dorne"), **QUARRY),
    revised(first, denies("Borduria"), minutes=30),
    tick(1.5),
    command("merge", 4, into=1),
    telling(5, denies("Dorne", "Curland"), hours=3, **QUARRY),
    command("split", 1, 4),
    tick(30),
    command("move", 1, 5, into=4),
    command("mark", 1, state="conceded"),
    tick(24 * 60),
    telling(6, accuses("Aland", "Borduria"), hours=24 * 60),
)

numbers = st.integers(1, 4)
said = st.lists(
    st.builds(
        lambda make, who, whom: make(who, whom),
        st.sampled_from([accuses, denies]),
        st.sampled_from(["Aland", "Borduria", "Curland"]),
        st.sampled_from(["Aland", "Borduria", ""]),
    ),
    max_size=2,
)
hours = st.integers(0, 100)
inputs = st.lists(
    st.one_of(
        st.builds(lambda n, s, h: telling(n, *s, hours=h), numbers, said, hours),
        st.builds(lambda n, a, b, m: revised(telling(n, *a), *b, minutes=m), numbers, said, said, st.integers(1, 99)),
        st.builds(lambda n, o, s: copied(n + 4, telling(o, *s)), numbers, numbers, said),
        st.builds(tick, hours),
        st.builds(
            lambda do, t, a, i, n: command(do, t, a, into=i, id=f"c{n}", state="retracted"),
            st.sampled_from(["merge", "split", "move", "mark"]),
            numbers,
            numbers,
            numbers,
            st.integers(0, 99),
        ),
    ),
    max_size=12,
)


@settings(deadline=None)
@given(inputs)
def test_a_replay_makes_the_same_bytes(what: list[Any]) -> None:
    """Rows and results follow from the log alone."""
    records = as_log(*what)
    one, two = asyncio.run(undisturbed(records)), asyncio.run(undisturbed(records))
    assert (dict(one.table), one.results) == (dict(two.table), two.results)


@settings(deadline=None)
@given(inputs, st.data())
def test_a_restart_changes_nothing(what: list[Any], data: st.DataObject) -> None:
    """Whatever a worker had only in memory follows from the rows: a restart before any record makes no difference."""
    records = as_log(*what)
    whole = asyncio.run(undisturbed(records))
    at = data.draw(st.integers(0, len(records)))
    first = Run(Table())
    asyncio.run(first.read(records[:at]))
    then = Run(first.table)
    asyncio.run(then.read(records, at))
    assert dict(then.table) == dict(whole.table)
    assert first.results + then.results == whole.results


@settings(max_examples=300, deadline=None)
@given(inputs, st.data())
def test_a_death_after_any_write_changes_nothing(what: list[Any], data: st.DataObject) -> None:
    """On the same disk or an empty one, twice in a row: what is not committed comes again, and is done once."""
    records = as_log(*what)
    whole = asyncio.run(undisturbed(records))
    most = len(whole.table.log)
    rows: dict[bytes, bytes] = {}
    log: list[Write] = []
    results: list[Outgoing] = []
    committed = 0
    for _ in range(2):
        run = Run(Table(rows, dies_after=data.draw(st.integers(0, most), label="dies after")))
        asyncio.run(run.read(records, committed))
        results += run.results
        # The log has a beginning of what was written; committed is at most what it has all of.
        reached = data.draw(st.integers(0, len(run.table.log)), label="on the log")
        acknowledged = [committed, *(offset + 1 for offset, end in run.ends.items() if end <= reached)]
        committed = data.draw(st.sampled_from(acknowledged), label="committed")
        log += run.table.log[:reached]
        if data.draw(st.booleans(), label="same disk"):
            # Faust reads the log again from where the store knew that it was kept.
            sure = run.ends.get(committed - 1, 0)
            again = data.draw(st.integers(sure, max(sure, reached)), label="read again from")
            rows = from_log([*run.table.items(), *run.table.log[again:reached]])
        else:
            rows = from_log(log)
    last = Run(Table(rows))
    asyncio.run(last.read(records, committed))
    results += last.results
    assert without_journal(last.table) == without_journal(whole.table)
    assert without_journal(from_log(log + last.table.log)) == without_journal(whole.table)
    assert [*map(repr, dict.fromkeys(map(repr, results)))] == [*map(repr, dict.fromkeys(map(repr, whole.results)))]


async def test_the_log_is_worth_its_name() -> None:
    """The written log has everything that changes threads: what follows is not proven on nothing."""
    run = await undisturbed(LOG)
    kinds = {thread_events.decode(one.value or b"").kind for one in run.results if one.topic == THREAD_EVENTS}
    assert kinds >= {"created", "merged", "split", "moved", "conceded", "silent"}
    assert any(one.topic == PAGES_REQUESTS for one in run.results)
    assert any(one.topic == THREADS and one.value is None for one in run.results)


@pytest.mark.parametrize("part_bytes", [journal.PART_BYTES, 1_000])
async def test_a_death_at_every_write_of_a_log(part_bytes: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing of it was committed, the disk is empty, and deeds are kept in one part or in many."""
    monkeypatch.setattr(journal, "PART_BYTES", part_bytes)
    whole = await undisturbed(LOG)
    for dies_after in range(len(whole.table.log)):
        run = Run(Table(dies_after=dies_after))
        await run.read(LOG)
        then = Run(Table(from_log(run.table.log)))
        await then.read(LOG)
        assert without_journal(then.table) == without_journal(whole.table), dies_after
        assert then.results == whole.results, dies_after


async def test_a_record_that_cannot_be_done_costs_itself(monkeypatch: pytest.MonkeyPatch) -> None:
    """It is dead-lettered, also when it comes again, and what it had half done is gone; the others are as they were."""
    docket = thread_table.Docket
    take = docket.take

    def breaks(self: Any, what: Any, position: int, *rest: Any) -> Any:
        outcome = take(self, what, position, *rest)
        if position == 2:
            raise RuntimeError("a bug")
        return outcome

    monkeypatch.setattr(docket, "take", breaks)
    run, again = Run(Table()), Run(Table())
    await run.read(LOG[:4])
    dead = [one for one in run.results if one.topic == "dead"]
    assert [(one.value, one.headers) for one in dead] == [(b"RuntimeError('a bug')", (("why", b"test"),))]
    await Run(run.table).read(LOG[:4])
    again.table = Table(run.table)
    await again.read(LOG[:4], 2)
    assert [one for one in again.results if one.topic == "dead"] == dead
    assert not any(b"/a/" + second.article.id.encode() in key for key in run.table)
    assert any(b"/a/" + LOG[3].what.article.id.encode() in key for key in run.table)  # type: ignore[union-attr]


async def test_what_is_too_large_to_be_kept_is_dead_lettered(monkeypatch: pytest.MonkeyPatch) -> None:
    """A worker that tried to send it would stop, and stop again."""
    monkeypatch.setattr(deed_table, "MOST_BYTES", 100)
    run = await undisturbed(LOG[:1])
    assert [one.topic for one in run.results] == ["dead"]


async def test_partitions_have_nothing_in_common() -> None:
    """One article in two partitions is in two threads of one id; what is restored of one is not the other's."""
    table = Table()
    worker = ThreadTable(table, page_partitions=4)
    await worker.take(LOG[0], 0, 0, LATER, bury)
    await worker.take(LOG[0], 11, 0, LATER, bury)
    await worker.take(LOG[5], 1, 0, LATER, bury)
    again = ThreadTable(Table(table), page_partitions=4)
    await again.take(LOG[4], 1, 1, LATER, bury)
    assert worker.states()["alleged"] == 2
    assert sum(again.states().values()) == sum(worker.states().values()) + 1


async def test_a_story_that_the_join_forgets_leaves_the_table(monkeypatch: pytest.MonkeyPatch) -> None:
    """Its index is bounded: what is pushed out of it is not there again after a restart."""
    monkeypatch.setattr(thread_table, "Threads", lambda: Threads(most=3))
    log = as_log(*(telling(number, accuses("Aland", "Borduria"), hours=number) for number in range(1, 9)))
    whole, first = await undisturbed(log), Run(Table())
    rows = [thread_table._rows.decode(value) for key, value in whole.table.items() if b"/a/" in key]
    assert len(rows) == 8
    assert sum(row.entry != thread_table._NONE for row in rows) <= 3
    await first.read(log[:5])
    then = Run(first.table)
    await then.read(log, 5)
    assert first.results + then.results == whole.results


async def test_a_tombstone_follows_a_thread_that_is_forgotten() -> None:
    """A month after its last article a thread is gone from the table and from `threads`."""
    run = await undisturbed(LOG)
    gone = {one.key for one in run.results if one.topic == THREADS and one.value is None}
    kept = {key.split(b"/")[2] for key in run.table if b"/t/" in key}
    assert article_id(1).encode() in gone
    assert kept == {article_id(6).encode()} | (kept - gone)
    last = threads.decode(run.table[b"0/t/" + article_id(6).encode()])
    assert last.first_activity == NOON + timedelta(hours=24 * 60)


def test_a_deed_that_was_not_kept_whole_is_none() -> None:
    """Parts of the deed that had the slot before do not complete it."""
    book = Journal(b"0/j/", slots=2)
    results = tuple(Result("t", b"x" * 300_000) for _ in range(4))
    rows = from_log([write for offset in range(2) for write in book.write(Deed(offset, results=results))])
    (first, *_) = book.write(Deed(2, results=results))
    rows = from_log([*rows.items(), first])
    again = Journal(b"0/j/", slots=2)
    assert [deed.offset for deed in again.restore(rows)] == [1]
    assert (2 in again, again.newest) == (False, 1)
    rows = from_log([*rows.items(), *again.write(Deed(2, results=results[:1]))])
    assert [deed.offset for deed in Journal(b"0/j/", slots=2).restore(rows)] == [1, 2]
    assert len(rows) == 1 + 4


def test_the_journal_knows_the_records_that_may_come_again() -> None:
    """Exactly the last ones, more than the outbox has under way; a slot's old parts go with the next deed there."""
    rows: dict[bytes, bytes] = {}
    book = Journal(b"0/j/")
    assert SLOTS > IN_FLIGHT
    for offset in range(SLOTS + 5):
        results = tuple(Result("t", b"x" * 300_000) for _ in range(3 if offset < 3 else 1))
        rows = from_log([*rows.items(), *book.write(Deed(offset, results=results))])
    assert [offset in book for offset in (4, 5, SLOTS + 4)] == [False, True, True]
    assert len(rows) == SLOTS
    again = Journal(b"0/j/")
    deeds = again.restore(rows)
    assert [deed.offset for deed in deeds] == list(range(5, SLOTS + 5))
    assert again.read(7, rows) == deeds[2] == book.read(7, rows)
    assert again.newest == book.newest == SLOTS + 4
